//! Random numbers by what they are for, not by when they are drawn.
//!
//! Every draw is a hash of the seed, the person, the event and the use. So two proposals that differ in one clause
//! see the same people make the same journeys for as long as no answer sends them elsewhere, and the number of
//! threads changes nothing: common random numbers, which is what makes paired differences narrow.
//!
//! The mixer is the finaliser of SplitMix64 [Steele, Lea and Flood 2014], applied to each word in turn.

/// Draws of one event of one person under one seed.
#[derive(Clone, Copy, Debug)]
pub struct Draws(u64);

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

impl Draws {
    /// All draws of a seed.
    pub fn new(seed: u64) -> Self {
        Self(mix(seed.wrapping_add(GOLDEN)))
    }

    /// The draws of one part: a person, an event, a use.
    #[must_use]
    pub fn of(self, part: u64) -> Self {
        Self(mix(self.0 ^ mix(part.wrapping_add(1).wrapping_mul(GOLDEN))))
    }

    /// Sixty-four bits for a use.
    pub fn bits(self, use_: u64) -> u64 {
        self.of(use_).0
    }

    /// A number from 0 to below 1 for a use, in steps of 2^-53.
    pub fn unit(self, use_: u64) -> f64 {
        // 53 bits are exact in a double.
        (self.bits(use_) >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Whether something of this chance happens, for a use.
    pub fn chance(self, use_: u64, chance: f64) -> bool {
        self.unit(use_) < chance
    }

    /// An exponential number of mean 1 for a use.
    pub fn exponential(self, use_: u64) -> f64 {
        -libm::log(1.0 - self.unit(use_))
    }
}

/// A use by its name, for draws that are few.
pub fn named(text: &str) -> u64 {
    // FNV-1a, then mixed.
    let hash = text.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    mix(hash)
}

/// So many different seeds from a master seed.
pub fn seeds(master: u64, count: u32) -> Vec<u64> {
    // The finaliser is a bijection, so different places give different seeds. 53 bits survive any reader of JSON.
    let mut seeds = Vec::new();
    let mut place: u64 = 0;
    while seeds.len() < usize::try_from(count).unwrap_or(usize::MAX) {
        let seed = Draws::new(master).bits(place) >> 11;
        if !seeds.contains(&seed) {
            seeds.push(seed);
        }
        place += 1;
    }
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_are_apart_and_replay() {
        let person = Draws::new(7).of(3);
        assert_eq!(person.bits(1), Draws::new(7).of(3).bits(1));
        assert_ne!(person.bits(1), person.bits(2));
        assert_ne!(person.of(1).bits(2), person.of(2).bits(1));
        assert_ne!(Draws::new(7).of(4).bits(1), person.bits(1));
        assert_eq!(seeds(1, 16), seeds(1, 32)[..16]);
    }

    #[test]
    fn units_are_uniform() {
        // Chi-square of 64 cells over 64,000 draws of neighbouring persons and uses; 63 degrees of freedom,
        // 1e-6 upper point 122.
        let mut cells = [0_u32; 64];
        for person in 0..8_000 {
            let draws = Draws::new(5).of(person);
            (0..8).for_each(|use_| cells[(draws.unit(use_) * 64.0) as usize] += 1);
        }
        let statistic: f64 = cells.iter().map(|n| (f64::from(*n) - 1_000.0).powi(2) / 1_000.0).sum();
        assert!(statistic < 122.0, "{statistic}");
    }
}

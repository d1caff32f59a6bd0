//! The circuit: who reaches the threshold, and what the asker is told of it.

use crate::{exchange::Fault, garble::Gates, matching::engine::Answer};

/// Lanes where share + `own` is not negative, modulo 2^k: the planes of the asker's share are `shares`, and `own` are
/// the holder's. One half gate and k - 2 whole ones a lane.
pub(super) fn reached<G: Gates>(
    gates: &mut G,
    shares: &[&[G::Wire]],
    own: &[&[u64]],
) -> Result<Vec<G::Wire>, Fault> {
    let own = |bit: usize| own.get(bit).copied().unwrap_or_default();
    let (Some((first, rest)), empty) = (shares.split_first(), Vec::new()) else { return Ok(empty_row()) };
    let Some((top, middle)) = rest.split_last() else { return Ok(empty) };
    let mut carry = gates.only(first, own(0))?;
    for (at, share) in (1..).zip(middle) {
        // The majority of share, own and carry.
        let mut share = share.to_vec();
        gates.turn(&mut share, own(at));
        gates.turn(&mut carry, own(at));
        carry = gates.and(&share, &carry)?;
        gates.turn(&mut carry, own(at));
    }
    let mut sign = gates.sum(top, &carry);
    gates.turn(&mut sign, own(shares.len().saturating_sub(1)));
    Ok(sign.iter().map(|wire| gates.not(*wire)).collect())
}

fn empty_row<W>() -> Vec<W> {
    Vec::new()
}

/// What is made of the hits, block by block.
pub(super) enum Outcome<W> {
    /// Whether there is any, so far.
    Any(Option<W>),
    /// The hits, and how many there are.
    Candidates { cap: u32, hits: Vec<W>, count: Count<W> },
}

/// How many hits there are, in binary; wires of weight 2^l wait at level l.
pub(super) struct Count<W> {
    levels: Vec<Vec<W>>,
    over: Vec<W>,
}

/// Combines all lanes into one.
fn any<G: Gates>(gates: &mut G, mut lanes: Vec<G::Wire>) -> Result<Option<G::Wire>, Fault> {
    while lanes.len() > 1 {
        let (a, b) = lanes.split_at(lanes.len() / 2);
        let (b, odd) = b.split_at(a.len());
        let mut next = gates.or(a, b)?;
        next.extend_from_slice(odd);
        lanes = next;
    }
    Ok(lanes.first().copied())
}

impl<W: Copy + Send + Sync> Count<W> {
    /// A count that tells numbers up to the cap apart.
    fn new(cap: u32) -> Self {
        let levels = (0..u32::BITS - cap.leading_zeros()).map(|_| Vec::new()).collect();
        Self { levels, over: Vec::new() }
    }

    /// Adds while there are at least `least` at a level; each full adder takes three wires and leaves one, with a
    /// carry to the next level.
    fn reduce<G: Gates<Wire = W>>(&mut self, gates: &mut G, least: usize) -> Result<(), Fault> {
        for level in 0..self.levels.len() {
            let mut carries = Vec::new();
            if let Some(waiting) = self.levels.get_mut(level) {
                while waiting.len() >= least.max(2) {
                    if waiting.len() == 2 {
                        let (a, b) = waiting.split_at(1);
                        carries.extend(gates.and(a, b)?);
                        *waiting = gates.sum(a, b);
                        continue;
                    }
                    let third = waiting.len() / 3;
                    let (a, rest) = waiting.split_at(third);
                    let (b, rest) = rest.split_at(third);
                    let (c, rest) = rest.split_at(third);
                    // Carry: ((a ⊕ c)(b ⊕ c)) ⊕ c.
                    let (ac, bc) = (gates.sum(a, c), gates.sum(b, c));
                    let both = gates.and(&ac, &bc)?;
                    carries.extend(gates.sum(&both, c));
                    let mut left = gates.sum(&ac, b);
                    left.extend_from_slice(rest);
                    *waiting = left;
                }
            }
            match self.levels.get_mut(level + 1) {
                Some(next) => next.extend(carries),
                None => self.over.extend(carries),
            }
        }
        // Every carry out of the last level is too many.
        if self.over.len() >= least.max(2) {
            self.over = any(gates, std::mem::take(&mut self.over))?.into_iter().collect();
        }
        Ok(())
    }

    /// Whether there are more than the cap.
    fn finish<G: Gates<Wire = W>>(mut self, gates: &mut G, cap: u32) -> Result<Option<W>, Fault> {
        self.reduce(gates, 2)?;
        // count > cap, from the lowest bit: greater is bit, or greater where the cap's bit is 1 and both agree.
        let mut greater: Option<W> = None;
        for (at, level) in self.levels.iter().enumerate() {
            let bit = level.get(..1).unwrap_or_default();
            let Some(first) = bit.first() else { continue };
            greater = match (greater, cap >> at & 1 == 1) {
                (None, true) => None,
                (None, false) => Some(*first),
                (Some(before), true) => gates.and(bit, &[before])?.first().copied(),
                (Some(before), false) => gates.or(bit, &[before])?.first().copied(),
            };
        }
        self.over.extend(greater);
        any(gates, self.over)
    }
}

/// Wires that a block may leave at a level of the count.
const WAITING: usize = 64;

impl<W: Copy + Send + Sync> Outcome<W> {
    pub(super) fn new(answer: Answer) -> Self {
        match answer {
            Answer::Any => Self::Any(None),
            Answer::Candidates { cap } => Self::Candidates { cap, hits: Vec::new(), count: Count::new(cap) },
        }
    }

    /// Takes the hits of a block: of each slot, those of every lane. A group is a hit if any slot is.
    pub(super) fn add<G: Gates<Wire = W>>(&mut self, gates: &mut G, slots: Vec<Vec<W>>) -> Result<(), Fault> {
        let mut slots = slots.into_iter();
        let Some(mut block) = slots.next() else { return Ok(()) };
        for slot in slots {
            block = gates.or(&block, &slot)?;
        }
        match self {
            Self::Any(so_far) => {
                block.extend(*so_far);
                *so_far = any(gates, block)?;
            }
            Self::Candidates { hits, count, .. } => {
                hits.extend_from_slice(&block);
                if let Some(lowest) = count.levels.first_mut() {
                    lowest.extend(block);
                }
                count.reduce(gates, WAITING)?;
            }
        }
        Ok(())
    }

    /// The wire that is told first: whether there is any, or whether there are too many; and the hits, that are told
    /// if there are not.
    pub(super) fn finish<G: Gates<Wire = W>>(self, gates: &mut G) -> Result<(W, Vec<W>), Fault> {
        let empty = Fault::Misuse("an answer of no places");
        match self {
            Self::Any(any) => Ok((any.ok_or(empty)?, Vec::new())),
            Self::Candidates { cap, hits, count } => Ok((count.finish(gates, cap)?.ok_or(empty)?, hits)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{garble::tests::Plain, matching::interactive::planes, seed::Seed};

    #[test]
    fn the_threshold_is_the_sign_of_the_sum() {
        let (k, lanes) = (7, 128);
        let mut stream = Seed::new([1; 32]).stream("reached");
        let t = 1_i64 << k;
        for round in 0..50 {
            let mut draw = || -> Vec<i64> { (0..lanes).map(|_| stream.below(t as u64) as i64).collect() };
            let (share, mut own) = (draw(), draw());
            // Near the threshold too.
            own.iter_mut()
                .zip(&share)
                .take(30)
                .for_each(|(own, share)| *own = (round % 3 - 1 - share).rem_euclid(t));
            let bits = |numbers: &[i64], at: usize| -> Vec<bool> {
                numbers.iter().map(|n| n >> at & 1 == 1).collect()
            };
            let shares: Vec<Vec<bool>> = (0..k).map(|at| bits(&share, at)).collect();
            let shares: Vec<&[bool]> = shares.iter().map(Vec::as_slice).collect();
            let planes = planes::planes(&own, k);
            let planes: Vec<&[u64]> = planes.chunks(2).collect();
            let told = reached(&mut Plain, &shares, &planes).unwrap();
            for lane in 0..lanes {
                assert_eq!(told[lane], (share[lane] + own[lane]).rem_euclid(t) < t / 2, "{lane}");
            }
        }
    }

    #[test]
    fn counts_open_up_to_the_cap_and_not_beyond() {
        let mut stream = Seed::new([2; 32]).stream("count");
        for cap in [1, 2, 3, 4, 6, 7, 16] {
            for hits in (0..=2 * cap as usize + 2).chain([40, 300, 700]) {
                let mut flags = vec![false; 1_200];
                flags.iter_mut().take(hits).for_each(|flag| *flag = true);
                stream.shuffle(&mut flags);
                let mut outcome = Outcome::new(Answer::Candidates { cap });
                let mut either = Outcome::new(Answer::Any);
                for block in flags.chunks(500) {
                    let (mut a, mut b) = (block.to_vec(), vec![false; block.len()]);
                    // Spread over two slots.
                    for (at, (a, b)) in a.iter_mut().zip(&mut b).enumerate() {
                        (*a, *b) = (*a && at % 3 != 0, *a && (at % 2 == 0 || at % 3 == 0));
                    }
                    outcome.add(&mut Plain, vec![a.clone(), b.clone()]).unwrap();
                    either.add(&mut Plain, vec![a, b]).unwrap();
                }
                let (over, told) = outcome.finish(&mut Plain).unwrap();
                assert_eq!(over, hits > cap as usize, "{cap} {hits}");
                assert_eq!(told, flags);
                assert_eq!(either.finish(&mut Plain).unwrap().0, hits > 0);
            }
        }
    }
}

//! Invented faces: templates, records that have them, agreements that match them, and the command that asks.

use serde_json::{Value, json};

use super::{Agency, Kept, PERMITTED, REGISTER, Running, record};

/// Faces of so many bits, under a form `face-BITS`. Two pictures are a hit if at most a quarter of the bits differ.
#[derive(Clone, Copy)]
pub(crate) struct Faces(pub(crate) usize);

impl Faces {
    /// The most bits that differ in a hit.
    pub(crate) const fn most(self) -> usize {
        self.0 / 4
    }

    pub(crate) fn form(self) -> String {
        format!("face-{}", self.0)
    }

    /// A face that has nothing in common with those of other numbers, with so many bits turned.
    pub(crate) fn face(self, number: u64, apart: usize) -> String {
        self.picture(number, apart, 0)
    }

    /// The same, with other bits turned in each picture.
    pub(crate) fn picture(self, number: u64, apart: usize, picture: usize) -> String {
        let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
        let random = std::iter::repeat_with(|| {
            // SplitMix64.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (mixed ^ (mixed >> 31)) & 1 == 1
        });
        let mut bits: Vec<bool> = random.take(self.0).collect();
        (0..apart).for_each(|at| bits[(picture + at * 3) % self.0] ^= true);
        let nibble = |bits: &[bool]| bits.iter().fold(0, |sum, bit| sum << 1 | u32::from(*bit));
        bits.chunks(4).map(|bits| char::from_digit(nibble(bits), 16).unwrap()).collect()
    }

    /// A record with a face.
    pub(crate) fn record(self, number: u32, kept: Kept, face: &str) -> String {
        let mut line: Value = serde_json::from_str(&record(number, kept, "")).unwrap();
        line["templates"] =
            json!([{ "position": "FACE", "kind": self.form(), "length": self.0, "bits": face }]);
        line.to_string() + "\n"
    }

    /// More terms of a draft: matches by these engines, with so many probes to spend.
    pub(crate) fn terms(self, engines: &[&str], asker: &str, budget: u64) -> String {
        let (form, length, kappa) = (self.form(), self.0, self.0 - 2 * self.most());
        format!(
            r#"
[matching]
engines = {engines:?}
key_hours = 240
largest_slice = 5000
budget = {budget}
budget_days = 3660
prior_permille = 100

[[matching.forms]]
name = "{form}"
modality = "FACE"
length = {length}
masked = false
s = 0
p = 1
kappa = {kappa}
degrees_of_freedom = {length}
alternatives = 2
answers = ["any", "candidates"]
cap = 2

[[quotas]]
asker = "{asker}"
unit = "probes"
limit = 100
period_days = 3660
"#
        )
    }

    /// Asks a partner by faces, with more words of the command.
    pub(crate) fn ask(
        self,
        asker: &Agency,
        peer: &str,
        answer: &str,
        faces: &[String],
        more: &[&str],
    ) -> Running {
        let alternatives = faces.iter().map(|face| json!({ "position": "FACE", "bits": face }));
        let probe = json!({ "alternatives": alternatives.collect::<Vec<_>>() });
        let (probe, form) = (asker.file("probe.json", &probe.to_string()), self.form());
        let [purpose, basis] = PERMITTED;
        let words = ["query", "match", "--register", REGISTER, "--purpose", purpose, "--basis", basis];
        let rest = ["--officer", "officer-1", "--case", "K-17/2026", "--peer", peer, "--form", &form];
        asker.start(&[words.as_slice(), &rest, &["--answer", answer, "--probe", &probe], more].concat())
    }
}

//! One hash over everything that was said in a session.
//!
//! Each direction has its own running hash, because the two ends see frames of the two directions
//! interleaved differently; the ends agree on both, and so on the hash of the two.

use sha2::{Digest, Sha256};

use crate::exchange::Frame;

/// Running transcript of a session, seen from either end.
#[derive(Clone, Debug)]
pub struct Transcript {
    opening: Sha256,
    to_holder: Sha256,
    to_asker: Sha256,
}

/// The role of the end that keeps the transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Asks.
    Asker,
    /// Holds the register.
    Holder,
}

impl Transcript {
    /// A transcript that opens with the words both ends agreed on before the first frame.
    pub fn new(opening: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"symbolon/transcript/1\0");
        for words in opening {
            hash.update((words.len() as u64).to_be_bytes());
            hash.update(words);
        }
        Self { opening: hash, to_holder: Sha256::new(), to_asker: Sha256::new() }
    }

    /// Adds a frame that `sender` sent.
    pub fn add(&mut self, sender: Role, frame: &Frame) {
        let hash = match sender {
            Role::Asker => &mut self.to_holder,
            Role::Holder => &mut self.to_asker,
        };
        hash.update(frame.header());
        hash.update(&frame.body);
    }

    /// The hash over opening and both directions.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = self.opening.clone();
        hash.update(self.to_holder.clone().finalize());
        hash.update(self.to_asker.clone().finalize());
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interleaving_does_not_matter_but_everything_else_does() {
        let frame = |tag| Frame { tag, last: false, body: vec![tag; 3] };
        let run = |opening: &[&[u8]], steps: &[(Role, u8)]| {
            let mut transcript = Transcript::new(opening);
            steps.iter().for_each(|(role, tag)| transcript.add(*role, &frame(*tag)));
            transcript.digest()
        };
        let (a, h) = (Role::Asker, Role::Holder);
        let base = run(&[b"x", b"y"], &[(a, 1), (h, 2), (a, 3)]);
        assert_eq!(base, run(&[b"x", b"y"], &[(a, 1), (a, 3), (h, 2)]));
        assert_ne!(base, run(&[b"x", b"y"], &[(a, 3), (a, 1), (h, 2)]), "order within a direction");
        assert_ne!(base, run(&[b"x", b"y"], &[(a, 1), (h, 2), (h, 3)]), "direction");
        assert_ne!(base, run(&[b"xy", b""], &[(a, 1), (h, 2), (a, 3)]), "opening words are framed");
    }
}

//! What a run is called: a hash of everything that both sides have said and agreed so far.

use sha2::{Digest, Sha256};

use crate::{
    block::Cipher,
    group::PointBytes,
    matching::{
        ahead::Plan,
        engine::{Answer, Asked},
        rule::{Form, Rule},
    },
};

/// The name of a run so far.
#[derive(Clone, Copy)]
pub(super) struct Context(pub(super) [u8; 32]);

impl Context {
    /// Before the first message of the holder.
    pub(super) fn new(form: &Form, name: &[u8; 32], asked: &Asked, commitment: &PointBytes) -> Self {
        let Form { length, masked, rule: Rule { s, p, kappa } } = *form;
        let cap = match asked.answer {
            Answer::Any => 0,
            Answer::Candidates { cap } => cap,
        };
        let mut hash = Sha256::new();
        hash.update(b"symbolon/interactive/context/1\0");
        [length, u32::from(masked), s, p, kappa, cap, u32::from(asked.alternatives)]
            .iter()
            .for_each(|number| hash.update(number.to_be_bytes()));
        [name, &asked.digest, commitment].iter().for_each(|part| hash.update(part));
        Self(hash.finalize().into())
    }

    /// The same of a preparation, which knows no query.
    pub(super) fn ahead(form: &Form, name: &[u8; 32], plan: &Plan) -> Self {
        let Form { length, masked, rule: Rule { s, p, kappa } } = *form;
        let mut hash = Sha256::new();
        hash.update(b"symbolon/interactive/context/ahead/1\0");
        [length, u32::from(masked), s, p, kappa, u32::from(plan.alternatives)]
            .iter()
            .for_each(|number| hash.update(number.to_be_bytes()));
        [name, &plan.id].iter().for_each(|part| hash.update(part));
        Self(hash.finalize().into())
    }

    /// Of a run that uses a preparation: with its name, and which choices are turned.
    pub(super) fn turned(&self, preparation: &Self, turns: &[u128]) -> Self {
        let turns: Vec<u8> = turns.iter().flat_map(|block| block.to_le_bytes()).collect();
        self.and(&[b"ahead", &preparation.0, &turns])
    }

    /// With what was said since.
    pub(super) fn and(&self, said: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"symbolon/interactive/context/and/1\0");
        hash.update(self.0);
        for part in said {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }
}

fn derived(label: &[u8], context: &Context, extra: u128) -> Cipher {
    let mut hash = Sha256::new();
    hash.update(label);
    hash.update(context.0);
    hash.update(extra.to_le_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    Cipher::new(digest.first_chunk().map_or(0, |bytes| u128::from_le_bytes(*bytes)))
}

/// The permutation of a run's hashes. Runs have different ones, so that no two give each other more tries.
pub(super) fn permutation(context: &Context) -> Cipher {
    derived(b"symbolon/interactive/permutation/1\0", context, 0)
}

/// The cipher that hides the hits under a label.
pub(super) fn outcome_cipher(context: &Context, label: u128) -> Cipher {
    derived(b"symbolon/interactive/outcome/1\0", context, label)
}

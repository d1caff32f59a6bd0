//! The Merkle tree over the entries: one root stands for the whole journal, and a short proof shows
//! that a later journal continues an earlier one [RFC 6962, section 2.1].
//!
//! Leaf data are the 32-byte digests of the entries, so proofs tell nothing of their content.
//! Memory is 64 bytes an entry, at most 80 with the room to grow. Foreign proofs are checked by the
//! crate `ct-merkle`, which knows no earlier sizes and so cannot make ours.

#![deny(clippy::arithmetic_side_effects)]

use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use sha2::{Digest as _, Sha256};
use symbolon_policy::words::Digest;

/// The most entries that a foreign checkpoint may claim.
pub const MAX_SIZE: u64 = 1 << 40;
/// The most digests that a proof between trees of [`MAX_SIZE`] can have, with room.
pub const MAX_PROOF: usize = 64;

/// An append-only Merkle tree that remembers every earlier root.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// `levels[h][i]` is the hash over the leaves from `i * 2^h` to `(i + 1) * 2^h`.
    levels: Vec<Vec<Digest>>,
}

impl Tree {
    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: &Digest) {
        let mut node = hash(&[&[0], leaf.as_bytes()]);
        let mut height = 0_usize;
        loop {
            if self.levels.len() == height {
                self.levels.push(Vec::new());
            }
            let Some(level) = self.levels.get_mut(height) else { return };
            if level.len() == level.capacity() {
                level.reserve_exact((level.len() >> 2).max(4));
            }
            let left = level.last().copied().filter(|_| level.len() & 1 == 1);
            level.push(node);
            let Some(left) = left else { return };
            node = join(&left, &node);
            height = height.saturating_add(1);
        }
    }

    /// The root.
    pub fn root(&self) -> Digest {
        self.range(0, self.size()).unwrap_or_else(empty_root)
    }

    /// The root that the tree had at an earlier size; `None` if it never had it.
    pub fn root_at(&self, size: u64) -> Option<Digest> {
        if size == 0 { Some(empty_root()) } else { self.range(0, size) }
    }

    /// The proof that the tree at size `to` continues the tree at size `from`
    /// [RFC 6962, section 2.1.2]; empty for `from = 0`. `None` if it never had these sizes.
    pub fn proof(&self, from: u64, to: u64) -> Option<Vec<Digest>> {
        if from > to || to > self.size() {
            return None;
        }
        let mut proof = Vec::new();
        if from > 0 {
            self.subproof(from, 0, to, true, &mut proof)?;
        }
        Some(proof)
    }

    /// The proof that a leaf is in the tree as it was at some size [RFC 6962, section 2.1.1]; `None` if it never
    /// was.
    pub fn path(&self, leaf: u64, size: u64) -> Option<Vec<Digest>> {
        if leaf >= size || size > self.size() {
            return None;
        }
        // From the root down; a path is read from the leaf up.
        let (mut start, mut end, mut path) = (0_u64, size, Vec::new());
        while let Some(k) = split(end.checked_sub(start)?) {
            let middle = start.checked_add(k)?;
            if leaf < middle {
                path.push(self.range(middle, end)?);
                end = middle;
            } else {
                path.push(self.range(start, middle)?);
                start = middle;
            }
        }
        path.reverse();
        Some(path)
    }

    /// SUBPROOF(m, D[start:end], known), where `m` counts from `start`.
    fn subproof(&self, m: u64, start: u64, end: u64, known: bool, proof: &mut Vec<Digest>) -> Option<()> {
        let n = end.checked_sub(start)?;
        if m == n {
            if !known {
                proof.push(self.range(start, end)?);
            }
            return Some(());
        }
        let k = split(n)?;
        let middle = start.checked_add(k)?;
        if m <= k {
            self.subproof(m, start, middle, known, proof)?;
            proof.push(self.range(middle, end)?);
        } else {
            self.subproof(m.checked_sub(k)?, middle, end, false, proof)?;
            proof.push(self.range(start, middle)?);
        }
        Some(())
    }

    /// MTH(D[start:end]), where `start` is a multiple of the largest power of two in the range.
    fn range(&self, start: u64, end: u64) -> Option<Digest> {
        let n = end.checked_sub(start).filter(|n| *n > 0)?;
        if n.is_power_of_two() {
            let height = n.ilog2();
            let level = self.levels.get(usize::try_from(height).ok()?)?;
            return level.get(usize::try_from(start >> height).ok()?).copied();
        }
        let middle = start.checked_add(split(n)?)?;
        Some(join(&self.range(start, middle)?, &self.range(middle, end)?))
    }
}

/// The largest power of two below `n`; `None` for 0 and 1.
fn split(n: u64) -> Option<u64> {
    1_u64.checked_shl(n.checked_sub(1)?.checked_ilog2()?)
}

/// The root of the tree without leaves.
pub fn empty_root() -> Digest {
    hash(&[])
}

/// Whether a proof shows that the tree (`size`, `root`) continues the tree `before`.
pub fn continues(before: (u64, &Digest), now: (u64, &Digest), proof: &[Digest]) -> bool {
    let (before_size, before_root) = before;
    let (size, root) = now;
    if size > MAX_SIZE || before_size > size || proof.len() > MAX_PROOF {
        return false;
    }
    if before_size == 0 {
        return *before_root == empty_root() && proof.is_empty();
    }
    let root_hash = |size, root: &Digest| RootHash::<Sha256>::new(root.0.into(), size);
    let bytes = proof.iter().flat_map(|digest| digest.0).collect();
    let Ok(proof) = ConsistencyProof::try_from_bytes(bytes) else { return false };
    root_hash(size, root).verify_consistency(&root_hash(before_size, before_root), &proof).is_ok()
}

/// Whether a path shows that the entry with this digest is the leaf at this place of the tree (`size`, `root`).
pub fn contains((size, root): (u64, &Digest), place: u64, leaf: &Digest, path: &[Digest]) -> bool {
    if size > MAX_SIZE || place >= size || path.len() > MAX_PROOF {
        return false;
    }
    let bytes = path.iter().flat_map(|digest| digest.0).collect();
    let Ok(proof) = InclusionProof::<Sha256>::try_from_bytes(bytes) else { return false };
    let root = RootHash::<Sha256>::new(root.0.into(), size);
    root.verify_inclusion(leaf.as_bytes(), place, &proof).is_ok()
}

fn join(left: &Digest, right: &Digest) -> Digest {
    hash(&[&[1], left.as_bytes(), right.as_bytes()])
}

fn hash(parts: &[&[u8]]) -> Digest {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    Digest(hash.finalize().into())
}

#[cfg(test)]
mod tests;

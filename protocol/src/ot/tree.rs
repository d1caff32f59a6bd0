//! Trees of keys of which the holder learns all leaves but one [Roy 2022, section 6; Boyle et al. 2019].
//!
//! Tree τ hides bits 4τ to 4τ+3 of Δ: they are the number of the leaf that the holder does not learn. The sums of
//! the left and of the right children of each level cross by a base transfer, of which the holder takes the side
//! that is not on its path.
#![deny(clippy::arithmetic_side_effects)]

use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{Context, DEPTH, HOLE, LEAVES, TREES, WIDTH, base::first};
use crate::{
    exchange::{Fault, Misbehaviour},
    seed::Seed,
};

/// Bytes of a [`Seal`].
pub const SEAL: usize = DEPTH * 32 + 64;

/// What opens one tree but for a leaf: both sums of each level, masked; the sum of the leaves' digests; the digest
/// of all of them.
pub type Seal = [u8; SEAL];

/// Leaves of every tree.
pub(super) type Leaves = Vec<[u128; LEAVES]>;

/// The asker's trees.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Forest {
    #[zeroize(skip)]
    context: Context,
    pub(super) leaves: Leaves,
    sums: Vec<[[u128; 2]; DEPTH]>,
}

impl std::fmt::Debug for Forest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Forest(..)")
    }
}

/// The two children of a node. `tree` and the node's number, counted from the root, keep nodes apart.
fn children(context: &Context, tree: u8, node: u8, value: u128) -> [u128; 2] {
    let mut hash = Sha256::new();
    hash.update(b"symbolon/ot/node/1\0");
    hash.update(context);
    hash.update([tree, node]);
    hash.update(value.to_le_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    [first(&digest), digest.last_chunk().map_or(0, |bytes| u128::from_le_bytes(*bytes))]
}

fn leaf_digest(context: &Context, tree: u8, leaf: u8, value: u128) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"symbolon/ot/leaf/1\0");
    hash.update(context);
    hash.update([tree, leaf]);
    hash.update(value.to_le_bytes());
    hash.finalize().into()
}

fn all_digests(context: &Context, tree: u8, digests: &[[u8; 32]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"symbolon/ot/leaves/1\0");
    hash.update(context);
    hash.update([tree]);
    hash.update(digests.as_flattened());
    hash.finalize().into()
}

fn add(sum: &mut [u8; 32], digest: &[u8; 32]) {
    sum.iter_mut().zip(digest).for_each(|(to, from)| *to ^= from);
}

fn trees() -> impl Iterator<Item = u8> {
    (0..=u8::MAX).take(TREES)
}

/// Numbers nodes: the root is 1, the children of n are 2n and 2n + 1.
fn number(level: usize, at: usize) -> u8 {
    u8::try_from((1_usize << level).saturating_add(at)).unwrap_or(u8::MAX)
}

impl Forest {
    /// Trees from a seed of this run.
    pub fn new(context: &Context, seed: &Seed) -> Self {
        let mut roots = seed.stream("ot/roots");
        let mut forest = Self { context: *context, leaves: Vec::new(), sums: Vec::new() };
        for tree in trees() {
            let mut nodes = vec![roots.block()];
            let mut sums = [[0; 2]; DEPTH];
            for (level, sums) in sums.iter_mut().enumerate() {
                let parents = nodes.iter().enumerate();
                let next: Vec<[u128; 2]> =
                    parents.map(|(at, node)| children(context, tree, number(level, at), *node)).collect();
                for pair in &next {
                    sums.iter_mut().zip(pair).for_each(|(sum, child)| *sum ^= child);
                }
                nodes.zeroize();
                nodes = next.into_flattened();
            }
            let mut leaves = [0; LEAVES];
            leaves.iter_mut().zip(&nodes).for_each(|(to, from)| *to = *from);
            nodes.zeroize();
            forest.leaves.push(leaves);
            forest.sums.push(sums);
        }
        forest
    }

    /// What opens the trees to whoever has one key of each base transfer.
    pub fn seal(&self, keys: &[[u128; 2]]) -> Vec<Seal> {
        let levels = keys.chunks(DEPTH);
        let sealed = trees().zip(&self.leaves).zip(self.sums.iter().zip(levels));
        let sealed = sealed.map(|((tree, leaves), (sums, keys))| {
            let mut bytes = Vec::with_capacity(SEAL);
            for (sums, keys) in sums.iter().zip(keys) {
                sums.iter()
                    .zip(keys)
                    .for_each(|(sum, key)| bytes.extend_from_slice(&(sum ^ key).to_le_bytes()));
            }
            let digest = |(leaf, value): (u8, &u128)| leaf_digest(&self.context, tree, leaf, *value);
            let digests: Vec<[u8; 32]> = (0..=u8::MAX).zip(leaves).map(digest).collect();
            let mut sum = [0; 32];
            digests.iter().for_each(|digest| add(&mut sum, digest));
            bytes.extend_from_slice(&sum);
            bytes.extend_from_slice(&all_digests(&self.context, tree, &digests));
            let mut seal = [0; SEAL];
            seal.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
            seal
        });
        sealed.collect()
    }
}

/// The choices of the base transfers for a Δ: the side that is not on the path.
pub(super) fn choices(delta: u128) -> u128 {
    (0..WIDTH).fold(0, |choices, transfer| {
        let (tree, level) = (transfer / DEPTH, transfer % DEPTH);
        let side = !(hole(delta, tree) >> (DEPTH.saturating_sub(1).saturating_sub(level))) & 1;
        choices | (side as u128) << transfer
    })
}

/// The leaf of a tree that a Δ leaves out.
pub(super) fn hole(delta: u128, tree: usize) -> usize {
    usize::try_from(delta >> tree.saturating_mul(DEPTH) & HOLE).unwrap_or(0)
}

/// All leaves but those that Δ names, which are 0.
///
/// # Errors
/// [`Misbehaviour::Correlation`] if the leaves are not those that the asker's digests are of.
pub(super) fn open(context: &Context, delta: u128, keys: &[u128], seals: &[Seal]) -> Result<Leaves, Fault> {
    if seals.len() != TREES || keys.len() != WIDTH {
        return Err(Misbehaviour::Count.into());
    }
    let parts = trees().zip(seals).zip(keys.chunks(DEPTH));
    parts.map(|((tree, seal), keys)| punctured(context, tree, hole(delta, tree.into()), keys, seal)).collect()
}

fn punctured(
    context: &Context,
    tree: u8,
    hole: usize,
    keys: &[u128],
    seal: &Seal,
) -> Result<[u128; LEAVES], Fault> {
    let inconsistent =
        || Fault::from(Misbehaviour::Correlation("the trees of keys do not agree with themselves"));
    let (blocks, _) = seal.as_chunks::<16>();
    let mut nodes = vec![0_u128];
    for (level, (key, sums)) in keys.iter().zip(blocks.chunks(2)).enumerate() {
        let shift = DEPTH.saturating_sub(1).saturating_sub(level);
        let path = hole >> shift;
        let side = !path & 1;
        let sum = sums.get(side).ok_or_else(inconsistent)?;
        // All children but the two of the node on the path, which is not known.
        let mut next: Vec<[u128; 2]> = Vec::with_capacity(nodes.len());
        for (at, node) in nodes.iter().enumerate() {
            let unknown = at == path >> 1;
            next.push(if unknown { [0; 2] } else { children(context, tree, number(level, at), *node) });
        }
        let known = next.iter().filter_map(|pair| pair.get(side)).fold(0, |sum, child| sum ^ child);
        let missing = u128::from_le_bytes(*sum) ^ key ^ known;
        if let Some(child) = next.get_mut(path >> 1).and_then(|pair| pair.get_mut(side)) {
            *child = missing;
        }
        nodes = next.into_flattened();
    }
    let (_, digests) = seal.split_at_checked(DEPTH.saturating_mul(32)).ok_or_else(inconsistent)?;
    let (digests, _) = digests.as_chunks::<32>();
    let [sum, all] = digests else { return Err(inconsistent()) };
    let mut leaves = [0; LEAVES];
    let (mut found, mut last) = ([[0; 32]; LEAVES], *sum);
    for (((at, leaf), to), digest) in (0..=u8::MAX).zip(&nodes).zip(&mut leaves).zip(&mut found) {
        if usize::from(at) != hole {
            *to = *leaf;
            *digest = leaf_digest(context, tree, at, *leaf);
            add(&mut last, digest);
        }
    }
    if let Some(digest) = found.get_mut(hole) {
        *digest = last;
    }
    if all_digests(context, tree, &found) != *all {
        return Err(inconsistent());
    }
    Ok(leaves)
}

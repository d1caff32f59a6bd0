#![allow(clippy::arithmetic_side_effects)]

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;

use super::*;

/// MTH as RFC 6962, section 2.1 writes it, over the leaf data themselves.
fn naive_root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => Digest(Sha256::digest(b"").into()),
        [leaf] => Digest(Sha256::new().chain_update([0]).chain_update(leaf.0).finalize().into()),
        _ => {
            let (left, right) = leaves.split_at(naive_split(leaves.len()));
            let hash = Sha256::new().chain_update([1]).chain_update(naive_root(left).0);
            Digest(hash.chain_update(naive_root(right).0).finalize().into())
        }
    }
}

/// PROOF and SUBPROOF of RFC 6962, section 2.1.2.
fn naive_proof(m: usize, leaves: &[Digest], known: bool) -> Vec<Digest> {
    if m == leaves.len() {
        return if known { vec![] } else { vec![naive_root(leaves)] };
    }
    let k = naive_split(leaves.len());
    let (left, right) = leaves.split_at(k);
    if m <= k {
        [naive_proof(m, left, known), vec![naive_root(right)]].concat()
    } else {
        [naive_proof(m - k, right, false), vec![naive_root(left)]].concat()
    }
}

fn naive_split(n: usize) -> usize {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}

fn leaves(n: usize) -> Vec<Digest> {
    (0..n).map(|i| Digest::of("leaf", &i.to_be_bytes())).collect()
}

fn tree(leaves: &[Digest]) -> Tree {
    let mut tree = Tree::default();
    leaves.iter().for_each(|leaf| tree.push(leaf));
    tree
}

#[test]
fn every_small_tree_is_that_of_the_rfc() {
    let leaves = leaves(40);
    let tree = tree(&leaves);
    for n in 0..=leaves.len() {
        let root = naive_root(&leaves[..n]);
        assert_eq!(tree.root_at(n as u64), Some(root));
        for m in 1..=n {
            let proof = tree.proof(m as u64, n as u64).unwrap();
            assert_eq!(proof, naive_proof(m, &leaves[..n], true), "{m} to {n}");
            assert!(continues((m as u64, &naive_root(&leaves[..m])), (n as u64, &root), &proof));
        }
    }
    assert_eq!(tree.root_at(41), None);
    assert_eq!(tree.proof(3, 41), None);
    assert_eq!(tree.proof(4, 3), None);
}

#[test]
fn the_empty_tree_is_continued_by_every_tree() {
    let root = tree(&leaves(5)).root();
    assert!(continues((0, &empty_root()), (5, &root), &[]));
    assert!(!continues((0, &root), (5, &root), &[]));
    assert!(!continues((0, &empty_root()), (5, &root), &[root]));
}

#[test]
fn the_empty_root_is_the_published_one() {
    let published = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(empty_root().to_string(), published);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn large_trees_agree_with_both_oracles(n in 1_usize..600, part in 0.0_f64..1.0) {
        let leaves = leaves(n);
        let m = ((n as f64 * part) as usize).max(1);
        let tree = tree(&leaves);
        prop_assert_eq!(tree.root(), naive_root(&leaves));
        prop_assert_eq!(tree.root_at(m as u64).unwrap(), naive_root(&leaves[..m]));
        let mut other = MemoryBackedTree::<Sha256, [u8; 32]>::new();
        leaves.iter().for_each(|leaf| other.push(leaf.0));
        let root: [u8; 32] = (*other.root().as_bytes()).into();
        prop_assert_eq!(Digest(root), tree.root());
        let proof: Vec<u8> = tree.proof(m as u64, n as u64).unwrap().iter().flat_map(|d| d.0).collect();
        let theirs = other.prove_consistency(n - m);
        prop_assert_eq!(theirs.as_bytes(), proof.as_slice());
    }

    #[test]
    fn a_rewritten_leaf_or_an_altered_proof_is_no_continuation(
        m in 1_usize..100, more in 1_usize..100, at in 0_usize..100, bit in 0_usize..256
    ) {
        let (n, at) = (m + more, at % m);
        let honest = leaves(n);
        let before = naive_root(&honest[..m]);
        let mut forged = honest.clone();
        forged[at].0[bit / 8] ^= 1 << (bit % 8);
        let forged = tree(&forged);
        let proof = forged.proof(m as u64, n as u64).unwrap();
        prop_assert!(!continues((m as u64, &before), (n as u64, &forged.root()), &proof));

        let mut proof = naive_proof(m, &honest, true);
        let root = naive_root(&honest);
        prop_assert!(continues((m as u64, &before), (n as u64, &root), &proof));
        if let Some(digest) = proof.get_mut(at % 8) {
            digest.0[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!continues((m as u64, &before), (n as u64, &root), &proof));
        }
    }

    #[test]
    fn foreign_sizes_and_proofs_never_panic(
        sizes in any::<(u64, u64)>(), shift in 0_u32..64, proof in proptest::collection::vec(any::<[u8; 32]>(), 0..70)
    ) {
        let proof: Vec<_> = proof.into_iter().map(Digest).collect();
        let sizes = (sizes.0 >> shift, sizes.1 >> shift);
        prop_assert!(!continues((sizes.0, &Digest([1; 32])), (sizes.1, &Digest([2; 32])), &proof));
    }
}

#[test]
fn an_entry_costs_at_most_eighty_bytes_of_memory() {
    let mut tree = Tree::default();
    let mut most = 0;
    for i in 0_u32..100_000 {
        tree.push(&Digest::of("leaf", &i.to_be_bytes()));
        if i > 1_000 {
            let bytes: usize = tree.levels.iter().map(|level| level.capacity() * 32).sum();
            most = most.max(bytes / (i as usize + 1));
        }
    }
    assert!(most <= 81, "{most} bytes an entry");
}

/// PATH of RFC 6962, section 2.1.1.
fn naive_path(m: usize, leaves: &[Digest]) -> Vec<Digest> {
    if leaves.len() == 1 {
        return vec![];
    }
    let k = naive_split(leaves.len());
    let (left, right) = leaves.split_at(k);
    if m < k {
        [naive_path(m, left), vec![naive_root(right)]].concat()
    } else {
        [naive_path(m - k, right), vec![naive_root(left)]].concat()
    }
}

#[test]
fn every_leaf_has_a_path_and_no_other_place_or_leaf_has_it() {
    let all = leaves(40);
    let tree = tree(&all);
    for size in 1..=all.len() {
        let root = naive_root(&all[..size]);
        for place in 0..size {
            let path = tree.path(place as u64, size as u64).unwrap();
            assert_eq!(path, naive_path(place, &all[..size]));
            let holds = |place: usize, leaf: &Digest, path: &[Digest]| {
                contains((size as u64, &root), place as u64, leaf, path)
            };
            assert!(holds(place, &all[place], &path));
            assert!(!holds(place, &all[(place + 1) % all.len()], &path));
            assert!(size == 1 || !holds((place + 1) % size, &all[place], &path));
            let altered: Vec<Digest> = path.iter().map(|digest| Digest(digest.0.map(|byte| !byte))).collect();
            assert!(path.is_empty() || !holds(place, &all[place], &altered));
            assert!(!holds(place, &all[place], &[path.clone(), vec![root]].concat()));
        }
        assert_eq!(tree.path(size as u64, size as u64), None);
    }
    assert_eq!(tree.path(0, 41), None);
}

//! The Merkle tree: RFC 6962, section 2.1. Proofs are verified as RFC 9162, sections 2.1.3.2 and 2.1.4.2, says.

use sha2::{Digest, Sha256};

use crate::Error;

/// SHA-256 of a leaf or of two nodes.
pub type Hash = [u8; 32];

/// The hash of an entry: `SHA-256(0x00 || entry)`.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

/// The root of a tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The root of the tree over these hashes of leaves.
pub fn root_of(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(left_half(leaves.len()));
            node(&root_of(left), &root_of(right))
        }
    }
}

/// The largest power of two below `length`, which is at least 2.
fn left_half(length: usize) -> usize {
    length.next_power_of_two() / 2
}

/// What proves that leaf `index` is in the tree over `leaves`: its neighbours on the way to the root, deepest first.
/// Nothing if there is no such leaf.
pub fn inclusion_proof(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    if index >= leaves.len() {
        return None;
    }
    let (mut leaves, mut index) = (leaves, index);
    let mut proof = Vec::new();
    while leaves.len() > 1 {
        let (left, right) = leaves.split_at(left_half(leaves.len()));
        if index < left.len() {
            proof.push(root_of(right));
            leaves = left;
        } else {
            proof.push(root_of(left));
            index -= left.len();
            leaves = right;
        }
    }
    proof.reverse();
    Some(proof)
}

/// What proves that the tree over the first `old` leaves is the beginning of the tree over all of them. Empty for
/// `old` 0 and for equal trees. Nothing if there are fewer leaves than `old`.
pub fn consistency_proof(leaves: &[Hash], old: usize) -> Option<Vec<Hash>> {
    if old > leaves.len() {
        return None;
    }
    if old == 0 || old == leaves.len() {
        return Some(Vec::new());
    }
    let (mut leaves, mut old) = (leaves, old);
    let mut proof = Vec::new();
    // As long as the old tree is a whole tree whose root the verifier has, its hash is left out.
    let mut known = true;
    while old < leaves.len() {
        let (left, right) = leaves.split_at(left_half(leaves.len()));
        if old <= left.len() {
            proof.push(root_of(right));
            leaves = left;
        } else {
            proof.push(root_of(left));
            old -= left.len();
            leaves = right;
            known = false;
        }
    }
    if !known {
        proof.push(root_of(leaves));
    }
    proof.reverse();
    Some(proof)
}

/// As [`consistency_proof`], but for 0 < `old` < the number of leaves only, and its first hash is never left out: what
/// shows the root of the first `old` leaves to whoever knows the root of all of them ([`root_within`]).
pub fn beginning_proof(leaves: &[Hash], old: usize) -> Option<Vec<Hash>> {
    let beginning = leaves.get(..old).filter(|beginning| !beginning.is_empty() && old < leaves.len())?;
    let mut proof = consistency_proof(leaves, old)?;
    if old.is_power_of_two() {
        proof.insert(0, root_of(beginning));
    }
    Some(proof)
}

/// The root of the first `old` leaves of the tree with this size and root, which the hashes of [`beginning_proof`]
/// show. There are no other hashes that lead to the root of the tree and show another.
///
/// # Errors
/// [`Error::NotProven`].
pub fn root_within(old: u64, (new, new_root): (u64, &Hash), hashes: &[Hash]) -> Result<Hash, Error> {
    const WRONG: Error = Error::NotProven("the hashes do not lead to the root of the larger tree");
    let (first, rest) = hashes.split_first().ok_or(WRONG)?;
    if old == 0 || old >= new {
        return Err(Error::NotProven("only a smaller tree with entries is the beginning of another"));
    }
    let (old_hash, new_hash) = climb(old, new, first, rest).ok_or(WRONG)?;
    if new_hash == *new_root { Ok(old_hash) } else { Err(WRONG) }
}

/// Checks that the leaf with this hash is number `index` in the tree of this size and root.
///
/// # Errors
/// [`Error::NotProven`].
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    root: &Hash,
    proof: &[Hash],
) -> Result<(), Error> {
    const WRONG: Error = Error::NotProven("the inclusion proof does not lead to the root");
    if index >= size {
        return Err(Error::NotProven("the entry lies outside the tree"));
    }
    let (mut place, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for neighbour in proof {
        if last == 0 {
            return Err(WRONG);
        }
        if place % 2 == 1 || place == last {
            hash = node(neighbour, &hash);
            while place % 2 == 0 && place != 0 {
                place /= 2;
                last /= 2;
            }
        } else {
            hash = node(&hash, neighbour);
        }
        place /= 2;
        last /= 2;
    }
    if last == 0 && hash == *root { Ok(()) } else { Err(WRONG) }
}

/// Checks that the tree of size `old` with its root is the beginning of the tree of size `new` with its root.
///
/// # Errors
/// [`Error::NotProven`].
pub fn verify_consistency(
    (old, old_root): (u64, &Hash),
    (new, new_root): (u64, &Hash),
    proof: &[Hash],
) -> Result<(), Error> {
    const WRONG: Error = Error::NotProven("the consistency proof does not join the two trees");
    const SUPERFLUOUS: Error = Error::NotProven("there are hashes where none are needed");
    if old > new {
        return Err(Error::NotProven("the tree has become smaller"));
    }
    if old == new {
        return match (old_root == new_root, proof.is_empty()) {
            (true, true) => Ok(()),
            (true, false) => Err(SUPERFLUOUS),
            (false, _) => Err(Error::NotProven("two trees of one size have different roots")),
        };
    }
    if old == 0 {
        return if !proof.is_empty() {
            Err(SUPERFLUOUS)
        } else if *old_root == empty_root() {
            Ok(())
        } else {
            Err(Error::NotProven("an empty tree has the root of another"))
        };
    }
    // A tree that is a power of two has its root as the first hash, and it is not sent.
    let (first, rest) =
        if old.is_power_of_two() { (old_root, proof) } else { proof.split_first().ok_or(WRONG)? };
    if climb(old, new, first, rest) == Some((*old_root, *new_root)) { Ok(()) } else { Err(WRONG) }
}

/// The roots of the trees of sizes `old` and `new`, 0 < `old` < `new`, that these hashes make; nothing if they are too
/// few or too many.
fn climb(old: u64, new: u64, first: &Hash, rest: &[Hash]) -> Option<(Hash, Hash)> {
    let (mut place, mut last) = (old - 1, new - 1);
    while place % 2 == 1 {
        place /= 2;
        last /= 2;
    }
    let (mut old_hash, mut new_hash) = (*first, *first);
    for neighbour in rest {
        if last == 0 {
            return None;
        }
        if place % 2 == 1 || place == last {
            old_hash = node(neighbour, &old_hash);
            new_hash = node(neighbour, &new_hash);
            while place % 2 == 0 && place != 0 {
                place /= 2;
                last /= 2;
            }
        } else {
            new_hash = node(&new_hash, neighbour);
        }
        place /= 2;
        last /= 2;
    }
    (last == 0).then_some((old_hash, new_hash))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|number| leaf_hash(&number.to_be_bytes())).collect()
    }

    #[test]
    fn roots_are_those_of_the_known_test_vectors() {
        // The entries and roots that implementations of Certificate Transparency test with.
        let entries: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let leaves: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
        let expected = [
            (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
            (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
            (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
        ];
        for (size, root) in expected {
            assert_eq!(hex::encode(root_of(&leaves[..size])), root, "{size} leaves");
        }
    }

    #[test]
    fn every_proof_of_small_trees_holds_and_proves_nothing_else() {
        let all = leaves(33);
        for size in 0..=all.len() {
            let (tree, root) = (&all[..size], root_of(&all[..size]));
            for index in 0..size {
                let proof = inclusion_proof(tree, index).expect("inside");
                let verify = |index: usize, proof: &[Hash]| {
                    verify_inclusion(&all[index], index as u64, size as u64, &root, proof)
                };
                verify(index, &proof).expect("the proof holds");
                assert!(verify((index + 1) % size, &proof).is_err() || size == 1);
                let mut longer = proof.clone();
                longer.push(root);
                assert!(verify(index, &longer).is_err());
                if let Some(shorter) = proof.split_last().map(|(_, rest)| rest) {
                    assert!(verify(index, shorter).is_err());
                }
            }
            for old in 0..=size {
                let proof = consistency_proof(tree, old).expect("inside");
                let old_tree = (old as u64, &root_of(&all[..old]));
                verify_consistency(old_tree, (size as u64, &root), &proof).expect("the proof holds");
                let other = leaf_hash(b"another history");
                let forged = verify_consistency((old as u64, &other), (size as u64, &root), &proof);
                assert!(forged.is_err(), "{old} of {size}");
                let mut longer = proof;
                longer.push(root);
                assert!(verify_consistency(old_tree, (size as u64, &root), &longer).is_err());
            }
        }
        assert!(inclusion_proof(&all, 33).is_none() && consistency_proof(&all, 34).is_none());
    }

    #[test]
    fn the_root_of_every_beginning_is_shown() {
        let all = leaves(33);
        for size in 0..=all.len() {
            let (tree, root) = (&all[..size], root_of(&all[..size]));
            for old in 0..=size {
                let Some(proof) = beginning_proof(tree, old) else {
                    assert!(old == 0 || old == size);
                    continue;
                };
                let shown = |proof: &[Hash]| root_within(old as u64, (size as u64, &root), proof);
                assert_eq!(shown(&proof), Ok(root_of(&all[..old])));
                for place in 0..proof.len() {
                    let mut forged = proof.clone();
                    forged[place][7] ^= 1;
                    assert!(shown(&forged).is_err());
                }
                assert!(shown(&proof[1..]).is_err() && shown(&[&proof[..], &[root]].concat()).is_err());
            }
        }
    }

    #[test]
    fn a_smaller_tree_is_no_continuation() {
        let all = leaves(3);
        let (two, three) = (root_of(&all[..2]), root_of(&all));
        assert!(verify_consistency((3, &three), (2, &two), &[]).is_err());
    }

    proptest! {
        #[test]
        fn garbage_proves_nothing(
            index: u64, size: u64, old: u64, proof in proptest::collection::vec(any::<Hash>(), 0..70), root: Hash,
        ) {
            prop_assert!(verify_inclusion(&[7; 32], index, size, &root, &proof).is_err());
            prop_assert!(verify_consistency((old, &[9; 32]), (size, &root), &proof).is_err());
        }
    }
}

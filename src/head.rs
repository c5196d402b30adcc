//! The head: a short value that commits to the whole journal up to a position.

use serde::Serialize;

use crate::error::LedgerError;
use crate::hash::Hash;
use crate::id::MovementKey;
use crate::journal::JournalPosition;

/// What a journal held at a position. Kept apart from the ledger, it later shows that nothing up
/// to that position was cut off or rewritten: see [`Ledger::verify`](crate::Ledger::verify).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Head {
    /// The form's version: 1.
    pub version: u8,
    /// The last position that it covers.
    pub position: JournalPosition,
    /// How many entries that is.
    pub entries: u64,
    /// How many movements have an entry among them.
    pub movements: u64,
    /// The Merkle tree hash (RFC 6962, SHA-256) over every movement in key order; a leaf is the
    /// movement's key, the length of its chain and the hash of the chain's last entry.
    pub root: Hash,
}

impl Head {
    /// The only version of the form.
    pub const VERSION: u8 = 1;

    /// Reads a head from its JSON form.
    ///
    /// # Errors
    /// `malformed_request` or `invalid_request`, naming what is not a head's.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{ErrorCode, Head};
    /// let (ledger, _) = ledger()?;
    /// let head = ledger.head()?;
    /// assert_eq!(Head::from_json(&head.to_json())?, head);
    /// let refused = Head::from_json(r#"{"version":2,"position":1}"#).unwrap_err();
    /// assert_eq!(refused.code(), ErrorCode::InvalidRequest);
    /// # Ok(()) }
    /// ```
    pub fn from_json(text: &str) -> Result<Self, LedgerError> {
        crate::wire::parse_head(text)
    }

    /// The head as one line of JSON:
    /// `{"version":1,"position":P,"entries":N,"movements":M,"root":"<64 hexadecimal digits>"}`.
    pub fn to_json(&self) -> String {
        format!(
            r#"{{"version":{},"position":{},"entries":{},"movements":{},"root":"{}"}}"#,
            self.version, self.position, self.entries, self.movements, self.root
        )
    }
}

/// Builds a Merkle tree hash (RFC 6962 section 2.1) from leaves that come one by one, in memory
/// that grows with the logarithm of their number.
#[derive(Debug, Default)]
pub(crate) struct MerkleTree {
    leaves: u64,
    // INVARIANT: the roots of the complete subtrees that the leaves so far fall into, largest
    // first: one for each bit that is set in `leaves`.
    subtrees: Vec<Hash>,
}

impl MerkleTree {
    /// Adds a movement whose chain has this length and last hash. Keys must ascend.
    pub(crate) fn add(&mut self, key: &MovementKey, length: u64, last: Hash) {
        let mut leaf = Vec::with_capacity(128);
        for id in [key.org_id(), key.subscription_id(), key.movement_id()] {
            leaf.extend_from_slice(&u16::try_from(id.len()).unwrap_or(u16::MAX).to_be_bytes());
            leaf.extend_from_slice(id.as_bytes());
        }
        leaf.extend_from_slice(&length.to_be_bytes());
        leaf.extend_from_slice(&last.0);

        let mut node = Hash::of(&[&[0], &leaf]);
        for _ in 0..self.leaves.trailing_ones() {
            if let Some(left) = self.subtrees.pop() {
                node = inner(left, node);
            }
        }
        self.subtrees.push(node);
        self.leaves = self.leaves.saturating_add(1);
    }

    /// The hash of the tree so far; that of nothing for a tree without leaves.
    pub(crate) fn root(&self) -> Hash {
        self.subtrees
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| inner(left, right))
            .unwrap_or_else(|| Hash::of(&[]))
    }

    pub(crate) fn leaves(&self) -> u64 {
        self.leaves
    }
}

fn inner(left: Hash, right: Hash) -> Hash {
    Hash::of(&[&[1], &left.0, &right.0])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The recursive definition of RFC 6962, as the reference.
    fn by_definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash::of(&[]),
            [leaf] => *leaf,
            _ => {
                let half = leaves.len().next_power_of_two() / 2;
                inner(
                    by_definition(&leaves[..half]),
                    by_definition(&leaves[half..]),
                )
            }
        }
    }

    #[test]
    fn the_streaming_root_is_the_recursive_one_for_every_size() {
        // An interpreter takes long over hashes.
        let most: u64 = if cfg!(miri) { 18 } else { 130 };
        let mut tree = MerkleTree::default();
        let mut leaves = Vec::new();
        assert_eq!(tree.root(), by_definition(&leaves));
        for n in 0..most {
            let key = MovementKey::new("acme", "sub", &format!("mov-{n:03}")).unwrap();
            let last = Hash::of(&[&n.to_be_bytes()]);
            let mut alone = MerkleTree::default();
            alone.add(&key, n, last);
            leaves.push(alone.root());
            tree.add(&key, n, last);
            assert_eq!(tree.root(), by_definition(&leaves), "{} leaves", n + 1);
        }
        assert_eq!(tree.leaves(), most);
    }
}

//! What a decision writes.

use super::{Loaded, Snapshot};
use crate::id::{Id, MovementKey};
use crate::journal::{JournalEntry, TextOwner};
use crate::movement::Movement;
use crate::refund::Refund;

/// What must hold in the store, right before a batch is applied, for it to be applied. Otherwise
/// the store answers [`StoreError::Conflict`](super::StoreError::Conflict).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precondition {
    /// The movement's chain has this many entries; 0 means that there is no such movement.
    ///
    /// Every change of a refund adds to its movement's chain, so this covers the refund too.
    MovementAt {
        /// The movement.
        movement: MovementKey,
        /// The length of its chain.
        version: u64,
    },
    /// No refund of the org, deleted or not, holds this external id.
    ExternalIdFree {
        /// The org.
        org: Id,
        /// The external id or idempotency key.
        external_id: Id,
    },
}

/// A refund's row after a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundWrite {
    /// A refund that was not there before; where its id is taken, the batch is a
    /// [`StoreError::Conflict`](super::StoreError::Conflict).
    Insert(Refund),
    /// The refund with this id becomes this; where its movement has none, the batch is a
    /// [`StoreError::Conflict`](super::StoreError::Conflict).
    Replace(Refund),
}

impl RefundWrite {
    /// The row.
    pub fn refund(&self) -> &Refund {
        let (Self::Insert(refund) | Self::Replace(refund)) = self;
        refund
    }
}

/// Texts to blank: text and salt of every entry in the movement's chain, up to a sequence, whose
/// content is the owner's ([`crate::EntryContent::text_owner`]), those of this batch included.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TextErasure {
    /// The movement whose chain it is.
    pub movement: MovementKey,
    /// Whose descriptions they are.
    pub owner: TextOwner,
    /// The sequence of the entry that records the erasure; later texts stay.
    pub through_sequence: u64,
}

/// All that a store must change at once, or not at all.
///
/// INVARIANT: one precondition per key, against the state before the batch; one row per movement
/// and refund, as it is after the batch; entries in the order of their sequences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteBatch {
    /// What must hold before.
    pub preconditions: Vec<Precondition>,
    /// The movements' rows after: inserted where their precondition says version 0, else replaced.
    pub movements: Vec<Movement>,
    /// The refunds' rows after.
    pub refunds: Vec<RefundWrite>,
    /// The entries to append.
    pub entries: Vec<JournalEntry>,
    /// The texts to blank, once everything else is applied.
    pub erasures: Vec<TextErasure>,
}

/// What one command changes: always one movement, by exactly one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) movement: Movement,
    pub(crate) refund: Option<Refund>,
    pub(crate) entry: JournalEntry,
    pub(crate) erased: Option<TextOwner>,
}

impl Change {
    /// The batch that makes this change alone, on what it was decided on.
    pub(crate) fn into_batch(self, before: &Snapshot) -> WriteBatch {
        let mut preconditions = Vec::with_capacity(2);
        let refund = self.refund.map(|refund| {
            if before.has_refund(refund.id) {
                RefundWrite::Replace(refund)
            } else {
                preconditions.extend(external_id_free(&refund));
                RefundWrite::Insert(refund)
            }
        });
        preconditions.push(movement_at(&self.movement.key, before));
        let erased = self.erased;
        let erasure = erased.map(|owner| TextErasure::by(&self.entry, owner));
        WriteBatch {
            preconditions,
            movements: vec![self.movement],
            refunds: refund.into_iter().collect(),
            entries: vec![self.entry],
            erasures: erasure.into_iter().collect(),
        }
    }
}

impl TextErasure {
    /// What the entry that records an erasure erases.
    fn by(entry: &JournalEntry, owner: TextOwner) -> Self {
        Self {
            movement: entry.movement.clone(),
            owner,
            through_sequence: entry.sequence,
        }
    }
}

fn movement_at(key: &MovementKey, before: &Snapshot) -> Precondition {
    Precondition::MovementAt {
        movement: key.clone(),
        version: match before.movement(key) {
            Loaded::Present(before) => before.chain.length,
            Loaded::Absent | Loaded::NotLoaded => 0,
        },
    }
}

fn external_id_free(refund: &Refund) -> Option<Precondition> {
    let external_id = refund.details.external_id.as_ref()?;
    Some(Precondition::ExternalIdFree {
        org: refund.movement.org(),
        external_id: external_id.id().clone(),
    })
}

/// Merges the changes of several commands into one batch against the state before the first. What
/// was written so far is in the snapshot, where later commands see it, until the batch is finished.
#[derive(Debug)]
pub(crate) struct BatchBuilder {
    snapshot: Snapshot,
    batch: WriteBatch,
}

impl BatchBuilder {
    /// For about so many changes of what the snapshot holds.
    pub(crate) fn new(snapshot: Snapshot, changes: usize) -> Self {
        Self {
            snapshot,
            batch: WriteBatch {
                preconditions: Vec::with_capacity(changes.saturating_mul(2)),
                entries: Vec::with_capacity(changes),
                ..WriteBatch::default()
            },
        }
    }

    /// What the next command is decided on.
    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Adds a change that was decided on the snapshot.
    pub(crate) fn add(&mut self, change: Change) {
        let Self { snapshot, batch } = self;
        if let Some(refund) = change.refund {
            if !snapshot.has_refund(refund.id) {
                batch.preconditions.extend(external_id_free(&refund));
            }
            snapshot.write_refund(refund);
        }
        if let Some(owner) = change.erased {
            snapshot.erase_past_texts(owner);
            let erasure = TextErasure::by(&change.entry, owner);
            batch.erasures.push(erasure);
        }
        if !snapshot.is_written(&change.movement.key) {
            let precondition = movement_at(&change.movement.key, snapshot);
            batch.preconditions.push(precondition);
        }
        snapshot.write_movement(change.movement);
        batch.entries.push(change.entry);
    }

    pub(crate) fn finish(self) -> WriteBatch {
        let Self {
            mut snapshot,
            mut batch,
        } = self;
        batch.movements = Vec::with_capacity(batch.preconditions.len());
        for precondition in &batch.preconditions {
            if let Precondition::MovementAt { movement, .. } = precondition {
                batch.movements.extend(snapshot.take_movement(movement));
            }
        }
        batch.refunds = snapshot.into_written_refunds();
        batch
    }
}

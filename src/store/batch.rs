//! What a decision writes.

use std::collections::HashMap;

use super::{Loaded, Snapshot};
use crate::id::{Id, MovementKey, RefundId};
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
    /// The refund with this id becomes this.
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

/// Merges the changes of several commands into one batch against the state before the first.
#[derive(Debug, Default)]
pub(crate) struct BatchBuilder {
    batch: WriteBatch,
    movements: HashMap<MovementKey, usize>,
    refunds: HashMap<RefundId, usize>,
}

impl BatchBuilder {
    /// For so many changes.
    pub(crate) fn with_room_for(changes: usize) -> Self {
        Self {
            batch: WriteBatch::default(),
            movements: HashMap::with_capacity(changes),
            refunds: HashMap::with_capacity(changes),
        }
    }

    /// Adds a change that was decided on `before`, and was not applied to it yet.
    pub(crate) fn add(&mut self, change: Change, before: &Snapshot) {
        if let Some(owner) = change.erased {
            self.batch.erasures.push(TextErasure {
                movement: change.movement.key.clone(),
                owner,
                through_sequence: change.entry.sequence,
            });
        }
        if let Some(refund) = change.refund {
            self.put_refund(refund, before);
        }
        self.put_movement(change.movement, before);
        self.batch.entries.push(change.entry);
    }

    /// Adds a change, and lets later commands see it.
    pub(crate) fn add_and_apply(&mut self, change: Change, before: &mut Snapshot) {
        let (movement, refund) = (change.movement.clone(), change.refund.clone());
        let erased = change.erased;
        self.add(change, before);
        before.apply(movement, refund, erased);
    }

    fn put_movement(&mut self, movement: Movement, before: &Snapshot) {
        if let Some(at) = self.movements.get(&movement.key) {
            if let Some(row) = self.batch.movements.get_mut(*at) {
                *row = movement;
            }
            return;
        }
        let version = match before.movement(&movement.key) {
            Loaded::Present(before) => before.chain.length,
            Loaded::Absent | Loaded::NotLoaded => 0,
        };
        self.batch.preconditions.push(Precondition::MovementAt {
            movement: movement.key.clone(),
            version,
        });
        self.movements
            .insert(movement.key.clone(), self.batch.movements.len());
        self.batch.movements.push(movement);
    }

    fn put_refund(&mut self, refund: Refund, before: &Snapshot) {
        if let Some(at) = self.refunds.get(&refund.id) {
            if let Some(RefundWrite::Insert(row) | RefundWrite::Replace(row)) =
                self.batch.refunds.get_mut(*at)
            {
                *row = refund;
            }
            return;
        }
        self.refunds.insert(refund.id, self.batch.refunds.len());
        let write = if before.has_refund(refund.id) {
            RefundWrite::Replace(refund)
        } else {
            if let Some(external_id) = &refund.details.external_id {
                self.batch.preconditions.push(Precondition::ExternalIdFree {
                    org: refund.movement.org(),
                    external_id: external_id.id().clone(),
                });
            }
            RefundWrite::Insert(refund)
        };
        self.batch.refunds.push(write);
    }

    pub(crate) fn finish(self) -> WriteBatch {
        self.batch
    }
}

//! What a decision reads.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use super::{RefundWrite, StoreError};
use crate::id::{Id, MovementKey, RefundId};
use crate::journal::{JournalEntry, RefundRevisions, TextOwner};
use crate::movement::Movement;
use crate::refund::Refund;

/// How a command names a refund.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefundLookup {
    /// By the ledger's id.
    Id(RefundId),
    /// By the external id (or idempotency key) that it holds in its org.
    ExternalId(Id),
    /// By something that can't be the id of any refund: there is none. No read set names it.
    Nothing,
}

impl From<RefundId> for RefundLookup {
    fn from(id: RefundId) -> Self {
        Self::Id(id)
    }
}

impl From<&Self> for RefundLookup {
    fn from(lookup: &Self) -> Self {
        lookup.clone()
    }
}

/// What a batch of commands needs to know, as a union without repetition.
/// [`Command::read_set`](crate::Command::read_set) fills it; [`Store::load`](super::Store::load)
/// answers it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadSet {
    movements: BTreeSet<MovementKey>,
    refunds: BTreeMap<(Id, RefundLookup), Vec<u32>>,
}

impl ReadSet {
    /// Wants this movement.
    pub fn want_movement(&mut self, key: MovementKey) {
        self.movements.insert(key);
    }

    /// Wants the refund of this org that `lookup` names and, where a revision is given (from 1),
    /// its content at that revision.
    pub fn want_refund(&mut self, org: Id, lookup: RefundLookup, revision: Option<u32>) {
        if lookup == RefundLookup::Nothing {
            return;
        }
        let revisions = self.refunds.entry((org, lookup)).or_default();
        if let Some(revision) = revision
            && let Err(place) = revisions.binary_search(&revision)
        {
            revisions.insert(place, revision);
        }
    }

    /// The movements that are wanted, in key order.
    pub fn movements(&self) -> impl Iterator<Item = &MovementKey> {
        self.movements.iter()
    }

    /// The refunds that are wanted, each with its org and, in order, the past revisions that are
    /// wanted too.
    pub fn refunds(&self) -> impl Iterator<Item = (&Id, &RefundLookup, &[u32])> {
        self.refunds
            .iter()
            .map(|((org, lookup), revisions)| (org, lookup, revisions.as_slice()))
    }
}

/// What a snapshot knows of something: it tells "not there" from "not looked at".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loaded<T> {
    /// Nobody asked for it.
    NotLoaded,
    /// It was looked for and does not exist.
    Absent,
    /// It exists.
    Present(T),
}

impl<T> Loaded<T> {
    #[expect(
        clippy::option_option,
        reason = "the outer says whether it was looked for"
    )]
    fn from_entry(entry: Option<Option<T>>) -> Self {
        match entry {
            None => Self::NotLoaded,
            Some(None) => Self::Absent,
            Some(Some(value)) => Self::Present(value),
        }
    }
}

/// A refund with those of its past revisions that were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedRefund {
    /// The refund as it is.
    pub refund: Refund,
    /// What it was at earlier revisions (those asked for that exist), in order.
    pub past: Vec<Refund>,
}

impl LoadedRefund {
    /// The refund with those of the wanted revisions that its movement's chain holds. A store
    /// needs to read the chain only where a revision other than the current one is wanted.
    ///
    /// # Errors
    /// [`StoreError::Corrupted`] where an entry can't be read.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (ledger, movement) = ledger()?;
    /// # let created = ledger.create_refund(&movement, &request("r-1", "12.1")?)?;
    /// # let named = RefundLookup::Id(created.id);
    /// # ledger.update_refund(&movement, named.clone(), request("r-1", "24.2")?, None)?;
    /// # let refund = ledger.refund(&movement, &named)?;
    /// use refund_ledger::store::LoadedRefund;
    /// use refund_ledger::{RefundLookup, StoreError};
    /// let records = ledger.journal(0, 500)?; // the refund was updated from 12.1 to 24.2
    /// let mut chain: Vec<_> = records.into_iter().map(|record| record.entry).collect();
    /// let loaded = LoadedRefund::from_chain(refund.clone(), &[1], &chain)?;
    /// assert_eq!(loaded.past[0].details.amount.value_with_taxes(), "12.1");
    ///
    /// chain[1].bytes.truncate(20);
    /// let refused = LoadedRefund::from_chain(refund, &[1], &chain).unwrap_err();
    /// assert!(matches!(refused, StoreError::Corrupted { .. }));
    /// # Ok(()) }
    /// ```
    pub fn from_chain<'a>(
        refund: Refund,
        wanted: &[u32],
        chain: impl IntoIterator<Item = &'a JournalEntry>,
    ) -> Result<Self, StoreError> {
        let mut revisions = RefundRevisions::new(refund.id);
        for entry in chain {
            revisions.add(entry)?;
        }
        let mut this = Self {
            refund,
            past: Vec::new(),
        };
        for (_, past) in revisions.finish() {
            if past.revision != this.refund.revision && wanted.contains(&past.revision) {
                this.put_past(past);
            }
        }
        Ok(this)
    }

    /// The refund as it was at a revision, where that was asked for or is the current one.
    pub fn at_revision(&self, revision: u32) -> Option<&Refund> {
        if self.refund.revision == revision {
            Some(&self.refund)
        } else {
            self.past.get(self.place_of(revision).ok()?)
        }
    }

    /// Where a revision is among the past ones, or belongs.
    fn place_of(&self, revision: u32) -> Result<usize, usize> {
        self.past
            .binary_search_by_key(&revision, |past| past.revision)
    }

    /// Puts in what the refund was at an earlier revision, in place of what is there for it.
    pub fn put_past(&mut self, past: Refund) {
        match self.place_of(past.revision) {
            Ok(at) => {
                if let Some(known) = self.past.get_mut(at) {
                    *known = past;
                }
            }
            Err(at) => self.past.insert(at, past),
        }
    }
}

/// One consistent view of what a [`ReadSet`] named.
#[derive(Clone, Default)]
pub struct Snapshot {
    movements: HashMap<MovementKey, MovementSlot>,
    lookups: HashMap<(Id, RefundLookup), Option<RefundId>>,
    /// In the order in which they came, which says nothing, and where each of them is.
    refunds: Vec<RefundSlot>,
    places: HashMap<RefundId, usize>,
}

#[derive(Clone, PartialEq, Eq)]
struct MovementSlot {
    /// Shared with a store that has to know afterwards what was there before.
    row: Option<Arc<Movement>>,
    /// Whether a command of the batch writes it.
    written: bool,
}

#[derive(Clone, PartialEq, Eq)]
struct RefundSlot {
    loaded: LoadedRefund,
    /// Whether it was there before the batch.
    found: bool,
    /// Whether a command of the batch writes it.
    written: bool,
}

impl PartialEq for Snapshot {
    fn eq(&self, other: &Self) -> bool {
        self.movements == other.movements
            && self.lookups == other.lookups
            && self.refunds.len() == other.refunds.len()
            && self
                .refunds
                .iter()
                .all(|slot| other.slot(slot.loaded.refund.id) == Some(slot))
    }
}

impl Eq for Snapshot {}

/// In the order of the keys: the same snapshot is always written the same.
#[expect(
    clippy::missing_fields_in_debug,
    reason = "where something is in a list says nothing about it"
)]
impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn sorted<K: Ord, V>(entries: impl Iterator<Item = (K, V)>) -> BTreeMap<K, V> {
            entries.collect()
        }
        let movements = self.movements.iter().map(|(key, slot)| (key, &slot.row));
        let refunds = self.refunds.iter().map(|slot| &slot.loaded);
        let refunds = refunds.map(|loaded| (loaded.refund.id, loaded));
        f.debug_struct("Snapshot")
            .field("movements", &sorted(movements))
            .field("lookups", &sorted(self.lookups.iter()))
            .field("refunds", &sorted(refunds))
            .finish()
    }
}

impl Snapshot {
    /// With room for the movements that are wanted, and for the look-ups. Most of those find nothing, so no room is
    /// made for refunds, which are large.
    pub(crate) fn with_room_for(wanted: &ReadSet) -> Self {
        Self {
            movements: HashMap::with_capacity(wanted.movements.len()),
            lookups: HashMap::with_capacity(wanted.refunds.len()),
            ..Self::default()
        }
    }

    /// Puts in what was found for a movement, voided or not; `None` where there is none.
    pub fn put_movement(&mut self, key: MovementKey, found: Option<Movement>) {
        self.share_movement(key, found.map(Arc::new));
    }

    /// Puts in a movement that somebody else keeps too.
    pub(crate) fn share_movement(&mut self, key: MovementKey, row: Option<Arc<Movement>>) {
        let written = false;
        self.movements.insert(key, MovementSlot { row, written });
    }

    /// Puts in what was found for a refund, deleted or not; `None` where there is none. Where
    /// several look-ups find the same refund, its past revisions add up.
    pub fn put_refund(&mut self, org: Id, lookup: RefundLookup, found: Option<LoadedRefund>) {
        let id = found.as_ref().map(|found| found.refund.id);
        self.lookups.insert((org, lookup), id);
        let Some(found) = found else {
            return;
        };
        if let Some(slot) = self.slot_mut(found.refund.id) {
            let known = &mut slot.loaded;
            known.refund = found.refund;
            found.past.into_iter().for_each(|past| known.put_past(past));
        } else {
            self.add_refund(RefundSlot {
                loaded: found,
                found: true,
                written: false,
            });
        }
    }

    fn add_refund(&mut self, slot: RefundSlot) {
        self.places
            .insert(slot.loaded.refund.id, self.refunds.len());
        self.refunds.push(slot);
    }

    fn slot(&self, id: RefundId) -> Option<&RefundSlot> {
        self.refunds.get(*self.places.get(&id)?)
    }

    fn slot_mut(&mut self, id: RefundId) -> Option<&mut RefundSlot> {
        self.refunds.get_mut(*self.places.get(&id)?)
    }

    /// What is known of a movement. A voided one is present.
    pub fn movement(&self, key: &MovementKey) -> Loaded<&Movement> {
        Loaded::from_entry(self.movements.get(key).map(|slot| slot.row.as_deref()))
    }

    /// What is known of a refund. A deleted one is present.
    pub fn refund(&self, org: &Id, lookup: &RefundLookup) -> Loaded<&LoadedRefund> {
        match lookup {
            RefundLookup::Nothing => return Loaded::Absent,
            RefundLookup::Id(id) => {
                // One that is written is known by its id, however it was found.
                if let Some(slot) = self.slot(*id).filter(|slot| slot.written)
                    && slot.loaded.refund.movement.org_id() == org.as_str()
                {
                    return Loaded::Present(&slot.loaded);
                }
            }
            RefundLookup::ExternalId(_) => {}
        }
        let id = self.lookups.get(&(org.clone(), lookup.clone()));
        let loaded = |id: &RefundId| self.slot(*id).map(|slot| &slot.loaded);
        Loaded::from_entry(id.map(|id| id.as_ref().and_then(loaded)))
    }

    pub(crate) fn has_refund(&self, id: RefundId) -> bool {
        self.places.contains_key(&id)
    }

    /// Whether a command of the batch writes this movement.
    pub(crate) fn is_written(&self, key: &MovementKey) -> bool {
        self.movements.get(key).is_some_and(|slot| slot.written)
    }

    /// Lets later commands see a movement as it will be written.
    pub(crate) fn write_movement(&mut self, movement: Movement) {
        let key = movement.key.clone();
        let row = Some(Arc::new(movement));
        let written = true;
        self.movements.insert(key, MovementSlot { row, written });
    }

    /// Lets later commands see a refund as it will be written.
    pub(crate) fn write_refund(&mut self, refund: Refund) {
        if let Some(external_id) = &refund.details.external_id {
            let lookup = RefundLookup::ExternalId(external_id.id().clone());
            self.lookups
                .insert((refund.movement.org(), lookup), Some(refund.id));
        }
        if let Some(slot) = self.slot_mut(refund.id) {
            let revision = refund.revision;
            let before = std::mem::replace(&mut slot.loaded.refund, refund);
            if before.revision != revision {
                slot.loaded.put_past(before);
            }
            slot.written = true;
        } else {
            self.add_refund(RefundSlot {
                loaded: LoadedRefund {
                    refund,
                    past: Vec::new(),
                },
                found: false,
                written: true,
            });
        }
    }

    /// Lets later commands see that the texts of a refund's past are gone.
    pub(crate) fn erase_past_texts(&mut self, owner: TextOwner) {
        if let TextOwner::Refund(id) = owner
            && let Some(slot) = self.slot_mut(id)
        {
            for past in &mut slot.loaded.past {
                past.details.description.salted = None;
            }
        }
    }

    /// Takes out a movement's row as it will be written.
    pub(crate) fn take_movement(&mut self, key: &MovementKey) -> Option<Movement> {
        let row = self.movements.get_mut(key)?.row.take()?;
        Some(Arc::unwrap_or_clone(row))
    }

    /// The rows of refunds that are written.
    pub(crate) fn into_written_refunds(self) -> Vec<RefundWrite> {
        let written = self.refunds.into_iter().filter(|slot| slot.written);
        let rows = written.map(|slot| {
            if slot.found {
                RefundWrite::Replace(slot.loaded.refund)
            } else {
                RefundWrite::Insert(slot.loaded.refund)
            }
        });
        rows.collect()
    }
}

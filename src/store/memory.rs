//! The store in memory: nothing outlives the process.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{
    LoadedRefund, Precondition, ReadSet, RefundLookup, RefundWrite, ScanRange, ScanRow, Snapshot,
    Store, StoreError, TextErasure, WriteBatch,
};
use crate::id::{Id, MovementKey, RefundId};
use crate::journal::{JournalEntry, JournalPosition, JournalRecord, TextOwner, text_owner};
use crate::movement::Movement;
use crate::query::{ListAfter, Page, RefundFilter};
use crate::refund::Refund;
use crate::time::Timestamp;

/// A store in memory, for tests, for browser tabs and for what need not outlive the process. One
/// lock guards it, so writers wait for each other and for scans.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A batch is applied only once all that can fail is behind it, so whatever panicked left
        // the state whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct State {
    movements: BTreeMap<MovementKey, MovementSlot>,
    // Nobody walks through the two maps without an order.
    refunds: HashMap<RefundId, RefundSlot>,
    by_date: BTreeSet<(Timestamp, RefundId)>,
    /// By org and external id.
    external_ids: HashMap<(Id, Id), RefundId>,
    /// The entry at position p stands at index p - 1.
    journal: Vec<JournalRecord>,
}

#[derive(Debug)]
struct MovementSlot {
    movement: Movement,
    /// Indices into the journal, in order of sequence.
    chain: Vec<usize>,
    /// Those of the chain that are about the movement itself.
    own_entries: Vec<usize>,
    refunds: BTreeSet<RefundId>,
}

#[derive(Debug)]
struct RefundSlot {
    refund: Refund,
    /// Indices into the journal of its own entries, in order of sequence: a chain is mostly about
    /// other refunds.
    entries: Vec<usize>,
}

impl State {
    fn chain(&self, key: &MovementKey) -> impl Iterator<Item = &JournalRecord> {
        self.movements
            .get(key)
            .into_iter()
            .flat_map(|slot| &slot.chain)
            .filter_map(|at| self.journal.get(*at))
    }

    /// The entries of a refund, where any but its current revision is wanted.
    fn past_of(&self, slot: &RefundSlot, revisions: &[u32]) -> impl Iterator<Item = &JournalEntry> {
        let is_past = |revision: &u32| *revision != slot.refund.revision;
        let wanted = revisions.iter().any(is_past).then_some(&slot.entries);
        wanted
            .into_iter()
            .flatten()
            .filter_map(|at| self.journal.get(*at))
            .map(|record| &record.entry)
    }

    fn find(&self, org: &Id, lookup: &RefundLookup) -> Option<&RefundSlot> {
        let id = match lookup {
            RefundLookup::Id(id) => id,
            RefundLookup::ExternalId(external_id) => {
                self.external_ids.get(&(org.clone(), external_id.clone()))?
            }
            RefundLookup::Nothing => return None,
        };
        self.refunds
            .get(id)
            .filter(|slot| slot.refund.movement.org_id() == org.as_str())
    }

    fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
        let mut snapshot = Snapshot::with_room_for(wanted);
        for key in wanted.movements() {
            let found = self.movements.get(key).map(|slot| slot.movement.clone());
            snapshot.put_movement(key.clone(), found);
        }
        for (org, lookup, revisions) in wanted.refunds() {
            let found = match self.find(org, lookup) {
                None => None,
                Some(slot) => Some(LoadedRefund::from_chain(
                    slot.refund.clone(),
                    revisions,
                    self.past_of(slot, revisions),
                )?),
            };
            snapshot.put_refund(org.clone(), lookup.clone(), found);
        }
        Ok(snapshot)
    }

    fn holds(&self, precondition: &Precondition) -> bool {
        match precondition {
            Precondition::MovementAt { movement, version } => {
                let slot = self.movements.get(movement);
                *version == slot.map_or(0, |slot| slot.movement.chain.length)
            }
            Precondition::ExternalIdFree { org, external_id } => !self
                .external_ids
                .contains_key(&(org.clone(), external_id.clone())),
        }
    }

    fn apply(&mut self, batch: WriteBatch) -> Result<(), StoreError> {
        let is_new = |write: &RefundWrite| match write {
            RefundWrite::Insert(refund) => !self.refunds.contains_key(&refund.id),
            RefundWrite::Replace(_) => true,
        };
        if !batch.preconditions.iter().all(|p| self.holds(p)) || !batch.refunds.iter().all(is_new) {
            return Err(StoreError::Conflict);
        }
        for movement in batch.movements {
            if let Some(slot) = self.movements.get_mut(&movement.key) {
                slot.movement = movement;
            } else {
                let slot = MovementSlot {
                    movement,
                    chain: Vec::new(),
                    own_entries: Vec::new(),
                    refunds: BTreeSet::new(),
                };
                self.movements.insert(slot.movement.key.clone(), slot);
            }
        }
        for write in batch.refunds {
            self.put_refund(write);
        }
        for entry in batch.entries {
            self.append(entry);
        }
        for erasure in &batch.erasures {
            self.erase(erasure);
        }
        Ok(())
    }

    fn put_refund(&mut self, write: RefundWrite) {
        let is_new = matches!(write, RefundWrite::Insert(_));
        let (RefundWrite::Insert(refund) | RefundWrite::Replace(refund)) = write;
        if is_new {
            if let Some(slot) = self.movements.get_mut(&refund.movement) {
                slot.refunds.insert(refund.id);
            }
            if let Some(external_id) = &refund.details.external_id {
                self.external_ids
                    .insert((refund.movement.org(), external_id.id().clone()), refund.id);
            }
        }
        let (id, date) = (refund.id, refund.details.refund_datetime);
        match self.refunds.entry(id) {
            Entry::Vacant(place) => {
                place.insert(RefundSlot {
                    refund,
                    entries: Vec::with_capacity(1),
                });
            }
            Entry::Occupied(mut place) => {
                let before = std::mem::replace(&mut place.get_mut().refund, refund);
                self.by_date.remove(&(before.details.refund_datetime, id));
            }
        }
        self.by_date.insert((date, id));
    }

    fn append(&mut self, entry: JournalEntry) {
        let at = self.journal.len();
        if let Some(slot) = self.movements.get_mut(&entry.movement) {
            slot.chain.push(at);
            match text_owner(&entry.bytes) {
                Ok(TextOwner::Movement) => slot.own_entries.push(at),
                Ok(TextOwner::Refund(id)) => {
                    if let Some(refund) = self.refunds.get_mut(&id) {
                        refund.entries.push(at);
                    }
                }
                // One that can't be read is about none.
                Err(_) => {}
            }
        }
        self.journal.push(JournalRecord {
            position: position_behind(at),
            entry,
        });
    }

    fn erase(&mut self, erasure: &TextErasure) {
        let about_owner = match erasure.owner {
            TextOwner::Refund(id) => self.refunds.get(&id).map(|slot| &slot.entries),
            TextOwner::Movement => {
                let slot = self.movements.get(&erasure.movement);
                slot.map(|slot| &slot.own_entries)
            }
        };
        for at in about_owner.into_iter().flatten() {
            if let Some(record) = self.journal.get_mut(*at)
                && record.entry.movement == erasure.movement
                && record.entry.sequence <= erasure.through_sequence
            {
                record.entry.text = None;
            }
        }
    }

    fn scan(
        &self,
        range: &ScanRange<'_>,
        visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for (key, slot) in &self.movements {
            if !range.includes(key) {
                continue;
            }
            visit(ScanRow::Movement(&slot.movement))?;
            if range.entries {
                for record in self.chain(key) {
                    visit(ScanRow::Entry(record))?;
                }
            }
            if range.refunds {
                let refunds = slot.refunds.iter().filter_map(|id| self.refunds.get(id));
                for RefundSlot { refund, .. } in refunds {
                    let holder = refund.details.external_id.as_ref().and_then(|external_id| {
                        self.external_ids
                            .get(&(key.org(), external_id.id().clone()))
                    });
                    visit(ScanRow::Refund {
                        refund,
                        holder: holder.copied(),
                    })?;
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn last_position(&self) -> JournalPosition {
        self.journal.last().map_or(0, |record| record.position)
    }
}

/// The position of the entry that comes behind this many.
fn position_behind(entries: usize) -> JournalPosition {
    u64::try_from(entries).unwrap_or(u64::MAX).saturating_add(1)
}

impl Store for MemoryStore {
    fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
        self.lock().load(wanted)
    }

    fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        // Others need not wait for the copy.
        let batch = batch.clone();
        self.lock().apply(batch)
    }

    fn list_refunds(
        &self,
        filter: &RefundFilter,
        after: Option<ListAfter>,
        limit: usize,
    ) -> Result<Page<Refund>, StoreError> {
        use std::ops::Bound::{Excluded, Unbounded};
        let state = self.lock();
        let start = after.map_or(Unbounded, |after| {
            Excluded((after.refund_datetime, after.id))
        });
        let mut matching = state
            .by_date
            .range((start, Unbounded))
            .take_while(|(date, _)| filter.to.is_none_or(|to| *date < to))
            .filter_map(|(_, id)| state.refunds.get(id).map(|slot| &slot.refund))
            .filter(|refund| filter.matches(refund));
        let items: Vec<Refund> = matching.by_ref().take(limit).cloned().collect();
        let more = matching.next().is_some();
        Ok(Page { items, more })
    }

    fn journal(
        &self,
        after: JournalPosition,
        limit: usize,
    ) -> Result<Vec<JournalRecord>, StoreError> {
        let skip = usize::try_from(after).unwrap_or(usize::MAX);
        let state = self.lock();
        Ok(state
            .journal
            .iter()
            .skip(skip)
            .take(limit)
            .cloned()
            .collect())
    }

    fn scan(
        &self,
        range: &ScanRange<'_>,
        visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> Result<JournalPosition, StoreError> {
        let state = self.lock();
        let _stopped_early = state.scan(range, visit);
        Ok(state.last_position())
    }

    fn transact(
        &self,
        wanted: &ReadSet,
        decide: &mut dyn FnMut(Snapshot) -> WriteBatch,
    ) -> Result<(), StoreError> {
        let mut state = self.lock();
        let batch = decide(state.load(wanted)?);
        if batch.entries.is_empty() {
            return Ok(());
        }
        state.apply(batch)
    }
}

#[cfg(all(test, feature = "system"))]
mod tests {
    use std::sync::Arc;

    use super::MemoryStore;
    use crate::{Ledger, SystemHost, wire};

    /// What an erasure and a look at past revisions go through.
    #[test]
    fn a_refund_knows_its_own_entries_in_a_chain_of_many() {
        let store = Arc::new(MemoryStore::new());
        let ledger = Ledger::new(store.clone(), Arc::new(SystemHost::default()));
        let scope = r#""org_id":"a","subscription_id":"s","movement_id":"m""#;
        let refund = |id: &str| {
            format!(
                r#""body":{{"refund_datetime":"2022-02-24T13:45:10Z","billable":false,
                "external_refund_unique_id":"{id}","amount":{{"value_with_taxes":1}},"description":"{id}"}}"#
            )
        };
        let named = r#""external_refund_unique_id":"b""#;
        let mut b = None;
        for command in [
            r#""op":"record_movement","body":{"currency":"EUR","occurred_at":"2022-02-01T00:00:00Z",
            "amount":{"value_with_taxes":9},"description":"x"}"#
                .to_owned(),
            format!(r#""op":"create_refund",{}"#, refund("a")),
            format!(r#""op":"create_refund",{}"#, refund("b")),
            format!(r#""op":"create_refund",{}"#, refund("c")),
            format!(
                r#""op":"update_refund",{named},{}"#,
                refund("b").replace(":1}", ":2}")
            ),
            format!(r#""op":"erase_text",{named}"#),
            r#""op":"erase_text""#.to_owned(),
        ] {
            let line = format!("{{{scope},{command}}}");
            let receipt = ledger.execute(&wire::parse_line(line.as_bytes()).unwrap().command);
            let receipt = receipt.unwrap();
            if command.contains(named) {
                b = receipt.refund_id;
            }
        }
        let state = store.lock();
        assert_eq!(state.refunds[&b.unwrap()].entries, [2, 4, 5]);
        let slot = state.movements.values().next().unwrap();
        assert_eq!(slot.own_entries, [0, 6]);
    }
}

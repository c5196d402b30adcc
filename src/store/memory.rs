//! The store in memory: nothing outlives the process.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
/// lock guards it, so writers wait for each other, for lists and for scans.
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
    movements: Vec<MovementSlot>,
    /// Where each movement is.
    places: HashMap<MovementKey, usize>,
    /// The same in the order of scans; only a new movement changes it.
    in_order: BTreeMap<MovementKey, usize>,
    refunds: Vec<RefundSlot>,
    /// Where each refund is.
    ids: HashMap<RefundId, usize>,
    /// Where the refund is that holds an external id, by org.
    external_ids: HashMap<Id, HashMap<Id, usize>>,
    /// The refunds in the order of lists, but for those that no list has met yet.
    by_date: BTreeMap<(Timestamp, RefundId), usize>,
    /// Where those are.
    unlisted: Vec<usize>,
    /// The entry at position p stands at index p - 1.
    journal: Vec<EntrySlot>,
}

#[derive(Debug)]
struct MovementSlot {
    /// Shared with the snapshots of what is being decided.
    movement: Arc<Movement>,
    /// Indices into the journal, in order of sequence.
    chain: Vec<usize>,
    /// The last of them that is about the movement itself.
    last_entry: Option<usize>,
    /// Where its refunds are, in the order in which they came.
    refunds: Vec<usize>,
}

#[derive(Debug)]
struct RefundSlot {
    refund: Refund,
    /// The last entry about it: a chain is mostly about other refunds.
    last_entry: Option<usize>,
}

#[derive(Debug)]
struct EntrySlot {
    record: JournalRecord,
    /// The last entry before it about the same movement or refund.
    previous: Option<usize>,
}

impl State {
    fn movement(&self, key: &MovementKey) -> Option<&MovementSlot> {
        self.movements.get(*self.places.get(key)?)
    }

    fn movement_mut(&mut self, key: &MovementKey) -> Option<&mut MovementSlot> {
        self.movements.get_mut(*self.places.get(key)?)
    }

    fn refund(&self, id: RefundId) -> Option<&RefundSlot> {
        self.refunds.get(*self.ids.get(&id)?)
    }

    fn chain(&self, slot: &MovementSlot) -> impl Iterator<Item = &JournalRecord> {
        let entries = slot.chain.iter().filter_map(|at| self.journal.get(*at));
        entries.map(|slot| &slot.record)
    }

    /// Where the entries about one thing are, from the last one backwards.
    fn entries_from(&self, last: Option<usize>) -> impl Iterator<Item = usize> {
        std::iter::successors(last, |at| self.journal.get(*at)?.previous)
    }

    /// The entries of a refund, where any but its current revision is wanted.
    fn past_of(&self, slot: &RefundSlot, revisions: &[u32]) -> Vec<&JournalEntry> {
        let is_past = |revision: &u32| *revision != slot.refund.revision;
        let wanted = revisions.iter().any(is_past);
        let entries = self.entries_from(slot.last_entry.filter(|_| wanted));
        let mut entries: Vec<_> = entries
            .filter_map(|at| Some(&self.journal.get(at)?.record.entry))
            .collect();
        entries.reverse();
        entries
    }

    /// Where the refund is that holds an external id.
    fn holder(&self, org: &Id, external_id: &Id) -> Option<&RefundSlot> {
        let at = self.external_ids.get(org)?.get(external_id)?;
        self.refunds.get(*at)
    }

    fn find(&self, org: &Id, lookup: &RefundLookup) -> Option<&RefundSlot> {
        match lookup {
            RefundLookup::Id(id) => self
                .refund(*id)
                .filter(|slot| slot.refund.movement.org_id() == org.as_str()),
            RefundLookup::ExternalId(external_id) => self.holder(org, external_id),
            RefundLookup::Nothing => None,
        }
    }

    fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
        let mut snapshot = Snapshot::with_room_for(wanted);
        for key in wanted.movements() {
            let found = self.movement(key).map(|slot| Arc::clone(&slot.movement));
            snapshot.share_movement(key.clone(), found);
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
                let slot = self.movement(movement);
                *version == slot.map_or(0, |slot| slot.movement.chain.length)
            }
            Precondition::ExternalIdFree { org, external_id } => {
                self.holder(org, external_id).is_none()
            }
        }
    }

    fn apply(&mut self, batch: WriteBatch) -> Result<(), StoreError> {
        if !batch.preconditions.iter().all(|p| self.holds(p)) || !self.can_put(&batch.refunds) {
            return Err(StoreError::Conflict);
        }
        for movement in batch.movements {
            self.put_movement(movement);
        }
        for write in batch.refunds {
            match write {
                RefundWrite::Insert(refund) => self.insert_refund(refund),
                RefundWrite::Replace(refund) => self.replace_refund(refund),
            }
        }
        for entry in batch.entries {
            self.append(entry);
        }
        for erasure in &batch.erasures {
            self.erase(erasure);
        }
        Ok(())
    }

    /// Whether new refunds are new, others are there, and none comes twice.
    fn can_put(&self, writes: &[RefundWrite]) -> bool {
        let is_possible = |write: &RefundWrite| match write {
            RefundWrite::Insert(refund) => !self.ids.contains_key(&refund.id),
            RefundWrite::Replace(refund) => self
                .refund(refund.id)
                .is_some_and(|slot| slot.refund.movement == refund.movement),
        };
        let mut ids = HashSet::new();
        let mut is_first = |write: &RefundWrite| ids.insert(write.refund().id);
        writes.iter().all(is_possible) && (writes.len() < 2 || writes.iter().all(&mut is_first))
    }

    fn put_movement(&mut self, movement: Movement) {
        let movement = Arc::new(movement);
        if let Some(slot) = self.movement_mut(&movement.key) {
            slot.movement = movement;
            return;
        }
        let at = self.movements.len();
        self.places.insert(movement.key.clone(), at);
        self.in_order.insert(movement.key.clone(), at);
        self.movements.push(MovementSlot {
            movement,
            chain: Vec::new(),
            last_entry: None,
            refunds: Vec::new(),
        });
    }

    fn insert_refund(&mut self, refund: Refund) {
        let at = self.refunds.len();
        if let Some(slot) = self.movement_mut(&refund.movement) {
            slot.refunds.push(at);
        }
        if let Some(external_id) = &refund.details.external_id {
            let of_org = self.external_ids.entry(refund.movement.org());
            of_org.or_default().insert(external_id.id().clone(), at);
        }
        self.ids.insert(refund.id, at);
        self.unlisted.push(at);
        self.refunds.push(RefundSlot {
            refund,
            last_entry: None,
        });
    }

    fn replace_refund(&mut self, refund: Refund) {
        let Some(at) = self.ids.get(&refund.id).copied() else {
            return;
        };
        if let Some(slot) = self.refunds.get_mut(at) {
            let before = (slot.refund.details.refund_datetime, refund.id);
            let after = (refund.details.refund_datetime, refund.id);
            slot.refund = refund;
            if let Some(at) = self.by_date.remove(&before) {
                self.by_date.insert(after, at);
            }
        }
    }

    fn append(&mut self, entry: JournalEntry) {
        let at = self.journal.len();
        let mut previous = None;
        if let Some(slot) = self
            .places
            .get(&entry.movement)
            .and_then(|at| self.movements.get_mut(*at))
        {
            slot.chain.push(at);
            let last = match text_owner(&entry.bytes) {
                Ok(TextOwner::Movement) => Some(&mut slot.last_entry),
                Ok(TextOwner::Refund(id)) => {
                    let refund = self.ids.get(&id).and_then(|at| self.refunds.get_mut(*at));
                    refund.map(|slot| &mut slot.last_entry)
                }
                // One that can't be read is about none.
                Err(_) => None,
            };
            previous = last.and_then(|last| last.replace(at));
        }
        self.journal.push(EntrySlot {
            record: JournalRecord {
                position: position_behind(at),
                entry,
            },
            previous,
        });
    }

    fn erase(&mut self, erasure: &TextErasure) {
        let mut next = match erasure.owner {
            TextOwner::Refund(id) => self.refund(id).and_then(|slot| slot.last_entry),
            TextOwner::Movement => self
                .movement(&erasure.movement)
                .and_then(|slot| slot.last_entry),
        };
        while let Some(slot) = next.and_then(|at| self.journal.get_mut(at)) {
            let entry = &mut slot.record.entry;
            if entry.movement == erasure.movement && entry.sequence <= erasure.through_sequence {
                entry.text = None;
            }
            next = slot.previous;
        }
    }

    /// Puts all refunds in the order of lists.
    fn put_in_order(&mut self) {
        let unlisted = self.unlisted.drain(..).filter_map(|at| {
            let refund = &self.refunds.get(at)?.refund;
            Some(((refund.details.refund_datetime, refund.id), at))
        });
        let mut unlisted: Vec<_> = unlisted.collect();
        // Neighbours go in sooner one after the other.
        unlisted.sort_unstable();
        self.by_date.extend(unlisted);
    }

    fn scan(
        &self,
        range: &ScanRange<'_>,
        visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for (key, at) in &self.in_order {
            if !range.includes(key) {
                continue;
            }
            let Some(slot) = self.movements.get(*at) else {
                continue;
            };
            visit(ScanRow::Movement(&slot.movement))?;
            if range.entries {
                for record in self.chain(slot) {
                    visit(ScanRow::Entry(record))?;
                }
            }
            if range.refunds {
                let refunds = slot.refunds.iter().filter_map(|at| self.refunds.get(*at));
                let mut refunds: Vec<&Refund> = refunds.map(|slot| &slot.refund).collect();
                refunds.sort_unstable_by_key(|refund| refund.id);
                for refund in refunds {
                    let external_id = refund.details.external_id.as_ref();
                    let holder = external_id
                        .and_then(|external_id| self.holder(&key.org(), external_id.id()));
                    visit(ScanRow::Refund {
                        refund,
                        holder: holder.map(|slot| slot.refund.id),
                    })?;
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn last_position(&self) -> JournalPosition {
        self.journal.last().map_or(0, |slot| slot.record.position)
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
        let mut state = self.lock();
        let start = after.map_or(Unbounded, |after| {
            Excluded((after.refund_datetime, after.id))
        });
        state.put_in_order();
        let mut matching = state
            .by_date
            .range((start, Unbounded))
            .take_while(|((date, _), _)| filter.to.is_none_or(|to| *date < to))
            .filter_map(|(_, at)| state.refunds.get(*at).map(|slot| &slot.refund))
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
            .map(|slot| slot.record.clone())
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
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should fail loudly"
)]
mod tests {
    use std::sync::Arc;

    use super::MemoryStore;
    use crate::store::{ReadSet, RefundWrite, Store, StoreError, WriteBatch};
    use crate::{
        Command, Context, Host, Id, Ledger, Policy, RefundId, Repeats, SystemHost, decide, wire,
    };

    fn ledger() -> (Arc<MemoryStore>, Ledger) {
        let store = Arc::new(MemoryStore::new());
        let ledger = Ledger::new(store.clone(), Arc::new(SystemHost::default()));
        (store, ledger)
    }

    const MOVEMENT: &str = r#""op":"record_movement","body":{"currency":"EUR",
        "occurred_at":"2022-02-01T00:00:00Z","amount":{"value_with_taxes":9},"description":"x"}"#;

    fn create(id: &str) -> String {
        format!(r#""op":"create_refund",{}"#, refund(id))
    }

    fn refund(id: &str) -> String {
        format!(
            r#""body":{{"refund_datetime":"2022-02-24T13:45:10Z","billable":false,
            "external_refund_unique_id":"{id}","amount":{{"value_with_taxes":1}},"description":"{id}"}}"#
        )
    }

    fn command(rest: &str) -> Command {
        let scope = r#""org_id":"a","subscription_id":"s","movement_id":"m""#;
        let line = format!("{{{scope},{rest}}}");
        wire::parse_line(line.as_bytes()).unwrap().command
    }

    fn plan(store: &MemoryStore, command: &Command) -> WriteBatch {
        let host = SystemHost::default();
        let context = Context {
            now: host.now(),
            actor: &Id::local(),
            policy: &Policy::default(),
            repeats: Repeats::AsRequests,
        };
        let mut wanted = ReadSet::default();
        command.read_set(context.repeats, &mut wanted);
        let snapshot = store.load(&wanted).unwrap();
        let minted = host.mint(context.now).unwrap();
        let decision = decide(command, minted, &snapshot, &context).unwrap();
        decision.into_batch(&snapshot)
    }

    #[test]
    fn refunds_that_can_not_be_put_leave_everything_as_it_was() {
        let (store, ledger) = ledger();
        for rest in [MOVEMENT.to_owned(), create("a")] {
            ledger.execute(&command(&rest)).unwrap();
        }
        let update = format!(
            r#""op":"update_refund","external_refund_unique_id":"a",{}"#,
            refund("a").replace(":1}", ":2}")
        );
        let mut of_nobody = plan(&store, &command(&update));
        let [RefundWrite::Replace(refund)] = of_nobody.refunds.as_mut_slice() else {
            panic!("an update replaces one refund");
        };
        refund.id = RefundId::from_bytes([7; 16]);
        let mut twice = plan(&store, &command(&create("b")));
        twice.refunds.extend_from_within(..);

        let before = format!("{:?}", store.lock());
        for batch in [of_nobody, twice] {
            assert_eq!(store.commit(&batch), Err(StoreError::Conflict));
        }
        assert_eq!(format!("{:?}", store.lock()), before);
    }

    /// What an erasure and a look at past revisions go through.
    #[test]
    fn a_refund_knows_its_own_entries_in_a_chain_of_many() {
        let (store, ledger) = ledger();
        let named = r#""external_refund_unique_id":"b""#;
        let mut b = None;
        for rest in [
            MOVEMENT.to_owned(),
            create("a"),
            create("b"),
            create("c"),
            format!(
                r#""op":"update_refund",{named},{}"#,
                refund("b").replace(":1}", ":2}")
            ),
            format!(r#""op":"erase_text",{named}"#),
            r#""op":"erase_text""#.to_owned(),
        ] {
            let receipt = ledger.execute(&command(&rest)).unwrap();
            if rest.contains(named) {
                b = receipt.refund_id;
            }
        }
        let state = store.lock();
        let entries = |last| state.entries_from(last).collect::<Vec<_>>();
        let slot = state.refund(b.unwrap()).unwrap();
        assert_eq!(entries(slot.last_entry), [5, 4, 2]);
        assert_eq!(entries(state.movements[0].last_entry), [6, 0]);
    }
}

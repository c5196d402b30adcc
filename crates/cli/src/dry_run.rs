//! A store that decides on top of another one and keeps what it would have written to itself.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use refund_ledger::store::{
    Loaded, LoadedRefund, ReadSet, ScanRange, ScanRow, Snapshot, WriteBatch,
};
use refund_ledger::{
    Id, JournalEntry, JournalPosition, JournalRecord, ListAfter, Movement, MovementKey, Page,
    Refund, RefundFilter, RefundId, RefundLookup, SaltedText, Store, StoreError, TextOwner,
};

/// A store over a base that it never writes to. Commands see what earlier ones would have written;
/// lists, the journal and scans show the base alone.
pub(crate) struct DryRunStore<S> {
    base: S,
    written: Mutex<Written>,
}

/// The rows as they would be, of everything that would have been written.
#[derive(Default)]
struct Written {
    movements: BTreeMap<MovementKey, Movement>,
    refunds: BTreeMap<RefundId, LoadedRefund>,
    external_ids: BTreeMap<(Id, Id), RefundId>,
    /// Up to which sequence a refund's descriptions are erased.
    erased: BTreeMap<RefundId, u64>,
}

impl<S: Store> DryRunStore<S> {
    pub(crate) fn new(base: S) -> Self {
        Self {
            base,
            written: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn load_over(&self, written: &Written, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
        let base = self.base.load(wanted)?;
        let mut snapshot = Snapshot::default();
        for key in wanted.movements() {
            let found = match (written.movements.get(key), base.movement(key)) {
                (Some(movement), _) | (None, Loaded::Present(movement)) => Some(movement.clone()),
                (None, Loaded::Absent | Loaded::NotLoaded) => None,
            };
            snapshot.put_movement(key.clone(), found);
        }
        for (org, lookup, _) in wanted.refunds() {
            let below = match base.refund(org, lookup) {
                Loaded::Present(refund) => Some(refund),
                Loaded::Absent | Loaded::NotLoaded => None,
            };
            let found = written.find(org, lookup, below);
            snapshot.put_refund(org.clone(), lookup.clone(), found);
        }
        Ok(snapshot)
    }
}

impl Written {
    /// A refund as it would be; `below` is what the base has for the same look-up.
    fn find(
        &self,
        org: &Id,
        lookup: &RefundLookup,
        below: Option<&LoadedRefund>,
    ) -> Option<LoadedRefund> {
        let id = match (lookup, below) {
            (RefundLookup::Nothing, _) => None,
            (RefundLookup::Id(id), _) => Some(*id),
            (RefundLookup::ExternalId(_), Some(below)) => Some(below.refund.id),
            (RefundLookup::ExternalId(external_id), None) => self
                .external_ids
                .get(&(org.clone(), external_id.clone()))
                .copied(),
        };
        let above = id
            .and_then(|id| self.refunds.get(&id))
            .filter(|above| above.refund.movement.org_id() == org.as_str());
        let mut found = match (above, below) {
            (None, None) => return None,
            (None, Some(below)) => below.clone(),
            (Some(above), None) => above.clone(),
            (Some(above), Some(below)) => {
                let mut merged = below.clone();
                merged.put_past(below.refund.clone());
                for past in &above.past {
                    merged.put_past(past.clone());
                }
                merged.refund = above.refund.clone();
                forget_current(&mut merged);
                merged
            }
        };
        share_texts(&mut found);
        if let Some(through) = self.erased.get(&found.refund.id) {
            erase_texts(&mut found, *through);
        }
        Some(found)
    }

    fn apply(&mut self, batch: &WriteBatch) -> Result<(), StoreError> {
        for movement in &batch.movements {
            self.movements
                .insert(movement.key.clone(), movement.clone());
        }
        for write in &batch.refunds {
            let refund = write.refund();
            if let Some(external_id) = &refund.details.external_id {
                let key = (refund.movement.org(), external_id.id().clone());
                self.external_ids.insert(key, refund.id);
            }
            self.put(refund, &batch.entries)?;
        }
        for erasure in &batch.erasures {
            if let TextOwner::Refund(id) = erasure.owner {
                self.erased.insert(id, erasure.through_sequence);
            }
        }
        Ok(())
    }

    /// Replaces a refund, keeping the revisions that it went through.
    fn put(&mut self, refund: &Refund, entries: &[JournalEntry]) -> Result<(), StoreError> {
        let mut now = LoadedRefund {
            refund: refund.clone(),
            past: Vec::new(),
        };
        if refund.revision > 1 {
            // A batch holds only the last of its revisions as a row; the others are in its entries.
            let revisions: Vec<u32> = (1..refund.revision).collect();
            let chain = entries
                .iter()
                .filter(|entry| entry.movement == refund.movement);
            now = LoadedRefund::from_chain(refund.clone(), &revisions, chain)?;
        }
        if let Some(before) = self.refunds.remove(&refund.id) {
            now.put_past(before.refund);
            before.past.into_iter().for_each(|past| now.put_past(past));
        }
        forget_current(&mut now);
        share_texts(&mut now);
        self.refunds.insert(refund.id, now);
        Ok(())
    }
}

/// The current revision is none of the past ones.
fn forget_current(refund: &mut LoadedRefund) {
    let current = refund.refund.revision;
    refund.past.retain(|past| past.revision != current);
}

fn revisions_mut(refund: &mut LoadedRefund) -> impl Iterator<Item = &mut Refund> {
    std::iter::once(&mut refund.refund).chain(&mut refund.past)
}

/// Gives every revision the text that it shares with another: entries that kept an earlier text
/// come without it.
fn share_texts(refund: &mut LoadedRefund) {
    let texts: BTreeMap<u64, SaltedText> = std::iter::once(&refund.refund)
        .chain(&refund.past)
        .filter_map(|revision| {
            let description = &revision.details.description;
            Some((description.sequence, description.salted.clone()?))
        })
        .collect();
    for revision in revisions_mut(refund) {
        let description = &mut revision.details.description;
        if description.salted.is_none() {
            description.salted = texts.get(&description.sequence).cloned();
        }
    }
}

fn erase_texts(refund: &mut LoadedRefund, through_sequence: u64) {
    for revision in revisions_mut(refund) {
        let description = &mut revision.details.description;
        if description.sequence <= through_sequence {
            description.salted = None;
        }
    }
}

impl<S: Store> Store for DryRunStore<S> {
    fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
        self.load_over(&self.lock(), wanted)
    }

    fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        self.lock().apply(batch)
    }

    fn list_refunds(
        &self,
        filter: &RefundFilter,
        after: Option<ListAfter>,
        limit: usize,
    ) -> Result<Page<Refund>, StoreError> {
        self.base.list_refunds(filter, after, limit)
    }

    fn journal(
        &self,
        after: JournalPosition,
        limit: usize,
    ) -> Result<Vec<JournalRecord>, StoreError> {
        self.base.journal(after, limit)
    }

    fn scan(
        &self,
        range: &ScanRange<'_>,
        visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> Result<JournalPosition, StoreError> {
        self.base.scan(range, visit)
    }

    fn transact(
        &self,
        wanted: &ReadSet,
        decide: &mut dyn FnMut(Snapshot) -> WriteBatch,
    ) -> Result<(), StoreError> {
        let mut written = self.lock();
        let batch = decide(self.load_over(&written, wanted)?);
        written.apply(&batch)
    }
}

//! Stores with planted bugs.

use std::ops::ControlFlow;

use refund_ledger::store::memory::MemoryStore;
use refund_ledger::store::{
    Loaded, Precondition, ReadSet, RefundLookup, ScanRange, ScanRow, Snapshot, WriteBatch,
};
use refund_ledger::{
    JournalPosition, JournalRecord, ListAfter, Page, Refund, RefundFilter, Refunded, Store,
    StoreError,
};

/// What a store does wrong.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Deleted refunds stay as they were.
    ForgetsDeletes,
    /// The movement's row is not replaced, so that its sums stay behind.
    ForgetsSums,
    /// Erased texts stay.
    KeepsTexts,
    /// Taken external ids are not noticed.
    FindsNoExternalId,
}

impl Fault {
    /// Each of them.
    pub const ALL: [Self; 4] = [
        Self::ForgetsDeletes,
        Self::ForgetsSums,
        Self::KeepsTexts,
        Self::FindsNoExternalId,
    ];
}

/// A store in memory that does one thing wrong.
#[derive(Debug)]
pub struct Faulty {
    store: MemoryStore,
    fault: Fault,
}

impl Faulty {
    /// An empty one.
    pub fn new(fault: Fault) -> Self {
        Self {
            store: MemoryStore::new(),
            fault,
        }
    }
}

impl Store for Faulty {
    fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
        let found = self.store.load(wanted)?;
        if !matches!(self.fault, Fault::FindsNoExternalId) {
            return Ok(found);
        }
        let mut snapshot = Snapshot::default();
        for key in wanted.movements() {
            let movement = match found.movement(key) {
                Loaded::Present(movement) => Some(movement.clone()),
                Loaded::Absent | Loaded::NotLoaded => None,
            };
            snapshot.put_movement(key.clone(), movement);
        }
        for (org, lookup, _) in wanted.refunds() {
            let refund = match (lookup, found.refund(org, lookup)) {
                (RefundLookup::Id(_), Loaded::Present(refund)) => Some(refund.clone()),
                _ => None,
            };
            snapshot.put_refund(org.clone(), lookup.clone(), refund);
        }
        Ok(snapshot)
    }

    fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        let mut batch = batch.clone();
        match self.fault {
            Fault::ForgetsDeletes => batch.refunds.retain(|write| !write.refund().deleted),
            Fault::ForgetsSums => {
                for movement in &mut batch.movements {
                    movement.refunded = Refunded::default();
                }
            }
            Fault::KeepsTexts => batch.erasures.clear(),
            Fault::FindsNoExternalId => {
                batch
                    .preconditions
                    .retain(|one| !matches!(one, Precondition::ExternalIdFree { .. }));
            }
        }
        self.store.commit(&batch)
    }

    fn list_refunds(
        &self,
        filter: &RefundFilter,
        after: Option<ListAfter>,
        limit: usize,
    ) -> Result<Page<Refund>, StoreError> {
        self.store.list_refunds(filter, after, limit)
    }

    fn journal(
        &self,
        after: JournalPosition,
        limit: usize,
    ) -> Result<Vec<JournalRecord>, StoreError> {
        self.store.journal(after, limit)
    }

    fn scan(
        &self,
        range: &ScanRange<'_>,
        visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> Result<JournalPosition, StoreError> {
        self.store.scan(range, visit)
    }
}

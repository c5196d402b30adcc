//! The store as the clients use it, with an eye on how long its calls take and how they end.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use refund_ledger::store::postgres::PostgresStore;
use refund_ledger::store::{
    ReadSet, RefundOutline, ScanRange, ScanRow, Snapshot, Store, StoreError, WriteBatch,
};
use refund_ledger::{
    Id, JournalPosition, JournalRecord, ListAfter, Page, Refund, RefundFilter, Timestamp,
};

/// Forwards every method, and notes what is worth noting.
#[derive(Clone)]
pub(crate) struct Watched {
    inner: PostgresStore,
    notes: Arc<Notes>,
}

#[derive(Default)]
struct Notes {
    unknown: AtomicU64,
    slowest_us: AtomicU64,
}

impl Watched {
    pub(crate) fn new(inner: PostgresStore) -> Self {
        Self {
            inner,
            notes: Arc::default(),
        }
    }

    /// How many commits the store could not tell the outcome of.
    pub(crate) fn unknown(&self) -> u64 {
        self.notes.unknown.load(Ordering::Relaxed)
    }

    /// How long the longest call took that has a limit as a whole.
    pub(crate) fn slowest(&self) -> Duration {
        Duration::from_micros(self.notes.slowest_us.load(Ordering::Relaxed))
    }

    fn note<T>(&self, call: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let start = Instant::now();
        let outcome = call();
        let took = u64::try_from(start.elapsed().as_micros()).unwrap();
        self.notes.slowest_us.fetch_max(took, Ordering::Relaxed);
        if matches!(outcome, Err(StoreError::OutcomeUnknown { .. })) {
            self.notes.unknown.fetch_add(1, Ordering::Relaxed);
        }
        outcome
    }
}

impl Store for Watched {
    fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
        self.note(|| self.inner.load(wanted))
    }

    fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        self.note(|| self.inner.commit(batch))
    }

    fn list_refunds(
        &self,
        filter: &RefundFilter,
        after: Option<ListAfter>,
        limit: usize,
    ) -> Result<Page<Refund>, StoreError> {
        self.note(|| self.inner.list_refunds(filter, after, limit))
    }

    fn journal(
        &self,
        after: JournalPosition,
        limit: usize,
    ) -> Result<Vec<JournalRecord>, StoreError> {
        self.note(|| self.inner.journal(after, limit))
    }

    fn scan(
        &self,
        range: &ScanRange<'_>,
        visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> Result<JournalPosition, StoreError> {
        self.inner.scan(range, visit)
    }

    fn transact(
        &self,
        wanted: &ReadSet,
        decide: &mut dyn FnMut(Snapshot) -> WriteBatch,
    ) -> Result<(), StoreError> {
        self.note(|| self.inner.transact(wanted, decide))
    }

    fn refund_outlines(
        &self,
        org: &Id,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
        visit: &mut dyn FnMut(RefundOutline<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.inner.refund_outlines(org, from, to, visit)
    }

    fn scrub(&self) -> Result<(), StoreError> {
        self.inner.scrub()
    }

    fn with_time_limit(&self, limit: Duration) -> Option<Arc<dyn Store>> {
        self.inner.with_time_limit(limit)
    }
}

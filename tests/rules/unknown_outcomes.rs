//! A commit whose answer was lost, and a server that then can't be asked: nobody is told that it was
//! kept, or that nothing was changed, before that is certain.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::common::{Book, accepted, refused, replayed, standard};
use refund_ledger::store::memory::MemoryStore;
use refund_ledger::store::{ReadSet, ScanRange, ScanRow, Snapshot, WriteBatch};
use refund_ledger::{
    JournalPosition, JournalRecord, ListAfter, Page, Refund, RefundFilter, Store, StoreError,
};

fn unavailable() -> StoreError {
    StoreError::Unavailable {
        reason: "nobody answers".into(),
    }
}

/// A store that loses the answer to a commit, and after that is not there for a while.
#[derive(Default)]
struct Flaky {
    inner: MemoryStore,
    loses_the_answer: AtomicBool,
    transactions_refused: AtomicU32,
    scans_refused: AtomicU32,
}

impl Flaky {
    fn refuses(count: &AtomicU32) -> Result<(), StoreError> {
        let left = count.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            left.checked_sub(1)
        });
        if left.is_ok() {
            return Err(unavailable());
        }
        Ok(())
    }
}

impl Store for Flaky {
    fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
        self.inner.load(wanted)
    }

    fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        self.inner.commit(batch)
    }

    fn list_refunds(
        &self,
        filter: &RefundFilter,
        after: Option<ListAfter>,
        limit: usize,
    ) -> Result<Page<Refund>, StoreError> {
        self.inner.list_refunds(filter, after, limit)
    }

    fn journal(
        &self,
        after: JournalPosition,
        limit: usize,
    ) -> Result<Vec<JournalRecord>, StoreError> {
        self.inner.journal(after, limit)
    }

    fn scan(
        &self,
        range: &ScanRange<'_>,
        visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> Result<JournalPosition, StoreError> {
        Self::refuses(&self.scans_refused)?;
        self.inner.scan(range, visit)
    }

    fn transact(
        &self,
        wanted: &ReadSet,
        decide: &mut dyn FnMut(Snapshot) -> WriteBatch,
    ) -> Result<(), StoreError> {
        if self.loses_the_answer.swap(false, Ordering::Relaxed) {
            self.inner.transact(wanted, decide)?;
            return Err(StoreError::OutcomeUnknown {
                reason: "the answer was lost".into(),
            });
        }
        Self::refuses(&self.transactions_refused)?;
        self.inner.transact(wanted, decide)
    }
}

/// A ledger whose store has just one movement, and loses the answer to the next commit.
fn book() -> (Book, Arc<Flaky>) {
    let store = Arc::new(Flaky::default());
    let book = Book::over(store.clone());
    accepted(book.record(&crate::common::charge()));
    store.loses_the_answer.store(true, Ordering::Relaxed);
    (book, store)
}

#[track_caller]
fn stays_unknown(answer: crate::common::Answer) {
    let error = refused(answer, "store_unavailable");
    let store_error = error.store_error().unwrap();
    assert!(
        matches!(store_error, StoreError::OutcomeUnknown { .. }),
        "the refund may have been booked, and the caller was told: {store_error:?}"
    );
}

#[test]
fn what_only_the_journal_shows_is_not_acknowledged() {
    let (book, store) = book();
    // The journal can be read, and the refund is there; no transaction goes through, though. The
    // server may be one that keeps what the others have not got.
    store.transactions_refused.store(1, Ordering::Relaxed);
    stays_unknown(book.create(&standard("r-1")));
    let first = replayed(book.create(&standard("r-1")));
    assert_eq!(first.refund_id, Some(book.refund("r-1").id));
}

#[test]
fn a_server_that_is_not_there_afterwards_leaves_the_outcome_unknown() {
    let (book, store) = book();
    store.transactions_refused.store(1, Ordering::Relaxed);
    store.scans_refused.store(1, Ordering::Relaxed);
    stays_unknown(book.create(&standard("r-1")));
    store.scans_refused.store(0, Ordering::Relaxed);
    replayed(book.create(&standard("r-1")));
}

#[test]
fn a_journal_that_cannot_be_read_afterwards_leaves_the_outcome_unknown() {
    let (book, store) = book();
    store.scans_refused.store(1, Ordering::Relaxed);
    stays_unknown(book.create(&standard("r-1")));
    replayed(book.create(&standard("r-1")));
}

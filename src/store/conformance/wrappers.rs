//! Stores that misbehave as real ones do, around any store: others who are faster, calls that
//! fail, connections that are lost.
//!
//! The suite runs a ledger over each of them; a store's own tests may, too.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::journal::{JournalPosition, JournalRecord};
use crate::query::{ListAfter, Page, RefundFilter};
use crate::refund::Refund;
use crate::store::{ReadSet, ScanRange, ScanRow, Snapshot, Store, StoreError, WriteBatch};

/// Forwards the reading methods, `scrub`, and nothing else.
macro_rules! forward_reading {
    () => {
        fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
            self.inner.load(wanted)
        }
        forward_reading!(but load);
    };
    (but load) => {
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
            self.inner.scan(range, visit)
        }
        fn scrub(&self) -> Result<(), StoreError> {
            self.inner.scrub()
        }
    };
}

/// A wrapper that forgets to forward `transact`: the trait's own loop runs over the store's `load`
/// and `commit`.
#[derive(Debug)]
pub struct WithoutTransact<S> {
    inner: S,
}

impl<S> WithoutTransact<S> {
    /// Wraps a store.
    pub const fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S: Store> Store for WithoutTransact<S> {
    forward_reading!();

    fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        self.inner.commit(batch)
    }
}

/// A store that answers the first commits with `Conflict`, as if others were always faster.
#[derive(Debug)]
pub struct Contended<S> {
    inner: S,
    conflicts_left: AtomicU64,
}

impl<S> Contended<S> {
    /// Wraps a store; this many commits conflict.
    pub const fn new(inner: S, conflicts: u64) -> Self {
        Self {
            inner,
            conflicts_left: AtomicU64::new(conflicts),
        }
    }
}

impl<S: Store> Store for Contended<S> {
    forward_reading!();

    fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        let left = self
            .conflicts_left
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            });
        match left {
            Ok(_) => Err(StoreError::Conflict),
            Err(_) => self.inner.commit(batch),
        }
    }
}

/// What somebody else does to a store.
pub type Interference = Box<dyn FnOnce() + Send>;

/// A store on which somebody else writes right before the first commit.
pub struct Interrupted<S> {
    inner: S,
    interference: Mutex<Option<Interference>>,
}

impl<S> Interrupted<S> {
    /// Wraps a store.
    pub fn new(inner: S, interference: Interference) -> Self {
        Self {
            inner,
            interference: Mutex::new(Some(interference)),
        }
    }
}

impl<S> std::fmt::Debug for Interrupted<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interrupted").finish_non_exhaustive()
    }
}

impl<S: Store> Store for Interrupted<S> {
    forward_reading!();

    fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        let interference = lock(&self.interference).take();
        if let Some(interfere) = interference {
            interfere();
        }
        self.inner.commit(batch)
    }
}

/// A store whose n-th call fails, before it does anything. A scan fails midway: behind the first
/// row, if there is one.
#[derive(Debug)]
pub struct Failing<S> {
    inner: S,
    fails_at: u64,
    error: StoreError,
    calls: AtomicU64,
}

impl<S> Failing<S> {
    /// Wraps a store; the call of this number, from 1, answers with the error.
    pub const fn new(inner: S, fails_at: u64, error: StoreError) -> Self {
        Self {
            inner,
            fails_at,
            error,
            calls: AtomicU64::new(0),
        }
    }

    /// Whether the call that fails was reached.
    pub fn has_failed(&self) -> bool {
        self.calls.load(Ordering::Relaxed) >= self.fails_at
    }

    fn call(&self) -> Result<(), StoreError> {
        if self.calls.fetch_add(1, Ordering::Relaxed) + 1 == self.fails_at {
            Err(self.error.clone())
        } else {
            Ok(())
        }
    }
}

impl<S: Store> Store for Failing<S> {
    fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
        self.call()?;
        self.inner.load(wanted)
    }

    fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        self.call()?;
        self.inner.commit(batch)
    }

    fn list_refunds(
        &self,
        filter: &RefundFilter,
        after: Option<ListAfter>,
        limit: usize,
    ) -> Result<Page<Refund>, StoreError> {
        self.call()?;
        self.inner.list_refunds(filter, after, limit)
    }

    fn journal(
        &self,
        after: JournalPosition,
        limit: usize,
    ) -> Result<Vec<JournalRecord>, StoreError> {
        self.call()?;
        self.inner.journal(after, limit)
    }

    fn scan(
        &self,
        range: &ScanRange<'_>,
        visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> Result<JournalPosition, StoreError> {
        match self.call() {
            Ok(()) => self.inner.scan(range, visit),
            Err(error) => {
                self.inner.scan(range, &mut |row| {
                    let _goes_on = visit(row);
                    ControlFlow::Break(())
                })?;
                Err(error)
            }
        }
    }

    fn scrub(&self) -> Result<(), StoreError> {
        self.call()?;
        self.inner.scrub()
    }
}

/// How a commit ends whose outcome is then unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// It happened; the answer was lost.
    Answer,
    /// It did not happen; the request was lost.
    Request,
}

/// Where a connection is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LostDuring {
    /// During `commit`; the wrapper does not forward `transact`.
    Commit,
    /// During `transact`, also where there was nothing to commit.
    Transact,
}

/// A store that loses its connection, so that the outcome of a commit is unknown.
pub struct Disconnecting<S> {
    inner: S,
    during: LostDuring,
    losses: Mutex<VecDeque<Lost>>,
    interference: Mutex<Option<Interference>>,
}

impl<S> Disconnecting<S> {
    /// Wraps a store. The first calls lose their connection in these ways, one after the other.
    pub fn new(inner: S, during: LostDuring, losses: impl IntoIterator<Item = Lost>) -> Self {
        Self {
            inner,
            during,
            losses: Mutex::new(losses.into_iter().collect()),
            interference: Mutex::new(None),
        }
    }

    /// The same, and right behind the first loss somebody else writes.
    #[must_use]
    pub fn and_then(self, interference: Interference) -> Self {
        *lock(&self.interference) = Some(interference);
        self
    }

    fn lose(&self) -> StoreError {
        let interference = lock(&self.interference).take();
        if let Some(interfere) = interference {
            interfere();
        }
        StoreError::OutcomeUnknown {
            reason: "the connection was lost".into(),
        }
    }
}

impl<S> std::fmt::Debug for Disconnecting<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disconnecting")
            .field("during", &self.during)
            .field("losses", &self.losses)
            .finish_non_exhaustive()
    }
}

impl<S: Store> Store for Disconnecting<S> {
    forward_reading!();

    fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        let lost = lock(&self.losses).pop_front();
        match lost {
            None => self.inner.commit(batch),
            Some(Lost::Request) => Err(self.lose()),
            Some(Lost::Answer) => {
                self.inner.commit(batch)?;
                Err(self.lose())
            }
        }
    }

    fn transact(
        &self,
        wanted: &ReadSet,
        decide: &mut dyn FnMut(Snapshot) -> WriteBatch,
    ) -> Result<(), StoreError> {
        if self.during == LostDuring::Commit {
            return WithoutTransact::new(self).transact(wanted, decide);
        }
        let lost = lock(&self.losses).pop_front();
        match lost {
            None => self.inner.transact(wanted, decide),
            Some(Lost::Request) => {
                let _never_sent = decide(self.inner.load(wanted)?);
                Err(self.lose())
            }
            Some(Lost::Answer) => {
                self.inner.transact(wanted, decide)?;
                Err(self.lose())
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! The interface that every store implements, and what passes through it.
//!
//! A store knows no rules. It loads what a [`ReadSet`] names into a [`Snapshot`], and it applies a
//! [`WriteBatch`] in full or not at all, after checking its preconditions.

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod memory;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "sqlite")]
pub mod sqlite;

pub(crate) mod batch;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod columns;
mod outline;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod scanning;
mod snapshot;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

pub use batch::{Precondition, RefundWrite, TextErasure, WriteBatch};
pub use outline::RefundOutline;
pub use snapshot::{Loaded, LoadedRefund, ReadSet, RefundLookup, Snapshot};

use crate::id::{Id, MovementKey, RefundId};
use crate::journal::{JournalPosition, JournalRecord};
use crate::movement::Movement;
use crate::query::{ListAfter, Page, RefundFilter};
use crate::refund::Refund;
use crate::time::Timestamp;

/// How often [`Store::transact`] decides anew when others changed what it had read.
pub const ATTEMPTS_MAX: u32 = 16;

/// What a store can say when it can't do what it was asked. Each becomes a
/// [`LedgerError`](crate::LedgerError), which keeps it as
/// [`store_error`](crate::LedgerError::store_error).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A precondition did not hold; nothing was changed. Once the attempts are used up: `timeout`.
    #[error("the state changed between reading and writing")]
    Conflict,
    /// Others kept the store locked past its limit; nothing was changed: `timeout`.
    #[error("the store is locked by others")]
    Busy,
    /// The connection was lost during the commit: it may have happened or not. The ledger looks
    /// into the journal for what came of it; where it can't: `store_unavailable`.
    #[error("the outcome of the commit is unknown: {reason}")]
    OutcomeUnknown {
        /// What happened.
        reason: String,
    },
    /// The store's server cannot be reached; nothing was changed: `store_unavailable`.
    #[error("the store cannot be reached: {reason}")]
    Unavailable {
        /// What happened.
        reason: String,
    },
    /// What the store holds is damaged: `store_corrupted`.
    #[error("the store is damaged: {reason}")]
    Corrupted {
        /// What is damaged.
        reason: String,
    },
    /// The store is not one that this version can use: not ours, newer, or of an unsafe library:
    /// `internal`.
    #[error("{reason}")]
    Unsupported {
        /// Why, and what to do.
        reason: String,
    },
    /// Anything else (a full disk, a read-only file, an I/O error); nothing was changed:
    /// `internal`.
    #[error("{reason}")]
    Failed {
        /// What happened.
        reason: String,
    },
}

/// Where a ledger keeps what it knows.
///
/// Implement [`load`](Store::load), [`commit`](Store::commit),
/// [`list_refunds`](Store::list_refunds), [`journal`](Store::journal) and [`scan`](Store::scan),
/// then run the conformance suite (feature `conformance`) against the store: it is the contract in
/// executable form. The trait is object safe; wrappers forward every method, those with a
/// provided form included.
///
/// What a ledger does with a store, by hand:
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use refund_ledger::store::memory::MemoryStore;
/// use refund_ledger::store::{Loaded, ReadSet};
/// use refund_ledger::{Ledger, MovementKey, Store};
/// use std::sync::Arc;
///
/// let store = Arc::new(MemoryStore::new());
/// let ledger = Ledger::with_system_host(store.clone());
/// let movement = MovementKey::new("acme", "sub-7", "mov-42")?;
/// let mut wanted = ReadSet::default();
/// wanted.want_movement(movement.clone());
/// assert_eq!(store.load(&wanted)?.movement(&movement), Loaded::Absent);
///
/// ledger.record_movement(&movement, &charge()?)?;
/// assert!(matches!(store.load(&wanted)?.movement(&movement), Loaded::Present(_)));
/// assert_eq!(store.journal(0, 500)?.len(), 1);
/// # Ok(()) }
/// ```
pub trait Store: Send + Sync {
    /// One consistent view of everything that `wanted` names. What does not exist is put into the
    /// snapshot as absent: nothing that was asked for stays unloaded.
    ///
    /// # Errors
    /// Any [`StoreError`] but `Conflict` and `OutcomeUnknown`.
    fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError>;

    /// Checks every precondition and applies every write, durably, or changes nothing. Entries get
    /// ascending positions in the order in which they stand in the batch, and a reader that has
    /// seen a position never sees a smaller one appear later.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where a precondition does not hold; `OutcomeUnknown` where it can't
    /// be told whether the batch was applied; others where it was not.
    fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError>;

    /// Refunds that match a filter, ordered by `refund_datetime`, then id, from right behind
    /// `after`: at most `limit`, and whether there are more.
    ///
    /// # Errors
    /// Any [`StoreError`] but `Conflict` and `OutcomeUnknown`.
    fn list_refunds(
        &self,
        filter: &RefundFilter,
        after: Option<ListAfter>,
        limit: usize,
    ) -> Result<Page<Refund>, StoreError>;

    /// At most `limit` journal entries with positions above `after`, in order of position.
    ///
    /// # Errors
    /// Any [`StoreError`] but `Conflict` and `OutcomeUnknown`.
    fn journal(
        &self,
        after: JournalPosition,
        limit: usize,
    ) -> Result<Vec<JournalRecord>, StoreError>;

    /// Visits movements in key order, all in one consistent view, until the visitor breaks off:
    /// for each its row, then its entries in order of sequence, then its refunds in order of id,
    /// as far as `range` asks for them; at the end, in a scan of everything, whatever belongs to
    /// no movement. Answers with the last position of the view.
    ///
    /// The visitor must not call into the store: it may be locked.
    ///
    /// What is there but can't be read as what it should be is visited as [`ScanRow::Invalid`],
    /// and the scan goes on.
    ///
    /// # Errors
    /// Any [`StoreError`] but `Conflict` and `OutcomeUnknown`.
    fn scan(
        &self,
        range: &ScanRange<'_>,
        visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> Result<JournalPosition, StoreError>;

    /// Loads, decides and commits, and where others were faster does so again, a bounded number
    /// of times. A batch without entries is not committed.
    ///
    /// The provided form holds no lock. A store with a write lock overrides it and holds the lock
    /// across the three, so that nobody can be faster. A wrapper must forward it, or it loses that.
    ///
    /// # Errors
    /// As `load` and `commit`; [`StoreError::Conflict`] once the attempts are used up.
    fn transact(
        &self,
        wanted: &ReadSet,
        decide: &mut dyn FnMut(Snapshot) -> WriteBatch,
    ) -> Result<(), StoreError> {
        for _ in 0..ATTEMPTS_MAX {
            let batch = decide(self.load(wanted)?);
            if batch.entries.is_empty() {
                return Ok(());
            }
            match self.commit(&batch) {
                Err(StoreError::Conflict) => {}
                outcome => return outcome,
            }
        }
        Err(StoreError::Conflict)
    }

    /// Visits every refund of an org whose `refund_datetime` is in `[from, to)`, deleted ones too, in
    /// any order and in one consistent view: less of each than [`Store::scan`] does. An org that is
    /// not there has none. The visitor must not call into the store.
    ///
    /// The provided form reads all that the org has. A store that reads less, or faster, overrides
    /// it.
    ///
    /// # Errors
    /// As `scan`, and [`StoreError::Corrupted`] where something stored can't be what it should be.
    fn refund_outlines(
        &self,
        org: &Id,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
        visit: &mut dyn FnMut(RefundOutline<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        outline::by_scan(self, org, from, to, visit)
    }

    /// Makes sure that text erased by earlier commits is in none of the store's files any more.
    /// A store that overwrites in place as it commits has nothing to do.
    ///
    /// # Errors
    /// [`StoreError::Busy`] where readers of an older state keep the store from it; call again.
    fn scrub(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// A handle on the same store whose calls wait at most this long for others, then answer
    /// [`StoreError::Busy`] with nothing changed. `None`, as provided, where calls never wait, or
    /// where it can't be limited how long.
    fn with_time_limit(&self, limit: Duration) -> Option<Arc<dyn Store>> {
        let _ = limit;
        None
    }
}

/// Which movements a scan visits, and how much of each.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScanRange<'a> {
    /// Only movements of this org.
    pub org: Option<&'a Id>,
    /// Only this movement.
    pub only: Option<&'a MovementKey>,
    /// Only movements behind this key.
    pub after: Option<&'a MovementKey>,
    /// Whether their entries are visited.
    pub entries: bool,
    /// Whether their refunds are visited.
    pub refunds: bool,
}

impl ScanRange<'_> {
    /// Whether a movement lies in the range.
    pub fn includes(&self, key: &MovementKey) -> bool {
        self.org.is_none_or(|org| key.org_id() == org.as_str())
            && self.only.is_none_or(|only| key == only)
            && self.after.is_none_or(|after| key > after)
    }
}

/// What a scan visits.
#[derive(Clone, Copy, Debug)]
pub enum ScanRow<'a> {
    /// A movement, before its entries and refunds.
    Movement(&'a Movement),
    /// An entry of the movement visited last.
    Entry(&'a JournalRecord),
    /// A refund of the movement visited last.
    Refund {
        /// The refund.
        refund: &'a Refund,
        /// Whom a look-up of the refund's external id finds: itself, in a sound store.
        holder: Option<RefundId>,
    },
    /// Something stored that is not what it should be.
    Invalid {
        /// The movement that it belongs to, where that can be told.
        movement: Option<&'a MovementKey>,
        /// What is wrong.
        reason: &'a str,
    },
}

macro_rules! forward_store {
    ($($wrapper:ty),*) => {$(
        impl<S: Store + ?Sized> Store for $wrapper {
            fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
                (**self).load(wanted)
            }
            fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
                (**self).commit(batch)
            }
            fn list_refunds(
                &self,
                filter: &RefundFilter,
                after: Option<ListAfter>,
                limit: usize,
            ) -> Result<Page<Refund>, StoreError> {
                (**self).list_refunds(filter, after, limit)
            }
            fn journal(
                &self,
                after: JournalPosition,
                limit: usize,
            ) -> Result<Vec<JournalRecord>, StoreError> {
                (**self).journal(after, limit)
            }
            fn scan(
                &self,
                range: &ScanRange<'_>,
                visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
            ) -> Result<JournalPosition, StoreError> {
                (**self).scan(range, visit)
            }
            fn transact(
                &self,
                wanted: &ReadSet,
                decide: &mut dyn FnMut(Snapshot) -> WriteBatch,
            ) -> Result<(), StoreError> {
                (**self).transact(wanted, decide)
            }
            fn refund_outlines(
                &self,
                org: &Id,
                from: Option<Timestamp>,
                to: Option<Timestamp>,
                visit: &mut dyn FnMut(RefundOutline<'_>) -> ControlFlow<()>,
            ) -> Result<(), StoreError> {
                (**self).refund_outlines(org, from, to, visit)
            }
            fn scrub(&self) -> Result<(), StoreError> {
                (**self).scrub()
            }
            fn with_time_limit(&self, limit: Duration) -> Option<Arc<dyn Store>> {
                (**self).with_time_limit(limit)
            }
        }
    )*};
}
forward_store!(Arc<S>, std::boxed::Box<S>, &S);

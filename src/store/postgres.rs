//! The store on a PostgreSQL server.

mod connect;
mod errors;
mod options;
mod parameters;
mod pool;
mod reasons;
mod session;
mod socket;
mod tls;
mod url;
mod wire;

pub use options::PostgresOptions;

use std::ops::ControlFlow;

use super::{ReadSet, ScanRange, ScanRow, Snapshot, Store, StoreError, WriteBatch};
use crate::journal::{JournalPosition, JournalRecord};
use crate::query::{ListAfter, Page, RefundFilter};
use crate::refund::Refund;

/// A store on a PostgreSQL server.
#[derive(Clone, Debug)]
pub struct PostgresStore {}

fn not_yet<T>() -> Result<T, StoreError> {
    Err(StoreError::Unsupported {
        reason: "there is no such store yet".into(),
    })
}

impl PostgresStore {
    /// Opens the ledger on the server, or makes one where there is none.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub fn open(_options: &PostgresOptions) -> Result<Self, StoreError> {
        not_yet()
    }

    /// Opens the ledger on the server, which must be there.
    ///
    /// # Errors
    /// [`StoreError::Unsupported`] where there is none.
    pub fn open_existing(_options: &PostgresOptions) -> Result<Self, StoreError> {
        not_yet()
    }

    /// Opens the ledger on the server, if there is one.
    ///
    /// # Errors
    /// As [`PostgresStore::open_existing`], but for a ledger that is not there.
    pub fn open_if_there(_options: &PostgresOptions) -> Result<Option<Self>, StoreError> {
        not_yet()
    }
}

impl Store for PostgresStore {
    fn load(&self, _: &ReadSet) -> Result<Snapshot, StoreError> {
        not_yet()
    }
    fn commit(&self, _: &WriteBatch) -> Result<(), StoreError> {
        not_yet()
    }
    fn list_refunds(
        &self,
        _: &RefundFilter,
        _: Option<ListAfter>,
        _: usize,
    ) -> Result<Page<Refund>, StoreError> {
        not_yet()
    }
    fn journal(&self, _: JournalPosition, _: usize) -> Result<Vec<JournalRecord>, StoreError> {
        not_yet()
    }
    fn scan(
        &self,
        _: &ScanRange<'_>,
        _: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> Result<JournalPosition, StoreError> {
        not_yet()
    }
}

//! A transaction that is taken back unless it was committed, whatever happens in between.

use std::mem;

use rusqlite::{Connection, ffi};

use super::errors::Fault;
use crate::store::StoreError;

/// INVARIANT: the connection is in a transaction as long as this lives. Dropping it, also while
/// panicking, rolls back.
pub(super) struct Transaction<'c> {
    connection: &'c Connection,
}

impl<'c> Transaction<'c> {
    /// Takes the write lock, waiting for it as long as the connection's busy timeout says.
    pub(super) fn immediate(connection: &'c Connection) -> Result<Self, Fault> {
        Self::begin(connection, "BEGIN IMMEDIATE")
    }

    /// One consistent view from the first read on.
    pub(super) fn deferred(connection: &'c Connection) -> Result<Self, Fault> {
        Self::begin(connection, "BEGIN")
    }

    fn begin(connection: &'c Connection, sql: &str) -> Result<Self, Fault> {
        roll_back(connection);
        connection.prepare_cached(sql)?.execute(())?;
        Ok(Self { connection })
    }

    pub(super) fn commit(self) -> Result<(), Fault> {
        // A commit that fails leaves the transaction open, and dropping it rolls back.
        commit(self.connection)
    }

    /// Whoever has the connection next goes on with it.
    pub(super) fn leave_open(self) {
        mem::forget(self);
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        roll_back(self.connection);
    }
}

/// Commits what is open. Where that fails, it may stay open.
pub(super) fn commit(connection: &Connection) -> Result<(), Fault> {
    match connection.prepare_cached("COMMIT")?.execute(()) {
        Err(rusqlite::Error::SqliteFailure(error, message))
            if error.extended_code == ffi::SQLITE_IOERR_FSYNC =>
        {
            // All of it is written, and may outlive a crash though the sync failed.
            Err(StoreError::OutcomeUnknown {
                reason: format!("a sync failed: {}", message.unwrap_or_default()),
            }
            .into())
        }
        outcome => Ok(outcome.map(|_| ())?),
    }
}

/// Some failures (a full disk) end a transaction by themselves, others don't.
pub(super) fn roll_back(connection: &Connection) {
    if !connection.is_autocommit() {
        let rolled_back = connection
            .prepare_cached("ROLLBACK")
            .and_then(|mut statement| statement.execute(()));
        // Where even this fails, the next transaction tries it again.
        drop(rolled_back);
    }
}

//! The one connection that writes, as what [groups](super::group) write in.

use std::cell::Cell;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;

use super::errors::Fault;
use super::group::Session;
use super::open_files::OpenFile;
use super::transaction::{self, Transaction};
use crate::store::StoreError;

/// The connection, and the file that it writes to.
#[derive(Debug)]
pub(super) struct WriteSession {
    pub(super) connection: Connection,
    path: PathBuf,
    /// What a member wrote could not be taken back, so what is open must never be committed.
    is_spoilt: Cell<bool>,
    /// Dropped after the connection, which must be closed by then.
    open_file: OpenFile,
}

impl WriteSession {
    pub(super) fn new(connection: Connection, path: PathBuf, open_file: OpenFile) -> Self {
        Self {
            connection,
            path,
            is_spoilt: Cell::new(false),
            open_file,
        }
    }

    fn run(&self, sql: &str) -> Result<(), StoreError> {
        let run = || Ok(self.connection.prepare_cached(sql)?.execute(())?);
        run().map(drop).map_err(|fault: Fault| fault.at(&self.path))
    }

    fn check_in_place(&self) -> Result<(), StoreError> {
        if self.open_file.is_in_place(&self.path) {
            return Ok(());
        }
        Err(StoreError::Failed {
            reason: format!(
                "`{}`, or its `-wal`, was removed, replaced or emptied while it was open; nothing \
                 is written any more: put it back, or restore a backup, and open it anew",
                self.path.display()
            ),
        })
    }
}

impl Session for WriteSession {
    type Failure = StoreError;

    fn begin(&self, limit: Duration) -> Result<(), StoreError> {
        let begin = || {
            self.connection.busy_timeout(limit)?;
            Transaction::immediate(&self.connection).map(Transaction::leave_open)
        };
        begin().map_err(|fault: Fault| fault.at(&self.path))?;
        self.is_spoilt.set(false);
        Ok(())
    }

    fn commit(&self) -> Result<(), StoreError> {
        self.check_in_place()?;
        transaction::commit(&self.connection).map_err(|fault| fault.at(&self.path))
    }

    fn roll_back(&self) {
        transaction::roll_back(&self.connection);
    }

    fn is_in_transaction(&self) -> bool {
        !self.connection.is_autocommit() && !self.is_spoilt.get()
    }

    fn save(&self) -> Result<(), StoreError> {
        // Outside of a transaction a savepoint begins one, and releasing it commits.
        if !self.is_in_transaction() {
            return Err(Self::taken_back());
        }
        self.run("SAVEPOINT member")
    }

    fn keep(&self) -> Result<(), StoreError> {
        self.run("RELEASE member")
    }

    fn undo(&self) {
        if !self.is_in_transaction() {
            return;
        }
        let undone = self.run("ROLLBACK TO member").and_then(|()| self.keep());
        if undone.is_err() {
            self.is_spoilt.set(true);
            self.roll_back();
        }
    }

    fn busy() -> StoreError {
        StoreError::Busy
    }

    fn taken_back() -> StoreError {
        StoreError::Failed {
            reason:
                "what another thread wrote at the same time failed, and took this back with it: \
                     nothing was written, and the same call can be made again"
                    .to_owned(),
        }
    }
}

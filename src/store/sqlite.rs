//! The durable store: one SQLite file.
//!
//! One connection writes, and a few read beside it. Every write runs in one transaction that takes
//! the write lock before it reads, so that what was decided is still true when it is written.
//! Threads that come together share a transaction, one after the other, and its commit.
//! Several handles on one file, in one process or many, are safe.

mod apply;
mod backup;
mod beside;
mod bind;
mod chain;
mod errors;
mod group;
mod list;
mod load;
mod open;
mod open_files;
mod outlines;
mod rows;
mod scan;
mod schema;
mod session;
mod statements;
mod steps;
mod strays;
mod sync;
mod transaction;
mod version;

#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;

use self::bind::stored;
use self::errors::Fault;
use self::group::Writer;
use self::load::Known;
use self::open::Role;
use self::open_files::OpenFile;
use self::rows::Columns;
use self::schema::MIGRATIONS;
use self::session::WriteSession;
use self::statements::LOAD_JOURNAL;
use self::steps::Volume;
use self::sync::{Mutex, lock};
use self::transaction::Transaction;
use super::{ReadSet, RefundOutline, ScanRange, ScanRow, Snapshot, Store, StoreError, WriteBatch};
use crate::id::Id;
use crate::journal::{JournalPosition, JournalRecord};
use crate::query::{ListAfter, Page, RefundFilter};
use crate::refund::Refund;
use crate::time::Timestamp;

/// How many idle readers are kept open.
const READERS_MAX: usize = 8;

/// How a [`SqliteStore`] behaves.
#[derive(Clone, Copy, Debug)]
pub struct SqliteOptions {
    busy_timeout: Duration,
    pages_max: Option<u32>,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            busy_timeout: Duration::from_secs(5),
            pages_max: None,
        }
    }
}

impl SqliteOptions {
    /// How long a call waits for others, be they threads that share the store or other handles and
    /// processes, before it answers [`StoreError::Busy`]: 5 seconds by default.
    /// Once it has written, it waits for the commit however long that takes.
    /// [`Store::with_time_limit`] sets it for some calls only.
    #[must_use]
    pub fn with_busy_timeout(mut self, busy_timeout: Duration) -> Self {
        self.busy_timeout = busy_timeout;
        self
    }

    /// How many pages of 4 KiB the file may grow to through this handle. Beyond that a change is
    /// refused as on a full disk. Without limit by default.
    #[must_use]
    pub fn with_pages_max(mut self, pages_max: u32) -> Self {
        self.pages_max = Some(pages_max);
        self
    }
}

/// A store in one SQLite file (with its `-wal` and `-shm` beside it while it is open).
///
/// What a call has answered is durable: the write-ahead log is synced before a commit returns.
///
/// Threads that write through one store at the same time share a commit, and so the wait for the disk. Each
/// decides after what the others before it have written, and all of them are answered once it is
/// durable. One that is refused, fails or panics leaves the others alone, unless SQLite ends the transaction, as
/// it does on a full disk: that, like a commit that fails, fails for all. A thread that is alone never waits for others, but once after a crowd: half as long as the last commit
/// took, and 20 ms at most.
///
/// The `decide` of [`Store::transact`] runs while the store holds its write lock. It must not call
/// into the same store: a call that writes would wait for itself until its time is up. A visitor of
/// [`Store::scan`] may call, though a `scrub` from there is held back by the scan itself.
///
/// Cloning it is cheap and shares the file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    shared: Arc<Shared>,
    /// How long a call through this handle waits for others.
    time_limit: Duration,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    options: SqliteOptions,
    readers: Mutex<Vec<Connection>>,
    /// Dropped last: other connections to the file must be closed by then.
    writer: Writer<WriteSession>,
}

impl SqliteStore {
    /// Opens the ledger in this file, or makes one where there is no file or an empty one.
    ///
    /// # Errors
    /// [`StoreError::Unsupported`] for a file that is not a ledger or is one of a newer version
    /// (it is left untouched), and on a SQLite library that can damage files;
    /// [`StoreError::Corrupted`] for a damaged one; [`StoreError::Busy`]; [`StoreError::Failed`]
    /// where the file system refuses.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("refunds.db");
    /// use refund_ledger::store::sqlite::SqliteStore;
    /// let store = SqliteStore::open(&path)?;
    /// assert!(SqliteStore::open(directory.path()).is_err(), "a directory is no ledger");
    /// # Ok(()) }
    /// ```
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, SqliteOptions::default())
    }

    /// As [`SqliteStore::open`], with options.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("refunds.db");
    /// use refund_ledger::store::sqlite::{SqliteOptions, SqliteStore};
    /// let patient = SqliteOptions::default().with_busy_timeout(std::time::Duration::from_secs(60));
    /// let store = SqliteStore::open_with(&path, patient)?;
    /// # Ok(()) }
    /// ```
    pub fn open_with(path: &Path, options: SqliteOptions) -> Result<Self, StoreError> {
        version::check_library()?;
        let path = open::absolute(path)?;
        let (open_file, connection) =
            Self::open_writer(&path, &options).map_err(|fault| fault.at(&path))?;
        let session = WriteSession::new(connection, path.clone(), open_file);
        Ok(Self {
            shared: Arc::new(Shared {
                path,
                options,
                readers: Mutex::default(),
                writer: Writer::new(session),
            }),
            time_limit: options.busy_timeout,
        })
    }

    fn open_writer(path: &Path, options: &SqliteOptions) -> Result<(OpenFile, Connection), Fault> {
        let (open_file, mut connection) =
            open_files::open(path, || open::connect(path, options, Role::Writer))?;
        // The tables are made under a rollback journal: until all of them are there the file is
        // empty, or is rolled back to that by whoever opens it next.
        MIGRATIONS.bring_up(&connection, path)?;
        open::use_write_ahead_log(&connection)?;
        open::check_size(&connection, path)?;
        steps::unlimit(&mut connection)?;
        Ok((open_file, connection))
    }

    /// The file, from the root.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Copies the ledger, as it is at one moment, to a file that does not exist yet. Others go on
    /// writing meanwhile. The copy appears under its name once it is complete and synced.
    ///
    /// # Errors
    /// [`StoreError::Failed`] where the target exists or can't be written; nothing half-written
    /// stays.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let (path, copy) = (directory.path().join("refunds.db"), directory.path().join("copy.db"));
    /// use refund_ledger::store::sqlite::SqliteStore;
    /// let store = SqliteStore::open(&path)?;
    /// store.backup(&copy)?;
    /// assert!(store.backup(&copy).is_err(), "a backup never replaces a file");
    /// # Ok(()) }
    /// ```
    pub fn backup(&self, target: &Path) -> Result<(), StoreError> {
        let reader = self.reader().map_err(|fault| fault.at(self.path()))?;
        backup::back_up(&reader, target)?;
        self.keep(reader);
        Ok(())
    }

    fn reader(&self) -> Result<Connection, Fault> {
        let idle = lock(&self.shared.readers).pop();
        let mut reader = match idle {
            Some(connection) => connection,
            None => open::connect(self.path(), &self.shared.options, Role::Reader)?,
        };
        reader.busy_timeout(self.time_limit)?;
        steps::limit(&mut reader, self.path())?;
        Ok(reader)
    }

    /// Keeps a reader for the next call. One that failed or panicked is closed instead.
    fn keep(&self, connection: Connection) {
        let mut readers = lock(&self.shared.readers);
        if readers.len() < READERS_MAX {
            readers.push(connection);
        }
    }

    /// Reads in one consistent view.
    fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, StoreError> {
        let reader = self.reader().map_err(|fault| fault.at(self.path()))?;
        let outcome = Transaction::deferred(&reader).and_then(|_view| read(&reader));
        let value = outcome.map_err(|fault| fault.at(self.path()))?;
        self.keep(reader);
        Ok(value)
    }

    /// Writes under the write lock, all or nothing, and is durable when it returns, perhaps by a commit that
    /// others share. `write` says whether there was anything to write.
    fn write(
        &self,
        write: impl FnOnce(&Connection) -> Result<bool, Fault>,
    ) -> Result<(), StoreError> {
        self.shared.writer.write(self.time_limit, |session| {
            write(&session.connection).map_err(|fault| fault.at(self.path()))
        })
    }
}

impl Store for SqliteStore {
    fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
        self.read(|connection| Ok(load::load(connection, wanted)?.0))
    }

    fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        self.write(|connection| {
            apply::apply(connection, batch, &Known::default())?;
            Ok(true)
        })
    }

    fn list_refunds(
        &self,
        filter: &RefundFilter,
        after: Option<ListAfter>,
        limit: usize,
    ) -> Result<Page<Refund>, StoreError> {
        self.read(|connection| list::list(connection, filter, after, limit))
    }

    fn journal(
        &self,
        after: JournalPosition,
        limit: usize,
    ) -> Result<Vec<JournalRecord>, StoreError> {
        self.read(|connection| {
            let limit = stored(u64::try_from(limit).unwrap_or(u64::MAX));
            let mut statement = connection.prepare_cached(LOAD_JOURNAL)?;
            let mut rows = statement.query((stored(after), limit))?;
            let mut volume = Volume::of(connection)?;
            let mut records: Vec<JournalRecord> = Vec::new();
            let mut last = after;
            while let Some(row) = rows.next()? {
                let mut columns = Columns::new(row);
                let key = columns.key()?;
                let record = columns.record(&key)?;
                // Else who goes on after the last position might go on for ever.
                if record.position <= last {
                    let what = format!("position {} comes after {last}", record.position);
                    return Err(Fault::Damaged(what));
                }
                volume.take(&record.entry.bytes)?;
                last = record.position;
                records.push(record);
            }
            Ok(records)
        })
    }

    fn scan(
        &self,
        range: &ScanRange<'_>,
        visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> Result<JournalPosition, StoreError> {
        self.read(|connection| scan::scan(connection, range, visit))
    }

    fn transact(
        &self,
        wanted: &ReadSet,
        decide: &mut dyn FnMut(Snapshot) -> WriteBatch,
    ) -> Result<(), StoreError> {
        self.write(|connection| {
            let (snapshot, known) = load::load(connection, wanted)?;
            let batch = decide(snapshot);
            if batch.entries.is_empty() {
                return Ok(false);
            }
            apply::apply(connection, &batch, &known)?;
            Ok(true)
        })
    }

    fn refund_outlines(
        &self,
        org: &Id,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
        visit: &mut dyn FnMut(RefundOutline<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.read(|connection| outlines::outlines(connection, org, from, to, visit))
    }

    fn scrub(&self) -> Result<(), StoreError> {
        self.shared.writer.alone(self.time_limit, |session, limit| {
            session
                .connection
                .busy_timeout(limit)
                .map_err(Fault::from)
                .and_then(|()| open::empty_write_ahead_log(&session.connection))
                .map_err(|fault| fault.at(self.path()))
        })
    }

    fn with_time_limit(&self, limit: Duration) -> Option<Arc<dyn Store>> {
        Some(Arc::new(Self {
            shared: Arc::clone(&self.shared),
            time_limit: limit,
        }))
    }
}

//! Opening a file: what is looked at before SQLite touches it, and how a connection is set up.

use std::fs::{self, File, Metadata};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

use super::SqliteOptions;
use super::beside;
use super::errors::Fault;
use super::schema::{APPLICATION_ID, MIGRATIONS, newer};
use super::steps;
use super::transaction::Transaction;
use crate::store::StoreError;

/// What every SQLite database begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const HEADER_BYTES: usize = 100;

fn failed<T>(reason: String) -> Result<T, StoreError> {
    Err(StoreError::Failed { reason })
}

fn unsupported<T>(reason: String) -> Result<T, StoreError> {
    Err(StoreError::Unsupported { reason })
}

/// The path from the root, with links resolved: SQLite keeps its journal and log beside the file
/// itself. It would take a name that begins with `file:` for a URI, with options in it; no absolute
/// path does.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, StoreError> {
    let say = |error| failed(format!("`{}`: {error}", path.display()));
    match fs::canonicalize(path) {
        Err(error) if error.kind() == ErrorKind::NotFound && !path.is_symlink() => {
            std::path::absolute(path).or_else(say)
        }
        resolved => resolved.or_else(say),
    }
}

/// Looks at a file with nothing but reads, and refuses what is no ledger of ours, so that not a
/// byte of somebody else's file is touched and nothing appears beside it.
pub(super) fn inspect(path: &Path) -> Result<(), StoreError> {
    let file = path.display();
    beside::inspect(path)?;
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return inspect_directory(path),
        Err(error) => return failed(format!("`{file}` can't be opened: {error}")),
    };
    if metadata.is_dir() {
        return failed(format!(
            "`{file}` is a directory; name the ledger's file in it"
        ));
    }
    if !metadata.is_file() {
        return failed(format!("`{file}` is not a regular file"));
    }
    if metadata.len() == 0 {
        return Ok(());
    }
    let mut header = Vec::with_capacity(HEADER_BYTES);
    File::open(path)
        .and_then(|file| file.take(100).read_to_end(&mut header))
        .or_else(|error| failed(format!("`{file}` can't be read: {error}")))?;
    if header.iter().all(|byte| *byte == 0) && has_hot_journal(path) {
        // The ledger was being made when the power went: SQLite will take that back.
        return Ok(());
    }
    if !header.starts_with(MAGIC) {
        return unsupported(format!(
            "`{file}` is not a ledger: it is not even a SQLite database; it was left as it is"
        ));
    }
    let number = |at: usize| {
        let bytes = header.get(at..).and_then(|rest| rest.first_chunk());
        bytes.map(|bytes| i32::from_be_bytes(*bytes))
    };
    let (Some(version), Some(application)) = (number(60), number(68)) else {
        return Err(StoreError::Corrupted {
            reason: format!("`{file}` is cut off within its first {HEADER_BYTES} bytes"),
        });
    };
    if application != APPLICATION_ID {
        return unsupported(format!(
            "`{file}` is not a ledger: it is the SQLite database of something else (application \
             id {application:#x}); it was left as it is"
        ));
    }
    if version > MIGRATIONS.latest() {
        return Err(newer(path, version));
    }
    Ok(())
}

fn inspect_directory(path: &Path) -> Result<(), StoreError> {
    match path.parent() {
        Some(directory) if !directory.is_dir() => failed(format!(
            "`{}` can't be made: there is no directory `{}`",
            path.display(),
            directory.display()
        )),
        _ => Ok(()),
    }
}

fn has_hot_journal(path: &Path) -> bool {
    fs::metadata(beside::beside(path, "-journal")).is_ok_and(|metadata| metadata.len() > 0)
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Reads and writes; makes the file if there is none.
    Writer,
    /// Only reads.
    Reader,
}

/// Opens a connection and sets it up, with [its steps limited](steps). `path` must be absolute.
pub(super) fn connect(
    path: &Path,
    options: &SqliteOptions,
    role: Role,
) -> Result<Connection, Fault> {
    // Readers open the file for writing too, so that they can recover a log left by a crash.
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if role == Role::Writer {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let mut connection = Connection::open_with_flags(path, flags)?;
    steps::limit(&mut connection, path)?;
    connection.busy_timeout(options.busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(64);
    distrust(&connection)?;
    connection.execute_batch(
        "PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA foreign_keys = ON;
         PRAGMA secure_delete = ON;
         PRAGMA synchronous = FULL;
         PRAGMA cache_size = -16384;",
    )?;
    if role == Role::Reader {
        connection.execute_batch("PRAGMA query_only = ON;")?;
    }
    if let Some(pages) = options.pages_max.filter(|_| role == Role::Writer) {
        connection.execute_batch(&format!("PRAGMA max_page_count = {pages};"))?;
    }
    Ok(connection)
}

/// A file may come from anybody: nothing in its schema may run, and nothing in it may make SQLite
/// take unreasonable memory.
fn distrust(connection: &Connection) -> Result<(), Fault> {
    for (setting, value) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
        // Without this, SQLite prepares statements that use a partial index anew for every value.
        (DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE, false),
    ] {
        connection.set_db_config(setting, value)?;
    }
    for (limit, value) in [
        // The longest row, an entry with its text, has less than half of it.
        (Limit::SQLITE_LIMIT_LENGTH, 1 << 14),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 1 << 16),
        (Limit::SQLITE_LIMIT_COLUMN, 100),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 10),
        (Limit::SQLITE_LIMIT_VDBE_OP, 25_000),
        (Limit::SQLITE_LIMIT_FUNCTION_ARG, 8),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 100),
        (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 100),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        connection.set_limit(limit, value)?;
    }
    Ok(())
}

/// Switches a file to the write-ahead log, for good. That needs the file alone for a moment, which
/// SQLite does not wait for by itself; taking the write lock does.
pub(super) fn use_write_ahead_log(connection: &Connection) -> Result<(), Fault> {
    const ATTEMPTS_MAX: u32 = 16;
    for _ in 0..ATTEMPTS_MAX {
        let mode = switch_to_write_ahead_log(connection);
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                return Err(StoreError::Unsupported {
                    reason: format!(
                        "the file system can't share a write-ahead log (SQLite stays in mode \
                         `{mode}`); keep the ledger on a local disk"
                    ),
                }
                .into());
            }
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => {
                drop(Transaction::immediate(connection)?);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Busy.into())
}

/// Gives the mode that the file is in then. It is only committed behind the row that names it, so the
/// statement is carried out to its end: what fails there is an error like any other.
fn switch_to_write_ahead_log(connection: &Connection) -> Result<String, rusqlite::Error> {
    let mut statement = connection.prepare("PRAGMA journal_mode = WAL")?;
    let modes = statement.query_map((), |row| row.get(0))?;
    modes
        .last()
        .unwrap_or(Err(rusqlite::Error::QueryReturnedNoRows))
}

/// A file may say that it has more pages than it and its log could hold. A backup would write them
/// all.
pub(super) fn check_size(connection: &Connection, path: &Path) -> Result<(), Fault> {
    let bytes: i64 = connection.query_row(
        "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
        (),
        |row| row.get(0),
    )?;
    if u64::try_from(bytes).unwrap_or(u64::MAX) > steps::size(path, Metadata::len) {
        return Err(Fault::Damaged(format!(
            "it says that it has {bytes} bytes, which is more than there are"
        )));
    }
    Ok(())
}

/// Copies the log into the file and cuts it to nothing.
pub(super) fn empty_write_ahead_log(connection: &Connection) -> Result<(), Fault> {
    let is_held_back: bool =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get(0))?;
    if is_held_back {
        return Err(StoreError::Busy.into());
    }
    Ok(())
}

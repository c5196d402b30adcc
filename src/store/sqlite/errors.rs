//! What SQLite reports, as what a store can say.

use std::path::Path;

use rusqlite::ErrorCode;
use rusqlite::ffi;

use crate::store::StoreError;
use crate::store::columns::Damaged;

/// What can go wrong below the [`Store`](crate::store::Store) methods, before the file is named.
#[derive(Debug)]
pub(super) enum Fault {
    /// SQLite failed.
    Sqlite(rusqlite::Error),
    /// Something stored is not what it should be.
    Damaged(String),
    /// A failure that is already in the store's own terms.
    Store(StoreError),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Damaged> for Fault {
    fn from(Damaged(what): Damaged) -> Self {
        Self::Damaged(what)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Fault {
    /// The fault as the store's callers see it, naming the file.
    pub(super) fn at(self, path: &Path) -> StoreError {
        let file = path.display();
        match self {
            Self::Store(error) => error,
            Self::Damaged(what) => StoreError::Corrupted {
                reason: format!("`{file}`: {what}"),
            },
            Self::Sqlite(error) => sqlite_error(&error, &format!("`{file}`")),
        }
    }

    /// Whether SQLite refused a row because another row has its key.
    pub(super) fn is_taken_key(&self) -> bool {
        matches!(
            self,
            Self::Sqlite(rusqlite::Error::SqliteFailure(error, _))
                if matches!(
                    error.extended_code,
                    ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
                )
        )
    }
}

fn sqlite_error(error: &rusqlite::Error, file: &str) -> StoreError {
    let failed = |reason: String| StoreError::Failed { reason };
    let Some(code) = error.sqlite_error_code() else {
        return match error {
            rusqlite::Error::InvalidPath(_) | rusqlite::Error::NulError(_) => {
                failed(format!("{file} is no name of a file"))
            }
            // What is left are values that are not of their column's type.
            _ => StoreError::Corrupted {
                reason: format!("{file}: {error}"),
            },
        };
    };
    match code {
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::FileLockingProtocolFailed => StoreError::Busy,
        ErrorCode::DatabaseCorrupt
        | ErrorCode::NotADatabase
        | ErrorCode::TooBig
        // The tables were as they must be when the file was opened.
        | ErrorCode::Unknown => StoreError::Corrupted {
            reason: format!("{file}: {error}"),
        },
        ErrorCode::OperationInterrupted => StoreError::Corrupted {
            reason: format!(
                "{file}: reading it takes more than its size explains, as if pages were in it many \
                 times"
            ),
        },
        ErrorCode::DiskFull => failed(format!(
            "{file} can't grow: the disk, or the file's limit, is full; make room and try again"
        )),
        ErrorCode::ReadOnly => failed(format!(
            "{file} can't be written, it is read-only here; check the permissions of the file and \
             its directory ({error})"
        )),
        ErrorCode::CannotOpen => failed(format!(
            "{file} can't be opened; check the permissions of the file and its directory ({error})"
        )),
        ErrorCode::SystemIoFailure
            if error
                .sqlite_error()
                .is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_WRITE) =>
        {
            failed(format!(
                "{file} can't be written; the disk, or the limit of the process on files, may be \
                 full ({error})"
            ))
        }
        ErrorCode::SystemIoFailure => failed(format!("{file} can't be read or written: {error}")),
        ErrorCode::PermissionDenied => failed(format!("{file}: permission denied ({error})")),
        _ => failed(format!("{file}: {error}")),
    }
}

//! Backups: a consistent copy of the file while others write.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::errors::Fault;
use super::open::absolute;
use crate::store::StoreError;

/// Copies the ledger of this connection to a file that does not exist yet. On failure nothing
/// stays but what was there.
pub(super) fn back_up(connection: &Connection, target: &Path) -> Result<(), StoreError> {
    let target = absolute(target)?;
    let say = |what: &str| StoreError::Failed {
        reason: format!("`{}` {what}", target.display()),
    };
    if fs::symlink_metadata(&target).is_ok() {
        return Err(say("exists already; a backup never replaces a file"));
    }
    let (Some(directory), Some(name)) = (target.parent(), target.file_name()) else {
        return Err(say("is no name of a file"));
    };
    let directory_file = File::open(directory)
        .map_err(|error| say(&format!("can't be made in its directory: {error}")))?;

    let partial = Partial::beside(connection, directory, name).map_err(|f| f.at(&target))?;
    copy(connection, &partial.0).map_err(|fault| fault.at(&target))?;
    let publish = || {
        File::open(&partial.0)?.sync_all()?;
        // A link fails where the name was taken in the meantime; a rename would replace it.
        fs::hard_link(&partial.0, &target)?;
        directory_file.sync_all()
    };
    publish().map_err(|error| say(&format!("can't be written: {error}")))
}

/// A copy in the making, which goes when it is done with, finished or not.
struct Partial(PathBuf);

impl Partial {
    fn beside(
        connection: &Connection,
        directory: &Path,
        name: &std::ffi::OsStr,
    ) -> Result<Self, Fault> {
        let random: String =
            connection.query_row("SELECT lower(hex(randomblob(8)))", (), |row| row.get(0))?;
        let mut partial = std::ffi::OsString::from(".");
        partial.push(name);
        partial.push(format!(".{random}.partial"));
        Ok(Self(directory.join(partial)))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        for suffix in ["", "-journal", "-wal", "-shm"] {
            let mut path = self.0.as_os_str().to_owned();
            path.push(suffix);
            // Most were never there, and what can't be removed was reported by what failed.
            drop(fs::remove_file(path));
        }
    }
}

fn copy(from: &Connection, partial: &Path) -> Result<(), Fault> {
    let mut to = Connection::open(partial)?;
    {
        let backup = Backup::new(from, &mut to)?;
        // All at once is one consistent view, and keeps no writer waiting.
        match backup.step(-1)? {
            StepResult::Done => {}
            StepResult::Busy | StepResult::Locked => return Err(StoreError::Busy.into()),
            _ => return Err(Fault::Damaged("the copy did not come to its end".into())),
        }
    }
    to.close().map_err(|(_, error)| error)?;
    Ok(())
}

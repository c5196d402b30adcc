//! How much work reading a file may take.
//!
//! Pages of a hostile file can refer to the same page again and again, so that a few of them seem
//! to hold more rows than anybody can read. Whatever reads, reads each part of the file a few times
//! at most.

use std::ffi::c_int;
use std::fs::{self, Metadata};
use std::path::Path;

use rusqlite::{Connection, ffi};

use super::beside::beside;
use super::errors::Fault;

/// Between two looks at how many steps there were.
const STEPS: c_int = 100_000;

/// What a small file may take.
const STEPS_MIN: u64 = 10_000_000;

/// Many times what the longest reading takes: a verification needs less than one.
const STEPS_PER_BYTE: u64 = 8;

/// So much may be holes, of which a file can have any number and take no room: a file system does not
/// always say at once how much it has written.
const HOLES_MAX: u64 = 1 << 26;

/// How much better than it looks a file system may have packed a file.
const PACKED_MAX: u64 = 64;

/// Has SQLite interrupt what it is asked from now on, once that has taken more steps of its
/// machine than the size of the file explains.
pub(super) fn limit(connection: &mut Connection, path: &Path) -> Result<(), Fault> {
    let path = path.to_owned();
    let mut taken: u64 = 0;
    let is_over = move || {
        taken = taken.saturating_add(u64::from(STEPS.unsigned_abs()));
        taken > STEPS_MIN && taken / STEPS_PER_BYTE > size(&path, filled)
    };
    Ok(connection.progress_handler(STEPS, Some(is_over))?)
}

/// Takes the limit away.
pub(super) fn unlimit(connection: &mut Connection) -> Result<(), Fault> {
    Ok(connection.progress_handler(0, None::<fn() -> bool>)?)
}

/// How many bytes of entries may still be read. To SQLite it is one step, however long an entry is, and pages
/// of a hostile file can share what their entries go on in; but those of a sound one are no longer, all
/// together, than the file.
#[derive(Debug)]
pub(super) struct Volume {
    left: usize,
}

impl Volume {
    /// As much as the file holds, with its log. The connection must be in a transaction.
    pub(super) fn of(connection: &Connection) -> Result<Self, Fault> {
        let pages = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
        let bytes: i64 = connection
            .prepare_cached(pages)?
            .query_row((), |row| row.get(0))?;
        Ok(Self {
            left: usize::try_from(bytes).unwrap_or(0),
        })
    }

    /// Counts the bytes of an entry.
    pub(super) fn take(&mut self, entry: &[u8]) -> Result<(), Fault> {
        let left = self.left.checked_sub(entry.len());
        // As where there were too many steps, whoever reads ends.
        self.left = left.ok_or_else(|| {
            rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_INTERRUPT), None)
        })?;
        Ok(())
    }
}

/// The size of a file and its log together. A file that was removed is as large as can be.
pub(super) fn size(path: &Path, of: fn(&Metadata) -> u64) -> u64 {
    let file = fs::metadata(path).map_or(u64::MAX, |file| of(&file));
    let log = fs::metadata(beside(path, "-wal")).map_or(0, |log| of(&log));
    file.saturating_add(log)
}

/// How much there is to read in a file, at most.
#[cfg(unix)]
fn filled(file: &Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    const BLOCK: u64 = 512;
    let on_disk = file.blocks().saturating_mul(BLOCK);
    let most = on_disk.saturating_mul(PACKED_MAX).saturating_add(HOLES_MAX);
    file.len().min(most)
}

#[cfg(not(unix))]
fn filled(file: &Metadata) -> u64 {
    file.len()
}

//! How much work reading a file may take.
//!
//! Pages of a hostile file can refer to the same page again and again, so that a few of them seem
//! to hold more rows than anybody can read. Whatever reads, reads each part of the file a few times
//! at most.

use std::ffi::c_int;
use std::fs;
use std::path::Path;

use rusqlite::Connection;

use super::beside::beside;
use super::errors::Fault;

/// Between two looks at how many steps there were.
const STEPS: c_int = 100_000;

/// What a small file may take.
const STEPS_MIN: u64 = 10_000_000;

/// Many times what the longest reading takes: a verification needs less than one.
const STEPS_PER_BYTE: u64 = 20;

/// Has SQLite interrupt what it is asked from now on, once that has taken more steps of its
/// machine than the size of the file explains.
pub(super) fn limit(connection: &mut Connection, path: &Path) -> Result<(), Fault> {
    let (file, log) = (path.to_owned(), beside(path, "-wal"));
    let mut taken: u64 = 0;
    let is_over = move || {
        taken = taken.saturating_add(u64::from(STEPS.unsigned_abs()));
        taken > STEPS_MIN && taken / STEPS_PER_BYTE > size(&file, &log)
    };
    Ok(connection.progress_handler(STEPS, Some(is_over))?)
}

/// Takes the limit away.
pub(super) fn unlimit(connection: &mut Connection) -> Result<(), Fault> {
    Ok(connection.progress_handler(0, None::<fn() -> bool>)?)
}

/// How much there may be to read. A file that was removed is read on.
fn size(file: &Path, log: &Path) -> u64 {
    let size = |path: &Path| fs::metadata(path).map(|file| file.len());
    let file = size(file).unwrap_or(u64::MAX);
    file.saturating_add(size(log).unwrap_or(0))
}

//! Which ledger files this process has open.
//!
//! POSIX locks belong to the process and the file: closing *any* descriptor of a file gives up all
//! the locks that the process has on it, also those that SQLite took through another descriptor.
//! SQLite sees to its own descriptors. So a file that this process has open must not be opened and
//! closed beside SQLite, as the first look at a file does.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::beside::beside;
use super::errors::Fault;
use super::open::inspect;

/// A file, whatever its names: device and inode.
type FileKey = (u64, u64);

/// How many handles of this process have each file open.
static OPEN: Mutex<BTreeMap<FileKey, usize>> = Mutex::new(BTreeMap::new());

/// Says that a file is open for as long as it lives.
#[derive(Debug)]
pub(super) struct OpenFile(Option<FileKey>);

/// Looks at a file, unless this process has it open and looked at it then, and opens it.
///
/// The connection must be dropped before the [`OpenFile`].
pub(super) fn open<T>(
    path: &Path,
    connect: impl FnOnce() -> Result<T, Fault>,
) -> Result<(OpenFile, T), Fault> {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    if key(path).is_none_or(|key| !open.contains_key(&key)) {
        inspect(path)?;
    }
    let connection = connect()?;
    // Only now there is a file for certain.
    let key = key(path);
    if let Some(key) = key {
        let handles = open.entry(key).or_default();
        *handles = handles.saturating_add(1);
    }
    Ok((OpenFile(key), connection))
}

impl OpenFile {
    /// Whether the file is still the one at its path, with its log beside it. SQLite would go on
    /// writing to one that was removed or replaced, and nobody would ever find what it wrote.
    pub(super) fn is_in_place(&self, path: &Path) -> bool {
        // Each look costs every commit a system call.
        fs::metadata(path).is_ok_and(|found| {
            found.len() > 0 && self.0.is_none_or(|opened| key_of(&found) == Some(opened))
        }) && is_there(&beside(path, "-wal"))
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        let Some(key) = self.0 else { return };
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handles) = open.get_mut(&key) {
            *handles = handles.saturating_sub(1);
            if *handles == 0 {
                open.remove(&key);
            }
        }
    }
}

/// Whether a file that is being written to is there. Reading its metadata would tell as well, but where
/// somebody has seen a file's times, Linux gives its next write a time of its own, and each sync
/// then writes these times too.
#[cfg(unix)]
fn is_there(path: &Path) -> bool {
    // What is there is invalid input, unless it is a symbolic link, which SQLite would not follow.
    fs::read_link(path).is_err_and(|error| error.kind() == std::io::ErrorKind::InvalidInput)
}

#[cfg(not(unix))]
fn is_there(path: &Path) -> bool {
    fs::metadata(path).is_ok()
}

fn key(path: &Path) -> Option<FileKey> {
    key_of(&fs::metadata(path).ok()?)
}

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps, reason = "elsewhere there is none")]
fn key_of(metadata: &Metadata) -> Option<FileKey> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

/// Elsewhere, locks belong to the descriptor.
#[cfg(not(unix))]
fn key_of(_: &Metadata) -> Option<FileKey> {
    None
}

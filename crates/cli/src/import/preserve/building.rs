//! A ledger under construction in a temporary file.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use refund_ledger::Ledger;
use tempfile::{TempDir, TempPath};

use crate::failure::Failure;

/// A ledger under construction in a temporary file, which goes away unless it is published.
pub(super) struct Building {
    ledger: Ledger,
    file: Temporary,
    /// The folder around the file, where it has one of its own; gone after the file.
    _folder: Option<TempDir>,
}

impl Building {
    /// In the folder of the path where the ledger is to be published.
    pub(super) fn beside(target: &Path) -> Result<Self, Failure> {
        Self::begin(target, None)
    }

    /// Out of the way, in a folder that nobody else can read.
    pub(super) fn in_temporary_folder() -> Result<Self, Failure> {
        let folder = tempfile::Builder::new()
            .prefix("refunds-import-")
            .tempdir()
            .map_err(|source| Failure::Io {
                what: "a temporary folder to build the ledger in can't be made".into(),
                source,
            })?;
        Self::begin(&folder.path().join("refunds.db"), Some(folder))
    }

    fn begin(target: &Path, folder: Option<TempDir>) -> Result<Self, Failure> {
        let file =
            Temporary::beside(target).map_err(|error| Failure::file("made", target, error))?;
        Ok(Self {
            ledger: Ledger::open(&file.path)?,
            file,
            _folder: folder,
        })
    }

    /// The ledger as far as it is built.
    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Puts the ledger in its place, where nothing may be.
    pub(super) fn publish(self, target: &Path) -> Result<(), Failure> {
        let Self { ledger, file, .. } = self;
        drop(ledger); // closes the file, which then is complete by itself
        file.publish(target).map_err(|error| {
            if error.kind() == io::ErrorKind::AlreadyExists {
                Failure::Usage(format!(
                    "something else appeared at `{}` in the meantime; nothing was restored",
                    target.display()
                ))
            } else {
                Failure::file("made", target, error)
            }
        })
    }
}

/// The temporary file with what SQLite keeps beside it.
struct Temporary {
    path: PathBuf,
    /// Removes the file when dropped.
    file: Option<TempPath>,
}

impl Temporary {
    fn beside(target: &Path) -> io::Result<Self> {
        let mut prefix = target.file_name().unwrap_or_default().to_owned();
        prefix.push(".importing-");
        // Only the name is wanted: the store makes the file.
        let ((), file) = tempfile::Builder::new()
            .prefix(&prefix)
            .make_in(folder_of(target), |_| Ok(()))?
            .into_parts();
        Ok(Self {
            path: file.to_path_buf(),
            file: Some(file),
        })
    }

    fn publish(mut self, target: &Path) -> io::Result<()> {
        // A log left over from another ledger of this name would be taken for this one's.
        for at in [self.path.as_path(), target] {
            if fs::metadata(with_suffix(at, "-wal")).is_ok_and(|log| log.len() > 0) {
                return Err(io::Error::other(format!(
                    "`{}-wal` is there, the log of a ledger that is not; move it away",
                    at.display()
                )));
            }
        }
        File::open(&self.path)?.sync_all()?;
        if let Some(file) = self.file.take() {
            file.persist_noclobber(target)
                .map_err(|error| error.error)?;
        }
        if cfg!(unix) {
            File::open(folder_of(target))?.sync_all()?;
        }
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        for suffix in ["-wal", "-shm"] {
            // SQLite takes them away itself, unless it failed.
            let _gone_already = fs::remove_file(with_suffix(&self.path, suffix));
        }
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

//! What may lie beside a ledger's file: SQLite takes it for part of the ledger, by its name alone.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::store::StoreError;

/// The file that SQLite keeps beside another one.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Refuses what would have SQLite wait for ever, or write to a file that is not the ledger's.
pub(super) fn inspect(path: &Path) -> Result<(), StoreError> {
    for suffix in ["-journal", "-wal", "-shm"] {
        let name = beside(path, suffix);
        let why = match fs::symlink_metadata(&name) {
            Ok(metadata) if !metadata.is_file() => "is not a regular file".to_owned(),
            Err(error) if error.kind() != ErrorKind::NotFound => {
                format!("can't be looked at: {error}")
            }
            _ => continue,
        };
        return Err(StoreError::Failed {
            reason: format!("`{}` {why}", name.display()),
        });
    }
    Ok(())
}

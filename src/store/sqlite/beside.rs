//! What may lie beside a ledger's file: SQLite takes it for part of the ledger, by its name alone.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::store::StoreError;

/// What ends a rollback journal that names a super-journal.
const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// The file that SQLite keeps beside another one.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Refuses what would have SQLite wait for ever, or touch a file that is not the ledger's.
pub(super) fn inspect(path: &Path) -> Result<(), StoreError> {
    for suffix in ["-journal", "-wal", "-shm"] {
        let name = beside(path, suffix);
        let why = match fs::symlink_metadata(&name) {
            Ok(metadata) if !metadata.is_file() => "is not a regular file".to_owned(),
            Ok(metadata) if has_other_names(&metadata) => "is a file with other names".to_owned(),
            Err(error) if error.kind() != ErrorKind::NotFound => {
                format!("can't be looked at: {error}")
            }
            _ => continue,
        };
        return refuse(&name, &why);
    }
    let journal = beside(path, "-journal");
    match end(&journal) {
        // SQLite would open what that is, and all that it names.
        Ok(end) if end == MAGIC => refuse(&journal, "names a super-journal, which no ledger has"),
        Err(error) if error.kind() != ErrorKind::NotFound => {
            refuse(&journal, &format!("can't be read: {error}"))
        }
        _ => Ok(()),
    }
}

fn refuse(name: &Path, why: &str) -> Result<(), StoreError> {
    Err(StoreError::Failed {
        reason: format!("`{}` {why}; it was left as it is", name.display()),
    })
}

#[cfg(unix)]
fn has_other_names(file: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.nlink() > 1
}

#[cfg(not(unix))]
fn has_other_names(_: &fs::Metadata) -> bool {
    false
}

/// The last bytes of a file, as many as the [magic](MAGIC) has.
fn end(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MAGIC.len() as u64)))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    Ok(end)
}

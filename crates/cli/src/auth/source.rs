//! The files that say who may call, and whether they have changed.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use refund_ledger::Hash;

use crate::failure::Failure;

/// The largest file that is read, in bytes: some ten thousand tokens.
const FILE_BYTES_MAX: u64 = 4 * 1_024 * 1_024;

/// A file as it was read.
pub(crate) struct Source {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// What it holds.
    pub(crate) bytes: Vec<u8>,
    /// Whether others than its owner may read it.
    open_to_others: bool,
}

impl Source {
    /// Reads the file.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let (bytes, open_to_others) =
            read(path).map_err(|error| Failure::file("read", path, error))?;
        Ok(Self {
            path: path.to_owned(),
            bytes,
            open_to_others,
        })
    }

    /// What is wrong with the file's content.
    pub(crate) fn flaw(&self, what: &str) -> Failure {
        Failure::Usage(format!("`{}`: {what}", self.path.display()))
    }

    /// The warning that others than its owner may read the file, if it holds what they should not
    /// see.
    pub(crate) fn warning_if_open_to_others(&self) -> Option<String> {
        self.open_to_others.then(|| {
            format!(
                "`{}` can be read by other users of the machine; `chmod 600` it",
                self.path.display()
            )
        })
    }

    /// What tells the file from another version of it.
    pub(crate) fn print(&self) -> Fingerprint {
        Fingerprint {
            path: self.path.clone(),
            content: Hash::of(&[&self.bytes]),
        }
    }
}

/// Which file was read, and what it held. The content is compared, not the time of its last change:
/// a file that is written twice within a tick of the clock has one time and two contents.
pub(crate) struct Fingerprint {
    path: PathBuf,
    content: Hash,
}

impl Fingerprint {
    /// Whether the file still holds what it held.
    pub(crate) fn is_current(&self) -> bool {
        read(&self.path).is_ok_and(|(bytes, _)| Hash::of(&[&bytes]) == self.content)
    }
}

fn read(path: &Path) -> io::Result<(Vec<u8>, bool)> {
    // A pipe could be read only once, and might never end.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let file = File::open(path)?;
    let open_to_others = is_open_to_others(&file.metadata()?);
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other(format!(
            "it has more than {FILE_BYTES_MAX} bytes"
        )));
    }
    Ok((bytes, open_to_others))
}

#[cfg(unix)]
fn is_open_to_others(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o044 != 0
}

#[cfg(not(unix))]
fn is_open_to_others(_: &fs::Metadata) -> bool {
    false
}

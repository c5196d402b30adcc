//! Writing a file anew while others read it, and one writer at a time.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::failure::Failure;

/// A file that is about to be written anew by this process alone. Whoever reads it sees the old
/// content or the new one, and nothing in between, also after a power cut.
pub(crate) struct Replacement {
    path: PathBuf,
    /// Where a link leads to: the link stays one.
    target: PathBuf,
    /// Held until the end. The file itself can't be locked, as another one takes its place.
    _lock: File,
}

impl Replacement {
    /// Waits until no other process is about to write the file.
    pub(crate) fn begin(path: &Path) -> Result<Self, Failure> {
        let target = match fs::canonicalize(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path.to_owned()),
            found => found,
        };
        let target = target.map_err(|error| Failure::file("written", path, error))?;
        let mut name = target.clone().into_os_string();
        name.push(OsStr::new(".lock"));
        let lock = lock(Path::new(&name))
            .map_err(|error| Failure::file("locked", Path::new(&name), error))?;
        Ok(Self {
            path: path.to_owned(),
            target,
            _lock: lock,
        })
    }

    /// Puts the content in place. A new file is for its owner alone; one that was there keeps its
    /// owner and its permissions.
    pub(crate) fn finish(self, content: &[u8]) -> Result<(), Failure> {
        replace(&self.target, content).map_err(|error| Failure::file("written", &self.path, error))
    }
}

fn lock(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let file = options.open(path)?;
    file.lock()?;
    Ok(file)
}

fn replace(target: &Path, content: &[u8]) -> io::Result<()> {
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".refunds-")
        .tempfile_in(folder)?;
    match fs::metadata(target) {
        Ok(before) => take_over(&before, &file)?,
        // A temporary file is for its owner alone, and stays so.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(target)?;
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// Otherwise a server that runs as another user could not read the file any more.
fn take_over(before: &fs::Metadata, file: &NamedTempFile) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt as _, fchown};
        let now = file.as_file().metadata()?;
        if (now.uid(), now.gid()) != (before.uid(), before.gid()) {
            fchown(file.as_file(), Some(before.uid()), Some(before.gid()))?;
        }
    }
    file.as_file().set_permissions(before.permissions())
}

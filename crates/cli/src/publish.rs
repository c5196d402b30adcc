//! Files that appear only once they are complete.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::failure::Failure;

/// A file being written: under a temporary name beside its target, which takes its place at the
/// end, or disappears. Devices and pipes are written to directly.
pub(crate) struct Publish {
    path: PathBuf,
    target: Target,
}

enum Target {
    Direct(BufWriter<File>),
    Temporary(PathBuf, BufWriter<NamedTempFile>),
}

impl Publish {
    pub(crate) fn begin(path: &Path) -> Result<Self, Failure> {
        Self::open(path)
            .map(|target| Self {
                path: path.to_owned(),
                target,
            })
            .map_err(|error| Failure::file("written", path, error))
    }

    fn open(path: &Path) -> io::Result<Target> {
        let target = match fs::metadata(path) {
            Ok(found) if found.is_file() => fs::canonicalize(path)?,
            // A directory is refused right here, as what can't be opened for writing.
            Ok(_) => {
                let file = File::options().write(true).open(path)?;
                return Ok(Target::Direct(BufWriter::new(file)));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            Err(error) => return Err(error),
        };
        let folder = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".refunds-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // What a plain new file would get; the process's mask applies.
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let file = builder.tempfile_in(folder)?;
        Ok(Target::Temporary(target, BufWriter::new(file)))
    }

    /// Puts the complete file in its place.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let Self { path, target } = self;
        publish(target).map_err(|error| Failure::file("written", &path, error))
    }

    /// Writes a line.
    pub(crate) fn line(&mut self, line: &[u8]) -> Result<(), Failure> {
        self.write(|writer| {
            writer.write_all(line)?;
            writer.write_all(b"\n")
        })
    }

    /// Writes whatever the function does.
    pub(crate) fn write(
        &mut self,
        write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let writer: &mut (dyn Write + Send) = match &mut self.target {
            Target::Direct(file) => file,
            Target::Temporary(_, file) => file,
        };
        write(writer).map_err(|error| Failure::file("written", &self.path, error))
    }
}

fn publish(target: Target) -> io::Result<()> {
    match target {
        Target::Direct(mut file) => file.flush(),
        Target::Temporary(target, mut writer) => {
            writer.flush()?;
            let file = writer
                .into_inner()
                .map_err(std::io::IntoInnerError::into_error)?;
            file.as_file().sync_all()?;
            file.persist(target)
                .map(|_| ())
                .map_err(|error| error.error)
        }
    }
}

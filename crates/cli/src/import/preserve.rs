//! `import --preserve`: rebuilds an exported ledger, all of it or nothing.
//!
//! The ledger is first built in a temporary file beside its place. Only once every line has passed
//! does it take its place.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use refund_ledger::{Ledger, LedgerError, wire};
use tempfile::TempPath;

use super::inputs::{Inputs, Item, Place};
use super::{BATCH_BYTES_MAX, BATCH_LINES_MAX, Counts};
use crate::args::Common;
use crate::export;
use crate::failure::Failure;
use crate::ledger_file;
use crate::output::{Exit, Output};

/// Restores an export.
pub(super) fn run(
    common: &Common,
    mut inputs: Inputs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let progress = inputs.progress();
    let path = ledger_file::path(common)?;
    let existing = if ledger_file::exists(path)? {
        let ledger = ledger_file::open(common)?;
        refuse_unless_empty(&ledger, path)?;
        Some(ledger)
    } else {
        None
    };
    let building = Building::begin(path)?;
    let lines = restore(&building.ledger, &mut inputs)?;
    verify(&building.ledger)?;
    match existing {
        None => building.publish(path)?,
        Some(ledger) => {
            refuse_unless_empty(&ledger, path)?;
            copy(&building.ledger, &ledger)?;
        }
    }
    progress.finish();
    let counts = Counts {
        lines,
        applied: lines,
        ..Counts::default()
    };
    output.answer(&counts, || format!("restored {lines} lines"))?;
    Ok(Exit::Done)
}

/// Sees that what the lines built is whole: a text that is missing must have been erased by one.
fn verify(ledger: &Ledger) -> Result<(), Failure> {
    let report = ledger.verify(None)?;
    match report.findings.first() {
        None => Ok(()),
        Some(finding) => {
            let movement = match &finding.movement {
                Some(movement) => format!("movement `{movement}`: "),
                None => String::new(),
            };
            Err(Failure::Stopped {
                so_far: "the lines are not a whole export, so nothing was restored".into(),
                cause: Box::new(Failure::Usage(format!("{movement}{}", finding.message))),
            })
        }
    }
}

fn refuse_unless_empty(ledger: &Ledger, path: &Path) -> Result<(), Failure> {
    if ledger.journal(0, 1)?.is_empty() {
        Ok(())
    } else {
        Err(Failure::Usage(format!(
            "`{}` is not empty; `--preserve` needs an empty ledger or a path where nothing is",
            path.display()
        )))
    }
}

/// Restores every line into an empty ledger; answers how many there were.
fn restore(ledger: &Ledger, inputs: &mut Inputs) -> Result<u64, Failure> {
    let mut count = 0_u64;
    let mut places: Vec<Place> = Vec::with_capacity(BATCH_LINES_MAX);
    let mut lines: Vec<wire::Line> = Vec::with_capacity(BATCH_LINES_MAX);
    let mut bytes = 0_usize;
    loop {
        let item = inputs.next()?;
        let at_end = item.is_none();
        if let Some(mut item) = item {
            bytes = bytes.saturating_add(item.input.len());
            lines.push(line_of(&mut item)?);
            places.push(item.place);
            count += 1;
        }
        if at_end || lines.len() >= BATCH_LINES_MAX || bytes >= BATCH_BYTES_MAX {
            ledger.restore(&lines).map_err(|refused| {
                match refused.index.and_then(|at| places.get(at)) {
                    Some(place) => not_restored(place, refused.error),
                    None => refused.error.into(),
                }
            })?;
            lines.clear();
            places.clear();
            bytes = 0;
        }
        if at_end {
            return Ok(count);
        }
    }
}

fn line_of(item: &mut Item) -> Result<wire::Line, Failure> {
    item.take_line()
        .map_err(|error| not_restored(&item.place, error))
}

fn not_restored(place: &Place, error: LedgerError) -> Failure {
    match error.into() {
        cause @ Failure::Refused(_) => {
            let file = match &place.file {
                Some(file) => format!("`{file}`, "),
                None => String::new(),
            };
            Failure::Stopped {
                so_far: format!(
                    "{file}line {} is not as it was exported, so nothing was restored",
                    place.line
                ),
                cause: Box::new(cause),
            }
        }
        cause => cause,
    }
}

/// Restores a ledger that passed every check into another, empty one.
fn copy(from: &Ledger, to: &Ledger) -> Result<(), Failure> {
    let mut lines: Vec<wire::Line> = Vec::with_capacity(BATCH_LINES_MAX);
    let mut restored = 0_usize;
    let mut flush = |lines: &mut Vec<wire::Line>| {
        to.restore(lines).map_err(|refused| Failure::Stopped {
            so_far: format!(
                "the ledger was in use or could not be written; {restored} lines are in it, so begin again with a new one"
            ),
            cause: Box::new(refused.error.into()),
        })?;
        restored = restored.saturating_add(lines.len());
        lines.clear();
        Ok::<(), Failure>(())
    };
    export::lines(from, |line| {
        lines.push(wire::parse_line(line.as_bytes())?);
        if lines.len() >= BATCH_LINES_MAX {
            flush(&mut lines)?;
        }
        Ok(())
    })?;
    flush(&mut lines)
}

/// A ledger under construction in a temporary file, which goes away unless it is published.
struct Building {
    ledger: Ledger,
    file: Temporary,
}

impl Building {
    fn begin(target: &Path) -> Result<Self, Failure> {
        let file =
            Temporary::beside(target).map_err(|error| Failure::file("made", target, error))?;
        Ok(Self {
            ledger: Ledger::open(&file.path)?,
            file,
        })
    }

    /// Puts the ledger in its place, where nothing may be.
    fn publish(self, target: &Path) -> Result<(), Failure> {
        let Self { ledger, file } = self;
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

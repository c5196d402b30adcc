//! The files of an import, one after the other.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use refund_ledger::{ErrorCode, LedgerError, wire};
use refund_lines::{CsvRows, HeaderError, JsonLines, RawLine};

use crate::failure::Failure;
use crate::progress::Progress;

/// Where a line is, for people and rejects.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The file, where there are several.
    pub(super) file: Option<Arc<str>>,
    /// The line in the file, from 1.
    pub(super) line: u64,
}

/// A line that is not blank.
pub(super) struct Item {
    pub(super) place: Place,
    /// The line as it was given; only its beginning where it is too long.
    pub(super) input: Vec<u8>,
    line: Result<wire::Line, LedgerError>,
}

impl Item {
    /// Whether the line says something.
    pub(super) fn is_command(&self) -> bool {
        self.line.is_ok()
    }

    /// What the line says, or why it says nothing. Leaves nothing behind.
    pub(super) fn take_line(&mut self) -> Result<wire::Line, LedgerError> {
        let taken = Err(LedgerError::new(
            ErrorCode::Internal,
            "a line was carried out twice",
        ));
        std::mem::replace(&mut self.line, taken)
    }
}

/// A file or standard input.
pub(crate) type Bytes = Box<dyn io::Read + Send>;

/// Where lines come from.
type Source = Box<dyn BufRead + Send>;

enum Reader {
    Json(JsonLines<Source>),
    Csv(CsvRows<Source>),
}

struct Open {
    name: Arc<str>,
    reader: Reader,
}

/// All files of an import.
pub(super) struct Inputs {
    /// Those not begun yet, the last one first.
    waiting: Vec<(PathBuf, Bytes)>,
    current: Option<Open>,
    several: bool,
    csv: bool,
    progress: Progress,
}

impl Inputs {
    /// Opens every file, so that a mistyped name is told before anything is done.
    pub(super) fn open(paths: &[PathBuf], csv: bool) -> Result<Self, Failure> {
        let mut waiting: Vec<(PathBuf, Bytes)> = Vec::with_capacity(paths.len());
        let mut bytes = Some(0_u64);
        for path in paths.iter().rev() {
            let (source, length) = open(path)?;
            bytes = bytes
                .zip(length)
                .map(|(sum, length)| sum.saturating_add(length));
            waiting.push((path.clone(), source));
        }
        let mut this = Self {
            several: paths.len() > 1,
            waiting,
            current: None,
            csv,
            progress: Progress::new(bytes),
        };
        this.advance()?;
        Ok(this)
    }

    /// Begins the next file, with its header where it has one.
    fn advance(&mut self) -> Result<(), Failure> {
        self.current = match self.waiting.pop() {
            None => None,
            Some((path, source)) => Some(self.begin(&path, source)?),
        };
        Ok(())
    }

    /// The next line that is not blank.
    pub(super) fn next(&mut self) -> Result<Option<Item>, Failure> {
        while let Some(open) = &mut self.current {
            let next = match &mut open.reader {
                Reader::Json(lines) => lines.next_line(),
                Reader::Csv(rows) => rows.next_line(),
            };
            let next =
                next.map_err(|error| Failure::file("read", Path::new(&*open.name), error))?;
            if let Some(RawLine {
                number,
                input,
                parsed,
            }) = next
            {
                return Ok(Some(Item {
                    place: Place {
                        file: self.several.then(|| Arc::clone(&open.name)),
                        line: number,
                    },
                    input,
                    line: parsed,
                }));
            }
            self.advance()?;
        }
        Ok(None)
    }

    fn begin(&self, path: &Path, source: Bytes) -> Result<Open, Failure> {
        let source = self.progress.follow(source);
        let source: Source = Box::new(BufReader::with_capacity(64 * 1_024, source));
        let reader = if self.csv {
            let rows = CsvRows::begin(source).map_err(|error| match error {
                HeaderError::Io(error) => Failure::file("read", path, error),
                HeaderError::Invalid(why) => {
                    Failure::Usage(format!("the header of `{}` {why}", path.display()))
                }
            })?;
            Reader::Csv(rows)
        } else {
            Reader::Json(JsonLines::new(source))
        };
        Ok(Open {
            name: path.to_string_lossy().into(),
            reader,
        })
    }

    /// How far the reading is, wherever it goes on.
    pub(super) fn progress(&self) -> Progress {
        self.progress.clone()
    }
}

/// A file, or standard input for `-`, with its length, where it has one.
pub(crate) fn open(path: &Path) -> Result<(Bytes, Option<u64>), Failure> {
    if is_standard_input(path) {
        return Ok((Box::new(io::stdin()), None));
    }
    let (file, length) = open_file(path).map_err(|error| Failure::file("read", path, error))?;
    Ok((Box::new(file), length))
}

/// Whether a path stands for standard input.
pub(crate) fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn open_file(path: &Path) -> io::Result<(File, Option<u64>)> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok((file, metadata.is_file().then_some(metadata.len())))
}

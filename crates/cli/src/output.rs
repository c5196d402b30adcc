//! Standard output, standard error and exit codes.

use std::io::{self, BufWriter, Stdout, Write};
use std::process::ExitCode;

use serde::Serialize;

use crate::args::Format;
use crate::failure::Failure;

/// What the exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done.
    Done,
    /// 1: done, but some lines were rejected, the one command was refused by the rules, or two sides
    /// don't agree.
    Refused,
    /// 2: usage or I/O error.
    Failed,
    /// 3: the ledger diverges from its journal or from the head.
    Divergent,
    /// 4: not everything could be verified.
    Incomplete,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Refused => 1,
            Exit::Failed => 2,
            Exit::Divergent => 3,
            Exit::Incomplete => 4,
        })
    }
}

/// Standard output. Everything that is printed goes through here, so that a full disk or a closed
/// pipe is noticed.
pub(crate) struct Output {
    stdout: BufWriter<Stdout>,
    format: Format,
}

impl Output {
    pub(crate) fn new(format: Format) -> Self {
        Self {
            stdout: BufWriter::with_capacity(64 * 1_024, io::stdout()),
            format,
        }
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Prints a line of text.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), Failure> {
        let printed = writeln!(self.stdout, "{text}");
        checked(printed)
    }

    /// Prints a line of JSON.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let printed = serde_json::to_writer(&mut self.stdout, value)
            .map_err(io::Error::from)
            .and_then(|()| writeln!(self.stdout));
        checked(printed)
    }

    /// Prints the one object that a command answers with: as JSON for programs, else as the text.
    pub(crate) fn answer(
        &mut self,
        value: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if self.is_json() {
            self.json(value)
        } else {
            self.line(&text())
        }
    }

    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        let flushed = self.stdout.flush();
        checked(flushed)
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stdout.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stdout.flush()
    }
}

/// What a failed write to standard output means.
pub(crate) fn checked(printed: io::Result<()>) -> Result<(), Failure> {
    printed.map_err(|error| {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Failure::ClosedPipe
        } else {
            Failure::Io {
                what: "the output can't be written".into(),
                source: error,
            }
        }
    })
}

/// Says something on standard error. Where that is closed, nobody wants to know.
pub(crate) fn note(text: &str) {
    let _nobody_listens = writeln!(io::stderr(), "{text}");
}

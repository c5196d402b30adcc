//! Why there is no server, or not the answer of one.

use std::fmt;
use std::io;

/// What went wrong, with what the programs and the server have said about it.
#[derive(thiserror::Error)]
pub enum Error {
    /// A program that is needed is not there.
    #[error(
        "{what}: install PostgreSQL (`apt-get install {packages}`), or name its folder of programs in `PG_BIN`"
    )]
    Missing {
        /// What was looked for, and where.
        what: String,
        /// What to install.
        packages: String,
    },
    /// A program ended with a failure.
    #[error("`{command}` failed: {output}")]
    Program {
        /// The command line.
        command: String,
        /// What it printed, or how it ended.
        output: String,
    },
    /// The server did not do what it was told.
    #[error("the server {what}; its log:\n{log}")]
    Server {
        /// What it did instead.
        what: String,
        /// The server's log.
        log: String,
    },
    /// A value that no server takes.
    #[error("{0}")]
    Value(String),
    /// The system refused a file or a process.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// What the system says.
        source: io::Error,
    },
}

/// Tests show errors through `unwrap`, which takes this form: a log is read line by line.
impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Says what was tried when the system refuses it.
pub(crate) fn while_trying(what: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
    |source| Error::System {
        what: what.into(),
        source,
    }
}

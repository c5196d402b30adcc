//! Why a chore stopped.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitStatus;

use crate::tally::Tally;

/// Why a step failed, said to the person who can act on it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A command ended with a failure; it has said why itself.
    #[error("`{command}` failed with {status}")]
    Command {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The tests that it had run by then.
        tests: Tally,
    },
    /// A command never ran.
    #[error("`{command}` did not start: {source}")]
    Start {
        /// The command line.
        command: String,
        /// What the system says.
        source: io::Error,
    },
    /// A command succeeded, but not with the output that it should have.
    #[error("`{command}` succeeded, but its output is not as expected: {problem}")]
    Output {
        /// The command line.
        command: String,
        /// What is wrong with the output.
        problem: String,
    },
    /// Something that a step needs is not there, and setting it up failed.
    #[error("{what} is needed, and setting it up failed: {source}")]
    SetUp {
        /// What is missing.
        what: String,
        /// The command that was to set it up, and how it failed.
        source: Box<Failure>,
    },
    /// A rule of the project is broken.
    #[error("{0}")]
    Rule(String),
}

impl Failure {
    /// The tests that ran before the failure.
    pub(crate) fn tests(&self) -> Tally {
        match self {
            Self::Command { tests, .. } => *tests,
            Self::Start { .. } | Self::Output { .. } | Self::SetUp { .. } | Self::Rule(_) => {
                Tally::default()
            }
        }
    }
}

/// A file or folder of the project that can't be used.
pub(crate) fn cannot_use(path: &Path, problem: &dyn fmt::Display) -> Failure {
    Failure::Rule(format!("`{}` can't be used: {problem}", path.display()))
}

//! What the server reports, as what a store can say.

use std::io;

use tokio_postgres::error::{DbError, Severity, SqlState};

use super::options::PostgresOptions;
use super::reasons;
use crate::store::StoreError;
use crate::store::columns::Damaged;

/// What can go wrong below the [`Store`](crate::store::Store) methods, before the server is named.
#[derive(Debug)]
pub(super) enum Fault {
    /// The server refused, or the connection failed.
    Postgres(tokio_postgres::Error),
    /// The socket failed.
    Socket(io::Error),
    /// Nothing came back before the deadline.
    NoAnswer,
    /// It was committed, and somebody canceled the wait for the standbys that must have it too.
    OnThisServerAlone,
    /// Something stored is not what it should be.
    Damaged(String),
    /// A failure that is already in the store's own terms.
    Store(StoreError),
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Damaged> for Fault {
    fn from(Damaged(what): Damaged) -> Self {
        Self::Damaged(what)
    }
}

impl Fault {
    /// The SQLSTATE with which the server refused.
    pub(super) fn state(&self) -> Option<&SqlState> {
        match self {
            Self::Postgres(error) => error.code(),
            _ => None,
        }
    }

    /// Whether the connection is no more, so that nobody will say what came of what was sent last.
    pub(super) fn is_loss(&self) -> bool {
        match self {
            Self::Postgres(error) => match error.as_db_error() {
                Some(refusal) => is_farewell(refusal),
                None => !is_misreading(error),
            },
            Self::Socket(_) => true,
            Self::NoAnswer | Self::OnThisServerAlone | Self::Damaged(_) | Self::Store(_) => false,
        }
    }

    /// Whether the connection can be used again, once its transaction is rolled back.
    pub(super) fn leaves_session_usable(&self) -> bool {
        match self {
            Self::NoAnswer | Self::Socket(_) => false,
            Self::Postgres(_) => !self.is_loss() && !self.is_stale_statement(),
            Self::OnThisServerAlone | Self::Damaged(_) | Self::Store(_) => true,
        }
    }

    /// Whether the server no longer knows a statement as it was prepared: somebody has changed the
    /// tables since, or has cleared the session. A fresh connection prepares it anew.
    pub(super) fn is_stale_statement(&self) -> bool {
        let Self::Postgres(error) = self else {
            return false;
        };
        error.as_db_error().is_some_and(|refusal| {
            *refusal.code() == SqlState::INVALID_SQL_STATEMENT_NAME
                || (*refusal.code() == SqlState::FEATURE_NOT_SUPPORTED
                    && refusal.routine() == Some("RevalidateCachedQuery"))
        })
    }

    /// Whether the server was asked to write and takes no writes, as one that has become a standby.
    pub(super) fn is_read_only(&self) -> bool {
        self.state() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION)
    }

    /// The fault as the store's callers see it, naming the server.
    ///
    /// Once a commit was sent, a connection that is lost or silent leaves open what came of it;
    /// before that, the server has changed nothing.
    pub(super) fn at(self, server: &PostgresOptions, commit_sent: bool) -> StoreError {
        let lost = self.is_loss();
        let (reason, refusal) = match &self {
            Self::Store(error) => return named(error.clone(), server),
            Self::Damaged(what) => {
                return StoreError::Corrupted {
                    reason: format!("{server}: {what}"),
                };
            }
            Self::NoAnswer => ("it did not answer in time".to_owned(), None),
            Self::OnThisServerAlone => (
                "somebody canceled the wait for its standbys, which may not have what was committed"
                    .to_owned(),
                None,
            ),
            Self::Socket(error) => (reasons::of_socket(error), None),
            Self::Postgres(error) => (reasons::of(error), error.as_db_error()),
        };
        let reason = format!("{server}: {reason}");
        let silent = matches!(self, Self::NoAnswer | Self::OnThisServerAlone);
        if commit_sent && (lost || silent || refusal.is_some_and(is_open)) {
            return StoreError::OutcomeUnknown { reason };
        }
        match refusal {
            Some(refusal) => refused(refusal, reason),
            None if lost || silent => StoreError::Unavailable { reason },
            // A value that is not of the type that the column should have.
            None => StoreError::Unsupported { reason },
        }
    }
}

/// The same with the server's name before its reason.
fn named(mut error: StoreError, server: &PostgresOptions) -> StoreError {
    match &mut error {
        StoreError::Conflict | StoreError::Busy => {}
        StoreError::OutcomeUnknown { reason }
        | StoreError::Unavailable { reason }
        | StoreError::Corrupted { reason }
        | StoreError::Unsupported { reason }
        | StoreError::Failed { reason } => *reason = format!("{server}: {reason}"),
    }
    error
}

/// Whether the server closes the connection with what it says.
fn is_farewell(refusal: &DbError) -> bool {
    let severe = match refusal.parsed_severity() {
        Some(severity) => matches!(severity, Severity::Fatal | Severity::Panic),
        None => matches!(refusal.severity(), "FATAL" | "PANIC"),
    };
    severe
        || refusal.code().code().starts_with("08")
        || matches!(
            *refusal.code(),
            SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN | SqlState::DATABASE_DROPPED
        )
}

/// Whether the server itself can't say whether it has committed.
fn is_open(refusal: &DbError) -> bool {
    *refusal.code() == SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN
}

/// Whether an answer came but is not of the expected shape. The driver tells it by the words alone.
fn is_misreading(error: &tokio_postgres::Error) -> bool {
    let text = error.to_string();
    [
        "error serializing parameter",
        "error deserializing column",
        "error encoding message",
        "invalid column",
        "query returned an unexpected number",
        "expected ",
    ]
    .iter()
    .any(|beginning| text.starts_with(beginning))
}

fn refused(refusal: &DbError, reason: String) -> StoreError {
    match refusal.code().code() {
        // A lock that others held too long; a statement that took too long.
        "55P03" | "57014" => StoreError::Busy,
        // Transactions that can't be put into an order; a key that somebody else has taken.
        "40001" | "40P01" | "23505" => StoreError::Conflict,
        "25006" | "53300" | "40003" => StoreError::Unavailable { reason },
        // A division by zero is how a statement says that rows were swallowed.
        "XX001" | "XX002" => StoreError::Corrupted { reason },
        // No such table, column, schema or function, or nothing that this engine can do; a column that
        // this program does not know, or a position that newer tables do not give it.
        "23502" | "42P01" | "42703" | "3F000" | "42883" | "42804" | "0A000" => {
            StoreError::Unsupported { reason }
        }
        // A wrong user, password or database (classes 28 and 3D) is for the operator to put right,
        // while the requests are as good as before: they are told to come again, and not why.
        code if code.starts_with("08")
            || code.starts_with("28")
            || code.starts_with("3D")
            || code.starts_with("57P")
            || is_farewell(refusal) =>
        {
            StoreError::Unavailable { reason }
        }
        _ => StoreError::Failed { reason },
    }
}

#[cfg(test)]
mod tests;

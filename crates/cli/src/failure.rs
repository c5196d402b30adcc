//! What keeps a command from doing what it was asked, and how that is told.

use std::io;
use std::path::Path;

use refund_ledger::{ErrorCode, LedgerError, StoreError, wire};
use refund_reconcile::ReconcileError;
use serde::Serialize;

use crate::args::Format;
use crate::output::{self, Exit};
use crate::visible::visible;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The ledger's rules say no.
    #[error("{0}")]
    Refused(LedgerError),
    /// The ledger could not answer.
    #[error("{}", with_reason(.0))]
    Ledger(LedgerError),
    /// The ledger could not be opened.
    #[error("the ledger at `{at}` can't be opened: {}", reason(.why))]
    Unopened {
        /// What its place is called.
        at: String,
        /// What the store said.
        why: StoreError,
    },
    /// The command was not given what it needs.
    #[error("{0}")]
    Usage(String),
    /// A file or stream could not be read or written.
    #[error("{what}: {source}")]
    Io {
        /// What was attempted.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// Something failed on the way, after part of the work.
    #[error("{so_far}: {cause}")]
    Stopped {
        /// What was done before, and what to do next.
        so_far: String,
        /// What failed.
        cause: Box<Failure>,
    },
    /// Whoever read the output has gone, as `head` does: no reason to complain.
    #[error("the reader of the output has gone")]
    ClosedPipe,
}

impl Failure {
    /// A file that can't be read, written, …
    pub(crate) fn file(cannot: &str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            what: format!("`{}` can't be {cannot}", path.display()),
            source,
        }
    }

    /// What a query can't be asked is a matter of how the command was called.
    pub(crate) fn of_query(error: LedgerError) -> Self {
        if error.code() == ErrorCode::InvalidRequest {
            Self::Usage(error.to_string())
        } else {
            error.into()
        }
    }

    /// The exit code that tells it.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Refused(_) => Exit::Refused,
            Self::ClosedPipe => Exit::Done,
            Self::Ledger(_)
            | Self::Unopened { .. }
            | Self::Usage(_)
            | Self::Io { .. }
            | Self::Stopped { .. } => Exit::Failed,
        }
    }

    /// Tells it on standard error, as text or as one JSON object.
    pub(crate) fn report(&self, format: Format) {
        if format == Format::Json {
            output::note(&self.to_json());
            return;
        }
        match self {
            Self::Refused(error) => {
                output::note(&visible(&format!("error: {}: {error}", error.code())));
                for detail in error.details() {
                    output::note(&visible(&format!(
                        "  `{}` {}",
                        detail.field, detail.message
                    )));
                }
            }
            other => output::note(&visible(&format!("error: {other}"))),
        }
    }

    fn to_json(&self) -> String {
        let body = match self {
            Self::Refused(error) => serde_json::to_string(&wire::ErrorBody::from(error)),
            other => serde_json::to_string(&Body {
                code: other.code(),
                message: other.to_string(),
            }),
        };
        body.unwrap_or_else(|_| r#"{"code":"internal","message":""}"#.into())
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Refused(error) | Self::Ledger(error) => error.code().as_str(),
            Self::Unopened { why, .. } => LedgerError::from(why.clone()).code().as_str(),
            Self::Usage(_) => "usage",
            Self::Io { .. } | Self::ClosedPipe => "io",
            Self::Stopped { cause, .. } => cause.code(),
        }
    }
}

#[derive(Serialize)]
struct Body {
    code: &'static str,
    message: String,
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        match error.code() {
            ErrorCode::Timeout
            | ErrorCode::StoreUnavailable
            | ErrorCode::Internal
            | ErrorCode::StoreCorrupted => Self::Ledger(error),
            _ => Self::Refused(error),
        }
    }
}

impl From<ReconcileError> for Failure {
    fn from(error: ReconcileError) -> Self {
        Self::Usage(error.to_string())
    }
}

/// The message with what the store said: whoever runs the command is the store's operator.
fn with_reason(error: &LedgerError) -> String {
    match error.store_error() {
        Some(store) => format!("{error}: {}", reason(store)),
        None => error.to_string(),
    }
}

/// What the store said, without what the ledger says of every such failure.
fn reason(error: &StoreError) -> String {
    match error {
        StoreError::Unavailable { reason } | StoreError::OutcomeUnknown { reason } => {
            reason.clone()
        }
        other => other.to_string(),
    }
}

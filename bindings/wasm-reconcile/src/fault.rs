//! Errors, as JavaScript gets them.

use std::fmt::Display;

use refund_ledger::LedgerError;
use refund_ledger::wire::ErrorBody;
use serde::Serialize;

#[derive(Serialize)]
struct Thrown<'a> {
    #[serde(flatten)]
    body: ErrorBody<'a>,
    status: u16,
    retryable: bool,
}

/// An error as JSON.
pub(crate) fn thrown(error: &LedgerError) -> String {
    let thrown = Thrown {
        body: error.into(),
        status: error.code().http_status(),
        retryable: error.is_retryable(),
    };
    serde_json::to_string(&thrown).unwrap_or_default()
}

/// A file that can't be read, by its name in the request.
pub(crate) fn unreadable(file: &'static str, why: &dyn Display) -> LedgerError {
    LedgerError::invalid_field(file, "invalid_format", format!("can't be read: {why}"))
}

//! The JSON that JavaScript gets.

use http::Response;
use refund_ledger::wire::ErrorBody;
use refund_ledger::{ErrorCode, LedgerError, Receipt, RefundId};
use serde::Serialize;

use crate::json::FromJson;

/// An error with what a caller in JavaScript acts on.
#[derive(Serialize)]
pub(crate) struct ErrorReply<'a> {
    #[serde(flatten)]
    body: ErrorBody<'a>,
    status: u16,
    retryable: bool,
    /// What the store said.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl<'a> From<&'a LedgerError> for ErrorReply<'a> {
    fn from(error: &'a LedgerError) -> Self {
        Self {
            body: error.into(),
            status: error.code().http_status(),
            retryable: error.is_retryable(),
            reason: error.store_error().map(ToString::to_string),
        }
    }
}

/// The answer to a command.
#[derive(Serialize)]
pub(crate) struct ReceiptReply {
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_id: Option<RefundId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u32>,
    replayed: bool,
}

impl From<Receipt> for ReceiptReply {
    fn from(receipt: Receipt) -> Self {
        Self {
            refund_id: receipt.refund_id,
            revision: receipt.revision,
            replayed: receipt.replayed,
        }
    }
}

/// The answer to one command of a batch.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum ResultReply<'a> {
    Done(ReceiptReply),
    Refused { error: ErrorReply<'a> },
}

impl<'a> From<&'a Result<Receipt, LedgerError>> for ResultReply<'a> {
    fn from(result: &'a Result<Receipt, LedgerError>) -> Self {
        match result {
            Ok(receipt) => Self::Done((*receipt).into()),
            Err(error) => Self::Refused {
                error: error.into(),
            },
        }
    }
}

#[derive(Serialize)]
struct ResponseReply<'a> {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    /// What the response does not say, for the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorReply<'a>>,
}

/// A response of the REST contract, with the ledger's error behind it.
pub(crate) fn response(
    response: Response<Vec<u8>>,
    error: Option<&LedgerError>,
) -> Result<String, LedgerError> {
    let is_failure = response.status().is_server_error();
    let headers = response.headers().iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        (name.to_string(), value.into_owned())
    });
    json(&ResponseReply {
        status: response.status().as_u16(),
        headers: headers.collect(),
        body: text(response.into_body())?,
        error: error.filter(|_| is_failure).map(Into::into),
    })
}

/// JSON text from the bytes of a body.
pub(crate) fn text(body: Vec<u8>) -> Result<String, LedgerError> {
    String::from_utf8(body).map_err(|_| unwritable())
}

pub(crate) fn json(value: &impl Serialize) -> Result<String, LedgerError> {
    serde_json::to_string(value).map_err(|_| unwritable())
}

fn unwritable() -> LedgerError {
    LedgerError::new(ErrorCode::Internal, "a reply that JSON can't say")
}

/// Reads options that are made by the user's hand.
pub(crate) fn read_options<T: FromJson>(text: &str) -> Result<T, LedgerError> {
    T::from_json(text).map_err(|fault| LedgerError::new(ErrorCode::MalformedRequest, fault))
}

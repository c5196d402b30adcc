//! Responses.

use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, LOCATION, WWW_AUTHENTICATE,
};
use http::{HeaderValue, Response, StatusCode};
use refund_ledger::{
    ErrorCode, JournalPosition, LedgerError, MovementKey, Operation as Change, Receipt, RefundId,
    wire,
};
use serde::Serialize;

use crate::call::{Call, Reply};
use crate::refusal::Refusal;
use crate::text::encode;

/// Whether a POST was answered with a refund that had been created before.
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The contract's `GenericCreatedResponseDTO`.
#[derive(Serialize)]
struct Created<'a> {
    id: &'a str,
}

#[derive(Serialize)]
struct Items<T> {
    items: Vec<T>,
}

#[derive(Serialize)]
struct RefundItems<'a> {
    items: Vec<wire::RefundBody<'a>>,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct JournalItems<'a> {
    items: Vec<wire::JournalLine<'a>>,
    next_after: JournalPosition,
}

/// The response to a call that was made.
pub fn render(call: &Call, outcome: &Result<Reply, LedgerError>) -> Response<Vec<u8>> {
    match outcome {
        Ok(reply) => reply_to(call, reply),
        Err(error) => error_response(error),
    }
}

fn reply_to(call: &Call, reply: &Reply) -> Response<Vec<u8>> {
    match (call, reply) {
        (Call::Command(command), Reply::Receipt(receipt)) => {
            receipt_response(&command.movement, &command.operation, receipt)
        }
        (_, reply) => {
            let mut response = with_body(StatusCode::OK, reply.to_json());
            if let Reply::Refund(refund) = reply {
                set_etag(&mut response, refund.revision);
            }
            response
        }
    }
}

impl Reply {
    /// The body of the answer to a query, as JSON. `None` for a receipt, whose answer depends on the
    /// command.
    ///
    /// ```
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{Ledger, JournalPage};
    /// use refund_rest::Reply;
    /// let empty = Reply::Journal(JournalPage { items: Vec::new(), next_after: 0 });
    /// assert_eq!(empty.to_json().as_deref(), Some(br#"{"items":[],"next_after":0}"#.as_slice()));
    /// # Ok(()) }
    /// ```
    pub fn to_json(&self) -> Option<Vec<u8>> {
        match self {
            Self::Receipt(_) => None,
            Self::Movement(movement) => bytes(&wire::MovementBody::from(movement)),
            Self::Refund(refund) => bytes(&wire::RefundBody::from(refund)),
            Self::History(revisions) => bytes(&Items {
                items: revisions.iter().map(wire::RevisionBody::from).collect(),
            }),
            Self::Refunds(page) => bytes(&RefundItems {
                items: page.items.iter().map(wire::RefundBody::from).collect(),
                next_cursor: page.next_cursor.map(|cursor| cursor.to_string()),
            }),
            Self::Journal(page) => bytes(&JournalItems {
                items: page
                    .items
                    .iter()
                    .map(|(record, entry)| wire::JournalLine::new(record, entry))
                    .collect(),
                next_after: page.next_after,
            }),
        }
    }
}

fn receipt_response(
    movement: &MovementKey,
    change: &Change,
    receipt: &Receipt,
) -> Response<Vec<u8>> {
    match (change, receipt.refund_id) {
        (Change::CreateRefund { .. }, Some(refund)) => {
            let mut response = created(&refund.to_string(), &refund_path(movement, refund));
            if receipt.replayed {
                let replayed = HeaderValue::from_static("true");
                response.headers_mut().insert(IDEMPOTENT_REPLAYED, replayed);
            }
            if let Some(revision) = receipt.revision {
                set_etag(&mut response, revision);
            }
            response
        }
        (Change::CreateRefund { .. }, None) => error_response(&mismatch()),
        (Change::RecordMovement(_), _) if !receipt.replayed => {
            created(movement.movement_id(), &movement_path(movement))
        }
        (Change::UpdateRefund { .. }, _) => {
            let mut response = empty();
            if let Some(revision) = receipt.revision {
                set_etag(&mut response, revision);
            }
            response
        }
        _ => empty(),
    }
}

fn mismatch() -> LedgerError {
    LedgerError::new(ErrorCode::Internal, "a reply that is none to the call")
}

fn created(id: &str, location: &str) -> Response<Vec<u8>> {
    let mut response = json(StatusCode::CREATED, &Created { id });
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

fn movement_path(movement: &MovementKey) -> String {
    format!(
        "/v1/orgs/{}/subscription/{}/movement/{}",
        encode(movement.org_id()),
        encode(movement.subscription_id()),
        encode(movement.movement_id())
    )
}

fn refund_path(movement: &MovementKey, refund: RefundId) -> String {
    format!("{}/refund/{refund}", movement_path(movement))
}

fn set_etag(response: &mut Response<Vec<u8>>, revision: u32) {
    if let Ok(etag) = HeaderValue::from_str(&format!("\"{revision}\"")) {
        response.headers_mut().insert(ETAG, etag);
    }
}

fn empty() -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    forbid_caching(&mut response);
    response
}

fn json(status: StatusCode, body: &impl Serialize) -> Response<Vec<u8>> {
    with_body(status, bytes(body))
}

/// `None` where JSON can't say it. The forms of replies are made of strings, numbers and lists, so
/// that is never.
fn bytes(body: &impl Serialize) -> Option<Vec<u8>> {
    serde_json::to_vec(body).ok()
}

fn with_body(status: StatusCode, body: Option<Vec<u8>>) -> Response<Vec<u8>> {
    let Some(body) = body else {
        return error_response(&mismatch());
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    forbid_caching(&mut response);
    response
}

/// What a ledger says is the caller's, and true for the moment.
fn forbid_caching(response: &mut Response<Vec<u8>>) {
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, no_store);
}

fn error_response(error: &LedgerError) -> Response<Vec<u8>> {
    let status = StatusCode::from_u16(error.code().http_status())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        // Whatever went wrong inside is for the log.
        let code = error.code().as_str();
        return json(
            status,
            &Plain {
                code,
                message: "the request failed in the ledger",
            },
        );
    }
    let mut response = json(status, &wire::ErrorBody::from(error));
    if status == StatusCode::UNAUTHORIZED {
        let bearer = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(WWW_AUTHENTICATE, bearer);
    }
    response
}

/// A `GenericResponseDTO` without details.
#[derive(Serialize)]
struct Plain<'a> {
    code: &'a str,
    message: &'a str,
}

impl Refusal {
    /// The response that says so.
    pub fn render(&self) -> Response<Vec<u8>> {
        let status = match self {
            Self::Ledger(error) => return error_response(error),
            Self::PathNotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
        };
        let message = &self.to_string();
        let code = self.code();
        let mut response = json(status, &Plain { code, message });
        if let Self::MethodNotAllowed { allow } = self
            && let Ok(allow) = HeaderValue::from_str(allow)
        {
            response.headers_mut().insert(ALLOW, allow);
        }
        response
    }
}

//! The REST contract for refunds, version 1, as pure functions over a refund ledger.
//!
//! Nothing here does I/O: a request comes as an [`http::Request`], an answer leaves as an
//! [`http::Response`], and what lies between is a [`Call`] on a [`Ledger`]. A server, a service
//! worker or a test is a shell of a few lines around them.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use http::Request;
//! use refund_ledger::{Id, Ledger};
//! use refund_rest::{Caller, Grants, answer};
//!
//! let ledger = Ledger::in_memory();
//! let caller = Caller { subject: Id::new("ops")?, grants: Grants::all() };
//! let request = Request::put("/v1/orgs/acme/subscription/sub-7/movement/mov-42")
//!     .header("content-type", "application/json")
//!     .body(br#"{"currency":"EUR","occurred_at":"2022-02-01T00:00:00Z",
//!                "amount":{"value_with_taxes":121},"description":"February"}"#)?;
//! assert_eq!(answer(&ledger, Some(&caller), &request).status(), 201);
//! assert_eq!(answer(&ledger, Some(&caller), &request).status(), 204); // a replay
//! assert_eq!(answer(&ledger, None, &request).status(), 401);
//! # Ok(()) }
//! ```
//!
//! # The steps
//!
//! [`answer`] is all of them in a row. A shell that waits for bodies or stores takes them one by one,
//! in this order, which is the order in which the ledger's rules are checked:
//!
//! | step | what it needs | what may end here |
//! |---|---|---|
//! | [`Route::of`] | method and path | 404, 405 |
//! | who asks: the shell's affair, as it knows tokens | headers | 401 |
//! | [`Route::authorize`] | a [`Ledger`] that asks the caller's [`Grants`] | 401, 403 |
//! | [`Route::parse`] | headers and body | 400 |
//! | [`Call::perform`] | the ledger | every other code |
//! | [`render`] | | |
//!
//! # Features
//!
//! `openapi` (default) adds `openapi::document`: the contract as an OpenAPI 3.1 document.
//! Without it the crate builds for `wasm32-unknown-unknown` and stays small.

mod access;
mod call;
mod headers;
#[cfg(feature = "openapi")]
pub mod openapi;
mod operation;
mod query;
mod refusal;
mod render;
mod route;
mod text;

use std::sync::Arc;

use http::{Method, Request, Response};
use refund_ledger::{ErrorCode, Ledger, LedgerError};

pub use access::{Caller, Grants, OrgGrant, Permission};
pub use call::{Call, Query, Reply};
pub use operation::Operation;
pub use refusal::Refusal;
pub use render::render;
pub use route::Route;

/// Reads a whole request as a call on the ledger.
///
/// # Errors
/// A path or method that the contract does not have; `malformed_request`; `invalid_request` that
/// lists every field at fault.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use http::Request;
/// use refund_rest::{Call, Query, Refusal, parse};
/// let request = Request::get("/v1/orgs/acme/refunds?limit=10").body(b"")?;
/// assert!(matches!(parse(&request), Ok(Call::Query(Query::Refunds(_)))));
/// let elsewhere = Request::get("/v2").body(b"")?;
/// assert!(matches!(parse(&elsewhere), Err(Refusal::PathNotFound)));
/// # Ok(()) }
/// ```
pub fn parse<B: AsRef<[u8]>>(request: &Request<B>) -> Result<Call, Refusal> {
    let route = Route::of(request.method(), request.uri())?;
    Ok(route.parse(request.headers(), request.body().as_ref())?)
}

/// Answers a request on a ledger, for a caller whom the shell has recognised. Everybody else is
/// refused.
pub fn answer<B: AsRef<[u8]>>(
    ledger: &Ledger,
    caller: Option<&Caller>,
    request: &Request<B>,
) -> Response<Vec<u8>> {
    answer_and_tell(ledger, caller, request).0
}

/// As [`answer`], with the ledger's own error where there was one: what the response keeps from its
/// reader is for the log.
pub fn answer_and_tell<B: AsRef<[u8]>>(
    ledger: &Ledger,
    caller: Option<&Caller>,
    request: &Request<B>,
) -> (Response<Vec<u8>>, Option<LedgerError>) {
    let (mut response, error) = match attempt(ledger, caller, request) {
        Ok((call, outcome)) => (render(&call, &outcome), outcome.err()),
        Err(refusal) => (refusal.render(), None),
    };
    if request.method() == Method::HEAD {
        response.body_mut().clear();
    }
    (response, error)
}

fn attempt<B: AsRef<[u8]>>(
    ledger: &Ledger,
    caller: Option<&Caller>,
    request: &Request<B>,
) -> Result<(Call, Result<Reply, LedgerError>), Refusal> {
    let route = Route::of(request.method(), request.uri())?;
    let caller = caller.ok_or_else(unknown_caller)?;
    let ledger = caller.on(ledger);
    route.authorize(&ledger)?;
    let call = route.parse(request.headers(), request.body().as_ref())?;
    let outcome = call.perform(&ledger);
    Ok((call, outcome))
}

impl Caller {
    /// The ledger as this caller sees it: it records the subject as the actor of every change, and
    /// asks the grants.
    pub fn on(&self, ledger: &Ledger) -> Ledger {
        ledger
            .clone()
            .with_actor(self.subject.clone())
            .with_access(Arc::new(self.grants.clone()))
    }
}

/// The refusal of a request without a caller, or without a known one: `unauthorized`.
pub fn unknown_caller() -> LedgerError {
    LedgerError::new(
        ErrorCode::Unauthorized,
        "send a valid token: `Authorization: Bearer …`",
    )
}

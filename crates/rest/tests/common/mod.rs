//! What the test files share: callers, requests, responses that can be compared, and a host whose ids
//! and salts are known beforehand.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests: each test file uses some of them, and a test fails by panicking"
)]

use http::{HeaderMap, Request, Response};
use refund_ledger::{Host, Id, LedgerError, Minted, Salt, Timestamp};
use refund_rest::{Caller, Grants, OrgGrant, Permission};

/// A response that can be compared and shown: status, headers in order of name, body.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// The body as text; every body of the contract is.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body is UTF-8")
    }

    /// The code of a refusal.
    pub(crate) fn code(&self) -> Option<String> {
        let body: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        Some(body.get("code")?.as_str()?.to_owned())
    }
}

impl From<Response<Vec<u8>>> for Seen {
    fn from(response: Response<Vec<u8>>) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: listed(response.headers()),
            body: response.into_body(),
        }
    }
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.status)?;
        for (name, value) in &self.headers {
            write!(f, "\n  {name}: {value}")?;
        }
        write!(f, "\n  {}", String::from_utf8_lossy(&self.body))
    }
}

fn listed(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut listed: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| {
            let value = value.to_str().expect("a header of ours is ASCII");
            (name.as_str().to_owned(), value.to_owned())
        })
        .collect();
    listed.sort();
    listed
}

/// A caller with these grants, by the names that tokens have for them.
pub(crate) fn caller(subject: &str, orgs: &[&str], actions: &[&str]) -> Caller {
    let orgs = orgs.iter().map(|org| org.parse::<OrgGrant>().unwrap());
    let permissions = actions.iter().map(|name| {
        Permission::named(name).unwrap_or_else(|| panic!("`{name}` should be a permission"))
    });
    Caller {
        subject: Id::new(subject).unwrap(),
        grants: Grants::new(orgs, permissions),
    }
}

/// A request, with the content type of the contract where it has a body.
pub(crate) fn request(method: &str, path: &str, body: &str) -> Request<Vec<u8>> {
    let mut request = Request::builder().method(method).uri(path);
    if !body.is_empty() {
        request = request.header("content-type", "application/json");
    }
    request
        .body(body.into())
        .unwrap_or_else(|error| panic!("{method} {path} should be a request: {error}"))
}

/// What a host has for the n-th step of a scenario: always the same.
pub(crate) struct StepHost {
    now: Timestamp,
    number: u8,
}

impl StepHost {
    pub(crate) fn new(now: &str, number: usize) -> Self {
        Self {
            now: now
                .parse()
                .unwrap_or_else(|error| panic!("`{now}` should be an instant: {error}")),
            number: u8::try_from(number).expect("a scenario has at most 255 steps"),
        }
    }
}

impl Host for StepHost {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn mint(&self, _: Timestamp) -> Result<Minted, LedgerError> {
        Ok(Minted {
            refund_id: format!("017f42c6-d000-7000-8000-{:012}", self.number).parse()?,
            salt: Salt([self.number; 16]),
        })
    }
}

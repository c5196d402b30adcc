//! A small ledger that gives the examples of answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::header::{CONTENT_TYPE, IF_MATCH};
use http::{HeaderValue, Method, Request, Response};
use refund_ledger::store::memory::MemoryStore;
use refund_ledger::{Host, Id, Ledger, LedgerError, Minted, Policy, RefundId, Salt, Timestamp};

use crate::{Caller, Grants, answer};

/// A ledger in memory with a clock of its own, and somebody who asks.
#[derive(Clone)]
pub(super) struct Desk {
    ledger: Ledger,
    caller: Option<Caller>,
    host: Arc<DeskHost>,
}

impl Desk {
    /// An empty ledger, and a caller who may do everything.
    pub(super) fn open() -> Self {
        let host = Arc::new(DeskHost::default());
        let caller = Id::new("billing").ok().map(|subject| Caller {
            subject,
            grants: Grants::all(),
        });
        Self {
            ledger: Ledger::new(Arc::new(MemoryStore::new()), host.clone()),
            caller,
            host,
        }
    }

    /// The same ledger, asked by nobody who is known.
    pub(super) fn nobody(&self) -> Self {
        Self {
            caller: None,
            ..self.clone()
        }
    }

    /// The same ledger, asked by somebody who may do nothing.
    pub(super) fn without_grants(&self) -> Self {
        let caller = self.caller.clone().map(|caller| Caller {
            grants: Grants::default(),
            ..caller
        });
        Self {
            caller,
            ..self.clone()
        }
    }

    /// The same ledger with this policy.
    pub(super) fn under(&self, policy: Policy) -> Self {
        Self {
            ledger: self.ledger.clone().with_policy(policy),
            ..self.clone()
        }
    }

    pub(super) fn get(&self, path: &str) -> Response<Vec<u8>> {
        self.send(Method::GET, path, "", None)
    }

    pub(super) fn put(&self, path: &str, body: &str) -> Response<Vec<u8>> {
        self.send(Method::PUT, path, body, None)
    }

    pub(super) fn post(&self, path: &str, body: &str) -> Response<Vec<u8>> {
        self.send(Method::POST, path, body, None)
    }

    pub(super) fn delete(&self, path: &str, if_match: &str) -> Response<Vec<u8>> {
        self.send(Method::DELETE, path, "", Some(if_match))
    }

    fn send(
        &self,
        method: Method,
        path: &str,
        body: &str,
        if_match: Option<&str>,
    ) -> Response<Vec<u8>> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap_or_default();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(revision) = if_match.and_then(|text| text.parse().ok()) {
            headers.insert(IF_MATCH, revision);
        }
        self.host.minute.fetch_add(1, Ordering::Relaxed);
        answer(&self.ledger, self.caller.as_ref(), &request)
    }
}

/// It is a minute later with each request, and ids and salts count up, so that all answers are the
/// same every time.
#[derive(Default)]
struct DeskHost {
    minute: AtomicU64,
    minted: AtomicU64,
}

impl Host for DeskHost {
    fn now(&self) -> Timestamp {
        const OPENED: i64 = 1_646_123_400; // 2022-03-01T08:30:00Z
        let minutes = i64::try_from(self.minute.load(Ordering::Relaxed)).unwrap_or(0);
        let seconds = OPENED.saturating_add(minutes.saturating_mul(60));
        Timestamp::from_unix(seconds, 0).unwrap_or(Timestamp::MAX)
    }

    fn mint(&self, now: Timestamp) -> Result<Minted, LedgerError> {
        let count = u128::from(self.minted.fetch_add(1, Ordering::Relaxed));
        let millis = u64::try_from(now.unix_millis()).unwrap_or(0);
        let salt = count.to_be_bytes();
        let random = salt.last_chunk().copied().unwrap_or_default();
        Ok(Minted {
            refund_id: RefundId::from_millis_and_random(millis, &random),
            salt: Salt(salt),
        })
    }
}

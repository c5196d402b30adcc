//! A ledger as JavaScript holds it.

use std::fmt::Display;
use std::sync::Arc;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, IF_MATCH};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request};
use refund_ledger::store::memory::MemoryStore;
use refund_ledger::{ErrorCode, Host, Id, Ledger, LedgerError, Minted, Policy, Timestamp};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::ask::{Ask, RestRequest, thrown};
use crate::host::{PlatformHost, RememberedHost};
use crate::json::read_fields;
use crate::memory::make_room;
use crate::options::{read_caller, read_policy};
use crate::reply::read_options;
use crate::session::{Runs, Session};
use crate::verification::{head_text, read_head, report_text};

/// A ledger in memory, and the settings of one over a store in JavaScript.
#[wasm_bindgen]
pub struct Engine {
    host: Arc<PlatformHost>,
    ledger: Ledger,
    policy: Policy,
    actor: Option<Id>,
}

/// A request to the REST contract, beside its body.
struct RestText {
    method: String,
    /// Path and query.
    target: String,
    headers: Vec<Vec<String>>,
}
read_fields!(RestText {
    method,
    target,
    headers
});

#[wasm_bindgen]
impl Engine {
    /// A ledger whose changes are recorded as this actor's, `local` where none is given, under a
    /// policy given as JSON.
    ///
    /// # Errors
    /// What is wrong with the options, as JSON.
    #[wasm_bindgen(constructor)]
    pub fn new(actor: Option<String>, policy: Option<String>) -> Result<Engine, String> {
        Self::open(actor.as_deref(), policy.as_deref()).map_err(|error| thrown(&error))
    }

    fn open(actor: Option<&str>, policy: Option<&str>) -> Result<Self, LedgerError> {
        let host = Arc::new(PlatformHost::default());
        let store = Arc::new(MemoryStore::new());
        let ledger = Ledger::new(store, Arc::clone(&host) as Arc<dyn Host>);
        let this = Self {
            host,
            ledger,
            policy: Policy::default(),
            actor: None,
        };
        this.changed(actor, policy)
    }

    /// The same ledger for another actor, or under another policy; what is not given stays.
    ///
    /// # Errors
    /// What is wrong with the options, as JSON.
    pub fn with(&self, actor: Option<String>, policy: Option<String>) -> Result<Engine, String> {
        self.changed(actor.as_deref(), policy.as_deref())
            .map_err(|error| thrown(&error))
    }

    fn changed(&self, actor: Option<&str>, policy: Option<&str>) -> Result<Self, LedgerError> {
        let actor = actor.map(Id::new).transpose()?.or(self.actor.clone());
        let policy = policy.map(read_policy).transpose()?.unwrap_or(self.policy);
        let mut ledger = self.ledger.clone().with_policy(policy);
        if let Some(actor) = &actor {
            ledger = ledger.with_actor(actor.clone());
        }
        Ok(Self {
            host: Arc::clone(&self.host),
            ledger,
            policy,
            actor,
        })
    }

    /// Sets the time of the calls that follow (RFC 3339); nothing is the platform's.
    ///
    /// # Errors
    /// `invalid_request`, as JSON.
    #[wasm_bindgen(js_name = setNow)]
    pub fn set_now(&self, now: Option<String>) -> Result<(), String> {
        let now = now
            .map(|now| now.parse::<Timestamp>())
            .transpose()
            .map_err(|error| thrown(&error))?;
        self.host.set_now(now);
        Ok(())
    }

    /// Gives the refund id (a UUID in lower case) and the salt (32 hexadecimal digits) that the
    /// next command takes in place of random ones.
    ///
    /// # Errors
    /// `invalid_request`, as JSON.
    #[wasm_bindgen(js_name = mintNext)]
    pub fn mint_next(&self, refund_id: &str, salt: &str) -> Result<(), String> {
        let bad_id = |_| {
            LedgerError::invalid_field(
                "refund_id",
                "invalid_format",
                "must be a UUID in lower case",
            )
        };
        let minted = refund_id
            .parse()
            .map_err(bad_id)
            .and_then(|refund_id| {
                Ok(Minted {
                    refund_id,
                    salt: salt.parse()?,
                })
            })
            .map_err(|error: LedgerError| thrown(&error))?;
        self.host.give(minted);
        Ok(())
    }

    /// Takes back what was given to be minted and was not.
    #[wasm_bindgen(js_name = mintNoMore)]
    pub fn mint_no_more(&self) {
        self.host.take_back();
    }

    /// Carries out a command on the ledger in memory: what programs do most, and so without the
    /// name of a question.
    ///
    /// # Errors
    /// What the ledger refuses the command for, as JSON.
    pub fn execute(&self, command: &str) -> Result<String, String> {
        self.ask("execute", command)
    }

    /// Asks the ledger in memory.
    ///
    /// # Errors
    /// What the ledger refuses the question for, as JSON.
    pub fn ask(&self, kind: &str, text: &str) -> Result<String, String> {
        make_room();
        Ask::read(kind, text)
            .and_then(|ask| ask.perform(&self.ledger))
            .map_err(|error| thrown(&error))
    }

    /// Answers a request to the REST contract on the ledger in memory.
    ///
    /// # Errors
    /// Where the request or the caller can't be read, as JSON.
    pub fn answer(
        &self,
        request: &str,
        body: Vec<u8>,
        caller: Option<String>,
    ) -> Result<String, String> {
        make_room();
        rest(request, body, caller.as_deref())
            .and_then(|ask| ask.perform(&self.ledger))
            .map_err(|error| thrown(&error))
    }

    /// Verifies the ledger in memory; `head` is one that was kept from before, as JSON.
    ///
    /// # Errors
    /// What is wrong with the head, as JSON.
    pub fn verify(&self, head: Option<String>) -> Result<String, String> {
        read_head(head.as_deref())
            .and_then(|head| self.ledger.verify(head))
            .and_then(|report| report_text(&report))
            .map_err(|error| thrown(&error))
    }

    /// The head of the ledger in memory, as JSON.
    ///
    /// # Errors
    /// `store_corrupted`, as JSON.
    pub fn head(&self) -> Result<String, String> {
        self.ledger
            .verify(None)
            .and_then(|report| head_text(&report))
            .map_err(|error| thrown(&error))
    }

    /// Begins a question to a ledger over a store in JavaScript.
    ///
    /// # Errors
    /// What is wrong with the question, as JSON.
    pub fn begin(&self, kind: &str, text: &str) -> Result<Session, String> {
        Ask::read(kind, text)
            .map(|ask| self.session(ask))
            .map_err(|error| thrown(&error))
    }

    /// Begins a request to the REST contract on a ledger over a store in JavaScript.
    ///
    /// # Errors
    /// Where the request or the caller can't be read, as JSON.
    #[wasm_bindgen(js_name = beginAnswer)]
    pub fn begin_answer(
        &self,
        request: &str,
        body: Vec<u8>,
        caller: Option<String>,
    ) -> Result<Session, String> {
        rest(request, body, caller.as_deref())
            .map(|ask| self.session(ask))
            .map_err(|error| thrown(&error))
    }

    fn session(&self, ask: Ask) -> Session {
        let runs = Runs::new(RememberedHost::new(Arc::clone(&self.host)));
        let store = Arc::new(runs.store.clone());
        let host = Arc::clone(&runs.host) as Arc<dyn Host>;
        let mut ledger = Ledger::new(store, host).with_policy(self.policy);
        if let Some(actor) = &self.actor {
            ledger = ledger.with_actor(actor.clone());
        }
        Session::new(ask, runs, ledger)
    }
}

/// The headers that the contract reads. The name of any other would bring a table of all that there
/// are into the module.
const READ_HEADERS: [HeaderName; 4] = [
    CONTENT_ENCODING,
    CONTENT_TYPE,
    IF_MATCH,
    HeaderName::from_static("idempotency-key"),
];

fn rest(text: &str, body: Vec<u8>, caller: Option<&str>) -> Result<Ask, LedgerError> {
    let text: RestText = read_options(text)?;
    let caller = caller.map(read_caller).transpose()?;
    let malformed =
        |error: &dyn Display| LedgerError::new(ErrorCode::MalformedRequest, error.to_string());
    let mut request = Request::new(body);
    *request.method_mut() =
        Method::from_bytes(text.method.as_bytes()).map_err(|error| malformed(&error))?;
    let target = text.target.parse::<PathAndQuery>();
    *request.uri_mut() = target.map_err(|error| malformed(&error))?.into();
    for header in &text.headers {
        if let [name, value] = header.as_slice()
            && let Some(name) = READ_HEADERS.iter().find(|known| known.as_str() == name)
        {
            let value =
                HeaderValue::from_bytes(value.as_bytes()).map_err(|error| malformed(&error))?;
            request.headers_mut().append(name, value);
        }
    }
    Ok(Ask::Rest(RestRequest::new(request, caller)))
}

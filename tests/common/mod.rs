//! What the scenarios share: a clock that stands still, requests as JSON text of which any part can
//! be exchanged, and assertions that fail in words.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "helpers of tests: each test file uses some of them, and a test fails by panicking"
)]

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use refund_ledger::store::memory::MemoryStore;
use refund_ledger::wire::{parse_line, parse_non_subscribable_request};
use refund_ledger::{
    Balance, Batch, Command, Host, Id, Ledger, LedgerError, Minted, MovementKey, Operation,
    Receipt, Refund, RefundFilter, RefundId, RefundLookup, Salt, Store, Timestamp,
};

/// A host whose clock moves only when told to, and whose ids and salts count up.
pub(crate) struct StillHost {
    now: Mutex<Timestamp>,
    minted: AtomicU64,
}

impl StillHost {
    pub(crate) fn at(now: &str) -> Self {
        Self {
            now: Mutex::new(time(now)),
            minted: AtomicU64::new(0),
        }
    }

    pub(crate) fn set(&self, now: &str) {
        *self.now.lock().unwrap() = time(now);
    }

    /// From now on the clock shows this, and ids and salts count on from there.
    pub(crate) fn go_on(&self, now: Timestamp, minted: u64) {
        *self.now.lock().unwrap() = now;
        self.minted.store(minted, Ordering::Relaxed);
    }

    /// What the n-th command is given.
    pub(crate) fn minted(now: Timestamp, n: u64) -> Minted {
        let mut random = [0; 10];
        random[2..].copy_from_slice(&n.to_be_bytes());
        let mut salt = [0xA5; 16];
        salt[8..].copy_from_slice(&n.to_be_bytes());
        Minted {
            refund_id: RefundId::from_millis_and_random(
                u64::try_from(now.unix_millis()).unwrap_or(0),
                &random,
            ),
            salt: Salt(salt),
        }
    }
}

impl Host for StillHost {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    fn mint(&self, now: Timestamp) -> Result<Minted, LedgerError> {
        let n = self.minted.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Self::minted(now, n))
    }
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse()
        .unwrap_or_else(|error| panic!("`{text}` should be an instant: {error}"))
}

pub(crate) fn id(text: &str) -> Id {
    Id::new(text).unwrap_or_else(|error| panic!("`{text}` should be an id: {error}"))
}

pub(crate) fn key(org: &str, subscription: &str, movement: &str) -> MovementKey {
    MovementKey::new(org, subscription, movement).expect("a movement's key")
}

pub(crate) fn external(text: &str) -> RefundLookup {
    RefundLookup::ExternalId(id(text))
}

/// A string as JSON text.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("any string is JSON")
}

/// JSON text in which each part can be exchanged for any other text, valid or not.
#[derive(Clone, Debug)]
pub(crate) enum Json {
    Raw(String),
    Object(Vec<(String, Json)>),
}

impl Json {
    pub(crate) fn object() -> Self {
        Self::Object(Vec::new())
    }

    /// The same with the part at this path (`amount.tax.type`) set to this text.
    pub(crate) fn set(mut self, path: &str, raw: impl Into<Self>) -> Self {
        self.put(path, raw.into());
        self
    }

    /// The same with the part at this path set to a string.
    pub(crate) fn text(self, path: &str, text: &str) -> Self {
        self.set(path, quoted(text))
    }

    /// The same without the part at this path.
    pub(crate) fn leave_out(mut self, path: &str) -> Self {
        let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
        let mut node = &mut self;
        for part in parent.split('.').filter(|part| !part.is_empty()) {
            node = node
                .field(part)
                .unwrap_or_else(|| panic!("no field `{part}` on the way to `{path}`"));
        }
        let Self::Object(fields) = node else {
            panic!("`{parent}` is no object");
        };
        let before = fields.len();
        fields.retain(|(have, _)| have != name);
        assert!(fields.len() < before, "no field `{path}` to leave out");
        self
    }

    fn field(&mut self, name: &str) -> Option<&mut Self> {
        match self {
            Self::Object(fields) => fields
                .iter_mut()
                .find(|(have, _)| have == name)
                .map(|(_, value)| value),
            Self::Raw(_) => None,
        }
    }

    fn put(&mut self, path: &str, raw: Self) {
        let (name, rest) = match path.split_once('.') {
            Some((name, rest)) => (name, Some(rest)),
            None => (path, None),
        };
        let Self::Object(fields) = self else {
            panic!("`{path}` leads into something that is no object");
        };
        let at = fields
            .iter()
            .position(|(have, _)| have == name)
            .unwrap_or_else(|| {
                fields.push((name.into(), Self::object()));
                fields.len() - 1
            });
        match rest {
            Some(rest) => fields[at].1.put(rest, raw),
            None => fields[at].1 = raw,
        }
    }

    pub(crate) fn render(&self) -> String {
        match self {
            Self::Raw(text) => text.clone(),
            Self::Object(fields) => {
                let mut out = String::from("{");
                for (at, (name, value)) in fields.iter().enumerate() {
                    let comma = if at == 0 { "" } else { "," };
                    write!(out, "{comma}{}:{}", quoted(name), value.render()).unwrap();
                }
                out.push('}');
                out
            }
        }
    }
}

impl From<&str> for Json {
    fn from(raw: &str) -> Self {
        Self::Raw(raw.into())
    }
}

impl From<String> for Json {
    fn from(raw: String) -> Self {
        Self::Raw(raw)
    }
}

/// A charge of 121 EUR, 100 without taxes.
pub(crate) fn charge() -> Json {
    Json::object()
        .text("currency", "EUR")
        .text("occurred_at", "2022-02-01T00:00:00Z")
        .set("amount.value_with_taxes", "121")
        .set("amount.value_without_taxes", "100")
        .text("amount.tax.type", "IVA")
        .set("amount.tax.percentage", "21")
        .text("description", "February")
}

/// A charge without tax, of this value in this currency.
pub(crate) fn plain_charge(currency: &str, value: &str) -> Json {
    charge()
        .text("currency", currency)
        .set("amount", Json::object().set("value_with_taxes", value))
}

/// The contract's `RefundRequestDTO`: 12.1 EUR, 10 without taxes, every field given.
pub(crate) fn standard(external_id: &str) -> Json {
    Json::object()
        .text("refund_datetime", "2022-02-24T13:45:10Z")
        .text("period_start_datetime", "2022-01-31T23:00:00Z")
        .text("period_end_datetime", "2022-02-28T22:59:59.999999999Z")
        .set("amount.value_with_taxes", "12.1")
        .set("amount.value_without_taxes", "10")
        .text("amount.tax.type", "IVA")
        .set("amount.tax.percentage", "21")
        .text("external_invoice_id", "inv-9")
        .text("external_refund_unique_id", external_id)
        .set("billable", "false")
        .text("description", "Two days without service")
}

/// A `RefundRequestDTO` of this value with taxes and nothing else in its amount.
pub(crate) fn plain(external_id: &str, value: &str) -> Json {
    standard(external_id).set("amount", Json::object().set("value_with_taxes", value))
}

/// The contract's `RefundNonSubscribableProductsRequestDTO`, every field given.
pub(crate) fn non_subscribable(external_id: &str) -> Json {
    standard(external_id)
        .leave_out("billable")
        .set("amount.billable", "true")
        .text("transaction_type_id", "tt-3")
}

/// A line of an import file about a movement.
pub(crate) fn line(op: &str, movement: &MovementKey) -> Json {
    Json::object()
        .text("op", op)
        .text("org_id", movement.org_id())
        .text("subscription_id", movement.subscription_id())
        .text("movement_id", movement.movement_id())
}

pub(crate) fn command(line: &Json) -> Result<Command, LedgerError> {
    parse_line(line.render().as_bytes()).map(|line| line.command)
}

/// A ledger in memory on 1 March 2022, with the movement `acme/sub-7/mov-42`.
pub(crate) struct Book {
    pub(crate) ledger: Ledger,
    pub(crate) host: Arc<StillHost>,
    pub(crate) movement: MovementKey,
}

pub(crate) type Answer = Result<Receipt, LedgerError>;

impl Book {
    /// Without any movement.
    pub(crate) fn empty() -> Self {
        Self::over(Arc::new(MemoryStore::new()))
    }

    pub(crate) fn over(store: Arc<dyn Store>) -> Self {
        let host = Arc::new(StillHost::at("2022-03-01T00:00:00Z"));
        Self {
            ledger: Ledger::new(store, host.clone()),
            host,
            movement: key("acme", "sub-7", "mov-42"),
        }
    }

    /// With a movement of 121 EUR, 100 without taxes.
    pub(crate) fn new() -> Self {
        Self::charging(&charge())
    }

    /// With a movement of this content.
    pub(crate) fn charging(charge: &Json) -> Self {
        let book = Self::empty();
        accepted(book.record(charge));
        book
    }

    /// With a movement of this value in EUR, taxed at 21 %.
    pub(crate) fn of(with: &str, without: &str) -> Self {
        Self::charging(
            &charge()
                .set("amount.value_with_taxes", with)
                .set("amount.value_without_taxes", without),
        )
    }

    /// The same ledger, seen through another handle.
    pub(crate) fn with(&self, change: impl FnOnce(Ledger) -> Ledger) -> Self {
        Self {
            ledger: change(self.ledger.clone()),
            host: self.host.clone(),
            movement: self.movement.clone(),
        }
    }

    /// The same ledger, about another movement.
    pub(crate) fn on(&self, movement: &MovementKey) -> Self {
        Self {
            movement: movement.clone(),
            ..self.with(|ledger| ledger)
        }
    }

    pub(crate) fn line(&self, op: &str) -> Json {
        line(op, &self.movement)
    }

    pub(crate) fn run(&self, line: &Json) -> Answer {
        self.ledger.execute(&command(line)?)
    }

    /// Runs a line as an import of a file would.
    pub(crate) fn import(&self, line: &Json) -> Answer {
        let batch = Batch {
            repeats: refund_ledger::Repeats::AsFile,
            ..Batch::default()
        };
        self.ledger
            .execute_all(&[command(line)?], batch)?
            .pop()
            .expect("one answer per command")
    }

    pub(crate) fn record(&self, body: &Json) -> Answer {
        self.run(&self.line("record_movement").set("body", body.clone()))
    }

    pub(crate) fn void(&self) -> Answer {
        self.run(&self.line("void_movement"))
    }

    pub(crate) fn create(&self, body: &Json) -> Answer {
        self.run(&self.line("create_refund").set("body", body.clone()))
    }

    /// Creates a non-subscribable refund, with an idempotency key beside it or not.
    pub(crate) fn create_other(&self, body: &Json, idempotency_key: Option<&str>) -> Answer {
        let request = parse_non_subscribable_request(body.render().as_bytes())?;
        self.ledger.execute(&Command {
            movement: self.movement.clone(),
            operation: Operation::CreateRefund {
                content: request.into(),
                idempotency_key: idempotency_key.map(id),
            },
        })
    }

    pub(crate) fn update(&self, external_id: &str, body: &Json) -> Answer {
        self.run(&self.update_line(external_id, body))
    }

    pub(crate) fn update_line(&self, external_id: &str, body: &Json) -> Json {
        self.line("update_refund")
            .text("external_refund_unique_id", external_id)
            .set("body", body.clone())
    }

    pub(crate) fn update_at(&self, external_id: &str, revision: u32, body: &Json) -> Answer {
        self.run(
            &self
                .update_line(external_id, body)
                .set("expected_revision", revision.to_string()),
        )
    }

    pub(crate) fn delete(&self, external_id: &str) -> Answer {
        self.run(&self.delete_line(external_id))
    }

    pub(crate) fn delete_line(&self, external_id: &str) -> Json {
        self.line("delete_refund")
            .text("external_refund_unique_id", external_id)
    }

    /// Erases the description of a refund, or of the movement itself.
    pub(crate) fn erase(&self, external_id: Option<&str>) -> Answer {
        let line = self.line("erase_text");
        self.run(&match external_id {
            Some(external_id) => line.text("external_refund_unique_id", external_id),
            None => line,
        })
    }

    pub(crate) fn balance(&self) -> Balance {
        self.ledger
            .balance(&self.movement)
            .expect("the movement has a balance")
    }

    /// What is left, in minor units: with taxes, without.
    pub(crate) fn left(&self) -> (i64, i64) {
        let left = self.balance().refundable;
        (left.with, left.without)
    }

    pub(crate) fn refund(&self, external_id: &str) -> Refund {
        self.ledger
            .refund(&self.movement, external(external_id))
            .unwrap_or_else(|error| panic!("refund `{external_id}` should be there: {error}"))
    }

    pub(crate) fn list(&self, filter: RefundFilter) -> Vec<Refund> {
        self.ledger
            .refunds(filter)
            .collect::<Result<_, _>>()
            .expect("a list")
    }

    /// Everything that an outsider can see of the ledger, for "as before".
    pub(crate) fn all(&self) -> String {
        let all = RefundFilter {
            include_deleted: true,
            ..RefundFilter::default()
        };
        let journal = self.ledger.journal(0, usize::MAX).expect("a journal");
        let movements = self
            .ledger
            .movements(None, None, usize::MAX)
            .expect("movements");
        format!("{journal:?} {movements:?} {:?}", self.list(all))
    }

    /// Nothing that `attempt` does changes the ledger.
    pub(crate) fn unchanged<T>(&self, attempt: impl FnOnce() -> T) -> T {
        let before = self.all();
        let result = attempt();
        assert_eq!(before, self.all(), "the ledger should be as it was before");
        result
    }

    pub(crate) fn verifies(&self) {
        let report = self.ledger.verify(None).expect("a report");
        assert!(report.is_valid(), "the ledger should verify: {report:?}");
    }

    pub(crate) fn entries(&self) -> usize {
        self.ledger.journal(0, usize::MAX).expect("a journal").len()
    }
}

/// The answer to a command that must be carried out, now and not before.
#[track_caller]
pub(crate) fn accepted(answer: Answer) -> Receipt {
    match answer {
        Ok(receipt) if !receipt.replayed => receipt,
        Ok(receipt) => panic!("should have been carried out, was taken for a replay: {receipt:?}"),
        Err(error) => panic!(
            "should have been carried out, was refused: {}",
            told(&error)
        ),
    }
}

/// The answer to a command that must be a replay.
#[track_caller]
pub(crate) fn replayed(answer: Answer) -> Receipt {
    match answer {
        Ok(receipt) if receipt.replayed => receipt,
        Ok(receipt) => panic!("should have been a replay, was carried out: {receipt:?}"),
        Err(error) => panic!("should have been a replay, was refused: {}", told(&error)),
    }
}

/// The error of a command that must be refused with this code.
#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(
    answer: Result<T, LedgerError>,
    code: &str,
) -> LedgerError {
    match answer {
        Err(error) if error.code().as_str() == code => error,
        Err(error) => panic!(
            "should have been refused with `{code}`, was with {}",
            told(&error)
        ),
        Ok(value) => panic!("should have been refused with `{code}`, was answered: {value:?}"),
    }
}

/// A refusal with `invalid_request` that names exactly these fields, each with its detail code.
#[track_caller]
pub(crate) fn at_fault<T: std::fmt::Debug>(
    answer: Result<T, LedgerError>,
    faults: &[(&str, &str)],
) {
    let error = refused(answer, "invalid_request");
    let mut have: Vec<(&str, &str)> = error
        .details()
        .iter()
        .map(|detail| (&*detail.field, detail.code))
        .collect();
    let mut want = faults.to_vec();
    have.sort_unstable();
    want.sort_unstable();
    assert_eq!(have, want, "the fields at fault, of {}", told(&error));
    for detail in error.details() {
        assert!(
            !detail.message.is_empty(),
            "`{}` should say what is allowed",
            detail.field
        );
    }
}

/// The fields that a refusal names.
pub(crate) fn fields(error: &LedgerError) -> Vec<String> {
    let mut fields: Vec<String> = error
        .details()
        .iter()
        .map(|detail| detail.field.to_string())
        .collect();
    fields.sort_unstable();
    fields
}

pub(crate) fn told(error: &LedgerError) -> String {
    format!(
        "`{}`: {} {:?}",
        error.code(),
        error.message(),
        error.details()
    )
}

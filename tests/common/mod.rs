//! What the scenarios share: a clock that stands still, requests as JSON text of which any part can
//! be exchanged, and assertions that fail in words.
#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "helpers of tests: each test file uses some of them, and a test fails by panicking"
)]

use std::sync::Arc;

pub(crate) use reference_model::{Json, StillHost, line, quoted};
use refund_ledger::store::memory::MemoryStore;
use refund_ledger::wire::{parse_line, parse_non_subscribable_request};
use refund_ledger::{
    Balance, Batch, Command, Id, Ledger, LedgerError, MovementKey, Operation, Receipt, Refund,
    RefundFilter, RefundLookup, Store, Timestamp,
};

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
        let host = Arc::new(StillHost::at(time("2022-03-01T00:00:00Z")));
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

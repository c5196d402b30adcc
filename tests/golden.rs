//! What is stored or sent, byte for byte, beside files that a person has read.
//!
//! After a change that is meant: `UPDATE_GOLDEN=1 cargo test --test golden`, then read the diff.
#![allow(
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::too_many_lines,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking, and their tables of cases are long"
)]

mod common;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use common::{
    Book, accepted, charge, external, id, key, non_subscribable, plain, plain_charge, standard,
    time,
};
use refund_ledger::wire::{
    BalanceBody, ErrorBody, JournalLine, MovementBody, RefundBody, ReportBody, RevisionBody,
    TotalsBody,
};
use refund_ledger::{
    Access, Action, Authorize, ErrorCode, Finding, Id, LedgerError, Policy, RefundFilter,
    RefundQuery, Report, Resource, StoreError, Verdict,
};
use serde::Serialize;

/// Compares with a golden file, or writes it when told to.
fn golden(name: &str, actual: &str) {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "golden", name]
        .iter()
        .collect();
    #[allow(
        clippy::disallowed_methods,
        reason = "a test is told by the environment to write"
    )]
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    if update {
        std::fs::write(&path, actual).expect("the golden file can be written");
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = expected
        .lines()
        .zip(actual.lines())
        .position(|(expected, actual)| expected != actual)
        .unwrap_or_else(|| expected.lines().count().min(actual.lines().count()));
    assert!(
        expected == actual,
        "tests/golden/{name} differs from line {} on.\n  expected: {}\n  actual:   {}\n\
         If that is meant, run `UPDATE_GOLDEN=1 cargo test --test golden`, read the diff line by \
         line, and say in CHANGELOG.md what users will notice.",
        differs + 1,
        expected.lines().nth(differs).unwrap_or("(the file ends)"),
        actual.lines().nth(differs).unwrap_or("(the text ends)"),
    );
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("a reply is JSON")
}

/// A ledger with every kind of entry, and refunds of every fate.
fn eventful() -> Book {
    let book = Book::new();
    accepted(book.create(&standard("r-1")));
    book.host.set(time("2022-03-01T08:30:00.25Z"));
    let clerk = book.with(|ledger| ledger.with_actor(id("clerk")));
    accepted(clerk.update("r-1", &standard("r-1").text("description", "Three days")));
    accepted(book.create_other(&non_subscribable("r-2"), None));
    let keyless = non_subscribable("x")
        .leave_out("external_refund_unique_id")
        .leave_out("external_invoice_id")
        .leave_out("period_start_datetime")
        .leave_out("period_end_datetime")
        .set(
            "amount",
            common::Json::object()
                .set("value_with_taxes", "1")
                .set("billable", "false"),
        );
    accepted(book.create_other(&keyless, Some("k-1")));
    accepted(book.delete("r-2"));
    accepted(book.erase(Some("k-1")));
    let yen = book.on(&key("acme", "sub-7", "mov-43"));
    accepted(yen.record(&plain_charge("JPY", "1000")));
    accepted(yen.create(&plain("y-1", "300")));
    let mistyped = book.on(&key("acme", "sub-8", "mov-1"));
    accepted(mistyped.record(&plain_charge("BHD", "0.125")));
    accepted(mistyped.void());
    book
}

#[test]
fn journal_bytes_and_hashes() {
    let book = eventful();
    let mut out = String::new();
    let mut kinds = BTreeSet::new();
    for record in book.ledger.journal(0, 100).unwrap() {
        let entry = record.decode().unwrap();
        kinds.insert(entry.kind.as_str());
        writeln!(
            out,
            "{} {} {} {}",
            record.position, entry.movement, entry.sequence, entry.kind
        )
        .unwrap();
        let hex: String = record
            .entry
            .bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        for at in (0..hex.len()).step_by(96) {
            writeln!(out, "  {}", &hex[at..hex.len().min(at + 96)]).unwrap();
        }
        writeln!(
            out,
            "  hash {}",
            refund_ledger::entry_hash(&record.entry.bytes)
        )
        .unwrap();
    }
    assert_eq!(kinds.len(), 6, "an entry of each kind");
    writeln!(out, "{}", book.ledger.head().unwrap().to_json()).unwrap();
    golden("journal.txt", &out);
}

#[test]
fn replies() {
    let book = eventful();
    let ledger = &book.ledger;
    let yen = key("acme", "sub-7", "mov-43");
    let all = RefundFilter {
        include_deleted: true,
        ..RefundFilter::default()
    };
    let mut out = String::new();
    let mut show = |what: &str, json: String| writeln!(out, "{what}\n  {json}").unwrap();

    let refund = |at: &refund_ledger::MovementKey, name: &str| {
        json(&RefundBody::from(
            &ledger.refund(at, external(name)).unwrap(),
        ))
    };
    show("a standard refund", refund(&book.movement, "r-1"));
    show(
        "a non-subscribable refund by idempotency key, its text erased",
        refund(&book.movement, "k-1"),
    );
    show("a refund in yen", refund(&yen, "y-1"));
    for item in book.list(all) {
        if item.deleted {
            show("a deleted refund", json(&RefundBody::from(&item)));
        }
    }
    let page = ledger
        .list_refunds(&RefundQuery {
            limit: Some(2),
            ..RefundQuery::default()
        })
        .unwrap();
    for item in &page.items {
        show("in a list", json(&RefundBody::from(item)));
    }
    let cursor = page.next_cursor.expect("there is more");
    show("its cursor", json(&cursor.to_string()));
    for revision in ledger.history(&book.movement, external("r-1")).unwrap() {
        show("a revision", json(&RevisionBody::from(&revision)));
    }
    for at in [&book.movement, &yen] {
        show(
            "a movement",
            json(&MovementBody::from(&ledger.movement(at).unwrap())),
        );
        show(
            "a balance",
            json(&BalanceBody::from(&ledger.balance(at).unwrap())),
        );
    }
    for record in ledger.journal(0, 100).unwrap() {
        let entry = record.decode().unwrap();
        show("a journal line", json(&JournalLine::new(&record, &entry)));
    }
    for sum in ledger.totals(RefundFilter::default()).unwrap() {
        show("totals", json(&TotalsBody(sum)));
    }
    show("the head", ledger.head().unwrap().to_json());
    let report = ledger.verify(None).unwrap();
    show("a valid report", json(&ReportBody::from(&report)));
    let divergent = Report {
        verdict: Verdict::Divergent,
        findings: vec![
            Finding {
                movement: Some(yen),
                sequence: Some(2),
                message: "what differs".into(),
            },
            Finding {
                movement: None,
                sequence: None,
                message: "about the whole".into(),
            },
        ],
        ..report
    };
    show("a divergent report", json(&ReportBody::from(&divergent)));

    let taken = book
        .create(&standard("r-1").set("billable", "true"))
        .unwrap_err();
    show(
        "an error with details and holder",
        json(&ErrorBody::from(&taken)),
    );
    let movement = book
        .record(&charge().text("description", "March"))
        .unwrap_err();
    show(
        "an error whose holder is a movement",
        json(&ErrorBody::from(&movement)),
    );
    let several = book
        .create(&standard("r-9").set("billable", "1").text("description", ""))
        .unwrap_err();
    show(
        "an error with several fields",
        json(&ErrorBody::from(&several)),
    );
    let plain_error = book.delete("r-9").unwrap_err();
    show(
        "an error without details",
        json(&ErrorBody::from(&plain_error)),
    );
    golden("replies.txt", &out);
}

/// Answers every question in the same way.
struct Always(Access);

impl Authorize for Always {
    fn authorize(&self, _: &Id, _: Action, _: Resource<'_>) -> Result<Access, String> {
        Ok(self.0)
    }
}

/// Requests, each refused with one code.
fn refusals() -> Vec<LedgerError> {
    let book = eventful();
    let strict = |policy: Policy| book.with(|ledger| ledger.with_policy(policy));
    let dated = |day: &str| plain("new", "1").text("refund_datetime", &format!("{day}T00:00:00Z"));
    let denied = |access| book.with(|ledger| ledger.with_access(Arc::new(Always(access))));
    let store = |error: StoreError| LedgerError::from(error);
    let reason = || "what the store said".to_owned();
    let unknown = book.on(&key("acme", "sub-7", "nowhere"));
    let answers = [
        denied(Access::Unauthenticated).create(&standard("new")),
        denied(Access::Forbidden).create(&standard("new")),
        book.create(&standard("new").set("unknown", "1")),
        book.create(&standard("new").set("amount.value_with_taxes", "1e3")),
        unknown.create(&standard("new")),
        book.delete("nobody"),
        book.create_other(&non_subscribable("r-2"), None),
        book.create(
            &standard("r-1")
                .set("amount.value_with_taxes", "12.11")
                .set("billable", "true"),
        ),
        book.update("r-1", &non_subscribable("r-1")),
        book.update("r-1", &standard("r-9")),
        book.update_at("r-1", 1, &standard("r-1")),
        book.create(&standard("new").text("amount.currency", "USD")),
        book.create(&standard("new").set("amount.value_with_taxes", "12.2")),
        book.create(&plain("new", "1").set("amount.value_without_taxes", "0.99")),
        book.create(&dated("2022-01-31")),
        book.create(&dated("2022-03-05")),
        strict(Policy {
            window_max: Some(Duration::from_secs(1)),
            ..Policy::default()
        })
        .create(&dated("2022-02-20")),
        strict(Policy {
            live_refunds_max: Some(2),
            ..Policy::default()
        })
        .create(&dated("2022-02-20")),
        book.create(&plain("new", "1000")),
        book.void(),
    ];
    let mut errors: Vec<LedgerError> = answers
        .into_iter()
        .map(|answer| answer.expect_err("each is refused"))
        .collect();
    errors.extend([
        store(StoreError::Busy),
        store(StoreError::Conflict),
        store(StoreError::Unavailable { reason: reason() }),
        store(StoreError::OutcomeUnknown { reason: reason() }),
        store(StoreError::Failed { reason: reason() }),
        store(StoreError::Unsupported { reason: reason() }),
        store(StoreError::Corrupted { reason: reason() }),
    ]);
    errors
}

#[test]
fn the_text_of_every_error() {
    let mut out = String::new();
    let mut codes = BTreeSet::new();
    for error in refusals() {
        codes.insert(error.code());
        writeln!(
            out,
            "{} {}{}\n  {}",
            error.code().http_status(),
            error.code(),
            if error.is_retryable() {
                " (retryable)"
            } else {
                ""
            },
            error.message()
        )
        .unwrap();
        for detail in error.details() {
            writeln!(
                out,
                "  - {} {}: {}",
                detail.field, detail.code, detail.message
            )
            .unwrap();
        }
    }
    for code in ErrorCode::ALL {
        assert!(
            codes.contains(&code),
            "a request that is refused with `{code}`"
        );
    }
    golden("errors.txt", &out);
}

/// Texts that are refused, each by the field that it stands in.
#[test]
fn the_text_of_every_fault() {
    let book = Book::new();
    let mut out = String::new();
    let long = "a".repeat(300);
    let long_text = "a".repeat(1_025);
    for (field, raw) in [
        ("refund_datetime", r#""2022-02-24""#),
        ("period_end_datetime", r#""2022-01-01T00:00:00Z""#),
        ("amount", "null"),
        ("amount", "7"),
        ("amount.value_with_taxes", "0"),
        ("amount.value_with_taxes", "9"),
        ("amount.value_with_taxes", "true"),
        ("amount.value_with_taxes", r#"".5""#),
        ("amount.value_with_taxes", "1234567890123456"),
        ("amount.value_with_taxes", "12.101"),
        ("amount.value_without_taxes", "0"),
        ("amount.tax.type", r#""""#),
        ("amount.tax.percentage", "1001"),
        ("amount.currency", r#""euro""#),
        ("external_invoice_id", &format!("\"{long}\"")),
        ("external_refund_unique_id", r#"" r-1""#),
        ("external_refund_unique_id", r#""r\u00001""#),
        ("external_refund_unique_id", "7"),
        ("billable", "1"),
        ("description", r#""\ud800""#),
        ("description", &format!("\"{long_text}\"")),
        ("unknown", "1"),
        ("amount.tax.rate", "1"),
    ] {
        let error = book
            .create(&standard("r-1").set(field, raw))
            .expect_err("each is refused");
        let shown: String = raw.chars().take(40).collect();
        writeln!(
            out,
            "{field}: {shown}\n  {}: {}",
            error.code(),
            error.message()
        )
        .unwrap();
        for detail in error.details() {
            writeln!(
                out,
                "  - {} {}: {}",
                detail.field, detail.code, detail.message
            )
            .unwrap();
        }
    }
    golden("faults.txt", &out);
}

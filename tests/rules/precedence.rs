//! Which rule answers where a request breaks two: for each pair of neighbours in the design's table
//! (section 4), a request that breaks both.

use std::sync::Arc;
use std::time::Duration;

use crate::common::{
    Answer, Book, Json, accepted, charge, external, key, non_subscribable, plain, refused,
    standard, time,
};
use refund_ledger::wire::parse_refund_request;
use refund_ledger::{
    Access, Action, Authorize, ErrorCode, Id, LedgerError, Policy, Resource, Store, StoreError,
};

/// The codes in the order of the table.
const TABLE: &[(&str, u16)] = &[
    ("unauthorized", 401),
    ("forbidden", 403),
    ("malformed_request", 400),
    ("invalid_request", 400),
    ("movement_not_found", 404),
    ("refund_not_found", 404),
    ("refund_deleted", 400),
    ("idempotency_conflict", 400),
    ("kind_mismatch", 400),
    ("immutable_field", 400),
    ("stale_revision", 412),
    ("currency_mismatch", 400),
    ("tax_mismatch", 400),
    ("refund_before_movement", 400),
    ("refund_in_future", 400),
    ("refund_window_expired", 400),
    ("refund_count_exceeded", 400),
    ("over_refund", 400),
    ("timeout", 504),
    ("store_unavailable", 502),
    ("internal", 500),
    ("store_corrupted", 500),
];

#[test]
fn the_codes_are_those_of_the_table_in_its_order_with_its_statuses() {
    let have: Vec<(&str, u16)> = ErrorCode::ALL
        .iter()
        .map(|code| (code.as_str(), code.http_status()))
        .collect();
    assert_eq!(have, TABLE);
    assert!(
        ErrorCode::ALL.is_sorted(),
        "their order is the order of precedence"
    );
    for code in ErrorCode::ALL {
        assert_eq!(
            code.is_retryable(),
            matches!(code.as_str(), "timeout" | "store_unavailable"),
            "{code}"
        );
    }
}

/// Answers every question in the same way.
struct Always(Access);

impl Authorize for Always {
    fn authorize(&self, _: &Id, _: Action, _: Resource<'_>) -> Result<Access, String> {
        Ok(self.0)
    }
}

/// A movement of 121/100 with `live` (standard, revision 2), `gone` (deleted), `other`
/// (non-subscribable), under a policy of which every limit is set.
fn book() -> Book {
    let book = Book::new();
    accepted(book.create(&standard("live")));
    accepted(book.update("live", &standard("live").text("description", "Updated")));
    accepted(book.create(&standard("gone")));
    accepted(book.delete("gone"));
    accepted(book.create_other(&non_subscribable("other"), None));
    book
}

fn strict(book: &Book) -> Book {
    book.with(|ledger| {
        ledger.with_policy(Policy {
            window_max: Some(Duration::from_hours(480)),
            live_refunds_max: Some(2),
            ..Policy::default()
        })
    })
}

const BEFORE: &str = "2022-01-01T00:00:00Z";
const FUTURE: &str = "2022-04-01T00:00:00Z";

fn too_much(external_id: &str) -> Json {
    plain(external_id, "1000")
}

fn untaxed(body: Json) -> Json {
    body.set("amount.value_without_taxes", "0.01")
}

type Case = (&'static str, &'static str, fn(&Book) -> Answer);

/// The code that must answer, the one that must not, and a request that breaks both rules.
const PAIRS: &[Case] = &[
    ("unauthorized", "forbidden", |book| {
        // One batch, one caller: the hook's own answer decides, before anything else is looked at.
        let unknown = book.with(|l| l.with_access(Arc::new(Always(Access::Unauthenticated))));
        unknown
            .on(&key("forbidden", "a", "b"))
            .create(&too_much("live"))
    }),
    ("forbidden", "movement_not_found", |book| {
        let denied = book.with(|l| l.with_access(Arc::new(Always(Access::Forbidden))));
        denied.on(&key("acme", "a", "b")).create(&standard("new"))
    }),
    ("malformed_request", "invalid_request", |book| {
        book.create(
            &standard("new")
                .set("unknown", "1")
                .set("amount.value_with_taxes", "-1"),
        )
    }),
    ("invalid_request", "movement_not_found", |book| {
        book.on(&key("acme", "a", "b"))
            .create(&standard("new").set("amount.value_with_taxes", "-1"))
    }),
    ("movement_not_found", "refund_not_found", |book| {
        book.on(&key("acme", "a", "b"))
            .update("nobody", &standard("nobody"))
    }),
    ("movement_not_found", "idempotency_conflict", |book| {
        book.on(&key("acme", "a", "b")).create(&standard("live"))
    }),
    ("movement_not_found", "refund_deleted", |book| {
        let empty = book.on(&key("acme", "sub-7", "empty"));
        accepted(empty.record(&charge()));
        accepted(empty.create(&standard("first")));
        accepted(empty.delete("first"));
        accepted(empty.void());
        empty.create(&standard("first"))
    }),
    ("refund_not_found", "kind_mismatch", |book| {
        book.update("gone", &non_subscribable("gone"))
    }),
    ("refund_not_found", "immutable_field", |book| {
        book.update("gone", &standard("other"))
    }),
    ("refund_not_found", "stale_revision", |book| {
        book.update_at("gone", 1, &standard("gone"))
    }),
    ("refund_not_found", "currency_mismatch", |book| {
        book.update("gone", &standard("gone").text("amount.currency", "USD"))
    }),
    // The two of a create: the same row, by the content of the deleted refund.
    ("refund_deleted", "refund_window_expired", |book| {
        strict(book).create(&standard("gone"))
    }),
    ("idempotency_conflict", "refund_deleted", |book| {
        book.create(&standard("gone").text("description", "Other"))
    }),
    ("idempotency_conflict", "currency_mismatch", |book| {
        book.create(&standard("live").text("amount.currency", "USD"))
    }),
    ("idempotency_conflict", "invalid_request", |book| {
        book.create(
            &standard("live")
                .set("amount.value_with_taxes", "0.001")
                .leave_out("amount.value_without_taxes"),
        )
    }),
    ("idempotency_conflict", "tax_mismatch", |book| {
        book.create(&untaxed(standard("live")))
    }),
    ("idempotency_conflict", "refund_before_movement", |book| {
        book.create(&standard("live").text("refund_datetime", BEFORE))
    }),
    ("idempotency_conflict", "over_refund", |book| {
        book.create(&too_much("live"))
    }),
    ("kind_mismatch", "immutable_field", |book| {
        book.update("live", &non_subscribable("another"))
    }),
    ("kind_mismatch", "stale_revision", |book| {
        book.update_at("live", 9, &non_subscribable("live"))
    }),
    ("immutable_field", "stale_revision", |book| {
        book.update_at("live", 9, &standard("another"))
    }),
    ("immutable_field", "currency_mismatch", |book| {
        book.update("live", &standard("another").text("amount.currency", "USD"))
    }),
    ("stale_revision", "currency_mismatch", |book| {
        book.update_at("live", 1, &standard("live").text("amount.currency", "USD"))
    }),
    ("stale_revision", "over_refund", |book| {
        book.update_at("live", 1, &too_much("live"))
    }),
    ("currency_mismatch", "invalid_request", |book| {
        book.create(
            &standard("new")
                .text("amount.currency", "USD")
                .set("amount.value_with_taxes", "100.001"),
        )
    }),
    ("invalid_request", "tax_mismatch", |book| {
        book.create(&standard("new").set("amount.value_with_taxes", "100.001"))
    }),
    ("currency_mismatch", "tax_mismatch", |book| {
        book.create(&untaxed(standard("new")).text("amount.currency", "USD"))
    }),
    ("tax_mismatch", "refund_before_movement", |book| {
        book.create(&untaxed(standard("new")).text("refund_datetime", BEFORE))
    }),
    ("invalid_request", "refund_before_movement", |book| {
        book.create(&plain("new", "0.001").text("refund_datetime", BEFORE))
    }),
    ("refund_before_movement", "refund_in_future", |book| {
        // Only a movement that is dated in the future itself lets a refund break both.
        let later = book.on(&key("acme", "sub-7", "later"));
        accepted(later.record(&charge().text("occurred_at", "2023-01-01T00:00:00Z")));
        later.create(&standard("new").text("refund_datetime", FUTURE))
    }),
    ("refund_before_movement", "refund_count_exceeded", |book| {
        strict(book).create(&plain("new", "1").text("refund_datetime", BEFORE))
    }),
    ("refund_in_future", "refund_window_expired", |book| {
        strict(book).create(&plain("new", "1").text("refund_datetime", FUTURE))
    }),
    ("refund_window_expired", "refund_count_exceeded", |book| {
        strict(book).create(&plain("new", "1"))
    }),
    ("refund_count_exceeded", "over_refund", |book| {
        strict(book).create(&too_much("new").text("refund_datetime", "2022-02-02T00:00:00Z"))
    }),
    ("refund_window_expired", "over_refund", |book| {
        strict(book).create(&too_much("new"))
    }),
    ("refund_in_future", "over_refund", |book| {
        book.create(&too_much("new").text("refund_datetime", FUTURE))
    }),
    ("tax_mismatch", "over_refund", |book| {
        book.create(&too_much("new").set("amount.value_without_taxes", "999"))
    }),
];

#[test]
fn where_a_request_breaks_two_rules_the_earlier_one_answers() {
    for (answers, other, request) in PAIRS {
        println!("`{answers}` before `{other}`");
        let book = book();
        let before = book.entries();
        let error = refused(request(&book), answers);
        assert!(!error.message().is_empty());
        let added = book.entries() - before;
        assert!(
            added == 0 || added == 1 || added == 4,
            "the request itself wrote nothing"
        );
    }
}

/// Each of the pair's requests without the first fault is refused with the second code: the
/// requests above do break both rules.
#[test]
fn without_the_earlier_fault_the_later_one_answers() {
    let cases: &[(&str, fn(&Book) -> Answer)] = &[
        ("invalid_request", |book| {
            book.create(&standard("new").set("amount.value_with_taxes", "-1"))
        }),
        ("movement_not_found", |book| {
            book.on(&key("acme", "a", "b")).create(&standard("new"))
        }),
        ("refund_not_found", |book| {
            book.update("nobody", &standard("nobody"))
        }),
        ("idempotency_conflict", |book| {
            book.create(&standard("live").set("billable", "true"))
        }),
        ("refund_deleted", |book| book.create(&standard("gone"))),
        ("kind_mismatch", |book| {
            book.update("live", &non_subscribable("live"))
        }),
        ("immutable_field", |book| {
            book.update("live", &standard("another"))
        }),
        ("stale_revision", |book| {
            book.update_at("live", 9, &standard("live"))
        }),
        ("currency_mismatch", |book| {
            book.create(&standard("new").text("amount.currency", "USD"))
        }),
        ("invalid_request", |book| {
            book.create(&plain("new", "100.001"))
        }),
        ("tax_mismatch", |book| {
            book.create(&untaxed(standard("new")))
        }),
        ("refund_before_movement", |book| {
            book.create(&plain("new", "1").text("refund_datetime", BEFORE))
        }),
        ("refund_in_future", |book| {
            book.create(&plain("new", "1").text("refund_datetime", FUTURE))
        }),
        ("refund_window_expired", |book| {
            strict(book).create(&plain("new", "1"))
        }),
        ("refund_count_exceeded", |book| {
            strict(book).create(&plain("new", "1").text("refund_datetime", "2022-02-02T00:00:00Z"))
        }),
        ("over_refund", |book| book.create(&too_much("new"))),
    ];
    for (code, request) in cases {
        println!("`{code}` alone");
        let book = book();
        book.unchanged(|| refused(request(&book), code));
    }
}

#[test]
fn an_identical_update_succeeds_before_the_rows_behind_it() {
    let book = strict(&book());
    let identical = standard("live").text("description", "Updated");
    crate::common::replayed(book.unchanged(|| book.update_at("live", 9, &identical)));
    // But not before the rows above it.
    refused(book.update("gone", &standard("gone")), "refund_not_found");
}

#[test]
fn a_replay_answers_before_everything_behind_idempotency() {
    let book = strict(&book());
    book.host.set(time("2001-01-01T00:00:00Z"));
    crate::common::replayed(book.unchanged(|| book.create(&standard("live"))));
}

/// A store that always says the same.
struct Broken(StoreError);

impl Store for Broken {
    fn load(
        &self,
        _: &refund_ledger::store::ReadSet,
    ) -> Result<refund_ledger::store::Snapshot, StoreError> {
        Err(self.0.clone())
    }
    fn commit(&self, _: &refund_ledger::store::WriteBatch) -> Result<(), StoreError> {
        Err(self.0.clone())
    }
    fn list_refunds(
        &self,
        _: &refund_ledger::RefundFilter,
        _: Option<refund_ledger::ListAfter>,
        _: usize,
    ) -> Result<refund_ledger::Page<refund_ledger::Refund>, StoreError> {
        Err(self.0.clone())
    }
    fn journal(&self, _: u64, _: usize) -> Result<Vec<refund_ledger::JournalRecord>, StoreError> {
        Err(self.0.clone())
    }
    fn scan(
        &self,
        _: &refund_ledger::store::ScanRange<'_>,
        _: &mut dyn FnMut(refund_ledger::store::ScanRow<'_>) -> std::ops::ControlFlow<()>,
    ) -> Result<u64, StoreError> {
        Err(self.0.clone())
    }
}

#[test]
fn what_the_store_cannot_do_comes_last_and_leaks_nothing() {
    let reason = || "/srv/secret/refunds.db: 10.0.0.7".to_owned();
    for (error, code) in [
        (StoreError::Busy, "timeout"),
        (StoreError::Conflict, "timeout"),
        (
            StoreError::Unavailable { reason: reason() },
            "store_unavailable",
        ),
        (
            StoreError::Corrupted { reason: reason() },
            "store_corrupted",
        ),
        (StoreError::Failed { reason: reason() }, "internal"),
        (StoreError::Unsupported { reason: reason() }, "internal"),
    ] {
        println!("{error:?}");
        let book = Book::over(Arc::new(Broken(error.clone())));
        let refusal: LedgerError = refused(book.create(&standard("r-1")), code);
        assert!(
            !refusal.message().contains("secret"),
            "{}",
            refusal.message()
        );
        assert!(!refusal.to_string().contains("secret"), "{refusal}");
        assert_eq!(
            refusal.store_error(),
            Some(&error),
            "the operator can see it"
        );
        refused(book.ledger.refund(&book.movement, external("r-1")), code);
        // Everything that needs no store answers first.
        refused(
            book.create(&standard("r-1").set("amount.value_with_taxes", "-1")),
            "invalid_request",
        );
        for (access, code) in [
            (Access::Unauthenticated, "unauthorized"),
            (Access::Forbidden, "forbidden"),
        ] {
            let denied = book.with(|l| l.with_access(Arc::new(Always(access))));
            refused(denied.create(&standard("r-1")), code);
        }
    }
}

#[test]
fn on_the_wire_malformed_comes_before_invalid_wherever_the_two_stand() {
    // Each of these is malformed in one place and invalid in another.
    let invalid_first = standard("r-1").text("refund_datetime", "yesterday");
    for body in [
        invalid_first.clone().set("unknown", "1"),
        invalid_first.clone().set("amount.unknown", "1"),
        invalid_first.clone().set("amount.tax.unknown", "1"),
        invalid_first.clone().set("amount.billable", "true"),
        standard("r-1")
            .set("amount.value_with_taxes", "-1")
            .set("amount.tax.unknown", "1"),
        standard("r-1")
            .leave_out("description")
            .set("unknown", "null"),
    ] {
        println!("{}", body.render());
        refused(
            parse_refund_request(body.render().as_bytes()),
            "malformed_request",
        );
        let book = Book::new();
        // Also where the fault stands beside the body.
        let line = book
            .line("create_refund")
            .set("body", body)
            .text("org_id", "");
        refused(book.run(&line), "malformed_request");
    }
    let book = Book::new();
    let update = book
        .update_line("", &standard("r-1").set("unknown", "1"))
        .set("expected_revision", "-1");
    refused(book.run(&update), "malformed_request");
    let preserved = book
        .line("create_refund")
        .set("preserved", "{}")
        .set("body", standard("r-1").set("unknown", "1"));
    refused(book.run(&preserved), "malformed_request");
}

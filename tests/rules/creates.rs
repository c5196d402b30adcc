//! Creates of both kinds, and what makes them safe to repeat.

use std::sync::Arc;

use crate::common::{
    Book, Json, accepted, at_fault, charge, external, fields, id, key, non_subscribable, plain,
    refused, replayed, standard, time,
};
use refund_ledger::wire::RefundBody;
use refund_ledger::{Access, Action, Authorize, ExternalId, Id, KindName, Policy, Resource};

const WITH: &str = "amount.value_with_taxes";
const WITHOUT: &str = "amount.value_without_taxes";

#[test]
fn a_standard_refund_is_booked_with_every_field() {
    let book = Book::new();
    let receipt = accepted(book.create(&standard("r-1")));
    let refund = book.refund("r-1");
    assert_eq!(receipt.refund_id, Some(refund.id));
    assert_eq!((receipt.revision, refund.revision), (Some(1), 1));
    let details = &refund.details;
    assert_eq!(details.kind.name(), KindName::Standard);
    assert_eq!(details.refund_datetime.to_string(), "2022-02-24T13:45:10Z");
    assert_eq!(
        details.period.end().unwrap().to_string(),
        "2022-02-28T22:59:59.999999999Z"
    );
    assert_eq!(details.external_invoice_id, Some(id("inv-9")));
    assert_eq!(details.external_id, Some(ExternalId::Given(id("r-1"))));
    assert_eq!(details.description.text(), Some("Two days without service"));
    assert!(!details.billable);
    assert_eq!(book.left(), (10_890, 9_000));
    book.verifies();
}

#[test]
fn a_non_subscribable_refund_is_booked_with_every_field() {
    let book = Book::new();
    accepted(book.create_other(&non_subscribable("r-1"), None));
    let refund = book.refund("r-1");
    assert_eq!(refund.details.kind.name(), KindName::NonSubscribable);
    assert_eq!(refund.details.kind.transaction_type_id(), Some(&id("tt-3")));
    assert!(refund.details.billable, "`amount.billable` is kept");
    assert_eq!(book.left(), (10_890, 9_000));
    book.verifies();
}

#[test]
fn optional_fields_may_be_left_out_or_null() {
    let optional = [
        "period_start_datetime",
        "period_end_datetime",
        "external_invoice_id",
    ];
    for field in optional {
        for body in [
            standard("r-1").leave_out(field),
            standard("r-1").set(field, "null"),
        ] {
            accepted(Book::new().create(&body));
        }
    }
    for field in ["external_invoice_id", "external_refund_unique_id"] {
        let body = non_subscribable("r-1").leave_out(field);
        accepted(Book::new().create_other(&body, None));
    }
    for field in ["amount.tax", "amount.currency"] {
        let body = plain("r-1", "1").set(field, "null");
        accepted(Book::new().create(&body));
    }
}

#[test]
fn required_fields_are_required() {
    let book = Book::new();
    for field in [
        "refund_datetime",
        "amount",
        "external_refund_unique_id",
        "billable",
        "description",
        "amount.tax.type",
        "amount.tax.percentage",
    ] {
        for body in [
            standard("r-1").leave_out(field),
            standard("r-1").set(field, "null"),
        ] {
            at_fault(
                book.unchanged(|| book.create(&body)),
                &[(field, "required")],
            );
        }
    }
    for field in [
        "refund_datetime",
        "amount",
        "amount.billable",
        "transaction_type_id",
        "description",
    ] {
        let body = non_subscribable("r-1").leave_out(field);
        at_fault(
            book.unchanged(|| book.create_other(&body, None)),
            &[(field, "required")],
        );
    }
}

#[test]
fn a_refund_needs_its_movement() {
    let book = Book::new();
    for other in [
        key("acme", "sub-7", "mov-43"),
        key("acme", "sub-8", "mov-42"),
        key("beta", "sub-7", "mov-42"),
    ] {
        refused(
            book.unchanged(|| book.on(&other).create(&standard("r-1"))),
            "movement_not_found",
        );
    }
}

/// The same content said in other ways.
fn same_content() -> Vec<(&'static str, Json)> {
    let body = || standard("r-1");
    vec![
        ("the same text", body()),
        ("12.10 as a string", body().set(WITH, r#""12.10""#)),
        ("10.00", body().set(WITHOUT, "10.00")),
        ("21.0 %", body().set("amount.tax.percentage", r#""21.0""#)),
        (
            "the movement's currency said",
            body().text("amount.currency", "EUR"),
        ),
        ("without taxes left out", body().leave_out(WITHOUT)),
        ("with taxes left out", body().leave_out(WITH)),
        (
            "another offset",
            body().text("refund_datetime", "2022-02-24T08:45:10.000-05:00"),
        ),
    ]
}

#[test]
fn the_same_content_again_is_a_replay_that_writes_nothing() {
    let book = Book::new();
    let first = accepted(book.create(&standard("r-1")));
    for (how, body) in same_content() {
        println!("{how}");
        let again = replayed(book.unchanged(|| book.create(&body)));
        assert_eq!(again.refund_id, first.refund_id, "the first refund's id");
    }
}

#[test]
fn a_replay_compares_with_the_first_revision_and_answers_after_updates() {
    let book = Book::new();
    accepted(book.create(&standard("r-1")));
    let changed = standard("r-1")
        .set(WITH, "24.2")
        .set(WITHOUT, "20")
        .text("description", "Four days");
    accepted(book.update("r-1", &changed));
    accepted(book.update("r-1", &changed.clone().set("billable", "true")));
    for (how, body) in same_content() {
        println!("{how}");
        replayed(book.unchanged(|| book.create(&body)));
    }
    let error = refused(
        book.unchanged(|| book.create(&changed)),
        "idempotency_conflict",
    );
    assert_eq!(fields(&error), [WITH, WITHOUT, "description"]);
}

#[test]
fn a_replay_answers_after_the_balance_is_used_up() {
    let book = Book::new();
    accepted(book.create(&standard("r-1")));
    accepted(book.create(&standard("rest").set(WITH, "108.9").set(WITHOUT, "90")));
    assert_eq!(book.left(), (0, 0));
    replayed(book.unchanged(|| book.create(&standard("r-1"))));
}

#[test]
fn a_replay_of_the_rest_answers_though_it_is_the_rest_no_more() {
    let book = Book::new();
    let rest = standard("rest").set(WITH, "121").leave_out(WITHOUT);
    accepted(book.create(&rest));
    replayed(book.unchanged(|| book.create(&rest)));
    accepted(book.update(
        "rest",
        &standard("rest").set(WITH, "12.1").leave_out(WITHOUT),
    ));
    replayed(book.unchanged(|| book.create(&rest)));
}

#[test]
fn a_replay_answers_years_later_and_against_every_policy() {
    let book = Book::new();
    accepted(book.create(&standard("r-1")));
    book.host.set(time("2031-01-01T00:00:00Z"));
    replayed(book.unchanged(|| book.create(&standard("r-1"))));
    let strict = book.with(|ledger| {
        ledger.with_policy(Policy {
            window_max: Some(std::time::Duration::from_secs(1)),
            live_refunds_max: Some(0),
            ..Policy::default()
        })
    });
    replayed(book.unchanged(|| strict.create(&standard("r-1"))));
    book.host.set(time("2001-01-01T00:00:00Z"));
    replayed(book.unchanged(|| strict.create(&standard("r-1"))));
}

#[test]
fn a_replay_does_not_compare_an_erased_description() {
    let book = Book::new();
    accepted(book.create(&standard("r-1")));
    accepted(book.erase(Some("r-1")));
    replayed(book.unchanged(|| book.create(&standard("r-1"))));
    replayed(book.unchanged(|| book.create(&standard("r-1").text("description", "Other"))));
    let error = refused(
        book.create(
            &standard("r-1")
                .set("billable", "true")
                .text("description", "Other"),
        ),
        "idempotency_conflict",
    );
    assert_eq!(fields(&error), ["billable"]);
}

/// One create that differs from `standard("r-1")` in one field.
fn one_difference() -> Vec<(&'static str, Json)> {
    let body = || standard("r-1");
    vec![
        (
            "refund_datetime",
            body().text("refund_datetime", "2022-02-24T13:45:11Z"),
        ),
        (
            "period_start_datetime",
            body().text("period_start_datetime", "2022-02-01T00:00:00Z"),
        ),
        (
            "period_start_datetime",
            body().leave_out("period_start_datetime"),
        ),
        (
            "period_end_datetime",
            body().text("period_end_datetime", "2022-03-01T00:00:00Z"),
        ),
        (
            "period_end_datetime",
            body().leave_out("period_end_datetime"),
        ),
        (WITH, body().set(WITH, "12.11")),
        (WITHOUT, body().set(WITHOUT, "10.01")),
        ("amount.tax", body().text("amount.tax.type", "IVa")),
        ("amount.tax", body().set("amount.tax.percentage", "21.0001")),
        ("amount.currency", body().text("amount.currency", "USD")),
        (
            "external_invoice_id",
            body().text("external_invoice_id", "inv-10"),
        ),
        (
            "external_invoice_id",
            body().leave_out("external_invoice_id"),
        ),
        ("billable", body().set("billable", "true")),
        (
            "description",
            body().text("description", "Two days without service."),
        ),
    ]
}

#[test]
fn a_conflict_names_the_one_field_that_differs() {
    for (field, body) in one_difference() {
        let book = Book::new();
        let first = accepted(book.create(&standard("r-1")));
        let error = refused(
            book.unchanged(|| book.create(&body)),
            "idempotency_conflict",
        );
        assert_eq!(fields(&error), [field], "{}", body.render());
        assert!(
            error.message().contains(field),
            "the message names `{field}`: {}",
            error.message()
        );
        let holder = error.holder().expect("the holder");
        assert_eq!(
            (&holder.movement, holder.refund_id),
            (&book.movement, first.refund_id)
        );
    }
}

#[test]
fn a_conflict_names_the_fields_of_the_other_kind_that_differ() {
    for (field, body) in [
        (
            "transaction_type_id",
            non_subscribable("r-1").text("transaction_type_id", "tt-4"),
        ),
        (
            "amount.billable",
            non_subscribable("r-1").set("amount.billable", "false"),
        ),
    ] {
        let book = Book::new();
        accepted(book.create_other(&non_subscribable("r-1"), None));
        let error = refused(
            book.unchanged(|| book.create_other(&body, None)),
            "idempotency_conflict",
        );
        assert_eq!(fields(&error), [field]);
    }
}

#[test]
fn the_other_kind_is_other_content() {
    let book = Book::new();
    accepted(book.create(&standard("r-1")));
    let error = refused(
        book.unchanged(|| {
            book.create_other(
                &non_subscribable("r-1").set("amount.billable", "false"),
                None,
            )
        }),
        "idempotency_conflict",
    );
    assert!(
        fields(&error).contains(&"kind".to_owned()),
        "{:?}",
        fields(&error)
    );
}

#[test]
fn the_same_external_id_under_another_movement_or_subscription_is_a_conflict() {
    let book = Book::new();
    accepted(book.create(&standard("r-1")));
    for (other, differs) in [
        (key("acme", "sub-7", "mov-43"), vec!["movement_id"]),
        (key("acme", "sub-8", "mov-42"), vec!["subscription_id"]),
        (
            key("acme", "sub-8", "mov-43"),
            vec!["movement_id", "subscription_id"],
        ),
    ] {
        let other = book.on(&other);
        accepted(other.record(&charge()));
        let error = refused(
            book.unchanged(|| other.create(&standard("r-1"))),
            "idempotency_conflict",
        );
        assert_eq!(fields(&error), differs);
        assert_eq!(
            error.holder().map(|holder| &holder.movement),
            Some(&book.movement),
            "the holder is the refund of the first movement"
        );
    }
}

#[test]
fn the_same_external_id_in_another_org_is_free() {
    let book = Book::new();
    let other = book.on(&key("beta", "sub-7", "mov-42"));
    accepted(other.record(&charge()));
    accepted(book.create(&standard("r-1")));
    accepted(other.create(&standard("r-1").text("description", "Another org's")));
    replayed(book.create(&standard("r-1")));
    assert_ne!(book.refund("r-1").id, other.refund("r-1").id);
    book.verifies();
}

#[test]
fn the_external_id_of_a_deleted_refund_stays_taken() {
    let book = Book::new();
    let first = accepted(book.create(&standard("r-1")));
    accepted(book.delete("r-1"));
    let error = refused(
        book.unchanged(|| book.create(&standard("r-1"))),
        "refund_deleted",
    );
    assert_eq!(
        error.holder().and_then(|holder| holder.refund_id),
        first.refund_id,
        "the deleted refund holds it"
    );
    let error = refused(
        book.unchanged(|| book.create(&standard("r-1").set("billable", "true"))),
        "idempotency_conflict",
    );
    assert_eq!(fields(&error), ["billable"]);
}

/// Lets everything be done, but nothing read that belongs to this subscription.
struct MayNotRead(&'static str);

impl Authorize for MayNotRead {
    fn authorize(&self, _: &Id, action: Action, at: Resource<'_>) -> Result<Access, String> {
        Ok(match at {
            Resource::Movement(key)
                if action == Action::Read && key.subscription_id() == self.0 =>
            {
                Access::Forbidden
            }
            _ => Access::Allow,
        })
    }
}

#[test]
fn the_holder_is_named_only_to_those_who_may_read_it() {
    let book = Book::new();
    accepted(book.create(&standard("r-1")));
    accepted(book.create(&standard("r-2")));
    accepted(book.delete("r-2"));
    let other = book.on(&key("acme", "sub-8", "mov-1"));
    accepted(other.record(&charge()));
    let attempts: [&dyn Fn(&Book) -> crate::common::Answer; 2] = [
        &|at: &Book| at.create(&standard("r-1").set("billable", "true")),
        &|at: &Book| at.create(&standard("r-1")),
    ];
    for attempt in attempts {
        let error = refused(attempt(&other), "idempotency_conflict");
        assert!(
            error.holder().is_some(),
            "who may read the holder is told of it"
        );
        let blind = other.with(|ledger| ledger.with_access(Arc::new(MayNotRead("sub-7"))));
        let error = refused(attempt(&blind), "idempotency_conflict");
        assert_eq!(error.holder(), None, "who may not read the holder is not");
        assert!(
            !error.message().contains("sub-7") && !error.message().contains("mov-42"),
            "nor by the message: {}",
            error.message()
        );
    }
    let blind = book.with(|ledger| ledger.with_access(Arc::new(MayNotRead("sub-7"))));
    let error = refused(blind.create(&standard("r-2")), "refund_deleted");
    assert_eq!(error.holder(), None);
}

fn keyless() -> Json {
    non_subscribable("unused").leave_out("external_refund_unique_id")
}

#[test]
fn an_idempotency_key_takes_the_place_of_an_external_id() {
    let book = Book::new();
    let first = accepted(book.create_other(&keyless(), Some("k-1")));
    let again = replayed(book.unchanged(|| book.create_other(&keyless(), Some("k-1"))));
    assert_eq!(first.refund_id, again.refund_id);
    let error = refused(
        book.create_other(&keyless().text("description", "Other"), Some("k-1")),
        "idempotency_conflict",
    );
    assert_eq!(fields(&error), ["description"]);
    accepted(book.create_other(&keyless(), Some("k-2")));
    book.verifies();
}

#[test]
fn without_any_key_the_same_request_is_booked_again() {
    let book = Book::new();
    accepted(book.create_other(&keyless(), None));
    accepted(book.create_other(&keyless(), None));
    assert_eq!(book.balance().count, 2);
    book.verifies();
}

#[test]
fn idempotency_keys_share_the_namespace_of_external_ids() {
    let book = Book::new();
    accepted(book.create_other(&keyless(), Some("k-1")));
    refused(
        book.unchanged(|| book.create(&standard("k-1"))),
        "idempotency_conflict",
    );
    refused(
        book.unchanged(|| book.create_other(&non_subscribable("k-1"), None)),
        "idempotency_conflict",
    );
    accepted(book.create_other(&non_subscribable("r-1"), None));
    refused(
        book.unchanged(|| book.create_other(&keyless(), Some("r-1"))),
        "idempotency_conflict",
    );
}

#[test]
fn an_idempotency_key_is_never_shown_as_an_external_id() {
    let book = Book::new();
    accepted(book.create_other(&keyless(), Some("k-1")));
    let refund = book.refund("k-1");
    let body = serde_json::to_string(&RefundBody::from(&refund)).unwrap();
    assert!(!body.contains("k-1"), "{body}");
    assert!(!body.contains("external_refund_unique_id"), "{body}");
    let listed = book.list(refund_ledger::RefundFilter {
        external_id: Some(id("k-1")),
        ..refund_ledger::RefundFilter::default()
    });
    assert!(listed.is_empty(), "no filter finds it as an external id");
}

#[test]
fn an_idempotency_key_is_ignored_beside_an_external_id() {
    let book = Book::new();
    accepted(book.create_other(&non_subscribable("r-1"), Some("k-1")));
    replayed(book.create_other(&non_subscribable("r-1"), Some("k-2")));
    replayed(book.create_other(&non_subscribable("r-1"), None));
    accepted(book.create_other(&keyless(), Some("k-1")));
    refused(
        book.ledger.refund(&book.movement, external("k-2")),
        "refund_not_found",
    );
    let other = book.unchanged(|| {
        book.create_other(
            &non_subscribable("r-1").text("description", "Other"),
            Some("k-1"),
        )
    });
    refused(other, "idempotency_conflict");
}

#[test]
fn in_a_file_a_non_subscribable_refund_needs_a_key_of_one_sort() {
    let book = Book::new();
    let line = book
        .line("create_non_subscribable_refund")
        .set("body", keyless());
    let error = refused(book.unchanged(|| book.run(&line)), "invalid_request");
    assert_eq!(fields(&error), ["external_refund_unique_id"]);
    accepted(book.run(&line.clone().text("idempotency_key", "k-1")));
    replayed(book.run(&line.text("idempotency_key", "k-1")));
}

#[test]
fn an_id_that_the_host_mints_twice_is_not_blamed_on_others() {
    let book = Book::new();
    let first = accepted(book.create(&plain("r-1", "1")));
    let minted_twice = || book.host.go_on(time("2022-03-01T00:00:00Z"), 1);
    minted_twice();
    let refusal = book.unchanged(|| refused(book.create(&plain("r-2", "1")), "internal"));
    assert!(refusal.message().contains("mint each id once"), "{refusal}");
    minted_twice();
    assert_eq!(
        replayed(book.create(&plain("r-1", "1"))).refund_id,
        first.refund_id
    );
}

//! What happens to a booked refund: updates, deletes, and descriptions that are erased.

use crate::common::{
    Book, Json, accepted, charge, external, key, non_subscribable, plain, refused, replayed,
    standard, time,
};
use refund_ledger::{EntryKind, RefundFilter};

const WITH: &str = "amount.value_with_taxes";
const WITHOUT: &str = "amount.value_without_taxes";

fn booked() -> Book {
    let book = Book::new();
    accepted(book.create(&standard("r-1")));
    book
}

#[test]
fn an_update_replaces_every_field() {
    let book = booked();
    let body = plain("r-1", "20")
        .text("refund_datetime", "2022-02-25T00:00:00Z")
        .leave_out("period_start_datetime")
        .text("period_end_datetime", "2022-02-27T00:00:00Z")
        .leave_out("external_invoice_id")
        .set("billable", "true")
        .text("description", "Other");
    let receipt = accepted(book.update("r-1", &body));
    assert_eq!(receipt.revision, Some(2));
    let refund = book.refund("r-1");
    let details = &refund.details;
    assert_eq!(details.refund_datetime.to_string(), "2022-02-25T00:00:00Z");
    assert_eq!(details.period.start(), None, "a field left out is gone");
    assert_eq!(
        details.external_invoice_id, None,
        "a field left out is gone"
    );
    assert_eq!(details.amount.tax(), None, "a tax left out is gone");
    assert!(details.billable);
    assert_eq!(details.description.text(), Some("Other"));
    assert_eq!(book.left(), (10_100, 8_000));
    book.verifies();
}

#[test]
fn an_update_by_id_and_by_external_id_reach_the_same_refund() {
    let book = booked();
    let id = book.refund("r-1").id.to_string();
    let line = book
        .line("update_refund")
        .text("refund_id", &id)
        .set("body", standard("r-1").text("description", "By id"));
    accepted(book.run(&line));
    accepted(book.update(
        "r-1",
        &standard("r-1").text("description", "By external id"),
    ));
    assert_eq!(book.refund("r-1").revision, 3);
}

#[test]
fn an_update_may_leave_the_external_id_out() {
    let book = booked();
    let body = standard("r-1").leave_out("external_refund_unique_id");
    replayed(book.unchanged(|| book.update("r-1", &body)));
    accepted(book.update("r-1", &body.text("description", "Other")));
    assert_eq!(
        book.refund("r-1")
            .details
            .external_id
            .unwrap()
            .id()
            .as_str(),
        "r-1",
        "the external id stays"
    );
}

#[test]
fn an_update_does_not_change_the_external_id() {
    let book = booked();
    refused(
        book.unchanged(|| book.update("r-1", &standard("r-2"))),
        "immutable_field",
    );
    // Nor gives one to a refund that has none, or has an idempotency key in its place.
    let keyless = non_subscribable("x").leave_out("external_refund_unique_id");
    accepted(book.create_other(&keyless, Some("k-1")));
    refused(
        book.unchanged(|| book.update("k-1", &non_subscribable("k-1"))),
        "immutable_field",
    );
    accepted(book.update("k-1", &keyless.text("description", "Other")));
}

#[test]
fn an_update_is_of_the_refunds_own_kind() {
    let book = booked();
    refused(
        book.unchanged(|| book.update("r-1", &non_subscribable("r-1"))),
        "kind_mismatch",
    );
    accepted(book.create_other(&non_subscribable("r-2"), None));
    refused(
        book.unchanged(|| book.update("r-2", &standard("r-2"))),
        "kind_mismatch",
    );
    accepted(book.update(
        "r-2",
        &non_subscribable("r-2").text("transaction_type_id", "tt-4"),
    ));
}

#[test]
fn an_identical_update_writes_nothing_whatever_revision_it_expects() {
    let book = booked();
    for revision in [0, 1, 2, 99] {
        let receipt =
            replayed(book.unchanged(|| book.update_at("r-1", revision, &standard("r-1"))));
        assert_eq!(receipt.revision, Some(1));
    }
    for (how, body) in [
        ("12.10", standard("r-1").set(WITH, r#""12.10""#)),
        (
            "21.0 %",
            standard("r-1").set("amount.tax.percentage", "21.0"),
        ),
        (
            "another offset",
            standard("r-1").text("refund_datetime", "2022-02-24T14:45:10+01:00"),
        ),
    ] {
        println!("{how}");
        replayed(book.unchanged(|| book.update("r-1", &body)));
    }
}

#[test]
fn an_identical_update_is_judged_by_no_policy_and_no_cap() {
    let book = booked();
    book.host.set(time("2001-01-01T00:00:00Z"));
    replayed(book.unchanged(|| book.update("r-1", &standard("r-1"))));
}

#[test]
fn an_update_that_expects_another_revision_is_stale() {
    let book = booked();
    let other = standard("r-1").text("description", "Other");
    for revision in [0, 2, 4_294_967_295] {
        refused(
            book.unchanged(|| book.update_at("r-1", revision, &other)),
            "stale_revision",
        );
    }
    accepted(book.update_at("r-1", 1, &other));
    refused(
        book.unchanged(|| book.update_at("r-1", 1, &standard("r-1"))),
        "stale_revision",
    );
    accepted(book.update_at("r-1", 2, &standard("r-1")));
}

#[test]
fn every_single_field_makes_an_update() {
    for body in [
        standard("r-1").text("refund_datetime", "2022-02-24T13:45:11Z"),
        standard("r-1").text("period_start_datetime", "2022-02-01T00:00:00Z"),
        standard("r-1").leave_out("period_end_datetime"),
        standard("r-1").set(WITH, "12.11"),
        standard("r-1").set(WITH, "12.11").set(WITHOUT, "10.01"),
        standard("r-1").text("amount.tax.type", "VAT"),
        standard("r-1").set("amount.tax.percentage", "21.0001"),
        standard("r-1").leave_out("external_invoice_id"),
        standard("r-1").set("billable", "true"),
        standard("r-1").text("description", "Two Days without service"),
    ] {
        let book = booked();
        let receipt = accepted(book.update("r-1", &body));
        assert_eq!(receipt.revision, Some(2), "{}", body.render());
        let refund = book.refund("r-1");
        assert_eq!(refund.revision, 2);
        replayed(book.unchanged(|| book.update("r-1", &body)));
        book.verifies();
    }
}

#[test]
fn an_update_finds_only_live_refunds_of_its_own_movement() {
    let book = booked();
    let other = book.on(&key("acme", "sub-7", "mov-43"));
    accepted(other.record(&charge()));
    let body = standard("r-1").text("description", "Other");
    refused(book.update("r-9", &body), "refund_not_found");
    refused(other.update("r-1", &body), "refund_not_found");
    refused(
        book.on(&key("acme", "sub-7", "mov-44"))
            .update("r-1", &body),
        "movement_not_found",
    );
    refused(
        book.on(&key("beta", "sub-7", "mov-42"))
            .update("r-1", &body),
        "movement_not_found",
    );
    accepted(book.delete("r-1"));
    refused(book.update("r-1", &body), "refund_not_found");
}

#[test]
fn a_delete_frees_the_balance_and_leaves_a_tombstone() {
    let book = booked();
    book.host.set(time("2022-03-02T00:00:00Z"));
    let receipt = accepted(book.delete("r-1"));
    assert_eq!(
        receipt.revision,
        Some(2),
        "a delete is a change like others"
    );
    assert_eq!(book.left(), (12_100, 10_000));
    assert_eq!(book.balance().count, 0);
    refused(
        book.ledger.refund(&book.movement, external("r-1")),
        "refund_not_found",
    );
    assert!(book.list(RefundFilter::default()).is_empty());
    let all = book.list(RefundFilter {
        include_deleted: true,
        ..RefundFilter::default()
    });
    assert_eq!(all.len(), 1, "the row is still there");
    assert!(all[0].deleted);
    assert_eq!(
        all[0].details.description.text(),
        Some("Two days without service")
    );
    assert_eq!(all[0].created_at.to_string(), "2022-03-01T00:00:00Z");
    assert_eq!(all[0].updated_at.to_string(), "2022-03-02T00:00:00Z");
    book.verifies();
}

#[test]
fn a_deleted_refund_is_not_deleted_again() {
    let book = booked();
    accepted(book.delete("r-1"));
    refused(book.unchanged(|| book.delete("r-1")), "refund_not_found");
}

#[test]
fn a_delete_finds_only_refunds_of_its_own_movement() {
    let book = booked();
    let other = book.on(&key("acme", "sub-7", "mov-43"));
    accepted(other.record(&charge()));
    refused(book.unchanged(|| other.delete("r-1")), "refund_not_found");
    refused(book.unchanged(|| book.delete("r-2")), "refund_not_found");
}

#[test]
fn a_delete_that_expects_another_revision_is_stale() {
    let book = booked();
    let line = book.delete_line("r-1");
    refused(
        book.unchanged(|| book.run(&line.clone().set("expected_revision", "2"))),
        "stale_revision",
    );
    accepted(book.run(&line.set("expected_revision", "1")));
}

#[test]
fn the_whole_movement_can_be_refunded_again_after_a_delete() {
    let book = Book::new();
    for n in 0..5 {
        let external_id = format!("r-{n}");
        let whole = standard(&external_id).set(WITH, "121").set(WITHOUT, "100");
        accepted(book.create(&whole));
        assert_eq!(book.left(), (0, 0));
        accepted(book.delete(&external_id));
    }
    book.verifies();
}

#[test]
fn erasing_removes_the_text_from_every_revision_and_keeps_the_chain_valid() {
    let book = booked();
    accepted(book.update("r-1", &standard("r-1").text("description", "Second words")));
    accepted(book.update("r-1", &standard("r-1").text("description", "Third words")));
    let before = book.refund("r-1");
    book.host.set(time("2022-03-02T00:00:00Z"));
    let receipt = accepted(book.erase(Some("r-1")));
    assert_eq!(receipt.revision, Some(3), "erasing makes no revision");
    let after = book.refund("r-1");
    assert_eq!(after.details.description.text(), None);
    assert_eq!(after.revision, before.revision);
    assert_eq!(after.updated_at, before.updated_at, "nor an update");
    let history = book
        .ledger
        .history(&book.movement, external("r-1"))
        .unwrap();
    assert_eq!(history.len(), 3);
    for revision in &history {
        assert_eq!(revision.refund.details.description.text(), None);
    }
    let all = book.all();
    for text in ["Two days without service", "Second words", "Third words"] {
        assert!(!all.contains(text), "`{text}` is still somewhere");
    }
    book.verifies();
}

#[test]
fn erasing_twice_writes_once() {
    let book = booked();
    accepted(book.erase(Some("r-1")));
    replayed(book.unchanged(|| book.erase(Some("r-1"))));
    let entries = book.entries();
    accepted(book.update("r-1", &standard("r-1").text("description", "New words")));
    accepted(book.erase(Some("r-1")));
    assert_eq!(
        book.entries(),
        entries + 2,
        "a new text is erased by a new entry"
    );
    book.verifies();
}

#[test]
fn the_text_of_a_deleted_refund_can_be_erased() {
    let book = booked();
    accepted(book.delete("r-1"));
    accepted(book.erase(Some("r-1")));
    assert!(!book.all().contains("Two days without service"));
    book.verifies();
    refused(book.create(&standard("r-1")), "refund_deleted");
    refused(
        book.create(&standard("r-1").text("description", "Not compared")),
        "refund_deleted",
    );
}

#[test]
fn the_movements_own_text_can_be_erased() {
    let book = booked();
    accepted(book.erase(None));
    let movement = book.ledger.movement(&book.movement).unwrap();
    assert_eq!(movement.description.text(), None);
    assert_eq!(
        book.refund("r-1").details.description.text(),
        Some("Two days without service"),
        "the refund's own text stays"
    );
    replayed(book.unchanged(|| book.erase(None)));
    replayed(book.unchanged(|| book.record(&charge())));
    replayed(book.unchanged(|| book.record(&charge().text("description", "Not compared"))));
    book.verifies();
}

#[test]
fn the_texts_of_a_voided_movement_can_be_erased() {
    let book = booked();
    accepted(book.delete("r-1"));
    accepted(book.void());
    accepted(book.erase(None));
    accepted(book.erase(Some("r-1")));
    let all = book.all();
    assert!(
        !all.contains("February") && !all.contains("Two days"),
        "{all}"
    );
    book.verifies();
    accepted(book.record(&charge()));
    book.verifies();
}

#[test]
fn erasing_reaches_the_texts_of_a_movement_that_was_recorded_anew() {
    let book = Book::new();
    accepted(book.void());
    accepted(book.record(&charge().text("description", "Corrected")));
    accepted(book.erase(None));
    let all = book.all();
    assert!(
        !all.contains("February") && !all.contains("Corrected"),
        "{all}"
    );
    book.verifies();
}

#[test]
fn erasing_finds_only_what_is_there() {
    let book = booked();
    refused(
        book.unchanged(|| book.erase(Some("r-2"))),
        "refund_not_found",
    );
    let other = book.on(&key("acme", "sub-7", "mov-43"));
    refused(book.unchanged(|| other.erase(None)), "movement_not_found");
    refused(
        book.unchanged(|| other.erase(Some("r-1"))),
        "movement_not_found",
    );
    accepted(other.record(&charge()));
    refused(
        book.unchanged(|| other.erase(Some("r-1"))),
        "refund_not_found",
    );
}

#[test]
fn one_refunds_text_is_not_anothers() {
    let book = booked();
    accepted(book.create(&standard("r-2")));
    accepted(book.erase(Some("r-1")));
    assert_eq!(
        book.refund("r-2").details.description.text(),
        Some("Two days without service")
    );
    book.verifies();
}

#[test]
fn an_update_of_an_erased_refund_brings_a_new_text() {
    let book = booked();
    accepted(book.erase(Some("r-1")));
    let receipt = accepted(book.update("r-1", &standard("r-1")));
    assert_eq!(receipt.revision, Some(2));
    assert_eq!(
        book.refund("r-1").details.description.text(),
        Some("Two days without service")
    );
    book.verifies();
}

#[test]
fn the_history_shows_every_revision_also_of_a_deleted_refund() {
    let book = booked();
    book.host.set(time("2022-03-02T00:00:00Z"));
    accepted(book.update("r-1", &standard("r-1").set(WITH, "12.11")));
    book.host.set(time("2022-03-03T00:00:00Z"));
    let clerk = book.with(|ledger| ledger.with_actor(crate::common::id("clerk")));
    accepted(clerk.delete("r-1"));
    let history = book
        .ledger
        .history(&book.movement, external("r-1"))
        .unwrap();
    let told: Vec<(EntryKind, u32, &str, String, i64, bool)> = history
        .iter()
        .map(|revision| {
            (
                revision.kind,
                revision.refund.revision,
                revision.actor.as_str(),
                revision.recorded_at.to_string(),
                revision.refund.details.amount.values().with,
                revision.refund.deleted,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (
                EntryKind::RefundCreated,
                1,
                "local",
                "2022-03-01T00:00:00Z".into(),
                1210,
                false
            ),
            (
                EntryKind::RefundUpdated,
                2,
                "local",
                "2022-03-02T00:00:00Z".into(),
                1211,
                false
            ),
            (
                EntryKind::RefundDeleted,
                3,
                "clerk",
                "2022-03-03T00:00:00Z".into(),
                1211,
                true
            ),
        ]
    );
    for revision in &history {
        assert_eq!(
            revision.refund.created_at.to_string(),
            "2022-03-01T00:00:00Z"
        );
        assert_eq!(revision.refund.updated_at, revision.recorded_at);
    }
    let unknown = book.ledger.history(&book.movement, external("r-2"));
    refused(unknown, "refund_not_found");
}

#[test]
fn what_a_refund_was_is_not_moved_by_what_it_becomes() {
    let book = booked();
    let body: fn(&str) -> Json = |text| standard("r-1").text("description", text);
    for text in ["a", "b", "b", "a"] {
        // The third is identical to the second: no revision of its own.
        let _ = book.update("r-1", &body(text)).unwrap();
    }
    let texts: Vec<String> = book
        .ledger
        .history(&book.movement, external("r-1"))
        .unwrap()
        .iter()
        .map(|revision| {
            revision
                .refund
                .details
                .description
                .text()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(texts, ["Two days without service", "a", "b", "a"]);
    book.verifies();
}

#[test]
fn an_update_of_no_revision_is_no_repetition_of_the_creation() {
    let book = Book::new();
    accepted(book.create(&plain("r-1", "1")));
    accepted(book.update("r-1", &plain("r-1", "2")));
    let line = book.update_line("r-1", &plain("r-1", "1"));
    let of_none = line.set("expected_revision", "0");
    refused(book.unchanged(|| book.import(&of_none)), "stale_revision");
}

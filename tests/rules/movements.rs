//! Movements: recorded once, taken back, recorded anew.

use crate::common::{
    Book, accepted, at_fault, charge, fields, key, non_subscribable, plain_charge, refused,
    replayed, standard, time,
};
use refund_ledger::EntryKind;

#[test]
fn a_recorded_movement_can_be_read_with_its_balance() {
    let book = Book::new();
    let movement = book.ledger.movement(&book.movement).unwrap();
    assert_eq!(movement.amount.value_with_taxes(), "121");
    assert_eq!(movement.amount.value_without_taxes(), "100");
    assert_eq!(movement.description.text(), Some("February"));
    assert_eq!(movement.occurred_at.to_string(), "2022-02-01T00:00:00Z");
    assert_eq!(movement.recorded_at.to_string(), "2022-03-01T00:00:00Z");
    let balance = book.balance();
    assert_eq!(balance.refundable, balance.amount);
    assert_eq!((balance.refunded.with, balance.count), (0, 0));
}

#[test]
fn the_same_movement_again_is_a_replay_by_value() {
    let book = Book::new();
    for again in [
        charge(),
        charge().set("amount.value_with_taxes", r#""121.00""#),
        charge().set("amount.tax.percentage", "21.0000"),
        charge().text("amount.currency", "EUR"),
        charge().leave_out("amount.value_without_taxes"),
        charge().leave_out("amount.value_with_taxes"),
    ] {
        replayed(book.unchanged(|| book.record(&again)));
    }
    accepted(book.create(&standard("r-1")));
    replayed(book.record(&charge()));
}

#[test]
fn the_same_id_with_other_content_is_a_conflict_that_names_the_fields() {
    let book = Book::new();
    for (field, other) in [
        ("currency", plain_charge("USD", "121")),
        (
            "occurred_at",
            charge().text("occurred_at", "2022-02-01T00:00:00.1Z"),
        ),
        (
            "amount.value_with_taxes",
            charge().set("amount.value_with_taxes", "121.01"),
        ),
        (
            "amount.value_without_taxes",
            charge().set("amount.value_without_taxes", "100.01"),
        ),
        ("amount.tax", charge().text("amount.tax.type", "VAT")),
        (
            "amount.tax",
            charge().set("amount.tax.percentage", "21.0001"),
        ),
        ("description", charge().text("description", "february")),
    ] {
        let error = refused(
            book.unchanged(|| book.record(&other)),
            "idempotency_conflict",
        );
        assert!(
            fields(&error).contains(&field.to_owned()),
            "names `{field}`: {:?}",
            fields(&error)
        );
        assert_eq!(
            error.holder().map(|holder| &holder.movement),
            Some(&book.movement),
            "says who holds the id"
        );
    }
}

#[test]
fn a_conflict_names_every_field_that_differs_and_no_other() {
    let book = Book::new();
    let other = charge()
        .text("occurred_at", "2022-02-02T00:00:00Z")
        .text("description", "another");
    let error = refused(book.record(&other), "idempotency_conflict");
    assert_eq!(fields(&error), ["description", "occurred_at"]);
}

#[test]
fn the_same_movement_id_elsewhere_is_another_movement() {
    let book = Book::new();
    for other in [
        key("acme", "sub-8", "mov-42"),
        key("acme", "sub-7", "mov-43"),
        key("beta", "sub-7", "mov-42"),
    ] {
        accepted(book.on(&other).record(&plain_charge("USD", "5")));
    }
    assert_eq!(book.left(), (12_100, 10_000));
    book.verifies();
}

#[test]
fn a_voided_movement_is_gone_for_every_request() {
    let book = Book::new();
    accepted(book.create(&standard("r-1")));
    accepted(book.delete("r-1"));
    accepted(book.void());
    let ledger = &book.ledger;
    refused(ledger.movement(&book.movement), "movement_not_found");
    refused(ledger.balance(&book.movement), "movement_not_found");
    refused(book.void(), "movement_not_found");
    refused(book.create(&standard("r-2")), "movement_not_found");
    refused(
        book.create_other(&non_subscribable("r-3"), None),
        "movement_not_found",
    );
    // Also for a create that was answered before.
    refused(book.create(&standard("r-1")), "movement_not_found");
    assert!(
        ledger.movements(None, None, 10).unwrap().is_empty(),
        "it is in no list"
    );
    book.verifies();
}

#[test]
fn a_movement_with_live_refunds_is_not_voided() {
    let book = Book::new();
    accepted(book.create(&standard("r-1")));
    refused(book.unchanged(|| book.void()), "over_refund");
    accepted(book.delete("r-1"));
    accepted(book.void());
}

#[test]
fn an_unknown_movement_is_not_voided() {
    let book = Book::empty();
    refused(book.unchanged(|| book.void()), "movement_not_found");
}

#[test]
fn a_voided_movement_is_recorded_anew_and_its_chain_goes_on() {
    let book = Book::new();
    accepted(book.create(&standard("r-1")));
    accepted(book.delete("r-1"));
    accepted(book.void());
    accepted(book.record(&plain_charge("JPY", "500")));

    let movement = book.ledger.movement(&book.movement).unwrap();
    assert_eq!(movement.amount.currency().code(), "JPY");
    assert_eq!(
        movement.chain.length, 5,
        "one chain: recorded, created, deleted, voided, recorded"
    );
    let kinds: Vec<EntryKind> = book
        .ledger
        .journal(0, 10)
        .unwrap()
        .iter()
        .map(|record| record.decode().unwrap().kind)
        .collect();
    assert_eq!(
        kinds,
        [
            EntryKind::MovementRecorded,
            EntryKind::RefundCreated,
            EntryKind::RefundDeleted,
            EntryKind::MovementVoided,
            EntryKind::MovementRecorded
        ]
    );
    assert_eq!(book.left(), (500, 500));
    // The old content is now other content.
    refused(book.record(&charge()), "idempotency_conflict");
    // External ids of the time before stay taken.
    refused(book.create(&standard("r-1")), "refund_deleted");
    book.verifies();
}

#[test]
fn a_movement_can_be_voided_and_recorded_again_and_again() {
    let book = Book::empty();
    for _ in 0..3 {
        accepted(book.record(&charge()));
        accepted(book.void());
    }
    accepted(book.record(&charge()));
    assert_eq!(book.entries(), 7);
    book.verifies();
}

#[test]
fn all_four_fields_of_a_movement_are_required() {
    let book = Book::empty();
    for field in ["currency", "occurred_at", "amount", "description"] {
        for body in [charge().leave_out(field), charge().set(field, "null")] {
            at_fault(
                book.unchanged(|| book.record(&body)),
                &[(field, "required")],
            );
        }
    }
}

#[test]
fn a_chain_is_never_dated_back() {
    let book = Book::new();
    book.host.set(time("2022-02-28T00:00:00Z"));
    accepted(book.create(&standard("r-1")));
    let refund = book.refund("r-1");
    assert_eq!(
        refund.created_at.to_string(),
        "2022-03-01T00:00:00Z",
        "recorded at the later of now and the entry before"
    );
    book.verifies();
}

//! Importing a file again: what was done before is a replay, even where it was undone since.

use crate::common::{
    Book, Json, accepted, charge, fields, plain_charge, refused, replayed, standard,
};

fn create(book: &Book) -> Json {
    book.line("create_refund").set("body", standard("r-1"))
}

fn other() -> Json {
    standard("r-1").text("description", "Other")
}

#[test]
fn deleting_what_is_deleted_is_a_replay() {
    let book = Book::new();
    accepted(book.import(&create(&book)));
    accepted(book.import(&book.delete_line("r-1")));
    replayed(book.unchanged(|| book.import(&book.delete_line("r-1"))));
    let stale = book.delete_line("r-1").set("expected_revision", "1");
    replayed(book.unchanged(|| book.import(&stale)));
    refused(book.run(&book.delete_line("r-1")), "refund_not_found");
    refused(
        book.unchanged(|| book.import(&book.delete_line("r-2"))),
        "refund_not_found",
    );
}

#[test]
fn a_create_whose_refund_was_deleted_since_is_a_replay_with_the_same_content() {
    let book = Book::new();
    accepted(book.import(&create(&book)));
    accepted(book.import(&book.delete_line("r-1")));
    replayed(book.unchanged(|| book.import(&create(&book))));
    assert_eq!(book.left(), (12_100, 10_000), "nothing is booked again");
    let changed = book.line("create_refund").set("body", other());
    let error = refused(
        book.unchanged(|| book.import(&changed)),
        "idempotency_conflict",
    );
    assert_eq!(fields(&error), ["description"]);
}

#[test]
fn an_update_that_was_done_is_a_replay_where_it_says_its_revision() {
    let book = Book::new();
    accepted(book.import(&create(&book)));
    let first = book
        .update_line("r-1", &other())
        .set("expected_revision", "1");
    let second = book
        .update_line("r-1", &standard("r-1"))
        .set("expected_revision", "2");
    accepted(book.import(&first));
    accepted(book.import(&second));
    for _ in 0..2 {
        replayed(book.unchanged(|| book.import(&first)));
        replayed(book.unchanged(|| book.import(&second)));
    }
    // As a request the first is stale.
    refused(book.run(&first), "stale_revision");
    // Revision 2 has other content than this.
    let never = book
        .update_line("r-1", &standard("r-1").text("description", "Never"))
        .set("expected_revision", "1");
    refused(book.unchanged(|| book.import(&never)), "stale_revision");
}

#[test]
fn an_update_that_was_done_is_a_replay_after_the_delete_too() {
    let book = Book::new();
    accepted(book.import(&create(&book)));
    let update = book
        .update_line("r-1", &other())
        .set("expected_revision", "1");
    accepted(book.import(&update));
    accepted(book.import(&book.delete_line("r-1")));
    replayed(book.unchanged(|| book.import(&update)));
    // But the deletion itself is no such update.
    let after = book
        .update_line("r-1", &other())
        .set("expected_revision", "2");
    refused(book.unchanged(|| book.import(&after)), "refund_not_found");
}

#[test]
fn an_update_that_was_done_is_a_replay_after_its_text_was_erased() {
    let book = Book::new();
    accepted(book.import(&create(&book)));
    let update = book
        .update_line("r-1", &other())
        .set("expected_revision", "1");
    accepted(book.import(&update));
    let erase = book
        .line("erase_text")
        .text("external_refund_unique_id", "r-1");
    accepted(book.import(&erase));
    replayed(book.unchanged(|| book.import(&update)));
    replayed(book.unchanged(|| book.import(&create(&book))));
    replayed(book.unchanged(|| book.import(&erase)));
}

#[test]
fn an_update_without_a_revision_applies_to_whatever_is_there() {
    let book = Book::new();
    accepted(book.import(&create(&book)));
    let first = book.update_line("r-1", &other());
    let second = book.update_line("r-1", &standard("r-1"));
    accepted(book.import(&first));
    accepted(book.import(&second));
    accepted(book.import(&first));
    replayed(book.unchanged(|| book.import(&first)));
}

#[test]
fn voiding_what_is_voided_is_a_replay() {
    let book = Book::new();
    accepted(book.import(&book.line("void_movement")));
    replayed(book.unchanged(|| book.import(&book.line("void_movement"))));
    refused(book.void(), "movement_not_found");
    let unknown = book.on(&crate::common::key("acme", "sub-7", "mov-43"));
    refused(
        book.unchanged(|| book.import(&unknown.line("void_movement"))),
        "movement_not_found",
    );
}

#[test]
fn what_was_done_before_a_void_is_a_replay_after_it() {
    let book = Book::new();
    accepted(book.import(&create(&book)));
    let update = book
        .update_line("r-1", &other())
        .set("expected_revision", "1");
    accepted(book.import(&update));
    accepted(book.import(&book.delete_line("r-1")));
    accepted(book.import(&book.line("void_movement")));
    for line in [create(&book), update, book.delete_line("r-1")] {
        println!("{}", line.render());
        replayed(book.unchanged(|| book.import(&line)));
    }
    // What was not done before finds no movement.
    let fresh = book.line("create_refund").set("body", standard("r-2"));
    refused(book.unchanged(|| book.import(&fresh)), "movement_not_found");
}

#[test]
fn a_whole_file_twice_changes_nothing_the_second_time() {
    let book = Book::empty();
    let lines = [
        book.line("record_movement").set("body", charge()),
        create(&book),
        book.line("create_refund").set("body", standard("r-2")),
        book.line("create_non_subscribable_refund")
            .text("idempotency_key", "k-1")
            .set(
                "body",
                crate::common::non_subscribable("x").leave_out("external_refund_unique_id"),
            ),
        book.update_line("r-1", &other())
            .set("expected_revision", "1"),
        book.update_line("r-1", &standard("r-1").set("billable", "true"))
            .set("expected_revision", "2"),
        book.delete_line("r-2"),
        book.delete_line("r-1").set("expected_revision", "3"),
        book.line("erase_text")
            .text("external_refund_unique_id", "r-1"),
        book.line("erase_text"),
    ];
    for line in &lines {
        accepted(book.import(line));
    }
    for _ in 0..2 {
        book.unchanged(|| {
            for line in &lines {
                println!("{}", line.render());
                replayed(book.import(line));
            }
        });
    }
    book.verifies();
}

#[test]
fn a_conflict_is_a_conflict_in_a_file_too() {
    let book = Book::new();
    accepted(book.import(&create(&book)));
    let changed = book.line("create_refund").set("body", other());
    refused(
        book.unchanged(|| book.import(&changed)),
        "idempotency_conflict",
    );
    let record = book
        .line("record_movement")
        .set("body", plain_charge("EUR", "5"));
    refused(
        book.unchanged(|| book.import(&record)),
        "idempotency_conflict",
    );
}

#[test]
fn an_erasure_that_says_its_revision_spares_the_text_that_came_later() {
    let book = Book::new();
    accepted(book.import(&create(&book)));
    let erase = book
        .line("erase_text")
        .text("external_refund_unique_id", "r-1")
        .set("expected_revision", "1");
    accepted(book.import(&erase));
    accepted(book.import(&book.update_line("r-1", &other())));
    replayed(book.unchanged(|| book.import(&erase)));
    assert_eq!(book.refund("r-1").details.description.text(), Some("Other"));
    // As a request it is stale.
    refused(book.unchanged(|| book.run(&erase)), "stale_revision");
    book.verifies();
}

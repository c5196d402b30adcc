//! Batches: later commands see what earlier ones do, and all of it is written at once.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use crate::common::{
    Answer, Book, Json, accepted, charge, key, plain, plain_charge, refused, replayed, standard,
};
use refund_ledger::store::memory::MemoryStore;
use refund_ledger::store::{Precondition, ReadSet, ScanRange, ScanRow, Snapshot, WriteBatch};
use refund_ledger::{
    Atomicity, Batch, JournalPosition, JournalRecord, ListAfter, Page, Refund, RefundFilter,
    Repeats, Store, StoreError,
};

const ALL: Batch = Batch {
    atomicity: Atomicity::All,
    repeats: Repeats::AsRequests,
};
const PER_ITEM: Batch = Batch {
    atomicity: Atomicity::PerItem,
    repeats: Repeats::AsRequests,
};

fn run(book: &Book, lines: &[Json], batch: Batch) -> Vec<Answer> {
    let commands: Vec<_> = lines
        .iter()
        .map(|line| crate::common::command(line).expect("a valid line"))
        .collect();
    book.ledger
        .execute_all(&commands, batch)
        .expect("the store answers")
}

fn create(book: &Book, body: Json) -> Json {
    book.line("create_refund").set("body", body)
}

#[test]
fn later_commands_see_what_earlier_ones_did() {
    for batch in [ALL, PER_ITEM] {
        let book = Book::empty();
        let lines = [
            book.line("record_movement").set("body", charge()),
            create(&book, standard("r-1")),
            create(&book, standard("r-1")),
            book.update_line("r-1", &standard("r-1").text("description", "Other"))
                .set("expected_revision", "1"),
            book.update_line("r-1", &standard("r-1").set("billable", "true"))
                .set("expected_revision", "2"),
            book.delete_line("r-1").set("expected_revision", "3"),
            create(&book, plain("r-2", "100")),
            book.delete_line("r-2"),
            book.line("void_movement"),
            book.line("record_movement")
                .set("body", plain_charge("JPY", "7")),
            create(&book, plain("r-3", "7")),
        ];
        let answers = run(&book, &lines, batch);
        for (at, answer) in answers.into_iter().enumerate() {
            println!("line {at}");
            if at == 2 {
                replayed(answer);
            } else {
                accepted(answer);
            }
        }
        assert_eq!(book.left(), (0, 0));
        assert_eq!(book.entries(), lines.len() - 1);
        book.verifies();
    }
}

#[test]
fn one_refusal_is_enough_for_an_atomic_batch_to_write_nothing() {
    let book = Book::new();
    for bad in [0, 1, 2] {
        let mut lines = vec![
            create(&book, standard("r-1")),
            create(&book, standard("r-2")),
        ];
        lines.insert(bad, create(&book, plain("r-3", "1000")));
        let answers = book.unchanged(|| run(&book, &lines, ALL));
        for (at, answer) in answers.into_iter().enumerate() {
            if at == bad {
                refused(answer, "over_refund");
            } else {
                accepted(answer);
            }
        }
    }
}

#[test]
fn per_item_the_good_ones_land_and_the_bad_ones_are_reported() {
    let book = Book::new();
    let lines = [
        create(&book, plain("r-1", "60")),
        create(&book, plain("r-2", "60")),
        create(&book, plain("r-3", "40")),
        book.delete_line("r-9"),
    ];
    let mut answers = run(&book, &lines, PER_ITEM).into_iter();
    accepted(answers.next().unwrap());
    refused(answers.next().unwrap(), "over_refund");
    accepted(answers.next().unwrap());
    refused(answers.next().unwrap(), "refund_not_found");
    assert_eq!(book.left(), (2_100, 0));
    book.verifies();
}

#[test]
fn two_creates_with_one_external_id_book_once() {
    for batch in [ALL, PER_ITEM] {
        let book = Book::new();
        let lines = [
            create(&book, standard("r-1")),
            create(
                &book,
                standard("r-1").set("amount.value_with_taxes", r#""12.10""#),
            ),
        ];
        let mut answers = run(&book, &lines, batch).into_iter();
        let first = accepted(answers.next().unwrap());
        let second = replayed(answers.next().unwrap());
        assert_eq!(first.refund_id, second.refund_id);
        assert_eq!(book.balance().count, 1);
        book.verifies();
    }
}

#[test]
fn two_creates_with_one_external_id_and_other_content_conflict() {
    let book = Book::new();
    let lines = [
        create(&book, standard("r-1")),
        create(&book, standard("r-1").set("billable", "true")),
    ];
    let answers = book.unchanged(|| run(&book, &lines, ALL));
    refused(answers[1].clone(), "idempotency_conflict");
    let answers = run(&book, &lines, PER_ITEM);
    accepted(answers[0].clone());
    refused(answers[1].clone(), "idempotency_conflict");
}

#[test]
fn two_creates_with_one_external_id_on_two_movements_conflict() {
    let book = Book::new();
    let other = book.on(&key("acme", "sub-7", "mov-43"));
    accepted(other.record(&charge()));
    let lines = [
        create(&book, standard("r-1")),
        create(&other, standard("r-1")),
    ];
    let answers = run(&book, &lines, PER_ITEM);
    accepted(answers[0].clone());
    let error = refused(answers[1].clone(), "idempotency_conflict");
    assert_eq!(crate::common::fields(&error), ["movement_id"]);
}

#[test]
fn a_delete_makes_room_for_the_create_behind_it() {
    for batch in [ALL, PER_ITEM] {
        let book = Book::new();
        accepted(book.create(&plain("r-1", "100")));
        let lines = [
            book.delete_line("r-1"),
            create(&book, plain("r-2", "100")),
            create(&book, plain("r-1", "100")),
        ];
        let answers = run(&book, &lines[..2], batch);
        accepted(answers[0].clone());
        accepted(answers[1].clone());
        let answers = run(&book, &lines[2..], batch);
        refused(answers[0].clone(), "refund_deleted");
        book.verifies();
    }
}

#[test]
fn within_one_batch_a_deleted_external_id_stays_taken() {
    let book = Book::new();
    let lines = [
        create(&book, standard("r-1")),
        book.delete_line("r-1"),
        create(&book, standard("r-1")),
    ];
    let answers = run(&book, &lines, PER_ITEM);
    accepted(answers[0].clone());
    accepted(answers[1].clone());
    refused(answers[2].clone(), "refund_deleted");
    book.verifies();
}

#[test]
fn the_caps_hold_over_a_whole_batch() {
    let book = Book::new();
    let lines: Vec<Json> = (0..30)
        .map(|n| create(&book, standard(&format!("r-{n}"))))
        .collect();
    let answers = run(&book, &lines, PER_ITEM);
    let booked = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(booked, 10, "ten refunds of 12.10 fit into 121");
    assert_eq!(book.left(), (0, 0));
    book.verifies();
}

#[test]
fn a_text_that_is_brought_and_erased_in_one_batch_is_gone() {
    let book = Book::new();
    let lines = [
        create(&book, standard("r-1").text("description", "first secret")),
        book.update_line("r-1", &standard("r-1").text("description", "second secret")),
        book.line("erase_text")
            .text("external_refund_unique_id", "r-1"),
        create(&book, standard("r-1").text("description", "not compared")),
        book.update_line("r-1", &standard("r-1").text("description", "kept")),
    ];
    let answers = run(&book, &lines, ALL);
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let all = book.all();
    assert!(!all.contains("secret"), "{all}");
    assert_eq!(book.refund("r-1").details.description.text(), Some("kept"));
    book.verifies();
}

#[test]
fn an_empty_batch_does_nothing() {
    let book = Book::new();
    assert!(book.unchanged(|| run(&book, &[], ALL)).is_empty());
}

/// A store that keeps the batches that it was given.
#[derive(Default)]
struct Recording {
    store: MemoryStore,
    batches: Mutex<Vec<WriteBatch>>,
}

impl Store for Recording {
    fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
        self.store.load(wanted)
    }
    fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        self.batches.lock().unwrap().push(batch.clone());
        self.store.commit(batch)
    }
    fn list_refunds(
        &self,
        filter: &RefundFilter,
        after: Option<ListAfter>,
        limit: usize,
    ) -> Result<Page<Refund>, StoreError> {
        self.store.list_refunds(filter, after, limit)
    }
    fn journal(
        &self,
        after: JournalPosition,
        limit: usize,
    ) -> Result<Vec<JournalRecord>, StoreError> {
        self.store.journal(after, limit)
    }
    fn scan(
        &self,
        range: &ScanRange<'_>,
        visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> Result<JournalPosition, StoreError> {
        self.store.scan(range, visit)
    }
}

#[test]
fn a_merged_batch_has_one_precondition_per_key_against_the_state_before_it() {
    let store = Arc::new(Recording::default());
    let book = Book::over(store.clone());
    accepted(book.record(&charge()));
    accepted(book.create(&standard("r-0")));
    let fresh = book.on(&key("acme", "sub-7", "mov-43"));
    store.batches.lock().unwrap().clear();
    let lines = [
        create(&book, standard("r-1")),
        book.update_line("r-0", &standard("r-0").text("description", "Other")),
        fresh.line("record_movement").set("body", charge()),
        create(&fresh, standard("r-2")),
        book.update_line("r-1", &standard("r-1").set("billable", "true")),
        book.delete_line("r-1"),
        create(&book, standard("r-3")),
        create(&fresh, standard("r-2")),
    ];
    let answers = run(&book, &lines, ALL);
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");

    let batches = store.batches.lock().unwrap().clone();
    assert_eq!(batches.len(), 1, "one commit for the whole batch");
    let batch = &batches[0];
    let mut have = batch.preconditions.clone();
    have.sort();
    let at = |movement: &Book, version| Precondition::MovementAt {
        movement: movement.movement.clone(),
        version,
    };
    let free = |text: &str| Precondition::ExternalIdFree {
        org: crate::common::id("acme"),
        external_id: crate::common::id(text),
    };
    let mut want = vec![
        at(&book, 2),
        at(&fresh, 0),
        free("r-1"),
        free("r-2"),
        free("r-3"),
    ];
    want.sort();
    assert_eq!(
        have, want,
        "one precondition per key, against the state before"
    );
    assert_eq!(batch.movements.len(), 2, "one row per movement");
    assert_eq!(batch.refunds.len(), 4, "one row per refund");
    assert_eq!(batch.entries.len(), 7, "one entry per change");
    book.verifies();
}

#[test]
fn a_batch_of_replays_is_not_committed() {
    let store = Arc::new(Recording::default());
    let book = Book::over(store.clone());
    accepted(book.record(&charge()));
    accepted(book.create(&standard("r-1")));
    store.batches.lock().unwrap().clear();
    let lines = [
        book.line("record_movement").set("body", charge()),
        create(&book, standard("r-1")),
        book.update_line("r-1", &standard("r-1")),
    ];
    for answer in run(&book, &lines, ALL) {
        replayed(answer);
    }
    assert!(
        store.batches.lock().unwrap().is_empty(),
        "nothing to commit"
    );
}

#[test]
fn per_item_a_batch_comes_to_what_its_commands_come_to_one_by_one() {
    let lines = |book: &Book| {
        vec![
            book.line("record_movement").set("body", charge()),
            create(book, standard("r-1")),
            create(book, plain("r-2", "1000")),
            book.update_line("r-1", &plain("r-1", "90")),
            create(book, plain("r-3", "10.01")),
            create(book, plain("r-3", "10")),
            book.delete_line("r-1"),
            book.delete_line("r-1"),
            create(book, standard("r-1")),
            book.line("void_movement"),
            book.delete_line("r-3"),
            book.line("void_movement"),
            book.line("void_movement"),
        ]
    };
    let (one_by_one, together) = (Book::empty(), Book::empty());
    let answers: Vec<Answer> = lines(&one_by_one)
        .iter()
        .map(|line| one_by_one.run(line))
        .collect();
    assert_eq!(answers, run(&together, &lines(&together), PER_ITEM));
    assert_eq!(one_by_one.all(), together.all());
    together.verifies();
}

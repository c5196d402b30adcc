//! An erased text is in none of the files any more: neither in the ledger nor in its log.
#![cfg(feature = "sqlite")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails should fail loudly"
)]

mod sqlite_support;

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use refund_ledger::store::ScanRange;
use refund_ledger::store::Store;
use refund_ledger::store::sqlite::SqliteOptions;
use refund_ledger::{Batch, Command, ErrorCode, Operation, RefundLookup};
use sqlite_support::{InFile, assert_valid, id, key, movement, refund};

/// The files in a directory that hold these bytes.
fn holding(directory: &Path, bytes: &str) -> Vec<String> {
    let mut found = sqlite_support::files(directory);
    found.retain(|name| {
        let content = std::fs::read(directory.join(name)).unwrap();
        content
            .windows(bytes.len())
            .any(|window| window == bytes.as_bytes())
    });
    found
}

/// A ledger with many texts around those that will go, so that pages split and cells move.
fn crowded(options: SqliteOptions) -> InFile {
    let file = InFile::with(options);
    let ledger = &file.ledger;
    let first = key("mov-1");
    ledger
        .record_movement(&first, &movement("SECRET of the movement"))
        .unwrap();
    for n in 0..40 {
        let request = refund(
            &format!("around-{n}"),
            "1.21",
            &format!("around {n} {}", "x".repeat(n)),
        );
        ledger.create_refund(&first, &request).unwrap();
        if n == 20 {
            ledger
                .create_refund(&first, &refund("ext", "2.42", "SECRET of the refund, 1"))
                .unwrap();
        }
        if n > 20 && n % 5 == 0 {
            let request = refund("ext", "2.42", &format!("SECRET of the refund, {n}"));
            let lookup = RefundLookup::ExternalId(id("ext"));
            ledger.update_refund(&first, lookup, request, None).unwrap();
        }
    }
    file
}

#[test]
fn erased_texts_are_in_no_file() {
    let file = crowded(SqliteOptions::default());
    let directory = file.directory.path();
    assert!(
        !holding(directory, "SECRET of the refund, 1").is_empty(),
        "before the erasure the text is there to be found"
    );
    let lookup = RefundLookup::ExternalId(id("ext"));
    file.ledger.erase_text(&key("mov-1"), Some(lookup)).unwrap();
    assert_eq!(
        holding(directory, "SECRET of the refund"),
        [""; 0],
        "all its revisions are gone"
    );
    assert!(
        !holding(directory, "SECRET of the movement").is_empty(),
        "nothing else is"
    );
    file.ledger.erase_text(&key("mov-1"), None).unwrap();
    assert_eq!(
        holding(directory, "SECRET"),
        [""; 0],
        "the movement's own text is gone"
    );
    assert!(
        !holding(directory, "around 39").is_empty(),
        "the others' texts stay"
    );
    assert_valid(&file.ledger);
    let (directory, _) = file.close();
    assert_eq!(
        holding(directory.path(), "SECRET"),
        [""; 0],
        "closing brings nothing back"
    );
}

#[test]
fn a_batch_erases_the_texts_of_all_that_it_names() {
    let file = crowded(SqliteOptions::default());
    let erase = |refund: Option<&str>| Command {
        movement: key("mov-1"),
        operation: Operation::EraseText {
            refund: refund.map(|external_id| RefundLookup::ExternalId(id(external_id))),
            expected_revision: None,
        },
    };
    let commands = [erase(Some("ext")), erase(Some("around-7")), erase(None)];
    for result in file
        .ledger
        .execute_all(&commands, Batch::default())
        .unwrap()
    {
        result.unwrap();
    }
    let directory = file.directory.path();
    assert_eq!(holding(directory, "SECRET"), [""; 0]);
    assert_eq!(holding(directory, "around 7 "), [""; 0]);
    assert!(!holding(directory, "around 8 ").is_empty());
    assert_valid(&file.ledger);
}

#[test]
fn an_erasure_that_a_reader_holds_back_says_so_and_can_be_finished() {
    let file = crowded(SqliteOptions::default().with_busy_timeout(Duration::from_millis(50)));
    let directory = file.directory.path();
    let range = ScanRange::default();
    file.store
        .scan(&range, &mut |_| {
            let error = file.ledger.erase_text(&key("mov-1"), None).unwrap_err();
            assert_eq!(
                error.code(),
                ErrorCode::Timeout,
                "the scan still sees the text: {error}"
            );
            assert!(
                !holding(directory, "SECRET of the movement").is_empty(),
                "it is still there"
            );
            ControlFlow::Break(())
        })
        .unwrap();
    let again = file.ledger.erase_text(&key("mov-1"), None).unwrap();
    assert!(
        again.replayed,
        "the text was erased, what was left is the file"
    );
    assert_eq!(
        holding(directory, "SECRET of the movement"),
        [""; 0],
        "now it is gone"
    );
}

#[test]
fn a_batch_with_an_erasure_under_a_reader_does_not_say_that_nothing_was_written() {
    use refund_ledger::{Atomicity, Batch, Command, Operation, StoreError};
    let file = crowded(SqliteOptions::default().with_busy_timeout(Duration::from_millis(50)));
    let first = key("mov-1");
    let named = |name: &str| RefundLookup::ExternalId(id(name));
    let commands = [
        Command {
            movement: first.clone(),
            operation: Operation::DeleteRefund {
                refund: named("around-1"),
                expected_revision: None,
            },
        },
        Command {
            movement: first.clone(),
            operation: Operation::EraseText {
                refund: Some(named("ext")),
                expected_revision: None,
            },
        },
    ];
    let reader = rusqlite::Connection::open(&file.path).unwrap();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM journal")
        .unwrap();
    let each = Batch {
        atomicity: Atomicity::PerItem,
        ..Batch::default()
    };
    let results = file.ledger.execute_all(&commands, each).unwrap();
    assert!(results[0].is_ok(), "the deletion is done: {results:?}");
    let held_back = results[1].as_ref().unwrap_err();
    assert_eq!(
        held_back.code(),
        ErrorCode::Timeout,
        "the text is still in the log"
    );
    // Where one refusal would say that nothing was written, there is none.
    let atomic = file.ledger.execute_all(&commands[1..], Batch::default());
    assert_eq!(atomic.unwrap_err().code(), ErrorCode::Timeout);
    let more = |name: &str| Command {
        movement: first.clone(),
        operation: Operation::EraseText {
            refund: Some(named(name)),
            expected_revision: None,
        },
    };
    let commands = [commands[1].clone(), more("around-2")];
    let unknown = file.ledger.execute_all(&commands, Batch::default());
    assert!(
        matches!(
            unknown.as_ref().unwrap_err().store_error(),
            Some(StoreError::OutcomeUnknown { .. })
        ),
        "{unknown:?}"
    );
    drop(reader);
    let again = file
        .ledger
        .execute_all(&commands, Batch::default())
        .unwrap();
    let are_replayed = again.into_iter().all(|result| result.unwrap().replayed);
    assert!(are_replayed, "the erasures were committed before");
    let left = holding(file.path.parent().unwrap(), "SECRET of the refund");
    assert_eq!(left, Vec::<String>::new(), "the text is in no file");
}

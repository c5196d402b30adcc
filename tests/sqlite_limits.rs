//! The SQLite store where the system refuses: a full disk, a read-only file, a lock that others
//! hold. Each time a clear error, nothing half written, and a later retry books once.
#![cfg(feature = "sqlite")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that fails should fail loudly, and one of these is its own child process"
)]

mod sqlite_support;

use std::sync::Arc;
use std::time::Duration;

use refund_ledger::store::sqlite::{SqliteOptions, SqliteStore};
use refund_ledger::store::{Loaded, Precondition, ReadSet, Store, WriteBatch};
use refund_ledger::{ErrorCode, Ledger, LedgerError, RefundFilter, RefundQuery, StoreError};
use rusqlite::Connection;
use sqlite_support::{
    CountingHost, InFile, assert_valid, content, create, key, movement, refund, unguarded,
};

fn failure(error: &LedgerError) -> &str {
    match error.store_error() {
        Some(StoreError::Failed { reason }) => reason,
        other => panic!("the store should say what failed: {other:?}"),
    }
}

#[test]
fn a_full_disk_is_said_and_a_retry_books_once() {
    let file = InFile::with(SqliteOptions::default().with_pages_max(24));
    let first = key("mov-1");
    file.ledger
        .record_movement(&first, &movement("February"))
        .unwrap();
    let long = "x".repeat(1000);
    let request = |n: usize| refund(&format!("ext-{n}"), "0.02", &format!("{long}{n}"));
    let mut booked = 0;
    let error = loop {
        let before = content(&*file.store);
        match file.ledger.create_refund(&first, &request(booked)) {
            Ok(_) => booked += 1,
            Err(error) => {
                assert_eq!(content(&*file.store), before, "nothing half written stays");
                break error;
            }
        }
    };
    assert!(booked > 5, "there was room for some: {booked}");
    assert!(
        failure(&error).contains("full"),
        "it says that there is no room: {error:?}"
    );
    assert!(
        failure(&error).contains("refunds.db"),
        "it names the file: {error:?}"
    );
    assert_valid(&file.ledger);
    let again = file
        .ledger
        .create_refund(&first, &request(booked))
        .unwrap_err();
    assert!(failure(&again).contains("full"), "there is still no room");
    assert_valid(&file.ledger);

    // Somebody makes room.
    let store = Arc::new(SqliteStore::open(&file.path).unwrap());
    let roomy = Ledger::new(store, Arc::new(CountingHost::new(2)));
    assert!(
        !roomy
            .create_refund(&first, &request(booked))
            .unwrap()
            .replayed,
        "now it is booked"
    );
    assert!(
        roomy
            .create_refund(&first, &request(booked))
            .unwrap()
            .replayed,
        "and once"
    );
    assert_valid(&roomy);
}

#[test]
fn a_lock_that_others_hold_is_busy_and_a_retry_books_once() {
    let file = InFile::with(SqliteOptions::default().with_busy_timeout(Duration::from_millis(20)));
    let first = key("mov-1");
    file.ledger
        .record_movement(&first, &movement("February"))
        .unwrap();
    let other = Connection::open(&file.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = file
        .ledger
        .create_refund(&first, &refund("ext-1", "12.1", "x"))
        .unwrap_err();
    assert_eq!(
        error.store_error(),
        Some(&StoreError::Busy),
        "others hold the lock"
    );
    assert_eq!(error.code(), ErrorCode::Timeout);
    assert_eq!(
        file.ledger.balance(&first).unwrap().count,
        0,
        "readers are not kept waiting, and nothing was booked"
    );
    other.execute_batch("ROLLBACK").unwrap();
    assert!(
        !create(&file.ledger, &first, "ext-1").replayed,
        "now it is booked"
    );
    assert_valid(&file.ledger);
}

#[test]
fn a_time_limit_covers_threads_that_share_the_store() {
    let file = InFile::filled();
    let first = key("mov-42");
    let limit = Duration::from_millis(100);
    let mut wanted = ReadSet::default();
    wanted.want_movement(first.clone());
    let store = &file.store;
    let (at_work, is_at_work) = std::sync::mpsc::channel();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let wanted = &wanted;
        scope.spawn(move || {
            store
                .transact(wanted, &mut |_| {
                    at_work.send(()).unwrap();
                    ended.recv().unwrap();
                    WriteBatch::default()
                })
                .unwrap();
        });
        is_at_work.recv().unwrap();
        let hurried = file.ledger.clone().with_time_limit(limit);
        let start = std::time::Instant::now();
        let error = hurried
            .create_refund(&first, &refund("ext-9", "0.01", "x"))
            .unwrap_err();
        assert_eq!(error.store_error(), Some(&StoreError::Busy));
        let waited = start.elapsed();
        assert!(
            (limit..limit * 20).contains(&waited),
            "it waits for its turn, and no longer than the limit: {waited:?}"
        );
        assert!(hurried.balance(&first).is_ok(), "reading needs no turn");
        end.send(()).unwrap();
        let patient = file
            .ledger
            .create_refund(&first, &refund("ext-9", "0.01", "x"));
        assert!(
            !patient.unwrap().replayed,
            "the turn comes, and nothing was booked before"
        );
    });
    assert_valid(&file.ledger);
}

#[test]
fn a_turn_is_given_back_by_who_panics_in_it() {
    let file = InFile::filled();
    let wanted = ReadSet::default();
    let store = &file.store;
    let panicked = std::thread::scope(|scope| {
        scope
            .spawn(|| store.transact(&wanted, &mut |_| panic!("planted")))
            .join()
            .is_err()
    });
    assert!(panicked);
    let hurried = file.ledger.clone().with_time_limit(Duration::from_secs(1));
    hurried
        .create_refund(&key("mov-42"), &refund("ext-9", "0.01", "x"))
        .unwrap();
}

#[test]
fn a_table_that_others_changed_under_an_open_ledger_is_damage() {
    let file = InFile::filled();
    let other = unguarded(&file.path);
    other
        .execute_batch("ALTER TABLE refunds RENAME TO lost")
        .unwrap();
    let error = file
        .ledger
        .create_refund(&key("mov-42"), &refund("ext-9", "1.21", "x"))
        .unwrap_err();
    assert_eq!(
        error.code(),
        ErrorCode::StoreCorrupted,
        "the tables are not as they were"
    );
    other
        .execute_batch("ALTER TABLE lost RENAME TO refunds")
        .unwrap();
    assert!(
        !create(&file.ledger, &key("mov-42"), "ext-9").replayed,
        "it goes on"
    );
    assert_valid(&file.ledger);
}

#[test]
fn the_caps_hold_in_the_file_even_against_a_wrong_batch() {
    let file = InFile::new();
    let first = key("mov-1");
    file.ledger
        .record_movement(&first, &movement("February"))
        .unwrap();
    let before = content(&*file.store);
    let mut wanted = ReadSet::default();
    wanted.want_movement(first.clone());
    let snapshot = file.store.load(&wanted).unwrap();
    let Loaded::Present(row) = snapshot.movement(&first) else {
        panic!("the movement is there");
    };
    let mut wrong = row.clone();
    wrong.refunded.values.with = 12_101;
    let batch = WriteBatch {
        preconditions: vec![Precondition::MovementAt {
            movement: first,
            version: 1,
        }],
        movements: vec![wrong],
        ..WriteBatch::default()
    };
    let error = file.store.commit(&batch).unwrap_err();
    assert!(
        matches!(&error, StoreError::Failed { reason } if reason.contains("CHECK")),
        "121.01 of 121.00 is refused by the table itself: {error:?}"
    );
    assert_eq!(content(&*file.store), before, "nothing changed");
}

#[cfg(unix)]
mod read_only {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::path::Path;
    use std::process::Command;

    use super::*;

    const LEDGER: &str = "REFUND_LEDGER_READ_ONLY";

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    /// The other side of the tests below: uses the ledger that it is told, as somebody who may
    /// not write it.
    #[test]
    #[ignore = "is run by the tests of read-only files, in a process without rights"]
    fn the_one_who_may_not_write() {
        let path = std::env::var_os(LEDGER).unwrap();
        let path = Path::new(&path);
        assert!(
            std::fs::OpenOptions::new().append(true).open(path).is_err(),
            "the file can't be written"
        );
        let error = match SqliteStore::open(path) {
            Err(error) => error,
            Ok(store) => {
                let store = Arc::new(store);
                let ledger = Ledger::new(store.clone(), Arc::new(CountingHost::new(3)));
                assert_valid(&ledger);
                assert!(
                    ledger.list_refunds(&RefundQuery::default()).is_ok(),
                    "reading works"
                );
                let refused = ledger.create_refund(&key("mov-42"), &refund("ext-9", "1.21", "x"));
                assert_valid(&ledger);
                refused.unwrap_err().store_error().unwrap().clone()
            }
        };
        let StoreError::Failed { reason } = &error else {
            panic!("it should say what failed: {error:?}");
        };
        assert!(reason.contains("refunds.db"), "it names the file: {reason}");
        assert!(
            ["read-only", "permissions", "Permission denied"]
                .iter()
                .any(|cause| reason.contains(cause)),
            "it says what to look at: {reason}"
        );
    }

    /// Runs the test above as a user without rights.
    fn without_rights(path: &Path) {
        let program = std::env::current_exe().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let copy = directory.path().join("test");
        std::fs::copy(program, &copy).unwrap();
        set_mode(directory.path(), 0o755);
        set_mode(&copy, 0o755);
        // Root may write anything, whatever its mode says.
        let is_root = std::fs::metadata(&copy).unwrap().uid() == 0;
        let mut command = if is_root {
            let mut command = Command::new("setpriv");
            command
                .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
                .arg(&copy);
            command
        } else {
            Command::new(&copy)
        };
        let output = command
            .args([
                "--exact",
                "read_only::the_one_who_may_not_write",
                "--ignored",
            ])
            .env(LEDGER, path)
            .output()
            .unwrap();
        assert!(
            output.status.success() && String::from_utf8_lossy(&output.stdout).contains("1 passed"),
            "the one who may not write: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }

    fn assert_books_once(path: &Path, before: &[u8]) {
        assert_eq!(
            std::fs::read(path).unwrap(),
            before,
            "not a byte was changed"
        );
        let ledger = Ledger::open(path).unwrap();
        let request = refund("ext-9", "1.21", "x");
        assert!(
            !ledger
                .create_refund(&key("mov-42"), &request)
                .unwrap()
                .replayed
        );
        assert!(
            ledger
                .create_refund(&key("mov-42"), &request)
                .unwrap()
                .replayed
        );
        assert_valid(&ledger);
    }

    #[test]
    fn a_read_only_file_is_read_and_not_written() {
        let (directory, path) = InFile::filled().close();
        let before = std::fs::read(&path).unwrap();
        set_mode(&path, 0o444);
        set_mode(directory.path(), 0o777);
        without_rights(&path);
        set_mode(&path, 0o644);
        assert_books_once(&path, &before);
    }

    #[test]
    fn a_file_in_a_read_only_directory_is_not_written() {
        let (directory, path) = InFile::filled().close();
        let before = std::fs::read(&path).unwrap();
        set_mode(&path, 0o444);
        set_mode(directory.path(), 0o555);
        without_rights(&path);
        set_mode(directory.path(), 0o755);
        set_mode(&path, 0o644);
        assert_books_once(&path, &before);
    }

    #[test]
    fn a_file_that_may_not_even_be_read_is_named() {
        let (directory, path) = InFile::filled().close();
        set_mode(&path, 0o000);
        set_mode(directory.path(), 0o755);
        without_rights(&path);
    }
}

#[test]
fn lists_of_a_ledger_without_refunds_are_empty() {
    let file = InFile::new();
    let page = file
        .store
        .list_refunds(&RefundFilter::default(), None, 10)
        .unwrap();
    assert!(page.items.is_empty() && !page.more, "there is nothing");
    assert_valid(&file.ledger);
}

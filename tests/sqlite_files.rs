//! What the SQLite store does with files that it may not use: it says why, and leaves them alone.
#![cfg(feature = "sqlite")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that fails should fail loudly"
)]

mod sqlite_support;

use std::path::{Path, PathBuf};

use refund_ledger::store::sqlite::SqliteStore;
use refund_ledger::{Ledger, StoreError};
use rusqlite::Connection;
use sqlite_support::{InFile, assert_valid, content, files, key, movement};

fn refusal(path: &Path) -> StoreError {
    match SqliteStore::open(path) {
        Err(error) => error,
        Ok(_) => panic!("{} should be refused", path.display()),
    }
}

/// The file is refused for this reason; it stays byte for byte, with nothing beside it.
fn assert_left_alone(path: &Path, reason: &str) {
    let (bytes, names) = (std::fs::read(path).unwrap(), files(path.parent().unwrap()));
    let error = refusal(path);
    assert!(
        matches!(&error, StoreError::Unsupported { reason: text } if text.contains(reason)),
        "it should say `{reason}`: {error:?}"
    );
    assert!(
        error
            .to_string()
            .contains(path.file_name().unwrap().to_str().unwrap()),
        "it should name the file: {error}"
    );
    assert_eq!(std::fs::read(path).unwrap(), bytes, "not a byte is touched");
    assert_eq!(
        files(path.parent().unwrap()),
        names,
        "nothing appears beside it"
    );
}

fn file_with(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("some.file");
    std::fs::write(&path, bytes).unwrap();
    (directory, path)
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    for bytes in [
        &b"x"[..],
        b"id,amount\n1,12.10\n",
        b"SQLite format 2\0",
        &[0; 100],
        &[0; 8192],
        &[0xff; 5000],
    ] {
        let (_directory, path) = file_with(bytes);
        assert_left_alone(&path, "not even a SQLite database");
    }
}

#[test]
fn a_database_of_something_else_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    for (name, sql) in [
        ("tables.db", "CREATE TABLE customers (name TEXT)"),
        (
            "wal.db",
            "PRAGMA journal_mode = WAL; CREATE TABLE customers (name TEXT)",
        ),
        (
            "marked.db",
            "PRAGMA application_id = 77; CREATE TABLE customers (name TEXT)",
        ),
        ("emptied.db", "CREATE TABLE a (b); DROP TABLE a; VACUUM"),
    ] {
        let path = directory.path().join(name);
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(sql).unwrap();
        connection.close().unwrap();
        assert_left_alone(&path, "the SQLite database of something else");
    }
}

#[test]
fn a_file_of_a_newer_version_is_left_alone() {
    let (_directory, path) = InFile::filled().close();
    Connection::open(&path)
        .unwrap()
        .execute_batch("PRAGMA user_version = 2")
        .unwrap();
    assert_left_alone(&path, "newer version");
}

#[test]
fn a_newer_version_that_is_still_in_the_log_is_refused() {
    let file = InFile::filled();
    // As long as this connection lives, the new version is in the log only.
    let upgrade = Connection::open(&file.path).unwrap();
    upgrade.execute_batch("PRAGMA user_version = 2").unwrap();
    let error = refusal(&file.path);
    assert!(
        matches!(&error, StoreError::Unsupported { reason } if reason.contains("newer version")),
        "the version in the log counts: {error:?}"
    );
}

#[test]
fn a_cut_off_header_is_damage() {
    let (_directory, path) = file_with(b"SQLite format 3\0\x10\0\x01\x01");
    assert!(
        matches!(refusal(&path), StoreError::Corrupted { .. }),
        "it is cut off"
    );
}

#[test]
fn a_database_in_another_encoding_is_no_ledger() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("utf16.db");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch("PRAGMA encoding = 'UTF-16le'; PRAGMA application_id = 0x52464c44;")
        .unwrap();
    connection
        .execute_batch(include_str!("../src/store/sqlite/schema_v1.sql"))
        .unwrap();
    connection.execute_batch("PRAGMA user_version = 1").unwrap();
    connection.close().unwrap();
    let error = refusal(&path);
    assert!(
        matches!(&error, StoreError::Unsupported { reason } if reason.contains("UTF-8")),
        "lengths and order are those of UTF-8: {error:?}"
    );
}

#[test]
fn what_is_no_file_is_named_with_the_reason() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("no/such/refunds.db");
    for (path, reason) in [
        (directory.path().to_path_buf(), "is a directory"),
        (missing.clone(), "there is no directory"),
        (PathBuf::from(""), "empty"),
        (directory.path().join("a\0b"), ""),
    ] {
        let error = refusal(&path);
        assert!(
            matches!(&error, StoreError::Failed { reason: text } if text.contains(reason)),
            "{path:?} should fail with `{reason}`: {error:?}"
        );
    }
    assert_eq!(files(directory.path()), [""; 0], "nothing was made");
}

#[test]
fn a_path_is_a_plain_path_whatever_it_looks_like() {
    let directory = tempfile::tempdir().unwrap();
    let names = [
        "file:x?mode=memory",
        "a?mode=ro",
        "100%25.db",
        ":memory:",
        "file::memory:",
        "#x",
    ];
    for name in names {
        let path = directory.path().join(name);
        let ledger = Ledger::open(&path).unwrap();
        ledger
            .record_movement(&key("mov-1"), &movement("February"))
            .unwrap();
        drop(ledger);
        assert_valid(&Ledger::open(&path).unwrap());
        let size = std::fs::metadata(&path).unwrap().len();
        assert!(size > 0, "`{name}` is the file's own name");
    }
    assert_eq!(
        files(directory.path()).len(),
        names.len(),
        "one file each, nothing else"
    );
}

/// The crash test of creation: the tables were written over an empty file under a rollback
/// journal, and the power went.
#[test]
fn a_creation_that_was_cut_off_is_taken_back_and_done_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("refunds.db");
    // SQLite's own journal of a transaction on an empty file, caught in the middle.
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "PRAGMA cache_size = 1; PRAGMA synchronous = FULL; BEGIN;
             CREATE TABLE a (b); INSERT INTO a VALUES (zeroblob(100000));",
        )
        .unwrap();
    let journal = std::fs::read(directory.path().join("refunds.db-journal")).unwrap();
    assert!(!journal.is_empty(), "the journal is hot");
    let crashed = tempfile::tempdir().unwrap();
    let path = crashed.path().join("refunds.db");
    std::fs::write(&path, vec![0; 20 * 4096]).unwrap();
    std::fs::write(crashed.path().join("refunds.db-journal"), journal).unwrap();
    drop(connection);

    let ledger = Ledger::open(&path).unwrap();
    ledger
        .record_movement(&key("mov-1"), &movement("February"))
        .unwrap();
    assert_valid(&ledger);
}

#[test]
fn many_that_make_the_same_file_at_once_all_get_it() {
    for _ in 0..8 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("refunds.db");
        std::thread::scope(|scope| {
            for n in 0..6 {
                let path = path.clone();
                scope.spawn(move || {
                    let ledger = Ledger::open(&path).unwrap();
                    ledger
                        .record_movement(&key(&format!("mov-{n}")), &movement("February"))
                        .unwrap();
                });
            }
        });
        let ledger = Ledger::open(&path).unwrap();
        assert_eq!(
            ledger.movements(None, None, 10).unwrap().len(),
            6,
            "each wrote its own"
        );
        assert_valid(&ledger);
    }
}

#[test]
fn a_backup_is_a_ledger_of_its_own() {
    let file = InFile::filled();
    let target = file.directory.path().join("copy.db");
    file.store.backup(&target).unwrap();
    assert_eq!(
        std::fs::read_dir(file.directory.path()).unwrap().count(),
        4,
        "the ledger with its log and index, and one copy: {:?}",
        files(file.directory.path())
    );
    let before = content(&*file.store);
    file.ledger
        .record_movement(&key("mov-later"), &movement("May"))
        .unwrap();
    let copy = SqliteStore::open(&target).unwrap();
    assert_eq!(content(&copy), before, "the copy holds what there was");
    drop(copy);
    assert_valid(&Ledger::open(&target).unwrap());

    let error = file.store.backup(&target).unwrap_err();
    assert!(
        error.to_string().contains("exists already"),
        "never over a file: {error}"
    );
    let nowhere = file.directory.path().join("no/such/copy.db");
    assert!(
        matches!(file.store.backup(&nowhere), Err(StoreError::Failed { .. })),
        "there is no such directory"
    );
    assert_valid(&file.ledger);
}

#[test]
fn a_backup_while_others_write_is_of_one_moment() {
    let file = InFile::filled();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut n = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let movement_key = key(&format!("mov-while-{n}"));
                file.ledger
                    .record_movement(&movement_key, &movement("x"))
                    .unwrap();
                n += 1;
            }
        });
        for n in 0..5 {
            let target = file.directory.path().join(format!("copy-{n}.db"));
            file.store.backup(&target).unwrap();
            assert_valid(&Ledger::open(&target).unwrap());
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

/// The POSIX locks that this process holds on a file: the kind and the range of each.
#[cfg(target_os = "linux")]
fn locks_held(path: &std::path::Path) -> std::collections::BTreeSet<String> {
    use std::os::unix::fs::MetadataExt;
    let inode = format!(":{} ", std::fs::metadata(path).unwrap().ino());
    let own = std::fs::read_link("/proc/self").unwrap();
    let process = format!(" {} ", own.display());
    let look = |_| {
        let locks = std::fs::read_to_string("/proc/locks").unwrap();
        let own = locks
            .lines()
            .filter(|line| line.contains(&inode) && line.contains(&process));
        // In front stands where in the list it is.
        let held = own.filter_map(|line| line.split_once(": "));
        held.map(|(_, lock)| lock.to_owned()).collect::<Vec<_>>()
    };
    // The list is that of the whole machine: while others change it, a line can be missing from what is read,
    // or there twice.
    (0..20).flat_map(look).collect()
}

#[test]
#[cfg(target_os = "linux")]
fn opening_a_file_again_gives_up_none_of_the_locks_on_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("refunds.db");
    let first = Ledger::open(&path).unwrap();
    first
        .record_movement(&key("mov-1"), &movement("February"))
        .unwrap();
    let held = locks_held(&path);
    assert!(!held.is_empty(), "an open ledger holds a lock on its file");
    let second = Ledger::open(&path).unwrap();
    assert!(
        locks_held(&path).is_superset(&held),
        "a second handle is opened"
    );
    drop(second);
    assert_eq!(locks_held(&path), held, "the second handle is closed");

    // The harness sees what it is for: any other descriptor that is closed gives them up.
    drop(std::fs::File::open(&path).unwrap());
    assert!(
        locks_held(&path).is_empty(),
        "this is how the locks would be lost"
    );
}

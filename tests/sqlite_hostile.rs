//! Ledger files that somebody made to do harm: opening and reading one runs nothing, reaches no other
//! file, and comes to an end.
#![cfg(feature = "sqlite")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that fails should fail loudly"
)]

mod sqlite_support;

use std::fs;
use std::path::{Path, PathBuf};

use refund_ledger::store::sqlite::SqliteStore;
use refund_ledger::{ErrorCode, Ledger, StoreError};
use rusqlite::Connection;
use sqlite_support::{InFile, assert_valid, content, files, key, movement};

const PAGE: usize = 4096;

fn refusal(path: &Path) -> StoreError {
    match SqliteStore::open(path) {
        Err(error) => error,
        Ok(_) => panic!("{} should be refused", path.display()),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[test]
fn a_hostile_schema_is_refused() {
    for (sql, named) in [
        (
            "CREATE TRIGGER steal AFTER INSERT ON refunds BEGIN DELETE FROM journal; END",
            "trigger `steal`",
        ),
        ("CREATE TABLE more (a)", "table `more`"),
        ("CREATE VIEW peek AS SELECT * FROM refunds", "view `peek`"),
        ("CREATE INDEX slow ON refunds (billable)", "index `slow`"),
        (
            "DROP INDEX refunds_by_external_id",
            "lacks the index `refunds_by_external_id`",
        ),
        (
            "DROP INDEX refunds_by_external_id;
             CREATE INDEX refunds_by_external_id ON refunds (org, external_id)",
            "index `refunds_by_external_id` in another form",
        ),
        (
            "ALTER TABLE movements RENAME TO hidden; CREATE VIEW movements AS SELECT * FROM hidden",
            "hidden",
        ),
        (
            "PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = replace(sql, 'CHECK (amount_with > 0)', '')
             WHERE name = 'refunds'",
            "table `refunds` in another form",
        ),
        (
            "ALTER TABLE refunds ADD COLUMN note TEXT",
            "table `refunds` in another form",
        ),
        (
            "CREATE TABLE x (a); PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET name = 'sqlite_stat7', tbl_name = 'sqlite_stat7',
             sql = 'CREATE TABLE sqlite_stat7 (a)' WHERE name = 'x'",
            "table `sqlite_stat7`",
        ),
        (
            "ANALYZE; PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = 'CREATE TABLE sqlite_stat1(tbl,idx,stat,CHECK(tbl>1))'
             WHERE name = 'sqlite_stat1'",
            "table `sqlite_stat1`",
        ),
        (
            "PRAGMA application_id = 0",
            "the SQLite database of something else",
        ),
        ("PRAGMA user_version = 0", "not a ledger"),
        ("PRAGMA user_version = -1", "not a ledger"),
    ] {
        let (_directory, path) = InFile::filled().close();
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let error = refusal(&path);
        assert!(
            matches!(&error, StoreError::Unsupported { reason } if reason.contains(named)),
            "after `{sql}` it should name the {named}: {error:?}"
        );
    }
}

#[test]
fn what_an_administrator_analyzed_is_still_a_ledger() {
    let (_directory, path) = InFile::filled().close();
    let tool = Connection::open(&path).unwrap();
    tool.execute_batch("ANALYZE").unwrap();
    tool.close().unwrap();
    assert_valid(&Ledger::open(&path).unwrap());
}

#[cfg(unix)]
fn make_pipe(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status();
    assert!(made.unwrap().success(), "mkfifo makes the pipe");
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_without_waiting_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pipe");
    make_pipe(&path);
    assert!(
        matches!(refusal(&path), StoreError::Failed { reason } if reason.contains("not a regular")),
        "a pipe is no place for a ledger"
    );
}

#[cfg(unix)]
#[test]
fn what_is_beside_a_ledger_must_be_files() {
    for suffix in ["-journal", "-wal", "-shm"] {
        let (directory, path) = InFile::filled().close();
        let name = beside(&path, suffix);
        let assert_refused = |why: &str| {
            let refusal = refusal(&path);
            assert!(
                matches!(
                    &refusal,
                    StoreError::Failed { reason } if reason.contains(suffix) && reason.contains(why)
                ),
                "`{suffix}` {why}: {refusal:?}"
            );
        };
        make_pipe(&name);
        assert_refused("not a regular");
        fs::remove_file(&name).unwrap();

        let other = directory.path().join("other");
        fs::write(&other, "precious").unwrap();
        std::os::unix::fs::symlink(&other, &name).unwrap();
        assert_refused("not a regular");
        fs::remove_file(&name).unwrap();

        fs::hard_link(&other, &name).unwrap();
        assert_refused("other names");
        assert_eq!(fs::read(&other).unwrap(), b"precious");
    }
}

#[cfg(unix)]
#[test]
fn a_log_that_is_not_in_its_place_any_more_takes_no_changes() {
    let (directory, path) = InFile::filled().close();
    let ledger = Ledger::open(&path).unwrap();
    let record = |name: &str| ledger.record_movement(&key(name), &movement(name));
    record("mov-1").unwrap();
    let (log, moved) = (beside(&path, "-wal"), directory.path().join("moved"));
    fs::rename(&log, &moved).unwrap();
    let assert_refused = || {
        let refused = record("mov-2").unwrap_err();
        assert!(
            matches!(refused.store_error(), Some(StoreError::Failed { reason }) if reason.contains("was removed")),
            "it says why: {refused:?}"
        );
    };
    assert_refused();
    // SQLite would not read a log behind a link.
    std::os::unix::fs::symlink(&moved, &log).unwrap();
    assert_refused();

    fs::rename(&moved, &log).unwrap();
    record("mov-2").unwrap();
    assert_valid(&ledger);
}

/// A rollback journal that puts a page as it is in its place, and names a super-journal.
fn journal_naming(super_journal: &Path, ledger: &[u8]) -> Vec<u8> {
    const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    const NONCE: u32 = 7;
    let pages = u32::try_from(ledger.len() / PAGE).unwrap();
    let mut journal = MAGIC.to_vec();
    // One page follows; then the sizes of the file, of a sector and of a page.
    for number in [1, NONCE, pages, 512, 4096] {
        journal.extend(number.to_be_bytes());
    }
    journal.resize(512, 0);
    let page = &ledger[PAGE..2 * PAGE];
    let summed = (1..PAGE.div_ceil(200)).map(|at| page[PAGE - 200 * at]);
    let sum = summed.fold(NONCE, |sum, byte| sum + u32::from(byte));
    journal.extend(2_u32.to_be_bytes());
    journal.extend(page);
    journal.extend(sum.to_be_bytes());

    let name = super_journal.to_str().unwrap().as_bytes();
    let sum: u32 = name.iter().map(|byte| u32::from(*byte)).sum();
    journal.extend((0x4000_0000_u32 / 4096 + 1).to_be_bytes());
    journal.extend(name);
    journal.extend(u32::try_from(name.len()).unwrap().to_be_bytes());
    journal.extend(sum.to_be_bytes());
    journal.extend(MAGIC);
    journal
}

#[test]
fn a_journal_leads_to_no_other_file() {
    // SQLite takes the second for a super-journal by its name, and would open it and what it names.
    for name in ["other", "other-mj000000900"] {
        let (directory, path) = InFile::filled().close();
        let other = directory.path().join(name);
        fs::write(&other, format!("{}\0", beside(&path, "-journal").display())).unwrap();
        let journal = journal_naming(&other, &fs::read(&path).unwrap());
        fs::write(beside(&path, "-journal"), journal).unwrap();
        let refusal = refusal(&path);
        assert!(
            matches!(&refusal, StoreError::Failed { reason } if reason.contains("super-journal")),
            "it says why: {refusal:?}"
        );
        assert!(other.exists() && beside(&path, "-journal").exists());
    }
}

#[cfg(unix)]
#[test]
fn a_ledger_behind_a_link_is_read_and_written() {
    let (directory, path) = InFile::filled().close();
    let links = tempfile::tempdir().unwrap();
    let link = links.path().join("ledger.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let store = SqliteStore::open(&link).unwrap();
    assert_eq!(store.path(), path.canonicalize().unwrap());
    let before = content(&store).len();
    drop(store);
    let ledger = Ledger::open(&link).unwrap();
    let recorded = ledger.record_movement(&key("mov-new"), &movement("through a link"));
    recorded.unwrap();
    assert_valid(&ledger);
    drop(ledger);
    assert!(content(&SqliteStore::open(&path).unwrap()).len() > before);
    assert_eq!(
        files(links.path()),
        ["ledger.db"],
        "nothing is beside the link"
    );

    fs::remove_file(&path).unwrap();
    assert!(matches!(refusal(&link), StoreError::Failed { .. }));
    assert_eq!(files(directory.path()), [""; 0], "nothing was made");
}

/// An inner page of a table whose children are all the same page.
fn repeating(child: u32) -> Vec<u8> {
    const CELLS: u16 = 300;
    // Each cell is a child and a key, of one byte or two.
    let mut page = vec![0; PAGE];
    let mut at = PAGE;
    let mut pointers = Vec::new();
    for key in 1..=CELLS {
        let mut cell = child.to_be_bytes().to_vec();
        match u8::try_from(key) {
            Ok(key) if key < 0x80 => cell.push(key),
            _ => cell.extend([0x80 | u8::try_from(key >> 7).unwrap(), (key & 0x7f) as u8]),
        }
        at -= cell.len();
        page[at..at + cell.len()].copy_from_slice(&cell);
        pointers.extend(u16::try_from(at).unwrap().to_be_bytes());
    }
    page[0] = 5;
    page[3..5].copy_from_slice(&CELLS.to_be_bytes());
    page[5..7].copy_from_slice(&u16::try_from(at).unwrap().to_be_bytes());
    page[8..12].copy_from_slice(&child.to_be_bytes());
    page[12..12 + pointers.len()].copy_from_slice(&pointers);
    page
}

/// The ledger's file, in which a table's or index's root leads to one leaf on 300^7 ways.
fn repeat_pages_of(name: &str, path: &Path) {
    let connection = Connection::open(path).unwrap();
    let sql = "SELECT coalesce((SELECT rootpage FROM sqlite_schema WHERE name = ?1), 1)";
    let root: u32 = connection.query_row(sql, [name], |row| row.get(0)).unwrap();
    connection.close().unwrap();
    let root = usize::try_from(root).unwrap();

    let mut bytes = fs::read(path).unwrap();
    // The first page begins with the header of the file; cells are found from a page's beginning.
    let header = if root == 1 { 100 } else { 0 };
    let start = (root - 1) * PAGE;
    let mut leaf = bytes[start..start + PAGE].to_vec();
    leaf.copy_within(header..PAGE / 2, 0);
    bytes.extend(leaf);
    for _ in 0..6 {
        let last = u32::try_from(bytes.len() / PAGE).unwrap();
        bytes.extend(repeating(last));
    }
    let last = u32::try_from(bytes.len() / PAGE).unwrap();
    let page = repeating(last);
    bytes[start + header..start + PAGE / 2].copy_from_slice(&page[..PAGE / 2 - header]);
    bytes[start + PAGE / 2..start + PAGE].copy_from_slice(&page[PAGE / 2..]);
    bytes[28..32].copy_from_slice(&last.to_be_bytes());
    fs::write(path, bytes).unwrap();
}

#[test]
fn pages_that_repeat_themselves_are_read_to_an_end() {
    for name in [
        "journal",
        "movements",
        "orgs",
        "refunds_by_org",
        "sqlite_schema",
    ] {
        let (_directory, path) = InFile::filled().close();
        repeat_pages_of(name, &path);
        let ledger = match Ledger::open(&path) {
            Err(error) if name == "sqlite_schema" => {
                assert_eq!(error.code(), ErrorCode::StoreCorrupted, "{error}");
                continue;
            }
            opened => opened.unwrap(),
        };
        let report = ledger.verify(None).unwrap();
        assert!(!report.is_valid(), "`{name}` is damaged");
        assert!(ledger.head().is_err(), "`{name}` is damaged");
    }
}

#[test]
fn a_feed_of_pages_that_repeat_themselves_ends() {
    let (_directory, path) = InFile::filled().close();
    repeat_pages_of("journal", &path);
    let ledger = Ledger::open(&path).unwrap();
    let (mut after, mut read) = (0, 0);
    let error = loop {
        match ledger.journal(after, 7) {
            Ok(records) => {
                assert!(!records.is_empty() && read < 1_000, "it ends as damage");
                read += records.len();
                after = records[records.len() - 1].position;
            }
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), ErrorCode::StoreCorrupted, "{error}");
}

/// A number as SQLite's files have it, of two bytes.
fn varint(number: usize) -> [u8; 2] {
    assert!((0x80..0x4000).contains(&number));
    [
        0x80 | u8::try_from(number >> 7).unwrap(),
        u8::try_from(number & 0x7f).unwrap(),
    ]
}

/// The ledger's file with 2,400 entries more, all of which go on in the same three pages. Each claims to be
/// as long as no entry is, but not so long that SQLite does not read it.
fn share_pages_of_entries(path: &Path) {
    const FIRST: usize = 8_000;
    const LEAVES: usize = 300;
    const CELLS: usize = 8;
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF; PRAGMA journal_mode = DELETE;
             INSERT INTO journal VALUES ({FIRST}, 1, 1, NULL, zeroblob(12450), NULL, NULL);"
        ))
        .unwrap();
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'journal'";
    let root: u32 = connection.query_row(sql, (), |row| row.get(0)).unwrap();
    let root = usize::try_from(root).unwrap();
    connection.close().unwrap();

    let mut bytes = fs::read(path).unwrap();
    let start = (root - 1) * PAGE;
    let old_root = bytes[start..start + PAGE].to_vec();
    assert_eq!(old_root[0], 13, "it is a leaf");
    // The last cell is the first in the page: its length, its position, what stands here of it, and the page
    // where it goes on.
    let cell = usize::from(u16::from_be_bytes([old_root[5], old_root[6]]));
    assert_eq!(old_root[cell + 2..cell + 4], varint(FIRST));
    let here = 2 + 2 + (PAGE - 12) * 32 / 255 - 23 + 4;
    let cell = &old_root[cell..cell + here];

    let mut page = vec![0; PAGE];
    page[0] = 5;
    let mut at = PAGE;
    let mut pointers = Vec::new();
    bytes.extend(&old_root);
    for leaf in 0..=LEAVES {
        // The first one is what the root was.
        let last = FIRST + CELLS * leaf;
        if leaf > 0 {
            let mut made = vec![0; PAGE];
            made[0] = 13;
            made[4] = u8::try_from(CELLS).unwrap();
            for number in 0..CELLS {
                let place = PAGE - (number + 1) * here;
                made[place..place + here].copy_from_slice(cell);
                let position = last - CELLS + number + 1;
                made[place + 2..place + 4].copy_from_slice(&varint(position));
                let pointer = u16::try_from(place).unwrap().to_be_bytes();
                made[8 + 2 * number..10 + 2 * number].copy_from_slice(&pointer);
                made[5..7].copy_from_slice(&pointer);
            }
            bytes.extend(made);
        }
        let child = u32::try_from(bytes.len() / PAGE).unwrap().to_be_bytes();
        if leaf == LEAVES {
            page[8..12].copy_from_slice(&child);
        } else {
            at -= 6;
            page[at..at + 4].copy_from_slice(&child);
            page[at + 4..at + 6].copy_from_slice(&varint(last));
            pointers.extend(u16::try_from(at).unwrap().to_be_bytes());
        }
    }
    page[3..5].copy_from_slice(&u16::try_from(LEAVES).unwrap().to_be_bytes());
    page[5..7].copy_from_slice(&u16::try_from(at).unwrap().to_be_bytes());
    page[12..12 + pointers.len()].copy_from_slice(&pointers);
    bytes[start..start + PAGE].copy_from_slice(&page);
    let pages = u32::try_from(bytes.len() / PAGE).unwrap();
    bytes[28..32].copy_from_slice(&pages.to_be_bytes());
    fs::write(path, bytes).unwrap();
}

#[test]
fn pages_that_many_entries_share_are_not_read_for_each() {
    let small = InFile::new();
    let recorded = small
        .ledger
        .record_movement(&key("mov-42"), &movement("February"));
    recorded.unwrap();
    let (_directory, path) = small.close();
    share_pages_of_entries(&path);
    let ledger = Ledger::open(&path).unwrap();
    assert_eq!(
        ledger.journal(8_000, 10).unwrap().len(),
        10,
        "they can be read"
    );
    for error in [
        ledger
            .journal(0, usize::MAX)
            .map(|read| read.len())
            .unwrap_err(),
        ledger
            .head()
            .map(|head| usize::try_from(head.entries).unwrap())
            .unwrap_err(),
    ] {
        assert_eq!(error.code(), ErrorCode::StoreCorrupted, "{error}");
    }
    let report = ledger.verify(None).unwrap();
    assert!(!report.is_valid());
}

#[cfg(unix)]
#[test]
fn holes_are_not_read() {
    let (_directory, path) = InFile::filled().close();
    repeat_pages_of("journal", &path);
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(1 << 36).unwrap();
    drop(file);
    let ledger = Ledger::open(&path).unwrap();
    assert_eq!(ledger.head().unwrap_err().code(), ErrorCode::StoreCorrupted);
}

#[test]
fn a_file_that_claims_more_than_there_is_is_not_copied() {
    let (_directory, path) = InFile::filled().close();
    let mut bytes = fs::read(&path).unwrap();
    let pages = u32::try_from(bytes.len() / PAGE).unwrap() + 1_000_000;
    bytes[28..32].copy_from_slice(&pages.to_be_bytes());
    // A log with a commit of the first page, after which there are so many.
    let mut log = Vec::new();
    for number in [0x377f_0682_u32, 3_007_000, 4096, 0, 7, 7] {
        log.extend(number.to_be_bytes());
    }
    let sum = checksum((0, 0), &log);
    log.extend(sum.0.to_be_bytes());
    log.extend(sum.1.to_be_bytes());
    let mut frame = 1_u32.to_be_bytes().to_vec();
    frame.extend(pages.to_be_bytes());
    let sum = checksum(checksum(sum, &frame), &bytes[..PAGE]);
    for number in [7_u32, 7, sum.0, sum.1] {
        frame.extend(number.to_be_bytes());
    }
    log.extend(frame);
    log.extend(&bytes[..PAGE]);
    fs::write(beside(&path, "-wal"), log).unwrap();
    let refusal = refusal(&path);
    assert!(
        matches!(&refusal, StoreError::Corrupted { reason } if reason.contains("more than there are")),
        "it says why: {refusal:?}"
    );
}

/// The checksum of a log, continued; of numbers as this processor has them, as the log's magic says.
fn checksum((mut a, mut b): (u32, u32), bytes: &[u8]) -> (u32, u32) {
    for pair in bytes.chunks(8) {
        let number = |at: usize| u32::from_le_bytes(pair[at..at + 4].try_into().unwrap());
        a = a.wrapping_add(number(0)).wrapping_add(b);
        b = b.wrapping_add(number(4)).wrapping_add(a);
    }
    (a, b)
}

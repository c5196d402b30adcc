//! A damaged file never panics the store and never verifies as something that it was not.
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
use std::sync::Arc;

use refund_ledger::store::sqlite::SqliteStore;
use refund_ledger::store::{ReadSet, Store};
use refund_ledger::{
    Head, Id, Ledger, LedgerError, MovementKey, RefundFilter, RefundLookup, Report,
};
use sqlite_support::{CountingHost, InFile, content, id, key};

fn open(path: &Path) -> Result<(Arc<SqliteStore>, Ledger), LedgerError> {
    let store = Arc::new(SqliteStore::open(path)?);
    let ledger = Ledger::new(store.clone(), Arc::new(CountingHost::new(5)));
    Ok((store, ledger))
}

/// Every answer that the store gives about what it holds, each by the way that calls take.
fn answers(store: &SqliteStore) -> Vec<String> {
    let mut answers = content(store);
    answers.push(format!("{:?}", store.journal(0, 1000)));
    let orgs = [None, Some(id("acme")), Some(id("globex"))];
    for org in orgs {
        let filter = RefundFilter {
            org,
            include_deleted: true,
            ..RefundFilter::default()
        };
        answers.push(format!("{:?}", store.list_refunds(&filter, None, 1000)));
        let filter = RefundFilter {
            subscription: Some(id("sub-7")),
            movement: Some(id("mov-42")),
            ..filter
        };
        answers.push(format!("{:?}", store.list_refunds(&filter, None, 1000)));
    }
    for org in ["acme", "globex"] {
        let mut outlines = Vec::new();
        let read = store.refund_outlines(&id(org), None, None, &mut |outline| {
            outlines.push(format!("{outline:?}"));
            ControlFlow::Continue(())
        });
        outlines.sort();
        answers.push(format!("{read:?} {outlines:?}"));
    }
    let mut wanted = ReadSet::default();
    let want = |wanted: &mut ReadSet, org: &str, external_id: &str| {
        let lookup = RefundLookup::ExternalId(id(external_id));
        wanted.want_refund(Id::new(org).unwrap(), lookup, Some(1));
    };
    for external_id in ["ext-1", "ext-2", "ext-3", "ext-4", "key-1", "ext-none"] {
        want(&mut wanted, "acme", external_id);
        want(&mut wanted, "globex", external_id);
    }
    for movement in ["mov-42", "mov-43", "mov-none"] {
        wanted.want_movement(key(movement));
    }
    for movement in ["mov-1", "mov-2"] {
        wanted.want_movement(MovementKey::new("globex", "sub-1", movement).unwrap());
    }
    answers.push(format!("{:?}", store.load(&wanted)));
    answers
}

/// Opens and verifies what may be damaged. Where it is found valid, its answers must be the ones
/// that it gave before. Says whether it was found valid.
fn is_valid_as_before(path: &Path, head: Option<Head>, before: &[String], what: &str) -> bool {
    let Ok((store, ledger)) = open(path) else {
        return false;
    };
    let Ok(report) = ledger.verify(head) else {
        return false;
    };
    if report.is_valid() {
        assert_eq!(
            answers(&store),
            before,
            "{what}: valid, though it says something else"
        );
    } else {
        assert!(
            !report.findings.is_empty(),
            "{what}: not valid, without a reason"
        );
    }
    report.is_valid()
}

fn remove_log(path: &Path) {
    for suffix in ["-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        drop(std::fs::remove_file(name));
    }
}

#[test]
fn a_flipped_bit_is_found_or_changes_nothing() {
    let (_directory, original) = InFile::filled().close();
    let sound = std::fs::read(&original).unwrap();
    let before = answers(&open(&original).unwrap().0);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("refunds.db");
    // All of the header; of the pages, enough bytes to hit every kind of cell and index entry.
    let positions = (0..100).chain((100..sound.len()).step_by(41));
    let mut found_valid = 0;
    let mut tried = 0;
    for (n, at) in positions.enumerate() {
        let mut bytes = sound.clone();
        bytes[at] ^= 1 << (n % 8);
        remove_log(&path);
        std::fs::write(&path, &bytes).unwrap();
        tried += 1;
        found_valid += usize::from(is_valid_as_before(
            &path,
            None,
            &before,
            &format!("bit {} of byte {at}", n % 8),
        ));
    }
    assert!(
        found_valid < tried,
        "bits of content were flipped, and some must be found"
    );
    assert!(
        found_valid > 0,
        "bits of unused space were flipped, and must not matter"
    );
}

#[test]
fn a_truncated_file_is_found() {
    let (_directory, original) = InFile::filled().close();
    let sound = std::fs::read(&original).unwrap();
    let before = answers(&open(&original).unwrap().0);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("refunds.db");
    for length in (1..sound.len())
        .step_by(512)
        .chain((4096..sound.len()).step_by(4096))
    {
        remove_log(&path);
        std::fs::write(&path, &sound[..length]).unwrap();
        let what = format!("the first {length} bytes of {}", sound.len());
        assert!(
            !is_valid_as_before(&path, None, &before, &what),
            "{what} are no ledger"
        );
    }
}

#[test]
fn a_damaged_log_never_says_something_else_than_the_kept_head() {
    let file = InFile::filled();
    let head = file.ledger.head().unwrap();
    let before = answers(&file.store);
    let read = |suffix: &str| {
        let mut name = file.path.as_os_str().to_owned();
        name.push(suffix);
        std::fs::read(name).unwrap()
    };
    let (sound, log) = (read(""), read("-wal"));
    assert!(log.len() > 4096, "the log holds what was written");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("refunds.db");
    let log_path = directory.path().join("refunds.db-wal");
    let try_log = |log: &[u8], what: &str| {
        remove_log(&path);
        std::fs::write(&path, &sound).unwrap();
        std::fs::write(&log_path, log).unwrap();
        is_valid_as_before(&path, Some(head), &before, what)
    };
    assert!(
        try_log(&log, "the log as it was"),
        "an undamaged log is recovered"
    );
    for (n, at) in (0..log.len()).step_by(1021).enumerate() {
        let mut bytes = log.clone();
        bytes[at] ^= 1 << (n % 8);
        try_log(&bytes, &format!("bit {} of byte {at} of the log", n % 8));
    }
    for length in (0..log.len()).step_by(4096 + 24) {
        try_log(
            &log[..length],
            &format!("the first {length} bytes of the log"),
        );
    }
}

/// What a tampered file comes to.
fn verdict(path: &Path) -> Result<Report, LedgerError> {
    open(path)?.1.verify(None)
}

mod tampering {
    use std::collections::BTreeSet;

    use rusqlite::Connection;
    use rusqlite::types::Value;

    use super::{InFile, Path, remove_log, verdict};
    use crate::sqlite_support::unguarded;

    /// The tables of a ledger and their columns, whatever they are.
    fn columns(connection: &Connection) -> Vec<(String, Vec<String>)> {
        let mut tables = connection
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
            .unwrap();
        let tables = tables.query_map((), |row| row.get::<_, String>(0)).unwrap();
        tables
            .map(|table| {
                let table = table.unwrap();
                let mut names = connection
                    .prepare("SELECT name FROM pragma_table_info(?1)")
                    .unwrap();
                let names = names
                    .query_map([&table], |row| row.get::<_, String>(0))
                    .unwrap()
                    .map(Result::unwrap)
                    .collect();
                (table, names)
            })
            .collect()
    }

    /// The column that tells a table's rows apart.
    fn key_of(table: &str) -> &'static str {
        match table {
            "orgs" | "movements" => "number",
            "journal" => "position",
            "refunds" => "id",
            other => panic!("table `{other}` is new: say what its key is"),
        }
    }

    /// Which movements a row of a table belongs to, as they are displayed.
    fn owners(connection: &Connection, table: &str, row: &Value) -> BTreeSet<String> {
        let name = "o.name || '/' || m.subscription_id || '/' || m.movement_id";
        let join = "movements m JOIN orgs o ON o.number = m.org";
        let sql = match table {
            "orgs" => format!("SELECT {name} FROM {join} WHERE o.number = ?1"),
            "movements" => format!("SELECT {name} FROM {join} WHERE m.number = ?1"),
            "journal" => format!(
                "SELECT {name} FROM {join} JOIN journal j ON j.movement = m.number \
                 WHERE j.position = ?1"
            ),
            _ => format!(
                "SELECT {name} FROM {join} JOIN refunds r ON r.movement = m.number WHERE r.id = ?1"
            ),
        };
        let mut statement = connection.prepare(&sql).unwrap();
        let names = statement.query_map([row], |row| row.get(0)).unwrap();
        names.map(Result::unwrap).collect()
    }

    /// Other values of the same type, each as near as can be; for nothing, something.
    fn others(value: &Value, table: &str, column: &str) -> Vec<Value> {
        match value {
            Value::Null if column == "salt" => vec![Value::Blob(vec![1; 16])],
            Value::Null if column.ends_with("_s") || column.ends_with("_ns") => {
                vec![Value::Integer(5)]
            }
            Value::Null if column == "external_id_is_key" => vec![Value::Integer(0)],
            Value::Null if column == "tax_ten_thousandths" => vec![Value::Integer(0)],
            Value::Null => vec![Value::Text("new".into())],
            Value::Integer(n) => vec![
                Value::Integer(n + 1),
                Value::Integer(n - 1),
                Value::Integer(n ^ (1 << 20)),
                Value::Integer(-1000),
            ],
            Value::Text(text) => {
                let mut flipped = text.clone().into_bytes();
                flipped[0] ^= 1;
                let mut last = text.clone().into_bytes();
                *last.last_mut().unwrap() ^= 2;
                let mut texts = vec![flipped, last, format!("{text}x").into_bytes(), Vec::new()];
                if column == "currency" {
                    texts = vec![b"USD".to_vec(), b"EU".to_vec(), b"eur".to_vec()];
                }
                texts
                    .into_iter()
                    .map(|text| Value::Text(String::from_utf8(text).unwrap()))
                    .collect()
            }
            Value::Blob(bytes) => {
                let step = if table == "journal" {
                    bytes.len() / 16 + 1
                } else {
                    7
                };
                let flips = (0..bytes.len()).step_by(step).map(|at| {
                    let mut flipped = bytes.clone();
                    flipped[at] ^= 0x10;
                    Value::Blob(flipped)
                });
                let shorter = Value::Blob(bytes[..bytes.len() - 1].to_vec());
                flips.chain([shorter, Value::Blob(Vec::new())]).collect()
            }
            Value::Real(_) => panic!("no column of a ledger is a floating point number"),
        }
    }

    /// Does something to a copy of a ledger, and sees that it is found and who is named.
    fn assert_found(sound: &Path, sql: &str, values: &[Value], named: &BTreeSet<String>) -> bool {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("refunds.db");
        std::fs::copy(sound, &path).unwrap();
        let connection = unguarded(&path);
        let changed = connection.execute(sql, rusqlite::params_from_iter(values));
        // Some values are taken, or can't be: then there is nothing to find.
        let Ok(1) = changed else {
            return false;
        };
        connection.close().unwrap();
        remove_log(&path);
        let report = match verdict(&path) {
            Ok(report) => report,
            Err(error) => panic!("`{sql}` with {values:?} should be reported, not fail: {error:?}"),
        };
        assert!(!report.is_valid(), "`{sql}` with {values:?} was not found");
        let found: BTreeSet<String> = report
            .findings
            .iter()
            .filter_map(|finding| finding.movement.as_ref().map(ToString::to_string))
            .collect();
        assert!(
            named.iter().any(|name| found.contains(name)),
            "`{sql}` with {values:?} should name one of {named:?}: {:#?}",
            report.findings
        );
        true
    }

    #[test]
    fn every_changed_column_is_found_and_names_its_movement() {
        let (_directory, sound) = InFile::filled().close();
        let connection = unguarded(&sound);
        for (table, columns) in columns(&connection) {
            let key = key_of(&table);
            let mut rows = connection
                .prepare(&format!(
                    "SELECT {key}, {} FROM {table}",
                    columns.join(", ")
                ))
                .unwrap();
            let mut rows = rows.query(()).unwrap();
            let mut tried: BTreeSet<&String> = BTreeSet::new();
            while let Some(row) = rows.next().unwrap() {
                let row_key: Value = row.get(0).unwrap();
                let owners = owners(&connection, &table, &row_key);
                for (at, column) in columns.iter().enumerate() {
                    let value: Value = row.get(at + 1).unwrap();
                    for other in others(&value, &table, column) {
                        let mut named = owners.clone();
                        // A movement whose name was changed goes by its new name.
                        if let (Value::Text(old), Value::Text(new)) = (&value, &other) {
                            named.extend(owners.iter().map(|name| name.replace(old, new)));
                        }
                        if (table.as_str(), column.as_str()) == ("movements", "org") {
                            named.extend(owners.iter().map(|name| name.replace("acme", "globex")));
                            named.extend(owners.iter().map(|name| name.replace("globex", "acme")));
                        }
                        let sql = format!("UPDATE {table} SET {column} = ?1 WHERE {key} = ?2");
                        if let Value::Text(_) = other {
                            // What is no UTF-8, as a text.
                            let sql = sql.replacen("?1", "CAST(?1 AS TEXT)", 1);
                            let bytes = Value::Blob(vec![b'a', 0xc3, 0x28]);
                            assert_found(&sound, &sql, &[bytes, row_key.clone()], &owners);
                        }
                        if assert_found(&sound, &sql, &[other, row_key.clone()], &named) {
                            tried.insert(column);
                        }
                    }
                }
            }
            let missed: Vec<_> = columns
                .iter()
                .filter(|name| !tried.contains(name))
                .collect();
            assert!(
                missed.is_empty(),
                "columns of `{table}` that were not tried: {missed:?}"
            );
        }
    }

    #[test]
    fn every_deleted_row_is_found() {
        let (_directory, sound) = InFile::filled().close();
        let connection = unguarded(&sound);
        for (table, _) in columns(&connection) {
            let key = key_of(&table);
            let mut rows = connection
                .prepare(&format!("SELECT {key} FROM {table}"))
                .unwrap();
            let rows = rows.query_map((), |row| row.get::<_, Value>(0)).unwrap();
            for row_key in rows {
                let row_key = row_key.unwrap();
                let named = owners(&connection, &table, &row_key);
                let sql = format!("DELETE FROM {table} WHERE {key} = ?1");
                assert!(
                    assert_found(&sound, &sql, &[row_key], &named),
                    "the row is deleted"
                );
            }
        }
    }

    #[test]
    fn every_added_row_is_found() {
        let (_directory, sound) = InFile::filled().close();
        let connection = unguarded(&sound);
        for (table, columns) in columns(&connection) {
            let rest = |changed: &[(&str, &str)]| {
                let values: Vec<String> = columns
                    .iter()
                    .map(|column| {
                        let change = changed.iter().find(|(name, _)| name == column);
                        change.map_or(column.clone(), |(_, value)| (*value).to_owned())
                    })
                    .collect();
                format!(
                    "INSERT INTO {table} SELECT {} FROM {table}",
                    values.join(", ")
                )
            };
            let inserts = match table.as_str() {
                "orgs" => vec![rest(&[("number", "77"), ("name", "'new'")]) + " LIMIT 1"],
                "movements" => vec![
                    rest(&[("number", "77"), ("movement_id", "'new'")]) + " LIMIT 1",
                    rest(&[("number", "77"), ("org", "9")]) + " LIMIT 1",
                ],
                "journal" => vec![
                    rest(&[("position", "77"), ("sequence", "77")]) + " LIMIT 1",
                    rest(&[("position", "77"), ("movement", "77")]) + " LIMIT 1",
                    rest(&[
                        ("position", "(SELECT max(position) + 1 FROM journal)"),
                        ("movement", "77"),
                    ]) + " LIMIT 1",
                ],
                _ => vec![
                    rest(&[("id", "zeroblob(16)"), ("external_id", "'new'")]) + " LIMIT 1",
                    rest(&[
                        ("id", "zeroblob(16)"),
                        ("movement", "77"),
                        ("external_id", "'new'"),
                    ]) + " LIMIT 1",
                    rest(&[
                        ("id", "zeroblob(16)"),
                        ("external_id", "NULL"),
                        ("external_id_is_key", "NULL"),
                    ]) + " LIMIT 1",
                ],
            };
            for sql in inserts {
                let directory = tempfile::tempdir().unwrap();
                let path = directory.path().join("refunds.db");
                std::fs::copy(&sound, &path).unwrap();
                let tampered = unguarded(&path);
                assert_eq!(tampered.execute(&sql, ()), Ok(1), "`{sql}` adds a row");
                tampered.close().unwrap();
                let report = verdict(&path).unwrap();
                assert!(!report.is_valid(), "`{sql}` was not found");
            }
        }
    }
}

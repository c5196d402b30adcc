//! An erased text is in none of the tables any more, and after a vacuum in none of their files.
#![cfg(feature = "postgres")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test that fails should fail loudly"
)]

mod postgres_support;

use std::fmt::Write;
use std::fs;
use std::path::Path;

use postgres_cluster::Cluster;
use postgres_support::{
    OnServer, Session, assert_valid, id, key, movement, refund, wait_until_queueing,
};
use refund_ledger::{Batch, Command, Operation, RefundLookup};

/// A ledger with many texts around those that will go.
fn crowded(server: &OnServer) {
    let ledger = &server.ledger;
    let first = key("mov-1");
    ledger
        .record_movement(&first, &movement("SECRET of the movement"))
        .unwrap();
    for n in 0..40 {
        let text = format!("around {n} {}", "x".repeat(n));
        let request = refund(&format!("around-{n}"), "1.21", &text);
        ledger.create_refund(&first, &request).unwrap();
        if n == 20 {
            let request = refund("ext", "2.42", "SECRET of the refund, 1");
            ledger.create_refund(&first, &request).unwrap();
        }
        if n > 20 && n % 5 == 0 {
            let request = refund("ext", "2.42", &format!("SECRET of the refund, {n}"));
            let lookup = RefundLookup::ExternalId(id("ext"));
            ledger.update_refund(&first, lookup, request, None).unwrap();
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut digits = String::new();
    for byte in bytes {
        write!(digits, "{byte:02x}").unwrap();
    }
    digits
}

/// The tables of which a row, all its columns as text, holds these bytes.
fn holding(session: &mut Session, bytes: &[u8]) -> Vec<String> {
    let tables = session.query(
        "SELECT relname FROM pg_class WHERE relkind = 'r' \
         AND relnamespace = current_schema()::regnamespace ORDER BY 1",
    );
    assert_eq!(tables, ["journal", "ledger", "movements", "refunds"]);
    let mut found = tables;
    found.retain(|table| {
        // What is `bytea` is printed in hexadecimal digits.
        let mut forms = vec![hexadecimal(bytes)];
        if bytes.iter().all(|byte| matches!(byte, b' '..=b'~')) {
            forms.push(String::from_utf8(bytes.to_vec()).unwrap());
        }
        let conditions: Vec<String> = forms
            .iter()
            .map(|form| format!("position('{form}' IN t::text) > 0"))
            .collect();
        let sql = format!(
            "SELECT count(*) FROM {table} AS t WHERE {}",
            conditions.join(" OR ")
        );
        session.query(&sql) != ["0"]
    });
    found
}

/// The salts in the journal beside texts that hold these words.
fn salts(session: &mut Session, words: &str) -> Vec<Vec<u8>> {
    let digits = hexadecimal(words.as_bytes());
    let rows = session.query(&format!(
        "SELECT encode(salt, 'hex') FROM journal \
         WHERE position('{digits}' IN encode(text, 'hex')) > 0"
    ));
    rows.iter()
        .map(|row| {
            let digits = row.as_bytes().chunks(2);
            digits
                .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
                .collect()
        })
        .collect()
}

#[test]
fn erased_texts_and_their_salts_are_in_no_table() {
    let server = OnServer::new();
    crowded(&server);
    let mut session = server.session();
    let of_refund = salts(&mut session, "SECRET of the refund");
    let of_movement = salts(&mut session, "SECRET of the movement");
    assert_eq!((of_refund.len(), of_movement.len()), (4, 1));
    for bytes in of_refund.iter().chain(&of_movement) {
        assert_eq!(
            holding(&mut session, bytes),
            ["journal"],
            "before the erasure the salt is there to be found, beside its entry alone"
        );
    }
    assert_eq!(holding(&mut session, b"SECRET of the refund"), ["journal"]);

    let lookup = RefundLookup::ExternalId(id("ext"));
    let ledger = &server.ledger;
    ledger.erase_text(&key("mov-1"), Some(lookup)).unwrap();
    assert_eq!(
        holding(&mut session, b"SECRET of the refund"),
        [""; 0],
        "all its revisions are gone"
    );
    for salt in &of_refund {
        assert_eq!(holding(&mut session, salt), [""; 0], "and their salts");
    }
    assert_eq!(
        holding(&mut session, b"SECRET of the movement"),
        ["journal"],
        "nothing else is"
    );
    ledger.erase_text(&key("mov-1"), None).unwrap();
    assert_eq!(holding(&mut session, b"SECRET"), [""; 0]);
    assert_eq!(holding(&mut session, &of_movement[0]), [""; 0]);
    assert_eq!(
        holding(&mut session, b"around 39"),
        ["journal"],
        "the others' texts stay"
    );
    assert_valid(ledger);
}

#[test]
fn two_who_erase_the_same_text_at_once_erase_it_once() {
    let server = OnServer::new();
    crowded(&server);
    let mut somebody = server.session();
    somebody.execute("BEGIN");
    somebody.run("SELECT 1 FROM movements FOR UPDATE").unwrap();
    let mut replayed = std::thread::scope(|scope| {
        let erase = || server.ledger.erase_text(&key("mov-1"), None).unwrap();
        let both = [scope.spawn(erase), scope.spawn(erase)];
        wait_until_queueing(&mut somebody, 2);
        somebody.execute("ROLLBACK");
        both.map(|erasing| erasing.join().unwrap().replayed)
    });
    replayed.sort_unstable();
    assert_eq!(
        replayed,
        [false, true],
        "whoever comes second sees that the text is gone"
    );
    assert_valid(&server.ledger);
}

#[test]
fn a_batch_erases_the_texts_of_all_that_it_names() {
    let server = OnServer::new();
    crowded(&server);
    let erase = |refund: Option<&str>| Command {
        movement: key("mov-1"),
        operation: Operation::EraseText {
            refund: refund.map(|external_id| RefundLookup::ExternalId(id(external_id))),
            expected_revision: None,
        },
    };
    let commands = [erase(Some("ext")), erase(Some("around-7")), erase(None)];
    let results = server.ledger.execute_all(&commands, Batch::default());
    for result in results.unwrap() {
        result.unwrap();
    }
    let mut session = server.session();
    assert_eq!(holding(&mut session, b"SECRET"), [""; 0]);
    assert_eq!(holding(&mut session, b"around 7 "), [""; 0]);
    assert_eq!(holding(&mut session, b"around 8 "), ["journal"]);
    assert_valid(&server.ledger);
}

/// The files under a folder that hold these bytes.
fn files_holding(folder: &Path, bytes: &[u8]) -> usize {
    let mut found = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found += files_holding(&path, bytes);
        } else if let Ok(content) = fs::read(&path) {
            found += usize::from(content.windows(bytes.len()).any(|window| window == bytes));
        }
    }
    found
}

/// What the documentation says of old versions of rows.
#[test]
fn after_a_vacuum_and_a_checkpoint_erased_texts_are_in_no_file_of_the_tables() {
    let cluster = Cluster::builder()
        .fsync(false)
        .setting("autovacuum", "off")
        .start()
        .unwrap();
    let server = OnServer::at(&cluster.socket_url());
    crowded(&server);
    let mut session = server.session();
    let salts = salts(&mut session, "SECRET");
    let tables = cluster.folder().join("data").join("base");
    let ledger = &server.ledger;
    let lookup = RefundLookup::ExternalId(id("ext"));
    ledger.erase_text(&key("mov-1"), Some(lookup)).unwrap();
    ledger.erase_text(&key("mov-1"), None).unwrap();
    session.execute("CHECKPOINT");
    assert!(
        files_holding(&tables, b"SECRET") > 0,
        "the old versions of the rows are there until a vacuum"
    );

    session.execute("VACUUM journal");
    session.execute("CHECKPOINT");
    assert_eq!(files_holding(&tables, b"SECRET"), 0, "no text");
    for salt in &salts {
        assert_eq!(files_holding(&tables, salt), 0, "no salt");
    }
    assert!(
        files_holding(&tables, b"around 39") > 0,
        "the others' texts stay"
    );
    assert_valid(ledger);
}

//! Tables that somebody has tampered with never panic the store and never verify.
#![cfg(feature = "postgres")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a test that fails should fail loudly"
)]

mod postgres_support;

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use postgres_support::{
    Done, OnServer, Refused, Session, assert_valid, content, create, id, key, refund, unused,
};
use refund_ledger::store::ReadSet;
use refund_ledger::{Head, Id, MovementKey, RefundFilter, RefundLookup, Report, Store};

/// The tables that hold what was done, each with its key.
const TABLES: [(&str, &[&str]); 3] = [
    ("movements", &["org", "subscription_id", "movement_id"]),
    (
        "journal",
        &["org", "subscription_id", "movement_id", "sequence"],
    ),
    ("refunds", &["org", "id"]),
];

/// A ledger of which a copy is kept, to undo what is done to it.
struct Bench {
    server: OnServer,
    session: Session,
    copies: String,
}

impl Bench {
    fn new() -> Self {
        let server = OnServer::filled();
        let mut session = server.session();
        let copies = unused("copies");
        session.execute(&format!("CREATE SCHEMA {copies}"));
        for table in ["movements", "journal", "refunds", "ledger"] {
            session.execute(&format!("CREATE TABLE {copies}.{table} AS TABLE {table}"));
        }
        // Whoever owns the tables can do that too.
        session.execute(
            "ALTER TABLE movements DROP CONSTRAINT cap_with_taxes, \
             DROP CONSTRAINT cap_without_taxes",
        );
        Self {
            server,
            session,
            copies,
        }
    }

    fn run(&mut self, sql: &str) -> Result<Done, Refused> {
        self.session.run(sql)
    }

    fn restore(&mut self) {
        self.session.execute("BEGIN");
        for table in ["movements", "journal", "refunds", "ledger"] {
            self.session.execute(&format!("DELETE FROM {table}"));
            let copies = &self.copies;
            let copy = format!("INSERT INTO {table} SELECT * FROM {copies}.{table}");
            self.session.execute(&copy);
        }
        self.session.execute("COMMIT");
    }

    /// What verification comes to. Everything else that reads is asked too, and must not panic.
    fn verdict(&self, head: Option<Head>) -> Report {
        self.read_everything();
        self.server.ledger.verify(head).unwrap()
    }

    fn read_everything(&self) {
        let store = &self.server.store;
        drop(store.journal(0, 1000));
        let all = RefundFilter {
            include_deleted: true,
            ..RefundFilter::default()
        };
        drop(store.list_refunds(&all, None, 1000));
        let of_movement = RefundFilter {
            org: Some(id("acme")),
            subscription: Some(id("sub-7")),
            movement: Some(id("mov-42")),
            ..all
        };
        drop(store.list_refunds(&of_movement, None, 1000));
        let mut wanted = ReadSet::default();
        for org in ["acme", "globex"] {
            let go_on = &mut |_: refund_ledger::store::RefundOutline<'_>| ControlFlow::Continue(());
            drop(store.refund_outlines(&id(org), None, None, go_on));
            for external_id in ["ext-1", "ext-2", "ext-3", "ext-4", "key-1"] {
                let lookup = RefundLookup::ExternalId(id(external_id));
                wanted.want_refund(Id::new(org).unwrap(), lookup, Some(1));
            }
        }
        for movement in ["mov-42", "mov-43"] {
            wanted.want_movement(key(movement));
        }
        drop(store.load(&wanted));
    }

    /// The rows of a table, each as the condition that finds it, with the movement that it is of.
    fn rows(&mut self, table: &str, key: &[&str]) -> Vec<(String, String)> {
        let condition: Vec<String> = key
            .iter()
            .map(|column| format!("'{column} = ' || quote_literal({column})"))
            .collect();
        let rows = self.session.query(&format!(
            "SELECT {}, org || '/' || subscription_id || '/' || movement_id FROM {table} ORDER BY 1",
            condition.join(" || ' AND ' || ")
        ));
        rows.iter()
            .map(|row| row.split_once('|').unwrap())
            .map(|(condition, movement)| (condition.to_owned(), movement.to_owned()))
            .collect()
    }

    /// Sees that something is found, and that it names one of these movements.
    fn assert_found(&self, what: &str, named: &BTreeSet<String>) {
        let report = self.verdict(None);
        assert!(!report.is_valid(), "`{what}` was not found");
        let found: BTreeSet<String> = report
            .findings
            .iter()
            .filter_map(|finding| finding.movement.as_ref().map(ToString::to_string))
            .collect();
        assert!(
            named.is_empty() || named.iter().any(|name| found.contains(name)),
            "`{what}` should name one of {named:?}: {:#?}",
            report.findings
        );
    }
}

fn names(movement: &str) -> BTreeSet<String> {
    BTreeSet::from([movement.to_owned()])
}

/// Other values of the same type, each as near as can be; for nothing, something.
fn others(column: &str, data_type: &str, length: usize) -> Vec<String> {
    let to = |forms: &[&str]| -> Vec<String> {
        forms.iter().map(|form| form.replace('?', column)).collect()
    };
    match data_type {
        "bigint" | "integer" => to(&[
            "coalesce(? + 1, 5)",
            "? - 1",
            "? # 1048576",
            "-1000",
            "NULL",
        ]),
        "boolean" => to(&["coalesce(NOT ?, false)", "NULL"]),
        "uuid" => to(&[
            "'00000000-0000-7000-8000-000000000000'",
            "gen_random_uuid()",
        ]),
        "text" if column == "currency" => to(&["'USD'", "'EU'", "'eur'", "''"]),
        "text" => to(&[
            "coalesce(? || 'x', 'new')",
            "chr(ascii(?) # 1) || substr(?, 2)",
            "left(?, -1) || chr(ascii(right(?, 1)) # 2)",
            "''",
            "NULL",
        ]),
        "bytea" => {
            let step = length / 12 + 1;
            let mut forms = to(&[
                "coalesce(substring(? FROM 1 FOR length(?) - 1), '\\x01010101010101010101010101010101')",
                "? || '\\x00'",
                "'\\xc328'",
                "''",
                "NULL",
            ]);
            for at in (0..length).step_by(step) {
                forms.push(format!(
                    "set_byte({column}, {at}, get_byte({column}, {at}) # 16)"
                ));
            }
            forms
        }
        other => panic!("type `{other}` is new: say what its other values are"),
    }
}

#[test]
fn every_changed_column_is_found_and_names_its_movement() {
    let mut bench = Bench::new();
    let before = content(&*bench.server.store);
    let mut found = 0;
    for (table, key) in TABLES {
        let columns = bench.session.query(&format!(
            "SELECT column_name, data_type FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name = '{table}' ORDER BY ordinal_position"
        ));
        let mut untried: BTreeSet<&str> = BTreeSet::new();
        let rows = bench.rows(table, key);
        for column in &columns {
            let (column, data_type) = column.split_once('|').unwrap();
            untried.insert(column);
            for (row, movement) in &rows {
                let length = if data_type == "bytea" {
                    let length =
                        format!("SELECT coalesce(length({column}), 0) FROM {table} WHERE {row}");
                    bench.session.query(&length)[0].parse().unwrap()
                } else {
                    0
                };
                for other in others(column, data_type, length) {
                    let sql = format!(
                        "UPDATE {table} SET {column} = {other} WHERE {row} \
                         AND {column} IS DISTINCT FROM {other}"
                    );
                    // Some values are taken, or can't be: then there is nothing to find.
                    let Ok(Done { count: 1, .. }) = bench.run(&sql) else {
                        continue;
                    };
                    // A movement whose name was changed goes by its new name.
                    let named = if ["org", "subscription_id", "movement_id"].contains(&column) {
                        BTreeSet::new()
                    } else {
                        names(movement)
                    };
                    bench.assert_found(&sql, &named);
                    bench.restore();
                    untried.remove(column);
                    found += 1;
                }
            }
        }
        assert!(
            untried.is_empty(),
            "columns of `{table}` not tried: {untried:?}"
        );
    }
    assert!(found > 1000, "many were tried: {found}");
    assert_eq!(content(&*bench.server.store), before, "all is undone");
    assert_valid(&bench.server.ledger);
}

#[test]
fn every_deleted_row_is_found() {
    let mut bench = Bench::new();
    for (table, key) in TABLES {
        for (row, movement) in bench.rows(table, key) {
            let sql = format!("DELETE FROM {table} WHERE {row}");
            assert_eq!(bench.session.execute(&sql), 1);
            bench.assert_found(&sql, &names(&movement));
            bench.restore();
            assert_valid(&bench.server.ledger);
        }
    }
    bench.session.execute("DELETE FROM ledger");
    bench.assert_found("the one row of `ledger` is deleted", &BTreeSet::new());
}

/// Adds a row like another one, of which some columns are changed.
fn added(bench: &mut Bench, table: &str, changes: &[(&str, &str)]) -> String {
    let columns = bench.session.query(&format!(
        "SELECT column_name FROM information_schema.columns \
         WHERE table_schema = current_schema() AND table_name = '{table}' ORDER BY ordinal_position"
    ));
    let values: Vec<&str> = columns
        .iter()
        .map(|column| {
            let change = changes.iter().find(|(name, _)| name == column);
            change.map_or(column.as_str(), |(_, value)| *value)
        })
        .collect();
    format!(
        "INSERT INTO {table} SELECT {} FROM {table} ORDER BY 1 LIMIT 1",
        values.join(", ")
    )
}

#[test]
fn every_added_row_is_found() {
    let mut bench = Bench::new();
    let next = "(SELECT max(position) + 1 FROM journal)";
    let cases: [(&str, &[(&str, &str)]); 10] = [
        ("movements", &[("movement_id", "'new'")]),
        ("movements", &[("org", "'new'")]),
        ("journal", &[("sequence", "77"), ("position", "77")]),
        ("journal", &[("sequence", "77"), ("position", next)]),
        ("journal", &[("sequence", "77")]),
        ("journal", &[("movement_id", "'new'"), ("position", next)]),
        (
            "refunds",
            &[("id", "gen_random_uuid()"), ("external_id", "'new'")],
        ),
        (
            "refunds",
            &[
                ("id", "gen_random_uuid()"),
                ("external_id", "NULL"),
                ("external_id_is_key", "NULL"),
            ],
        ),
        (
            "refunds",
            &[
                ("id", "gen_random_uuid()"),
                ("external_id", "'new'"),
                ("movement_id", "'new'"),
            ],
        ),
        ("refunds", &[("org", "'new'")]),
    ];
    for (table, changes) in cases {
        let sql = added(&mut bench, table, changes);
        assert_eq!(bench.session.execute(&sql), 1, "{sql}");
        bench.assert_found(&sql, &BTreeSet::new());
        // The journal's counter may know of the added entry too.
        bench
            .session
            .execute("UPDATE ledger SET last_position = (SELECT max(position) FROM journal)");
        bench.assert_found(&sql, &BTreeSet::new());
        bench.restore();
        assert_valid(&bench.server.ledger);
    }
}

#[test]
fn every_row_that_is_there_twice_is_found() {
    let mut bench = Bench::new();
    for sql in [
        "ALTER TABLE movements DROP CONSTRAINT movements_pkey",
        "ALTER TABLE journal DROP CONSTRAINT journal_pkey",
        "ALTER TABLE refunds DROP CONSTRAINT refunds_pkey",
        "DROP INDEX refunds_by_external_id",
        "ALTER TABLE ledger DROP CONSTRAINT ledger_pkey",
    ] {
        bench.session.execute(sql);
    }
    assert_valid(&bench.server.ledger);
    for (table, key) in TABLES {
        for (row, _) in bench.rows(table, key) {
            let sql = format!("INSERT INTO {table} SELECT * FROM {table} WHERE {row}");
            assert_eq!(bench.session.execute(&sql), 1);
            bench.assert_found(&sql, &BTreeSet::new());
            bench.restore();
        }
    }
    let sql = "INSERT INTO ledger SELECT * FROM ledger";
    bench.session.execute(sql);
    bench.assert_found(sql, &BTreeSet::new());
}

#[test]
fn a_wrong_counter_is_found() {
    let mut bench = Bench::new();
    for value in ["last_position + 1", "last_position - 1", "0"] {
        let sql = format!("UPDATE ledger SET last_position = {value}");
        assert_eq!(bench.session.execute(&sql), 1);
        bench.assert_found(&sql, &BTreeSet::new());
        bench.restore();
    }
    assert_valid(&bench.server.ledger);
}

/// The positions of all entries, with the movement of each.
fn positions(bench: &mut Bench) -> Vec<(u64, String)> {
    let rows = bench.session.query(
        "SELECT position, org || '/' || subscription_id || '/' || movement_id FROM journal ORDER BY 1",
    );
    rows.iter()
        .map(|row| row.split_once('|').unwrap())
        .map(|(position, movement)| (position.parse().unwrap(), movement.to_owned()))
        .collect()
}

#[test]
fn swapped_positions_are_found_where_anything_attests_them() {
    let mut bench = Bench::new();
    let kept = bench.server.ledger.head().unwrap();
    create(&bench.server.ledger, &key("mov-43"), "later-1");
    create(&bench.server.ledger, &key("mov-42"), "later-2");
    for table in ["movements", "journal", "refunds", "ledger"] {
        let copies = bench.copies.clone();
        bench
            .session
            .execute(&format!("DELETE FROM {copies}.{table}"));
        bench.session.execute(&format!(
            "INSERT INTO {copies}.{table} SELECT * FROM {table}"
        ));
    }
    let all = positions(&mut bench);
    let (mut by_itself, mut by_head) = (0, 0);
    for (one, of_one) in &all {
        for (other, of_other) in all.iter().filter(|(other, _)| other > one) {
            let sql = format!(
                "UPDATE journal SET position = {one} + {other} - position \
                 WHERE position IN ({one}, {other})"
            );
            assert_eq!(bench.session.execute(&sql), 2);
            let alone = bench.verdict(None).is_valid();
            let against_head = bench.verdict(Some(kept)).is_valid();
            if of_one == of_other {
                assert!(!alone, "a chain's positions ascend: {one} and {other}");
            }
            if *one <= kept.position && kept.position < *other {
                assert!(!against_head, "the head tells: {one} and {other}");
            }
            by_itself += usize::from(!alone);
            by_head += usize::from(alone && !against_head);
            bench.restore();
        }
    }
    assert!(by_itself > 0 && by_head > 0, "{by_itself}, {by_head}");
    assert!(bench.server.ledger.verify(Some(kept)).unwrap().is_valid());
}

#[test]
fn what_was_cut_off_or_rewritten_as_a_whole_only_a_kept_head_tells() {
    let mut bench = Bench::new();
    let kept = bench.server.ledger.head().unwrap();
    // The last movement with all that belongs to it, as if it had never been.
    let last = positions(&mut bench).last().unwrap().1.clone();
    let parts: Vec<&str> = last.split('/').collect();
    let last = MovementKey::new(parts[0], parts[1], parts[2]).unwrap();
    for table in ["journal", "refunds", "movements"] {
        bench.session.execute(&format!(
            "DELETE FROM {table} WHERE (org, subscription_id, movement_id) = ('{}', '{}', '{}')",
            last.org_id(),
            last.subscription_id(),
            last.movement_id()
        ));
    }
    bench
        .session
        .execute("UPDATE ledger SET last_position = (SELECT max(position) FROM journal)");
    assert_valid(&bench.server.ledger);
    let report = bench.verdict(Some(kept));
    assert!(
        report
            .findings
            .iter()
            .any(|finding| finding.message.contains("cut off")),
        "{report:#?}"
    );
    // Somebody books something else in its place.
    create(&bench.server.ledger, &key("mov-43"), "instead-1");
    create(&bench.server.ledger, &key("mov-43"), "instead-2");
    assert_valid(&bench.server.ledger);
    assert!(!bench.verdict(Some(kept)).is_valid());
    bench.restore();
    assert!(bench.verdict(Some(kept)).is_valid(), "all is undone");
}

#[test]
fn a_change_of_what_is_damaged_is_refused_and_changes_nothing() {
    let mut bench = Bench::new();
    for sql in [
        "UPDATE movements SET refunded_with = 1",
        "UPDATE movements SET chain_hash = '\\x00'",
        "UPDATE movements SET currency = 'nothing'",
        "DELETE FROM journal WHERE sequence = 1",
    ] {
        bench.session.execute(sql);
        let count = "SELECT (SELECT count(*) FROM journal), (SELECT count(*) FROM refunds)";
        let before = bench.session.query(count);
        let ledger = &bench.server.ledger;
        let booked = ledger.create_refund(&key("mov-42"), &refund("new", "12.1", "New"));
        if booked.is_err() {
            assert_eq!(bench.session.query(count), before, "{sql}: nothing changed");
        }
        bench.assert_found(sql, &BTreeSet::new());
        bench.restore();
    }
    assert_valid(&bench.server.ledger);
}

//! Tables of a newer version under a program that is running, and tables that are not the ledger's.

use refund_ledger::store::postgres::PostgresStore;
use refund_ledger::{ErrorCode, LedgerError, RefundFilter, StoreError};

use crate::postgres_support::{
    OnServer, assert_valid, content, create, key, movement, options, refund, unused,
    wait_until_blocking,
};

fn reason(error: &StoreError) -> &str {
    match error {
        StoreError::Unsupported { reason } => reason,
        other => panic!("it should be `Unsupported`: {other:?}"),
    }
}

fn refused_reason(error: &LedgerError) -> &str {
    assert_eq!(error.code(), ErrorCode::Internal, "{error:?}");
    reason(error.store_error().unwrap())
}

#[test]
fn a_program_goes_on_beside_newer_tables_that_let_it() {
    let server = OnServer::filled();
    let mut newer = server.session();
    newer.execute("ALTER TABLE refunds ADD COLUMN of_a_newer_version bigint NOT NULL DEFAULT 0");
    newer.execute("UPDATE ledger SET version = 2");
    // Statements that were prepared before are prepared anew.
    create(&server.ledger, &key("mov-42"), "new-1");
    create(&server.other(2), &key("mov-42"), "new-2");
    assert_valid(&server.ledger);
}

#[test]
fn a_program_that_newer_tables_leave_behind_is_stopped_at_its_next_write() {
    let server = OnServer::filled();
    let before = content(&*server.store);
    let mut newer = server.session();
    newer.execute("UPDATE ledger SET version = 2, usable_from = 2");

    let ledger = &server.ledger;
    for refused in [
        ledger
            .record_movement(&key("new"), &movement("New"))
            .map(drop),
        ledger
            .create_refund(&key("mov-42"), &refund("new", "1.21", "New"))
            .map(drop),
        ledger.erase_text(&key("mov-42"), None).map(drop),
    ] {
        let error = refused.expect_err("it must not write");
        let reason = refused_reason(&error);
        assert!(reason.contains("use a newer one"), "{reason}");
    }
    assert_eq!(content(&*server.store), before, "nothing was changed");
    for opened in [
        PostgresStore::open(&server.options),
        PostgresStore::open_existing(&server.options),
    ] {
        let error = opened.expect_err("nobody opens it who can't write it");
        let reason = reason(&error);
        assert!(
            reason.contains("a newer version of this program (version 2, this program knows 1)"),
            "{reason}"
        );
    }

    newer.execute("UPDATE ledger SET version = 1, usable_from = 1");
    create(ledger, &key("mov-42"), "new");
    assert_valid(ledger);
}

/// A migration that waits for a write, and a write that waits for the migration.
#[test]
fn a_write_that_waits_for_a_migration_is_stopped_by_it() {
    let server = OnServer::filled();
    let before = content(&*server.store);
    let mut newer = server.session();
    newer.execute("BEGIN");
    newer.execute("SELECT version FROM ledger FOR UPDATE");
    newer.execute("UPDATE ledger SET version = 2, usable_from = 2");
    let written = std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let request = refund("new", "1.21", "New");
            server.ledger.create_refund(&key("mov-42"), &request)
        });
        wait_until_blocking(&mut newer, 1);
        newer.execute("COMMIT");
        writing.join().unwrap()
    });
    refused_reason(&written.unwrap_err());
    assert_eq!(content(&*server.store), before, "nothing was changed");
}

#[test]
fn tables_of_somebody_else_are_refused_and_left_alone() {
    let url = postgres_cluster::shared().unwrap().socket_url();
    for (theirs, told) in [
        (
            "CREATE TABLE movements (a integer)",
            "give the ledger a schema of its own",
        ),
        (
            "CREATE TABLE journal (a integer)",
            "give the ledger a schema of its own",
        ),
        (
            "CREATE VIEW refunds AS SELECT 1 AS a",
            "give the ledger a schema of its own",
        ),
        ("CREATE TABLE ledger (a integer)", "not those of a ledger"),
        (
            "CREATE SEQUENCE journal_by_position",
            "give the ledger a schema of its own",
        ),
    ] {
        let schema = unused("theirs");
        let mut session = crate::postgres_support::Session::open(&url);
        session.execute(&format!("CREATE SCHEMA {schema}"));
        session.execute(&format!("SET search_path = {schema}"));
        session.execute(theirs);
        let everything = "SELECT c.relname, c.relkind FROM pg_class c \
             WHERE c.relnamespace = current_schema()::regnamespace ORDER BY 1";
        let before = session.query(everything);
        let error = PostgresStore::open(&options(&url, &schema)).expect_err(theirs);
        let reason = reason(&error);
        assert!(reason.contains(told), "{theirs}: {reason}");
        assert_eq!(
            session.query(everything),
            before,
            "{theirs}: nothing half made"
        );
    }
}

#[test]
fn a_schema_without_a_ledger_is_not_taken_for_one() {
    let url = postgres_cluster::shared().unwrap().socket_url();
    let schema = unused("nothing");
    let error = PostgresStore::open_existing(&options(&url, &schema)).unwrap_err();
    let reason = reason(&error);
    assert!(
        reason.contains(&schema) && reason.contains("no ledger there"),
        "{reason}"
    );
    let mut session = crate::postgres_support::Session::open(&url);
    let schemas = format!("SELECT 1 FROM pg_namespace WHERE nspname = '{schema}'");
    assert_eq!(session.query(&schemas), [""; 0], "looking makes nothing");
}

/// What somebody did to the tables of a ledger, and what a change comes to then.
#[test]
fn tables_that_somebody_has_changed_take_nothing_by_halves() {
    let swallow = "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql \
         AS 'BEGIN RETURN NULL; END'";
    let swallowing = |table: &str, what: &str| {
        format!("CREATE TRIGGER t BEFORE {what} ON {table} FOR EACH ROW EXECUTE FUNCTION swallow()")
    };
    let not_a_ledger = "not those of a ledger of this version";
    let swallowed = "look for triggers";
    let newer = "use a newer one";
    let cases: Vec<(String, &str)> = vec![
        (
            "ALTER TABLE movements DROP COLUMN refunded_count".into(),
            not_a_ledger,
        ),
        (
            "ALTER TABLE refunds DROP COLUMN billable".into(),
            not_a_ledger,
        ),
        ("ALTER TABLE journal DROP COLUMN salt".into(), not_a_ledger),
        (
            "ALTER TABLE ledger DROP COLUMN last_position".into(),
            not_a_ledger,
        ),
        ("DROP TABLE refunds".into(), not_a_ledger),
        (
            "ALTER TABLE refunds ADD COLUMN theirs bigint NOT NULL".into(),
            newer,
        ),
        (
            "ALTER TABLE movements ALTER COLUMN currency TYPE bytea USING '\\x'".into(),
            "",
        ),
        (swallowing("journal", "INSERT"), swallowed),
        (swallowing("refunds", "INSERT"), swallowed),
        (swallowing("movements", "UPDATE"), swallowed),
        (swallowing("ledger", "UPDATE"), swallowed),
        (
            "CREATE RULE r AS ON INSERT TO journal DO INSTEAD NOTHING".into(),
            "cannot perform INSERT",
        ),
        ("DELETE FROM ledger".into(), swallowed),
        (
            "UPDATE ledger SET version = 9, usable_from = 9".into(),
            newer,
        ),
    ];
    for (change, told) in cases {
        let server = OnServer::new();
        let at = key("mov-1");
        server
            .ledger
            .record_movement(&at, &movement("February"))
            .unwrap();
        let mut somebody = server.session();
        somebody.execute(swallow);
        let count = "SELECT (SELECT count(*) FROM movements), (SELECT count(*) FROM journal), \
             (SELECT sum(chain_length) FROM movements)";
        let before = somebody.query(count);
        somebody
            .run(&change)
            .unwrap_or_else(|refused| panic!("{change}: {refused:?}"));
        let error = server
            .ledger
            .create_refund(&at, &refund("ext-1", "12.1", "Two days"));
        let error = error.expect_err(&change);
        let text = error.store_error().unwrap().to_string();
        assert!(text.contains(told), "{change}: {text}");
        assert_eq!(somebody.query(count), before, "{change}: nothing by halves");
        // Whatever is there can be read as far as it goes, and is not taken for sound.
        let read = server.ledger.refunds(RefundFilter::default()).next();
        assert!(
            !matches!(read, Some(Ok(_))),
            "{change}: no refund was booked: {read:?}"
        );
    }
}

//! What a real server refuses, as a store's callers see it.

use std::time::Duration;

use postgres_cluster::Cluster;

use super::Fault;
use crate::store::StoreError;
use crate::store::postgres::options::PostgresOptions;
use crate::store::postgres::pool::Pool;

const ENOUGH: Duration = Duration::from_secs(30);

fn shared() -> &'static Cluster {
    postgres_cluster::shared().expect("a server starts")
}

/// What becomes of an error that the server is made to raise.
fn raised(state: &str, commit_sent: bool) -> StoreError {
    let pool = Pool::new(PostgresOptions::new(&shared().url()).unwrap());
    let sql = format!("DO $$ BEGIN RAISE EXCEPTION 'as planned' USING ERRCODE = '{state}'; END $$");
    pool.run(ENOUGH, async |link| {
        if commit_sent {
            link.will_commit();
        }
        Ok(link.client().batch_execute(&sql).await?)
    })
    .expect_err("the server raises it")
}

/// What becomes of statements that fail.
fn failed(url: &str, sql: &str) -> StoreError {
    let pool = Pool::new(PostgresOptions::new(url).unwrap());
    pool.run(ENOUGH, async |link| {
        Ok(link.client().batch_execute(sql).await?)
    })
    .expect_err("the statements fail")
}

#[test]
fn each_state_has_its_error() {
    for (state, expected) in [
        ("55P03", "busy"),
        ("57014", "busy"),
        ("40001", "conflict"),
        ("40P01", "conflict"),
        ("23505", "conflict"),
        ("25006", "unavailable"),
        ("53300", "unavailable"),
        ("57P01", "unavailable"),
        ("57P02", "unavailable"),
        ("57P03", "unavailable"),
        ("08006", "unavailable"),
        ("28000", "unavailable"),
        ("28P01", "unavailable"),
        ("3D000", "unavailable"),
        ("40003", "unavailable"),
        ("42501", "failed"),
        ("53100", "failed"),
        ("53200", "failed"),
        ("23514", "failed"),
        ("22003", "failed"),
        // Rows were swallowed.
        ("22012", "failed"),
        ("23502", "unsupported"),
        ("XX001", "corrupted"),
        ("XX002", "corrupted"),
        ("42P01", "unsupported"),
        ("42703", "unsupported"),
        ("3F000", "unsupported"),
        ("0A000", "unsupported"),
    ] {
        let before = raised(state, false);
        assert_eq!(kind(&before), expected, "{state}: {before:?}");
        // A refusal says that nothing was committed; these say that nobody knows.
        let open = ["57P01", "57P02", "08006", "40003"].contains(&state);
        let expected = if open { "outcome unknown" } else { expected };
        let after = raised(state, true);
        assert_eq!(kind(&after), expected, "{state} after a commit: {after:?}");
        for error in [before, after] {
            let text = error.to_string();
            assert!(
                matches!(error, StoreError::Busy | StoreError::Conflict)
                    || (text.contains(&format!("as planned (SQLSTATE {state}"))
                        && text.contains(&format!("@127.0.0.1:{}", shared().port()))),
                "{text}"
            );
        }
    }
}

fn kind(error: &StoreError) -> &'static str {
    match error {
        StoreError::Conflict => "conflict",
        StoreError::Busy => "busy",
        StoreError::OutcomeUnknown { .. } => "outcome unknown",
        StoreError::Unavailable { .. } => "unavailable",
        StoreError::Corrupted { .. } => "corrupted",
        StoreError::Unsupported { .. } => "unsupported",
        StoreError::Failed { .. } => "failed",
    }
}

#[test]
fn a_refusal_says_what_the_server_said_and_what_it_means() {
    let url = shared().url();
    for (sql, expected) in [
        (
            "CREATE TEMPORARY TABLE t (n int CONSTRAINT within_cap CHECK (n < 1)); \
             INSERT INTO t VALUES (1)",
            "(SQLSTATE 23514, constraint `within_cap`)",
        ),
        (
            "SELECT * FROM nothing_here",
            "the tables are not those of a ledger of this version: relation \"nothing_here\" does \
             not exist (SQLSTATE 42P01)",
        ),
        (
            "BEGIN READ ONLY; CREATE TABLE nothing_here ()",
            "it is read-only, perhaps a standby: name all servers, the primary among them: cannot \
             execute CREATE TABLE in a read-only transaction (SQLSTATE 25006)",
        ),
        (
            "CREATE ROLE without_rights; SET ROLE without_rights; SELECT * FROM pg_authid",
            "the user lacks a right: permission denied for table pg_authid (SQLSTATE 42501)",
        ),
    ] {
        let reason = failed(&url, sql).to_string();
        assert!(reason.ends_with(expected), "{reason}");
    }
}

#[test]
fn what_waits_too_long_is_busy() {
    let url = shared().url();
    let slow = failed(&url, "SET statement_timeout = '20ms'; SELECT pg_sleep(60)");
    assert_eq!(slow, StoreError::Busy);
}

#[test]
fn a_value_of_another_type_is_of_no_ledger() {
    let pool = Pool::new(PostgresOptions::new(&shared().url()).unwrap());
    let outcome = pool.run(ENOUGH, async |link| {
        let row = link.client().query_one("SELECT 'x'::text", &[]).await?;
        Ok(row.try_get::<_, i64>(0)?)
    });
    assert!(
        matches!(outcome, Err(StoreError::Unsupported { .. })),
        "{outcome:?}"
    );
    let outcome = pool.run(ENOUGH, async |link| {
        Ok(link.client().query_one("SELECT 1 WHERE false", &[]).await?)
    });
    assert!(
        matches!(&outcome, Err(StoreError::Unsupported { .. })),
        "{:?}",
        outcome.err()
    );
}

#[test]
fn what_is_found_wrong_names_the_server() {
    let options = PostgresOptions::new("postgres://ann:secret@h/x").unwrap();
    assert_eq!(
        Fault::Damaged("a row is odd".to_owned()).at(&options, false),
        StoreError::Corrupted {
            reason: "postgres://ann@h:5432/x: a row is odd".to_owned()
        }
    );
    let newer = StoreError::Unsupported {
        reason: "its tables are newer".to_owned(),
    };
    assert_eq!(
        Fault::Store(newer).at(&options, true).to_string(),
        "postgres://ann@h:5432/x: its tables are newer"
    );
}

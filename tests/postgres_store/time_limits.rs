//! Others hold what a call needs, or the server stands still: the call ends within its limit.

use std::time::{Duration, Instant};

use postgres_cluster::Cluster;
use refund_ledger::store::postgres::PostgresStore;
use refund_ledger::{ErrorCode, Ledger, LedgerError, StoreError};

use crate::postgres_support::{
    OnServer, assert_valid, content, create, key, movement, options, refund, wait_until_blocking,
};

/// The server gives up a tenth earlier than the call, so that the call can tell why: on a busy machine
/// the tenth must be enough.
const LIMIT: Duration = Duration::from_millis(1_500);

/// Runs what can't be done, and sees that it gives up near its limit.
fn limited<T: std::fmt::Debug>(call: impl FnOnce() -> Result<T, LedgerError>) -> LedgerError {
    let start = Instant::now();
    let error = call().expect_err("it can't be done");
    let took = start.elapsed();
    assert!(took >= LIMIT / 2, "it waits before it gives up: {took:?}");
    assert!(took < LIMIT * 10, "it gives up: {took:?}");
    error
}

fn book(ledger: &Ledger) -> Result<refund_ledger::Created, LedgerError> {
    ledger.create_refund(&key("mov-1"), &refund("ext-2", "12.1", "Two days"))
}

fn with_a_movement(url: &str) -> OnServer {
    let server = OnServer::at(url);
    server
        .ledger
        .record_movement(&key("mov-1"), &movement("February"))
        .unwrap();
    create(&server.ledger, &key("mov-1"), "ext-1");
    server
}

#[test]
fn a_row_that_somebody_else_holds_is_waited_for_up_to_the_limit() {
    let url = postgres_cluster::shared().unwrap().socket_url();
    for held in [
        "SELECT 1 FROM movements FOR UPDATE",
        "UPDATE ledger SET last_position = last_position",
        "LOCK TABLE journal IN SHARE MODE",
    ] {
        let server = with_a_movement(&url);
        let before = content(&*server.store);
        let mut somebody = server.session();
        somebody.execute("BEGIN");
        somebody.run(held).unwrap();
        let error = limited(|| book(&server.ledger.clone().with_time_limit(LIMIT)));
        assert_eq!(error.code(), ErrorCode::Timeout, "{held}: {error:?}");
        assert_eq!(error.store_error(), Some(&StoreError::Busy), "{held}");
        assert_eq!(content(&*server.store), before, "{held}: nothing changed");
        assert_eq!(
            server.ledger.balance(&key("mov-1")).unwrap().count,
            1,
            "{held}: whoever reads need not wait"
        );

        somebody.execute("ROLLBACK");
        let created = book(&server.ledger.clone().with_time_limit(LIMIT * 10)).unwrap();
        assert!(!created.replayed, "{held}: nothing of it was booked before");
        assert_valid(&server.ledger);
    }
}

#[test]
fn a_row_that_is_let_go_in_time_is_enough() {
    let server = with_a_movement(&postgres_cluster::shared().unwrap().socket_url());
    let mut somebody = server.session();
    somebody.execute("BEGIN");
    somebody.run("SELECT 1 FROM movements FOR UPDATE").unwrap();
    let created = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| book(&server.ledger));
        wait_until_blocking(&mut somebody, 1);
        somebody.execute("ROLLBACK");
        waiting.join().unwrap()
    });
    assert!(!created.unwrap().replayed);
}

#[test]
fn two_waits_share_the_limit_of_a_call() {
    let server = with_a_movement(&postgres_cluster::shared().unwrap().socket_url());
    let limit = Duration::from_secs(4);
    let (mut first, mut second) = (server.session(), server.session());
    first.execute("BEGIN");
    first.run("SELECT 1 FROM movements FOR UPDATE").unwrap();
    second.execute("BEGIN");
    second
        .run("UPDATE ledger SET last_position = last_position")
        .unwrap();
    let start = Instant::now();
    let refused = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| book(&server.ledger.clone().with_time_limit(limit)));
        while start.elapsed() < limit / 4 {
            std::thread::yield_now();
        }
        // From here on it waits for the positions, with what is left.
        first.execute("ROLLBACK");
        waiting.join().unwrap()
    });
    let error = refused.unwrap_err();
    assert_eq!(
        error.store_error(),
        Some(&StoreError::Busy),
        "it had not committed, and nobody need find out: {error:?}"
    );
    second.execute("ROLLBACK");
    assert!(!book(&server.ledger).unwrap().replayed);
}

#[test]
fn a_look_at_the_whole_ledger_may_take_longer_than_a_call() {
    let server = OnServer::at(&postgres_cluster::shared().unwrap().socket_url());
    let mut somebody = server.session();
    somebody.execute("BEGIN");
    // Without refunds, only the last look for strays reads their table.
    somebody
        .run("LOCK TABLE refunds IN ACCESS EXCLUSIVE MODE")
        .unwrap();
    let limit = Duration::from_secs(2);
    let start = Instant::now();
    let report = std::thread::scope(|scope| {
        let verifying = scope.spawn(|| server.ledger.clone().with_time_limit(limit).verify(None));
        wait_until_blocking(&mut somebody, 1);
        while start.elapsed() < limit.mul_f64(1.3) {
            std::thread::yield_now();
        }
        somebody.execute("ROLLBACK");
        verifying.join().unwrap()
    });
    assert!(report.unwrap().is_valid(), "it waits as long as it takes");
}

type Call<'a> = &'a dyn Fn() -> Result<(), LedgerError>;

#[test]
fn a_server_that_stands_still_is_unavailable_within_the_limit() {
    let cluster = Cluster::builder().fsync(false).start().unwrap();
    let server = with_a_movement(&cluster.url());
    let limited_options = options(&cluster.url(), &server.schema).with_time_limit(LIMIT);
    cluster.pause().unwrap();
    let calls: [(&str, Call<'_>); 4] = [
        ("a refund", &|| {
            book(&server.ledger.clone().with_time_limit(LIMIT)).map(drop)
        }),
        ("a balance", &|| {
            let ledger = server.ledger.clone().with_time_limit(LIMIT);
            ledger.balance(&key("mov-1")).map(drop)
        }),
        ("the feed", &|| {
            let ledger = server.ledger.clone().with_time_limit(LIMIT);
            ledger.journal(0, 10).map(drop)
        }),
        ("opening", &|| {
            Ok(PostgresStore::open_existing(&limited_options).map(drop)?)
        }),
    ];
    for (what, call) in calls {
        let error = limited(call);
        assert_eq!(
            error.code(),
            ErrorCode::StoreUnavailable,
            "{what}: {error:?}"
        );
        assert!(
            matches!(error.store_error(), Some(StoreError::Unavailable { .. })),
            "{what}: nothing was changed: {error:?}"
        );
    }

    cluster.resume().unwrap();
    assert!(
        !book(&server.ledger).unwrap().replayed,
        "nothing was booked"
    );
    assert_valid(&server.ledger);
}

#[test]
fn more_calls_than_connections_take_turns() {
    let server = with_a_movement(&postgres_cluster::shared().unwrap().socket_url());
    let one = PostgresStore::open(&server.options.clone().with_connections_max(1)).unwrap();
    let ledger = Ledger::with_system_host(std::sync::Arc::new(one));
    std::thread::scope(|scope| {
        for n in 0..8 {
            let ledger = &ledger;
            scope.spawn(move || create(ledger, &key("mov-1"), &format!("turn-{n}")));
        }
    });
    // Whoever finds none in time says that it had to wait.
    let mut somebody = server.session();
    somebody.execute("BEGIN");
    somebody.run("SELECT 1 FROM movements FOR UPDATE").unwrap();
    std::thread::scope(|scope| {
        let holding = scope.spawn(|| {
            let request = refund("held", "1.21", "Waits for the row");
            ledger.create_refund(&key("mov-1"), &request).unwrap()
        });
        wait_until_blocking(&mut somebody, 1);
        let error = limited(|| {
            let ledger = ledger.clone().with_time_limit(LIMIT);
            ledger.balance(&key("mov-1"))
        });
        assert_eq!(error.store_error(), Some(&StoreError::Busy), "{error:?}");
        somebody.execute("ROLLBACK");
        holding.join().unwrap();
    });
    assert_valid(&server.ledger);
}

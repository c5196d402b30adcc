//! A PostgreSQL server that stops, hangs, is full or read-only, and connections that are cut: nothing
//! is lost, nothing is booked twice, nobody waits longer than was agreed, and all goes on by itself.
#![cfg(feature = "postgres")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "fixtures of tests may fail loudly; they measure time, wait for servers and print figures"
)]

mod common;
mod refunding;

use std::fmt::Debug;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use common::{Book, accepted, plain_charge, refused, replayed, standard};
use postgres_cluster::Cluster;
use refund_ledger::store::postgres::{PostgresOptions, PostgresStore};
use refund_ledger::store::{ReadSet, ScanRange, WriteBatch};
use refund_ledger::{JournalEntry, LedgerError, RefundFilter, Store, StoreError};
use refunding::{Findings, Load, Manner, Plan, Random, book_during};

/// How long a call of the store may take.
const LIMIT: Duration = Duration::from_secs(2);

/// What a call may take beyond it where the machine is busy.
const GRACE: Duration = Duration::from_secs(3);

fn server() -> Cluster {
    let builder = Cluster::builder().fsync(false).trusting();
    builder.start().unwrap()
}

fn options(url: &str) -> PostgresOptions {
    PostgresOptions::new(url).unwrap().with_time_limit(LIMIT)
}

fn store(url: &str) -> PostgresStore {
    PostgresStore::open(&options(url)).unwrap()
}

/// A ledger with a movement of 1000000 EUR and the refund `r-1`.
fn book(store: PostgresStore) -> Book {
    let book = Book::over(Arc::new(store));
    accepted(book.record(&plain_charge("EUR", "1000000")));
    accepted(book.create(&standard("r-1")));
    book
}

/// The reason why the server can't be used, which must be told in time, and as something that passes.
#[track_caller]
fn unavailable<T: Debug>(call: impl FnOnce() -> Result<T, LedgerError>) -> String {
    let start = Instant::now();
    let error = refused(call(), "store_unavailable");
    let took = start.elapsed();
    assert!(took <= LIMIT + GRACE, "a call took {took:?}");
    assert_eq!(error.code().http_status(), 502);
    match error.store_error() {
        Some(StoreError::Unavailable { reason }) => reason.clone(),
        other => panic!("should be unavailable, with nothing changed, is {other:?}"),
    }
}

/// Books from many threads while something is done to the server.
fn load(server: &Cluster, seed: u64, disturb: impl FnOnce(&mut Load<'_>)) -> Findings {
    let plan = Plan {
        seed,
        clients: 6,
        manner: Manner::Careful,
    };
    let ((), findings) = book_during(store(&server.url()), plan, disturb);
    println!(
        "{} refunds acknowledged, {} outcomes unknown at first, {} lost, {} booked twice, slowest call {:?}",
        findings.acknowledged,
        findings.unknown,
        findings.lost.len(),
        findings.booked_twice.len(),
        findings.slowest
    );
    findings.assert_sound();
    let slowest = findings.slowest;
    assert!(slowest <= LIMIT + GRACE, "a call took {slowest:?}");
    findings
}

#[test]
fn connections_that_are_cut_by_the_hundred_lose_nothing() {
    let server = server();
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM (
                   SELECT pid FROM pg_stat_activity WHERE application_name = 'refund-ledger'
                   ORDER BY random() LIMIT 3
               ) AS cut";
    let mut count = 0;
    let findings = load(&server, 1, |load| {
        while count < 300 {
            load.wait_for_refunds(1);
            count += server.query(cut).unwrap().parse::<u32>().unwrap();
        }
        load.wait_for_refunds(20);
    });
    println!("{count} connections cut");
    assert!(
        findings.unknown > 0,
        "no connection was cut during a commit, so nothing is shown"
    );
}

#[test]
fn a_server_that_stops_and_crashes_under_load_loses_nothing() {
    let server = server();
    let mut random = Random::new(1);
    load(&server, 2, |load| {
        for crashes in [false, true, false, true] {
            load.wait_for_refunds(20);
            load.keep_head();
            thread::sleep(Duration::from_millis(random.below(500)));
            if crashes {
                server.kill().unwrap();
            } else {
                server.stop().unwrap();
            }
            thread::sleep(Duration::from_millis(random.below(500)));
            server.restart().unwrap();
        }
        load.wait_for_refunds(20);
    });
}

#[test]
fn a_server_that_stands_still_now_and_then_loses_nothing() {
    let server = server();
    let mut random = Random::new(2);
    load(&server, 3, |load| {
        for _ in 0..4 {
            load.wait_for_refunds(20);
            server.pause().unwrap();
            // Now and then longer than a call waits.
            thread::sleep(Duration::from_millis(random.below(4_000)));
            server.resume().unwrap();
        }
        load.wait_for_refunds(20);
    });
}

#[test]
fn a_server_may_be_stopped_and_started_between_calls() {
    let server = server();
    let book = book(store(&server.url()));
    server.restart().unwrap();
    replayed(book.create(&standard("r-1")));
    server.stop().unwrap();
    let reason = unavailable(|| book.create(&standard("r-2")));
    assert!(reason.contains("connection refused"), "{reason}");
    let reason = unavailable(|| book.ledger.balance(&book.movement));
    assert!(reason.contains("connection refused"), "{reason}");
    server.restart().unwrap();
    accepted(book.create(&standard("r-2")));
    book.verifies();
}

#[test]
fn a_server_without_a_connection_left_says_so_and_serves_when_there_is_one() {
    // Three are kept for superusers.
    let builder = Cluster::builder().fsync(false).trusting();
    let server = builder.setting("max_connections", "6").start().unwrap();
    server
        .execute("CREATE ROLE app LOGIN; GRANT CREATE ON DATABASE postgres TO app")
        .unwrap();
    let url = format!("postgres://app@127.0.0.1:{}/postgres", server.port());
    let book = book(store(&url));
    let cut = "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE usename = 'app'";
    server.execute(cut).unwrap();
    let mut others: Vec<PostgresStore> = (0..3).map(|_| store(&url)).collect();
    let reason = unavailable(|| book.create(&standard("r-2")));
    assert!(reason.contains("connection"), "{reason}");
    let reason = unavailable(|| book.ledger.balance(&book.movement));
    assert!(reason.contains("connection"), "{reason}");

    others.pop();
    let start = Instant::now();
    // The server notices a moment later that one is free.
    while let Err(error) = book.create(&standard("r-2")) {
        assert!(
            error.is_retryable() && start.elapsed() < Duration::from_mins(1),
            "{}",
            common::told(&error)
        );
    }
    assert_eq!(book.balance().count, 2);
}

#[test]
fn a_server_that_becomes_read_only_is_read_and_says_what_it_is() {
    let server = server();
    let book = book(store(&server.url()));
    let set = |value: &str| {
        server
            .execute(&format!(
                "SET default_transaction_read_only = off;
                 ALTER SYSTEM SET default_transaction_read_only = {value};
                 SELECT pg_reload_conf()"
            ))
            .unwrap();
    };
    set("on");
    let start = Instant::now();
    // Sessions read their settings a moment later.
    let mut booked = 1;
    while book.create(&standard(&format!("before-{booked}"))).is_ok() {
        booked += 1;
        assert!(start.elapsed() < Duration::from_mins(1), "is not read-only");
    }
    let reason = unavailable(|| book.create(&standard("r-2")));
    assert!(reason.contains("read-only"), "{reason}");
    assert_eq!(book.balance().count, booked);
    book.verifies();
    // One that must be written to is not taken at all.
    let url = format!("{}?target_session_attrs=read-write", server.url());
    match PostgresStore::open_existing(&options(&url)) {
        Err(StoreError::Unavailable { reason }) => {
            assert!(reason.contains("it is read-only"), "{reason}");
        }
        other => panic!("should be unavailable, is {other:?}"),
    }
    set("off");
    while let Err(error) = book.create(&standard("r-3")) {
        assert!(
            error.is_retryable() && start.elapsed() < Duration::from_mins(1),
            "{}",
            common::told(&error)
        );
    }
}

#[test]
fn a_standby_is_read_and_written_to_once_it_is_promoted() {
    let server = server();
    let book = book(store(&server.url()));
    let standby = server.standby("standby").unwrap();
    let alone = PostgresStore::open_existing(&options(&standby.url())).unwrap();
    let alone = Book::over(Arc::new(alone)).on(&book.movement);
    alone.host.go_on(common::time("2022-03-02T00:00:00Z"), 100);
    assert_eq!(alone.refund("r-1"), book.refund("r-1"));
    alone.verifies();
    let reason = unavailable(|| alone.create(&standard("r-2")));
    assert!(reason.contains("read-only"), "{reason}");

    // Both, for a ledger that is only read, while the first is gone.
    let both = format!(
        "postgres://postgres@127.0.0.1:{},127.0.0.1:{}/postgres?target_session_attrs=",
        server.port(),
        standby.port()
    );
    server.stop().unwrap();
    let any = PostgresStore::open_existing(&options(&format!("{both}any"))).unwrap();
    let any = Book::over(Arc::new(any)).on(&book.movement);
    assert_eq!(any.entries(), 2);
    match PostgresStore::open_existing(&options(&format!("{both}read-write"))) {
        Err(StoreError::Unavailable { reason }) => {
            assert!(reason.contains("connection refused"), "{reason}");
            assert!(reason.contains("it is read-only"), "{reason}");
        }
        other => panic!("should be unavailable, is {other:?}"),
    }
    standby.promote().unwrap();
    accepted(alone.create(&standard("r-2")));
    assert_eq!(any.refund("r-2").revision, 1);
}

/// A call of the store by its name.
type Call<'a> = (&'a str, Box<dyn Fn() -> Result<(), StoreError> + 'a>);

/// Every method of the store, on a server that stands still.
#[test]
fn every_call_to_a_server_that_hangs_ends_in_time() {
    const LIMIT: Duration = Duration::from_millis(500);
    let server = server();
    let options = options(&server.url()).with_time_limit(LIMIT);
    // For what must succeed, however busy the machine is.
    let patient = options.clone().with_time_limit(Duration::from_mins(1));
    let patient = PostgresStore::open(&patient).unwrap();
    let book = book(patient.clone());
    let store = patient.with_time_limit(LIMIT).unwrap();
    let mut wanted = ReadSet::default();
    wanted.want_movement(book.movement.clone());
    let batch = WriteBatch {
        entries: vec![JournalEntry {
            movement: book.movement.clone(),
            sequence: 9,
            bytes: vec![0],
            text: None,
        }],
        ..WriteBatch::default()
    };
    let org = common::id("acme");
    let everything = RefundFilter::default();
    let calls: [Call<'_>; 9] = [
        ("load", Box::new(|| store.load(&wanted).map(drop))),
        ("commit", Box::new(|| store.commit(&batch))),
        (
            "list_refunds",
            Box::new(|| store.list_refunds(&everything, None, 10).map(drop)),
        ),
        ("journal", Box::new(|| store.journal(0, 10).map(drop))),
        (
            "scan",
            Box::new(|| {
                let range = ScanRange::default();
                let visit = &mut |_: refund_ledger::store::ScanRow<'_>| ControlFlow::Continue(());
                store.scan(&range, visit).map(drop)
            }),
        ),
        (
            "transact",
            Box::new(|| store.transact(&wanted, &mut |_| WriteBatch::default())),
        ),
        (
            "refund_outlines",
            Box::new(|| {
                store.refund_outlines(&org, None, None, &mut |_| ControlFlow::Continue(()))
            }),
        ),
        ("open", Box::new(|| PostgresStore::open(&options).map(drop))),
        (
            "open_existing",
            Box::new(|| PostgresStore::open_existing(&options).map(drop)),
        ),
    ];
    for lies_idle in [true, false] {
        for (name, call) in &calls {
            if lies_idle {
                // The connection is there, and hangs; otherwise making one does.
                patient.journal(0, 1).unwrap();
                server.pause().unwrap();
            }
            let start = Instant::now();
            let outcome = call();
            let took = start.elapsed();
            if lies_idle {
                server.resume().unwrap();
            }
            match outcome {
                Err(StoreError::Unavailable { reason }) => assert!(
                    reason.contains("answer in time"),
                    "{name} should say what is wrong: {reason}"
                ),
                other => panic!("{name} on a server that hangs: {other:?}"),
            }
            assert!(
                took + Duration::from_millis(50) >= LIMIT && took <= LIMIT + GRACE,
                "{name}, which waits {LIMIT:?}, took {took:?}"
            );
        }
        if lies_idle {
            server.pause().unwrap();
        }
    }
    server.resume().unwrap();
    accepted(book.create(&standard("r-2")));
    book.verifies();
}

#[test]
fn a_handle_with_less_time_waits_less() {
    let server = server();
    let book = book(store(&server.url()));
    let hasty = book.with(|ledger| ledger.with_time_limit(Duration::from_millis(100)));
    server.pause().unwrap();
    let start = Instant::now();
    unavailable(|| hasty.create(&standard("r-2")));
    assert!(start.elapsed() < LIMIT, "took {:?}", start.elapsed());
    server.resume().unwrap();
    accepted(book.create(&standard("r-2")));
}

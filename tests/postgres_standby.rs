//! A primary whose standby must have all that is acknowledged: nothing is acknowledged before that,
//! also where the primary has it already and somebody ends the wait.
#![cfg(feature = "postgres")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "fixtures of tests may fail loudly; they wait for servers"
)]

mod common;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use common::{Answer, Book, accepted, plain_charge, replayed, standard};
use postgres_cluster::Cluster;
use refund_ledger::store::postgres::{PostgresOptions, PostgresStore};

/// How long a call of the store may take.
const LIMIT: Duration = Duration::from_millis(1_500);

struct Servers {
    primary: Cluster,
    standby: Cluster,
}

impl Servers {
    fn start() -> Self {
        let primary = Cluster::builder().fsync(false).start().unwrap();
        let standby = primary.standby("standby").unwrap();
        primary.require_standby("standby").unwrap();
        primary.wait_for_synchronous().unwrap();
        Self { primary, standby }
    }

    /// A ledger on the primary, with a movement.
    fn book(&self) -> Book {
        let options = PostgresOptions::new(&self.primary.url()).unwrap();
        let store = PostgresStore::open(&options.with_time_limit(LIMIT)).unwrap();
        let book = Book::over(Arc::new(store));
        accepted(book.record(&plain_charge("EUR", "1000")));
        book
    }

    /// Lets a session that waits for the standby be told something, once there is one.
    fn tell_whoever_waits(&self, function: &str) {
        let tell = format!(
            "SELECT count({function}(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        );
        eventually("a session waits for the standby", || {
            self.primary.query(&tell).unwrap() != "0"
        });
    }
}

fn eventually(expected: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        let waited = start.elapsed();
        assert!(waited < Duration::from_mins(1), "expected that {expected}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The call says that it may be sent again, and nothing more.
#[track_caller]
fn not_acknowledged(answer: Answer) {
    match answer {
        Ok(receipt) => panic!("was acknowledged, though the standby has it not: {receipt:?}"),
        Err(error) => assert!(error.is_retryable(), "{}", common::told(&error)),
    }
}

/// The refund is booked while the standby stands still, and something is done to who waits for it.
#[track_caller]
fn create_while(book: &Book, disturb: impl FnOnce()) -> Answer {
    thread::scope(|scope| {
        let answer = scope.spawn(|| book.create(&standard("r-1")));
        disturb();
        answer.join().unwrap()
    })
}

#[test]
fn a_canceled_wait_for_the_standby_is_no_acknowledgement() {
    let servers = Servers::start();
    let book = servers.book();
    servers.standby.pause().unwrap();
    // PostgreSQL answers that it has committed, with a warning.
    let answer = create_while(&book, || servers.tell_whoever_waits("pg_cancel_backend"));
    not_acknowledged(answer);
    book.refund("r-1");
    // It is there, and yet the same again waits for the standby, too, and so is its wait canceled.
    let answer = create_while(&book, || servers.tell_whoever_waits("pg_cancel_backend"));
    not_acknowledged(answer);

    servers.standby.resume().unwrap();
    let id = replayed(book.create(&standard("r-1"))).refund_id;
    assert_eq!(id, Some(book.refund("r-1").id));
    book.verifies();
}

#[test]
fn a_session_that_is_ended_while_it_waits_for_the_standby_acknowledges_nothing() {
    let servers = Servers::start();
    let book = servers.book();
    servers.standby.pause().unwrap();
    let answer = create_while(&book, || servers.tell_whoever_waits("pg_terminate_backend"));
    not_acknowledged(answer);
    book.refund("r-1");
    not_acknowledged(book.create(&standard("r-1")));

    servers.standby.resume().unwrap();
    replayed(book.create(&standard("r-1")));
    book.verifies();
}

#[test]
fn what_a_primary_has_after_a_crash_and_its_standby_has_not_is_not_acknowledged() {
    let servers = Servers::start();
    let book = servers.book();
    servers.standby.pause().unwrap();
    let answer = create_while(&book, || {
        eventually("a session waits for the standby", || {
            let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
            servers.primary.query(waiting).unwrap() != "0"
        });
        servers.primary.kill().unwrap();
    });
    not_acknowledged(answer);
    servers.primary.restart().unwrap();
    // The crash has not lost it, and now everybody sees it.
    book.refund("r-1");
    not_acknowledged(book.create(&standard("r-1")));
    not_acknowledged(book.import(&book.delete_line("r-1")));

    servers.standby.resume().unwrap();
    servers.primary.wait_for_synchronous().unwrap();
    let answer = replayed(book.create(&standard("r-1")));
    assert!(answer.refund_id.is_some());
    book.verifies();
}

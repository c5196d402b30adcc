//! Clients that book refunds without a pause while something is done to the server, and the check of
//! all that they were told.
//!
//! Each client repeats what was refused for now, as it was, until it is answered. So at the end it is
//! known exactly what the ledger must hold.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    reason = "helpers of tests: each test file uses some of them, and a test fails by panicking; they \
              are programs at the edge, which measure time and wait"
)]

mod check;
mod client;
mod random;
mod watched;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use refund_ledger::store::postgres::PostgresStore;
use refund_ledger::{Head, Ledger, MovementKey, Store};

pub(crate) use check::Findings;
pub(crate) use client::Manner;
pub(crate) use random::Random;
pub(crate) use watched::Watched;

use crate::common;
use check::Reader;
use client::{Client, Record};

/// Long enough on the busiest machine.
const LIMIT: Duration = Duration::from_mins(1);

/// How many movements the clients book on, in two orgs.
const MOVEMENTS: u32 = 12;

/// What the clients count as they go, for all of them together.
#[derive(Default)]
pub(crate) struct Counts {
    /// Refunds that were acknowledged.
    pub(crate) refunds: AtomicU64,
    /// Calls that were refused for now.
    pub(crate) refused: AtomicU64,
    /// Calls after which the caller itself could not know what came of them.
    pub(crate) unanswered: AtomicU64,
    /// Whether they pause between requests.
    slow: AtomicBool,
}

/// A count as it is now.
pub(crate) fn now(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

/// Waits for what takes its time.
pub(crate) fn eventually(expected: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < LIMIT, "expected that {expected}, in vain");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Clients at work, as seen by whoever does something to the server meanwhile.
pub(crate) struct Load<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) store: &'a Watched,
    pub(crate) counts: &'a Counts,
    heads: Vec<Head>,
}

impl Load<'_> {
    /// Waits until so many more refunds are acknowledged.
    pub(crate) fn wait_for_refunds(&self, more: u64) {
        let wanted = now(&self.counts.refunds) + more;
        eventually("refunds are acknowledged", || {
            now(&self.counts.refunds) >= wanted
        });
    }

    /// Has the clients pause between requests while something is prepared that takes long on a busy
    /// machine.
    pub(crate) fn slowly<T>(&self, prepare: impl FnOnce() -> T) -> T {
        self.counts.slow.store(true, Ordering::Relaxed);
        let result = prepare();
        self.counts.slow.store(false, Ordering::Relaxed);
        result
    }

    /// Keeps the head as it is now: the ledger at the end must go on from it. The server must be there.
    pub(crate) fn keep_head(&mut self) {
        let start = Instant::now();
        loop {
            match self.ledger.head() {
                Ok(head) => return self.heads.push(head),
                Err(error) if error.is_retryable() && start.elapsed() < LIMIT => {}
                Err(error) => panic!("a head should be told: {}", common::told(&error)),
            }
        }
    }
}

/// How clients book.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) clients: u32,
    pub(crate) manner: Manner,
}

/// Lets clients book while `disturb` runs, each on a thread of its own, then lets them finish what they
/// began and repeat all that they ever sent, and checks what they were told.
pub(crate) fn book_during<T>(
    store: PostgresStore,
    plan: Plan,
    disturb: impl FnOnce(&mut Load<'_>) -> T,
) -> (T, Findings) {
    let store = Watched::new(store);
    let ledger = Ledger::with_system_host(Arc::new(store.clone()) as Arc<dyn Store>);
    let movements = record_movements(&ledger);
    let counts = Counts::default();
    let ended = AtomicBool::new(false);
    let mut load = Load {
        ledger: &ledger,
        store: &store,
        counts: &counts,
        heads: Vec::new(),
    };
    let (result, records, read) = thread::scope(|scope| {
        // A disturbance that fails must end the clients, too.
        let end = End(&ended);
        let clients: Vec<_> = (0..plan.clients)
            .map(|number| {
                let client = Client::new(number, plan, &ledger, &movements, &counts);
                let ended = &ended;
                scope.spawn(move || client.book_until(ended))
            })
            .collect();
        let reader = scope.spawn(|| Reader::default().follow(&ledger, &ended));
        let result = disturb(&mut load);
        drop(end);
        let records: Vec<Record> = clients
            .into_iter()
            .map(|client| client.join().expect("a client ends"))
            .collect();
        (result, records, reader.join().expect("the reader ends"))
    });
    let heads = load.heads;
    let findings = check::check(&ledger, &store, &movements, records, &read, &heads);
    (result, findings)
}

/// Tells the clients to end, however we leave.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn record_movements(ledger: &Ledger) -> Vec<MovementKey> {
    let keys: Vec<MovementKey> = (0..MOVEMENTS)
        .map(|number| {
            let org = if number % 3 == 0 { "umbrella" } else { "acme" };
            common::key(org, "sub-7", &format!("mov-{number}"))
        })
        .collect();
    for key in &keys {
        let body = common::plain_charge("EUR", "1000000000");
        let line = common::line("record_movement", key).set("body", body);
        ledger
            .execute(&common::command(&line).unwrap())
            .expect("a movement is recorded");
    }
    keys
}

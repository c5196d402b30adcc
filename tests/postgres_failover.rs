//! A primary is killed under load, again and again, and its standby takes over: nothing that was
//! acknowledged is missing, and nothing is booked twice.
//!
//! `cargo xtask failover` does more of it, and prints what came out.
#![cfg(feature = "postgres")]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "fixtures of tests may fail loudly; they wait, read the environment and print figures"
)]

mod common;
mod refunding;

use std::env;
use std::thread;
use std::time::{Duration, Instant};

use postgres_cluster::Cluster;
use refund_ledger::store::postgres::{PostgresOptions, PostgresStore};

use refunding::{Findings, Load, Manner, Plan, Random, book_during, eventually, now};

/// How long a call of the store may take.
const LIMIT: Duration = Duration::from_secs(2);

/// What a call may take beyond it where the machine is busy.
const GRACE: Duration = Duration::from_secs(3);

/// How many book at the same time.
const CLIENTS: u32 = 6;

/// What happens to the servers besides that the primary is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// Nothing else.
    None,
    /// The standby stands still for a while before, so that all wait for it. What it was sent it
    /// takes in before it is promoted: it holds much that nobody was acknowledged.
    StandbyStill,
    /// The standby writes down what it gets, and has not applied it when it is promoted.
    StandbyReplaysNothing,
    /// The primary stands still before, and answers nothing while its connections stay.
    PrimaryStill,
}

const TROUBLES: [Trouble; 4] = [
    Trouble::None,
    Trouble::StandbyStill,
    Trouble::StandbyReplaysNothing,
    Trouble::PrimaryStill,
];

/// A primary and its standby. They change places.
struct Pair {
    primary: Cluster,
    standby: Cluster,
    url: String,
    standbys: u32,
}

impl Pair {
    fn start() -> Self {
        let builder = Cluster::builder().fsync(false).trusting();
        let primary = builder.start().unwrap();
        let standby = primary.standby("standby_1").unwrap();
        let url = format!(
            "postgres://postgres@127.0.0.1:{},127.0.0.1:{}/postgres",
            primary.port(),
            standby.port()
        );
        Self {
            primary,
            standby,
            url,
            standbys: 1,
        }
    }

    /// From now on nothing is acknowledged that is not on both.
    fn require_standby(&self) {
        let name = format!("standby_{}", self.standbys);
        self.primary.require_standby(&name).unwrap();
        self.primary.wait_for_synchronous().unwrap();
        // What was acknowledged before lies before this, which waits.
        let barrier = format!("CREATE TABLE barrier_{} ()", self.standbys);
        self.primary.execute(&barrier).unwrap();
    }

    fn store(&self) -> PostgresStore {
        let options = PostgresOptions::new(&self.url).unwrap();
        PostgresStore::open(&options.with_time_limit(LIMIT)).unwrap()
    }

    /// Ends the primary, and lets the standby take its place. `lasting` is how long the trouble lasts
    /// before, and how long nobody notices after.
    fn fail_over(&mut self, trouble: Trouble, lasting: Duration) {
        match trouble {
            Trouble::None => {}
            Trouble::StandbyStill => {
                self.standby.pause().unwrap();
                let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
                eventually("somebody waits for the standby", || {
                    self.primary.query(waiting).unwrap() != "0"
                });
                thread::sleep(lasting);
            }
            Trouble::StandbyReplaysNothing => {
                self.standby
                    .execute("SELECT pg_wal_replay_pause()")
                    .unwrap();
                thread::sleep(lasting);
            }
            Trouble::PrimaryStill => {
                self.primary.pause().unwrap();
                thread::sleep(lasting);
            }
        }
        self.primary.kill().unwrap();
        self.standby.resume().unwrap();
        thread::sleep(lasting);
        self.standby.promote().unwrap();
    }

    /// Brings the killed server back as the standby of the new primary, as an empty machine of the
    /// same address.
    fn come_back(&mut self) {
        self.standbys += 1;
        let name = format!("standby_{}", self.standbys);
        let again = self
            .standby
            .standby_in_place_of(&self.primary, &name)
            .unwrap();
        self.primary = std::mem::replace(&mut self.standby, again);
    }
}

/// Kills primaries under load. Tells of each, and finds nothing wrong.
fn kill_under_load(seed: u64, kills: u32) -> Findings {
    let mut random = Random::new(seed);
    let mut pair = Pair::start();
    pair.require_standby();
    let plan = Plan {
        seed,
        clients: CLIENTS,
        manner: Manner::Careful,
    };
    let ((), findings) = book_during(pair.store(), plan, |load| {
        // Each kind in turn, from one that the seed decides.
        let first = random.below(4);
        for number in 1..=kills {
            let kind = (first + u64::from(number)) % 4;
            let trouble = TROUBLES[usize::try_from(kind).unwrap()];
            let of_load = Duration::from_millis(random.below(1_000));
            let lasting = Duration::from_millis(random.below(400));
            load.slowly(|| {
                if number > 1 {
                    pair.come_back();
                    pair.require_standby();
                }
                load.wait_for_refunds(20);
            });
            load.keep_head();
            load.wait_for_refunds(20);
            thread::sleep(of_load);
            let before = Before::of(load);
            let start = Instant::now();
            pair.fail_over(trouble, lasting);
            load.wait_for_refunds(1);
            before.tell(load, number, trouble, start.elapsed());
        }
        load.wait_for_refunds(20);
    });
    findings
}

/// The counts before a kill.
struct Before {
    refunds: u64,
    refused: u64,
    unanswered: u64,
    unknown: u64,
}

impl Before {
    fn of(load: &Load<'_>) -> Self {
        Self {
            refunds: now(&load.counts.refunds),
            refused: now(&load.counts.refused),
            unanswered: now(&load.counts.unanswered),
            unknown: load.store.unknown(),
        }
    }

    /// Prints what came of the kill.
    fn tell(&self, load: &Load<'_>, number: u32, trouble: Trouble, took: Duration) {
        let refused = now(&load.counts.refused) - self.refused;
        println!(
            "kill {number:>3}  {trouble:<22}  {:>6} acknowledged before  {:>3} outcomes unknown, {:>3} of them \
             to the caller  {refused:>4} calls refused for now  acknowledged again after {:>5} ms",
            self.refunds,
            load.store.unknown() - self.unknown,
            now(&load.counts.unanswered) - self.unanswered,
            took.as_millis(),
            trouble = format!("{trouble:?}"),
        );
    }
}

/// A number from the environment.
fn setting(name: &str, otherwise: u64) -> u64 {
    env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// The title, and a line for each run.
fn print_table(rows: &[(u64, u32, Findings)]) {
    println!("\n  seed  kills  acknowledged  unknown at first  lost  booked twice  slowest call");
    let mut kills = 0;
    let (mut acknowledged, mut unknown, mut lost, mut twice) = (0, 0, 0, 0);
    let mut slowest = Duration::ZERO;
    for (seed, of_run, findings) in rows {
        print_row(
            &seed.to_string(),
            *of_run,
            findings.acknowledged,
            findings.unknown,
            findings.lost.len(),
            findings.booked_twice.len(),
            findings.slowest,
        );
        kills += of_run;
        acknowledged += findings.acknowledged;
        unknown += findings.unknown;
        lost += findings.lost.len();
        twice += findings.booked_twice.len();
        slowest = slowest.max(findings.slowest);
    }
    print_row("all", kills, acknowledged, unknown, lost, twice, slowest);
}

fn print_row(
    seed: &str,
    kills: u32,
    acknowledged: usize,
    unknown: u64,
    lost: usize,
    twice: usize,
    slowest: Duration,
) {
    println!(
        "{seed:>6}  {kills:>5}  {acknowledged:>12}  {unknown:>16}  {lost:>4}  {twice:>12}  {:>9} ms",
        slowest.as_millis()
    );
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_booked_twice() {
    let kills = u32::try_from(setting("REFUND_LEDGER_FAILOVERS", 3)).unwrap();
    let runs = setting("REFUND_LEDGER_FAILOVER_RUNS", 1);
    let seed = setting("REFUND_LEDGER_FAILOVER_SEED", 1);
    let mut rows = Vec::new();
    for seed in (0..runs).map(|run| seed + run) {
        println!("seed {seed}");
        rows.push((seed, kills, kill_under_load(seed, kills)));
    }
    print_table(&rows);
    for (_, _, findings) in &rows {
        findings.assert_sound();
        assert!(
            findings.slowest <= LIMIT + GRACE,
            "a call of the store, which may take {LIMIT:?}, took {:?}",
            findings.slowest
        );
    }
}

#[test]
fn what_a_standby_never_got_is_found_to_be_lost() {
    let mut pair = Pair::start();
    let plan = Plan {
        seed: 1,
        clients: CLIENTS,
        manner: Manner::Careful,
    };
    let ((), findings) = book_during(pair.store(), plan, |load| {
        load.wait_for_refunds(20);
        let written = pair.primary.query("SELECT pg_current_wal_lsn()").unwrap();
        let has_it = format!("SELECT pg_last_wal_replay_lsn() >= '{written}'");
        eventually("the standby has the movements", || {
            pair.standby.query(&has_it).unwrap() == "t"
        });
        let cut = "ALTER SYSTEM SET primary_conninfo = ''; SELECT pg_reload_conf()";
        pair.standby.execute(cut).unwrap();
        eventually("the standby gets nothing more", || {
            let receivers = "SELECT count(*) FROM pg_stat_wal_receiver";
            pair.standby.query(receivers).unwrap() == "0"
        });
        load.wait_for_refunds(20);
        pair.fail_over(Trouble::None, Duration::ZERO);
    });
    println!(
        "lost without a synchronous standby: {}",
        findings.lost.len()
    );
    assert!(
        findings.lost.len() >= 20,
        "refunds were lost, and not found to be: {findings:#?}"
    );
}

#[test]
fn a_caller_who_books_anew_when_in_doubt_is_found_to_book_twice() {
    let mut pair = Pair::start();
    pair.require_standby();
    let plan = Plan {
        seed: 1,
        clients: CLIENTS,
        manner: Manner::Careless,
    };
    let ((), findings) = book_during(pair.store(), plan, |load| {
        load.wait_for_refunds(20);
        pair.fail_over(Trouble::StandbyStill, Duration::from_millis(500));
        load.wait_for_refunds(20);
    });
    let twice = findings.booked_twice.len();
    println!("booked twice by careless callers: {twice}");
    assert!(
        twice > 0,
        "refunds were booked twice, and not found to be: {findings:#?}"
    );
    assert!(findings.lost.is_empty(), "nothing was lost: {findings:#?}");
}

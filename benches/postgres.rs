//! What the PostgreSQL store costs, beside SQL written by hand on the same server.
//!
//! `cargo bench --features postgres --bench postgres` starts a private server, with `fsync`, and prints
//! medians of interleaved rounds as ratios: one refund a transaction, an import, and throughput over
//! several connections, on movements of their own and on one. `-- --url URL` uses another server.
//!
//! By hand means the least that is correct: a conditional UPDATE for both caps, a unique key for the
//! external id, the refund's row and an audit row with the JSON body, in one transaction of prepared
//! statements; for the import, multi-row statements of a thousand lines. It answers no replay, checks
//! no tax, keeps no chain and orders no feed. "In one statement" is the same as a single statement
//! that commits by itself.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a measurement reads the clock, prints, and fails loudly"
)]

mod by_hand;
mod lines;

use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use postgres_cluster::Cluster;
use refund_ledger::store::postgres::{PostgresOptions, PostgresStore};
use refund_ledger::wire::parse_line;
use refund_ledger::{Atomicity, Batch, Ledger, Repeats};

use self::by_hand::ByHand;
use self::lines::{LINES_PER_TRANSACTION, lines, write_lines};

const ROUNDS: usize = 5;
const SINGLE_REFUNDS: usize = 2_000;
const IMPORTED_REFUNDS: usize = 20_000;
const RACED_REFUNDS: usize = 1_600;
const CONNECTIONS: [usize; 3] = [1, 4, 16];

fn main() {
    let given = url_given();
    let own = given.is_none().then(|| {
        let cluster = Cluster::builder().setting("max_connections", "100");
        cluster.start().unwrap()
    });
    let url = given.unwrap_or_else(|| own.as_ref().unwrap().url());
    println!("each figure: refunds a second, medians of {ROUNDS} rounds, and ours / by hand\n");
    println!(
        "{:<44}{:>10}{:>10}{:>8}  wanted",
        "", "by hand", "ours", "ratio"
    );
    let mut bench = Bench { url, schemas: 0 };
    bench.single();
    bench.import();
    for connections in CONNECTIONS {
        bench.race(connections, false);
        bench.race(connections, true);
    }
}

fn url_given() -> Option<String> {
    std::env::args()
        .skip_while(|argument| argument != "--url")
        .nth(1)
}

struct Bench {
    url: String,
    schemas: usize,
}

impl Bench {
    fn schema(&mut self) -> String {
        self.schemas += 1;
        format!("bench_{}", self.schemas)
    }

    fn ledger(&mut self) -> Ledger {
        let options = PostgresOptions::new(&self.url)
            .unwrap()
            .with_schema(&self.schema())
            .unwrap()
            .with_connections_max(16);
        Ledger::with_system_host(std::sync::Arc::new(PostgresStore::open(&options).unwrap()))
    }

    fn by_hand(&mut self) -> ByHand {
        let schema = self.schema();
        ByHand::new(&self.url, &schema)
    }

    /// One refund a transaction, over one connection.
    fn single(&mut self) {
        let (ledger, hand) = (self.ledger(), self.by_hand());
        let mut client = hand.connect();
        ledger_movements(&ledger, 1);
        hand.movements(&mut client, 1);
        let mut next = 0;
        let mut rounds = Vec::new();
        let mut single_statement = Vec::new();
        for round in 0..=ROUNDS {
            let range = next..next + SINGLE_REFUNDS;
            next = range.end;
            let by_hand = timed(|| range.clone().for_each(|n| hand.refund(&mut client, 0, n)));
            let in_one = timed(|| {
                range
                    .clone()
                    .for_each(|n| hand.refund_in_one_statement(&mut client, 0, n + 1_000_000));
            });
            let ours = timed(|| range.clone().for_each(|n| refund(&ledger, 0, n)));
            // The first round warms up.
            if round > 0 {
                rounds.push((by_hand, ours));
                single_statement.push((in_one, ours));
            }
        }
        row(
            "one refund a transaction",
            SINGLE_REFUNDS,
            &rounds,
            ">= 0.8",
        );
        row(
            "the same by hand in one statement",
            SINGLE_REFUNDS,
            &single_statement,
            "",
        );
    }

    /// A file of JSON Lines, a thousand a transaction.
    fn import(&mut self) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines.jsonl");
        write_lines(&path, IMPORTED_REFUNDS);
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let (ledger, hand) = (self.ledger(), self.by_hand());
            let mut client = hand.connect();
            let by_hand = timed(|| hand.import(&mut client, &path));
            let ours = timed(|| import(&ledger, &path));
            rounds.push((by_hand, ours));
        }
        row("import of JSON Lines", IMPORTED_REFUNDS, &rounds, ">= 0.7");
    }

    /// Several connections at once, each booking its share of the refunds.
    fn race(&mut self, connections: usize, on_one: bool) {
        let (ledger, hand) = (self.ledger(), self.by_hand());
        ledger_movements(&ledger, connections);
        hand.movements(&mut hand.connect(), connections);
        let movement = |thread: usize| if on_one { 0 } else { thread };
        let share = RACED_REFUNDS / connections;
        let mut rounds = Vec::new();
        for round in 0..=ROUNDS {
            let first = |thread| round * RACED_REFUNDS + thread * share;
            let by_hand = race(connections, |thread, barrier| {
                let mut client = hand.connect();
                barrier.wait();
                for n in first(thread)..first(thread) + share {
                    hand.refund(&mut client, movement(thread), n);
                }
            });
            let ours = race(connections, |thread, barrier| {
                barrier.wait();
                for n in first(thread)..first(thread) + share {
                    refund(&ledger, movement(thread), n);
                }
            });
            if round > 0 {
                rounds.push((by_hand, ours));
            }
        }
        let on = if on_one {
            "on one movement"
        } else {
            "on movements of their own"
        };
        row(
            &format!("{connections} connections {on}"),
            RACED_REFUNDS,
            &rounds,
            "",
        );
    }
}

/// How long it takes from when all are ready.
fn race(threads: usize, work: impl Fn(usize, &Barrier) + Sync) -> f64 {
    let barrier = Barrier::new(threads + 1);
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                let (work, barrier) = (&work, &barrier);
                scope.spawn(move || work(thread, barrier))
            })
            .collect();
        barrier.wait();
        timed(|| {
            for thread in running {
                thread.join().unwrap();
            }
        })
    })
}

fn timed(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

fn row(name: &str, refunds: usize, rounds: &[(f64, f64)], wanted: &str) {
    let median = |of: &dyn Fn(&(f64, f64)) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let per_second = |seconds: f64| refunds as f64 / seconds;
    println!(
        "{name:<44}{:>10.0}{:>10.0}{:>8.2}  {wanted}",
        per_second(median(&|(by_hand, _)| *by_hand)),
        per_second(median(&|(_, ours)| *ours)),
        median(&|(by_hand, ours)| by_hand / ours),
    );
}

/// The JSON body of a refund, which both sides begin with.
pub(crate) fn body(n: usize) -> String {
    format!(
        r#"{{"refund_datetime":"2022-02-24T13:45:10Z","period_start_datetime":"2022-01-31T23:00:00Z","period_end_datetime":"2022-02-28T22:59:59.999999999Z","amount":{{"value_with_taxes":12.1,"value_without_taxes":10,"tax":{{"type":"IVA","percentage":21}}}},"external_invoice_id":"inv-9","external_refund_unique_id":"refund-{n}","billable":false,"description":"Two days without service, ticket {n}"}}"#
    )
}

fn ledger_movements(ledger: &Ledger, count: usize) {
    for movement in 0..count {
        let line = format!(
            r#"{{"op":"record_movement","org_id":"acme","subscription_id":"sub-7","movement_id":"mov-{movement}","body":{{"currency":"EUR","occurred_at":"2022-02-01T00:00:00Z","amount":{{"value_with_taxes":1210000,"value_without_taxes":1000000,"tax":{{"type":"IVA","percentage":21}}}},"description":"February"}}}}"#
        );
        let command = parse_line(line.as_bytes()).unwrap().command;
        ledger.execute(&command).unwrap();
    }
}

fn refund(ledger: &Ledger, movement: usize, n: usize) {
    let line = format!(
        r#"{{"op":"create_refund","org_id":"acme","subscription_id":"sub-7","movement_id":"mov-{movement}","body":{}}}"#,
        body(n)
    );
    let command = parse_line(line.as_bytes()).unwrap().command;
    assert!(!ledger.execute(&command).unwrap().replayed);
}

fn import(ledger: &Ledger, path: &Path) {
    let batch = Batch {
        atomicity: Atomicity::PerItem,
        repeats: Repeats::AsFile,
    };
    let commands: Vec<_> = Vec::with_capacity(LINES_PER_TRANSACTION);
    let mut commands = lines(path).fold(commands, |mut commands, line| {
        commands.push(parse_line(line.as_bytes()).unwrap().command);
        if commands.len() == LINES_PER_TRANSACTION {
            carry_out(ledger, &mut commands, batch);
        }
        commands
    });
    carry_out(ledger, &mut commands, batch);
}

fn carry_out(ledger: &Ledger, commands: &mut Vec<refund_ledger::Command>, batch: Batch) {
    for result in ledger.execute_all(commands, batch).unwrap() {
        result.unwrap();
    }
    commands.clear();
}

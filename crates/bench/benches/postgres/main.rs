//! What the PostgreSQL store costs, beside SQL written by hand on the same server.
//!
//! `cargo bench -p refund-bench --features postgres --bench postgres` starts a private server, with `fsync`, and prints
//! medians of interleaved rounds and their ratios: one refund a transaction, an import, and throughput over
//! several connections, on movements of their own and on one. `-- --url URL` uses another server,
//! `-- --json` prints the rows as lines of JSON, and `--refunds` and `--rounds` are how many of each.
//!
//! By hand means the least that is correct: a conditional UPDATE for both caps, a unique key for the
//! external id, the refund's row and an audit row with the JSON body, in one transaction of prepared
//! statements; for the import, multi-row statements of a thousand lines. It answers no replay, checks
//! no tax, keeps no chain and orders no feed. "In one statement" is the same as a single statement
//! that commits by itself.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a measurement reads its arguments, and fails loudly"
)]

mod by_hand;

use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use postgres_cluster::Cluster;
use refund_bench::{
    LINES_PER_TRANSACTION, Row, interleaved, lines, print_rows, timed, write_lines,
};
use refund_ledger::store::postgres::{PostgresOptions, PostgresStore};
use refund_ledger::wire::parse_line;
use refund_ledger::{Atomicity, Batch, Ledger, Repeats};

use self::by_hand::{ByHand, Connection};

const SINGLE_REFUNDS: usize = 2_000;
const IMPORTED_REFUNDS: usize = 20_000;
const RACED_REFUNDS: usize = 1_600;
const CONNECTIONS: [usize; 3] = [1, 4, 16];

fn main() {
    let given = option("--url");
    let own = given.is_none().then(|| {
        let cluster = Cluster::builder().setting("max_connections", "100");
        cluster.start().unwrap()
    });
    let url = given.unwrap_or_else(|| own.as_ref().unwrap().url());
    let number = |name| option(name).map(|text| text.parse().unwrap());
    let mut bench = Bench {
        url,
        schemas: 0,
        refunds: number("--refunds"),
        rounds: number("--rounds").unwrap_or(5),
    };
    let mut rows = Vec::from(bench.single());
    rows.push(bench.import());
    for connections in CONNECTIONS {
        rows.push(bench.race(connections, false));
        rows.push(bench.race(connections, true));
    }
    let json = std::env::args().any(|argument| argument == "--json");
    print_rows(&rows, json);
}

fn option(name: &str) -> Option<String> {
    std::env::args()
        .skip_while(|argument| argument != name)
        .nth(1)
}

struct Bench {
    url: String,
    schemas: usize,
    /// How many refunds are booked or imported in a round, instead of what each measurement has by itself.
    refunds: Option<usize>,
    rounds: usize,
}

impl Bench {
    fn refunds(&self, usual: usize) -> usize {
        self.refunds.unwrap_or(usual)
    }

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
    fn single(&mut self) -> [Row; 2] {
        [
            self.single_beside("one refund a transaction", ByHand::refund)
                .wanted(0.8),
            self.single_beside(
                "the same by hand in one statement",
                ByHand::refund_in_one_statement,
            ),
        ]
    }

    fn single_beside(
        &mut self,
        name: &str,
        by_hand: impl Fn(&ByHand, &mut Connection, usize, usize),
    ) -> Row {
        let refunds = self.refunds(SINGLE_REFUNDS);
        let (ledger, hand) = (self.ledger(), self.by_hand());
        let mut client = hand.connect();
        ledger_movements(&ledger, 1);
        hand.movements(&mut client, 1);
        let numbers = |round| round * refunds..(round + 1) * refunds;
        self.row(
            name,
            refunds,
            |round| timed(|| numbers(round).for_each(|n| by_hand(&hand, &mut client, 0, n))),
            |round| timed(|| numbers(round).for_each(|n| refund(&ledger, 0, n))),
        )
    }

    /// Refunds a second, from the seconds that each side takes for a round.
    fn row(
        &self,
        name: &str,
        refunds: usize,
        mut by_hand: impl FnMut(usize) -> f64,
        mut ours: impl FnMut(usize) -> f64,
    ) -> Row {
        let figures = interleaved(
            self.rounds,
            |round| refunds as f64 / by_hand(round),
            |round| refunds as f64 / ours(round),
        );
        Row::rate(&format!("PostgreSQL: {name}"), "refunds", figures)
    }

    /// A file of JSON Lines, a thousand a transaction.
    fn import(&mut self) -> Row {
        let refunds = self.refunds(IMPORTED_REFUNDS);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines.jsonl");
        write_lines(&path, refunds);
        let schemas: Vec<_> = (0..=self.rounds)
            .map(|_| (self.ledger(), self.by_hand()))
            .collect();
        let by_hand = |round: usize| {
            let hand = &schemas[round].1;
            let mut client = hand.connect();
            timed(|| hand.import(&mut client, &path))
        };
        let ours = |round: usize| timed(|| import(&schemas[round].0, &path));
        self.row("import of JSON Lines", refunds, by_hand, ours)
            .wanted(0.7)
    }

    /// Several connections at once, each booking its share of the refunds.
    fn race(&mut self, connections: usize, on_one: bool) -> Row {
        let (ledger, hand) = (self.ledger(), self.by_hand());
        ledger_movements(&ledger, connections);
        hand.movements(&mut hand.connect(), connections);
        let movement = |thread: usize| if on_one { 0 } else { thread };
        let refunds = self.refunds(RACED_REFUNDS).next_multiple_of(connections);
        let share = refunds / connections;
        let first = |round: usize, thread: usize| round * refunds + thread * share;
        let by_hand = |round| {
            race(connections, |thread, barrier| {
                let mut client = hand.connect();
                barrier.wait();
                let first = first(round, thread);
                for n in first..first + share {
                    hand.refund(&mut client, movement(thread), n);
                }
            })
        };
        let ours = |round| {
            race(connections, |thread, barrier| {
                barrier.wait();
                let first = first(round, thread);
                for n in first..first + share {
                    refund(&ledger, movement(thread), n);
                }
            })
        };
        let on = if on_one {
            "on one movement"
        } else {
            "on movements of their own"
        };
        self.row(
            &format!("{connections} connections {on}"),
            refunds,
            by_hand,
            ours,
        )
    }
}

/// How long it takes from when the last is ready. Whoever is ready before may have begun by when this thread is
/// woken, so the clock starts before.
fn race(threads: usize, work: impl Fn(usize, &Barrier) + Sync) -> f64 {
    let barrier = Barrier::new(threads + 1);
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                let (work, barrier) = (&work, &barrier);
                scope.spawn(move || work(thread, barrier))
            })
            .collect();
        let start = Instant::now();
        barrier.wait();
        for thread in running {
            thread.join().unwrap();
        }
        start.elapsed().as_secs_f64()
    })
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

//! Measures the ledger on PostgreSQL beside cala-ledger: `refund-peers [--json] [--refunds N] [--rounds N]`.
//!
//! It starts a private server, with `fsync`. The figures are medians of rounds in which both sides take turns;
//! a first round warms up. Requests are read from lines of JSON before the clock starts: one side's into
//! commands, the other's into parameters of a template.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a measurement reads its arguments, and fails loudly"
)]

use bench_row::{Pair, Row, print_rows};
use postgres_cluster::Cluster;
use refund_peers::measure::interleaved;
use refund_peers::{AMOUNT_IN_CENTS, Cala, Cap, MOVEMENT_IN_CENTS, Ours, refund_line};

const CALLERS: usize = 8;
const CONNECTIONS: usize = 16;

fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    let cluster = Cluster::builder().setting("max_connections", "100");
    let bench = Bench {
        cluster: cluster.start().unwrap(),
        refunds: number("--refunds").unwrap_or(2_000),
        rounds: number("--rounds").unwrap_or(5),
    };
    let rows = [
        bench.row("one durable refund a transaction", 1, Cap::Control),
        bench
            .row("the same where nothing caps the peer", 1, Cap::None)
            .note("the peer refunds a movement without end".to_owned()),
        bench.row(
            "eight callers, each on a movement of its own",
            CALLERS,
            Cap::Control,
        ),
    ];
    print_rows(&rows, json);
}

fn number(name: &str) -> Option<usize> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1).map(|text| text.parse().unwrap())
}

struct Bench {
    cluster: Cluster,
    refunds: usize,
    rounds: usize,
}

impl Bench {
    fn row(&self, name: &str, callers: usize, cap: Cap) -> Row {
        let url = |side: &str| {
            let database = format!("{side}_{callers}_{cap:?}").to_lowercase();
            self.cluster.create_database(&database).unwrap()
        };
        let ours = Ours::new(&url("ours"), callers, CONNECTIONS);
        let connections = u32::try_from(CONNECTIONS).unwrap();
        let cala = Cala::new(&url("cala"), callers, connections, cap);
        let seconds = interleaved(
            self.rounds,
            |round| cala.book(self.requests(round, callers, |line| cala.posting(line))),
            |round| ours.book(&self.requests(round, callers, Ours::request)),
        );
        self.check(&cala, &ours, callers);
        let per_second = |seconds: f64| (self.share(callers) * callers) as f64 / seconds;
        let figures = Pair {
            by_hand: per_second(seconds.by_hand),
            ours: per_second(seconds.ours),
        };
        Row::rate(&format!("PostgreSQL: {name}"), "refunds", figures)
            .beside(&format!("cala-ledger {}", cala_version()))
    }

    /// How many refunds a caller books in a round.
    fn share(&self, callers: usize) -> usize {
        self.refunds.div_ceil(callers)
    }

    /// What each caller books in a round.
    fn requests<R>(&self, round: usize, callers: usize, read: impl Fn(&str) -> R) -> Vec<Vec<R>> {
        let share = self.share(callers);
        let first = |caller| (round * callers + caller) * share;
        (0..callers)
            .map(|caller| {
                let refunds = first(caller)..first(caller) + share;
                refunds.map(|n| read(&refund_line(caller, n))).collect()
            })
            .collect()
    }

    /// Both have booked all of it.
    fn check(&self, cala: &Cala, ours: &Ours, callers: usize) {
        let booked = (self.rounds + 1) * self.share(callers);
        let left = MOVEMENT_IN_CENTS - AMOUNT_IN_CENTS * i64::try_from(booked).unwrap();
        for movement in 0..callers {
            assert_eq!(
                cala.left(movement),
                left,
                "the peer has booked every refund"
            );
        }
        assert!(ours.verify(), "the ledger is consistent");
    }
}

/// The version that is locked.
fn cala_version() -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let after = lock.split("name = \"cala-ledger\"\nversion = \"").nth(1);
    after.and_then(|text| text.split('"').next()).unwrap()
}

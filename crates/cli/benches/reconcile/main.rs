//! What a reconciliation costs, in time and in memory.
//!
//! `cargo bench -p refund-cli --bench reconcile` makes a ledger, and a statement that has its
//! refunds in another order, one in two hundred a cent off. It prints how long `refunds reconcile`
//! takes beside just reading both: the statement with the `csv` crate, the refunds with one SELECT.
//!
//! | option | what it does |
//! |---|---|
//! | `--refunds 1000000` | how many refunds and lines |
//! | `--rounds 3` | how many rounds |
//! | `--python FILE` | has this Python compare both sides too, with pandas and with a script that needs nothing |
//! | `--linear 10000000` | instead, what a line costs among 10 thousand, and up to so many |
//! | `--json` | prints a line of JSON for each row |
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a measurement reads the clock, and fails loudly"
)]

mod by_hand;
mod sides;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use refund_bench::{Pair, Ran, Row, median, print_rows, run};

use crate::by_hand::Python;
use crate::sides::Sides;

const REFUNDS: &str = env!("CARGO_BIN_EXE_refunds");

const BY_HAND_WANTED: f64 = 3.0;
const PANDAS_WANTED: f64 = 3.0;
const MEGABYTES_WANTED: f64 = 400.0;
const LINEAR_WANTED: f64 = 2.0;

const SIZES: [usize; 4] = [10_000, 100_000, 1_000_000, 10_000_000];

fn main() {
    let number = |name: &str| option(name).map(|text| text.parse().unwrap());
    let rounds = number("--rounds").unwrap_or(3);
    let rows = match number("--linear") {
        Some(most) => linear(most, rounds),
        None => beside(
            number("--refunds").unwrap_or(1_000_000),
            rounds,
            option("--python").map(PathBuf::from),
        ),
    };
    print_rows(&rows, std::env::args().any(|argument| argument == "--json"));
}

fn option(name: &str) -> Option<String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1)
}

/// What a side took, round by round.
#[derive(Default)]
struct Rounds {
    seconds: Vec<f64>,
    peak_bytes: Option<f64>,
}

impl Rounds {
    fn add(&mut self, ran: Ran) {
        self.seconds.push(ran.seconds);
        let peaks = [self.peak_bytes, ran.peak_bytes].into_iter().flatten();
        self.peak_bytes = peaks.reduce(f64::max);
    }

    fn seconds(&self) -> f64 {
        median(self.seconds.clone())
    }

    /// The most of all rounds, where the system tells it.
    fn megabytes(&self) -> Option<f64> {
        self.peak_bytes.map(|bytes| bytes / 1e6)
    }
}

/// Beside reading both sides by hand, and beside scripts where there is a Python that has pandas.
fn beside(refunds: usize, rounds: usize, python: Option<PathBuf>) -> Vec<Row> {
    let sides = Sides::make(refunds);
    let python = python.map(|program| Python::new(program, &sides));
    let [mut ours, mut whole, mut least, mut plain] = [(); 4].map(|()| Rounds::default());
    let mut read = Vec::new();
    for _ in 0..rounds {
        ours.add(reconcile(&sides));
        read.push(by_hand::read(&sides));
        if let Some(python) = &python {
            whole.add(python.pandas("whole"));
            least.add(python.pandas("least"));
            plain.add(python.plain());
        }
    }
    let what = format!("reconcile {refunds} refunds with as many lines");
    let figures = Pair {
        by_hand: median(read),
        ours: ours.seconds(),
    };
    let mut rows = vec![
        Row::cost(&what, "s", figures)
            .beside("just reading both by hand")
            .wanted(BY_HAND_WANTED),
    ];
    rows.extend(ours.megabytes().map(|megabytes| {
        let name = format!("peak memory, {what}");
        Row::limited(&name, "MB", megabytes, MEGABYTES_WANTED)
    }));
    if python.is_some() {
        let faster = |script: &Rounds| {
            let rate = |seconds: f64| refunds as f64 / seconds;
            let figures = Pair {
                by_hand: rate(script.seconds()),
                ours: rate(ours.seconds()),
            };
            let row = Row::rate(&what, "lines", figures);
            match script.megabytes() {
                Some(megabytes) => row.note(format!("the peer takes {megabytes:.0} MB")),
                None => row,
            }
        };
        rows.push(
            faster(&whole)
                .beside("pandas, `read_csv` of both and an outer merge")
                .wanted(PANDAS_WANTED),
        );
        // This finds nothing that is missing.
        rows.push(faster(&least).beside("pandas, the columns compared and an inner merge"));
        rows.push(faster(&plain).beside("a plain Python script, `csv` and a `dict`"));
    }
    rows
}

/// What a line costs in ledgers and statements of growing size, beside what it costs among the fewest.
fn linear(most: usize, rounds: usize) -> Vec<Row> {
    let sizes = SIZES.iter().copied().filter(|size| *size <= most);
    let each: Vec<(usize, f64)> = sizes
        .map(|refunds| {
            let sides = Sides::make(refunds);
            let seconds = (0..rounds).map(|_| reconcile(&sides).seconds).collect();
            (refunds, median(seconds) * 1e6 / refunds as f64)
        })
        .collect();
    let rows = each.iter().skip(1).map(|(refunds, ours)| {
        let figures = Pair {
            by_hand: each[0].1,
            ours: *ours,
        };
        Row::cost(&format!("reconcile a line among {refunds}"), "µs", figures)
            .beside(&format!("among {}", each[0].0))
            .wanted(LINEAR_WANTED)
    });
    rows.collect()
}

/// One reconciliation.
fn reconcile(sides: &Sides) -> Ran {
    let mut command = Command::new(REFUNDS);
    command
        .args(["reconcile", "--source", "stripe", "--format", "json"])
        .arg("--ledger")
        .arg(&sides.ledger)
        .arg("--statement")
        .arg(&sides.statement)
        .stdout(Stdio::null());
    let ran = run(&mut command);
    assert_eq!(ran.code, Some(1), "some lines are a cent off");
    ran
}

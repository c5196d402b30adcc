//! What `refunds import` costs, from its start to its end, in time and in memory.
//!
//! `cargo bench -p refund-cli --bench import` has the program import a file of JSON Lines into a new ledger,
//! beside tables and SQL by hand that read the same lines with serde, in this process. Then it compares the
//! most memory that the program had for a file with that for one ten times as large.
//!
//! | option | what it does |
//! |---|---|
//! | `--refunds 100000` | how many refunds; the larger file has ten times as many |
//! | `--rounds 5` | how many rounds count |
//! | `--json` | prints a line of JSON for each row |
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a measurement reads its arguments, and fails loudly"
)]

use std::process::{Command, Stdio};

use refund_bench::{
    ByHand, Folder, Pair, Ran, Row, import, interleaved, print_rows, run, write_lines,
};

const REFUNDS: &str = env!("CARGO_BIN_EXE_refunds");

const WANTED: f64 = 0.8;

/// What is constant varies by what the system hands out at a time.
const MEMORY_WANTED: f64 = 1.1;

const LINES: &str = "lines.jsonl";
const LEDGER: &str = "new.db";

fn main() {
    let number = |name: &str| option(name).map(|text| text.parse().unwrap());
    let refunds = number("--refunds").unwrap_or(100_000);
    let rounds = number("--rounds").unwrap_or(5);
    let mut rows = vec![time(refunds, rounds)];
    rows.extend(memory(refunds));
    print_rows(&rows, std::env::args().any(|argument| argument == "--json"));
}

fn option(name: &str) -> Option<String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1)
}

fn time(refunds: usize, rounds: usize) -> Row {
    let folder = Folder::new(None);
    write_lines(&folder.file(LINES), refunds);
    let rate = |seconds: f64| refunds as f64 / seconds;
    let figures = interleaved(
        rounds,
        |_| {
            let seconds = import::<ByHand>(&folder.file(LEDGER), &folder.file(LINES));
            folder.remove(LEDGER);
            rate(seconds)
        },
        |_| rate(imported(&folder).seconds),
    );
    Row::rate(
        "`refunds import` of JSON Lines, durable",
        "refunds",
        figures,
    )
    .wanted(WANTED)
}

/// Nothing where the system does not tell what memory a program has.
fn memory(refunds: usize) -> Option<Row> {
    let megabytes = |refunds| {
        let folder = Folder::new(None);
        write_lines(&folder.file(LINES), refunds);
        Some(imported(&folder).peak_bytes? / 1e6)
    };
    let figures = Pair {
        by_hand: megabytes(refunds)?,
        ours: megabytes(10 * refunds)?,
    };
    let name = format!("peak memory of `refunds import`, {} refunds", 10 * refunds);
    let row = Row::cost(&name, "MB", figures).beside(&format!("{refunds} refunds"));
    Some(row.wanted(MEMORY_WANTED))
}

/// An import into a new ledger, which is removed again.
fn imported(folder: &Folder) -> Ran {
    let mut command = Command::new(REFUNDS);
    command
        .args(["import", "--format", "json", "--ledger"])
        .args([folder.file(LEDGER), folder.file(LINES)])
        .stdout(Stdio::null());
    let ran = run(&mut command);
    assert_eq!(ran.code, Some(0), "every line is imported");
    folder.remove(LEDGER);
    ran
}

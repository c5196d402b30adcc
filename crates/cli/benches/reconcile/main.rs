//! Reconciling a ledger with a statement, beside just reading both.
//!
//! `cargo bench -p refund-cli --bench reconcile -- --refunds 1000000` prints how long `refunds
//! reconcile` takes for as many lines as refunds, and its peak memory where the system tells it,
//! beside a loop over the statement with the `csv` crate and one over a SELECT of the refunds. One
//! line in two hundred is a cent off, and the statement has another order than the ledger.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a measurement reads the clock, prints, and fails loudly"
)]

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;

const REFUNDS: &str = env!("CARGO_BIN_EXE_refunds");
const REFUNDS_PER_MOVEMENT: usize = 10;
const ROUNDS: usize = 3;

fn main() {
    let refunds = refunds_wanted();
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("refunds.db");
    let statement = folder.path().join("statement.csv");
    make_ledger(folder.path(), &ledger, refunds);
    write_statement(&statement, refunds);

    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let lines = seconds(|| read_statement(&statement, refunds));
        let rows = seconds(|| read_refunds(&ledger, refunds));
        let (ours, peak) = reconcile(&ledger, &statement);
        let ratio = ours / (lines + rows);
        let peak = peak.map_or("unknown".into(), |kib| {
            format!("{} MB", kib * 1_024 / 1_000_000)
        });
        println!(
            "round {round}: statement {lines:.2} s, refunds {rows:.2} s, reconciled {ours:.2} s, \
             ratio {ratio:.2}, peak memory {peak}"
        );
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "{refunds} refunds beside as many lines, median ratio {:.2}; wanted: at most 3, and 400 MB \
         for a million",
        ratios[ROUNDS / 2]
    );
}

fn refunds_wanted() -> usize {
    let arguments: Vec<String> = std::env::args().collect();
    let wanted = arguments.windows(2).find(|pair| pair[0] == "--refunds");
    wanted.map_or(1_000_000, |pair| pair[1].parse().unwrap())
}

fn seconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

/// What refund `n` gave back, in cents, and when.
fn refund(n: usize) -> (usize, String, String) {
    let day = format!("2022-02-{:02}", 1 + n * 7_919 % 28);
    let time = format!("{:02}:{:02}:10", n * 31 % 24, n * 17 % 60);
    (100 * (1 + n % 50), day, time)
}

fn decimal(cents: usize) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn make_ledger(folder: &Path, ledger: &Path, refunds: usize) {
    let path = folder.join("lines.jsonl");
    let mut file = BufWriter::new(File::create(&path).unwrap());
    for n in 0..refunds {
        let movement = n / REFUNDS_PER_MOVEMENT;
        let scope = format!(
            r#""org_id":"acme","subscription_id":"sub-{}","movement_id":"mov-{movement}""#,
            movement % 5_000
        );
        if n % REFUNDS_PER_MOVEMENT == 0 {
            writeln!(
                file,
                r#"{{"op":"record_movement",{scope},"body":{{"currency":"EUR","occurred_at":"2022-01-01T00:00:00Z","amount":{{"value_with_taxes":1000}},"description":"January"}}}}"#
            )
            .unwrap();
        }
        let (cents, day, time) = refund(n);
        writeln!(
            file,
            r#"{{"op":"create_refund",{scope},"body":{{"refund_datetime":"{day}T{time}Z","amount":{{"value_with_taxes":{}}},"external_invoice_id":"inv-{}","external_refund_unique_id":"refund-{n:09}","billable":false,"description":"Two days without service"}}}}"#,
            decimal(cents),
            n / 2
        )
        .unwrap();
    }
    file.flush().unwrap();
    let import = Command::new(REFUNDS)
        .args(["import", "--format", "json", "--ledger"])
        .args([ledger, &path])
        .stdout(Stdio::null())
        .status();
    assert!(import.unwrap().success(), "the ledger is made");
    fs::remove_file(path).unwrap();
}

fn write_statement(path: &PathBuf, refunds: usize) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    writeln!(
        file,
        "balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,source_id,\
         customer_facing_amount,customer_facing_currency,\
         refund_metadata[external_refund_unique_id]"
    )
    .unwrap();
    let mut n = 0;
    for line in 0..refunds {
        // A prime that is larger than the gaps goes by each once, unless it divides their number.
        n = (n + 7_368_787) % refunds;
        let (cents, day, time) = refund(n);
        let amount = decimal(cents + usize::from(n.is_multiple_of(200)));
        writeln!(
            file,
            "txn_{line:012},{day} {time},eur,-{amount},0.00,-{amount},refund,re_{n:012},-{amount},\
             eur,refund-{n:09}"
        )
        .unwrap();
    }
    file.flush().unwrap();
}

/// Reads every field of the statement.
fn read_statement(path: &Path, lines: usize) {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let mut record = csv::StringRecord::new();
    let mut read = 0;
    while reader.read_record(&mut record).unwrap() {
        for field in &record {
            black_box(field);
        }
        read += 1;
    }
    assert_eq!(read, lines);
}

/// Reads what is compared of every refund.
fn read_refunds(path: &Path, refunds: usize) {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection
        .prepare(
            "SELECT id, external_id, external_invoice_id, currency, amount_with, \
             refund_datetime_s, refund_datetime_ns, deleted FROM refunds",
        )
        .unwrap();
    let mut rows = statement.query(()).unwrap();
    let mut read = 0;
    while let Some(row) = rows.next().unwrap() {
        for column in 0..8 {
            black_box(row.get_ref(column).unwrap());
        }
        read += 1;
    }
    assert_eq!(read, refunds);
}

/// How long it takes, and the most memory that it had, in KiB.
fn reconcile(ledger: &Path, statement: &Path) -> (f64, Option<u64>) {
    let start = Instant::now();
    let mut child = Command::new(REFUNDS)
        .args(["reconcile", "--source", "stripe", "--format", "json"])
        .args([
            "--ledger".as_ref(),
            ledger,
            "--statement".as_ref(),
            statement,
        ])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = None;
    let code = loop {
        peak = most_memory(&status).max(peak);
        if let Some(code) = child.try_wait().unwrap() {
            break code;
        }
        thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(code.code(), Some(1), "some lines are a cent off");
    (start.elapsed().as_secs_f64(), peak)
}

fn most_memory(status: &str) -> Option<u64> {
    let text = fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

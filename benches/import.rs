//! Importing refunds from JSON Lines into SQLite, beside a loop written by hand.
//!
//! `cargo bench --bench import -- --refunds 1000000` prints both times, their ratio, and the bytes
//! per refund of both files. By hand means the least that is correct, under the same file settings:
//! the lines are read with serde, the cap is a conditional UPDATE, the external id a unique key, and
//! each refund has its row and an audit row with the JSON body, a thousand lines a transaction.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a measurement reads the clock, prints, and fails loudly"
)]

use std::fs;
use std::path::Path;
use std::time::Instant;

use refund_ledger::wire::parse_line;
use refund_ledger::{Atomicity, Batch, Ledger, Repeats};
use rusqlite::{Connection, params};

mod lines;

use self::lines::{
    HandLine, HandMovement, HandRefund, LINES_PER_TRANSACTION, cents, lines, write_lines,
};

const ROUNDS: usize = 3;

fn main() {
    let refunds = refunds_wanted();
    let folder = tempfile::tempdir().unwrap();
    let lines = folder.path().join("lines.jsonl");
    write_lines(&lines, refunds);

    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let (by_hand, hand_bytes) =
            timed(folder.path(), "hand.db", |db| import_by_hand(&lines, db));
        let (ours, our_bytes) = timed(folder.path(), "ledger.db", |db| import(&lines, db));
        let per_refund = |bytes: u64| bytes as f64 / refunds as f64;
        println!(
            "round {round}: by hand {by_hand:.2} s ({:.0} bytes per refund), ours {ours:.2} s \
             ({:.0} bytes per refund), ours / by hand {:.2} in speed, {:.2} in bytes",
            per_refund(hand_bytes),
            per_refund(our_bytes),
            by_hand / ours,
            per_refund(our_bytes) / per_refund(hand_bytes),
        );
        ratios.push(by_hand / ours);
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "import of {refunds} refunds, median ratio {:.2}",
        ratios[ROUNDS / 2]
    );
}

fn refunds_wanted() -> usize {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--refunds");
    arguments
        .nth(1)
        .map_or(100_000, |number| number.parse().unwrap())
}

fn timed(folder: &Path, name: &str, run: impl FnOnce(&Path)) -> (f64, u64) {
    let path = folder.join(name);
    let start = Instant::now();
    run(&path);
    let seconds = start.elapsed().as_secs_f64();
    let bytes = fs::metadata(&path).unwrap().len();
    for suffix in ["", "-wal", "-shm"] {
        fs::remove_file(folder.join(format!("{name}{suffix}"))).ok();
    }
    (seconds, bytes)
}

fn import(path: &Path, db: &Path) {
    let ledger = Ledger::open(db).unwrap();
    let batch = Batch {
        atomicity: Atomicity::PerItem,
        repeats: Repeats::AsFile,
    };
    let mut commands = Vec::with_capacity(LINES_PER_TRANSACTION);
    let carry_out = |commands: &mut Vec<_>| {
        for result in ledger.execute_all(commands, batch).unwrap() {
            result.unwrap();
        }
        commands.clear();
    };
    for line in lines(path) {
        commands.push(parse_line(line.as_bytes()).unwrap().command);
        if commands.len() == LINES_PER_TRANSACTION {
            carry_out(&mut commands);
        }
    }
    carry_out(&mut commands);
}

const HAND_SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA secure_delete = ON;
    CREATE TABLE movement (
        id INTEGER PRIMARY KEY, org TEXT NOT NULL, subscription TEXT NOT NULL,
        movement TEXT NOT NULL, currency TEXT NOT NULL, occurred_at TEXT NOT NULL,
        amount_with INTEGER NOT NULL, amount_without INTEGER NOT NULL,
        tax_type TEXT, tax_percentage REAL, description TEXT NOT NULL,
        refunded_with INTEGER NOT NULL DEFAULT 0, refunded_without INTEGER NOT NULL DEFAULT 0,
        UNIQUE (org, subscription, movement)
    ) STRICT;
    CREATE TABLE refund (
        id INTEGER PRIMARY KEY, movement INTEGER NOT NULL REFERENCES movement (id),
        org TEXT NOT NULL, external_id TEXT NOT NULL, invoice TEXT,
        refund_datetime TEXT NOT NULL, period_start TEXT, period_end TEXT,
        amount_with INTEGER NOT NULL, amount_without INTEGER NOT NULL,
        tax_type TEXT, tax_percentage REAL, billable INTEGER NOT NULL,
        description TEXT NOT NULL, UNIQUE (org, external_id)
    ) STRICT;
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY, refund INTEGER NOT NULL REFERENCES refund (id),
        at TEXT NOT NULL, actor TEXT NOT NULL, body TEXT NOT NULL
    ) STRICT;
";

fn import_by_hand(path: &Path, db: &Path) {
    let mut connection = Connection::open(db).unwrap();
    connection.execute_batch(HAND_SCHEMA).unwrap();
    let mut lines = lines(path).peekable();
    while lines.peek().is_some() {
        let transaction = connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .unwrap();
        for line in lines.by_ref().take(LINES_PER_TRANSACTION) {
            let line: HandLine = serde_json::from_str(&line).unwrap();
            match line.op {
                "record_movement" => record_by_hand(&transaction, &line),
                _ => refund_by_hand(&transaction, &line),
            }
        }
        transaction.commit().unwrap();
    }
}

fn record_by_hand(connection: &Connection, line: &HandLine<'_>) {
    let body: HandMovement = serde_json::from_str(line.body.get()).unwrap();
    connection
        .prepare_cached(
            "INSERT INTO movement (org, subscription, movement, currency, occurred_at, amount_with,
                 amount_without, tax_type, tax_percentage, description)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .unwrap()
        .execute(params![
            line.org_id,
            line.subscription_id,
            line.movement_id,
            body.currency,
            body.occurred_at,
            cents(body.amount.value_with_taxes),
            cents(body.amount.value_without_taxes),
            body.amount.tax.r#type,
            body.amount.tax.percentage,
            body.description,
        ])
        .unwrap();
}

fn refund_by_hand(connection: &Connection, line: &HandLine<'_>) {
    let body: HandRefund = serde_json::from_str(line.body.get()).unwrap();
    let with = cents(body.amount.value_with_taxes);
    let without = cents(body.amount.value_without_taxes);
    let movement: i64 = connection
        .prepare_cached(
            "UPDATE movement SET refunded_with = refunded_with + ?4,
                 refunded_without = refunded_without + ?5
             WHERE org = ?1 AND subscription = ?2 AND movement = ?3
                 AND refunded_with + ?4 <= amount_with
                 AND refunded_without + ?5 <= amount_without
             RETURNING id",
        )
        .unwrap()
        .query_row(
            params![
                line.org_id,
                line.subscription_id,
                line.movement_id,
                with,
                without
            ],
            |row| row.get(0),
        )
        .unwrap();
    connection
        .prepare_cached(
            "INSERT INTO refund (movement, org, external_id, invoice, refund_datetime,
                 period_start, period_end, amount_with, amount_without, tax_type, tax_percentage,
                 billable, description)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .unwrap()
        .execute(params![
            movement,
            line.org_id,
            body.external_refund_unique_id,
            body.external_invoice_id,
            body.refund_datetime,
            body.period_start_datetime,
            body.period_end_datetime,
            with,
            without,
            body.amount.tax.r#type,
            body.amount.tax.percentage,
            body.billable,
            body.description,
        ])
        .unwrap();
    connection
        .prepare_cached("INSERT INTO audit (refund, at, actor, body) VALUES (?, ?, ?, ?)")
        .unwrap()
        .execute(params![
            connection.last_insert_rowid(),
            "2026-01-01T00:00:00.000000000Z",
            "local",
            line.body.get(),
        ])
        .unwrap();
}

//! How fast refunds are created, beside the least that is correct by hand. Run it with
//! `cargo test --release --test sqlite_speed -- --ignored --nocapture`, with `TMPDIR` on the disk
//! to measure (in memory, such as `/dev/shm`, a sync costs nothing).
#![cfg(all(feature = "sqlite", feature = "system"))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a measurement, run by hand"
)]

mod sqlite_support;

use std::path::Path;

use refund_ledger::{
    Batch, Command, Ledger, MovementKey, Operation, RefundContent, RefundRequest, minor_to_decimal,
};
use rusqlite::Connection;
use sqlite_support::{at, movement, refund};

fn from_environment(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

fn movement_key(n: usize) -> MovementKey {
    MovementKey::new("acme", &format!("sub-{:06}", n / 3), &format!("mov-{n:08}")).unwrap()
}

/// Refunds spread over the movements, with external ids in no order.
fn requests(count: usize, movements: usize) -> Vec<(MovementKey, RefundRequest)> {
    (0..count)
        .map(|n| {
            let scattered = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let which = usize::try_from(scattered >> 20).unwrap() % movements;
            let minutes = n / 7;
            let mut request = refund(
                &format!("ext-{scattered:016x}"),
                if n % 3 == 0 { "1.21" } else { "2.42" },
                &format!("Two days without service, case {n}"),
            );
            request.refund_datetime = at(&format!(
                "2022-{:02}-{:02}T{:02}:{:02}:10Z",
                2 + minutes / 40320 % 10,
                1 + minutes / 1440 % 28,
                minutes / 60 % 24,
                minutes % 60
            ));
            (movement_key(which), request)
        })
        .collect()
}

/// Seconds of processor time of this thread: on a machine that others use too, the time on the
/// wall says little. Where the system does not tell, it is the time on the wall.
fn seconds() -> f64 {
    let of_thread = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = of_thread.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    nanos.map_or_else(
        || {
            std::time::SystemTime::UNIX_EPOCH
                .elapsed()
                .unwrap()
                .as_secs_f64()
        },
        |nanos| nanos / 1e9,
    )
}

fn bytes_of(directory: &Path) -> u64 {
    std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum()
}

/// Refunds per second of processor time, and bytes per refund.
type Measured = (f64, f64);

fn ours(requests: &[(MovementKey, RefundRequest)], movements: usize, batch: usize) -> Measured {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("refunds.db");
    let ledger = Ledger::open(&path).unwrap();
    let record: Vec<Command> = (0..movements)
        .map(|n| Command {
            movement: movement_key(n),
            operation: Operation::RecordMovement(movement("February")),
        })
        .collect();
    for commands in record.chunks(10_000) {
        ledger.execute_all(commands, Batch::default()).unwrap();
    }
    ledger.store().scrub().unwrap();
    let before = bytes_of(directory.path());
    let commands: Vec<Command> = requests
        .iter()
        .map(|(movement, request)| Command {
            movement: movement.clone(),
            operation: Operation::CreateRefund {
                content: RefundContent::from(request.clone()),
                idempotency_key: None,
            },
        })
        .collect();
    let start = seconds();
    for commands in commands.chunks(batch) {
        for result in ledger.execute_all(commands, Batch::default()).unwrap() {
            assert!(!result.unwrap().replayed);
        }
    }
    let taken = seconds() - start;
    ledger.store().scrub().unwrap();
    let bytes = bytes_of(directory.path()) - before;
    if std::env::var("VERIFY").is_ok() {
        let start = seconds();
        assert!(ledger.verify(None).unwrap().is_valid());
        println!("  verify: {:.1} s", seconds() - start);
    }
    let count = requests.len() as f64;
    (count / taken, bytes as f64 / count)
}

const BY_HAND: &str = "
    CREATE TABLE movements (
        id INTEGER PRIMARY KEY, org TEXT NOT NULL, subscription TEXT NOT NULL, movement TEXT NOT NULL,
        currency TEXT NOT NULL, amount_with INTEGER NOT NULL, amount_without INTEGER NOT NULL,
        refunded_with INTEGER NOT NULL DEFAULT 0, refunded_without INTEGER NOT NULL DEFAULT 0,
        occurred_at TEXT NOT NULL, description TEXT NOT NULL,
        UNIQUE (org, subscription, movement)
    );
    CREATE TABLE refunds (
        id TEXT PRIMARY KEY, movement_id INTEGER NOT NULL REFERENCES movements (id),
        org TEXT NOT NULL, external_id TEXT NOT NULL, refund_datetime TEXT NOT NULL,
        period_start TEXT, period_end TEXT, amount_with INTEGER NOT NULL,
        amount_without INTEGER NOT NULL, tax_type TEXT, tax_percentage REAL, invoice TEXT,
        billable INTEGER NOT NULL, description TEXT NOT NULL, created_at TEXT NOT NULL,
        UNIQUE (org, external_id)
    );
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY, refund_id TEXT NOT NULL, at TEXT NOT NULL, actor TEXT NOT NULL,
        body TEXT NOT NULL
    );";

fn json(request: &RefundRequest, with: i64, without: i64) -> String {
    let eur = "EUR".parse().unwrap();
    let say = |minor: i64| minor_to_decimal(minor.into(), eur);
    serde_json::json!({
        "refund_datetime": request.refund_datetime,
        "period_start_datetime": request.period.start(),
        "period_end_datetime": request.period.end(),
        "amount": {
            "value_with_taxes": say(with), "value_without_taxes": say(without),
            "tax": {"type": "IVA", "percentage": 21}
        },
        "external_invoice_id": request.external_invoice_id,
        "external_refund_unique_id": request.external_refund_unique_id,
        "billable": request.billable,
        "description": request.description.as_str(),
    })
    .to_string()
}

fn by_hand(requests: &[(MovementKey, RefundRequest)], movements: usize, batch: usize) -> Measured {
    let directory = tempfile::tempdir().unwrap();
    let connection = Connection::open(directory.path().join("refunds.db")).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA cache_size = -16384; PRAGMA secure_delete = ON;",
        )
        .unwrap();
    connection.execute_batch(BY_HAND).unwrap();
    connection.execute_batch("BEGIN").unwrap();
    for n in 0..movements {
        let key = movement_key(n);
        connection
            .prepare_cached(
                "INSERT INTO movements (org, subscription, movement, currency, amount_with, \
                 amount_without, occurred_at, description) VALUES (?1, ?2, ?3, 'EUR', 12100, \
                 10000, '2022-02-01T00:00:00Z', 'February')",
            )
            .unwrap()
            .execute((key.org_id(), key.subscription_id(), key.movement_id()))
            .unwrap();
    }
    connection
        .execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    let before = bytes_of(directory.path());
    let start = seconds();
    let mut number = 0_u128;
    for requests in requests.chunks(batch) {
        connection
            .prepare_cached("BEGIN IMMEDIATE")
            .unwrap()
            .execute(())
            .unwrap();
        for (key, request) in requests {
            let with = if request.amount == sqlite_support::amount("1.21") {
                121
            } else {
                242
            };
            let without = with * 100 / 121;
            number += 1;
            let id = uuid_of(number);
            let movement_id: i64 = connection
                .prepare_cached(
                    "UPDATE movements SET refunded_with = refunded_with + ?4, \
                     refunded_without = refunded_without + ?5 \
                     WHERE org = ?1 AND subscription = ?2 AND movement = ?3 \
                     AND refunded_with + ?4 <= amount_with \
                     AND refunded_without + ?5 <= amount_without RETURNING id",
                )
                .unwrap()
                .query_row(
                    (
                        key.org_id(),
                        key.subscription_id(),
                        key.movement_id(),
                        with,
                        without,
                    ),
                    |row| row.get(0),
                )
                .unwrap();
            let now = "2024-02-24T13:45:10.123456789Z";
            connection
                .prepare_cached(
                    "INSERT INTO refunds VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, \
                     ?12, ?13, ?14, ?15)",
                )
                .unwrap()
                .execute((
                    &id,
                    movement_id,
                    key.org_id(),
                    request.external_refund_unique_id.as_str(),
                    request.refund_datetime.to_string(),
                    request.period.start().map(|at| at.to_string()),
                    request.period.end().map(|at| at.to_string()),
                    with,
                    without,
                    "IVA",
                    21.0,
                    request
                        .external_invoice_id
                        .as_ref()
                        .map(refund_ledger::Id::as_str),
                    request.billable,
                    request.description.as_str(),
                    now,
                ))
                .unwrap();
            connection
                .prepare_cached(
                    "INSERT INTO audit (refund_id, at, actor, body) VALUES (?1, ?2, ?3, ?4)",
                )
                .unwrap()
                .execute((&id, now, "local", json(request, with, without)))
                .unwrap();
        }
        connection
            .prepare_cached("COMMIT")
            .unwrap()
            .execute(())
            .unwrap();
    }
    let taken = seconds() - start;
    connection
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    let bytes = bytes_of(directory.path()) - before;
    let count = requests.len() as f64;
    (count / taken, bytes as f64 / count)
}

/// A UUID as text, in order as version 7 ones are.
fn uuid_of(number: u128) -> String {
    let digits = format!(
        "{:032x}",
        (number << 64) | (0x7000_8000 << 32) | (number * 0x9e37_79b9)
    );
    format!(
        "{}-{}-{}-{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..]
    )
}

#[test]
#[ignore = "a measurement: takes a while and judges nothing"]
fn refunds_created_per_second() {
    let count = from_environment("REFUNDS", 100_000);
    let movements = from_environment("MOVEMENTS", count / 10);
    let requests = requests(count, movements);
    for batch in std::env::var("BATCHES")
        .unwrap_or("1 8 100 1000 8000".into())
        .split(' ')
    {
        let batch: usize = batch.parse().unwrap();
        let some = if batch == 1 {
            &requests[..count / 5]
        } else {
            &requests[..]
        };
        let (hand_speed, hand_bytes) = by_hand(some, movements, batch);
        let (our_speed, our_bytes) = ours(some, movements, batch);
        println!(
            "batches of {batch:>5}: ours {our_speed:>8.0}/s, by hand {hand_speed:>8.0}/s, ratio \
             {:.2}; bytes: ours {our_bytes:.0}, by hand {hand_bytes:.0}, ratio {:.2}",
            our_speed / hand_speed,
            our_bytes / hand_bytes
        );
    }
}

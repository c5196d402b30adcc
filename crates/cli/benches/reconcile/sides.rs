//! A ledger and a statement of its refunds.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::REFUNDS;

const REFUNDS_PER_MOVEMENT: usize = 10;

/// One in so many lines is a cent off.
const CENT_OFF_EVERY: usize = 200;

/// Both sides, in a folder that goes with them.
pub(crate) struct Sides {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) refunds: usize,
    pub(crate) ledger: PathBuf,
    pub(crate) statement: PathBuf,
}

impl Sides {
    pub(crate) fn make(refunds: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sides = Self {
            refunds,
            ledger: folder.path().join("refunds.db"),
            statement: folder.path().join("statement.csv"),
            folder,
        };
        make_ledger(&sides.ledger, refunds);
        write_statement(&sides.statement, refunds);
        sides
    }

    /// How many lines have another amount than their refund.
    pub(crate) fn cents_off(&self) -> usize {
        self.refunds.div_ceil(CENT_OFF_EVERY)
    }
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

fn make_ledger(ledger: &Path, refunds: usize) {
    let mut import = Command::new(REFUNDS)
        .args(["import", "-", "--format", "json", "--ledger"])
        .arg(ledger)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufWriter::new(import.stdin.take().unwrap());
    for n in 0..refunds {
        let movement = n / REFUNDS_PER_MOVEMENT;
        let scope = format!(
            r#""org_id":"acme","subscription_id":"sub-{}","movement_id":"mov-{movement}""#,
            movement % 5_000
        );
        if n.is_multiple_of(REFUNDS_PER_MOVEMENT) {
            writeln!(
                lines,
                r#"{{"op":"record_movement",{scope},"body":{{"currency":"EUR","occurred_at":"2022-01-01T00:00:00Z","amount":{{"value_with_taxes":1000}},"description":"January"}}}}"#
            )
            .unwrap();
        }
        let (cents, day, time) = refund(n);
        writeln!(
            lines,
            r#"{{"op":"create_refund",{scope},"body":{{"refund_datetime":"{day}T{time}Z","amount":{{"value_with_taxes":{}}},"external_invoice_id":"inv-{}","external_refund_unique_id":"refund-{n:09}","billable":false,"description":"Two days without service"}}}}"#,
            decimal(cents),
            n / 2
        )
        .unwrap();
    }
    drop(lines.into_inner().unwrap());
    assert!(import.wait().unwrap().success(), "the ledger is made");
}

fn write_statement(path: &Path, refunds: usize) {
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
        let amount = decimal(cents + usize::from(n.is_multiple_of(CENT_OFF_EVERY)));
        writeln!(
            file,
            "txn_{line:012},{day} {time},eur,-{amount},0.00,-{amount},refund,re_{n:012},-{amount},\
             eur,refund-{n:09}"
        )
        .unwrap();
    }
    file.flush().unwrap();
}

//! What a reconciliation is measured against.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use rusqlite::Connection;

use crate::program::{Cost, run};
use crate::sides::Sides;

/// Both sides with `read_csv`, merged on the key, and how many amounts differ.
const SCRIPT: &str = include_str!("compare.py");

const COLUMNS: [&str; 8] = [
    "id",
    "external_id",
    "external_invoice_id",
    "currency",
    "amount_with",
    "refund_datetime_s",
    "refund_datetime_ns",
    "deleted",
];

/// Reads every field of the statement, and what is compared of every refund.
pub(crate) fn read(sides: &Sides) -> Cost {
    let start = Instant::now();
    read_statement(&sides.statement, sides.refunds);
    read_refunds(&sides.ledger, sides.refunds);
    Cost {
        seconds: start.elapsed().as_secs_f64(),
        kib: None,
    }
}

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

fn read_refunds(path: &Path, refunds: usize) {
    let connection = Connection::open(path).unwrap();
    let select = format!("SELECT {} FROM refunds", COLUMNS.join(", "));
    let mut statement = connection.prepare(&select).unwrap();
    let mut rows = statement.query(()).unwrap();
    let mut read = 0;
    while let Some(row) = rows.next().unwrap() {
        for column in 0..COLUMNS.len() {
            black_box(row.get_ref(column).unwrap());
        }
        read += 1;
    }
    assert_eq!(read, refunds);
}

/// A Python with pandas, and both sides as it reads them.
pub(crate) struct Pandas<'a> {
    python: PathBuf,
    sides: &'a Sides,
    script: PathBuf,
    refunds: PathBuf,
    told: PathBuf,
}

impl<'a> Pandas<'a> {
    /// Writes the columns that are compared of every refund as CSV.
    pub(crate) fn new(python: PathBuf, sides: &'a Sides) -> Self {
        let at = |name: &str| sides.folder.path().join(name);
        let (script, refunds) = (at("compare.py"), at("refunds.csv"));
        fs::write(&script, SCRIPT).unwrap();
        export(&sides.ledger, &refunds);
        Self {
            python,
            sides,
            script,
            refunds,
            told: at("told"),
        }
    }

    /// What it takes, without the start of Python and the import of pandas.
    pub(crate) fn compare(&self, how: &str) -> Cost {
        let mut command = Command::new(&self.python);
        command
            .arg(&self.script)
            .args([&self.sides.statement, &self.refunds])
            .arg(how)
            .stdout(File::create(&self.told).unwrap());
        let (cost, code) = run(&mut command);
        assert_eq!(code, Some(0), "the script runs");
        let told = fs::read_to_string(&self.told).unwrap();
        let (differ, seconds) = told.trim().split_once(' ').unwrap();
        assert_eq!(differ.parse(), Ok(self.sides.cents_off()));
        Cost {
            seconds: seconds.parse().unwrap(),
            ..cost
        }
    }
}

fn export(ledger: &Path, csv: &Path) {
    let connection = Connection::open(ledger).unwrap();
    let columns = COLUMNS.join(", ").replacen("id", "hex(id)", 1);
    let select = format!("SELECT concat_ws(',', {columns}) FROM refunds");
    let mut statement = connection.prepare(&select).unwrap();
    let mut file = BufWriter::new(File::create(csv).unwrap());
    writeln!(file, "{}", COLUMNS.join(",")).unwrap();
    let mut rows = statement.query(()).unwrap();
    while let Some(row) = rows.next().unwrap() {
        writeln!(file, "{}", row.get_ref(0).unwrap().as_str().unwrap()).unwrap();
    }
    file.flush().unwrap();
}

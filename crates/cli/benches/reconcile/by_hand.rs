//! What a reconciliation is measured against.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use refund_bench::{Ran, run, timed};
use rusqlite::Connection;

use crate::sides::Sides;

/// Both sides with pandas' `read_csv`, merged on the key, and how many amounts differ.
const PANDAS: &str = include_str!("compare.py");

/// Both sides with the module `csv`, compared by key.
const PLAIN: &str = include_str!("plain.py");

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

/// How many seconds it takes to read every field of the statement, and what is compared of every refund.
pub(crate) fn read(sides: &Sides) -> f64 {
    timed(|| {
        read_statement(&sides.statement, sides.refunds);
        read_refunds(&sides.ledger, sides.refunds);
    })
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
pub(crate) struct Python<'a> {
    program: PathBuf,
    sides: &'a Sides,
    refunds: PathBuf,
}

impl<'a> Python<'a> {
    /// Writes the columns that are compared of every refund as CSV.
    pub(crate) fn new(program: PathBuf, sides: &'a Sides) -> Self {
        let refunds = sides.folder.path().join("refunds.csv");
        export(&sides.ledger, &refunds);
        Self {
            program,
            sides,
            refunds,
        }
    }

    /// Compares both with pandas: the `whole` of both, or the `least` that will do.
    pub(crate) fn pandas(&self, how: &str) -> Ran {
        self.run(PANDAS, &[how]).0
    }

    /// Compares both without a library.
    pub(crate) fn plain(&self) -> Ran {
        let (ran, counts) = self.run(PLAIN, &[]);
        let agree = self.sides.refunds - self.sides.cents_off();
        assert_eq!(counts, format!("{agree} 0 0 0"), "all have a partner");
        ran
    }

    /// What a script takes, without the start of Python and what it imports, and what it told last.
    fn run(&self, script: &str, arguments: &[&str]) -> (Ran, String) {
        let at = |name: &str| self.sides.folder.path().join(name);
        let (file, told) = (at("script.py"), at("told"));
        fs::write(&file, script).unwrap();
        let mut command = Command::new(&self.program);
        command
            .arg(&file)
            .args([&self.sides.statement, &self.refunds])
            .args(arguments)
            .stdout(File::create(&told).unwrap());
        let ran = run(&mut command);
        assert_eq!(ran.code, Some(0), "the script runs");
        let told = fs::read_to_string(&told).unwrap();
        let (figures, rest) = told.split_once('\n').unwrap();
        let (differ, seconds) = figures.split_once(' ').unwrap();
        assert_eq!(differ.parse(), Ok(self.sides.cents_off()));
        let ran = Ran {
            seconds: seconds.parse().unwrap(),
            ..ran
        };
        (ran, rest.trim().to_owned())
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

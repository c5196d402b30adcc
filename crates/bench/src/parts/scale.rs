//! What things cost in one file as it grows from 10 thousand refunds to 10 million, beside what they cost
//! at first. Each step is a process of its own, so that its peak of memory is that of the step.

mod step;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use refund_bench::{Pair, Row};
use serde::de::DeserializeOwned;

pub(crate) use self::step::{Fill, Use};
use self::step::{Filled, Used};
use crate::Setting;

const SIZES: [usize; 3] = [10_000, 1_000_000, 10_000_000];

const WANTED: f64 = 2.0;

/// One file, and how large it gets.
pub(crate) struct Scale<'a> {
    setting: &'a Setting,
    largest: usize,
}

/// What was measured at a size.
struct Measured {
    refunds: usize,
    bytes_per_refund: f64,
    filled: Filled,
    used: Used,
}

impl<'a> Scale<'a> {
    pub(crate) fn new(setting: &'a Setting, largest: usize) -> Self {
        Self { setting, largest }
    }

    /// The sizes up to the largest, which is one of them whatever it is.
    fn sizes(&self) -> Vec<usize> {
        let mut sizes: Vec<usize> = SIZES
            .into_iter()
            .filter(|size| *size < self.largest)
            .collect();
        sizes.push(self.largest);
        sizes
    }

    pub(crate) fn rows(&self) -> Vec<Row> {
        let folder = self.setting.folder();
        let file = folder.file("ledger.db");
        let (mut from, mut used_up) = (0, 0);
        let mut measured: Vec<Measured> = Vec::new();
        for refunds in self.sizes() {
            let filled = fill(&file, from, refunds);
            let bytes = folder.bytes("ledger.db");
            let used: Used = self.make_use(&file, refunds);
            measured.push(Measured {
                refunds,
                bytes_per_refund: bytes as f64 / (refunds + used_up) as f64,
                filled,
                used,
            });
            from = refunds;
            used_up += used.booked;
        }
        let first = &measured[0];
        measured
            .iter()
            .skip(usize::from(measured.len() > 1))
            .flat_map(|at| beside(first, at))
            .collect()
    }

    fn make_use(&self, file: &Path, refunds: usize) -> Used {
        let a_round = self.setting.refunds(500);
        let rounds = self.setting.rounds;
        run(&[
            "use".into(),
            file.into(),
            text(refunds),
            text(rounds),
            text(a_round),
        ])
    }
}

fn fill(file: &Path, from: usize, to: usize) -> Filled {
    run(&["fill".into(), file.into(), text(from), text(to)])
}

fn text(number: usize) -> PathBuf {
    number.to_string().into()
}

/// Runs this program for one step, and reads what it found.
fn run<T: DeserializeOwned>(arguments: &[PathBuf]) -> T {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "the step runs");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Every figure at a size beside that at the first one.
fn beside(first: &Measured, at: &Measured) -> Vec<Row> {
    let size = at.refunds;
    let what = format!("{} in the file", first.refunds);
    let pair = |of: &dyn Fn(&Measured) -> f64| Pair {
        by_hand: of(first),
        ours: of(at),
    };
    let cost = |name: &str, unit: &str, of: &dyn Fn(&Measured) -> f64| {
        Row::cost(&format!("{name}, {size} in the file"), unit, pair(of)).beside(&what)
    };
    let peak = |name: &str, of: &dyn Fn(&Measured) -> Option<f64>| {
        let is_known = of(first).is_some();
        is_known.then(|| {
            let megabytes = |at: &Measured| of(at).unwrap_or(f64::NAN) / 1e6;
            cost(name, "MB", &megabytes)
        })
    };
    let mut rows = vec![
        cost("a durable refund", "µs", &|at| at.used.single_us).wanted(WANTED),
        cost("a refund in durable batches of 100", "µs", &|at| {
            at.used.batched_us
        }),
        cost("a refund while the file is filled", "µs", &|at| {
            at.filled.refund_us
        }),
        cost("size of a refund", "bytes", &|at| at.bytes_per_refund),
        cost("list by movement", "µs", &|at| at.used.list_us),
        cost("a page of the org's list", "µs", &|at| at.used.page_us),
        cost("get one refund", "µs", &|at| at.used.get_us),
        cost("verify, for each refund", "µs", &|at| at.used.verify_us),
        cost("open", "ms", &|at| at.used.open_ms),
    ];
    rows.extend(peak("peak memory, filling", &|at| at.filled.peak_bytes));
    rows.extend(peak("peak memory, refunds and lists", &|at| {
        at.used.peak_bytes
    }));
    rows.extend(peak("peak memory, verify too", &|at| {
        at.used.verify_peak_bytes
    }));
    rows
}

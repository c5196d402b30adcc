//! Other programs, how long they take, and the most memory that they have.

use std::fmt;
use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::sides::Sides;

pub(crate) const REFUNDS: &str = env!("CARGO_BIN_EXE_refunds");

/// What something took.
pub(crate) struct Cost {
    pub(crate) seconds: f64,
    /// Where the system tells it.
    pub(crate) kib: Option<u64>,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} s, ", self.seconds)?;
        match self.kib {
            Some(kib) => write!(f, "at most {} MB", kib * 1_024 / 1_000_000),
            None => f.write_str("memory unknown"),
        }
    }
}

/// One reconciliation.
pub(crate) fn reconcile(sides: &Sides) -> Cost {
    let mut command = Command::new(REFUNDS);
    command
        .args(["reconcile", "--source", "stripe", "--format", "json"])
        .arg("--ledger")
        .arg(&sides.ledger)
        .arg("--statement")
        .arg(&sides.statement)
        .stdout(Stdio::null());
    let (cost, code) = run(&mut command);
    assert_eq!(code, Some(1), "some lines are a cent off");
    cost
}

/// Runs a program to its end. What it prints must fit into a pipe.
pub(crate) fn run(command: &mut Command) -> (Cost, Option<i32>) {
    let start = Instant::now();
    let mut child = command.spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut kib = None;
    let code = loop {
        kib = most_memory(&status).max(kib);
        if let Some(code) = child.try_wait().unwrap() {
            break code;
        }
        thread::sleep(Duration::from_millis(5));
    };
    let seconds = start.elapsed().as_secs_f64();
    (Cost { seconds, kib }, code.code())
}

fn most_memory(status: &str) -> Option<u64> {
    let text = fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

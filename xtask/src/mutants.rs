//! Whether the tests notice when a rule is wrong.

use std::ffi::OsStr;

use crate::failure::Failure;
use crate::scratch::Scratch;
use crate::tools::Tool;
use crate::workspace::CORE;

const CARGO_MUTANTS: Tool = Tool {
    name: "mutants",
    version: "27.1.0",
};

/// The tests that notice most mistakes, and are built in seconds.
const SOON: [&str; 5] = [
    "--lib",
    "--test=rules",
    "--test=golden",
    "--test=journal_format",
    "--test=journal_verify",
];

const ALL: [&str; 2] = ["--lib", "--tests"];

/// How `cargo mutants` ends where some mistakes were not noticed, or some tests did not end.
const MISSED: i32 = 2;
const TIMED_OUT: i32 = 3;

/// Plants small mistakes into the rules of the core, one at a time, and has its tests look for each: first a
/// few of the tests, then all of them for what those did not notice. Where, and which need not be found, is
/// said in `.cargo/mutants.toml`. What is asked besides is done in one go. A mistake that makes a test run for
/// ever is noticed.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    if arguments.is_empty() {
        plant(&SOON, &["--jobs=2"], &[MISSED, TIMED_OUT])?;
        plant(&ALL, &["--jobs=2", "--iterate"], &[TIMED_OUT])
    } else {
        plant(&ALL, arguments, &[TIMED_OUT])
    }
}

/// Copies of the project are made in memory, where there is room.
fn plant(
    tests: &[&str],
    arguments: &[impl AsRef<OsStr>],
    good_codes: &[i32],
) -> Result<(), Failure> {
    let scratch = Scratch::new()?;
    let mut mutants = CARGO_MUTANTS.command()?;
    if let Some(scratch) = &scratch {
        mutants = mutants.variable("TMPDIR", scratch.path().to_string_lossy());
    }
    let tests = tests.iter().map(|test| format!("--cargo-arg={test}"));
    let done = mutants
        .arguments(["--package", CORE, "--output", "target"])
        .arguments(tests)
        .arguments(arguments)
        .run();
    match done {
        Err(Failure::Command { status, .. })
            if status.code().is_some_and(|code| good_codes.contains(&code)) =>
        {
            Ok(())
        }
        done => done,
    }
}

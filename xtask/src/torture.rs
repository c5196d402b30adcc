//! Torture of ledgers, and the figures of it.

use std::path::PathBuf;

use crate::command::Command;
use crate::failure::Failure;
use crate::scratch::Scratch;
use crate::tally::Tally;
use crate::tools::{self, Tool};
use crate::{postgres, workspace};

/// The harness that needs programs of its own.
const FUZZ: &str = "fuzz";

const CARGO_FUZZ: Tool = Tool {
    name: "cargo-fuzz",
    version: "0.13.2",
};

/// What of it is a part of the tests: all but fuzzing, whose programs take longer to build than to run.
const IN_TESTS: [&str; 9] = [
    "power-cut",
    "kill",
    "race",
    "faults",
    "tamper",
    "tenants",
    "migrate",
    "model",
    "money",
];

/// A few minutes of it, as a part of the tests.
pub(crate) fn quick() -> Result<Tally, Failure> {
    let arguments = ["--quick"].into_iter().chain(IN_TESTS);
    run(&arguments.map(str::to_owned).collect::<Vec<_>>())?;
    Ok(Tally::default())
}

/// Runs the harnesses that are named, or all, as the program says that does it. They write into memory,
/// where there is room.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    postgres::set_up()?;
    let scratch = Scratch::new()?;
    let mut torture = Command::cargo("run --quiet --profile torture --package torture --");
    if let Some(scratch) = &scratch {
        torture = torture.variable("TMPDIR", scratch.path().to_string_lossy());
    }
    if asks_for_fuzzing(arguments) {
        let programs = build_fuzz_programs()?;
        torture = torture.arguments(["--fuzz-programs"]).arguments([programs]);
    }
    torture.arguments(arguments).run()
}

/// Whether the harness is named, or nothing is.
fn asks_for_fuzzing(arguments: &[String]) -> bool {
    let mut names = Vec::new();
    let mut arguments = arguments.iter().map(String::as_str);
    while let Some(argument) = arguments.next() {
        match argument {
            "--help" | "-h" | "release" => return false,
            "--seed" | "--minutes" => drop(arguments.next()),
            option if option.starts_with('-') => {}
            name => names.push(name),
        }
    }
    names.is_empty() || names.contains(&FUZZ)
}

/// Builds the programs of `fuzz/`, and gives their folder.
///
/// They are built without a sanitizer: what those find, Rust without `unsafe` does not have. So the
/// project's own toolchain will do, once it is told to take the options of an unstable one.
fn build_fuzz_programs() -> Result<PathBuf, Failure> {
    let host = tools::host()?;
    CARGO_FUZZ
        .command()?
        .arguments(["build", "--fuzz-dir", FUZZ, "--sanitizer", "none"])
        .arguments(["--target", &host, "--target-dir", "target/fuzz/build"])
        .variable("RUSTC_BOOTSTRAP", "1")
        .run()?;
    let built = format!("target/fuzz/build/{host}/release");
    Ok(workspace::top().join(built))
}

#[cfg(test)]
mod tests {
    use super::asks_for_fuzzing;

    fn asks(line: &str) -> bool {
        let arguments: Vec<String> = line.split_whitespace().map(Into::into).collect();
        asks_for_fuzzing(&arguments)
    }

    #[test]
    fn fuzzing_is_asked_for_by_its_name_or_by_none() {
        for line in [
            "",
            "--long",
            "--seed 7",
            "fuzz",
            "race fuzz",
            "--seed=7 --quick fuzz",
        ] {
            assert!(asks(line), "`{line}` asks for it");
        }
        for line in [
            "race",
            "--seed 7 money",
            "--minutes 2 money",
            "--help",
            "--seed fuzz race",
            "release v2",
        ] {
            assert!(!asks(line), "`{line}` does not");
        }
    }
}

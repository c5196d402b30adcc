//! Torture of ledgers, and the figures of it.

use std::path::PathBuf;

use crate::command::Command;
use crate::failure::Failure;
use crate::scratch::Scratch;
use crate::tally::Tally;
use crate::tools;
use crate::{postgres, workspace};

/// The harness that needs programs of its own.
const FUZZ: &str = "fuzz";

/// A few minutes of it, as a part of the tests.
pub(crate) fn quick() -> Result<Tally, Failure> {
    run(&["--quick".to_owned()])?;
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

/// What makes libFuzzer see where an input leads: as cargo-fuzz asks for it, but for a sanitizer, which takes
/// a nightly compiler. So the project's own toolchain will do; the one part that is not safe Rust, SQLite, is
/// fuzzed under sanitizers by those who make it.
const INSTRUMENTED: &str = "--cfg=fuzzing -Cdebug-assertions -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cllvm-args=-sanitizer-coverage-stack-depth \
    -Cllvm-args=-simplifycfg-branch-fold-threshold=0";

/// Builds the programs of `fuzz/`, and gives their folder.
fn build_fuzz_programs() -> Result<PathBuf, Failure> {
    let host = tools::host()?;
    // With a target named, what is built for the build itself is not instrumented.
    Command::cargo("build --quiet --manifest-path fuzz/Cargo.toml --locked --release --bins")
        .arguments(["--target", &host, "--target-dir", "target/fuzz/build"])
        .variable("RUSTFLAGS", INSTRUMENTED)
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

//! Steps, run in order up to the first that fails, and what is said about them.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::tally::Tally;

/// What a step needs beyond the Rust toolchain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Nothing: it runs everywhere.
    Native,
    /// The wasm target, or tools of other languages: left out by `--native`.
    Foreign,
}

/// One check of the project.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// What it is called in the output.
    name: &'static str,
    /// What it needs.
    part: Part,
    /// Does the work, prints its commands, and counts the tests that it ran.
    run: fn() -> Result<Tally, Failure>,
}

impl Step {
    /// A step that runs everywhere.
    pub(crate) const fn native(name: &'static str, run: fn() -> Result<Tally, Failure>) -> Self {
        Self {
            name,
            part: Part::Native,
            run,
        }
    }

    /// A step that needs the wasm target, or tools of other languages.
    pub(crate) const fn foreign(name: &'static str, run: fn() -> Result<Tally, Failure>) -> Self {
        Self {
            name,
            part: Part::Foreign,
            run,
        }
    }
}

/// A step that has run.
struct Done {
    name: &'static str,
    tests: Tally,
    time: Duration,
    failure: Option<Failure>,
}

/// Runs `steps` in order, up to the first that fails, and closes with a summary.
pub(crate) fn run_all(steps: &[Step], native_only: bool) -> ExitCode {
    let (steps, left_out): (Vec<&Step>, Vec<&Step>) = steps
        .iter()
        .partition(|step| !native_only || step.part == Part::Native);
    let mut done = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        println!("\n== {}/{}: {}", index + 1, steps.len(), step.name);
        let outcome = run(step);
        let verdict = if outcome.failure.is_none() {
            "ok"
        } else {
            "failed"
        };
        println!("{verdict} in {}", seconds(outcome.time));
        let failed = outcome.failure.is_some();
        done.push(outcome);
        if failed {
            break;
        }
    }
    summarise(
        &done,
        steps.get(done.len()..).unwrap_or_default(),
        &left_out,
    )
}

fn run(step: &Step) -> Done {
    let start = Instant::now();
    let outcome = (step.run)();
    let time = start.elapsed();
    match outcome {
        Ok(tests) => Done {
            name: step.name,
            tests,
            time,
            failure: None,
        },
        Err(failure) => {
            let mut tests = failure.tests();
            // A step that fails before any test does is itself the failure that the closing line counts.
            tests.failed = tests.failed.max(1);
            Done {
                name: step.name,
                tests,
                time,
                failure: Some(failure),
            }
        }
    }
}

fn summarise(done: &[Done], not_reached: &[&Step], left_out: &[&Step]) -> ExitCode {
    println!(
        "\n{:<28}{:>8}{:>8}{:>9}{:>10}",
        "step", "passed", "failed", "ignored", "time"
    );
    let mut total = Tally::default();
    for Done {
        name, tests, time, ..
    } in done
    {
        total += *tests;
        println!(
            "{name:<28}{:>8}{:>8}{:>9}{:>10}",
            tests.passed,
            tests.failed,
            tests.ignored,
            seconds(*time)
        );
    }
    for step in not_reached {
        println!("{:<28}not reached", step.name);
    }
    for step in left_out {
        println!("{:<28}left out by --native", step.name);
    }
    for Done { name, failure, .. } in done {
        if let Some(failure) = failure {
            println!("\n{name}: {failure}");
        }
    }
    println!("\n{} passed, {} failed", total.passed, total.failed);
    if total.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::{Step, run, run_all};
    use crate::failure::Failure;
    use crate::tally::Tally;
    use std::process::ExitCode;

    const GOOD: Step = Step::native("good", || {
        Ok(Tally {
            passed: 2,
            failed: 0,
            ignored: 0,
        })
    });
    const BAD: Step = Step::foreign("bad", || Err(Failure::Rule("a planted failure".to_owned())));

    #[test]
    fn a_step_that_fails_without_a_test_counts_as_one_failure() {
        assert_eq!(
            run(&BAD).tests,
            Tally {
                passed: 0,
                failed: 1,
                ignored: 0
            }
        );
    }

    #[test]
    fn a_failed_step_fails_the_run() {
        assert_eq!(run_all(&[GOOD, BAD, GOOD], false), ExitCode::FAILURE);
    }

    #[test]
    fn native_runs_leave_out_what_needs_foreign_tools() {
        assert_eq!(run_all(&[GOOD, BAD], true), ExitCode::SUCCESS);
    }
}

//! Steps, run in order up to the first that fails, and what is said about them.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::beside::Beside;
use crate::failure::Failure;
use crate::tally::Tally;

/// What a step needs beyond the Rust toolchain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Nothing: it runs everywhere.
    Native,
    /// The wasm target, or tools of other languages.
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

/// Runs the steps of all parts. Those that need more than Rust are run by `--foreign`, beside the others.
pub(crate) fn run_all(steps: &[Step]) -> ExitCode {
    let (native, _) = of_part(steps, Part::Native);
    let start = Instant::now();
    let beside = Beside::start(&["test", "--foreign"]);
    let mut done = run_in_order(&native);
    let not_reached = native.get(done.len()..).unwrap_or_default();
    done.push(Done::new(
        "with other tools, see above",
        start,
        beside.and_then(Beside::finish),
    ));
    summarise(&done, not_reached, &[])
}

/// Runs the steps of one part, and closes with a summary.
pub(crate) fn run_part(steps: &[Step], part: Part) -> ExitCode {
    let (steps, left_out) = of_part(steps, part);
    let done = run_in_order(&steps);
    summarise(
        &done,
        steps.get(done.len()..).unwrap_or_default(),
        &left_out,
    )
}

fn of_part(steps: &[Step], part: Part) -> (Vec<&Step>, Vec<&Step>) {
    steps.iter().partition(|step| step.part == part)
}

/// Runs `steps` up to the first that fails.
fn run_in_order(steps: &[&Step]) -> Vec<Done> {
    let mut done = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        println!("\n== {}/{}: {}", index + 1, steps.len(), step.name);
        let start = Instant::now();
        let outcome = Done::new(step.name, start, (step.run)());
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
    done
}

impl Done {
    fn new(name: &'static str, start: Instant, outcome: Result<Tally, Failure>) -> Self {
        let time = start.elapsed();
        match outcome {
            Ok(tests) => Self {
                name,
                tests,
                time,
                failure: None,
            },
            Err(failure) => {
                let mut tests = failure.tests();
                // A step that fails before any test does is itself the failure that the closing line counts.
                tests.failed = tests.failed.max(1);
                Self {
                    name,
                    tests,
                    time,
                    failure: Some(failure),
                }
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
        println!("{:<28}left out", step.name);
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
    use super::{Part, Step, run_in_order, run_part};
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
    const BAD: Step = Step::native("bad", || Err(Failure::Rule("a planted failure".to_owned())));
    const FOREIGN: Step = Step::foreign("foreign", || {
        Err(Failure::Rule("a planted failure".to_owned()))
    });

    #[test]
    fn a_step_that_fails_without_a_test_counts_as_one_failure() {
        let failed = Tally {
            passed: 0,
            failed: 1,
            ignored: 0,
        };
        let done = run_in_order(&[&BAD]);
        assert_eq!(
            done.iter().map(|done| done.tests).collect::<Vec<_>>(),
            [failed]
        );
    }

    #[test]
    fn steps_are_run_up_to_the_first_that_fails() {
        let done = run_in_order(&[&GOOD, &BAD, &GOOD]);
        assert_eq!(
            done.iter().map(|done| done.name).collect::<Vec<_>>(),
            ["good", "bad"]
        );
    }

    #[test]
    fn a_part_is_run_without_the_other_and_fails_by_its_own_steps() {
        let steps = [GOOD, FOREIGN];
        assert_eq!(run_part(&steps, Part::Native), ExitCode::SUCCESS);
        assert_eq!(run_part(&steps, Part::Foreign), ExitCode::FAILURE);
    }
}

//! Steps, run in order up to the first that fails, and what is said about them.

use std::fs;
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
    /// What the programs that it ran have taken of the processors, where the system tells.
    cpu: Option<Duration>,
    failure: Option<Failure>,
}

/// Runs the steps of all parts. Those that need more than Rust are run by `--foreign`, beside the others.
pub(crate) fn run_all(steps: &[Step]) -> ExitCode {
    let (native, _) = of_part(steps, Part::Native);
    let start = Instant::now();
    let beside = Beside::start(&["test", "--foreign"]);
    let mut done = run_in_order(&native);
    let not_reached = native.get(done.len()..).unwrap_or_default();
    let foreign = Done::of("with other tools, see above", || {
        beside.and_then(Beside::finish)
    });
    done.push(Done {
        time: start.elapsed(),
        ..foreign
    });
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
        let outcome = Done::of(step.name, step.run);
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
    fn of(name: &'static str, run: impl FnOnce() -> Result<Tally, Failure>) -> Self {
        let (start, cpu) = (Instant::now(), cpu_of_children());
        let (tests, failure) = match run() {
            Ok(tests) => (tests, None),
            Err(failure) => {
                let mut tests = failure.tests();
                // A step that fails before any test does is itself the failure that the closing line counts.
                tests.failed = tests.failed.max(1);
                (tests, Some(failure))
            }
        };
        Self {
            name,
            tests,
            time: start.elapsed(),
            cpu: cpu_of_children()
                .zip(cpu)
                .map(|(after, before)| after.saturating_sub(before)),
            failure,
        }
    }
}

/// What the programs that have ended have taken of the processors, on Linux.
fn cpu_of_children() -> Option<Duration> {
    let line = fs::read_to_string("/proc/self/stat").ok()?;
    // In front of it is the program's name, which may hold anything; the 14th and 15th word behind it are
    // in hundredths of a second.
    let (_, numbers) = line.rsplit_once(')')?;
    let mut numbers = numbers.split_whitespace().skip(13);
    let mut next = || numbers.next()?.parse::<u64>().ok();
    Some(Duration::from_millis(10 * (next()? + next()?)))
}

fn summarise(done: &[Done], not_reached: &[&Step], left_out: &[&Step]) -> ExitCode {
    println!(
        "\n{:<28}{:>8}{:>8}{:>9}{:>10}{:>10}",
        "step", "passed", "failed", "ignored", "time", "cpu"
    );
    let mut total = Tally::default();
    for Done {
        name,
        tests,
        time,
        cpu,
        ..
    } in done
    {
        total += *tests;
        println!(
            "{name:<28}{:>8}{:>8}{:>9}{:>10}{:>10}",
            tests.passed,
            tests.failed,
            tests.ignored,
            seconds(*time),
            cpu.map_or_else(|| "?".to_owned(), seconds)
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
    use super::{Done, Part, Step, run_in_order, run_part};
    use crate::command::Command;
    use crate::failure::Failure;
    use crate::tally::Tally;
    use std::process::ExitCode;
    use std::time::Duration;

    #[test]
    fn what_a_program_takes_of_the_processors_is_counted() {
        let busy = Done::of("busy", || {
            Command::new("sh")
                .arguments(["-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"])
                .run()?;
            Ok(Tally::default())
        });
        assert!(busy.cpu.is_none_or(|cpu| cpu > Duration::ZERO));
        assert_eq!(busy.cpu.is_some(), cfg!(target_os = "linux"));
    }

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

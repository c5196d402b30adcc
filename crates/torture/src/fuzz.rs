//! Any bytes at all: the programs of `fuzz/`, which libFuzzer hands inputs that make them do what no input
//! before has made them do.
//!
//! Each begins with the few inputs that the repository keeps for it and with what earlier runs have found.
//! It ends when it has had its time, or with an input under which something did not hold.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::harness::{Finding, Report, Scale, Task, caught, cores, in_parallel};

/// A program.
struct Target {
    name: &'static str,
    /// The words that its inputs are made of, a file in `fuzz/dictionaries`.
    words: Option<&'static str>,
}

const fn target(name: &'static str, words: Option<&'static str>) -> Target {
    Target { name, words }
}

const TARGETS: [Target; 13] = [
    target("amount", None),
    target("json_request", Some("json")),
    target("rest_request", Some("rest")),
    target("import_line", Some("json")),
    target("csv_import", Some("csv")),
    target("statement_stripe", Some("stripe")),
    target("statement_adyen", Some("adyen")),
    target("statement_paypal", Some("paypal")),
    target("statement_camt053", Some("camt053")),
    target("statement_csv", Some("table")),
    target("ledger_file", None),
    target("verify", None),
    target("cursor", Some("json")),
];

/// The one with a bug. It begins with nothing.
const PLANTED: Target = target("planted", None);

/// When a program has done enough.
#[derive(Clone, Copy, Debug)]
enum Until {
    Seconds(u64),
    Runs(u64),
}

pub(crate) fn run(task: &Task) -> Result<Report, Finding> {
    let programs = task.fuzz_programs.as_deref().ok_or_else(|| {
        Finding::of_harness(
            "the fuzz programs are needed: `cargo xtask torture` builds them; run by hand, name their \
             folder with `--fuzz-programs`",
        )
    })?;
    let rounds = u64::try_from(TARGETS.len().div_ceil(cores())).unwrap_or(1);
    // No seconds at all would be without end.
    let share = task
        .time_left()
        .map(|left| (left.as_secs() / rounds).max(1));
    let until = match (task.scale, share) {
        (Scale::Quick, share) => Until::Seconds(share.unwrap_or(30).min(30)),
        (Scale::Long, None) => Until::Runs(100_000_000),
        (Scale::Long, Some(share)) => Until::Seconds(share),
    };
    // The one with a bug takes a few seconds: it comes last, on the core that has nothing more to do.
    let planted = Mutex::new(Ok(None));
    let done = in_parallel(TARGETS.len() + 1, |number| {
        let seed = task.seed(number + 1);
        let Some(target) = TARGETS.get(number) else {
            let found = fuzz(programs, &PLANTED, seed, Until::Seconds(60));
            *planted.lock().unwrap_or_else(PoisonError::into_inner) = caught([found].into_iter());
            return Ok(None);
        };
        fuzz(programs, target, seed, until).map(Some)
    })?;
    let planted = planted
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)?;
    let done: Vec<Done> = done.into_iter().flatten().collect();
    let executions: u64 = done.iter().map(|done| done.executions).sum();
    let seconds = done.iter().map(|done| done.seconds);
    let (least, most) = (seconds.clone().min(), seconds.max());
    Ok(Report {
        did: format!(
            "{} targets, {executions} executions, {} to {} s each",
            TARGETS.len(),
            least.unwrap_or_default(),
            most.unwrap_or_default()
        ),
        planted: vec![("an amount that is read as a float", planted)],
    })
}

/// What a program did that found nothing.
#[derive(Clone, Copy, Debug)]
struct Done {
    executions: u64,
    seconds: u64,
}

/// Lets a program run.
fn fuzz(programs: &Path, target: &Target, seed: u64, until: Until) -> Result<Done, Finding> {
    let start = Instant::now();
    let name = target.name;
    let program = programs.join(name);
    let mut command = Command::new(&program);
    // libFuzzer takes 32 bits, of which 0 stands for a seed of its own.
    let seed = u32::try_from(seed >> 32).unwrap_or(0).max(1);
    command.arg(format!("-seed={seed}"));
    command.arg(match until {
        Until::Seconds(seconds) => format!("-max_total_time={seconds}"),
        Until::Runs(runs) => format!("-runs={runs}"),
    });
    command.args(["-print_final_stats=1", "-verbosity=0", "-max_len=4096"]);
    command.args(["-timeout=20", "-rss_limit_mb=1024"]);
    let found = target_folder().join("artifacts").join(name);
    fs::create_dir_all(&found)?;
    command.arg(format!("-artifact_prefix={}/", found.display()));
    if let Some(words) = target.words {
        command.arg(format!("-dict={}", dictionary(words).display()));
    }
    if name != PLANTED.name {
        // What is new goes into the first folder.
        let new = target_folder().join("corpus").join(name);
        fs::create_dir_all(&new)?;
        command.args([new, seeds(name)]);
    }
    let scratch = tempfile::tempdir()?;
    command.env("TMPDIR", scratch.path());
    let output = command
        .output()
        .map_err(|error| Finding::of_harness(format!("`{}`: {error}", program.display())))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if let Some(input) = input_found(&said) {
        return Err(Finding::new(format!(
            "{name}: {}\nthe input is `{input}`; to see it again: `{} {input}`",
            complaint(&said),
            program.display()
        )));
    }
    match executions(&said) {
        Some(executions) if output.status.success() && executions > 0 => Ok(Done {
            executions,
            seconds: start.elapsed().as_secs(),
        }),
        _ => Err(Finding::of_harness(format!(
            "`{}` ended with {}: {said}",
            program.display(),
            output.status
        ))),
    }
}

/// The top of the repository.
fn top() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// Where all goes that runs bring.
fn target_folder() -> PathBuf {
    top().join("target/fuzz")
}

fn sources() -> PathBuf {
    top().join("fuzz")
}

fn dictionary(words: &str) -> PathBuf {
    sources().join(format!("dictionaries/{words}.dict"))
}

/// The inputs that a target begins with.
fn seeds(name: &str) -> PathBuf {
    sources().join("corpus").join(name)
}

/// Where the input is under which a program failed, by what libFuzzer says. One that only took longer than
/// any other is written down too.
fn input_found(said: &str) -> Option<&str> {
    let mut lines = said.lines();
    lines.find_map(|line| {
        let (_, input) = line.split_once("Test unit written to ")?;
        let input = input.split_whitespace().next()?;
        let is_slow = input.rsplit('/').next()?.starts_with("slow-unit-");
        (!is_slow).then_some(input)
    })
}

/// How many inputs were tried, by the statistics at the end.
fn executions(said: &str) -> Option<u64> {
    let mut lines = said.lines();
    lines.find_map(|line| {
        let count = line.strip_prefix("stat::number_of_executed_units:")?;
        count.trim().parse().ok()
    })
}

/// What a program says of its failure: the message of its panic, else what libFuzzer makes of it.
fn complaint(said: &str) -> String {
    let mut lines = said
        .lines()
        .skip_while(|line| !line.contains(" panicked at "));
    if let Some(place) = lines.next() {
        let place = place
            .split_once(" panicked at ")
            .map_or(place, |(_, place)| place);
        let message = lines.take_while(|line| {
            !line.starts_with("note: ")
                && !line.starts_with("stack backtrace:")
                && !line.starts_with("==")
        });
        let message: Vec<&str> = message.take(12).collect();
        return format!(
            "{} (at {})",
            message.join("\n"),
            place.trim_end_matches(':')
        );
    }
    let mut lines = said.lines();
    let error = lines.find_map(|line| line.split_once("ERROR: libFuzzer: "));
    error
        .map_or("it failed, and does not say why", |(_, what)| what)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::{PLANTED, TARGETS, complaint, dictionary, executions, input_found, seeds, sources};

    const DONE: &str = "\
Done 182341 runs in 31 second(s)
stat::number_of_executed_units: 182341
stat::average_exec_per_sec:     5881
stat::new_units_added:          412
stat::slowest_unit_time_sec:    0
stat::peak_rss_mb:              62
";

    const PANICKED: &str = "\
INFO: Seed: 7

thread '<unnamed>' (812) panicked at fuzz_targets/planted.rs:20:5:
assertion `left == right` failed: `0.29` in cents, read as a float
  left: 28
 right: 29
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
==812== ERROR: libFuzzer: deadly signal
SUMMARY: libFuzzer: deadly signal
MS: 2 InsertByte-CopyPart-; base unit: adc83b19e793491b1c6ea0fd8b46cd9f32e592fc
artifact_prefix='/fuzz/artifacts/planted/'; Test unit written to /fuzz/artifacts/planted/crash-1f
Base64: MC4yOQ==
stat::number_of_executed_units: 9021
";

    const SLOWEST: &str = "\
Slowest unit: 11 s:
artifact_prefix='/a/'; Test unit written to /a/slow-unit-ab
";

    const HUNG: &str = "\
ALARM: working on the last Unit for 21 seconds
==9== ERROR: libFuzzer: timeout after 21 seconds
artifact_prefix='/a/'; Test unit written to /a/timeout-ab
";

    #[test]
    fn a_run_that_finds_nothing_tells_its_executions() {
        assert_eq!(input_found(DONE), None);
        assert_eq!(executions(DONE), Some(182_341));
        assert_eq!(executions("Done 5 runs in 1 second(s)"), None);
        assert_eq!(executions("stat::number_of_executed_units: many"), None);
    }

    #[test]
    fn a_panic_is_told_with_its_message_and_input() {
        assert_eq!(
            input_found(PANICKED),
            Some("/fuzz/artifacts/planted/crash-1f")
        );
        assert_eq!(
            complaint(PANICKED),
            "assertion `left == right` failed: `0.29` in cents, read as a float\n  left: 28\n right: 29 \
             (at fuzz_targets/planted.rs:20:5)"
        );
    }

    #[test]
    fn what_is_no_panic_is_told_in_the_words_of_libfuzzer() {
        assert_eq!(input_found(HUNG), Some("/a/timeout-ab"));
        assert_eq!(complaint(HUNG), "timeout after 21 seconds");
        assert_eq!(input_found(SLOWEST), None);
    }

    #[test]
    fn every_target_is_run_and_has_what_it_begins_with() {
        let there: BTreeSet<String> = fs::read_dir(sources().join("fuzz_targets"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let run = TARGETS.iter().chain([&PLANTED]);
        let run: BTreeSet<String> = run.map(|target| format!("{}.rs", target.name)).collect();
        assert_eq!(there, run);
        for target in &TARGETS {
            let sizes: Vec<u64> = fs::read_dir(seeds(target.name))
                .unwrap()
                .map(|entry| entry.unwrap().metadata().unwrap().len())
                .collect();
            assert!(
                (1..=10).contains(&sizes.len()) && sizes.iter().all(|size| *size <= 4_096),
                "{} begins with a few small inputs: {sizes:?}",
                target.name
            );
            if let Some(words) = target.words {
                assert!(dictionary(words).is_file(), "no words `{words}`");
            }
        }
    }
}

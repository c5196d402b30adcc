//! What the package costs, beside what it is measured against: `cargo xtask npm --bench`.

use std::time::Instant;

use super::node::{self, NEWER};
use super::wasm::Module;
use super::{MADE, PACKAGE, build};
use crate::command::Command;
use crate::failure::Failure;
use crate::workspace;

const REFUNDS: usize = 100_000;

/// What stands beside each other runs in turn, this often; the medians are compared.
const ROUNDS: usize = 5;
const STARTS: usize = 21;

const NATIVE_WANTED: f64 = 0.4;
const BY_HAND_WANTED: f64 = 2.0;
const START_WANTED: f64 = 50.0;

/// Builds the package and prints one row for each target.
pub(crate) fn run() -> Result<(), Failure> {
    build()?;
    node::compile_tests()?;
    let lines = workspace::top().join(MADE).join("commands.jsonl");
    let lines = lines.to_string_lossy();
    script("write-lines.js", &[&lines, &REFUNDS.to_string()]).run()?;

    let native = Command::cargo("bench --quiet --package refund-wasm --bench lines -- --file")
        .arguments([lines.as_ref()]);
    let [native, module] = compare(&native, &script("lines.js", &[&lines]))?;
    let refunds = REFUNDS.to_string();
    let by_hand = script("by-hand.js", &[&refunds]);
    let [by_hand, objects] = compare(&by_hand, &script("objects.js", &[&refunds]))?;
    let start = start()?;

    println!(
        "\nmedians of {ROUNDS} rounds of {REFUNDS} refunds, run in turn in the newer Node; {STARTS} starts"
    );
    row(
        "in memory, from lines of JSON: the module / native",
        per_second(native),
        per_second(module),
        NATIVE_WANTED,
    );
    row(
        "in memory, from objects: `createRefund` / by hand over better-sqlite3",
        per_second(by_hand),
        per_second(objects),
        BY_HAND_WANTED,
    );
    println!(
        "import of the package to the first refund: {start:.1} ms over an empty script, wanted ≤ {START_WANTED:.0} ms: {}",
        verdict(start <= START_WANTED)
    );
    Module::LEDGER.check_size()
}

fn script(name: &str, arguments: &[&str]) -> Command {
    Command::new(NEWER)
        .arguments([format!("build/tests/bench/{name}")])
        .arguments(arguments)
        .in_folder(PACKAGE)
}

/// The median seconds of both, which print theirs.
fn compare(one: &Command, other: &Command) -> Result<[f64; 2], Failure> {
    println!("$ {one}\n$ {other}");
    let seconds = |command: &Command| {
        let printed = command.read()?;
        let seconds = printed.trim().parse::<f64>();
        seconds.map_err(|error| command.unexpected(format!("`{}`: {error}", printed.trim())))
    };
    // The first run of one may have to compile, and that of either to read its files from the disk.
    seconds(one)?;
    seconds(other)?;
    let mut rounds = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        rounds[0].push(seconds(one)?);
        rounds[1].push(seconds(other)?);
    }
    Ok(rounds.map(median))
}

/// Milliseconds until the first refund, over those of a script that does nothing.
fn start() -> Result<f64, Failure> {
    let scripts = ["empty.js", "first-refund.js"].map(|name| script(name, &[]));
    let [empty, first] = &scripts;
    println!("$ {empty}\n$ {first}");
    let mut starts = [Vec::new(), Vec::new()];
    for _ in 0..STARTS {
        for (script, starts) in scripts.iter().zip(&mut starts) {
            let begin = Instant::now();
            script.read()?;
            starts.push(begin.elapsed().as_secs_f64() * 1_000.0);
        }
    }
    let [empty, first] = starts.map(median);
    Ok(first - empty)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[expect(clippy::cast_precision_loss, reason = "a hundred thousand is exact")]
fn per_second(seconds: f64) -> f64 {
    REFUNDS as f64 / seconds
}

fn row(what: &str, beside: f64, ours: f64, wanted: f64) {
    let ratio = ours / beside;
    println!(
        "{what}: {ours:.0} / {beside:.0} per second = {ratio:.2}, wanted ≥ {wanted}: {}",
        verdict(ratio >= wanted)
    );
}

fn verdict(is_reached: bool) -> &'static str {
    if is_reached { "reached" } else { "short" }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{ROUNDS, compare};
    use crate::command::Command;

    #[test]
    fn both_sides_run_equally_often() {
        let log = std::env::temp_dir().join(format!("rounds-{}", std::process::id()));
        let side = |name: &str| {
            let script = format!("echo {name} >> '{}'; echo 1.5", log.display());
            Command::new("sh").arguments(["-c", &script])
        };
        let compared = compare(&side("one"), &side("other"));
        let runs = fs::read_to_string(&log).unwrap();
        fs::remove_file(&log).unwrap();
        assert_eq!(
            compared.unwrap().map(|seconds| seconds.to_string()),
            ["1.5", "1.5"]
        );
        let count = |name| runs.lines().filter(|run| *run == name).count();
        assert_eq!((count("one"), count("other")), (ROUNDS + 1, ROUNDS + 1));
    }
}

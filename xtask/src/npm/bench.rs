//! What the package costs, beside what it is measured against.

use std::time::Instant;

use bench_row::median;

use super::node::{self, NEWER};
use super::{MADE, PACKAGE, build};
use crate::bench::row::{Pair, Row};
use crate::command::Command;
use crate::failure::Failure;
use crate::workspace;

const NATIVE_WANTED: f64 = 0.4;
const BY_HAND_WANTED: f64 = 2.0;
const START_WANTED_MS: f64 = 50.0;

/// How much is measured. What stands beside each other runs in turn, and the medians are compared.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// How many refunds a round books.
    pub(crate) refunds: usize,
    /// How many rounds count.
    pub(crate) rounds: usize,
    /// How many times the package is started.
    pub(crate) starts: usize,
}

/// Builds the package, and measures it in the newer Node.
pub(crate) fn rows(sample: Sample) -> Result<Vec<Row>, Failure> {
    build()?;
    node::compile_tests()?;
    let lines = workspace::top().join(MADE).join("commands.jsonl");
    let lines = lines.to_string_lossy();
    let refunds = sample.refunds.to_string();
    script("write-lines.js", &[&lines, &refunds]).run()?;

    let native = Command::cargo("bench --quiet --package refund-wasm --bench lines -- --file")
        .arguments([lines.as_ref()]);
    let from_lines = sample.compare(&native, &script("lines.js", &[&lines]))?;
    let from_objects = sample.compare(
        &script("by-hand.js", &[&refunds]),
        &script("objects.js", &[&refunds]),
    )?;
    let start = "import of the package and first refund in Node, over an empty script";
    Ok(vec![
        Row::rate("wasm in Node, from lines of JSON", "refunds", from_lines)
            .beside("the same natively")
            .wanted(NATIVE_WANTED),
        Row::rate("wasm in Node, `createRefund`", "refunds", from_objects)
            .beside("rules by hand over better-sqlite3 in memory")
            .wanted(BY_HAND_WANTED),
        Row::limited(start, "ms", sample.start_ms()?, START_WANTED_MS),
    ])
}

/// One refund in each durable transaction, beside rules by hand in a file too. It builds the package.
pub(crate) fn durable(sample: Sample) -> Result<Row, Failure> {
    build()?;
    node::compile_tests()?;
    let refunds = sample.refunds.to_string();
    let figures = sample.compare(
        &script("by-hand.js", &[&refunds, "file"]),
        &script("objects.js", &[&refunds, "file"]),
    )?;
    let name = "Node: one durable refund a transaction, `createRefund`";
    Ok(Row::rate(name, "refunds", figures).beside("rules by hand over better-sqlite3 in a file"))
}

fn script(name: &str, arguments: &[&str]) -> Command {
    Command::new(NEWER)
        .arguments([format!("build/tests/bench/{name}")])
        .arguments(arguments)
        .in_folder(PACKAGE)
}

impl Sample {
    /// How many refunds both sides book in a second. They print how many seconds theirs take.
    fn compare(self, beside: &Command, ours: &Command) -> Result<Pair, Failure> {
        println!("$ {beside}\n$ {ours}");
        let seconds = |command: &Command| {
            let printed = command.read()?;
            let seconds = printed.trim().parse::<f64>();
            seconds.map_err(|error| command.unexpected(format!("`{}`: {error}", printed.trim())))
        };
        // The first run of one may have to compile, and that of either to read its files from the disk.
        seconds(beside)?;
        seconds(ours)?;
        let mut rounds = [Vec::new(), Vec::new()];
        for _ in 0..self.rounds {
            rounds[0].push(seconds(beside)?);
            rounds[1].push(seconds(ours)?);
        }
        let [by_hand, ours] = rounds.map(|seconds| self.per_second(median(seconds)));
        Ok(Pair { by_hand, ours })
    }

    #[expect(clippy::cast_precision_loss, reason = "so many refunds are exact")]
    fn per_second(self, seconds: f64) -> f64 {
        self.refunds as f64 / seconds
    }

    /// Milliseconds until the first refund, over those of a script that does nothing.
    fn start_ms(self) -> Result<f64, Failure> {
        let scripts = ["empty.js", "first-refund.js"].map(|name| script(name, &[]));
        let [empty, first] = &scripts;
        println!("$ {empty}\n$ {first}");
        let mut starts = [Vec::new(), Vec::new()];
        for _ in 0..self.starts {
            for (script, starts) in scripts.iter().zip(&mut starts) {
                let begin = Instant::now();
                script.read()?;
                starts.push(begin.elapsed().as_secs_f64() * 1_000.0);
            }
        }
        let [empty, first] = starts.map(median);
        Ok(first - empty)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Sample;
    use crate::command::Command;

    #[test]
    fn both_sides_run_equally_often() {
        let log = std::env::temp_dir().join(format!("rounds-{}", std::process::id()));
        let side = |name: &str| {
            let script = format!("echo {name} >> '{}'; echo 1.5", log.display());
            Command::new("sh").arguments(["-c", &script])
        };
        let sample = Sample {
            refunds: 3,
            rounds: 5,
            starts: 0,
        };
        let compared = sample.compare(&side("one"), &side("other")).unwrap();
        let runs = fs::read_to_string(&log).unwrap();
        fs::remove_file(&log).unwrap();
        let per_second = [compared.by_hand, compared.ours];
        assert_eq!(per_second.map(|figure| figure.to_string()), ["2", "2"]);
        let count = |name| runs.lines().filter(|run| *run == name).count();
        assert_eq!(
            (count("one"), count("other")),
            (6, 6),
            "five, and one before"
        );
    }
}

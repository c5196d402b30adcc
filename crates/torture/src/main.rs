//! Tortures a ledger, and says what came of it: `cargo xtask torture` runs this program.
//!
//! Each harness does one thing to ledgers that must not matter, and then checks what they promise. And
//! each is shown to find the bug that it is for: it is run once more with that bug planted.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program at the edge, whose output is for people"
)]
#![allow(
    clippy::indexing_slicing,
    clippy::unreachable,
    clippy::disallowed_methods,
    reason = "a harness that is wrong should fail loudly; it is a program at the edge, which measures time"
)]

mod disk;
mod faults;
mod fuzz;
mod harness;
mod kill;
mod migrate;
mod model;
mod money;
mod place;
mod power_cut;
mod race;
mod random;
mod release;
mod tamper;
mod tenants;
mod workload;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};

use crate::harness::{Finding, Kind, Report, Scale, Task};

/// A harness by its name.
type Harness = (&'static str, fn(&Task) -> Result<Report, Finding>);

const HARNESSES: &[Harness] = &[
    ("power-cut", power_cut::run),
    ("kill", kill::run),
    ("race", race::run),
    ("faults", faults::run),
    ("tamper", tamper::run),
    ("tenants", tenants::run),
    ("migrate", migrate::run),
    ("model", model::run),
    ("money", money::run),
    ("fuzz", fuzz::run),
];

/// A year.
const MINUTES_MAX: u64 = 366 * 24 * 60;

/// Torture ledgers, and print what came of it
#[derive(Parser)]
#[command(
    name = "cargo xtask torture",
    bin_name = "cargo xtask torture",
    args_conflicts_with_subcommands = true
)]
struct Arguments {
    /// As much as fits into a few minutes; the default
    #[arg(long, conflicts_with = "long")]
    quick: bool,
    /// A hundred times as much, and more
    #[arg(long)]
    long: bool,
    /// Stop each harness that draws at random after about so many minutes, and say how far it came
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=MINUTES_MAX))]
    minutes: Option<u64>,
    /// What decides everything that looks random
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the built programs of `fuzz/` are; the harness `fuzz` needs them
    #[arg(long, value_name = "FOLDER")]
    fuzz_programs: Option<PathBuf>,
    /// Which harnesses to run; all where none is named
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(HARNESSES.iter().map(|(name, _)| *name)))]
    names: Vec<String>,
    #[command(subcommand)]
    part: Option<Part>,
}

/// What the harnesses run as processes of their own.
#[derive(Subcommand)]
enum Part {
    #[command(hide = true)]
    Book(kill::Booking),
    #[command(hide = true)]
    Attempt(race::Attempting),
    /// Write the ledgers that later versions of the tables have to be brought up from
    Release(release::Release),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(part) = arguments.part {
        let done = match part {
            Part::Book(booking) => booking.run(),
            Part::Attempt(attempting) => attempting.run(),
            Part::Release(release) => release.write(),
        };
        return match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(Finding { what, .. }) => {
                eprintln!("{what}");
                ExitCode::FAILURE
            }
        };
    }
    watched_vfs::install();
    let scale = if arguments.long {
        Scale::Long
    } else {
        Scale::Quick
    };
    let start = Instant::now();
    let mut table = Table::default();
    for (name, run) in HARNESSES {
        let is_asked =
            arguments.names.is_empty() || arguments.names.iter().any(|asked| asked == name);
        if is_asked {
            let minutes = arguments.minutes.map(Duration::from_mins);
            let task = Task {
                scale,
                seed: arguments.seed,
                deadline: minutes.and_then(|minutes| Instant::now().checked_add(minutes)),
                fuzz_programs: arguments.fuzz_programs.clone(),
            };
            table.add(name, || run(&task), task.seed);
        }
    }
    println!("\n| harness | what it did | planted bugs | time |\n|---|---|---|---:|");
    println!("{}", table.rows.join("\n"));
    println!("in all {:.0} s", start.elapsed().as_secs_f64());
    if table.failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// What came of all harnesses, as it is shown at the end.
#[derive(Default)]
struct Table {
    rows: Vec<String>,
    failed: bool,
}

impl Table {
    /// Runs a harness, and adds its row.
    fn add(&mut self, name: &str, run: impl FnOnce() -> Result<Report, Finding>, seed: u64) {
        println!("{name}");
        let start = Instant::now();
        let outcome = run();
        let took = format!("{:.0} s", start.elapsed().as_secs_f64());
        let (did, planted) = match outcome {
            Ok(report) => {
                println!("  {} ({took})", report.did);
                (report.did, self.judge(report.planted))
            }
            Err(Finding { what, kind }) => {
                self.failed = true;
                let verdict = match kind {
                    Kind::Broken | Kind::Refused => "FOUND",
                    Kind::Harness => "COULD NOT GO ON",
                };
                println!("  {verdict}, with --seed {seed}: {what}");
                (format!("{verdict}: {}", first_line(&what)), String::new())
            }
        };
        self.rows
            .push(format!("| {name} | {did} | {planted} | {took} |"));
    }

    /// Says of each planted bug whether it was caught; each must be.
    fn judge(&mut self, planted: Vec<(&'static str, Option<Finding>)>) -> String {
        let mut said = Vec::new();
        for (bug, caught) in planted {
            if let Some(Finding { what, .. }) = caught {
                println!("  planted {bug}: caught: {}", first_line(&what));
                said.push(format!("{bug}: caught"));
            } else {
                self.failed = true;
                println!("  planted {bug}: NOT CAUGHT");
                said.push(format!("{bug}: NOT CAUGHT"));
            }
        }
        said.join("; ")
    }
}

fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(160).collect()
}

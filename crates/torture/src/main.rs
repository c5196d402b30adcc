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
mod harness;
mod kill;
mod money;
mod power_cut;
mod race;
mod random;
mod workload;

use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand};

use crate::harness::{Finding, Report, Scale, Task};

/// A harness by its name.
type Harness = (&'static str, fn(&Task) -> Result<Report, Finding>);

const HARNESSES: &[Harness] = &[
    ("power-cut", power_cut::run),
    ("kill", kill::run),
    ("race", race::run),
    ("faults", faults::run),
    ("money", money::run),
];

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
    /// What decides everything that looks random
    #[arg(long, default_value_t = 1)]
    seed: u64,
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
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(Part::Book(booking)) = arguments.part {
        return match booking.run() {
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
    let task = Task {
        scale,
        seed: arguments.seed,
    };
    let mut failed = false;
    for (name, run) in HARNESSES {
        let is_asked =
            arguments.names.is_empty() || arguments.names.iter().any(|asked| asked == name);
        if !is_asked {
            continue;
        }
        let start = Instant::now();
        match run(&task) {
            Ok(report) => {
                let took = start.elapsed().as_secs_f64();
                println!("{name}: {} ({took:.1} s)", report.did);
                for (bug, caught) in report.planted {
                    if let Some(Finding { what, .. }) = caught {
                        println!("  planted {bug}: caught: {}", first_line(&what));
                    } else {
                        failed = true;
                        println!("  planted {bug}: NOT CAUGHT");
                    }
                }
            }
            Err(Finding { what, .. }) => {
                failed = true;
                println!("{name}: FOUND, with --seed {}: {what}", task.seed);
            }
        }
    }
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(160).collect()
}

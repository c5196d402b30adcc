//! Measures the ledger beside tables and SQL by hand, and prints a row for each measurement.
//!
//! The figures are medians of rounds in which both sides take turns; a first round warms up. `ratio` is
//! ours / by hand. What by hand does, and what it does not, stands in the documentation of the library.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a measurement reads the clock and runs itself again, and fails loudly"
)]

mod parts;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use refund_bench::{Folder, Row, print_rows};

use crate::parts::scale::{self, Scale};
use crate::parts::{batches, durable, import, instructions, lists, memory, size, threads};

/// Measure the ledger beside tables and SQL written by hand
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    /// What to measure; all but `scale` and `instructions` unless given
    parts: Vec<Part>,
    #[command(flatten)]
    setting: Setting,
    /// The refunds in the largest file of `scale`
    #[arg(long, default_value_t = 10_000_000)]
    largest: usize,
    /// Keep what `instructions` counts, for later runs to stand beside
    #[arg(long)]
    keep: bool,
    /// Print a line of JSON for each row
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    step: Option<Step>,
}

/// What holds for every part.
#[derive(clap::Args, Clone)]
struct Setting {
    /// How many refunds are booked or imported in a round, instead of what each part has by itself
    #[arg(long)]
    refunds: Option<usize>,
    /// How many rounds count
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Where files are made and removed again, instead of where the system has temporary files
    #[arg(long)]
    folder: Option<PathBuf>,
}

impl Setting {
    fn refunds(&self, usual: usize) -> usize {
        self.refunds.unwrap_or(usual)
    }

    fn folder(&self) -> Folder {
        Folder::new(self.folder.as_deref())
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// One refund in each durable transaction
    Durable,
    /// 8, 100 and 8,000 refunds in each
    Batches,
    /// Eight threads at once
    Threads,
    /// In memory
    Memory,
    /// From JSON Lines
    Import,
    /// Bytes of the file
    Size,
    /// Lists, single refunds and `verify`
    Lists,
    /// 10 thousand to 10 million refunds in the file
    Scale,
    /// Instructions and allocations, counted by valgrind, beside those that are kept
    Instructions,
}

const USUAL: [Part; 7] = [
    Part::Durable,
    Part::Batches,
    Part::Threads,
    Part::Memory,
    Part::Import,
    Part::Size,
    Part::Lists,
];

/// What runs in a process of its own, to see its memory or count what it does.
#[derive(Subcommand)]
enum Step {
    #[command(hide = true)]
    Fill(scale::Fill),
    #[command(hide = true)]
    Use(scale::Use),
    #[command(hide = true)]
    Book(instructions::Book),
}

fn main() {
    let arguments = Arguments::parse();
    match &arguments.step {
        Some(Step::Fill(step)) => step.run(),
        Some(Step::Use(step)) => step.run(),
        Some(Step::Book(step)) => step.run(),
        None => print_rows(&arguments.measure(), arguments.json),
    }
}

impl Arguments {
    fn measure(&self) -> Vec<Row> {
        let parts = if self.parts.is_empty() {
            &USUAL[..]
        } else {
            &self.parts
        };
        let rows = parts.iter().flat_map(|part| self.part(*part));
        rows.collect()
    }

    fn part(&self, part: Part) -> Vec<Row> {
        let setting = &self.setting;
        match part {
            Part::Durable => durable::rows(setting),
            Part::Batches => batches::rows(setting),
            Part::Threads => threads::rows(setting),
            Part::Memory => memory::rows(setting),
            Part::Import => import::rows(setting),
            Part::Size => size::rows(setting),
            Part::Lists => lists::rows(setting),
            Part::Scale => Scale::new(setting, self.largest).rows(),
            Part::Instructions => instructions::rows(setting, self.keep),
        }
    }
}

//! What can be measured by itself, and where its rows come from.

use std::env;

use clap::ValueEnum;

use super::peers;
use super::row::{self, Row};
use crate::command::Command;
use crate::failure::Failure;
use crate::npm::bench::{self as npm, Sample};
use crate::packages;
use crate::postgres;
use crate::python::Environment;
use crate::scratch::room_kib;

/// Pandas, in a Python of its own.
const PANDAS: Environment = Environment {
    name: "pandas",
    python: "Python 3.11 or later",
};

/// How many refunds the largest file of `scale` has.
const LARGEST: usize = 10_000_000;
const LARGEST_QUICK: usize = 20_000;

/// What a refund takes there, with its share of a movement and of the log, and some to spare.
const BYTES_PER_REFUND: u64 = 1_000;

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// As much as the targets are about.
    Full,
    /// So little that the figures mean nothing.
    Quick,
}

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// One refund in each durable transaction
    Durable,
    /// 8, 100 and 8,000 refunds in each
    Batches,
    /// Eight threads at once
    Threads,
    /// In memory
    Memory,
    /// `refunds import`, its time and its memory, and the same through the library
    Import,
    /// Bytes of the file
    Size,
    /// Lists, single refunds and `verify`
    Lists,
    /// 10 thousand to 10 million refunds in the file
    Scale,
    /// The npm package
    Wasm,
    /// Over a PostgreSQL server
    Postgres,
    /// Instructions and allocations, counted by valgrind, beside those that are kept
    Instructions,
    /// A reconciliation beside reading both sides, and beside pandas
    Reconcile,
    /// Beside another ledger on PostgreSQL, and beside rules by hand in Node: only where it is named, as the first
    /// build takes some 20 minutes
    Peers,
}

impl Part {
    /// Those that are measured where none is named.
    pub(crate) fn usual() -> Vec<Self> {
        let parts = Self::value_variants().iter().copied();
        parts.filter(|part| *part != Self::Peers).collect()
    }

    /// As the command line names it.
    pub(crate) fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Measures it.
    pub(crate) fn rows(self, extent: Extent) -> Result<Vec<Row>, Failure> {
        match self {
            Self::Durable
            | Self::Batches
            | Self::Threads
            | Self::Memory
            | Self::Size
            | Self::Lists => row::read(&self.of_library(extent)),
            Self::Instructions => {
                install_valgrind()?;
                row::read(&self.of_library(extent))
            }
            Self::Import => {
                let program = Command::cargo("bench --quiet -p refund-cli --bench import --");
                let mut rows = row::read(&extent.limit(program, 10_000))?;
                rows.extend(row::read(&self.of_library(extent))?);
                Ok(rows)
            }
            Self::Scale => {
                let largest = extent.pick(LARGEST, LARGEST_QUICK).to_string();
                let command = self.of_library(extent);
                let command = command.arguments(["--largest", &largest]);
                let rows = row::read(&command)?;
                let wanted = format!("a durable refund, {largest} in the file");
                if rows.iter().any(|row| row.name == wanted) {
                    Ok(rows)
                } else {
                    Err(command.unexpected(format!("no row is about {wanted}")))
                }
            }
            Self::Peers => peers::rows(extent),
            Self::Wasm => npm::rows(Sample {
                refunds: extent.pick(100_000, 1_000),
                rounds: extent.pick(5, 1),
                starts: extent.pick(21, 3),
            }),
            Self::Postgres => {
                postgres::set_up()?;
                let bench = "bench --quiet -p refund-bench --features postgres --bench postgres --";
                row::read(&extent.limit(Command::cargo(bench), 160))
            }
            Self::Reconcile => {
                let python = PANDAS.programs()?.join("python");
                let bench = Command::cargo("bench --quiet -p refund-cli --bench reconcile --");
                row::read(&extent.limit(bench.arguments(["--python".into(), python]), 10_000))
            }
        }
    }

    /// What the program measures that has a part of the same name.
    fn of_library(self, extent: Extent) -> Command {
        let program = Command::cargo("run --release --quiet -p refund-bench --");
        extent.limit(program.arguments([self.name()]), 1_000)
    }
}

impl Extent {
    pub(super) fn pick(self, full: usize, quick: usize) -> usize {
        match self {
            Self::Full => full,
            Self::Quick => quick,
        }
    }

    /// Asks a program for lines of JSON; how many refunds and rounds it usually has is its own affair.
    pub(super) fn limit(self, command: Command, refunds: usize) -> Command {
        let command = command.arguments(["--json"]);
        match self {
            Self::Full => command,
            Self::Quick => command.arguments(["--refunds", &refunds.to_string(), "--rounds", "1"]),
        }
    }
}

fn install_valgrind() -> Result<(), Failure> {
    let is_there = Command::new("valgrind").arguments(["--version"]).read();
    is_there
        .map(drop)
        .or_else(|_| packages::install(&["valgrind"], "valgrind (on the path)"))
}

/// Fails where `scale` would fill the disk, before anything is measured.
pub(crate) fn check_room(extent: Extent) -> Result<(), Failure> {
    let folder = env::temp_dir();
    let needed_kib = extent.pick(LARGEST, LARGEST_QUICK) as u64 * BYTES_PER_REFUND / 1_024;
    let room_kib = room_kib(&folder)?;
    if room_kib >= needed_kib {
        return Ok(());
    }
    Err(Failure::Rule(format!(
        "`scale` needs {} MiB in `{}`, where {} are left: make room, or name another folder in `TMPDIR`",
        needed_kib / 1_024,
        folder.display(),
        room_kib / 1_024
    )))
}

#[cfg(test)]
mod tests {
    use super::Part;

    #[test]
    fn the_peers_are_measured_only_where_they_are_named() {
        assert!(!Part::usual().contains(&Part::Peers));
        assert!(Part::usual().contains(&Part::Postgres));
    }
}

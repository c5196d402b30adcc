//! The project's chores: `cargo xtask test` runs every check and sets up what it needs.
//!
//! A chore is a list of [`step::Step`]s; each file here holds the steps of one subject. To add one,
//! write its function in the file of its subject and name it in [`TEST`].

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program at the edge, whose output is for people"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "a program at the edge: it times its steps"
)]

mod bare;
mod bench;
mod beside;
mod command;
mod contract;
mod coverage;
mod deny;
mod failover;
mod failure;
mod miri;
mod mutants;
mod native;
mod npm;
mod packages;
mod postgres;
mod python;
mod sbom;
mod scratch;
mod step;
mod tally;
mod tools;
mod torture;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;
use crate::step::{Part, Step};

/// What `cargo xtask test` runs, in this order: native steps and foreign ones beside each other.
const TEST: &[Step] = &[
    Step::native("format", native::format),
    Step::native("lints", native::lints),
    Step::native("documentation", native::documentation),
    Step::native("tests", native::tests),
    Step::native("examples", native::examples),
    Step::native("features one by one", native::features),
    Step::native("torture", torture::quick),
    Step::foreign("core, contract and reconciliation for wasm", bare::check),
    Step::foreign("contract, by schemathesis", contract::check),
    npm::BUILD,
    npm::TESTS,
    npm::CONSUMERS,
    npm::IN_CHROMIUM,
    Step::native("dependencies", deny::check),
];

/// What `cargo xtask npm --test` runs: what of [`TEST`] is about the package.
const NPM: &[Step] = &[npm::BUILD, npm::TESTS, npm::CONSUMERS, npm::IN_CHROMIUM];

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "The project's chores"
)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Run every check
    Test {
        /// Leave out what needs the wasm target, or tools of other languages
        #[arg(long, conflicts_with = "foreign")]
        native: bool,
        /// Only what needs the wasm target, or tools of other languages
        #[arg(long)]
        foreign: bool,
    },
    /// Check that core, contract and reconciliation without features compile for wasm, and that the core carries no store, clock or JS
    CheckBare,
    /// Have schemathesis try the running server against its OpenAPI document
    Contract {
        /// What its cases are drawn from
        #[arg(long, default_value_t = contract::SEED)]
        seed: u32,
        /// How many cases it draws for each operation and phase
        #[arg(long, default_value_t = contract::CASES)]
        cases: u32,
    },
    /// Kill PostgreSQL primaries under load, let their standbys take over, and print what was lost or booked twice
    Failover {
        /// How many times to begin anew
        #[arg(long, default_value_t = failover::RUNS)]
        runs: u32,
        /// How many primaries to kill each time
        #[arg(long, default_value_t = failover::KILLS)]
        kills: u32,
        /// What decides the moments of the first run; the next ones count on from it
        #[arg(long, default_value_t = failover::SEED)]
        seed: u32,
    },
    /// Torture ledgers with power cuts, kills, faults, races and any bytes, and print what came of it (`--help` says more)
    #[command(disable_help_flag = true)]
    Torture {
        /// `--quick` or `--long`, `--seed`, and the names of harnesses
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Plant mistakes into the rules of the core, one at a time, and see that its tests notice each; takes an hour
    Mutants {
        /// What cargo-mutants is asked besides, such as `--file src/money.rs` or `--list`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run the core's tests and print which branches of it they take; less than 95 of a hundred is a failure
    Coverage,
    /// Run tests of the core that need no database, and no hours in an interpreter, in Miri
    Miri {
        /// Which tests instead, as `cargo miri test` takes them, such as `--test=rules caps`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Write what each package is made of, in the format `CycloneDX`, into `target/sbom`
    Sbom,
    /// Pack the npm package into `target/npm`
    Npm {
        /// Run its tests too: in Node, as packed, and in Chromium
        #[arg(long)]
        test: bool,
    },
    /// Measure what the ledger costs, print all of it in one table, and write it into `docs/performance.md`
    Bench {
        /// Measure only this, and write nothing; without any, all but `peers`
        parts: Vec<bench::Part>,
        /// Measure little, to try the chore itself, and write nothing
        #[arg(long)]
        quick: bool,
    },
    /// Check the dependency tree with the pinned cargo-deny, installing it if need be
    Deny {
        /// The checks to run; `advisories` needs the advisory database from GitHub
        #[arg(default_values = deny::OFFLINE_CHECKS)]
        checks: Vec<String>,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().chore {
        Chore::Test { native: true, .. } => step::run_part(TEST, Part::Native),
        Chore::Test { foreign: true, .. } => step::run_part(TEST, Part::Foreign),
        Chore::Test { .. } => step::run_all(TEST),
        Chore::CheckBare => run_one(bare::check().map(drop)),
        Chore::Contract { seed, cases } => run_one(contract::run(seed, cases).map(drop)),
        Chore::Failover { runs, kills, seed } => run_one(failover::run(runs, kills, seed)),
        Chore::Torture { arguments } => run_one(torture::run(&arguments)),
        Chore::Mutants { arguments } => run_one(mutants::run(&arguments)),
        Chore::Coverage => run_one(coverage::run()),
        Chore::Miri { arguments } => run_one(miri::run(&arguments)),
        Chore::Sbom => run_one(sbom::write()),
        Chore::Npm { test: true, .. } => step::run_part(NPM, Part::Foreign),
        Chore::Npm { .. } => run_one(npm::build()),
        Chore::Bench { parts, quick } => run_one(bench::run(&parts, quick)),
        Chore::Deny { checks } => run_one(deny::run(&checks)),
    }
}

fn run_one(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

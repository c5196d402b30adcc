//! The command `refunds`: a refund ledger on the command line.

mod args;
mod auth;
mod change;
mod demo;
mod dry_run;
mod export;
mod failure;
mod import;
mod list;
mod location;
mod output;
mod paths;
mod progress;
mod publish;
mod read;
mod reconcile;
mod serve;
mod table;
mod token;
mod visible;

use std::process::ExitCode;

use crate::args::{Cli, Task};
use crate::failure::Failure;
use crate::output::{Exit, Output};

fn main() -> ExitCode {
    outlive_file_limits();
    let cli = match args::parse() {
        Ok(cli) => cli,
        Err(exit) => return exit,
    };
    let mut output = Output::new(cli.common.format);
    let outcome = run(&cli, &mut output);
    // What was printed before a failure is worth seeing, and whether it could be printed counts.
    let flushed = output.flush();
    match (outcome, flushed) {
        (Ok(exit), Ok(()) | Err(Failure::ClosedPipe)) => exit.into(),
        (Err(Failure::ClosedPipe), _) => Exit::Done.into(),
        (Err(failure), _) | (Ok(_), Err(failure)) => {
            failure.report(cli.common.format);
            failure.exit().into()
        }
    }
}

/// A write beyond the process's limit on files must fail as one on a full disk does. Left alone, the
/// signal that comes with it ends the process without a word.
fn outlive_file_limits() {
    #[cfg(unix)]
    {
        let seen = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        // Where the signal can't be caught, all stays as it was.
        drop(signal_hook::flag::register(
            signal_hook::consts::SIGXFSZ,
            seen,
        ));
    }
}

fn run(cli: &Cli, output: &mut Output) -> Result<Exit, Failure> {
    let common = &cli.common;
    if !cli.task.formats().contains(&common.format) {
        return Err(Failure::Usage(
            "the command has no such format; use `--format human` or `--format json`".into(),
        ));
    }
    match &cli.task {
        Task::Import(args) => import::run(common, args, output),
        Task::Create(args) => change::create(common, args, output),
        Task::Update(args) => change::update(common, args, output),
        Task::Delete(args) => change::delete(common, args, output),
        Task::RecordMovement(args) => change::record_movement(common, args, output),
        Task::VoidMovement(args) => change::void_movement(common, args, output),
        Task::EraseText(args) => change::erase_text(common, args, output),
        Task::List(args) => list::run(common, args, output),
        Task::Show(args) => read::show(common, args, output),
        Task::History(args) => read::history(common, args, output),
        Task::Balance(args) => read::balance(common, args, output),
        Task::Movements(args) => read::movements(common, args, output),
        Task::Totals(args) => read::totals(common, args, output),
        Task::Journal(args) => read::journal(common, args, output),
        Task::Verify(args) => read::verify(common, args, output),
        Task::Head => read::head(common, output),
        Task::Backup(args) => export::backup(common, args, output),
        Task::Export(args) => export::run(common, args, output),
        Task::Reconcile(args) => reconcile::run(common, args, output),
        Task::Token(args) => token::run(args, output),
        Task::Serve(args) => serve::run(common, args, output),
        Task::Demo(args) => demo::run(common, args, output),
        Task::Completions(args) => args::completions(args, output),
    }
}

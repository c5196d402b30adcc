//! `import`: commands from files, one a line.

mod ahead;
mod atomic;
mod inputs;
mod preserve;
mod rejects;

use std::sync::Arc;

use refund_ledger::store::memory::MemoryStore;
use refund_ledger::{
    Atomicity, Batch, Command, ErrorCode, Ledger, LedgerError, Receipt, Repeats, Store,
};
use serde::Serialize;

use crate::args::{Common, Import};
use crate::dry_run::DryRunStore;
use crate::failure::Failure;
use crate::location::Location;
use crate::output::{Exit, Output};

use ahead::Batches;
pub(crate) use inputs::{Bytes, is_standard_input, open};
use inputs::{Inputs, Item};
use rejects::Rejects;

/// How many lines are carried out in one transaction.
const BATCH_LINES_MAX: usize = 1_000;

/// How many bytes of lines are carried out in one transaction.
const BATCH_BYTES_MAX: usize = 1_024 * 1_024;

/// How often a batch is tried while other processes keep the ledger busy. Each try waits as long
/// as the store does.
const ATTEMPTS_MAX: u32 = 5;

/// What became of the lines.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Counts {
    lines: u64,
    applied: u64,
    replayed: u64,
    rejected: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    rolled_back: Option<u64>,
}

impl Counts {
    fn count(&mut self, result: &Result<Receipt, LedgerError>) {
        self.lines += 1;
        match result {
            Ok(receipt) if receipt.replayed => self.replayed += 1,
            Ok(_) => self.applied += 1,
            Err(_) => self.rejected += 1,
        }
    }

    fn text(&self) -> String {
        let mut text = format!(
            "{} lines: {} applied, {} replayed, {} rejected",
            self.lines, self.applied, self.replayed, self.rejected
        );
        if let Some(rolled_back) = self.rolled_back {
            text.push_str("; nothing was written, would have been applied: ");
            text.push_str(&rolled_back.to_string());
        }
        text
    }
}

/// Imports files.
pub(crate) fn run(common: &Common, args: &Import, output: &mut Output) -> Result<Exit, Failure> {
    // What can't be read, or rejects that can't be written, must not leave a new ledger behind.
    let location = Location::of(common)?;
    if let Some(rejects) = &args.rejects {
        location.spare(rejects, &args.files)?;
    }
    let inputs = Inputs::open(&args.files, args.csv)?;
    let progress = inputs.progress();
    if args.preserve {
        return preserve::run(&location, inputs, output);
    }
    let mut rejects = Rejects::begin(args)?;
    let ledger = if args.dry_run {
        dry(&existing(&location)?, common)
    } else {
        let ledger = location.open_or_create()?;
        ledger.with_actor(common.actor.clone())
    };
    let counts = if args.atomic {
        atomic::import(&ledger, &location, common, inputs, &mut rejects)?
    } else {
        stream(&ledger, inputs, &mut rejects)?
    };
    progress.finish();
    rejects.finish()?;
    output.answer(&counts, || {
        let dry = if args.dry_run {
            " (dry run: nothing was written)"
        } else {
            ""
        };
        format!("{}{dry}", counts.text())
    })?;
    Ok(if counts.rejected == 0 {
        Exit::Done
    } else {
        Exit::Refused
    })
}

/// The store that a dry run reads: the ledger's, or an empty one where there is no ledger yet.
fn existing(location: &Location) -> Result<Arc<dyn Store>, Failure> {
    Ok(match location.open_if_there()? {
        Some(ledger) => Arc::clone(ledger.store()),
        None => Arc::new(MemoryStore::new()),
    })
}

/// A ledger that decides as the one over this store would, and writes nothing.
fn dry(store: &Arc<dyn Store>, common: &Common) -> Ledger {
    Ledger::with_system_host(Arc::new(DryRunStore::new(Arc::clone(store))))
        .with_actor(common.actor.clone())
}

/// Carries the lines out batch by batch, in memory for a few of them.
fn stream(ledger: &Ledger, inputs: Inputs, rejects: &mut Rejects) -> Result<Counts, Failure> {
    let mut counts = Counts::default();
    let batches = Batches::of(inputs)?;
    loop {
        let batch = batches.next().map_err(|cause| stopped(&counts, cause))?;
        if batch.is_empty() {
            return Ok(counts);
        }
        carry_out(ledger, batch, &mut counts, rejects).map_err(|cause| stopped(&counts, cause))?;
    }
}

fn stopped(counts: &Counts, cause: Failure) -> Failure {
    Failure::Stopped {
        so_far: format!(
            "the import stopped after {} lines ({} applied, {} replayed, {} rejected); import the same again once the cause is gone: what was done is replayed",
            counts.lines, counts.applied, counts.replayed, counts.rejected
        ),
        cause: Box::new(cause),
    }
}

/// Carries out a batch, each line on its own.
fn carry_out(
    ledger: &Ledger,
    mut batch: Vec<Item>,
    counts: &mut Counts,
    rejects: &mut Rejects,
) -> Result<(), Failure> {
    let results = execute(ledger, &mut batch, Atomicity::PerItem)?;
    for (item, result) in batch.iter().zip(results) {
        counts.count(&result);
        if let Err(error) = result {
            rejects.reject(&item.place, &item.input, &error)?;
        }
    }
    Ok(())
}

/// The result of each item: of its command, or why it is none.
fn execute(
    ledger: &Ledger,
    items: &mut [Item],
    atomicity: Atomicity,
) -> Result<Vec<Result<Receipt, LedgerError>>, Failure> {
    let mut commands: Vec<Command> = Vec::with_capacity(items.len());
    let mut malformed = Vec::new();
    for (index, item) in items.iter_mut().enumerate() {
        match item.take_line() {
            Ok(line) => commands.push(line.command),
            Err(error) => malformed.push((index, error)),
        }
    }
    let batch = Batch {
        atomicity,
        repeats: Repeats::AsFile,
    };
    let mut results = patiently(|| ledger.execute_all(&commands, batch))?;
    for (index, error) in malformed {
        results.insert(index, Err(error));
    }
    Ok(results)
}

/// Tries again while others keep the ledger busy: nothing was written then.
fn patiently<T>(mut attempt: impl FnMut() -> Result<T, LedgerError>) -> Result<T, LedgerError> {
    for _ in 1..ATTEMPTS_MAX {
        match attempt() {
            Err(error) if error.code() == ErrorCode::Timeout => {}
            outcome => return outcome,
        }
    }
    attempt()
}

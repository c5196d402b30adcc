//! `import --preserve`: rebuilds an exported ledger.
//!
//! The ledger is first built in a temporary file, and only once every line has passed does anything
//! appear where it is to be: the file itself, or a copy of what is in it.

mod building;
mod copy;

use std::path::Path;

use refund_ledger::{Ledger, LedgerError, wire};

use super::inputs::{Inputs, Item, Place};
use super::{BATCH_BYTES_MAX, BATCH_LINES_MAX, Counts};
use crate::failure::Failure;
use crate::location::Location;
use crate::output::{Exit, Output};

use building::Building;

/// Restores an export.
pub(super) fn run(
    location: &Location,
    mut inputs: Inputs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let progress = inputs.progress();
    let counts = match location {
        Location::File(path) => into_file(location, path, &mut inputs)?,
        Location::Server(_) => into_server(location, &mut inputs)?,
    };
    progress.finish();
    output.answer(&counts, || {
        let there = match counts.replayed {
            0 => String::new(),
            there => format!(", {there} of which were there from before"),
        };
        format!("restored {} lines{there}", counts.lines)
    })?;
    Ok(Exit::Done)
}

/// All of it or nothing: a new ledger takes its place as a whole file.
fn into_file(location: &Location, path: &Path, inputs: &mut Inputs) -> Result<Counts, Failure> {
    let existing = location.open_if_there()?;
    if let Some(ledger) = &existing {
        refuse_unless_empty(ledger, location)?;
    }
    let building = Building::beside(path)?;
    let lines = build(building.ledger(), inputs)?;
    match existing {
        None => building.publish(path)?,
        Some(ledger) => {
            refuse_unless_empty(&ledger, location)?;
            copy::all(building.ledger(), &ledger)?;
        }
    }
    Ok(restored(lines, 0))
}

/// A server's ledger is written batch by batch. Where that broke off, the next time goes on.
fn into_server(location: &Location, inputs: &mut Inputs) -> Result<Counts, Failure> {
    // Said at once, not after all has been read: a server that can't be reached, a newer ledger.
    let _reachable = location.open_if_there()?;
    let building = Building::in_temporary_folder()?;
    let lines = build(building.ledger(), inputs)?;
    let ledger = location.open_or_create()?;
    let there = copy::missing(building.ledger(), &ledger, location)?;
    Ok(restored(lines, there))
}

fn restored(lines: u64, there: u64) -> Counts {
    Counts {
        lines,
        applied: lines.saturating_sub(there),
        replayed: there,
        ..Counts::default()
    }
}

fn refuse_unless_empty(ledger: &Ledger, location: &Location) -> Result<(), Failure> {
    if ledger.journal(0, 1)?.is_empty() {
        Ok(())
    } else {
        Err(Failure::Usage(format!(
            "`{location}` is not empty; `--preserve` needs an empty ledger or a path where nothing is"
        )))
    }
}

/// Restores every line into an empty ledger and sees that it is whole; answers how many there were.
fn build(ledger: &Ledger, inputs: &mut Inputs) -> Result<u64, Failure> {
    let lines = restore(ledger, inputs)?;
    verify(ledger)?;
    Ok(lines)
}

fn restore(ledger: &Ledger, inputs: &mut Inputs) -> Result<u64, Failure> {
    let mut count = 0_u64;
    let mut places: Vec<Place> = Vec::with_capacity(BATCH_LINES_MAX);
    let mut lines: Vec<wire::Line> = Vec::with_capacity(BATCH_LINES_MAX);
    let mut bytes = 0_usize;
    loop {
        let item = inputs.next()?;
        let at_end = item.is_none();
        if let Some(mut item) = item {
            bytes = bytes.saturating_add(item.input.len());
            lines.push(line_of(&mut item)?);
            places.push(item.place);
            count += 1;
        }
        if at_end || lines.len() >= BATCH_LINES_MAX || bytes >= BATCH_BYTES_MAX {
            ledger.restore(&lines).map_err(|refused| {
                match refused.index.and_then(|at| places.get(at)) {
                    Some(place) => not_restored(place, refused.error),
                    None => refused.error.into(),
                }
            })?;
            lines.clear();
            places.clear();
            bytes = 0;
        }
        if at_end {
            return Ok(count);
        }
    }
}

fn line_of(item: &mut Item) -> Result<wire::Line, Failure> {
    item.take_line()
        .map_err(|error| not_restored(&item.place, error))
}

fn not_restored(place: &Place, error: LedgerError) -> Failure {
    match error.into() {
        cause @ Failure::Refused(_) => {
            let file = match &place.file {
                Some(file) => format!("`{file}`, "),
                None => String::new(),
            };
            Failure::Stopped {
                so_far: format!(
                    "{file}line {} is not as it was exported, so nothing was restored",
                    place.line
                ),
                cause: Box::new(cause),
            }
        }
        cause => cause,
    }
}

/// Sees that what the lines built is whole: a text that is missing must have been erased by one.
fn verify(ledger: &Ledger) -> Result<(), Failure> {
    let report = ledger.verify(None)?;
    match report.findings.first() {
        None => Ok(()),
        Some(finding) => {
            let movement = match &finding.movement {
                Some(movement) => format!("movement `{movement}`: "),
                None => String::new(),
            };
            Err(Failure::Stopped {
                so_far: "the lines are not a whole export, so nothing was restored".into(),
                cause: Box::new(Failure::Usage(format!("{movement}{}", finding.message))),
            })
        }
    }
}

//! `import --atomic`: all or nothing.

use std::time::Duration;

use refund_ledger::{Atomicity, Ledger};

use super::inputs::{Inputs, Item};
use super::rejects::Rejects;
use super::{Counts, dry, execute};
use crate::args::Common;
use crate::failure::Failure;
use crate::location::Location;

/// The most lines of an atomic import: they are all held at once.
const LINES_MAX: usize = 100_000;

/// Carries out every line in one transaction, or none.
pub(super) fn import(
    ledger: &Ledger,
    location: &Location,
    common: &Common,
    mut inputs: Inputs,
    rejects: &mut Rejects,
) -> Result<Counts, Failure> {
    let mut items: Vec<Item> = Vec::new();
    while let Some(item) = inputs.next()? {
        if items.len() == LINES_MAX {
            return Err(Failure::Usage(format!(
                "`--atomic` takes at most {LINES_MAX} lines; leave it out, or split the file"
            )));
        }
        items.push(item);
    }
    let patient = patient(ledger, location, items.len());
    let ledger = patient.as_ref().unwrap_or(ledger);
    let results = if items.iter().all(Item::is_command) {
        execute(ledger, &mut items, Atomicity::All)?
    } else {
        // Some lines say nothing, so nothing may be written; the others still want an answer.
        execute(&dry(ledger.store(), common), &mut items, Atomicity::PerItem)?
    };
    let mut counts = Counts::default();
    for (item, result) in items.iter().zip(&results) {
        counts.count(result);
        if let Err(error) = result {
            rejects.reject(&item.place, &item.input, error)?;
        }
    }
    if counts.rejected > 0 {
        counts.rolled_back = Some(counts.applied);
        counts.applied = 0;
        counts.replayed = 0;
    }
    Ok(counts)
}

/// How long a call to a server may take, whatever it is about.
const SERVER_LIMIT: Duration = Duration::from_secs(5);

/// How much longer for each line: a server takes a small part of it, a slow one most of it.
const SERVER_LIMIT_PER_LINE: Duration = Duration::from_millis(2);

/// The same ledger with time for so many lines in one call, where the call is limited as a whole. In a
/// file only the wait for others is.
fn patient(ledger: &Ledger, location: &Location, lines: usize) -> Option<Ledger> {
    match location {
        Location::File(_) => None,
        Location::Server(_) => {
            let lines = u32::try_from(lines).unwrap_or(u32::MAX);
            let limit = SERVER_LIMIT.saturating_add(SERVER_LIMIT_PER_LINE.saturating_mul(lines));
            Some(ledger.clone().with_time_limit(limit))
        }
    }
}

//! Copying a ledger that passed every check into another one.

use refund_ledger::{JournalPosition, Ledger, LedgerError, RestoreError, wire};

use super::super::{BATCH_LINES_MAX, patiently};
use crate::export;
use crate::failure::Failure;
use crate::location::Location;

/// How many entries of either ledger are held at once.
const PAGE: usize = 500;

/// Copies everything into an empty ledger.
pub(super) fn all(from: &Ledger, to: &Ledger) -> Result<(), Failure> {
    behind(0, from, to).map_err(|broken| Failure::Stopped {
        so_far: format!(
            "the ledger was in use or could not be written; {} lines are in it, so begin again with a new one",
            broken.copied
        ),
        cause: Box::new(broken.cause),
    })
}

/// Copies what is not there yet into a ledger that is empty, or holds the beginning of the same
/// entries; answers how many it held.
pub(super) fn missing(from: &Ledger, to: &Ledger, location: &Location) -> Result<u64, Failure> {
    let there = beginning(from, to)?.ok_or_else(|| {
        Failure::Usage(format!(
            "`{location}` holds other entries than the export; `--preserve` needs an empty ledger, \
             or one that holds the beginning of the same export"
        ))
    })?;
    behind(there.position, from, to).map_err(|broken| Failure::Stopped {
        so_far: format!(
            "the copy to `{location}` broke off after {} lines; import the same again once the \
             cause is gone: it goes on from what is there",
            there.entries.saturating_add(broken.copied)
        ),
        cause: Box::new(broken.cause),
    })?;
    Ok(there.entries)
}

/// How much of one ledger another one holds.
#[derive(Clone, Copy, Default)]
struct Beginning {
    entries: u64,
    /// The position of the last of them, in the one that holds all.
    position: JournalPosition,
}

/// Compares a ledger with the beginning of another; `None` where it holds anything else.
fn beginning(of: &Ledger, with: &Ledger) -> Result<Option<Beginning>, LedgerError> {
    let mut found = Beginning::default();
    let mut theirs_after = 0;
    loop {
        let theirs = with.journal(theirs_after, PAGE)?;
        let Some(last) = theirs.last() else {
            return Ok(Some(found));
        };
        theirs_after = last.position;
        let ours = of.journal(found.position, theirs.len())?;
        let all_the_same = ours.len() == theirs.len()
            && ours
                .iter()
                .zip(&theirs)
                .all(|(ours, theirs)| ours.entry == theirs.entry);
        let Some(last) = ours.last().filter(|_| all_the_same) else {
            return Ok(None);
        };
        found.position = last.position;
        found.entries = found.entries.saturating_add(entries(theirs.len()));
    }
}

/// A copy that broke off after so many lines.
struct Broken {
    copied: u64,
    cause: Failure,
}

/// Copies what stands behind a position.
fn behind(position: JournalPosition, from: &Ledger, to: &Ledger) -> Result<(), Broken> {
    let mut lines: Vec<wire::Line> = Vec::with_capacity(BATCH_LINES_MAX);
    let mut copied = 0_u64;
    let mut flush = |lines: &mut Vec<wire::Line>| {
        patiently(|| {
            to.restore(lines)
                .map_err(|RestoreError { error, .. }| error)
        })?;
        copied = copied.saturating_add(entries(lines.len()));
        lines.clear();
        Ok::<(), Failure>(())
    };
    let outcome = export::lines(from, position, |line| {
        lines.push(wire::parse_line(line.as_bytes())?);
        if lines.len() >= BATCH_LINES_MAX {
            flush(&mut lines)?;
        }
        Ok(())
    })
    .and_then(|_| flush(&mut lines));
    outcome.map_err(|cause| Broken { copied, cause })
}

fn entries(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

//! `import --atomic`: all or nothing.

use refund_ledger::{Atomicity, Ledger};

use super::inputs::{Inputs, Item};
use super::rejects::Rejects;
use super::{Counts, dry, execute};
use crate::args::Common;
use crate::failure::Failure;

/// The most lines of an atomic import: they are all held at once.
const LINES_MAX: usize = 100_000;

/// Carries out every line in one transaction, or none.
pub(super) fn import(
    ledger: &Ledger,
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

//! The file that says which external id a provider's reference stands for.

use std::io::BufReader;
use std::path::Path;

use refund_ledger::Id;
use refund_reconcile::Reconciliation;

use crate::failure::Failure;
use crate::import::{self, RawRows};

/// Reads a file of two columns. A header needs no rule: it stands for nothing, as no provider calls
/// a refund by it.
pub(super) fn read(path: &Path, both: &mut Reconciliation) -> Result<(), Failure> {
    let (source, _) = import::open(path)?;
    let mut rows = RawRows::new(Box::new(BufReader::with_capacity(64 * 1_024, source)));
    let unreadable = |error| Failure::file("read", path, error);
    rows.skip_byte_order_mark().map_err(unreadable)?;
    while rows.next().map_err(unreadable)? {
        pair(&rows, both).map_err(|why| {
            Failure::Usage(format!("`{}`, line {}: {why}", path.display(), rows.number))
        })?;
    }
    Ok(())
}

/// Takes one line, or says what is wrong with it.
fn pair(rows: &RawRows, both: &mut Reconciliation) -> Result<(), String> {
    let cells = rows.cells().map_err(|error| error.to_string())?;
    if cells.iter().all(|cell| cell.trim().is_empty()) {
        return Ok(());
    }
    let [reference, external_id] = cells.as_slice() else {
        return Err(format!(
            "it has {} cells, not two: the provider's reference and the external id, separated by a \
             comma",
            cells.len()
        ));
    };
    let (reference, external_id) = (reference.trim(), external_id.trim());
    if reference.is_empty() {
        return Err("the provider's reference is empty".into());
    }
    if let Err(error) = Id::new(external_id) {
        return Err(format!("`{external_id}` is no external id: {error}"));
    }
    both.reference(reference, external_id)
        .map_err(|error| error.to_string())
}

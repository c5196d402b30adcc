//! The file that says which external id a provider's reference stands for.

use std::path::Path;

use refund_reconcile::{Reconciliation, ReferencesError, read_references};

use crate::failure::Failure;
use crate::import;

/// Reads the file for the lines that are read afterwards.
pub(super) fn read(path: &Path, both: &mut Reconciliation) -> Result<(), Failure> {
    let (source, _) = import::open(path)?;
    read_references(source, both).map_err(|error| match error {
        ReferencesError::Io(error) => Failure::file("read", path, error),
        other => Failure::Usage(format!("`{}`: {other}", path.display())),
    })
}

//! What scans of stored rows have in common.

use std::ops::ControlFlow;

use super::ScanRow;

/// What a scan calls for each row.
pub(super) type Visitor<'v> = dyn FnMut(ScanRow<'_>) -> ControlFlow<()> + 'v;

/// Leaves the function when the visitor has broken off.
macro_rules! visit {
    ($visited:expr) => {
        if $visited.is_break() {
            return Ok(::std::ops::ControlFlow::Break(()));
        }
    };
}
pub(super) use visit;

/// How many rows of each table a scan came by.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) movements: u64,
    pub(super) entries: u64,
    pub(super) refunds: u64,
}

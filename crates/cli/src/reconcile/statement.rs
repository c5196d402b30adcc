//! The statement's side.

use std::path::Path;

use refund_reconcile::{
    ReadOptions, ReconcileError, Reconciliation, StatementError, read_statement,
};

use crate::failure::Failure;
use crate::import::{self, Bytes};
use crate::progress::Progress;

/// A statement that can be opened.
pub(super) struct Statement<'a> {
    path: &'a Path,
    source: Bytes,
    bytes: Option<u64>,
}

impl<'a> Statement<'a> {
    pub(super) fn open(path: &'a Path) -> Result<Self, Failure> {
        let (source, bytes) = import::open(path)?;
        Ok(Self {
            path,
            source,
            bytes,
        })
    }

    /// Reads all of it.
    pub(super) fn read(
        self,
        options: &ReadOptions,
        both: &mut Reconciliation,
    ) -> Result<(), Failure> {
        let progress = Progress::new(self.bytes);
        let mut taken: Result<(), ReconcileError> = Ok(());
        let source = progress.follow(self.source);
        let read = read_statement(source, options, &mut |item| {
            if taken.is_ok() {
                taken = both.item(item);
            }
        });
        progress.finish();
        read.map_err(|error| match error {
            StatementError::Io(error) => Failure::file("read", self.path, error),
            other => Failure::Usage(format!("`{}`: {other}", self.path.display())),
        })?;
        taken.map_err(|error| Failure::Usage(error.to_string()))
    }
}

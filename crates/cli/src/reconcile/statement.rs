//! The statement's side.

use std::path::Path;

use refund_reconcile::{Item, ReadOptions, StatementError, read_statement};

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

    /// How many bytes it has, where that is known.
    pub(super) fn bytes(&self) -> Option<u64> {
        self.bytes
    }

    /// Reads all of it, up to the first failure of whoever takes its lines.
    pub(super) fn read(
        self,
        options: &ReadOptions,
        progress: &Progress,
        mut take: impl FnMut(Item<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut taken: Result<(), Failure> = Ok(());
        let source = progress.follow(self.source);
        let read = read_statement(source, options, &mut |item| {
            if taken.is_ok() {
                taken = take(item);
            }
        });
        taken?;
        read.map_err(|error| match error {
            StatementError::Io(error) => Failure::file("read", self.path, error),
            other => Failure::Usage(format!("`{}`: {other}", self.path.display())),
        })
    }
}

//! Exports that rebuild a ledger, and the rebuilding.

use std::ops::ControlFlow;

use super::{Ledger, still_unknown};
use crate::access::{Action, Resource};
use crate::command::Operation;
use crate::decide::{Preserved, restore};
use crate::error::LedgerError;
use crate::journal::{Entry, EntryContent, EntryKind, JournalRecord};
use crate::store::batch::BatchBuilder;
use crate::store::{ReadSet, ScanRange, ScanRow, WriteBatch};
use crate::text::SaltedText;
use crate::wire::{self, Line};

/// The line that kept an export from being restored by [`Ledger::restore`]. Nothing of its batch
/// was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct RestoreError {
    /// Which of the lines, from 0; `None` where the store failed, which is no line's fault.
    pub index: Option<usize>,
    /// Why.
    pub error: LedgerError,
}

impl Ledger {
    /// A journal record as a line of an export: the command that repeats the change, and beside
    /// it, as `preserved`, what rebuilds this very entry. The line is JSON without a line end;
    /// [`wire::parse_line`] reads it.
    ///
    /// # Errors
    /// `store_corrupted` where the entry can't be read.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use refund_ledger::{ErrorCode, Ledger, wire};
    /// let (ledger, movement) = ledger()?;
    /// let copy = Ledger::in_memory();
    /// for record in ledger.journal(0, 500)? {
    ///     let line = ledger.export_line(&record)?;
    ///     copy.restore(&[wire::parse_line(line.as_bytes())?])?;
    /// }
    /// assert_eq!(copy.head()?, ledger.head()?);
    ///
    /// let mut damaged = ledger.journal(0, 1)?.remove(0);
    /// damaged.entry.bytes.clear();
    /// assert_eq!(ledger.export_line(&damaged).unwrap_err().code(), ErrorCode::StoreCorrupted);
    /// # Ok(()) }
    /// ```
    pub fn export_line(&self, record: &JournalRecord) -> Result<String, LedgerError> {
        self.authorize(Action::Audit, Resource::Ledger)?;
        let mut entry = record.decode()?;
        // Of the entries that kept an earlier text, only updates are exported with it.
        if entry.kind == EntryKind::RefundUpdated
            && let EntryContent::Refund(content) = &entry.content
            && content.details.description.sequence != entry.sequence
        {
            let salted = self.text_at(&entry, content.details.description.sequence)?;
            if let EntryContent::Refund(content) = &mut entry.content {
                content.details.description.salted = salted;
            }
        }
        wire::export_line(&entry, record)
    }

    /// The text that an earlier entry of the same chain brought.
    fn text_at(&self, entry: &Entry, sequence: u64) -> Result<Option<SaltedText>, LedgerError> {
        let mut found = None;
        let range = ScanRange {
            only: Some(&entry.movement),
            entries: true,
            ..ScanRange::default()
        };
        self.store.scan(&range, &mut |row| match row {
            ScanRow::Entry(record) if record.entry.sequence == sequence => {
                found.clone_from(&record.entry.text);
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        })?;
        Ok(found)
    }

    /// Appends the entries that lines of an export preserve, exactly as they were, in one
    /// transaction. Every chain and both caps are checked; the policy is not asked.
    ///
    /// # Errors
    /// The first line that is no line of an export, does not follow what is there, says something
    /// else than its hash, or breaks a cap. Nothing was then written, unless the store error is
    /// [`StoreError::OutcomeUnknown`](crate::StoreError::OutcomeUnknown).
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use refund_ledger::{ErrorCode, Ledger, wire};
    /// let (ledger, movement) = ledger()?;
    /// ledger.create_refund(&movement, &request("r-1", "12.1")?)?;
    /// let mut lines = Vec::new();
    /// for record in ledger.journal(0, 500)? {
    ///     lines.push(wire::parse_line(ledger.export_line(&record)?.as_bytes())?);
    /// }
    /// Ledger::in_memory().restore(&lines)?;
    ///
    /// let refused = Ledger::in_memory().restore(&lines[1..]).unwrap_err(); // without the movement
    /// assert_eq!((refused.index, refused.error.code()), (Some(0), ErrorCode::MovementNotFound));
    /// # Ok(()) }
    /// ```
    pub fn restore(&self, lines: &[Line]) -> Result<(), RestoreError> {
        let at = |index| {
            move |error: LedgerError| RestoreError {
                index: Some(index),
                error,
            }
        };
        let failed = |error: LedgerError| RestoreError { index: None, error };
        self.authorize(Action::Restore, Resource::Ledger)
            .map_err(failed)?;
        let mut wanted = ReadSet::default();
        let mut preserved: Vec<(&Line, &Preserved)> = Vec::with_capacity(lines.len());
        for (index, line) in lines.iter().enumerate() {
            let command = &line.command;
            let kept = line.preserved.as_ref().ok_or_else(|| {
                at(index)(LedgerError::invalid_field(
                    "preserved",
                    "required",
                    "is required: only an export can be restored",
                ))
            })?;
            kept.read_set(command, &mut wanted);
            preserved.push((line, kept));
        }
        let mut outcome = Ok(());
        self.commit_for_certain(&wanted, &mut |snapshot| {
            let mut batch = BatchBuilder::new(snapshot, preserved.len());
            outcome = Ok(());
            for (index, (line, kept)) in preserved.iter().enumerate() {
                match restore(&line.command, kept, batch.snapshot()) {
                    Ok(change) => batch.add(change),
                    Err(error) => {
                        outcome = Err(at(index)(error));
                        return WriteBatch::default();
                    }
                }
            }
            batch.finish()
        })
        .map_err(failed)?;
        outcome?;
        if lines
            .iter()
            .any(|line| matches!(line.command.operation, Operation::EraseText { .. }))
        {
            // A text may have been erased while it was being exported.
            let scrubbed = self.store.scrub().map_err(still_unknown);
            scrubbed.map_err(|error| failed(error.into()))?;
        }
        Ok(())
    }
}

//! The ledger's side: an export, rebuilt in memory.

use std::mem;
use std::ops::ControlFlow;
use std::sync::Arc;

use refund_ledger::store::memory::MemoryStore;
use refund_ledger::store::{ScanRange, ScanRow};
use refund_ledger::wire::{self, Line};
use refund_ledger::{ErrorCode, Host, Id, Ledger, LedgerError, Minted, RestoreError, Timestamp};
use refund_reconcile::{LedgerRefund, ReconcileError, Reconciliation};

use crate::fault::unreadable;

/// How many lines are restored at once.
const BATCH_LINES: usize = 1_000;

/// Twice what the longest line has.
const LINE_BYTES_MAX: usize = 256 * 1_024;

/// What a ledger's own file begins with: a person takes it for what is wanted.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// A ledger that grows from the lines of its export.
pub(crate) struct Export {
    ledger: Ledger,
    /// What came behind the last line end.
    begun: Vec<u8>,
    /// How many lines of the file have ended.
    lines: u64,
    waiting: Vec<Line>,
    /// Where each that waits stands in the file.
    places: Vec<u64>,
}

impl Export {
    pub(crate) fn new() -> Self {
        Self {
            ledger: Ledger::new(Arc::new(MemoryStore::new()), Arc::new(NoHost)),
            begun: Vec::new(),
            lines: 0,
            waiting: Vec::with_capacity(BATCH_LINES),
            places: Vec::with_capacity(BATCH_LINES),
        }
    }

    /// How many lines have been read.
    pub(crate) fn lines(&self) -> u64 {
        self.lines
    }

    /// Takes the next bytes of the file.
    pub(crate) fn add(&mut self, mut piece: &[u8]) -> Result<(), LedgerError> {
        if self.lines == 0 && self.begun.is_empty() && piece.starts_with(SQLITE) {
            let why = "it is a SQLite file; `refunds --ledger FILE export` makes an export of it";
            return Err(unreadable("ledger", &why));
        }
        while let Some(end) = piece.iter().position(|byte| *byte == b'\n') {
            let (head, rest) = piece.split_at(end);
            piece = rest.get(1..).unwrap_or_default();
            if self.begun.is_empty() {
                self.line(head)?;
            } else {
                let mut line = mem::take(&mut self.begun);
                line.extend_from_slice(head);
                self.line(&line)?;
            }
        }
        self.begun.extend_from_slice(piece);
        if self.begun.len() > LINE_BYTES_MAX {
            let why = format!("it has more than {LINE_BYTES_MAX} bytes");
            return Err(at(self.lines.saturating_add(1), &why));
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> Result<(), LedgerError> {
        self.lines = self.lines.saturating_add(1);
        let line = match line.strip_prefix(b"\xef\xbb\xbf") {
            Some(unmarked) if self.lines == 1 => unmarked,
            _ => line,
        };
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(());
        }
        let parsed = wire::parse_line(line).map_err(|error| at(self.lines, error.message()))?;
        self.waiting.push(parsed);
        self.places.push(self.lines);
        if self.waiting.len() >= BATCH_LINES {
            self.restore()?;
        }
        Ok(())
    }

    fn restore(&mut self) -> Result<(), LedgerError> {
        let restored = self.ledger.restore(&self.waiting);
        let places = mem::take(&mut self.places);
        self.waiting.clear();
        restored.map_err(|RestoreError { index, error }| {
            match index.and_then(|at| places.get(at)) {
                Some(line) => at(*line, error.message()),
                None => error,
            }
        })
    }

    /// The whole ledger.
    pub(crate) fn finish(mut self) -> Result<Ledger, LedgerError> {
        let last = mem::take(&mut self.begun);
        if !last.is_empty() {
            self.line(&last)?;
        }
        self.restore()?;
        Ok(self.ledger)
    }
}

fn at(line: u64, why: &str) -> LedgerError {
    unreadable("ledger", &format!("line {line}: {why}"))
}

/// Adds all refunds of an org to the ledger's side, deleted ones too.
pub(crate) fn add_refunds(
    ledger: &Ledger,
    org: &Id,
    both: &mut Reconciliation,
) -> Result<(), LedgerError> {
    let range = ScanRange {
        org: Some(org),
        refunds: true,
        ..ScanRange::default()
    };
    let mut added: Result<(), ReconcileError> = Ok(());
    ledger.store().scan(&range, &mut |row| {
        if let ScanRow::Refund { refund, .. } = row {
            added = both.refund(&LedgerRefund::from(refund));
        }
        match added {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    })?;
    added.map_err(|error| unreadable("ledger", &error))
}

/// What is restored brings its times, ids and salts.
struct NoHost;

impl Host for NoHost {
    fn now(&self) -> Timestamp {
        Timestamp::MAX
    }

    fn mint(&self, _now: Timestamp) -> Result<Minted, LedgerError> {
        Err(LedgerError::new(
            ErrorCode::Internal,
            "nothing is booked while an export is restored",
        ))
    }
}

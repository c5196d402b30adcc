//! The ledger's side: an export, rebuilt in memory.

use std::mem;
use std::ops::ControlFlow;
use std::sync::Arc;

use refund_ledger::store::memory::MemoryStore;
use refund_ledger::store::{ReadSet, ScanRange, ScanRow, Snapshot, Store, StoreError, WriteBatch};
use refund_ledger::wire::{self, Line};
use refund_ledger::{
    ErrorCode, Host, Id, JournalPosition, JournalRecord, Ledger, LedgerError, ListAfter, Minted,
    Page, Refund, RefundFilter, RestoreError, Timestamp,
};
use refund_reconcile::{LedgerRefund, ReconcileError, Reconciliation};

use crate::fault::unreadable;

/// How many lines are restored at once.
const BATCH_LINES: usize = 1_000;

/// Twice what the longest line has.
const LINE_BYTES_MAX: usize = 256 * 1_024;

/// What files begin with that a person takes for an export, and what to do with them.
const OTHERS: [(&[u8], &str); 5] = [
    (
        b"SQLite format 3\0",
        "it is a SQLite file; `refunds --ledger FILE export` makes an export of it",
    ),
    (b"\x1f\x8b", "it is compressed with gzip: unpack it"),
    (b"PK\x03\x04", "it is a ZIP archive: unpack it"),
    (b"\xff\xfe", IN_UTF_16),
    (b"\xfe\xff", IN_UTF_16),
];

const IN_UTF_16: &str = "it is in UTF-16, as Windows PowerShell writes what is sent to a file with `>`; \
                         save it in UTF-8";

/// A ledger that grows from the lines of its export.
pub(crate) struct Export {
    ledger: Ledger,
    /// What came behind the last line end.
    begun: Vec<u8>,
    /// How many lines of the file have ended.
    lines: u64,
    /// How many lines of an export were among them.
    commands: u64,
    waiting: Vec<Line>,
    /// Where each that waits stands in the file.
    places: Vec<u64>,
}

impl Export {
    pub(crate) fn new() -> Self {
        Self {
            ledger: Ledger::new(Arc::new(WithoutJournal::default()), Arc::new(NoHost)),
            begun: Vec::new(),
            lines: 0,
            commands: 0,
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
            self.lines = self.lines.saturating_add(1);
            let why = format!("it has more than {LINE_BYTES_MAX} bytes");
            return Err(self.refused(&self.begun, &why));
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
        let parsed = wire::parse_line(line).map_err(|error| self.refused(line, error.message()))?;
        self.commands = self.commands.saturating_add(1);
        self.waiting.push(parsed);
        self.places.push(self.lines);
        if self.waiting.len() >= BATCH_LINES {
            self.restore()?;
        }
        Ok(())
    }

    /// Why the line that was read last is none of an export.
    fn refused(&self, line: &[u8], why: &str) -> LedgerError {
        if self.lines > 1 {
            return at(self.lines, why);
        }
        let other = OTHERS.iter().find(|(begins, _)| line.starts_with(begins));
        match other {
            Some((_, what)) => unreadable("ledger", what),
            None if !line.starts_with(b"{") => at(
                self.lines,
                "it is no export of a ledger, as `refunds export` makes it",
            ),
            None => at(self.lines, why),
        }
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

    /// The whole ledger. A file that holds nothing is no export; what a ledger exports may be nothing.
    pub(crate) fn finish(mut self, is_file: bool) -> Result<Ledger, LedgerError> {
        let last = mem::take(&mut self.begun);
        if !last.is_empty() {
            self.line(&last)?;
        }
        self.restore()?;
        if is_file && self.commands == 0 {
            return Err(unreadable("ledger", &"it is empty"));
        }
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

/// Keeps what a ledger is now, and nothing of how it came to be: that is most of its memory, and
/// nobody asks for it here.
#[derive(Default)]
struct WithoutJournal(MemoryStore);

impl Store for WithoutJournal {
    fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
        self.0.load(wanted)
    }

    fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        self.0.commit(&WriteBatch {
            preconditions: batch.preconditions.clone(),
            movements: batch.movements.clone(),
            refunds: batch.refunds.clone(),
            // Entries are what there is to leave out, and to erase.
            ..WriteBatch::default()
        })
    }

    fn list_refunds(
        &self,
        filter: &RefundFilter,
        after: Option<ListAfter>,
        limit: usize,
    ) -> Result<Page<Refund>, StoreError> {
        self.0.list_refunds(filter, after, limit)
    }

    fn journal(
        &self,
        after: JournalPosition,
        limit: usize,
    ) -> Result<Vec<JournalRecord>, StoreError> {
        self.0.journal(after, limit)
    }

    fn scan(
        &self,
        range: &ScanRange<'_>,
        visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> Result<JournalPosition, StoreError> {
        self.0.scan(range, visit)
    }
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

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::sync::Arc;

    use refund_ledger::store::ScanRange;
    use refund_ledger::store::memory::MemoryStore;
    use refund_ledger::{Ledger, LedgerError, wire};
    use refund_reconcile::{ReconcileOptions, Reconciliation, Source, org_of};

    use super::{Export, add_refunds};

    /// Every kind of change, also texts that were erased and movements that were recorded anew.
    fn exported() -> (Ledger, String) {
        let golden = include_str!("../../../src/store/conformance/golden/journal-v1.json");
        let golden: serde_json::Value = serde_json::from_str(golden).unwrap();
        let ledger = Ledger::with_system_host(Arc::new(MemoryStore::new()));
        for step in golden["steps"].as_array().unwrap() {
            for command in step["commands"].as_array().unwrap() {
                let line = wire::parse_line(command["line"].to_string().as_bytes()).unwrap();
                let _some_are_refused = ledger.execute(&line.command);
            }
        }
        let mut lines = String::new();
        for record in ledger.journal(0, 500).unwrap() {
            lines.push_str(&ledger.export_line(&record).unwrap());
            lines.push('\n');
        }
        (ledger, lines)
    }

    /// What a ledger is now.
    fn state(ledger: &Ledger) -> Vec<String> {
        let range = ScanRange {
            refunds: true,
            ..ScanRange::default()
        };
        let mut rows = Vec::new();
        ledger
            .store()
            .scan(&range, &mut |row| {
                rows.push(format!("{row:?}"));
                ControlFlow::Continue(())
            })
            .unwrap();
        rows
    }

    fn restored(pieces: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Result<Ledger, LedgerError> {
        let mut export = Export::new();
        for piece in pieces {
            export.add(piece.as_ref())?;
        }
        export.finish(true)
    }

    #[test]
    fn whatever_a_ledger_went_through_its_export_is_restored() {
        let (ledger, lines) = exported();
        assert!(lines.lines().count() > 20);
        for size in [1, 7, 1_000, lines.len()] {
            let restored = restored(lines.as_bytes().chunks(size)).unwrap();
            assert_eq!(state(&restored), state(&ledger));
        }
    }

    #[test]
    fn files_that_are_no_export_are_told_apart() {
        let (_, lines) = exported();
        let utf_16 = |start: u16, bytes: fn(u16) -> [u8; 2]| {
            let units = std::iter::once(start).chain(lines.encode_utf16());
            units.flat_map(bytes).collect::<Vec<u8>>()
        };
        let mut gzip = b"\x1f\x8b\x08\0".to_vec();
        gzip.resize(super::LINE_BYTES_MAX * 2, 0);
        for (file, said) in [
            (b"SQLite format 3\0\x10\0".to_vec(), "SQLite file; `refunds"),
            (b"\x1f\x8b\x08\0\n".to_vec(), "gzip: unpack it"),
            (gzip, "gzip: unpack it"),
            (b"PK\x03\x04".to_vec(), "ZIP archive"),
            (utf_16(0xfeff, u16::to_le_bytes), "in UTF-16"),
            (utf_16(0xfeff, u16::to_be_bytes), "in UTF-16"),
            (
                b"Ref,Amount\na,1\n".to_vec(),
                "line 1: it is no export of a ledger",
            ),
            (
                format!("[{lines}]").into(),
                "line 1: it is no export of a ledger",
            ),
            (
                format!("{lines}\nRef,Amount").into(),
                ": the request is not JSON",
            ),
        ] {
            for size in [1, file.len()] {
                let refused = restored(file.chunks(size)).unwrap_err();
                assert!(refused.message().contains(said), "{refused}");
            }
        }
    }

    #[test]
    fn refunds_of_one_org_are_taken() {
        let ledger = restored([exported().1]).unwrap();
        let orgs = org_of(&ledger, None).unwrap_err();
        assert!(orgs.to_string().contains("several orgs"), "{orgs}");
        let all = ledger.movements(None, None, 500).unwrap();
        let mut taken = 0;
        for movement in all {
            let mut both = Reconciliation::new(Source::Csv, ReconcileOptions::default());
            add_refunds(&ledger, &movement.key.org(), &mut both).unwrap();
            taken += both.finish().unwrap().breaks.len();
        }
        assert!(taken > 0, "of these refunds the statement has none");
    }
}

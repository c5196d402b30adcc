//! Journals and tables that were tampered with: a verification against a kept head finds them sound where they
//! are as they were, and nowhere else. And entries: their bytes have one form.
//!
//! The input is read as tamperings of four bytes each, carried out one after the other; and as an entry.
#![no_main]

use std::ops::ControlFlow;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use refund_fuzz::{eventful_in_memory, over};
use refund_ledger::store::{ReadSet, ScanRange, ScanRow, Snapshot, WriteBatch};
use refund_ledger::{
    Entry, EntryContent, JournalPosition, JournalRecord, Ledger, ListAfter, Movement, Page, Refund,
    RefundFilter, RefundId, Store, StoreError, Text, Timestamp,
};

/// As many as are carried out; more find nothing else.
const TAMPERINGS: usize = 16;

/// What a scan visits.
#[derive(Clone, Debug, PartialEq)]
enum Row {
    Movement(Movement),
    Entry(JournalRecord),
    Refund(Refund, Option<RefundId>),
}

/// A store that holds exactly these rows.
struct Doctored {
    rows: Vec<Row>,
    position: JournalPosition,
}

impl Doctored {
    fn of(ledger: &Ledger) -> Self {
        let mut rows = Vec::new();
        let range = ScanRange {
            entries: true,
            refunds: true,
            ..ScanRange::default()
        };
        let scanned = ledger.store().scan(&range, &mut |row| {
            rows.push(match row {
                ScanRow::Movement(movement) => Row::Movement(movement.clone()),
                ScanRow::Entry(record) => Row::Entry(record.clone()),
                ScanRow::Refund { refund, holder } => Row::Refund(refund.clone(), holder),
                ScanRow::Invalid { reason, .. } => panic!("a sound store: {reason}"),
            });
            ControlFlow::Continue(())
        });
        Self {
            rows,
            position: scanned.expect("memory never fails"),
        }
    }

    /// Does to a row what the rest of the tampering says.
    fn tamper(&mut self, [row, what, where_, how]: [u8; 4]) {
        if self.rows.is_empty() {
            return;
        }
        let at = usize::from(row) % self.rows.len();
        match what % 16 {
            0 => drop(self.rows.remove(at)),
            1 => self.rows.insert(at, self.rows[at].clone()),
            2 => self.rows[at] = self.rows[usize::from(how) % self.rows.len()].clone(),
            what => match &mut self.rows[at] {
                Row::Movement(movement) => tamper_movement(movement, what, where_, how),
                Row::Entry(record) => tamper_entry(record, what, where_, how),
                Row::Refund(refund, holder) => tamper_refund(refund, holder, what, where_, how),
            },
        }
    }
}

fn later(instant: &mut Timestamp, how: u8) {
    let nanos = instant.subsec_nanos() ^ u32::from(how);
    if let Ok(other) = Timestamp::from_unix(instant.unix_seconds(), nanos) {
        *instant = other;
    }
}

fn other_text(how: u8) -> Text {
    Text::new(&"x".repeat(usize::from(how) + 1)).expect("a text")
}

fn tamper_movement(movement: &mut Movement, what: u8, where_: u8, how: u8) {
    let change = i64::from(how);
    match what {
        3 => later(&mut movement.occurred_at, how),
        4 => later(&mut movement.recorded_at, how),
        5 => later(&mut movement.chain.recorded_at, how),
        6 => movement.voided ^= how & 1 == 1,
        7 => movement.refunded.values.with ^= change,
        8 => movement.refunded.values.without ^= change,
        9 => movement.refunded.count ^= u32::from(how),
        10 => movement.chain.length ^= u64::from(how),
        11 => movement.chain.hash.0[usize::from(where_) % 32] ^= how,
        12 => movement.description.salted = None,
        13 => movement.description.digest.0[usize::from(where_) % 32] ^= how,
        14 => movement.description.sequence ^= u64::from(how),
        _ => {
            if let Some(salted) = &mut movement.description.salted {
                salted.text = other_text(how);
            }
        }
    }
}

fn tamper_entry(record: &mut JournalRecord, what: u8, where_: u8, how: u8) {
    let entry = &mut record.entry;
    let at = usize::from(where_) % entry.bytes.len().max(1);
    match what {
        3 => entry.text = None,
        4 => {
            if let Some(salted) = &mut entry.text {
                salted.text = other_text(how);
            }
        }
        5 => {
            if let Some(salted) = &mut entry.text {
                salted.salt.0[usize::from(where_) % 16] ^= how;
            }
        }
        6 => entry.sequence ^= u64::from(how),
        7 => entry.bytes.truncate(at),
        8 => entry.bytes.push(how),
        // Entries that are well formed, and say something else.
        9..=12 => {
            if let Ok(mut other) = Entry::decode(&entry.bytes) {
                match what {
                    9 => later(&mut other.recorded_at, how),
                    10 => other.previous.0[usize::from(where_) % 32] ^= how,
                    11 => other.sequence ^= u64::from(how),
                    _ => match &mut other.content {
                        EntryContent::Movement(movement) => later(&mut movement.occurred_at, how),
                        EntryContent::Refund(refund) => refund.details.billable ^= how & 1 == 1,
                    },
                }
                entry.bytes = other.encode();
            }
        }
        _ => {
            if let Some(byte) = entry.bytes.get_mut(at) {
                *byte ^= how;
            }
        }
    }
}

fn tamper_refund(
    refund: &mut Refund,
    holder: &mut Option<RefundId>,
    what: u8,
    where_: u8,
    how: u8,
) {
    match what {
        3 => later(&mut refund.created_at, how),
        4 => later(&mut refund.updated_at, how),
        5 => later(&mut refund.details.refund_datetime, how),
        6 => refund.deleted ^= how & 1 == 1,
        7 => refund.details.billable ^= how & 1 == 1,
        8 => refund.revision ^= u32::from(how),
        9 => *holder = None,
        10 => refund.details.external_id = None,
        11 => refund.details.external_invoice_id = None,
        12 => refund.details.description.salted = None,
        13 => refund.details.description.digest.0[usize::from(where_) % 32] ^= how,
        14 => {
            let mut id = *refund.id.as_bytes();
            id[usize::from(where_) % 16] ^= how;
            refund.id = RefundId::from_bytes(id);
        }
        _ => {
            if let Some(salted) = &mut refund.details.description.salted {
                salted.text = other_text(how);
            }
        }
    }
}

/// A verification only scans.
impl Store for Doctored {
    fn load(&self, _: &ReadSet) -> Result<Snapshot, StoreError> {
        unreachable!("verify loads")
    }

    fn commit(&self, _: &WriteBatch) -> Result<(), StoreError> {
        unreachable!("verify commits")
    }

    fn list_refunds(
        &self,
        _: &RefundFilter,
        _: Option<ListAfter>,
        _: usize,
    ) -> Result<Page<Refund>, StoreError> {
        unreachable!("verify lists")
    }

    fn journal(&self, _: JournalPosition, _: usize) -> Result<Vec<JournalRecord>, StoreError> {
        unreachable!("verify pages")
    }

    fn scan(
        &self,
        _: &ScanRange<'_>,
        visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> Result<JournalPosition, StoreError> {
        for row in &self.rows {
            let _ = visit(match row {
                Row::Movement(movement) => ScanRow::Movement(movement),
                Row::Entry(record) => ScanRow::Entry(record),
                Row::Refund(refund, holder) => ScanRow::Refund {
                    refund,
                    holder: *holder,
                },
            });
        }
        Ok(self.position)
    }
}

fuzz_target!(|input: &[u8]| {
    if let Ok(entry) = Entry::decode(input) {
        assert_eq!(entry.encode(), input, "an entry has one form");
    }
    let ledger = eventful_in_memory();
    let kept = ledger.head().expect("a head");
    let mut doctored = Doctored::of(&ledger);
    let original = doctored.rows.clone();
    for tampering in input.as_chunks().0.iter().take(TAMPERINGS) {
        doctored.tamper(*tampering);
    }
    let rows = doctored.rows.clone();
    let report = over(Arc::new(doctored))
        .verify(Some(kept))
        .expect("a report");
    assert_eq!(report.is_valid(), report.findings.is_empty(), "{report:?}");
    if rows == original {
        assert!(report.is_valid(), "nothing was changed: {report:?}");
    } else if report.is_valid() {
        // In which order a movement's refunds are visited is the store's own affair.
        assert_eq!(sorted(&rows), sorted(&original), "tampered with, and valid");
    }
});

fn sorted(rows: &[Row]) -> Vec<String> {
    let mut sorted: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
    sorted.sort();
    sorted
}

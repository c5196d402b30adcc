//! What the ledger must hold after all that the clients were told.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use refund_ledger::{
    EntryContent, EntryKind, Head, JournalPosition, JournalRecord, Ledger, MovementKey, Refund,
    RefundFilter,
};

use super::client::{Answered, BATCH, Record, Wanted};
use super::watched::Watched;
use crate::common;

/// How many entries a reader of the journal takes at once.
const PAGE: usize = 500;

/// Follows the journal while the clients book, as somebody does who pays out what is in it.
#[derive(Default)]
pub(super) struct Reader {
    read: Vec<Vec<u8>>,
    faults: Vec<String>,
}

impl Reader {
    pub(super) fn follow(mut self, ledger: &Ledger, ended: &AtomicBool) -> Self {
        while !ended.load(Ordering::Relaxed) {
            let after = JournalPosition::try_from(self.read.len()).unwrap();
            match ledger.journal(after, PAGE) {
                Ok(records) => self.take(records),
                Err(error) if error.is_retryable() => {}
                Err(error) => self
                    .faults
                    .push(format!("the journal's reader: {}", common::told(&error))),
            }
            thread::sleep(Duration::from_millis(10));
        }
        self
    }

    fn take(&mut self, records: Vec<JournalRecord>) {
        for record in records {
            let expected = JournalPosition::try_from(self.read.len() + 1).unwrap();
            if record.position != expected {
                let position = record.position;
                self.faults.push(format!(
                    "the journal's reader was given position {position} where {expected} comes next"
                ));
                return;
            }
            self.read.push(record.entry.bytes);
        }
    }
}

/// What came out.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// How many refunds were acknowledged.
    pub(crate) acknowledged: usize,
    /// How many commits the store could not tell the outcome of.
    pub(crate) unknown: u64,
    /// How long the longest call of the store took.
    pub(crate) slowest: Duration,
    /// Acknowledged refunds, and changes of them, that are not there as they were acknowledged.
    pub(crate) lost: Vec<String>,
    /// Refunds that were wanted once and are there more than once.
    pub(crate) booked_twice: Vec<String>,
    /// Whatever else is not as it should be.
    pub(crate) wrong: Vec<String>,
}

impl Findings {
    /// Fails unless all is as it should be.
    #[track_caller]
    pub(crate) fn assert_sound(&self) {
        let all = [&self.lost, &self.booked_twice, &self.wrong];
        let told: Vec<&String> = all.iter().flat_map(|some| some.iter().take(10)).collect();
        assert!(
            told.is_empty(),
            "{} acknowledged refunds lost, {} booked twice, {} other things wrong, among them:\n{told:#?}",
            self.lost.len(),
            self.booked_twice.len(),
            self.wrong.len(),
        );
    }
}

pub(super) fn check(
    ledger: &Ledger,
    store: &Watched,
    movements: &[MovementKey],
    records: Vec<Record>,
    reader: &Reader,
    heads: &[Head],
) -> Findings {
    let mut findings = Findings {
        unknown: store.unknown(),
        slowest: store.slowest(),
        wrong: reader.faults.clone(),
        ..Findings::default()
    };
    let before = entries(ledger).len();
    let mut wanted = BTreeMap::new();
    thread::scope(|scope| {
        let repeats: Vec<_> = records
            .iter()
            .map(|record| scope.spawn(|| repeat(ledger, &record.answered)))
            .collect();
        for repeat in repeats {
            findings.lost.extend(repeat.join().expect("a repeat ends"));
        }
    });
    for record in records {
        findings.wrong.extend(record.faults);
        wanted.extend(record.refunds);
    }
    findings.acknowledged = wanted.len();

    let journal = entries(ledger);
    if journal.len() != before {
        findings.wrong.push(format!(
            "the repeats of {before} entries have written {} more",
            journal.len() - before
        ));
    }
    findings.compare_refunds(ledger, &wanted);
    findings.compare_sums(ledger, movements, &wanted);
    findings.check_journal(&journal, reader);
    for kept in heads.iter().copied().map(Some).chain([None]) {
        let report = ledger.verify(kept).expect("a report");
        if !report.is_valid() {
            findings
                .wrong
                .push(format!("verified against {kept:?}: {report:?}"));
        }
    }
    findings
}

/// Sends everything once more. What was acknowledged must be acknowledged again, and under the same
/// ids; what is not is told.
fn repeat(ledger: &Ledger, answered: &[Answered]) -> Vec<String> {
    let mut lost = Vec::new();
    for Answered { commands, receipts } in answered {
        let again = match ledger.execute_all(commands, BATCH) {
            Ok(again) => again,
            Err(error) => {
                lost.push(format!("{commands:?}, repeated: {}", common::told(&error)));
                continue;
            }
        };
        for ((command, receipt), again) in commands.iter().zip(receipts).zip(again) {
            match again {
                Ok(again) if again.replayed && again.refund_id == receipt.refund_id => {}
                other => lost.push(format!(
                    "{command:?}, acknowledged as {receipt:?}, repeated: {other:?}"
                )),
            }
        }
    }
    lost
}

fn entries(ledger: &Ledger) -> Vec<JournalRecord> {
    ledger.journal(0, usize::MAX).expect("a journal")
}

impl Findings {
    fn compare_refunds(&mut self, ledger: &Ledger, wanted: &BTreeMap<String, Wanted>) {
        let everything = RefundFilter {
            include_deleted: true,
            ..RefundFilter::default()
        };
        let mut by_invoice: HashMap<String, Vec<Refund>> = HashMap::new();
        for refund in ledger.refunds(everything) {
            let refund = refund.expect("a refund");
            let invoice = refund.details.external_invoice_id.as_ref().unwrap();
            by_invoice
                .entry(invoice.as_str().to_owned())
                .or_default()
                .push(refund);
        }
        for (invoice, wanted) in wanted {
            let booked = by_invoice.remove(invoice).unwrap_or_default();
            if !booked.iter().any(|refund| is_as(refund, wanted)) {
                self.lost.push(format!(
                    "{invoice}: {wanted:?} was acknowledged: {booked:?}"
                ));
            }
            if booked.len() > 1 {
                self.booked_twice.push(format!("{invoice}: {booked:?}"));
            }
        }
        for (invoice, booked) in by_invoice {
            self.wrong.push(format!(
                "{invoice}: {booked:?} was acknowledged to nobody, though all was answered"
            ));
        }
    }

    fn compare_sums(
        &mut self,
        ledger: &Ledger,
        movements: &[MovementKey],
        wanted: &BTreeMap<String, Wanted>,
    ) {
        for movement in movements {
            let live = wanted
                .values()
                .filter(|wanted| wanted.movement == *movement && !wanted.deleted);
            let expected: u64 = live.map(|wanted| wanted.cents).sum();
            let balance = ledger.balance(movement).expect("a balance");
            let (amount, refunded) = (balance.amount, balance.refunded);
            let is_right = u64::try_from(refunded.with) == Ok(expected)
                && refunded.without == refunded.with
                && balance.refundable.with == amount.with - refunded.with;
            if !is_right {
                self.wrong
                    .push(format!("{movement}: {balance:?}, acknowledged: {expected}"));
            }
        }
    }

    /// Positions without gaps, each external id created once, and all that was read still as it was.
    fn check_journal(&mut self, journal: &[JournalRecord], reader: &Reader) {
        let mut created: HashMap<String, u32> = HashMap::new();
        for (expected, record) in (1..).zip(journal) {
            if record.position != expected {
                let position = record.position;
                self.wrong.push(format!(
                    "position {position} stands where {expected} should"
                ));
            }
            let entry = record.decode().expect("an entry");
            let EntryContent::Refund(content) = &entry.content else {
                continue;
            };
            let external_id = content.details.external_id.as_ref().unwrap();
            if entry.kind == EntryKind::RefundCreated {
                let key = format!("{} {}", entry.movement.org_id(), external_id.id());
                *created.entry(key).or_default() += 1;
            }
        }
        let twice = created.into_iter().filter(|(_, times)| *times > 1);
        self.booked_twice
            .extend(twice.map(|(key, times)| format!("{key} was created {times} times")));
        for (at, read) in reader.read.iter().enumerate() {
            if journal.get(at).map(|record| &record.entry.bytes) != Some(read) {
                self.wrong.push(format!(
                    "the entry at position {} was read, and is not there any more",
                    at + 1
                ));
            }
        }
    }
}

fn is_as(refund: &Refund, wanted: &Wanted) -> bool {
    let external_id = refund.details.external_id.as_ref().unwrap().id();
    refund.id == wanted.id
        && refund.movement == wanted.movement
        && external_id.as_str() == wanted.external_id
        && refund.revision == wanted.revision
        && refund.deleted == wanted.deleted
        && u64::try_from(refund.details.amount.values().with) == Ok(wanted.cents)
}

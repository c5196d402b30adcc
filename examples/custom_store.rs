//! A store of one's own: an append-only file of JSON lines, with everything in memory besides.
//!
//! It passes the whole conformance suite (`tests/conformance.rs`), so a ledger over it keeps every
//! promise. Its limits: what it holds must fit into memory, opening reads the whole file, a list
//! looks at every refund, one process at a time may have it open, and erasing a text rewrites it.
//!
//! The idea: the journal is the whole truth. A line of the file is the entries of one batch, so
//! that a batch is there in full or not at all; the rows follow from the entries.
#![allow(clippy::print_stdout, reason = "an example shows what happens")]
#![allow(clippy::disallowed_methods, reason = "a program reads its arguments")]

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use refund_ledger::store::{
    LoadedRefund, Precondition, ReadSet, ScanRange, ScanRow, Snapshot, WriteBatch,
};
use refund_ledger::{
    AmountRequest, ChainEnd, Description, Entry, EntryContent, EntryKind, Id, JournalEntry,
    JournalPosition, JournalRecord, Ledger, LedgerError, ListAfter, Movement, MovementKey,
    MovementRequest, Page, Refund, RefundFilter, RefundId, RefundLookup, Refunded, SaltedText,
    Store, StoreError, Text, Values, entry_hash,
};
use serde_json::{Value, json};

/// The rows, as the journal's entries make them. Texts stay beside the entries that brought them.
#[derive(Default)]
struct Rows {
    journal: Vec<JournalRecord>,
    /// Where in the journal each movement's entries are, in order of sequence.
    chains: BTreeMap<MovementKey, Vec<usize>>,
    movements: BTreeMap<MovementKey, Movement>,
    refunds: BTreeMap<RefundId, Refund>,
    external_ids: BTreeMap<(Id, Id), RefundId>,
}

impl Rows {
    fn apply(&mut self, stored: JournalEntry) -> Result<(), LedgerError> {
        let entry = Entry::decode(&stored.bytes)?;
        let (key, at) = (entry.movement.clone(), entry.recorded_at);
        let chain = ChainEnd {
            length: entry.sequence,
            hash: entry_hash(&stored.bytes),
            recorded_at: at,
        };
        let position = self.journal.len() as u64 + 1;
        self.chains.entry(key.clone()).or_default().push(self.journal.len());
        self.journal.push(JournalRecord { position, entry: stored });
        if entry.kind == EntryKind::TextErased {
            for index in &self.chains[&key] {
                let earlier = &mut self.journal[*index].entry;
                if Entry::decode(&earlier.bytes)?.content.text_owner() == entry.content.text_owner() {
                    earlier.text = None;
                }
            }
        }
        match (entry.kind, entry.content) {
            (EntryKind::MovementRecorded, EntryContent::Movement(content)) => {
                self.movements.insert(key.clone(), Movement {
                    key: key.clone(),
                    occurred_at: content.occurred_at,
                    amount: content.amount,
                    description: content.description,
                    recorded_at: at,
                    voided: false,
                    refunded: Refunded::default(),
                    chain,
                });
            }
            (EntryKind::TextErased, _) | (_, EntryContent::Movement(_)) => {}
            (_, EntryContent::Refund(content)) => {
                let before = self.refunds.get(&content.id);
                let refund = Refund {
                    id: content.id,
                    movement: key.clone(),
                    details: content.details,
                    revision: content.revision,
                    created_at: before.map_or(at, |before| before.created_at),
                    updated_at: at,
                    deleted: content.deleted,
                };
                let (old, new) = (live(before), live(Some(&refund)));
                if let Some(sums) = self.movements.get_mut(&key).map(|it| &mut it.refunded) {
                    let rest = sums.values.checked_sub(old.values).unwrap_or_default();
                    sums.values = rest.checked_add(new.values).unwrap_or_default();
                    sums.count = sums.count - old.count + new.count;
                }
                if let Some(held) = &refund.details.external_id {
                    self.external_ids.insert((key.org(), held.id().clone()), refund.id);
                }
                self.refunds.insert(refund.id, refund);
            }
        }
        if let Some(movement) = self.movements.get_mut(&key) {
            movement.chain = chain;
            movement.voided |= entry.kind == EntryKind::MovementVoided;
        }
        Ok(())
    }

    /// A movement's entries, in order of sequence.
    fn chain(&self, key: &MovementKey) -> impl Iterator<Item = &JournalRecord> {
        self.chains.get(key).into_iter().flatten().map(|index| &self.journal[*index])
    }

    fn with_text(&self, key: &MovementKey, description: &Description) -> Description {
        let brought = self.chain(key).find(|it| it.entry.sequence == description.sequence);
        let salted = brought.and_then(|it| it.entry.text.clone());
        Description { salted, ..description.clone() }
    }

    fn movement(&self, key: &MovementKey) -> Option<Movement> {
        let row = self.movements.get(key)?;
        Some(Movement { description: self.with_text(key, &row.description), ..row.clone() })
    }

    fn refund(&self, row: &Refund) -> Refund {
        let mut refund = row.clone();
        refund.details.description = self.with_text(&row.movement, &row.details.description);
        refund
    }

    fn find(&self, org: &Id, lookup: &RefundLookup) -> Option<Refund> {
        let id = match lookup {
            RefundLookup::Id(id) => id,
            RefundLookup::ExternalId(held) => self.external_ids.get(&(org.clone(), held.clone()))?,
        };
        let row = self.refunds.get(id).filter(|it| it.movement.org_id() == org.as_str())?;
        Some(self.refund(row))
    }

    fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
        let mut snapshot = Snapshot::default();
        for key in wanted.movements() {
            snapshot.put_movement(key.clone(), self.movement(key));
        }
        for (org, lookup, revisions) in wanted.refunds() {
            let found = self.find(org, lookup).map(|refund| {
                let key = refund.movement.clone();
                LoadedRefund::from_chain(refund, revisions, self.chain(&key).map(|it| &it.entry))
            });
            snapshot.put_refund(org.clone(), lookup.clone(), found.transpose()?);
        }
        Ok(snapshot)
    }

    fn holds(&self, precondition: &Precondition) -> bool {
        match precondition {
            Precondition::MovementAt { movement, version } => {
                self.movements.get(movement).map_or(0, |it| it.chain.length) == *version
            }
            Precondition::ExternalIdFree { org, external_id } => {
                !self.external_ids.contains_key(&(org.clone(), external_id.clone()))
            }
        }
    }
}

/// What a refund adds to the sums of its movement.
fn live(refund: Option<&Refund>) -> Refunded {
    refund.filter(|it| !it.deleted).map_or(Refunded::default(), |it| Refunded {
        values: it.details.amount.values(),
        count: 1,
    })
}

/// The rows with the file that keeps them.
struct Journal {
    rows: Rows,
    path: PathBuf,
    file: File,
    /// How many bytes of the file are whole lines.
    length: u64,
    holds_erased_text: bool,
}

fn failed(error: io::Error) -> StoreError {
    StoreError::Failed { reason: error.to_string() }
}

fn to_line<'a>(entries: impl Iterator<Item = &'a JournalEntry>) -> String {
    let entries: Vec<Value> = entries
        .map(|entry| {
            let bytes = base16ct::lower::encode_string(&entry.bytes);
            let text = entry.text.as_ref().map(|it| json!([it.salt.to_string(), it.text.as_str()]));
            json!({ "bytes": bytes, "text": text })
        })
        .collect();
    Value::from(entries).to_string() + "\n"
}

fn from_line(line: &[u8]) -> Option<Vec<JournalEntry>> {
    let parse = |entry: &Value| {
        let bytes = base16ct::lower::decode_vec(entry["bytes"].as_str()?).ok()?;
        let text = match &entry["text"] {
            Value::Null => None,
            pair => Some(SaltedText {
                salt: pair[0].as_str()?.parse().ok()?,
                text: Text::new(pair[1].as_str()?).ok()?,
            }),
        };
        let Entry { movement, sequence, .. } = Entry::decode(&bytes).ok()?;
        Some(JournalEntry { movement, sequence, bytes, text })
    };
    serde_json::from_slice::<Value>(line).ok()?.as_array()?.iter().map(parse).collect()
}

impl Journal {
    fn open(path: &Path) -> Result<Self, StoreError> {
        let file = OpenOptions::new().append(true).read(true).create(true).open(path);
        let bytes = std::fs::read(path);
        let (file, bytes) = (file.map_err(failed)?, bytes.or_else(|_| std::fs::read(path)));
        let bytes = bytes.map_err(failed)?;
        // What stands behind the last line end was being written when the power went; nobody was
        // told that it was kept, and the next commit cuts it off.
        let length = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let mut rows = Rows::default();
        for (number, line) in bytes[..length].split_inclusive(|byte| *byte == b'\n').enumerate() {
            let damaged = || StoreError::Corrupted {
                reason: format!("line {} of {}", number + 1, path.display()),
            };
            for entry in from_line(line).ok_or_else(damaged)? {
                rows.apply(entry).map_err(|_| damaged())?;
            }
        }
        let holds_erased_text = true; // For all we know: the first scrub finds out.
        Ok(Self { rows, path: path.into(), file, length: length as u64, holds_erased_text })
    }

    fn commit(&mut self, batch: &WriteBatch) -> Result<(), StoreError> {
        if !batch.preconditions.iter().all(|it| self.rows.holds(it)) {
            return Err(StoreError::Conflict);
        }
        if batch.entries.is_empty() {
            return Ok(());
        }
        let line = to_line(batch.entries.iter());
        self.file.set_len(self.length).map_err(failed)?;
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // The line must not be found there later. If even that fails, nobody can tell.
            let cut_off = self.file.set_len(self.length).and_then(|()| self.file.sync_data());
            let reason = error.to_string();
            return Err(match cut_off {
                Ok(()) => StoreError::Failed { reason },
                Err(_) => StoreError::OutcomeUnknown { reason },
            });
        }
        self.length += line.len() as u64;
        self.holds_erased_text |= !batch.erasures.is_empty();
        batch.entries.iter().try_for_each(|entry| self.rows.apply(entry.clone())).map_err(|error| {
            StoreError::Corrupted { reason: error.to_string() }
        })
    }

    /// Writes the file anew, with the texts that are left, and puts it in the place of the old.
    fn rewrite(&mut self) -> io::Result<()> {
        let anew = self.path.with_extension("anew");
        let mut lines = String::new();
        for record in &self.rows.journal {
            lines += &to_line(std::iter::once(&record.entry));
        }
        std::fs::write(&anew, &lines)?;
        File::open(&anew)?.sync_all()?;
        std::fs::rename(&anew, &self.path)?;
        self.file = OpenOptions::new().append(true).open(&self.path)?;
        self.length = lines.len() as u64;
        self.holds_erased_text = false;
        let folder = self.path.parent().filter(|it| !it.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

/// A store in a file of JSON lines.
pub(crate) struct JsonLinesStore {
    journal: Mutex<Journal>,
    /// Locked as long as the store is open.
    _lock: File,
}

impl JsonLinesStore {
    /// Opens the file, or makes one.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let lock = File::create(path.with_extension("lock")).map_err(failed)?;
        lock.try_lock().map_err(|_| StoreError::Busy)?;
        Ok(Self { journal: Mutex::new(Journal::open(path)?), _lock: lock })
    }

    fn lock(&self) -> MutexGuard<'_, Journal> {
        // A decision or visitor that panicked while it was held had changed nothing.
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for JsonLinesStore {
    fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
        self.lock().rows.load(wanted)
    }

    fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        self.lock().commit(batch)
    }

    fn list_refunds(
        &self,
        filter: &RefundFilter,
        after: Option<ListAfter>,
        limit: usize,
    ) -> Result<Page<Refund>, StoreError> {
        let journal = self.lock();
        let mut found: Vec<&Refund> = (journal.rows.refunds.values())
            .filter(|it| filter.matches(it) && after.is_none_or(|after| ListAfter::from(*it) > after))
            .collect();
        found.sort_by_key(|it| ListAfter::from(*it));
        let items = found.iter().take(limit).map(|it| journal.rows.refund(it)).collect();
        Ok(Page { items, more: found.len() > limit })
    }

    fn journal(
        &self,
        after: JournalPosition,
        limit: usize,
    ) -> Result<Vec<JournalRecord>, StoreError> {
        let skipped = usize::try_from(after).unwrap_or(usize::MAX);
        Ok(self.lock().rows.journal.iter().skip(skipped).take(limit).cloned().collect())
    }

    fn scan(
        &self,
        range: &ScanRange<'_>,
        visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> Result<JournalPosition, StoreError> {
        let rows = &self.lock().rows;
        let mut visit_all = || {
            for key in rows.movements.keys().filter(|key| range.includes(key)) {
                if let Some(movement) = rows.movement(key) {
                    visit(ScanRow::Movement(&movement))?;
                }
                for record in rows.chain(key).filter(|_| range.entries) {
                    visit(ScanRow::Entry(record))?;
                }
                // A real store would have an index from movements to refunds.
                let of_movement = |it: &&Refund| range.refunds && it.movement == *key;
                for refund in rows.refunds.values().filter(of_movement) {
                    let held = refund.details.external_id.as_ref();
                    let holder = held.and_then(|it| rows.external_ids.get(&(key.org(), it.id().clone())));
                    visit(ScanRow::Refund { refund: &rows.refund(refund), holder: holder.copied() })?;
                }
            }
            ControlFlow::Continue(())
        };
        let _stopped_early: ControlFlow<()> = visit_all();
        Ok(rows.journal.len() as u64)
    }

    fn transact(
        &self,
        wanted: &ReadSet,
        decide: &mut dyn FnMut(Snapshot) -> WriteBatch,
    ) -> Result<(), StoreError> {
        let mut journal = self.lock(); // Nobody comes in between.
        let batch = decide(journal.rows.load(wanted)?);
        journal.commit(&batch)
    }

    fn scrub(&self) -> Result<(), StoreError> {
        let mut journal = self.lock();
        if journal.holds_erased_text { journal.rewrite().map_err(failed) } else { Ok(()) }
    }
}

fn main() -> Result<(), LedgerError> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "refunds.jsonl".into());
    let store = JsonLinesStore::open(Path::new(&path))?;
    let ledger = Ledger::with_system_host(std::sync::Arc::new(store));
    let movement = MovementKey::new("acme", "sub-7", "mov-42")?;
    let recorded = ledger.record_movement(&movement, MovementRequest {
        currency: "EUR".parse()?,
        occurred_at: "2022-02-01T00:00:00Z".parse()?,
        amount: AmountRequest::new(Some("100".parse()?), None)?,
        description: Text::new("February")?,
    })?;
    println!("{path}: movement {movement}, {}", if recorded.replayed { "known" } else { "new" });
    let left: Values = ledger.balance(&movement)?.refundable;
    println!("{} cents can be refunded; the ledger is {:?}", left.with, ledger.verify(None)?.verdict);
    Ok(())
}

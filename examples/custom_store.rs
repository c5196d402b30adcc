//! A store of one's own: everything in memory, and beside it a file of JSON lines that rebuilds it.
//!
//! It passes the whole conformance suite (`tests/conformance.rs`), so a ledger over it keeps every
//! promise. Its limits: what it holds must fit into memory, opening replays the whole file, erasing
//! a text writes the file anew, and one process at a time may have it open.
//!
//! The file is an export, as `refunds export` writes it, with an empty line behind each batch. What
//! follows the last empty line was being written when the power went, and nobody was told that it
//! was kept: opening cuts it off, so that a batch is there in full or not at all.
#![allow(clippy::print_stdout, reason = "an example shows what happens")]
#![allow(clippy::disallowed_methods, reason = "a program reads its arguments")]

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use refund_ledger::store::memory::MemoryStore;
use refund_ledger::store::{ReadSet, ScanRange, ScanRow, Snapshot, WriteBatch};
use refund_ledger::{
    AmountRequest, JournalPosition, JournalRecord, Ledger, LedgerError, ListAfter, MovementKey,
    MovementRequest, Page, Refund, RefundFilter, Store, StoreError, Text, wire,
};

#[allow(clippy::needless_pass_by_value, reason = "what `map_err` passes")]
fn failed(error: impl ToString) -> StoreError {
    StoreError::Failed {
        reason: error.to_string(),
    }
}

/// What the file holds, and how much of it was saved.
struct State {
    memory: Arc<MemoryStore>,
    file: File,
    saved: JournalPosition,
}

impl State {
    fn open(path: &Path) -> Result<Self, StoreError> {
        let mut options = OpenOptions::new();
        let mut file = (options.append(true).read(true).create(true).open(path)).map_err(failed)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        let ends = bytes.windows(2).rposition(|two| two == b"\n\n");
        bytes.truncate(ends.map_or(0, |at| at + 2));
        file.set_len(bytes.len() as u64).map_err(failed)?;
        file.sync_all().map_err(failed)?;

        let damaged = |error: LedgerError| StoreError::Corrupted {
            reason: format!("{}: {error}", path.display()),
        };
        let memory = Arc::new(MemoryStore::new());
        let ledger = Ledger::with_system_host(memory.clone());
        let mut batch = Vec::new();
        for line in bytes.split(|byte| *byte == b'\n') {
            if !line.is_empty() {
                batch.push(wire::parse_line(line).map_err(damaged)?);
            } else if !batch.is_empty() {
                ledger
                    .restore(&batch)
                    .map_err(|fault| damaged(fault.error))?;
                batch.clear();
            }
        }
        let saved = last_position(&memory)?;
        Ok(Self {
            memory,
            file,
            saved,
        })
    }

    /// Writes what memory holds beyond the file; where texts were erased, the whole file anew.
    fn save(&mut self, path: &Path, erased: bool) -> Result<(), StoreError> {
        if erased {
            let anew = path.with_extension("anew");
            self.file = File::create(&anew).map_err(failed)?;
            self.append(0)?;
            std::fs::rename(&anew, path).map_err(failed)?;
            let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
            let folder = File::open(folder.unwrap_or(Path::new("."))).map_err(failed)?;
            folder.sync_all().map_err(failed)
        } else {
            self.append(self.saved)
        }
    }

    fn append(&mut self, after: JournalPosition) -> Result<(), StoreError> {
        let ledger = Ledger::with_system_host(self.memory.clone());
        let mut lines = String::new();
        for record in self.memory.journal(after, usize::MAX)? {
            lines += &ledger.export_line(&record).map_err(failed)?;
            lines += "\n";
            self.saved = record.position;
        }
        lines += "\n";
        self.file.write_all(lines.as_bytes()).map_err(failed)?;
        self.file.sync_all().map_err(failed)
    }
}

fn last_position(store: &MemoryStore) -> Result<JournalPosition, StoreError> {
    store.scan(&ScanRange::default(), &mut |_| ControlFlow::Break(()))
}

/// A store in a file of JSON lines.
pub(crate) struct JsonLinesStore {
    path: PathBuf,
    /// `None` once the file could not be read back behind a failed write.
    state: Mutex<Option<State>>,
    /// Locked as long as the store is open.
    _lock: File,
}

impl JsonLinesStore {
    /// Opens the file, or makes one.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let lock = File::create(path.with_extension("lock")).map_err(failed)?;
        lock.try_lock().map_err(|_| StoreError::Busy)?;
        Ok(Self {
            path: path.into(),
            state: Mutex::new(Some(State::open(path)?)),
            _lock: lock,
        })
    }

    /// Whoever holds this is alone: nobody reads what is not yet in the file.
    fn lock(&self) -> MutexGuard<'_, Option<State>> {
        // A decision or a visitor that panicked meanwhile had changed nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn save(&self, state: &mut Option<State>, batch: &WriteBatch) -> Result<(), StoreError> {
        let now = sound(state)?;
        now.memory.commit(batch)?; // Checks the preconditions.
        if batch.entries.is_empty() {
            return Ok(());
        }
        now.save(&self.path, !batch.erasures.is_empty())
            .map_err(|error| {
                // The file may hold the batch or not. Begin again from what it does hold; the ledger
                // then finds out.
                *state = State::open(&self.path).ok();
                StoreError::OutcomeUnknown {
                    reason: error.to_string(),
                }
            })
    }
}

fn sound(state: &mut Option<State>) -> Result<&mut State, StoreError> {
    state.as_mut().ok_or(StoreError::Unavailable {
        reason: "the file could not be read back; open it again".into(),
    })
}

impl Store for JsonLinesStore {
    fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
        sound(&mut self.lock())?.memory.load(wanted)
    }

    fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        self.save(&mut self.lock(), batch)
    }

    fn list_refunds(
        &self,
        filter: &RefundFilter,
        after: Option<ListAfter>,
        limit: usize,
    ) -> Result<Page<Refund>, StoreError> {
        sound(&mut self.lock())?
            .memory
            .list_refunds(filter, after, limit)
    }

    fn journal(
        &self,
        after: JournalPosition,
        limit: usize,
    ) -> Result<Vec<JournalRecord>, StoreError> {
        sound(&mut self.lock())?.memory.journal(after, limit)
    }

    fn scan(
        &self,
        range: &ScanRange<'_>,
        visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> Result<JournalPosition, StoreError> {
        sound(&mut self.lock())?.memory.scan(range, visit)
    }

    fn transact(
        &self,
        wanted: &ReadSet,
        decide: &mut dyn FnMut(Snapshot) -> WriteBatch,
    ) -> Result<(), StoreError> {
        let mut state = self.lock(); // Nobody comes in between.
        let batch = decide(sound(&mut state)?.memory.load(wanted)?);
        self.save(&mut state, &batch)
    }
}

fn main() -> Result<(), LedgerError> {
    let path = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "refunds.jsonl".into());
    let store = JsonLinesStore::open(Path::new(&path))?;
    let ledger = Ledger::with_system_host(Arc::new(store));
    let movement = MovementKey::new("acme", "sub-7", "mov-42")?;
    let request = MovementRequest {
        currency: "EUR".parse()?,
        occurred_at: "2022-02-01T00:00:00Z".parse()?,
        amount: AmountRequest::new(Some("100".parse()?), None)?,
        description: Text::new("February")?,
    };
    let recorded = ledger.record_movement(&movement, &request)?;
    let was = if recorded.replayed { "known" } else { "new" };
    println!("{path}: movement {movement} is {was}");
    let left = ledger.balance(&movement)?.refundable.with;
    let verdict = ledger.verify(None)?.verdict;
    println!(
        "{left} cents can be refunded; the ledger is {}",
        verdict.as_str()
    );
    Ok(())
}

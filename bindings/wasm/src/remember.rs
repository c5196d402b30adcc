//! A store that remembers.
//!
//! A store in JavaScript may answer later, in a promise; the ledger asks and waits. The two meet by
//! repetition: an operation runs until it needs an answer that is not there, and stops. Once the
//! answer was fetched the operation runs again from its beginning, over all the answers so far. That
//! gives the same every time, since what it decides depends on nothing else (see [`crate::host`]).

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use refund_ledger::store::{ReadSet, ScanRange, ScanRow, Snapshot, WriteBatch};
use refund_ledger::{
    Id, JournalPosition, JournalRecord, ListAfter, MovementKey, Page, Refund, RefundFilter, Store,
    StoreError,
};

use crate::rows::{self, Row};

/// What an operation needs from the store to go on.
#[derive(Debug)]
pub(crate) enum Need {
    Load(ReadSet),
    Commit(WriteBatch),
    Transact(ReadSet),
    List {
        filter: RefundFilter,
        after: Option<ListAfter>,
        limit: usize,
    },
    Journal {
        after: JournalPosition,
        limit: usize,
    },
    Scan(Range),
    Scrub,
}

/// A [`ScanRange`] that owns what it names.
#[derive(Debug)]
pub(crate) struct Range {
    org: Option<Id>,
    only: Option<MovementKey>,
    after: Option<MovementKey>,
    entries: bool,
    refunds: bool,
}

impl From<&ScanRange<'_>> for Range {
    fn from(range: &ScanRange<'_>) -> Self {
        Self {
            org: range.org.cloned(),
            only: range.only.cloned(),
            after: range.after.cloned(),
            entries: range.entries,
            refunds: range.refunds,
        }
    }
}

impl Range {
    pub(crate) fn as_range(&self) -> ScanRange<'_> {
        ScanRange {
            org: self.org.as_ref(),
            only: self.only.as_ref(),
            after: self.after.as_ref(),
            entries: self.entries,
            refunds: self.refunds,
        }
    }
}

/// What the store said to a [`Need`].
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A snapshot in its own text: each run reads it anew, and takes it apart.
    Loaded(Arc<str>),
    /// To a commit and a scrub.
    Done,
    /// The snapshot that was decided on last, and what came of the transaction.
    Transacted(Option<Arc<str>>, Result<(), StoreError>),
    Listed(Arc<Page<Refund>>),
    Entries(Arc<[JournalRecord]>),
    Scanned(Arc<[Row]>, JournalPosition),
    Failed(StoreError),
}

/// The answers so far, and where the run is among them.
#[derive(Debug, Default)]
struct Memory {
    answers: Vec<Answer>,
    next: usize,
    /// The first thing that has no answer yet, and the handle that it is asked of.
    need: Option<(usize, Need)>,
    /// What the transaction that is asked for decides on in this run.
    deciding: Option<Snapshot>,
    decided: Option<WriteBatch>,
}

impl Memory {
    /// The next answer; else notes the need, and the run is over.
    fn answer(&mut self, handle: usize, need: impl FnOnce() -> Need) -> Result<Answer, StoreError> {
        if self.need.is_none() {
            if let Some(answer) = self.answers.get(self.next) {
                self.next = self.next.saturating_add(1);
                return match answer.clone() {
                    Answer::Failed(error) => Err(error),
                    answer => Ok(answer),
                };
            }
            self.need = Some((handle, need()));
        }
        Err(stopped())
    }
}

/// What a run sees once it needs more than there is. What it makes of this is thrown away.
fn stopped() -> StoreError {
    StoreError::Failed {
        reason: "the run stops here".into(),
    }
}

/// A store that gives what can't be is damaged, or written wrong.
pub(crate) fn damaged(reason: String) -> StoreError {
    StoreError::Corrupted { reason }
}

fn out_of_step() -> StoreError {
    StoreError::Failed {
        reason: "the store answered something that was not asked".into(),
    }
}

/// A handle on a store that answers later. Clones share what is remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remembering {
    memory: Arc<Mutex<Memory>>,
    /// Which handle of the store is asked.
    handle: usize,
}

impl Remembering {
    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another handle on the same store.
    #[cfg(feature = "conformance")]
    pub(crate) fn handle(&self, handle: usize) -> Self {
        Self {
            memory: Arc::clone(&self.memory),
            handle,
        }
    }

    /// Goes back to the first answer, for another run.
    pub(crate) fn rewind(&self) {
        let mut memory = self.lock();
        memory.next = 0;
        memory.need = None;
        memory.deciding = None;
        memory.decided = None;
    }

    /// As [`Remembering::rewind`], for a run that ends in deciding on this snapshot.
    pub(crate) fn rewind_to_decide(&self, snapshot: Snapshot) {
        self.rewind();
        self.lock().deciding = Some(snapshot);
    }

    /// What the run that just ended needs to go on; `None` where it is done.
    pub(crate) fn need(&self) -> Option<(usize, Need)> {
        self.lock().need.take()
    }

    /// What the run that just ended decided.
    pub(crate) fn decided(&self) -> Option<WriteBatch> {
        self.lock().decided.take()
    }

    pub(crate) fn remember(&self, answer: Answer) {
        self.lock().answers.push(answer);
    }
}

impl Store for Remembering {
    fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
        let need = || Need::Load(wanted.clone());
        match self.lock().answer(self.handle, need)? {
            Answer::Loaded(text) => rows::read_snapshot(&text, wanted).map_err(damaged),
            _ => Err(out_of_step()),
        }
    }

    fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        let need = || Need::Commit(batch.clone());
        match self.lock().answer(self.handle, need)? {
            Answer::Done => Ok(()),
            _ => Err(out_of_step()),
        }
    }

    fn list_refunds(
        &self,
        filter: &RefundFilter,
        after: Option<ListAfter>,
        limit: usize,
    ) -> Result<Page<Refund>, StoreError> {
        let need = || Need::List {
            filter: filter.clone(),
            after,
            limit,
        };
        match self.lock().answer(self.handle, need)? {
            Answer::Listed(page) => Ok(Arc::unwrap_or_clone(page)),
            _ => Err(out_of_step()),
        }
    }

    fn journal(
        &self,
        after: JournalPosition,
        limit: usize,
    ) -> Result<Vec<JournalRecord>, StoreError> {
        let need = || Need::Journal { after, limit };
        match self.lock().answer(self.handle, need)? {
            Answer::Entries(records) => Ok(records.to_vec()),
            _ => Err(out_of_step()),
        }
    }

    fn scan(
        &self,
        range: &ScanRange<'_>,
        visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> Result<JournalPosition, StoreError> {
        let need = || Need::Scan(range.into());
        let answer = self.lock().answer(self.handle, need)?;
        let Answer::Scanned(rows, position) = answer else {
            return Err(out_of_step());
        };
        for row in rows.iter() {
            if visit(row.as_row()).is_break() {
                break;
            }
        }
        Ok(position)
    }

    fn transact(
        &self,
        wanted: &ReadSet,
        decide: &mut dyn FnMut(Snapshot) -> WriteBatch,
    ) -> Result<(), StoreError> {
        let need = || Need::Transact(wanted.clone());
        let answer = self.lock().answer(self.handle, need);
        match answer {
            Ok(Answer::Transacted(snapshot, outcome)) => {
                if let Some(text) = snapshot
                    && let Ok(snapshot) = rows::read_snapshot(&text, wanted)
                {
                    // It was committed already; what counts here is what the ledger learns of it.
                    let _decided_again = decide(snapshot);
                }
                outcome
            }
            Ok(_) => Err(out_of_step()),
            Err(error) => {
                let deciding = self.lock().deciding.take();
                if let Some(snapshot) = deciding {
                    let batch = decide(snapshot);
                    self.lock().decided = Some(batch);
                }
                Err(error)
            }
        }
    }

    fn scrub(&self) -> Result<(), StoreError> {
        match self.lock().answer(self.handle, || Need::Scrub)? {
            Answer::Done => Ok(()),
            _ => Err(out_of_step()),
        }
    }
}

//! One question to a ledger over a store in JavaScript.

use std::sync::Arc;

use refund_ledger::{Ledger, LedgerError, StoreError};
use serde::Serialize;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::ask::{Ask, thrown};
use crate::host::RememberedHost;
use crate::remember::{Answer, Need, Remembering, damaged};
use crate::rows::{self, Row, RowReader};

/// What the store is asked, as JavaScript sees it.
#[derive(Serialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
enum NeedText {
    Load {
        wanted: rows::ReadSet,
    },
    Commit {
        batch: rows::WriteBatch,
    },
    Transact {
        wanted: rows::ReadSet,
    },
    List {
        filter: rows::RefundFilter,
        after: Option<rows::ListAfter>,
        limit: usize,
    },
    Journal {
        after: u64,
        limit: usize,
    },
    Scan {
        range: rows::ScanRange,
    },
    Scrub,
}

impl From<&Need> for NeedText {
    fn from(need: &Need) -> Self {
        match need {
            Need::Load(wanted) => Self::Load {
                wanted: wanted.into(),
            },
            Need::Commit(batch) => Self::Commit {
                batch: batch.into(),
            },
            Need::Transact(wanted) => Self::Transact {
                wanted: wanted.into(),
            },
            Need::List {
                filter,
                after,
                limit,
            } => Self::List {
                filter: filter.into(),
                after: after.map(Into::into),
                limit: *limit,
            },
            Need::Journal { after, limit } => Self::Journal {
                after: *after,
                limit: *limit,
            },
            Need::Scan(range) => Self::Scan {
                range: (&range.as_range()).into(),
            },
            Need::Scrub => Self::Scrub,
        }
    }
}

/// The runs of one operation, and what the store has answered to them.
pub(crate) struct Runs {
    pub(crate) store: Remembering,
    pub(crate) host: Arc<RememberedHost>,
    /// What is needed now, of which handle.
    need: Option<(usize, Need)>,
    /// What the transaction that is under way decided on last.
    snapshot: Option<Arc<str>>,
    /// The rows of the scan that is under way.
    rows: Vec<Row>,
    reader: RowReader,
}

impl Runs {
    pub(crate) fn new(host: RememberedHost) -> Self {
        Self {
            store: Remembering::default(),
            host: Arc::new(host),
            need: None,
            snapshot: None,
            rows: Vec::new(),
            reader: RowReader::default(),
        }
    }

    /// Runs the operation as far as the answers go. `None` where something is needed first.
    pub(crate) fn run<T>(&mut self, operation: impl FnOnce() -> T) -> Option<T> {
        self.store.rewind();
        self.host.rewind();
        let outcome = operation();
        self.need = self.store.need();
        self.need.is_none().then_some(outcome)
    }

    /// What is needed, as JSON, with the handle that it is asked of.
    pub(crate) fn need(&self) -> Result<(usize, String), String> {
        let (handle, need) = self.need.as_ref().ok_or("nothing is needed")?;
        let text = serde_json::to_string(&NeedText::from(need)).map_err(|e| e.to_string())?;
        Ok((*handle, text))
    }

    fn remember(&self, answer: Result<Answer, String>) {
        let answer = answer.unwrap_or_else(|reason| Answer::Failed(damaged(reason)));
        self.store.remember(answer);
    }

    pub(crate) fn loaded(&self, text: String) {
        self.store.remember(Answer::Loaded(text.into()));
    }

    /// Runs the operation once more to decide on a snapshot. `None`: nothing is to be written.
    pub(crate) fn decide(
        &mut self,
        text: String,
        operation: impl FnOnce(),
    ) -> Result<Option<String>, String> {
        let Some((_, Need::Transact(wanted))) = &self.need else {
            return Err("no transaction was asked for".into());
        };
        let snapshot = rows::read_snapshot(&text, wanted)?;
        self.snapshot = Some(text.into());
        self.host.rewind();
        self.store.rewind_to_decide(snapshot);
        operation();
        let batch = self.store.decided();
        batch
            .filter(|batch| !batch.entries.is_empty())
            .map(|batch| serde_json::to_string(&rows::WriteBatch::from(&batch)))
            .transpose()
            .map_err(|error| error.to_string())
    }

    /// The store did as it was asked: it committed, finished the transaction, or scrubbed.
    pub(crate) fn done(&mut self) {
        let answer = if let Some((_, Need::Transact(_))) = self.need {
            Answer::Transacted(self.snapshot.take(), Ok(()))
        } else {
            Answer::Done
        };
        self.store.remember(answer);
    }

    pub(crate) fn listed(&self, text: &str) {
        let page = rows::read_page(text).map(|page| Answer::Listed(Arc::new(page)));
        self.remember(page);
    }

    pub(crate) fn entries(&self, text: &str) {
        let records = rows::read_records(text).map(|records| Answer::Entries(records.into()));
        self.remember(records);
    }

    pub(crate) fn visit(&mut self, text: &str) {
        self.rows.extend(self.reader.read(text));
    }

    pub(crate) fn scanned(&mut self, position: u64) {
        self.reader = RowReader::default();
        let rows = std::mem::take(&mut self.rows);
        self.store.remember(Answer::Scanned(rows.into(), position));
    }

    /// The store failed in this way.
    pub(crate) fn failed(&mut self, kind: &str, reason: String) {
        self.rows.clear();
        self.reader = RowReader::default();
        let error = store_error(kind, reason);
        let answer = if let Some((_, Need::Transact(_))) = self.need {
            Answer::Transacted(self.snapshot.take(), Err(error))
        } else {
            Answer::Failed(error)
        };
        self.store.remember(answer);
    }
}

/// A store's error by its name in JavaScript; an unknown one is a failure.
pub(crate) fn store_error(kind: &str, reason: String) -> StoreError {
    match kind {
        "conflict" => StoreError::Conflict,
        "busy" => StoreError::Busy,
        "outcome_unknown" => StoreError::OutcomeUnknown { reason },
        "unavailable" => StoreError::Unavailable { reason },
        "corrupted" => StoreError::Corrupted { reason },
        "unsupported" => StoreError::Unsupported { reason },
        _ => StoreError::Failed { reason },
    }
}

/// What JavaScript asks and answers between two runs, the same for everything that has [`Runs`].
macro_rules! answered {
    ($what:ty) => {
        #[wasm_bindgen]
        impl $what {
            /// What the store is asked, as JSON.
            ///
            /// # Errors
            /// Where nothing is needed.
            pub fn need(&self) -> Result<String, String> {
                self.runs.need().map(|(_, text)| text)
            }

            /// Takes the snapshot that was asked for.
            pub fn loaded(&self, snapshot: String) {
                self.runs.loaded(snapshot);
            }

            /// Says that the store did as it was asked.
            pub fn done(&mut self) {
                self.runs.done();
            }

            /// Takes the page of refunds that was asked for.
            pub fn listed(&self, page: &str) {
                self.runs.listed(page);
            }

            /// Takes the journal entries that were asked for.
            pub fn entries(&self, rows: &str) {
                self.runs.entries(rows);
            }

            /// Takes a row of the scan that was asked for.
            pub fn visit(&mut self, row: &str) {
                self.runs.visit(row);
            }

            /// Says that the scan is through, and the last position of its view.
            pub fn scanned(&mut self, position: f64) {
                self.runs.scanned(crate::position(position));
            }

            /// Says in which way the store failed, and why.
            pub fn failed(&mut self, kind: &str, reason: String) {
                self.runs.failed(kind, reason);
            }
        }
    };
}
#[cfg(feature = "conformance")]
pub(crate) use answered;

/// One question to a ledger over a store in JavaScript. `run` it until it answers `true`, and in
/// between ask the store for what it needs.
#[wasm_bindgen]
pub struct Session {
    ask: Ask,
    runs: Runs,
    ledger: Ledger,
    reply: Option<Result<String, LedgerError>>,
}

impl Session {
    pub(crate) fn new(ask: Ask, runs: Runs, ledger: Ledger) -> Self {
        Self {
            ask,
            runs,
            ledger,
            reply: None,
        }
    }
}

#[wasm_bindgen]
impl Session {
    /// Runs as far as the answers go; whether the reply is there.
    pub fn run(&mut self) -> bool {
        self.reply = self.runs.run(|| self.ask.perform(&self.ledger));
        self.reply.is_some()
    }

    /// The reply.
    ///
    /// # Errors
    /// What the ledger refused the question for, as JSON.
    pub fn reply(&mut self) -> Result<String, String> {
        match self.reply.take() {
            Some(Ok(reply)) => Ok(reply),
            Some(Err(error)) => Err(thrown(&error)),
            None => Err("the reply is not there yet".into()),
        }
    }

    /// Decides on a snapshot within a transaction: what is to be written, as JSON, or nothing.
    ///
    /// # Errors
    /// What is wrong with the snapshot.
    pub fn decide(&mut self, snapshot: String) -> Result<Option<String>, String> {
        let (ask, ledger) = (&self.ask, &self.ledger);
        // What the run answers is known only once the transaction is through.
        self.runs.decide(snapshot, || drop(ask.perform(ledger)))
    }
}
answered!(Session);

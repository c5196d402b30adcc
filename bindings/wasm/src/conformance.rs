//! The suite that every store must pass, run on stores in JavaScript.
//!
//! A case runs as a question does (see [`crate::remember`]): up to the first thing that it needs of
//! the store, then again from its beginning over the answers so far.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use refund_ledger::Store;
use refund_ledger::store::conformance::{CASES, Case, Failure, Fixture};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::host::RememberedHost;
use crate::remember::Remembering;
use crate::session::{Runs, answered};

/// Every case as `group::name`, in order.
#[wasm_bindgen(js_name = caseNames)]
pub fn case_names() -> Vec<String> {
    CASES.iter().map(|case| format!("{case:?}")).collect()
}

/// A fixture whose handles are numbered in the order in which the case takes them.
struct Remote {
    store: Remembering,
    next: AtomicUsize,
}

impl Fixture for Remote {
    fn handle(&self) -> Arc<dyn Store> {
        Arc::new(self.store.handle(self.next.fetch_add(1, Ordering::Relaxed)))
    }
}

/// One case on one store. `run` it until it answers `true`, and in between ask the store, through the
/// handle of this number, for what it needs.
#[wasm_bindgen]
pub struct CaseRun {
    case: Case,
    runs: Runs,
    outcome: Option<Result<(), Failure>>,
}

#[wasm_bindgen]
impl CaseRun {
    /// Begins the case of this number.
    ///
    /// # Errors
    /// Where there is no such case.
    #[wasm_bindgen(constructor)]
    pub fn new(number: usize) -> Result<CaseRun, String> {
        let case = CASES.get(number).ok_or("there is no such case")?;
        Ok(Self {
            case: *case,
            // The cases bring hosts of their own.
            runs: Runs::new(RememberedHost::new(Arc::default())),
            outcome: None,
        })
    }

    fn attempt(case: Case, store: &Remembering) -> Result<(), Failure> {
        case.run(&Remote {
            store: store.clone(),
            next: AtomicUsize::new(0),
        })
    }

    /// Runs as far as the answers go; whether the case is through.
    pub fn run(&mut self) -> bool {
        let (case, store) = (self.case, self.runs.store.clone());
        self.outcome = self.runs.run(|| Self::attempt(case, &store));
        self.outcome.is_some()
    }

    /// What the store fails the case for; nothing where it passes.
    pub fn failure(&self) -> Option<String> {
        match &self.outcome {
            Some(Ok(())) => None,
            Some(Err(failure)) => Some(failure.to_string()),
            None => Some("the case is not through".into()),
        }
    }

    /// The handle that is asked.
    ///
    /// # Errors
    /// Where nothing is needed.
    pub fn handle(&self) -> Result<usize, String> {
        self.runs.need().map(|(handle, _)| handle)
    }

    /// As [`crate::Session::decide`].
    ///
    /// # Errors
    /// What is wrong with the snapshot.
    pub fn decide(&mut self, snapshot: String) -> Result<Option<String>, String> {
        let (case, store) = (self.case, self.runs.store.clone());
        self.runs
            .decide(snapshot, || drop(Self::attempt(case, &store)))
    }
}

answered!(CaseRun);

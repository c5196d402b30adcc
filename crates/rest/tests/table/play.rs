//! Plays scenarios on ledgers in memory.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request};
use refund_ledger::store::memory::MemoryStore;
use refund_ledger::store::{ReadSet, ScanRange, ScanRow, Snapshot, WriteBatch};
use refund_ledger::{
    JournalRecord, Ledger, ListAfter, Page, Policy, Refund, RefundFilter, Store, StoreError,
};
use refund_rest::{Caller, Operation, Route, answer_and_tell};

use super::{CallerForm, PolicyForm, RequestForm, Scenario, Step, Table};
use crate::common::{Seen, StepHost, caller};

/// A store of which every call fails in the same way.
pub(crate) struct Broken(pub(crate) StoreError);

impl Broken {
    fn named(name: &str) -> Self {
        // No response may hold a word of it.
        let reason = || "/srv/secret/refunds.db at 10.0.0.7".to_owned();
        Self(match name {
            "conflict" => StoreError::Conflict,
            "busy" => StoreError::Busy,
            "outcome_unknown" => StoreError::OutcomeUnknown { reason: reason() },
            "unavailable" => StoreError::Unavailable { reason: reason() },
            "corrupted" => StoreError::Corrupted { reason: reason() },
            "unsupported" => StoreError::Unsupported { reason: reason() },
            "failed" => StoreError::Failed { reason: reason() },
            other => panic!("`{other}` should be a way for stores to fail"),
        })
    }
}

impl Store for Broken {
    fn load(&self, _: &ReadSet) -> Result<Snapshot, StoreError> {
        Err(self.0.clone())
    }
    fn commit(&self, _: &WriteBatch) -> Result<(), StoreError> {
        Err(self.0.clone())
    }
    fn list_refunds(
        &self,
        _: &RefundFilter,
        _: Option<ListAfter>,
        _: usize,
    ) -> Result<Page<Refund>, StoreError> {
        Err(self.0.clone())
    }
    fn journal(&self, _: u64, _: usize) -> Result<Vec<JournalRecord>, StoreError> {
        Err(self.0.clone())
    }
    fn scan(
        &self,
        _: &ScanRange<'_>,
        _: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> Result<u64, StoreError> {
        Err(self.0.clone())
    }
}

impl CallerForm {
    fn caller(&self) -> Caller {
        let orgs: Vec<&str> = self.orgs.iter().map(String::as_str).collect();
        let actions: Vec<&str> = self.actions.iter().map(String::as_str).collect();
        caller(&self.subject, &orgs, &actions)
    }
}

impl PolicyForm {
    fn policy(&self) -> Policy {
        let default = Policy::default();
        let seconds = |given: Option<Option<u64>>, otherwise| match given {
            Some(limit) => limit.map(Duration::from_secs),
            None => otherwise,
        };
        Policy {
            allow_refund_before_movement: self
                .allow_refund_before_movement
                .unwrap_or(default.allow_refund_before_movement),
            future_skew_max: seconds(self.future_skew_max_seconds, default.future_skew_max),
            window_max: seconds(self.window_max_seconds, default.window_max),
            live_refunds_max: self.live_refunds_max.unwrap_or(default.live_refunds_max),
        }
    }
}

impl RequestForm {
    pub(crate) fn request(&self) -> Request<Vec<u8>> {
        let method = Method::from_bytes(self.method.as_bytes()).expect("a method");
        let mut request = Request::builder().method(method).uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request
            .body(self.bytes())
            .unwrap_or_else(|error| panic!("{} should be a request: {error}", self.path))
    }

    /// The operation that the request is for; none for HEAD, whose body tells nothing.
    pub(crate) fn operation(&self) -> Option<Operation> {
        let request = self.request();
        let route = Route::of(request.method(), request.uri()).ok()?;
        (request.method() != Method::HEAD).then(|| route.operation())
    }
}

impl Table {
    /// The responses to every step of every scenario.
    pub(crate) fn play(&self) -> Vec<Vec<Seen>> {
        self.scenarios
            .iter()
            .map(|scenario| self.play_scenario(scenario))
            .collect()
    }

    fn play_scenario(&self, scenario: &Scenario) -> Vec<Seen> {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let steps = scenario.steps.iter().enumerate();
        steps
            .map(|(at, step)| self.play_step(&store, scenario, at + 1, step))
            .collect()
    }

    fn play_step(
        &self,
        store: &Arc<dyn Store>,
        scenario: &Scenario,
        number: usize,
        step: &Step,
    ) -> Seen {
        let host = StepHost::new(step.now.as_ref().unwrap_or(&self.now), number);
        let store: Arc<dyn Store> = match &step.store_fails_with {
            Some(name) => Arc::new(Broken::named(name)),
            None => Arc::clone(store),
        };
        let policy = step.policy.as_ref().or(scenario.policy.as_ref());
        let ledger = Ledger::new(store, Arc::new(host))
            .with_policy(policy.map_or_else(Policy::default, PolicyForm::policy));
        let caller = match &step.caller {
            Some(given) => given.as_ref(),
            None => Some(&self.caller),
        };
        let caller = caller.map(CallerForm::caller);
        let request = step.request.request();
        let (response, error) = answer_and_tell(&ledger, caller.as_ref(), &request);
        assert!(
            !response.status().is_server_error() || error.is_some(),
            "nobody is told why {} failed",
            request.uri()
        );
        response.into()
    }
}

//! Work at the store: on threads of its own, so many at once, each until a deadline.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::in_progress::Begun;
use refund_ledger::{ErrorCode, Ledger, LedgerError, StoreError};
use refund_rest::{Call, Reply};
use tokio::sync::Semaphore;
use tokio::task;
use tokio::time::timeout_at;

/// How many requests write at once. One at a time gets the lock; the others stand ready behind it.
const WRITES_MAX: usize = 32;

/// How many read at once: as many readers as the store keeps open.
const READS_MAX: usize = 8;

/// How many ask at once whether the store answers: their own place, so that it is told how the store
/// is, not how much there is to do.
const CHECKS_MAX: usize = 1;

/// The threads that all of these need.
pub(super) const THREADS_MAX: usize = WRITES_MAX + READS_MAX + CHECKS_MAX;

/// The store, and who may work at it.
pub(super) struct Work {
    ledger: Ledger,
    store_timeout: Duration,
    writes: Arc<Semaphore>,
    reads: Arc<Semaphore>,
    checks: Arc<Semaphore>,
}

impl Work {
    pub(super) fn new(ledger: Ledger, store_timeout: Duration) -> Self {
        Self {
            ledger,
            store_timeout,
            writes: Arc::new(Semaphore::new(WRITES_MAX)),
            reads: Arc::new(Semaphore::new(READS_MAX)),
            checks: Arc::new(Semaphore::new(CHECKS_MAX)),
        }
    }

    /// The ledger, for nobody in particular.
    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Makes a call. Once it has begun it goes on to its end, whatever becomes of the client; it
    /// begins only while there is time left, and the store keeps to the rest.
    pub(super) async fn perform(
        &self,
        call: Arc<Call>,
        ledger: Ledger,
        begun: &Begun,
    ) -> Result<Reply, LedgerError> {
        let gate = if call.is_write() {
            &self.writes
        } else {
            &self.reads
        };
        self.run(gate, begun, ledger, move |ledger| call.perform(ledger))
            .await
    }

    /// Whether the store answers.
    pub(super) async fn check(&self) -> Result<(), LedgerError> {
        let begun = Begun::default();
        self.run(&self.checks, &begun, self.ledger.clone(), |ledger| {
            ledger.store().journal(0, 1)?;
            Ok(())
        })
        .await
    }

    #[allow(clippy::disallowed_methods, reason = "a server keeps to deadlines")]
    async fn run<T: Send + 'static>(
        &self,
        gate: &Arc<Semaphore>,
        begun: &Begun,
        ledger: Ledger,
        work: impl FnOnce(&Ledger) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let deadline = Instant::now() + self.store_timeout;
        let turn = timeout_at(deadline.into(), Arc::clone(gate).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(StoreError::Busy.into());
        };
        begun.set();
        let done = task::spawn_blocking(move || {
            let left = deadline.saturating_duration_since(Instant::now());
            let outcome = work(&ledger.with_time_limit(left));
            drop(turn);
            outcome
        });
        done.await.unwrap_or_else(|error| {
            tracing::error!(%error, "the work on a request broke off");
            Err(LedgerError::new(ErrorCode::Internal, "the work broke off"))
        })
    }
}

//! Work at the store: on threads of its own, so many at once, each until a deadline.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::in_progress::Begun;
use refund_ledger::{ErrorCode, Ledger, LedgerError, StoreError};
use refund_rest::{Call, Reply};
use tokio::sync::Semaphore;
use tokio::task;
use tokio::time::timeout_at;

/// How many ask at once whether the store answers: their own place, so that it is told how the store
/// is, not how much there is to do.
const CHECKS_MAX: usize = 1;

/// How many requests are at the store at once. Each has a thread, and at a server a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turns {
    writes: usize,
    reads: usize,
}

impl Turns {
    /// One that writes at a time gets the file's lock; the others stand ready behind it. As many read
    /// as the store keeps readers open.
    pub(super) const AT_A_FILE: Self = Self {
        writes: 32,
        reads: 8,
    };

    /// So that nobody waits for a connection within a turn. Those that write can all be waiting for one
    /// movement: a third is kept for those that read.
    pub(super) fn at_a_server(connections: u16) -> Self {
        let turns = usize::from(connections).saturating_sub(CHECKS_MAX);
        let reads = (turns / 3).max(1);
        Self {
            writes: turns.saturating_sub(reads).max(1),
            reads,
        }
    }

    /// The turns of all kinds.
    pub(super) fn all(self) -> usize {
        self.writes
            .saturating_add(self.reads)
            .saturating_add(CHECKS_MAX)
    }
}

/// The store, and who may work at it.
pub(super) struct Work {
    ledger: Ledger,
    store_timeout: Duration,
    writes: Arc<Semaphore>,
    reads: Arc<Semaphore>,
    checks: Arc<Semaphore>,
}

impl Work {
    pub(super) fn new(ledger: Ledger, turns: Turns, store_timeout: Duration) -> Self {
        Self {
            ledger,
            store_timeout,
            writes: Arc::new(Semaphore::new(turns.writes)),
            reads: Arc::new(Semaphore::new(turns.reads)),
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

#[cfg(test)]
mod tests {
    use super::Turns;

    #[test]
    fn a_server_has_a_connection_for_each_turn_and_every_kind_has_one() {
        for connections in 3..=1_000 {
            let turns = Turns::at_a_server(connections);
            assert_eq!(turns.all(), usize::from(connections), "{turns:?}");
            assert!(turns.writes >= turns.reads && turns.reads >= 1, "{turns:?}");
        }
    }
}

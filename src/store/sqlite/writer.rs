//! The one connection that writes, handed from caller to caller.

use std::ops::Deref;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::errors::Fault;
use super::lock;
use crate::store::StoreError;

/// The connection, and whose turn it is. A lock alone could not be waited for up to a limit.
#[derive(Debug)]
pub(super) struct Writer {
    turn: Turn,
    connection: Mutex<Connection>,
}

#[derive(Debug, Default)]
struct Turn {
    taken: Mutex<bool>,
    given_back: Condvar,
}

impl Writer {
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            turn: Turn::default(),
            connection: Mutex::new(connection),
        }
    }

    /// The connection, once the threads before have given it back. What is left of the limit is how
    /// long SQLite waits for other handles and processes.
    #[allow(
        clippy::disallowed_methods,
        reason = "two waits share one limit, and this store is never built where there is no clock"
    )]
    pub(super) fn take(&self, limit: Duration) -> Result<Taken<'_>, Fault> {
        let start = Instant::now();
        let turn = self.turn.wait(limit)?;
        let taken = Taken {
            connection: lock(&self.connection),
            _turn: turn,
        };
        taken.busy_timeout(limit.saturating_sub(start.elapsed()))?;
        Ok(taken)
    }
}

impl Turn {
    fn wait(&self, limit: Duration) -> Result<TurnGuard<'_>, StoreError> {
        let taken = lock(&self.taken);
        let (mut taken, _) = self
            .given_back
            .wait_timeout_while(taken, limit, |taken| *taken)
            .unwrap_or_else(PoisonError::into_inner);
        if *taken {
            return Err(StoreError::Busy);
        }
        *taken = true;
        Ok(TurnGuard(self))
    }
}

/// The connection of whoever's turn it is. Dropping it, also while panicking, gives it back.
pub(super) struct Taken<'w> {
    // Dropped before the turn is given to the next.
    connection: MutexGuard<'w, Connection>,
    _turn: TurnGuard<'w>,
}

impl Deref for Taken<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

struct TurnGuard<'w>(&'w Turn);

impl Drop for TurnGuard<'_> {
    fn drop(&mut self) {
        *lock(&self.0.taken) = false;
        self.0.given_back.notify_one();
    }
}

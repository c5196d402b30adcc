//! One connection to the server, for one call at a time.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio_postgres::{Client, Statement};

use super::errors::Fault;
use super::wire::{Interrupted, Wire, now};

/// A connection.
pub(super) struct Session {
    wire: Wire,
    link: Link,
}

/// What statements go over.
pub(super) struct Link {
    client: Client,
    statements: RefCell<HashMap<Box<str>, Statement>>,
    /// When the call that it is used for has to be over.
    deadline: Cell<Instant>,
    /// How long that was from its beginning.
    limit: Cell<Duration>,
    commit_sent: Cell<bool>,
}

impl Session {
    /// A connection that is ready for statements.
    pub(super) fn new(wire: Wire, client: Client) -> Self {
        Self {
            wire,
            link: Link {
                client,
                statements: RefCell::default(),
                deadline: Cell::new(now()),
                limit: Cell::new(Duration::ZERO),
                commit_sent: Cell::new(false),
            },
        }
    }

    /// Whether the server has not closed it, as far as the socket tells by now.
    pub(super) fn is_open(&mut self) -> bool {
        self.wire.is_open()
    }

    /// Runs what `work` does over the connection, up to a deadline.
    pub(super) fn run<T>(
        &mut self,
        deadline: Instant,
        work: impl AsyncFnOnce(&Link) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.link.deadline.set(deadline);
        self.link.limit.set(self.link.time_left());
        self.wire.take_alone();
        match self.wire.block_on(&self.link.deadline, work(&self.link)) {
            Ok(Err(Fault::Postgres(error))) if error.is_closed() => {
                // What the server said as it closed the connection tells more.
                Err(Fault::Postgres(self.wire.take_end().unwrap_or(error)))
            }
            // It waits for its standbys also where it has written nothing but saw what others wrote.
            Ok(Ok(_)) if self.wire.take_alone() => Err(Fault::OnThisServerAlone),
            Ok(outcome) => outcome,
            Err(Interrupted::TimedOut) => Err(Fault::NoAnswer),
            Err(Interrupted::Failed(error)) => Err(Fault::Socket(error)),
        }
    }

    /// Whether a commit was sent since this was asked last.
    pub(super) fn take_commit_sent(&mut self) -> bool {
        self.link.commit_sent.take()
    }

    /// Ends it, and tells the server so, which would otherwise note a lost connection. It does not
    /// wait for anything.
    pub(super) fn close(self) {
        let Self { mut wire, link } = self;
        drop(link);
        wire.is_open();
    }
}

/// A session for a call of many steps, each with a limit of its own.
pub(super) struct Steps<'s> {
    session: &'s mut Session,
    limit: Duration,
}

impl<'s> Steps<'s> {
    pub(super) fn new(session: &'s mut Session, limit: Duration) -> Self {
        Self { session, limit }
    }

    /// Runs a step up to the limit.
    pub(super) fn run<T>(
        &mut self,
        work: impl AsyncFnOnce(&Link) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.session.run(end_of(self.limit), work)
    }

    /// Runs a step that takes the longer the more the ledger holds.
    pub(super) fn run_long<T>(
        &mut self,
        work: impl AsyncFnOnce(&Link) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.session.run(end_of(LIMIT_MAX), work)
    }
}

/// The longest time that is reckoned with; nobody waits longer.
const LIMIT_MAX: Duration = Duration::from_hours(24 * 365);

/// When a call has to be over that may take so long from now on.
pub(super) fn end_of(limit: Duration) -> Instant {
    let start = now();
    start.checked_add(limit.min(LIMIT_MAX)).unwrap_or(start)
}

impl Link {
    /// The connection's own calls.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// A statement, prepared the first time.
    pub(super) async fn prepare(&self, sql: &str) -> Result<Statement, Fault> {
        if let Some(known) = self.statements.borrow().get(sql) {
            return Ok(known.clone());
        }
        let statement = self.client.prepare(sql).await?;
        self.statements
            .borrow_mut()
            .insert(sql.into(), statement.clone());
        Ok(statement)
    }

    /// Says that what is sent next may commit: from here on, a connection that is lost or silent
    /// leaves open what came of it.
    pub(super) fn will_commit(&self) {
        self.commit_sent.set(true);
    }

    /// How long the server may wait or work, in milliseconds: a little less than the call has left, so
    /// that a server that gives up can be told from one that is silent. The server takes 0 as no limit.
    pub(super) fn server_limit_ms(&self) -> u128 {
        let limit = self.time_left().mul_f64(0.9);
        limit.as_millis().clamp(1, 2_147_483_647)
    }

    /// Whether so much of the call's time is used up that the server, by the limit that it was told at
    /// first, might still wait when nobody waits for it any more.
    pub(super) fn has_waited(&self) -> bool {
        self.time_left() < self.limit.get().mul_f64(0.95)
    }

    /// What is left of the call's time.
    fn time_left(&self) -> Duration {
        self.deadline.get().saturating_duration_since(now())
    }
}

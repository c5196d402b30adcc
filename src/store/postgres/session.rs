//! One connection to the server, for one call at a time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Instant;

use tokio_postgres::{Client, Statement};

use super::errors::Fault;
use super::wire::{Interrupted, Wire};

/// A connection.
pub(super) struct Session {
    wire: Wire,
    link: Link,
}

/// What statements go over.
pub(super) struct Link {
    client: Client,
    statements: RefCell<HashMap<&'static str, Statement>>,
}

impl Session {
    /// A connection that is ready for statements.
    pub(super) fn new(wire: Wire, client: Client) -> Self {
        Self {
            wire,
            link: Link {
                client,
                statements: RefCell::default(),
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
        match self.wire.block_on(deadline, work(&self.link)) {
            Ok(outcome) => outcome,
            Err(Interrupted::TimedOut) => Err(Fault::NoAnswer),
            Err(Interrupted::Failed(error)) => Err(Fault::Socket(error)),
        }
    }
}

impl Link {
    /// The connection's own calls.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// A statement, prepared the first time.
    pub(super) async fn prepare(&self, sql: &'static str) -> Result<Statement, Fault> {
        if let Some(known) = self.statements.borrow().get(sql) {
            return Ok(known.clone());
        }
        let statement = self.client.prepare(sql).await?;
        self.statements.borrow_mut().insert(sql, statement.clone());
        Ok(statement)
    }
}

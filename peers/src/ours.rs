//! The ledger on PostgreSQL, as a program calls it.

use std::sync::Arc;
use std::thread;

use refund_ledger::store::postgres::{PostgresOptions, PostgresStore};
use refund_ledger::wire::parse_line;
use refund_ledger::{Command, Ledger};

use crate::input::movement_line;
use crate::measure::timed;

/// The ledger in a database of its own.
#[derive(Debug)]
pub struct Ours {
    ledger: Ledger,
}

impl Ours {
    /// Makes it, with a number of movements.
    pub fn new(url: &str, movements: usize, connections: usize) -> Self {
        let options = PostgresOptions::new(url)
            .unwrap()
            .with_connections_max(connections);
        let store = PostgresStore::open(&options).unwrap();
        let ledger = Ledger::with_system_host(Arc::new(store));
        for movement in 0..movements {
            ledger
                .execute(&Self::request(&movement_line(movement)))
                .unwrap();
        }
        Self { ledger }
    }

    /// A request as a program holds it.
    pub fn request(line: &str) -> Command {
        parse_line(line.as_bytes()).unwrap().command
    }

    /// Carries out one request, and tells whether it was carried out before.
    ///
    /// # Errors
    /// What the ledger refuses it with.
    pub fn execute(&self, request: &Command) -> Result<bool, refund_ledger::LedgerError> {
        Ok(self.ledger.execute(request)?.replayed)
    }

    /// Each caller books its refunds one by one, all callers at once; how many seconds that takes.
    pub fn book(&self, callers: &[Vec<Command>]) -> f64 {
        let each = |requests: &[Command]| {
            for request in requests {
                assert!(!self.execute(request).unwrap(), "it was booked before");
            }
        };
        match callers {
            [one] => timed(|| each(one)),
            many => timed(|| {
                thread::scope(|scope| {
                    for requests in many {
                        scope.spawn(move || each(requests));
                    }
                });
            }),
        }
    }

    /// Whether the journal and all sums agree.
    pub fn verify(&self) -> bool {
        self.ledger.verify(None).unwrap().is_valid()
    }
}

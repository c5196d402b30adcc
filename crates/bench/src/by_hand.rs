//! A refund ledger over SQLite as somebody writes it by hand.

mod read;
mod write;

use std::path::Path;

use rusqlite::Connection;

pub use self::read::{HandCursor, HandListed};
use self::write::Scope;
use crate::contender::{Contender, ORG};
use crate::hand_request::{HandBody, HandCommand, HandLine};
use crate::input::{LINES_PER_TRANSACTION, lines, names};

/// What the ledger sets, as far as it matters to what anything costs.
const SETTINGS: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA secure_delete = ON;
    PRAGMA cell_size_check = ON;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -16384;
";

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS movement (
        id INTEGER PRIMARY KEY, org TEXT NOT NULL, subscription TEXT NOT NULL,
        movement TEXT NOT NULL, currency TEXT NOT NULL, occurred_at TEXT NOT NULL,
        amount_with INTEGER NOT NULL, amount_without INTEGER NOT NULL,
        tax_type TEXT, tax_percentage REAL, description TEXT NOT NULL,
        refunded_with INTEGER NOT NULL DEFAULT 0, refunded_without INTEGER NOT NULL DEFAULT 0,
        UNIQUE (org, subscription, movement)
    ) STRICT;
    CREATE TABLE IF NOT EXISTS refund (
        id INTEGER PRIMARY KEY, movement INTEGER NOT NULL REFERENCES movement (id),
        org TEXT NOT NULL, external_id TEXT NOT NULL, invoice TEXT,
        refund_datetime TEXT NOT NULL, period_start TEXT, period_end TEXT,
        amount_with INTEGER NOT NULL, amount_without INTEGER NOT NULL,
        tax_type TEXT, tax_percentage REAL, billable INTEGER NOT NULL,
        description TEXT NOT NULL, UNIQUE (org, external_id)
    ) STRICT;
    CREATE TABLE IF NOT EXISTS audit (
        id INTEGER PRIMARY KEY, refund INTEGER NOT NULL REFERENCES refund (id),
        at TEXT NOT NULL, actor TEXT NOT NULL, body TEXT NOT NULL
    ) STRICT;
";

const LIST_INDEXES: &str = "
    CREATE INDEX IF NOT EXISTS refund_by_movement ON refund (movement);
    CREATE INDEX IF NOT EXISTS refund_by_date ON refund (org, refund_datetime, id);
";

/// Tables and SQL by hand, doing the least that is correct; the crate's documentation says what it
/// leaves out.
#[derive(Debug)]
pub struct ByHand {
    connection: Connection,
}

impl ByHand {
    fn new(connection: Connection) -> Self {
        connection.set_prepared_statement_cache_capacity(64);
        connection.execute_batch(SETTINGS).unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        Self { connection }
    }

    /// One transaction, taken back where it fails.
    fn transact(
        &mut self,
        write: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        // Not rusqlite's `Transaction`, which compiles its statements each time.
        let run = |sql| self.connection.prepare_cached(sql)?.execute(()).map(drop);
        run("BEGIN IMMEDIATE")?;
        let outcome = write(&self.connection).and_then(|()| run("COMMIT"));
        if outcome.is_err() {
            run("ROLLBACK")?;
        }
        outcome
    }
}

fn carry_out(connection: &Connection, command: &HandCommand) -> rusqlite::Result<()> {
    let scope = Scope {
        org: &command.org,
        subscription: &command.subscription,
        movement: &command.movement,
    };
    match &command.body {
        HandBody::Movement(body) => write::record(connection, scope, body),
        HandBody::Refund(body) => {
            let json = serde_json::to_string(body).unwrap();
            write::refund(connection, scope, body, &json)
        }
    }
}

fn carry_out_line(connection: &Connection, line: &str) -> rusqlite::Result<()> {
    let line: HandLine<'_> = serde_json::from_str(line).unwrap();
    let scope = Scope {
        org: line.org_id,
        subscription: line.subscription_id,
        movement: line.movement_id,
    };
    let json = line.body.get();
    if line.op == "record_movement" {
        write::record(connection, scope, &serde_json::from_str(json).unwrap())
    } else {
        write::refund(
            connection,
            scope,
            &serde_json::from_str(json).unwrap(),
            json,
        )
    }
}

impl Contender for ByHand {
    type Request = HandCommand;
    /// Org, subscription and movement.
    type Key = [String; 3];
    type Id = i64;
    type Refund = HandListed;
    type Cursor = HandCursor;
    type Refusal = rusqlite::Error;

    fn open(path: &Path) -> Self {
        Self::new(Connection::open(path).unwrap())
    }

    fn in_memory() -> Self {
        Self::new(Connection::open_in_memory().unwrap())
    }

    fn serve_lists(&mut self) {
        self.connection.execute_batch(LIST_INDEXES).unwrap();
    }

    fn request(line: &str) -> HandCommand {
        let line: HandLine<'_> = serde_json::from_str(line).unwrap();
        let json = line.body.get();
        HandCommand {
            org: line.org_id.to_owned(),
            subscription: line.subscription_id.to_owned(),
            movement: line.movement_id.to_owned(),
            body: if line.op == "record_movement" {
                HandBody::Movement(serde_json::from_str(json).unwrap())
            } else {
                HandBody::Refund(serde_json::from_str(json).unwrap())
            },
        }
    }

    fn key(movement: usize) -> [String; 3] {
        let [subscription, movement] = names(movement);
        [ORG.to_owned(), subscription, movement]
    }

    fn execute(&mut self, request: &HandCommand) -> rusqlite::Result<()> {
        self.transact(|connection| carry_out(connection, request))
    }

    fn execute_all(&mut self, requests: &[HandCommand]) -> rusqlite::Result<()> {
        self.transact(|connection| {
            requests
                .iter()
                .try_for_each(|request| carry_out(connection, request))
        })
    }

    fn import(&mut self, path: &Path) {
        let mut lines = lines(path).peekable();
        while lines.peek().is_some() {
            let mut some = lines.by_ref().take(LINES_PER_TRANSACTION);
            self.transact(|connection| some.try_for_each(|line| carry_out_line(connection, &line)))
                .unwrap();
        }
    }

    fn refunds_of(&mut self, movement: &[String; 3]) -> Vec<HandListed> {
        read::of_movement(&self.connection, movement).unwrap()
    }

    fn page(&mut self, after: Option<HandCursor>) -> (Vec<HandListed>, Option<HandCursor>) {
        read::page(&self.connection, after).unwrap()
    }

    fn refund(&mut self, movement: &[String; 3], id: i64) -> HandListed {
        read::one(&self.connection, movement, id).unwrap()
    }

    fn verify(&mut self) -> bool {
        read::sums_are_right(&self.connection).unwrap()
    }

    fn id(refund: &HandListed) -> i64 {
        refund.id
    }

    fn content(refund: &HandListed) -> (String, i64, i64) {
        (
            refund.external_id.clone(),
            refund.amount_with,
            refund.amount_without,
        )
    }
}

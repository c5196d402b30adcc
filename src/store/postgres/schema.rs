//! The tables that a ledger must have, and how they come to be while others run.
//!
//! Every version of the tables has a number. A program of an older version may go on beside newer
//! tables as long as they say so (`usable_from`); every change asks for that again, in the statement
//! that takes its position, so that a migration stops the programs that it leaves behind at once.

use tokio_postgres::error::SqlState;

use super::errors::Fault;
use super::rows::Columns;
use super::session::Link;
use crate::store::StoreError;

/// Every version of the tables, each as the step from the one before: the first makes them.
const MIGRATIONS: [Migration; 1] = [Migration {
    script: include_str!("schema_v1.sql"),
    usable_from: 1,
}];

/// The version of the tables that this program knows.
pub(super) const LATEST: i32 = 1;

/// A step from one version of the tables to the next.
struct Migration {
    script: &'static str,
    /// The oldest version of the program's tables that can still write afterwards.
    usable_from: i32,
}

/// How often somebody else may be faster with making the same tables.
const ATTEMPTS_MAX: u32 = 8;

/// Whether the tables are there. Those that are there can be used by this program.
pub(super) async fn is_there(link: &Link) -> Result<bool, Fault> {
    match found(link).await? {
        Some(found) => found.usable().map(|()| true),
        None => Ok(false),
    }
}

/// Makes the tables, or brings them to the latest version, in one transaction.
pub(super) async fn bring_up(link: &Link, schema: &str) -> Result<(), Fault> {
    for _ in 0..ATTEMPTS_MAX {
        let version = match found(link).await? {
            None => 0,
            Some(found) if found.version < LATEST => found.version,
            Some(found) => return found.usable(),
        };
        match migrate(link, schema, version).await {
            Ok(()) => return Ok(()),
            // Somebody else was making the same.
            Err(fault) if is_beaten(&fault) => link.client().batch_execute("ROLLBACK").await?,
            Err(fault) => return Err(fault),
        }
    }
    Err(StoreError::Busy.into())
}

fn is_beaten(fault: &Fault) -> bool {
    let Some(state) = fault.state() else {
        return matches!(fault, Fault::Store(StoreError::Conflict));
    };
    [
        SqlState::DUPLICATE_TABLE,
        SqlState::DUPLICATE_SCHEMA,
        SqlState::DUPLICATE_OBJECT,
        SqlState::UNIQUE_VIOLATION,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
    ]
    .contains(state)
}

/// What the tables say of themselves.
#[derive(Debug)]
struct Found {
    version: i32,
    usable_from: i32,
}

impl Found {
    fn usable(&self) -> Result<(), Fault> {
        if self.usable_from <= LATEST {
            return Ok(());
        }
        Err(newer(self.version).into())
    }
}

pub(super) fn newer(version: i32) -> StoreError {
    StoreError::Unsupported {
        reason: format!(
            "its tables are of a newer version of this program (version {version}, this program knows \
             {LATEST}); use that version or a later one"
        ),
    }
}

/// `None` where there are no tables.
async fn found(link: &Link) -> Result<Option<Found>, Fault> {
    let rows = match link.client().query(VERSION, &[]).await {
        Ok(rows) => rows,
        Err(error)
            if matches!(
                error.code(),
                Some(&SqlState::UNDEFINED_TABLE | &SqlState::INVALID_SCHEMA_NAME)
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let Some(row) = rows.first() else {
        return Err(Fault::Damaged("table `ledger` has lost its one row".into()));
    };
    let mut columns = Columns::new(row);
    Ok(Some(Found {
        version: columns.number()?,
        usable_from: columns.number()?,
    }))
}

const VERSION: &str = "SELECT version, usable_from FROM ledger";

/// Runs the steps that are missing. Whoever comes second waits for the first at the row or the name
/// of a table.
async fn migrate(link: &Link, schema: &str, version: i32) -> Result<(), Fault> {
    let client = link.client();
    client
        .batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED")
        .await?;
    if version == 0 {
        // The right to make schemas is not needed where an administrator has made it.
        let is_there = "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1";
        if client.query(is_there, &[&schema]).await?.is_empty() {
            let name = schema.replace('"', "\"\"");
            client
                .batch_execute(&format!("CREATE SCHEMA \"{name}\""))
                .await?;
        }
    } else {
        let now: i32 = client
            .query_one("SELECT version FROM ledger FOR UPDATE", &[])
            .await?
            .try_get(0)?;
        if now != version {
            return Err(StoreError::Conflict.into());
        }
    }
    let done = usize::try_from(version).unwrap_or(usize::MAX);
    let mut usable_from = 1;
    for migration in MIGRATIONS.iter().skip(done) {
        client.batch_execute(migration.script).await?;
        usable_from = migration.usable_from;
    }
    let record = if version == 0 {
        "INSERT INTO ledger (only_row, version, usable_from, last_position) VALUES (true, $1, $2, 0)"
    } else {
        "UPDATE ledger SET version = $1, usable_from = $2"
    };
    client.execute(record, &[&LATEST, &usable_from]).await?;
    client.batch_execute("COMMIT").await?;
    Ok(())
}

//! The tables that a ledger must have, and how they come to be while others run.
//!
//! Every version of the tables has a number. A program of an older version may go on beside newer
//! tables as long as they say so (`usable_from`); every change asks for that again, in the statement
//! that takes its position, so that a migration stops the programs that it leaves behind at once.

use tokio_postgres::error::{DbError, SqlState};

use super::errors::Fault;
use super::rows::Columns;
use super::session::Link;
use crate::store::StoreError;

/// Every version of the tables, each as the step from the one before: the first makes them.
pub(super) const MIGRATIONS: Migrations<'static> = Migrations(&[Migration {
    script: include_str!("schema_v1.sql"),
    usable_from: 1,
}]);

/// Steps; the one at index n leads to version n + 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Migrations<'a>(&'a [Migration<'a>]);

/// A step from one version of the tables to the next.
#[derive(Clone, Copy, Debug)]
struct Migration<'a> {
    script: &'a str,
    /// The oldest version of the program's tables that can still write afterwards.
    usable_from: i32,
}

/// How often somebody else may be faster with making the same tables.
const ATTEMPTS_MAX: u32 = 8;

impl Migrations<'_> {
    /// The version that they lead to, which is the one that this program knows.
    pub(super) fn latest(self) -> i32 {
        i32::try_from(self.0.len()).unwrap_or(i32::MAX)
    }

    /// Whether the tables are there. Those that are there can be used by this program.
    pub(super) async fn are_there(self, link: &Link, schema: &str) -> Result<bool, Fault> {
        if let Some(found) = found(link).await? {
            return self.usable(&found).map(|()| true);
        }
        is_there(link, schema).await?;
        Ok(false)
    }

    /// Makes the tables, or brings them to the latest version, in one transaction.
    pub(super) async fn bring_up(self, link: &Link, schema: &str) -> Result<(), Fault> {
        let mut taken: Option<Fault> = None;
        for _ in 0..ATTEMPTS_MAX {
            let version = match (found(link).await?, taken.take()) {
                // Whoever makes the tables makes all of them at once.
                (None, Some(fault)) => return Err(foreign(schema, fault)),
                (None, None) => 0,
                (Some(found), _) if found.version < self.latest() => found.version,
                (Some(found), _) => return self.usable(&found),
            };
            match self.migrate(link, schema, version).await {
                Ok(()) => return Ok(()),
                // Somebody else was making the same.
                Err(fault) if is_beaten(&fault) => {
                    link.client().batch_execute("ROLLBACK").await?;
                    taken = Some(fault).filter(is_taken);
                }
                Err(fault) => return Err(fault),
            }
        }
        Err(StoreError::Busy.into())
    }

    fn usable(self, found: &Found) -> Result<(), Fault> {
        if found.usable_from <= self.latest() {
            return Ok(());
        }
        Err(StoreError::Unsupported {
            reason: format!(
                "its tables are of a newer version of this program (version {}, this program knows \
                 {}); use that version or a later one",
                found.version,
                self.latest()
            ),
        }
        .into())
    }

    /// Runs the steps that are missing. Whoever comes second waits for the first at the row or the name
    /// of a table.
    async fn migrate(self, link: &Link, schema: &str, version: i32) -> Result<(), Fault> {
        let client = link.client();
        client
            .batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED")
            .await?;
        if version == 0 {
            // The right to make schemas is not needed where an administrator has made it.
            if !is_there(link, schema).await? {
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
        for migration in self.0.iter().skip(done) {
            client.batch_execute(migration.script).await?;
            usable_from = migration.usable_from;
        }
        let record = if version == 0 {
            "INSERT INTO ledger (only_row, version, usable_from, last_position) \
             VALUES (true, $1, $2, 0)"
        } else {
            "UPDATE ledger SET version = $1, usable_from = $2"
        };
        client
            .execute(record, &[&self.latest(), &usable_from])
            .await?;
        client.batch_execute("COMMIT").await?;
        Ok(())
    }
}

/// Whether the schema is there.
///
/// # Errors
/// Where it is, and this user may not look into it: its tables then seem to be missing.
async fn is_there(link: &Link, schema: &str) -> Result<bool, Fault> {
    let sql = "SELECT pg_catalog.has_schema_privilege(nspname, 'USAGE') \
               FROM pg_catalog.pg_namespace WHERE nspname = $1";
    let rows = link.client().query(sql, &[&schema]).await?;
    let Some(row) = rows.first() else {
        return Ok(false);
    };
    if row.try_get(0)? {
        return Ok(true);
    }
    Err(StoreError::Failed {
        reason: format!("the user lacks a right: to use the schema `{schema}`"),
    }
    .into())
}

/// Something in the schema has a name that the ledger's tables need, and is none of them.
fn foreign(schema: &str, fault: Fault) -> Fault {
    let Fault::Postgres(error) = &fault else {
        return fault;
    };
    let what = error.as_db_error().map_or("", DbError::message);
    StoreError::Unsupported {
        reason: format!(
            "schema `{schema}` holds something else under a name that the ledger's tables need \
             ({what}); give the ledger a schema of its own"
        ),
    }
    .into()
}

/// Whether a name is taken, by what was committed before.
fn is_taken(fault: &Fault) -> bool {
    let taken = [SqlState::DUPLICATE_TABLE, SqlState::DUPLICATE_OBJECT];
    fault.state().is_some_and(|state| taken.contains(state))
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

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::store::postgres::options::PostgresOptions;
    use crate::store::postgres::pool::Pool;

    const LIMIT: Duration = Duration::from_mins(1);

    const TWO: Migrations<'static> = Migrations(&[
        MIGRATIONS.0[0],
        Migration {
            script: "CREATE TABLE two (b bigint); \
                 INSERT INTO two SELECT coalesce(max(last_position), 0) FROM ledger",
            usable_from: 2,
        },
    ]);

    /// Connections to a schema of its own.
    struct Place {
        pool: Pool,
        schema: String,
    }

    impl Place {
        fn new(schema: &str) -> Self {
            let server = postgres_cluster::shared().unwrap();
            let options = PostgresOptions::new(&server.socket_url()).unwrap();
            Self {
                pool: Pool::new(options.with_schema(schema).unwrap()),
                schema: schema.to_owned(),
            }
        }

        fn bring_up(&self, migrations: Migrations<'_>) -> Result<(), StoreError> {
            let schema = &self.schema;
            self.pool
                .run(LIMIT, async |link| migrations.bring_up(link, schema).await)
        }

        fn numbers(&self, sql: &str) -> Vec<i64> {
            let rows = self.pool.run(LIMIT, async |link| {
                Ok(link.client().query(sql, &[]).await?)
            });
            let rows = rows.unwrap();
            rows.iter()
                .map(|row| Columns::new(row).integer().unwrap())
                .collect()
        }

        fn execute(&self, sql: &str) {
            self.pool
                .run(LIMIT, async |link| {
                    Ok(link.client().batch_execute(sql).await?)
                })
                .unwrap();
        }

        fn version(&self) -> Vec<i64> {
            self.numbers("SELECT version FROM ledger")
        }

        /// What stands in the schema.
        fn relations(&self) -> Vec<i64> {
            self.numbers(&format!(
                "SELECT c.oid::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                 WHERE n.nspname = '{}' ORDER BY 1",
                self.schema
            ))
        }
    }

    #[test]
    fn older_tables_are_brought_up_with_what_they_hold() {
        let place = Place::new("older");
        place.bring_up(MIGRATIONS).unwrap();
        assert_eq!(place.version(), [1]);
        place.execute("UPDATE ledger SET last_position = 7");

        place.bring_up(TWO).unwrap();
        assert_eq!(place.version(), [2], "the second step leads to version 2");
        assert_eq!(
            place.numbers("SELECT b FROM two"),
            [7],
            "the step carries over what was there"
        );
        let before = place.relations();
        place.bring_up(TWO).unwrap();
        assert_eq!(
            (place.version(), place.relations()),
            (vec![2], before),
            "bringing up twice changes nothing"
        );
    }

    #[test]
    fn a_failing_step_leaves_the_older_version_whole() {
        let place = Place::new("failing");
        let failing = Migrations(&[
            MIGRATIONS.0[0],
            Migration {
                script: "CREATE TABLE three (c bigint); SELECT no",
                usable_from: 1,
            },
        ]);
        assert!(place.bring_up(failing).is_err(), "the step can't work");
        assert_eq!(place.relations(), [0; 0], "nothing was made");

        place.bring_up(MIGRATIONS).unwrap();
        let before = place.relations();
        assert!(place.bring_up(failing).is_err(), "the step can't work");
        assert_eq!(place.version(), [1], "the version is as before");
        assert_eq!(place.relations(), before, "nothing of the step is kept");
        place.bring_up(TWO).unwrap();
        assert_eq!(
            place.version(),
            [2],
            "a step that works is not kept from it"
        );
    }

    #[test]
    fn of_eight_that_open_at_once_one_makes_the_tables() {
        for (schema, older) in [("race_of_all", None), ("race_to_two", Some(MIGRATIONS))] {
            if let Some(older) = older {
                Place::new(schema).bring_up(older).unwrap();
            }
            let together = Barrier::new(8);
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        let place = Place::new(schema);
                        together.wait();
                        place.bring_up(TWO).unwrap();
                    });
                }
            });
            let place = Place::new(schema);
            assert_eq!(place.version(), [2]);
            assert_eq!(
                place.numbers("SELECT b FROM two"),
                [0],
                "the second step was taken once"
            );
        }
    }

    #[test]
    fn newer_tables_are_used_as_far_as_they_say() {
        let place = Place::new("newer");
        let compatible = Migrations(&[
            MIGRATIONS.0[0],
            Migration {
                usable_from: 1,
                ..TWO.0[1]
            },
        ]);
        place.bring_up(compatible).unwrap();
        place.bring_up(MIGRATIONS).unwrap();
        assert_eq!(place.version(), [2], "nobody goes back");

        let place = Place::new("too_new");
        place.bring_up(TWO).unwrap();
        let refused = place.bring_up(MIGRATIONS).unwrap_err();
        let told = "newer version of this program (version 2, this program knows 1)";
        assert!(
            matches!(&refused, StoreError::Unsupported { reason } if reason.contains(told)),
            "{refused:?}"
        );
    }
}

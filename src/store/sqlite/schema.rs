//! The tables that a ledger file must have, how they come to be, and how a file is seen to have
//! them and nothing else.

use std::path::Path;
use std::sync::OnceLock;

use rusqlite::Connection;

use super::errors::Fault;
use super::transaction::Transaction;
use crate::store::StoreError;

/// Marks a file as ours, in its header: `RFLD`.
pub(super) const APPLICATION_ID: i32 = 0x5246_4c44;

/// Every version of the tables, each as the step from the one before: the first makes them.
pub(super) static MIGRATIONS: Migrations = Migrations::new(&[include_str!("schema_v1.sql")]);

/// SQL scripts; the one at index n leads to version n + 1.
#[derive(Debug)]
pub(super) struct Migrations {
    scripts: &'static [&'static str],
    /// What they make, once somebody had to know.
    wanted: OnceLock<Vec<SchemaObject>>,
}

/// An object of a schema: type, name, table, SQL.
type SchemaObject = (String, String, String, Option<String>);

pub(super) fn newer(path: &Path, version: i32) -> StoreError {
    StoreError::Unsupported {
        reason: format!(
            "`{}` was written by a newer version of this program (its tables are version \
             {version}, this program knows {}); use that version or a later one",
            path.display(),
            MIGRATIONS.latest()
        ),
    }
}

fn pragma(connection: &Connection, name: &str) -> Result<i32, Fault> {
    Ok(connection.query_row(&format!("PRAGMA {name}"), (), |row| row.get(0))?)
}

impl Migrations {
    const fn new(scripts: &'static [&'static str]) -> Self {
        Self {
            scripts,
            wanted: OnceLock::new(),
        }
    }

    /// The version that they lead to.
    pub(super) fn latest(&self) -> i32 {
        i32::try_from(self.scripts.len()).unwrap_or(i32::MAX)
    }

    /// Brings an empty or older file to the latest version, in one transaction, and sees that a
    /// file of that version has its tables and nothing else.
    pub(super) fn bring_up(&self, connection: &Connection, path: &Path) -> Result<(), Fault> {
        // One view for all that is asked: somebody else may be making the file right now.
        let view = Transaction::deferred(connection)?;
        let found = self.version(connection, path);
        drop(view);
        if found? < self.latest() {
            let transaction = Transaction::immediate(connection)?;
            // Somebody else may have been faster.
            let version = self.version(connection, path)?;
            self.run(connection, version)?;
            transaction.commit()?;
        }
        self.check(connection, path)
    }

    /// The version of a file that this program may use; 0 for an empty one.
    fn version(&self, connection: &Connection, path: &Path) -> Result<i32, Fault> {
        let version = pragma(connection, "user_version")?;
        let file = path.display();
        if version > self.latest() {
            return Err(newer(path, version).into());
        }
        if version == 0 && schema(connection)?.is_empty() {
            return Ok(0);
        }
        if version < 1 || pragma(connection, "application_id")? != APPLICATION_ID {
            return Err(StoreError::Unsupported {
                reason: format!("`{file}` is not a ledger: it is another SQLite database"),
            }
            .into());
        }
        let encoding: String = connection.query_row("PRAGMA encoding", (), |row| row.get(0))?;
        if encoding != "UTF-8" {
            return Err(StoreError::Unsupported {
                reason: format!("`{file}` keeps its texts in {encoding}; a ledger does in UTF-8"),
            }
            .into());
        }
        Ok(version)
    }

    fn run(&self, connection: &Connection, version: i32) -> Result<(), Fault> {
        let done = usize::try_from(version).unwrap_or(usize::MAX);
        for script in self.scripts.iter().skip(done) {
            connection.execute_batch(script)?;
        }
        connection.execute_batch(&format!(
            "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {};",
            self.latest()
        ))?;
        Ok(())
    }

    /// A hostile or half-restored file could hold a view in a table's place, a trigger, or lack
    /// the index that keeps external ids unique.
    fn check(&self, connection: &Connection, path: &Path) -> Result<(), Fault> {
        let (have, want) = (schema(connection)?, self.wanted()?);
        let name = |object: &SchemaObject| format!("the {} `{}`", object.0, object.1);
        let is_named = |a: &SchemaObject, b: &SchemaObject| (&a.0, &a.1) == (&b.0, &b.1);
        let unknown = have
            .iter()
            .find(|have| !want.iter().any(|want| is_named(have, want)));
        let missing = want
            .iter()
            .find(|want| !have.iter().any(|have| is_named(have, want)));
        let other = have.iter().find(|have| !want.contains(have));
        let what = match (unknown, missing, other) {
            (Some(unknown), _, _) => format!("holds {}, which no ledger has", name(unknown)),
            (_, Some(missing), _) => format!("lacks {}", name(missing)),
            (_, _, Some(other)) => format!("holds {} in another form", name(other)),
            (None, None, None) => return Ok(()),
        };
        Err(StoreError::Unsupported {
            reason: format!(
                "`{}` is not a ledger as this program makes them: it {what}",
                path.display()
            ),
        }
        .into())
    }

    fn wanted(&self) -> Result<&[SchemaObject], Fault> {
        if let Some(wanted) = self.wanted.get() {
            return Ok(wanted);
        }
        let ledger = Connection::open_in_memory()?;
        self.run(&ledger, 0)?;
        let wanted = schema(&ledger)?;
        Ok(self.wanted.get_or_init(|| wanted))
    }
}

/// All objects but those that an administrator's `ANALYZE` leaves: plain tables of figures.
fn schema(connection: &Connection) -> Result<Vec<SchemaObject>, Fault> {
    let mut statement = connection.prepare(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema
         WHERE (type, name, coalesce(sql, '')) NOT IN (VALUES
           ('table', 'sqlite_stat1', 'CREATE TABLE sqlite_stat1(tbl,idx,stat)'),
           ('table', 'sqlite_stat4', 'CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)'))
         ORDER BY 1, 2",
    )?;
    let rows = statement.query_map((), |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "CREATE TABLE one (a INTEGER) STRICT;";
    const TWO: &str = "CREATE TABLE two (b INTEGER) STRICT; INSERT INTO two SELECT a FROM one;";

    fn at(connection: &Connection) -> i32 {
        pragma(connection, "user_version").unwrap()
    }

    #[test]
    fn an_older_file_is_brought_up_with_what_it_holds() {
        let path = Path::new("x.db");
        let connection = Connection::open_in_memory().unwrap();
        Migrations::new(&[ONE]).bring_up(&connection, path).unwrap();
        assert_eq!(at(&connection), 1);
        connection
            .execute_batch("INSERT INTO one VALUES (7)")
            .unwrap();

        let two = Migrations::new(&[ONE, TWO]);
        two.bring_up(&connection, path).unwrap();
        assert_eq!(at(&connection), 2, "the second step leads to version 2");
        let kept: i64 = connection
            .query_row("SELECT b FROM two", (), |row| row.get(0))
            .unwrap();
        assert_eq!(kept, 7, "the step carries over what was there");
        two.bring_up(&connection, path).unwrap();
        assert_eq!(at(&connection), 2, "bringing up twice changes nothing");
    }

    #[test]
    fn a_failing_step_leaves_the_older_version_whole() {
        let path = Path::new("x.db");
        let connection = Connection::open_in_memory().unwrap();
        Migrations::new(&[ONE]).bring_up(&connection, path).unwrap();
        let failing = Migrations::new(&[ONE, "CREATE TABLE three (c INTEGER) STRICT; SELECT no;"]);
        assert!(
            failing.bring_up(&connection, path).is_err(),
            "the step can't work"
        );
        assert_eq!(at(&connection), 1, "the version is as before");
        assert_eq!(
            schema(&connection).unwrap().len(),
            1,
            "nothing of the step is kept"
        );
        assert!(connection.is_autocommit(), "no transaction is left open");
    }

    #[test]
    fn a_newer_file_is_refused() {
        let path = Path::new("x.db");
        let connection = Connection::open_in_memory().unwrap();
        Migrations::new(&[ONE, TWO])
            .bring_up(&connection, path)
            .unwrap();
        let refused = Migrations::new(&[ONE])
            .bring_up(&connection, path)
            .unwrap_err();
        let text = refused.at(path).to_string();
        assert!(text.contains("newer version"), "it says why: {text}");
    }

    #[test]
    fn every_instant_check_of_the_tables_is_the_range_of_timestamps() {
        use crate::time::Timestamp;
        let first: Timestamp = "0001-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(first.unix_seconds(), -62_135_596_800);
        assert_eq!(Timestamp::MAX.unix_seconds(), 253_402_300_799);
        for line in MIGRATIONS
            .scripts
            .concat()
            .lines()
            .filter(|line| line.contains("_s BETWEEN"))
        {
            assert!(
                line.contains("BETWEEN -62135596800 AND 253402300799"),
                "the range of instants in `{line}`"
            );
        }
    }
}

//! The end of a scan of everything: what belongs to no movement, and what no movement's scan can
//! see.

use rusqlite::{Connection, OptionalExtension};

use super::bind::stored;
use super::errors::Fault;
use super::rows::Columns;
use super::scan::{Flow, GO_ON};
use super::steps::Volume;
use crate::id::MovementKey;
use crate::journal::Entry;
use crate::store::scanning::{Counts, Visitor, visit};
use crate::store::{ScanRange, ScanRow};

/// The bytes of a movement's last entry.
pub(super) const LAST_ENTRY: &str = "SELECT bytes FROM journal \
    WHERE position = (SELECT chain_position FROM movements WHERE number = ?1)";

/// Rows whose parent or only child is missing, each with a query for the bytes of a journal entry
/// that tells whose they are.
const ORPHANS: [(&str, &str, &str); 4] = [
    (
        "an org has no movements",
        "SELECT number FROM orgs o \
         WHERE NOT EXISTS (SELECT 1 FROM movements m WHERE m.org = o.number)",
        "SELECT bytes FROM journal WHERE position = ?1 AND 0",
    ),
    (
        "a movement belongs to no org",
        "SELECT number FROM movements m \
         WHERE NOT EXISTS (SELECT 1 FROM orgs o WHERE o.number = m.org)",
        LAST_ENTRY,
    ),
    (
        "an entry belongs to no movement",
        "SELECT position FROM journal j \
         WHERE NOT EXISTS (SELECT 1 FROM movements m WHERE m.number = j.movement)",
        "SELECT bytes FROM journal WHERE position = ?1",
    ),
    (
        "a refund belongs to no movement",
        "SELECT r.id FROM refunds r \
         WHERE NOT EXISTS (SELECT 1 FROM movements m WHERE m.number = r.movement)",
        "SELECT d.bytes FROM refunds r JOIN journal d ON d.position = r.text_position \
         WHERE r.id = ?1",
    ),
];

/// How many lines of SQLite's own check are passed on.
const CHECK_LINES_MAX: u32 = 16;

pub(super) fn visit(
    connection: &Connection,
    range: &ScanRange<'_>,
    counts: Counts,
    visit: &mut Visitor<'_>,
) -> Flow {
    for (reason, orphans, owner) in ORPHANS {
        let mut volume = Volume::of(connection)?;
        let mut statement = connection.prepare_cached(orphans)?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let orphan: rusqlite::types::Value = row.get(0)?;
            let movement = owner_of(connection, owner, orphan, &mut volume)?;
            visit!(visit(ScanRow::Invalid {
                movement: movement.as_ref(),
                reason,
            }));
        }
    }
    visit!(misplaced(connection, visit)?);
    // A movement that its key does not find was not visited; neither was what belongs to it.
    let seen = [
        ("movements", counts.movements, true),
        ("journal", counts.entries, range.entries),
        ("refunds", counts.refunds, range.refunds),
    ];
    for (table, seen, was_visited) in seen {
        let stored = count(connection, table)?;
        if was_visited && u64::try_from(stored).ok() != Some(seen) {
            let reason =
                format!("table `{table}` has {stored} rows; {seen} were found by movement");
            visit!(visit(ScanRow::Invalid {
                movement: None,
                reason: &reason,
            }));
        }
    }
    if range.entries && range.refunds {
        visit!(check_file(connection, visit)?);
    }
    GO_ON
}

/// How many rows a table has. `count(*)` would be one [step](super::steps), however many rows a
/// hostile file seems to have.
fn count(connection: &Connection, table: &str) -> Result<i64, Fault> {
    let sql = format!("SELECT count(1) FROM {table}");
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row((), |row| row.get(0))?)
}

/// The movement that a journal entry names.
pub(super) fn owner_of(
    connection: &Connection,
    sql: &str,
    of: rusqlite::types::Value,
    volume: &mut Volume,
) -> Result<Option<MovementKey>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let bytes: Option<Vec<u8>> = statement.query_row([of], |row| row.get(0)).optional()?;
    let Some(bytes) = bytes else {
        return Ok(None);
    };
    volume.take(&bytes)?;
    Ok(Entry::decode(&bytes).ok().map(|entry| entry.movement))
}

/// Positions are not hashed, but they ascend from 1 without gaps: as many as there are, any other
/// is out of place.
fn misplaced(connection: &Connection, visit: &mut Visitor<'_>) -> Flow {
    let count = count(connection, "journal")?;
    let mut volume = Volume::of(connection)?;
    for sql in [
        "SELECT position, bytes FROM journal WHERE position < 1 AND position <= ?1",
        "SELECT position, bytes FROM journal WHERE position > ?1",
    ] {
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([stored(u64::try_from(count).unwrap_or(0))])?;
        while let Some(row) = rows.next()? {
            let mut columns = Columns::new(row);
            let position = columns.integer()?;
            let bytes = columns.bytes().unwrap_or_default();
            volume.take(bytes)?;
            let movement = Entry::decode(bytes).ok();
            let reason = format!("an entry is at position {position}, the journal has {count}");
            visit!(visit(ScanRow::Invalid {
                movement: movement.as_ref().map(|entry| &entry.movement),
                reason: &reason,
            }));
        }
    }
    GO_ON
}

/// SQLite's own check of every page, every index against its table, and every constraint. It is
/// what sees an index that lists read and a scan by movement does not. It reads the file once and
/// looks every row up in its indexes, which takes no longer than the scan did.
fn check_file(connection: &Connection, visit: &mut Visitor<'_>) -> Flow {
    let sql = format!("PRAGMA integrity_check({CHECK_LINES_MAX})");
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let line: String = row.get(0)?;
        if line != "ok" {
            let reason = format!("the file is damaged: {line}");
            visit!(visit(ScanRow::Invalid {
                movement: None,
                reason: &reason,
            }));
        }
    }
    GO_ON
}

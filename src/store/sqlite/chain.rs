//! A movement's chain, walked from its last entry back to its first.

use rusqlite::{Connection, OptionalExtension};

use super::errors::Fault;
use super::rows::Columns;
use super::statements::{LINK, LOAD_ENTRY};
use super::steps::Volume;
use crate::id::MovementKey;
use crate::journal::JournalRecord;

/// The positions of a chain's entries, as far back as they are linked.
#[derive(Debug)]
pub(super) struct Chain {
    /// In order of sequence.
    pub(super) positions: Vec<i64>,
    /// Why the walk ended before the chain's first entry, where it did.
    broken: Option<String>,
}

impl Chain {
    /// The chain of a movement that ends at a position.
    pub(super) fn walk(connection: &Connection, movement: i64, end: i64) -> Result<Self, Fault> {
        let mut statement = connection.prepare_cached(LINK)?;
        let mut positions = Vec::new();
        let mut broken = None;
        let mut next = Some(end);
        while let Some(at) = next {
            let link: Option<(i64, Option<i64>)> = statement
                .query_row([at], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            next = match link {
                Some((of, previous)) if of == movement => {
                    positions.push(at);
                    // Positions descend, so that every walk comes to an end.
                    previous.filter(|previous| *previous < at)
                }
                Some(_) => {
                    broken = Some(format!(
                        "position {at}, in its chain, is another movement's"
                    ));
                    None
                }
                None => {
                    broken = Some(format!("position {at}, in its chain, holds no entry"));
                    None
                }
            };
        }
        positions.reverse();
        Ok(Self { positions, broken })
    }

    /// What is wrong with the chain's links, as the fault that it is.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.broken.clone().map(Fault::Damaged)
    }

    /// The chain, if it is whole.
    pub(super) fn whole(self) -> Result<Vec<i64>, Fault> {
        match self.fault() {
            None => Ok(self.positions),
            Some(fault) => Err(fault),
        }
    }
}

/// The entry at a position of a movement's chain.
pub(super) fn record(
    connection: &Connection,
    position: i64,
    key: &MovementKey,
    volume: &mut Volume,
) -> Result<JournalRecord, Fault> {
    let mut statement = connection.prepare_cached(LOAD_ENTRY)?;
    let mut rows = statement.query([position])?;
    match rows.next()? {
        Some(row) => {
            let record = Columns::new(row).record(key)?;
            volume.take(&record.entry.bytes)?;
            Ok(record)
        }
        None => Err(Fault::Damaged(format!(
            "position {position}, in its chain, holds no entry"
        ))),
    }
}

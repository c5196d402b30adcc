//! Writing a batch: every precondition checked, every row written, or nothing kept.
//!
//! All of this runs under the write lock, inside the caller's transaction.

use std::collections::HashMap;

use rusqlite::{CachedStatement, Connection, OptionalExtension};

use super::errors::Fault;
use super::load::{Known, org_number};
use super::rows::{Binder, Columns, MovementRow, stored};
use super::statements::{
    ERASE_TEXT, HOLDER, INSERT_ENTRY, INSERT_MOVEMENT, INSERT_ORG, INSERT_REFUND, LAST_POSITION,
    MOVEMENT_NUMBER, POSITION_OF, TEXTS, UPDATE_MOVEMENT, UPDATE_MOVEMENT_SUMS, UPDATE_REFUND,
};
use crate::id::{Id, MovementKey};
use crate::journal::{JournalEntry, text_owner};
use crate::movement::Movement;
use crate::refund::{ExternalId, Refund};
use crate::store::{Precondition, RefundWrite, StoreError, TextErasure, WriteBatch};

/// Checks and applies a batch. `known` is what was loaded under the same lock.
pub(super) fn apply(
    connection: &Connection,
    batch: &WriteBatch,
    known: Known,
) -> Result<(), Fault> {
    let mut writer = Writer {
        connection,
        known,
        places: HashMap::with_capacity(batch.movements.len()),
        first_position: None,
    };
    writer.find_places(&batch.entries);
    writer.check_preconditions(batch)?;
    writer.put_movements(batch)?;
    writer.append(&batch.entries)?;
    writer.put_refunds(&batch.refunds)?;
    for erasure in &batch.erasures {
        writer.erase(erasure)?;
    }
    Ok(())
}

/// Where a movement is in the tables.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    movement: i64,
    org: i64,
}

/// A movement of the batch.
#[derive(Debug, Default)]
struct Place {
    numbers: Option<Numbers>,
    /// The sequences of its entries in this batch, each with its index there.
    entries: Vec<(u64, usize)>,
}

struct Writer<'c, 'b> {
    connection: &'c Connection,
    known: Known,
    places: HashMap<&'b MovementKey, Place>,
    /// The position that the first entry of the batch gets, or got; the others follow.
    first_position: Option<i64>,
}

fn conflict<T>() -> Result<T, Fault> {
    Err(StoreError::Conflict.into())
}

fn broken<T>(what: String) -> Result<T, Fault> {
    Err(StoreError::Failed { reason: what }.into())
}

impl<'b> Writer<'_, 'b> {
    fn find_places(&mut self, entries: &'b [JournalEntry]) {
        for (at, entry) in entries.iter().enumerate() {
            let place = self.places.entry(&entry.movement).or_default();
            place.entries.push((entry.sequence, at));
        }
    }

    /// The movement's numbers, where there is such a movement.
    fn numbers(&mut self, key: &'b MovementKey) -> Result<Option<Numbers>, Fault> {
        if let Some(Place {
            numbers: Some(numbers),
            ..
        }) = self.places.get(key)
        {
            return Ok(Some(*numbers));
        }
        let found = self.look_up(key)?.map(|(numbers, _)| numbers);
        self.places.entry(key).or_default().numbers = found;
        Ok(found)
    }

    /// Checks what the writes don't check themselves: a movement's row is written only at the
    /// version of its precondition, and a refund's external id is kept unique by its index.
    fn check_preconditions(&self, batch: &WriteBatch) -> Result<(), Fault> {
        // Batches list the two in the same order, so one pass pairs them up; whatever does not
        // pair up is looked up, which is right in any order.
        let mut movements = batch.movements.iter().map(|movement| &movement.key);
        let mut inserts = batch.refunds.iter().filter_map(inserted_external_id);
        for precondition in &batch.preconditions {
            match precondition {
                Precondition::MovementAt { movement, version } => {
                    if movements.next() != Some(movement) && self.version(movement)? != *version {
                        return conflict();
                    }
                }
                Precondition::ExternalIdFree { org, external_id } => {
                    if inserts.next() != Some((org.as_str(), external_id))
                        && self.is_held(org, external_id)?
                    {
                        return conflict();
                    }
                }
            }
        }
        Ok(())
    }

    fn org(&self, name: &Id) -> Result<Option<i64>, Fault> {
        match self.known.orgs.get(name) {
            Some(number) => Ok(Some(*number)),
            None => org_number(self.connection, name.as_str()),
        }
    }

    fn new_or_known_org(&mut self, name: Id) -> Result<i64, Fault> {
        if let Some(number) = self.org(&name)? {
            return Ok(number);
        }
        let mut statement = self.connection.prepare_cached(INSERT_ORG)?;
        let number = statement.insert([name.as_str()])?;
        self.known.orgs.insert(name, number);
        Ok(number)
    }

    /// The movement's numbers and version before the batch, where there is such a movement.
    fn look_up(&self, key: &MovementKey) -> Result<Option<(Numbers, u64)>, Fault> {
        if let Some(row) = self.known.movements.get(key) {
            let numbers = Numbers {
                movement: row.number,
                org: row.org,
            };
            return Ok(Some((numbers, row.movement.chain.length)));
        }
        let Some(org) = self.org(&key.org())? else {
            return Ok(None);
        };
        let mut statement = self.connection.prepare_cached(MOVEMENT_NUMBER)?;
        let found: Option<(i64, i64)> = statement
            .query_row((org, key.subscription_id(), key.movement_id()), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        Ok(found.map(|(movement, length)| {
            let version = u64::try_from(length).unwrap_or(0);
            (Numbers { movement, org }, version)
        }))
    }

    fn version(&self, key: &MovementKey) -> Result<u64, Fault> {
        Ok(self.look_up(key)?.map_or(0, |(_, version)| version))
    }

    fn is_held(&self, org: &Id, external_id: &Id) -> Result<bool, Fault> {
        let Some(org) = self.org(org)? else {
            return Ok(false);
        };
        let mut statement = self.connection.prepare_cached(HOLDER)?;
        Ok(statement.exists((org, external_id.as_str()))?)
    }

    fn put_movements(&mut self, batch: &'b WriteBatch) -> Result<(), Fault> {
        let mut versions = batch.preconditions.iter().filter_map(|p| match p {
            Precondition::MovementAt { movement, version } => Some((movement, *version)),
            Precondition::ExternalIdFree { .. } => None,
        });
        for movement in &batch.movements {
            let version = match versions.next() {
                Some((key, version)) if *key == movement.key => version,
                _ => batch
                    .preconditions
                    .iter()
                    .find_map(|precondition| match precondition {
                        Precondition::MovementAt {
                            movement: key,
                            version,
                        } if *key == movement.key => Some(Ok(*version)),
                        _ => None,
                    })
                    .unwrap_or_else(|| self.version(&movement.key))?,
            };
            let numbers = if version == 0 {
                self.insert_movement(movement)?
            } else {
                self.update_movement(movement, version)?
            };
            let place = self.places.entry(&movement.key).or_default();
            place.numbers = Some(numbers);
        }
        Ok(())
    }

    fn insert_movement(&mut self, movement: &Movement) -> Result<Numbers, Fault> {
        let org = self.new_or_known_org(movement.key.org())?;
        let sequence = movement.description.sequence;
        let Some(text_position) = self.position_in_batch(&movement.key, sequence)? else {
            return broken(format!(
                "the batch records movement {} without the entry that brings its description",
                movement.key
            ));
        };
        let mut statement = self.connection.prepare_cached(INSERT_MOVEMENT)?;
        let mut row = Binder::new(&mut statement);
        row.add(org)?;
        row.add(movement.key.subscription_id())?;
        row.add(movement.key.movement_id())?;
        row.movement_content(movement, text_position)?;
        row.movement_sums(movement)?;
        match row.execute() {
            Err(fault) if fault.is_taken_key() => return conflict(),
            outcome => outcome?,
        };
        let movement = self.connection.last_insert_rowid();
        Ok(Numbers { movement, org })
    }

    fn update_movement(&mut self, movement: &Movement, version: u64) -> Result<Numbers, Fault> {
        let Some((numbers, _)) = self.look_up(&movement.key)? else {
            return conflict();
        };
        let known = self.known.movements.get(&movement.key);
        let written = if known.is_some_and(|row| has_same_content(row, movement)) {
            let mut statement = self.connection.prepare_cached(UPDATE_MOVEMENT_SUMS)?;
            let mut row = Binder::new(&mut statement);
            row.movement_sums(movement)?;
            row.add(numbers.movement)?;
            row.add(stored(version))?;
            row.execute()?
        } else {
            let sequence = movement.description.sequence;
            let before = known
                .filter(|row| row.movement.description.sequence == sequence)
                .map(|row| row.text_position);
            let text_position = match (before, self.position_in_batch(&movement.key, sequence)?) {
                (Some(position), _) | (None, Some(position)) => position,
                (None, None) => self.position_of(numbers.movement, sequence)?,
            };
            let mut statement = self.connection.prepare_cached(UPDATE_MOVEMENT)?;
            let mut row = Binder::new(&mut statement);
            row.movement_content(movement, text_position)?;
            row.movement_sums(movement)?;
            row.add(numbers.movement)?;
            row.add(stored(version))?;
            row.execute()?
        };
        if written == 1 {
            Ok(numbers)
        } else {
            conflict()
        }
    }

    /// The position that an entry of this batch gets, if it is one of this batch. The row of a
    /// movement is written before its entries, which name it.
    fn position_in_batch(
        &mut self,
        key: &MovementKey,
        sequence: u64,
    ) -> Result<Option<i64>, Fault> {
        let Some(at) = self.places.get(key).and_then(|place| {
            let entries = &place.entries;
            let found = entries.binary_search_by_key(&sequence, |(sequence, _)| *sequence);
            found
                .ok()
                .and_then(|found| entries.get(found))
                .map(|(_, at)| *at)
        }) else {
            return Ok(None);
        };
        let first = if let Some(first) = self.first_position {
            first
        } else {
            let mut statement = self.connection.prepare_cached(LAST_POSITION)?;
            let last: i64 = statement.query_row((), |row| row.get(0))?;
            *self.first_position.insert(last.saturating_add(1))
        };
        Ok(Some(position_behind(first, at)))
    }

    /// The position of an entry that was there before.
    fn position_of(&self, movement: i64, sequence: u64) -> Result<i64, Fault> {
        let mut statement = self.connection.prepare_cached(POSITION_OF)?;
        let position = statement
            .query_row((movement, stored(sequence)), |row| row.get(0))
            .optional()?;
        position.ok_or_else(|| {
            Fault::Damaged(format!(
                "entry {sequence} of a movement's chain is missing, which brought its description"
            ))
        })
    }

    fn append(&mut self, entries: &'b [JournalEntry]) -> Result<(), Fault> {
        let connection = self.connection;
        let mut statement = connection.prepare_cached(INSERT_ENTRY)?;
        for (at, entry) in entries.iter().enumerate() {
            let Some(numbers) = self.numbers(&entry.movement)? else {
                return broken(format!("an entry names no movement: {}", entry.movement));
            };
            match insert_entry(&mut statement, numbers.movement, entry) {
                Err(fault) if fault.is_taken_key() => return conflict(),
                outcome => outcome?,
            };
            let position = connection.last_insert_rowid();
            let first = *self.first_position.get_or_insert(position);
            if position != position_behind(first, at) {
                // SQLite takes any free number once the largest is taken.
                return Err(Fault::Damaged("the journal's positions have gaps".into()));
            }
        }
        Ok(())
    }

    fn put_refunds(&mut self, refunds: &'b [RefundWrite]) -> Result<(), Fault> {
        let mut inserts = Vec::with_capacity(refunds.len());
        for write in refunds {
            match write {
                RefundWrite::Insert(refund) => inserts.push(refund),
                RefundWrite::Replace(refund) => self.replace_refund(refund)?,
            }
        }
        // The table is ordered by id, and rows that come in its order go in fastest.
        inserts.sort_unstable_by_key(|refund| refund.id);
        let connection = self.connection;
        let mut statement = connection.prepare_cached(INSERT_REFUND)?;
        for refund in inserts {
            self.insert_refund(&mut statement, refund)?;
        }
        Ok(())
    }

    /// Where the refund's movement is, and the position of its description.
    fn place_of(&mut self, refund: &'b Refund) -> Result<(Numbers, i64), Fault> {
        let Some(numbers) = self.numbers(&refund.movement)? else {
            return broken(format!("a refund names no movement: {}", refund.movement));
        };
        let sequence = refund.details.description.sequence;
        let known = self.known.texts.get(&refund.id).copied();
        let text_position = match (self.position_in_batch(&refund.movement, sequence)?, known) {
            (Some(position), _) => position,
            (None, Some((known, position))) if known == sequence => position,
            _ => self.position_of(numbers.movement, sequence)?,
        };
        Ok((numbers, text_position))
    }

    fn insert_refund(
        &mut self,
        statement: &mut CachedStatement<'_>,
        refund: &'b Refund,
    ) -> Result<(), Fault> {
        let (numbers, text_position) = self.place_of(refund)?;
        let external_id = refund.details.external_id.as_ref();
        let mut row = Binder::new(statement);
        row.add(&refund.id.as_bytes()[..])?;
        row.add(numbers.org)?;
        row.add(numbers.movement)?;
        row.add(external_id.map(|external_id| external_id.id().as_str()))?;
        row.add(external_id.map(|id| matches!(id, ExternalId::IdempotencyKey(_))))?;
        row.refund_content(refund, text_position)?;
        match row.execute() {
            // Its external id, or its own.
            Err(fault) if fault.is_taken_key() => conflict(),
            outcome => outcome.map(|_| ()),
        }
    }

    fn replace_refund(&mut self, refund: &'b Refund) -> Result<(), Fault> {
        let (numbers, text_position) = self.place_of(refund)?;
        let mut statement = self.connection.prepare_cached(UPDATE_REFUND)?;
        let mut row = Binder::new(&mut statement);
        row.refund_content(refund, text_position)?;
        row.add(&refund.id.as_bytes()[..])?;
        row.add(numbers.movement)?;
        if row.execute()? == 1 {
            Ok(())
        } else {
            conflict()
        }
    }

    fn erase(&mut self, erasure: &'b TextErasure) -> Result<(), Fault> {
        let Some(numbers) = self.numbers(&erasure.movement)? else {
            return Ok(());
        };
        let mut found = self.connection.prepare_cached(TEXTS)?;
        let mut rows = found.query((numbers.movement, stored(erasure.through_sequence)))?;
        let mut positions: Vec<i64> = Vec::new();
        while let Some(row) = rows.next()? {
            let mut columns = Columns::new(row);
            let position = columns.integer()?;
            let owner = text_owner(columns.bytes()?).map_err(|error| {
                Fault::Damaged(format!("the journal entry at position {position}: {error}"))
            })?;
            if owner == erasure.owner {
                positions.push(position);
            }
        }
        let mut statement = self.connection.prepare_cached(ERASE_TEXT)?;
        for position in positions {
            statement.execute([position])?;
        }
        Ok(())
    }
}

fn position_behind(first: i64, at: usize) -> i64 {
    first.saturating_add(i64::try_from(at).unwrap_or(i64::MAX))
}

fn inserted_external_id(write: &RefundWrite) -> Option<(&str, &Id)> {
    match write {
        RefundWrite::Replace(_) => None,
        RefundWrite::Insert(refund) => {
            let external_id = refund.details.external_id.as_ref()?;
            Some((refund.movement.org_id(), external_id.id()))
        }
    }
}

/// Whether only the sums and the end of the chain differ from what was loaded.
fn has_same_content(row: &MovementRow, movement: &Movement) -> bool {
    let known = &row.movement;
    known.occurred_at == movement.occurred_at
        && known.amount == movement.amount
        && known.description.sequence == movement.description.sequence
        && known.recorded_at == movement.recorded_at
        && known.voided == movement.voided
}

fn insert_entry(
    statement: &mut CachedStatement<'_>,
    movement: i64,
    entry: &JournalEntry,
) -> Result<usize, Fault> {
    let text = entry.text.as_ref();
    let mut row = Binder::new(statement);
    row.add(movement)?;
    row.add(stored(entry.sequence))?;
    row.add(entry.bytes.as_slice())?;
    row.add(text.map(|text| &text.salt.0[..]))?;
    row.add(text.map(|text| text.text.as_str()))?;
    row.execute()
}

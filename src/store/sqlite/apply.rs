//! Writing a batch: every precondition checked, every row written, or nothing kept.
//!
//! All of this runs under the write lock, inside the caller's transaction.

mod movements;
mod places;

use std::collections::BTreeMap;

use rusqlite::{CachedStatement, Connection};

use self::places::{Located, Places};
use super::bind::{Binder, stored};
use super::chain::Chain;
use super::errors::Fault;
use super::load::{Known, org_number};
use super::rows::{Columns, MovementRow};
use super::statements::{
    ERASE_TEXT, HOLDER, INSERT_ENTRY, INSERT_ORG, INSERT_REFUND, LAST_POSITION, MOVEMENT_NUMBER,
    ONLY_TEXT, TEXT, UPDATE_REFUND,
};
use crate::id::{Id, MovementKey, RefundId};
use crate::journal::{JournalEntry, TextOwner, text_owner};
use crate::refund::{ExternalId, Refund};
use crate::store::{Precondition, RefundWrite, StoreError, TextErasure, WriteBatch};

/// Checks and applies a batch. `known` is what was loaded under the same lock.
pub(super) fn apply(
    connection: &Connection,
    batch: &WriteBatch,
    known: &Known,
) -> Result<(), Fault> {
    let mut places = Places::new(batch, known);
    let movements = places.of_movements(batch);
    let entries = places.of_entries(batch);
    let mut writer = Writer {
        connection,
        known,
        new_orgs: BTreeMap::new(),
        places,
        first_position: None,
    };
    writer.check_preconditions(batch)?;
    let movements = writer.movement_writes(batch, &movements)?;
    writer.insert_movements(&movements)?;
    writer.append(&batch.entries, &entries)?;
    writer.update_movements(&movements)?;
    writer.put_refunds(&batch.refunds)?;
    writer.erase(&batch.erasures)
}

struct Writer<'c, 'b> {
    connection: &'c Connection,
    known: &'b Known,
    new_orgs: BTreeMap<Id, i64>,
    places: Places<'b>,
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
    /// Where a movement is by now, if there is such a movement.
    fn locate(&mut self, number: usize) -> Result<Option<Located>, Fault> {
        let Some(place) = self.places.get(number) else {
            return Ok(None);
        };
        if place.located.is_some() {
            return Ok(place.located);
        }
        let found = self.look_up(place.key, place.known)?;
        if let Some(located) = found {
            self.places.put(number, located);
        }
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
        match self
            .known
            .orgs
            .get(name)
            .or_else(|| self.new_orgs.get(name))
        {
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
        self.new_orgs.insert(name, number);
        Ok(number)
    }

    /// Where a movement was before the batch, if there was such a movement.
    fn look_up(
        &self,
        key: &MovementKey,
        known: Option<&MovementRow>,
    ) -> Result<Option<Located>, Fault> {
        if let Some(row) = known {
            return Ok(Some(row.into()));
        }
        let Some(org) = self.org(&key.org())? else {
            return Ok(None);
        };
        let mut statement = self.connection.prepare_cached(MOVEMENT_NUMBER)?;
        let mut rows = statement.query((org, key.subscription_id(), key.movement_id()))?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let mut columns = Columns::new(row);
        Ok(Some(Located {
            number: columns.integer()?,
            org,
            version: columns.number()?,
            chain_position: Some(columns.integer()?),
        }))
    }

    fn version(&self, key: &MovementKey) -> Result<u64, Fault> {
        let located = self.look_up(key, self.known.movements.get(key))?;
        Ok(located.map_or(0, |located| located.version))
    }

    fn is_held(&self, org: &Id, external_id: &Id) -> Result<bool, Fault> {
        let Some(org) = self.org(org)? else {
            return Ok(false);
        };
        let mut statement = self.connection.prepare_cached(HOLDER)?;
        Ok(statement.exists((org, external_id.as_str()))?)
    }

    /// The position that an entry of this batch gets, if it is one of this batch. The row of a
    /// movement is written before its entries, which name it.
    fn position_in_batch(&mut self, place: usize, sequence: u64) -> Result<Option<i64>, Fault> {
        let Some(at) = self
            .places
            .get(place)
            .and_then(|place| place.entry(sequence))
        else {
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
    fn position_of(&self, located: Located, sequence: u64) -> Result<i64, Fault> {
        let end = located.chain_position.unwrap_or_default();
        let chain = Chain::walk(self.connection, located.number, end)?.whole()?;
        let before = usize::try_from(sequence)
            .ok()
            .and_then(|at| at.checked_sub(1));
        let position = before.and_then(|at| chain.get(at)).copied();
        position.ok_or_else(|| {
            Fault::Damaged(format!(
                "entry {sequence} of a movement's chain is missing, which brought its description"
            ))
        })
    }

    fn append(&mut self, entries: &'b [JournalEntry], places: &[usize]) -> Result<(), Fault> {
        let connection = self.connection;
        let mut statement = connection.prepare_cached(INSERT_ENTRY)?;
        for (at, (entry, place)) in entries.iter().zip(places).enumerate() {
            let Some(located) = self.locate(*place)? else {
                return broken(format!("an entry names no movement: {}", entry.movement));
            };
            insert_entry(&mut statement, located, entry)?;
            let position = connection.last_insert_rowid();
            let first = *self.first_position.get_or_insert(position);
            if position != position_behind(first, at) {
                // SQLite takes any free number once the largest is taken.
                return Err(Fault::Damaged("the journal's positions have gaps".into()));
            }
            let chain_position = Some(position);
            let located = Located {
                chain_position,
                ..located
            };
            self.places.put(*place, located);
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
    fn place_of(&mut self, refund: &'b Refund) -> Result<(Located, i64), Fault> {
        let place = self.places.of(&refund.movement);
        let Some(located) = self.locate(place)? else {
            return broken(format!("a refund names no movement: {}", refund.movement));
        };
        let sequence = refund.details.description.sequence;
        let known = self.known.texts.get(&refund.id).copied();
        let text_position = match (self.position_in_batch(place, sequence)?, known) {
            (Some(position), _) => position,
            (None, Some((known, position))) if known == sequence => position,
            _ => self.position_of(located, sequence)?,
        };
        Ok((located, text_position))
    }

    fn insert_refund(
        &mut self,
        statement: &mut CachedStatement<'_>,
        refund: &'b Refund,
    ) -> Result<(), Fault> {
        let (located, text_position) = self.place_of(refund)?;
        let external_id = refund.details.external_id.as_ref();
        let mut row = Binder::new(statement);
        row.add(&refund.id.as_bytes()[..])?;
        row.add(located.org)?;
        row.add(located.number)?;
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
        let (located, text_position) = self.place_of(refund)?;
        let mut statement = self.connection.prepare_cached(UPDATE_REFUND)?;
        let mut row = Binder::new(&mut statement);
        row.refund_content(refund, text_position)?;
        row.add(&refund.id.as_bytes()[..])?;
        row.add(located.number)?;
        if row.execute()? == 1 {
            Ok(())
        } else {
            conflict()
        }
    }

    /// Most refunds are never updated, and their row knows where their one text is. Those of
    /// others, and of movements, may be anywhere in the chain, which is walked once for all of them:
    /// the time grows with its length.
    fn erase(&mut self, erasures: &'b [TextErasure]) -> Result<(), Fault> {
        let mut chains: BTreeMap<i64, (i64, Erasures)> = BTreeMap::new();
        for erasure in erasures {
            let place = self.places.of(&erasure.movement);
            let Some(located) = self.locate(place)? else {
                continue;
            };
            let Some(end) = located.chain_position else {
                continue;
            };
            let wanted = Erasures::from([(erasure.owner, erasure.through_sequence)]);
            if let TextOwner::Refund(id) = erasure.owner
                && let Some(position) = self.only_text(id)?
                && self.erase_at(position, located.number, &wanted)?
            {
                continue;
            }
            let (_, of_chain) = chains
                .entry(located.number)
                .or_insert((end, Erasures::new()));
            let through = of_chain.entry(erasure.owner).or_default();
            *through = erasure.through_sequence.max(*through);
        }
        for (number, (end, wanted)) in &chains {
            for position in Chain::walk(self.connection, *number, *end)?.whole()? {
                self.erase_at(position, *number, wanted)?;
            }
        }
        Ok(())
    }

    /// Where the text of a refund is that has had only one.
    fn only_text(&self, refund: RefundId) -> Result<Option<i64>, Fault> {
        let mut statement = self.connection.prepare_cached(ONLY_TEXT)?;
        let mut rows = statement.query([&refund.as_bytes()[..]])?;
        Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
    }

    /// Erases the text of an entry, where it has one and an erasure means it.
    fn erase_at(&self, position: i64, movement: i64, wanted: &Erasures) -> Result<bool, Fault> {
        let mut texts = self.connection.prepare_cached(TEXT)?;
        let mut rows = texts.query([position, movement])?;
        let Some(row) = rows.next()? else {
            return Ok(false);
        };
        let mut columns = Columns::new(row);
        let sequence: u64 = columns.number()?;
        let owner = text_owner(columns.bytes()?).map_err(|error| {
            Fault::Damaged(format!("the journal entry at position {position}: {error}"))
        })?;
        drop(rows);
        let is_meant = wanted
            .get(&owner)
            .is_some_and(|through| sequence <= *through);
        if is_meant {
            let mut erase = self.connection.prepare_cached(ERASE_TEXT)?;
            erase.execute([position])?;
        }
        Ok(is_meant)
    }
}

/// Up to which sequence the texts of an owner are erased.
type Erasures = BTreeMap<TextOwner, u64>;

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

fn insert_entry(
    statement: &mut CachedStatement<'_>,
    located: Located,
    entry: &JournalEntry,
) -> Result<usize, Fault> {
    let text = entry.text.as_ref();
    let mut row = Binder::new(statement);
    row.add(located.number)?;
    row.add(stored(entry.sequence))?;
    row.add(located.chain_position)?;
    row.add(entry.bytes.as_slice())?;
    row.add(text.map(|text| &text.salt.0[..]))?;
    row.add(text.map(|text| text.text.as_str()))?;
    row.execute()
}

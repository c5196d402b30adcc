//! The movements of a batch: new rows before their entries, which refer to them; the others behind,
//! when it is known where their chains end.

use super::{Located, Writer, broken, conflict};
use crate::id::MovementKey;
use crate::movement::Movement;
use crate::store::sqlite::bind::{Binder, stored};
use crate::store::sqlite::errors::Fault;
use crate::store::sqlite::statements::{INSERT_MOVEMENT, UPDATE_MOVEMENT, UPDATE_MOVEMENT_SUMS};
use crate::store::{Precondition, WriteBatch};

/// A movement to write, and at which version it must be: 0 for a new one.
pub(super) struct MovementWrite<'b> {
    movement: &'b Movement,
    place: usize,
    version: u64,
}

impl<'b> Writer<'_, 'b> {
    /// The movements of a batch, whose places are these.
    pub(super) fn movement_writes(
        &self,
        batch: &'b WriteBatch,
        places: &[usize],
    ) -> Result<Vec<MovementWrite<'b>>, Fault> {
        let mut wanted = batch.preconditions.iter().filter_map(version_wanted);
        let mut writes = Vec::with_capacity(batch.movements.len());
        for (movement, place) in batch.movements.iter().zip(places) {
            let key = &movement.key;
            let version = match wanted.next() {
                Some((of, version)) if of == key => version,
                _ => batch
                    .preconditions
                    .iter()
                    .filter_map(version_wanted)
                    .find_map(|(of, version)| (of == key).then_some(Ok(version)))
                    .unwrap_or_else(|| self.version(key))?,
            };
            writes.push(MovementWrite {
                movement,
                place: *place,
                version,
            });
        }
        Ok(writes)
    }

    /// Writes the rows of new movements, which their entries refer to. The others must be there.
    pub(super) fn insert_movements(&mut self, writes: &[MovementWrite<'b>]) -> Result<(), Fault> {
        for write in writes {
            if write.version == 0 {
                let located = self.insert_movement(write)?;
                self.places.put(write.place, located);
                continue;
            }
            let located = self.locate(write.place)?;
            if located.is_none_or(|located| located.version != write.version) {
                return conflict();
            }
        }
        Ok(())
    }

    fn insert_movement(&mut self, write: &MovementWrite<'b>) -> Result<Located, Fault> {
        let MovementWrite {
            movement, place, ..
        } = *write;
        let key = &movement.key;
        let org = self.new_or_known_org(key.org())?;
        let text_position = self.position_in_batch(place, movement.description.sequence)?;
        let chain_position = self.position_in_batch(place, movement.chain.length)?;
        let (Some(text_position), Some(chain_position)) = (text_position, chain_position) else {
            return broken(format!(
                "the batch records movement {key} without the entries of its chain"
            ));
        };
        let mut statement = self.connection.prepare_cached(INSERT_MOVEMENT)?;
        let mut row = Binder::new(&mut statement);
        row.add(org)?;
        row.add(key.subscription_id())?;
        row.add(key.movement_id())?;
        row.movement_content(movement, text_position)?;
        row.movement_sums(movement, chain_position)?;
        match row.execute() {
            Err(fault) if fault.is_taken_key() => return conflict(),
            outcome => outcome?,
        };
        Ok(Located {
            number: self.connection.last_insert_rowid(),
            org,
            version: 0,
            chain_position: None,
        })
    }

    /// Writes the rows of the other movements, now that it is known where their chains end.
    pub(super) fn update_movements(&mut self, writes: &[MovementWrite<'b>]) -> Result<(), Fault> {
        for write in writes.iter().filter(|write| write.version > 0) {
            let Some(located) = self.locate(write.place)? else {
                return conflict();
            };
            if self.update_movement(write, located)? != 1 {
                return conflict();
            }
        }
        Ok(())
    }

    fn update_movement(
        &mut self,
        write: &MovementWrite<'b>,
        located: Located,
    ) -> Result<usize, Fault> {
        let MovementWrite {
            movement,
            place,
            version,
        } = *write;
        let known = self.places.get(place).and_then(|place| place.known);
        let chain_position = located.chain_position.unwrap_or_default();
        if known.is_some_and(|row| row.movement.has_same_content(movement)) {
            let mut statement = self.connection.prepare_cached(UPDATE_MOVEMENT_SUMS)?;
            let mut row = Binder::new(&mut statement);
            row.movement_sums(movement, chain_position)?;
            row.add(located.number)?;
            row.add(stored(version))?;
            return row.execute();
        }
        let sequence = movement.description.sequence;
        let before = known
            .filter(|row| row.movement.description.sequence == sequence)
            .map(|row| row.text_position);
        let text_position = match (before, self.position_in_batch(place, sequence)?) {
            (Some(position), _) | (None, Some(position)) => position,
            (None, None) => self.position_of(located, sequence)?,
        };
        let mut statement = self.connection.prepare_cached(UPDATE_MOVEMENT)?;
        let mut row = Binder::new(&mut statement);
        row.movement_content(movement, text_position)?;
        row.movement_sums(movement, chain_position)?;
        row.add(located.number)?;
        row.add(stored(version))?;
        row.execute()
    }
}

fn version_wanted(precondition: &Precondition) -> Option<(&MovementKey, u64)> {
    match precondition {
        Precondition::MovementAt { movement, version } => Some((movement, *version)),
        Precondition::ExternalIdFree { .. } => None,
    }
}

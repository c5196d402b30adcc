//! The movements that a batch is about, and where each of them is in the tables.

use std::collections::HashMap;

use crate::id::MovementKey;
use crate::store::WriteBatch;
use crate::store::sqlite::load::Known;
use crate::store::sqlite::rows::MovementRow;

/// Where a movement is in the tables.
#[derive(Clone, Copy, Debug)]
pub(super) struct Located {
    pub(super) number: i64,
    pub(super) org: i64,
    /// The length of its chain before the batch.
    pub(super) version: u64,
    /// Where its chain ends so far; `None` before the first entry.
    pub(super) chain_position: Option<i64>,
}

impl From<&MovementRow> for Located {
    fn from(row: &MovementRow) -> Self {
        Self {
            number: row.number,
            org: row.org,
            version: row.movement.chain.length,
            chain_position: Some(row.chain_position),
        }
    }
}

/// A movement that a batch names.
#[derive(Debug)]
pub(super) struct Place<'b> {
    pub(super) key: &'b MovementKey,
    /// What was loaded of it.
    pub(super) known: Option<&'b MovementRow>,
    pub(super) located: Option<Located>,
    /// The sequences of its entries in this batch, each with its index there.
    entries: Vec<(u64, usize)>,
}

impl Place<'_> {
    /// The index in the batch of one of its entries.
    pub(super) fn entry(&self, sequence: u64) -> Option<usize> {
        let found = self
            .entries
            .binary_search_by_key(&sequence, |(sequence, _)| *sequence);
        self.entries.get(found.ok()?).map(|(_, at)| *at)
    }
}

/// All of them, by number: what is asked for again and again need not be looked up again.
#[derive(Debug)]
pub(super) struct Places<'b> {
    known: &'b Known,
    list: Vec<Place<'b>>,
    numbers: HashMap<&'b MovementKey, usize>,
}

impl<'b> Places<'b> {
    /// For the movements of a batch. `known` is what was loaded of any.
    pub(super) fn new(batch: &WriteBatch, known: &'b Known) -> Self {
        let movements = batch.movements.len();
        Self {
            known,
            list: Vec::with_capacity(movements),
            numbers: HashMap::with_capacity(movements),
        }
    }

    /// The number of a movement's place, which is made if it is new here.
    pub(super) fn of(&mut self, key: &'b MovementKey) -> usize {
        let Self {
            known,
            list,
            numbers,
        } = self;
        *numbers.entry(key).or_insert_with(|| {
            list.push(Place {
                key,
                known: known.movements.get(key),
                located: None,
                entries: Vec::new(),
            });
            list.len().saturating_sub(1)
        })
    }

    /// Those of the batch's movements.
    pub(super) fn of_movements(&mut self, batch: &'b WriteBatch) -> Vec<usize> {
        let movements = batch.movements.iter();
        movements.map(|movement| self.of(&movement.key)).collect()
    }

    /// Those of the batch's entries, of which each takes note.
    pub(super) fn of_entries(&mut self, batch: &'b WriteBatch) -> Vec<usize> {
        let entries = batch.entries.iter().enumerate().map(|(at, entry)| {
            let number = self.of(&entry.movement);
            if let Some(place) = self.list.get_mut(number) {
                place.entries.push((entry.sequence, at));
            }
            number
        });
        entries.collect()
    }

    pub(super) fn get(&self, number: usize) -> Option<&Place<'b>> {
        self.list.get(number)
    }

    /// The movement is now known to be there.
    pub(super) fn put(&mut self, number: usize, located: Located) {
        if let Some(place) = self.list.get_mut(number) {
            place.located = Some(located);
        }
    }
}

//! Reading what a decision needs.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rusqlite::{Connection, Row};

use super::chain::{self, Chain};
use super::errors::Fault;
use super::rows::{Columns, MovementRow, RefundRow, movement, optional_movement, refund};
use super::statements::{
    CHAIN_POSITION, HOLDER, LOAD_CREATION, LOAD_MOVEMENT, LOAD_REFUND, ORG_NUMBER,
};
use super::steps::Volume;
use crate::id::{Id, MovementKey, RefundId};
use crate::journal::JournalEntry;
use crate::store::{LoadedRefund, ReadSet, RefundLookup, Snapshot};

/// What a load found beyond the snapshot, and what stays true as long as the write lock is held.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) orgs: BTreeMap<Id, i64>,
    pub(super) movements: HashMap<MovementKey, MovementRow>,
    /// Where the descriptions of refunds are: sequence and position of their entries.
    pub(super) texts: HashMap<RefundId, (u64, i64)>,
}

/// Everything that is wanted. The connection must be in a transaction.
pub(super) fn load(connection: &Connection, wanted: &ReadSet) -> Result<(Snapshot, Known), Fault> {
    let mut loader = Loader {
        connection,
        snapshot: Snapshot::with_room_for(wanted),
        known: Known {
            movements: HashMap::with_capacity(wanted.movements().count()),
            ..Known::default()
        },
        chains: BTreeMap::new(),
    };
    let mut movements = wanted.movements();
    let mut refunds = wanted.refunds();
    match (
        movements.next(),
        movements.next(),
        refunds.next(),
        refunds.next(),
    ) {
        (Some(key), None, Some((org, RefundLookup::ExternalId(id), revisions)), None)
            if key.org_id() == org.as_str() =>
        {
            loader.creation(key, org, id, revisions)?;
        }
        _ => {
            loader.movements(wanted)?;
            loader.refunds(wanted)?;
        }
    }
    Ok((loader.snapshot, loader.known))
}

/// The number of an org, where there is such an org.
pub(super) fn org_number(connection: &Connection, name: &str) -> Result<Option<i64>, Fault> {
    let mut statement = connection.prepare_cached(ORG_NUMBER)?;
    let mut rows = statement.query([name])?;
    Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
}

/// The refund with this id, of any org.
pub(super) fn find_refund(
    connection: &Connection,
    id: RefundId,
) -> Result<Option<RefundRow>, Fault> {
    let mut statement = connection.prepare_cached(LOAD_REFUND)?;
    let mut rows = statement.query([&id.as_bytes()[..]])?;
    rows.next()?.map(read_refund).transpose()
}

/// A refund behind its key, in a row of [`LOAD_REFUND`] and its like.
pub(super) fn read_refund(row: &Row<'_>) -> Result<RefundRow, Fault> {
    let mut columns = Columns::new(row);
    let key = columns.key()?;
    refund(&mut columns, key)
}

struct Loader<'c> {
    connection: &'c Connection,
    snapshot: Snapshot,
    known: Known,
    /// The chains that past revisions were looked for in, by movement: many refunds may share one.
    chains: BTreeMap<i64, Vec<JournalEntry>>,
}

impl Loader<'_> {
    fn org(&mut self, org: &Id) -> Result<Option<i64>, Fault> {
        if let Some(number) = self.known.orgs.get(org) {
            return Ok(Some(*number));
        }
        let number = org_number(self.connection, org.as_str())?;
        if let Some(number) = number {
            self.known.orgs.insert(org.clone(), number);
        }
        Ok(number)
    }

    fn creation(
        &mut self,
        key: &MovementKey,
        org: &Id,
        external_id: &Id,
        revisions: &[u32],
    ) -> Result<(), Fault> {
        let connection = self.connection;
        let mut statement = connection.prepare_cached(LOAD_CREATION)?;
        let mut rows = statement.query((
            key.org_id(),
            key.subscription_id(),
            key.movement_id(),
            external_id.as_str(),
        ))?;
        let mut movement = None;
        let mut holder = None;
        if let Some(row) = rows.next()? {
            let mut columns = Columns::new(row);
            self.known.orgs.insert(org.clone(), columns.integer()?);
            holder = columns.optional_refund_id()?;
            movement = optional_movement(&mut columns, key.clone())?;
        }
        self.put_movement(key, movement);
        let lookup = RefundLookup::ExternalId(external_id.clone());
        self.put_refund(org, &lookup, holder, revisions)
    }

    fn put_movement(&mut self, key: &MovementKey, row: Option<MovementRow>) {
        let movement = row.as_ref().map(|row| Arc::clone(&row.movement));
        self.snapshot.share_movement(key.clone(), movement);
        if let Some(row) = row {
            self.known.movements.insert(key.clone(), row);
        }
    }

    fn movements(&mut self, wanted: &ReadSet) -> Result<(), Fault> {
        let connection = self.connection;
        let mut statement = connection.prepare_cached(LOAD_MOVEMENT)?;
        let mut last: Option<(Id, Option<i64>)> = None;
        for key in wanted.movements() {
            let org = match &last {
                Some((name, number)) if name.as_str() == key.org_id() => *number,
                _ => {
                    let name = key.org();
                    let number = self.org(&name)?;
                    last = Some((name, number));
                    number
                }
            };
            let mut found = None;
            if let Some(org) = org {
                let mut rows = statement.query((org, key.subscription_id(), key.movement_id()))?;
                if let Some(row) = rows.next()? {
                    found = Some(movement(&mut Columns::new(row), key.clone())?);
                }
            }
            self.put_movement(key, found);
        }
        Ok(())
    }

    fn refunds(&mut self, wanted: &ReadSet) -> Result<(), Fault> {
        let connection = self.connection;
        let mut holders = connection.prepare_cached(HOLDER)?;
        let mut last: Option<(&Id, Option<i64>)> = None;
        for (org, lookup, revisions) in wanted.refunds() {
            let number = match last {
                Some((name, number)) if name == org => number,
                _ => self.org(org)?,
            };
            last = Some((org, number));
            // Most external ids are looked for in vain, and their index alone tells that.
            let id = match (number, lookup) {
                (None, _) | (_, RefundLookup::Nothing) => None,
                (Some(_), RefundLookup::Id(id)) => Some(*id),
                (Some(number), RefundLookup::ExternalId(id)) => {
                    let mut rows = holders.query((number, id.as_str()))?;
                    match rows.next()? {
                        Some(row) => Columns::new(row).optional_refund_id()?,
                        None => None,
                    }
                }
            };
            self.put_refund(org, lookup, id, revisions)?;
        }
        Ok(())
    }

    fn put_refund(
        &mut self,
        org: &Id,
        lookup: &RefundLookup,
        id: Option<RefundId>,
        revisions: &[u32],
    ) -> Result<(), Fault> {
        let row = match id {
            None => None,
            Some(id) => find_refund(self.connection, id)?,
        };
        let number = self.known.orgs.get(org);
        let found = match row.filter(|row| Some(&row.org) == number) {
            None => None,
            Some(row) => {
                let text = (row.refund.details.description.sequence, row.text_position);
                self.known.texts.insert(row.refund.id, text);
                Some(self.with_past(row, revisions)?)
            }
        };
        self.snapshot.put_refund(org.clone(), lookup.clone(), found);
        Ok(())
    }

    /// The refund with the wanted ones of its past revisions, which only its chain knows.
    fn with_past(&mut self, found: RefundRow, revisions: &[u32]) -> Result<LoadedRefund, Fault> {
        let refund = found.refund;
        let is_current = |revision: &u32| *revision == refund.revision;
        if revisions.iter().all(is_current) {
            return Ok(LoadedRefund::from_chain(refund, revisions, [])?);
        }
        let entries = match self.chains.entry(found.movement) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let connection = self.connection;
                let mut statement = connection.prepare_cached(CHAIN_POSITION)?;
                let end = statement.query_row([found.movement], |row| row.get(0))?;
                let chain = Chain::walk(connection, found.movement, end)?.whole()?;
                let mut volume = Volume::of(connection)?;
                let mut entry = |at| chain::record(connection, at, &refund.movement, &mut volume);
                let entries: Result<Vec<JournalEntry>, Fault> =
                    chain.into_iter().map(|at| Ok(entry(at)?.entry)).collect();
                place.insert(entries?)
            }
        };
        Ok(LoadedRefund::from_chain(refund, revisions, &*entries)?)
    }
}

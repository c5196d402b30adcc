//! Reading what a decision needs, with the movements locked or in one view of the past.

use std::collections::{BTreeMap, HashMap};

use futures_util::future::{join, join3};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use super::bind::{Keys, Uuid};
use super::errors::Fault;
use super::rows::{self, Columns};
use super::session::Link;
use super::statements::{
    FIND_HOLDER, FIND_HOLDERS, LOAD_CHAINS, LOAD_MOVEMENT, LOAD_MOVEMENTS, LOAD_REFUNDS,
    LOCK_MOVEMENT, LOCK_MOVEMENTS,
};
use crate::id::{Id, MovementKey, RefundId};
use crate::journal::JournalEntry;
use crate::movement::Movement;
use crate::refund::Refund;
use crate::store::columns::Damaged;
use crate::store::{LoadedRefund, ReadSet, RefundLookup, Snapshot, StoreError};

/// What was found, in the store's own terms. What was locked stays true up to the end of the
/// transaction.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) movements: HashMap<MovementKey, Option<Movement>>,
    /// Who holds the external ids that were looked for.
    pub(super) holders: HashMap<(Id, Id), Option<RefundId>>,
    /// The refunds found, each with its movement.
    pub(super) refunds: HashMap<RefundId, MovementKey>,
}

/// Everything that is wanted, in the transaction that `begin` begins, where it is given.
pub(super) async fn load(
    link: &Link,
    begin: Option<&str>,
    wanted: &ReadSet,
    locks: bool,
) -> Result<(Snapshot, Known), Fault> {
    let begun = async {
        match begin {
            Some(sql) => Ok(link.client().batch_execute(sql).await?),
            None => Ok::<(), Fault>(()),
        }
    };
    // The statement that begins goes out first, and the others without waiting for its answer.
    let (begun, found) = join(begun, Found::read(link, wanted, locks)).await;
    begun?;
    found?.into_snapshot(link, wanted).await
}

/// A refund that is looked for, in one of the two ways.
struct Lookup<'w> {
    org: &'w Id,
    by: &'w RefundLookup,
    revisions: &'w [u32],
}

/// What the first round trip brings.
struct Found<'w> {
    movements: HashMap<&'w MovementKey, Movement>,
    refunds: Vec<(Lookup<'w>, Option<Refund>)>,
}

impl<'w> Found<'w> {
    async fn read(link: &Link, wanted: &'w ReadSet, locks: bool) -> Result<Self, Fault> {
        let keys: Vec<&MovementKey> = wanted.movements().collect();
        let mut by_external_id = Vec::new();
        let mut by_id = Vec::new();
        let mut external_ids = (Vec::new(), Vec::new());
        let mut ids = (Vec::new(), Vec::new());
        for (org, lookup, revisions) in wanted.refunds() {
            let of = Lookup {
                org,
                by: lookup,
                revisions,
            };
            match lookup {
                RefundLookup::ExternalId(external_id) => {
                    by_external_id.push(of);
                    external_ids.0.push(org.as_str());
                    external_ids.1.push(external_id.as_str());
                }
                RefundLookup::Id(id) => {
                    by_id.push(of);
                    ids.0.push(org.as_str());
                    ids.1.push(Uuid(*id));
                }
                RefundLookup::Nothing => {}
            }
        }
        let bound: Keys<'_> = keys.iter().copied().collect();
        let parameters = bound.parameters();
        // All are prepared before the first is sent: what comes after the lock must be sent after it,
        // to see what those wrote who had the lock before.
        let read = match (locks, keys.as_slice()) {
            (true, [_]) => LOCK_MOVEMENT,
            (true, _) => LOCK_MOVEMENTS,
            (false, [_]) => LOAD_MOVEMENT,
            (false, _) => LOAD_MOVEMENTS,
        };
        let find = match by_external_id.as_slice() {
            [_] => FIND_HOLDER,
            _ => FIND_HOLDERS,
        };
        let read = prepared(link, read, !keys.is_empty()).await?;
        let find = prepared(link, find, !by_external_id.is_empty()).await?;
        let refunds = prepared(link, LOAD_REFUNDS, !by_id.is_empty()).await?;
        let (movements, holders, refunds) = join3(
            rows(link, read.as_ref(), &parameters),
            rows(link, find.as_ref(), &[&external_ids.0, &external_ids.1]),
            rows(link, refunds.as_ref(), &[&ids.0, &ids.1]),
        )
        .await;
        let mut movements = movements?;
        if locks && !movements.iter().all(rows::is_current) {
            // It waited for a lock, and by now nothing of theirs changes any more.
            let locked = movements.len();
            let again = link.prepare(LOAD_MOVEMENTS).await?;
            movements = rows(link, Some(&again), &parameters).await?;
            if movements.len() != locked {
                // One has come to be in the meantime. Nobody has locked it, and its refunds may have
                // been read before they changed.
                return Err(StoreError::Conflict.into());
            }
        }
        let mut found = Self {
            movements: HashMap::with_capacity(keys.len()),
            refunds: Vec::new(),
        };
        for row in movements {
            let mut columns = Columns::new(&row);
            if let Some(key) = at(&keys, columns.integer()?) {
                let movement = rows::movement(&mut columns, (*key).clone())?;
                found.movements.insert(key, movement);
            }
        }
        found.add(by_id, &refunds?)?;
        found.add_holders(link, by_external_id, &holders?).await?;
        Ok(found)
    }

    /// Most external ids are looked for in vain, and their index alone tells that. Those who hold one
    /// are read after that.
    async fn add_holders(
        &mut self,
        link: &Link,
        lookups: Vec<Lookup<'w>>,
        rows_found: &[Row],
    ) -> Result<(), Fault> {
        let mut ids: Vec<Option<RefundId>> = vec![None; lookups.len()];
        for row in rows_found {
            let mut columns = Columns::new(row);
            let place = index(columns.integer()?).and_then(|index| ids.get_mut(index));
            if let Some(place) = place {
                *place = Some(columns.refund_id()?);
            }
        }
        let mut held = Vec::with_capacity(rows_found.len());
        let mut wanted = (Vec::new(), Vec::new());
        for (of, id) in lookups.into_iter().zip(ids) {
            match id {
                None => self.refunds.push((of, None)),
                Some(id) => {
                    wanted.0.push(of.org.as_str());
                    wanted.1.push(Uuid(id));
                    held.push(of);
                }
            }
        }
        if held.is_empty() {
            return Ok(());
        }
        let statement = link.prepare(LOAD_REFUNDS).await?;
        let refunds = rows(link, Some(&statement), &[&wanted.0, &wanted.1]).await?;
        self.add(held, &refunds)
    }

    fn add(&mut self, lookups: Vec<Lookup<'w>>, rows: &[Row]) -> Result<(), Fault> {
        let mut refunds: Vec<Option<Refund>> = Vec::new();
        refunds.resize_with(lookups.len(), || None);
        for row in rows {
            let mut columns = Columns::new(row);
            let ordinal = columns.integer()?;
            let refund = rows::refund(&mut columns)?;
            if let Some(place) = index(ordinal).and_then(|index| refunds.get_mut(index)) {
                *place = Some(refund);
            }
        }
        self.refunds.extend(lookups.into_iter().zip(refunds));
        Ok(())
    }

    async fn into_snapshot(
        mut self,
        link: &Link,
        wanted: &ReadSet,
    ) -> Result<(Snapshot, Known), Fault> {
        let chains = self.chains_of_past(link).await?;
        let mut snapshot = Snapshot::with_room_for(wanted);
        let mut known = Known::default();
        for key in wanted.movements() {
            let movement = self.movements.remove(key);
            snapshot.put_movement(key.clone(), movement.clone());
            known.movements.insert(key.clone(), movement);
        }
        for (of, refund) in self.refunds {
            if let RefundLookup::ExternalId(external_id) = of.by {
                let key = (of.org.clone(), external_id.clone());
                known
                    .holders
                    .insert(key, refund.as_ref().map(|refund| refund.id));
            }
            let loaded = match refund {
                None => None,
                Some(refund) => {
                    known.refunds.insert(refund.id, refund.movement.clone());
                    let chain = chains.get(&refund.movement).map_or(&[][..], Vec::as_slice);
                    Some(LoadedRefund::from_chain(refund, of.revisions, chain)?)
                }
            };
            snapshot.put_refund(of.org.clone(), of.by.clone(), loaded);
        }
        Ok((snapshot, known))
    }

    /// The chains that know the past revisions which are wanted: many refunds may share one.
    async fn chains_of_past(
        &self,
        link: &Link,
    ) -> Result<BTreeMap<MovementKey, Vec<JournalEntry>>, Fault> {
        let mut chains = BTreeMap::new();
        for (of, refund) in &self.refunds {
            if let Some(refund) = refund
                && of.revisions.iter().any(|at| *at != refund.revision)
            {
                chains.insert(refund.movement.clone(), Vec::new());
            }
        }
        if chains.is_empty() {
            return Ok(chains);
        }
        let keys: Vec<MovementKey> = chains.keys().cloned().collect();
        for (key, entry) in entries_of(link, &keys).await? {
            if let Some(chain) = chains.get_mut(key) {
                chain.push(entry);
            }
        }
        Ok(chains)
    }
}

/// The entries of whole chains, each with its key, in order.
pub(super) async fn entries_of<'k>(
    link: &Link,
    keys: &'k [MovementKey],
) -> Result<Vec<(&'k MovementKey, JournalEntry)>, Fault> {
    let bound: Keys<'_> = keys.iter().collect();
    let mut entries = Vec::new();
    let statement = link.prepare(LOAD_CHAINS).await?;
    for row in rows(link, Some(&statement), &bound.parameters()).await? {
        let mut columns = Columns::new(&row);
        let key = at(keys, columns.integer()?)
            .ok_or_else(|| Damaged("an entry is none of those asked for".into()))?;
        entries.push((key, columns.record(key)?.entry));
    }
    Ok(entries)
}

/// A statement, where it is needed.
async fn prepared(link: &Link, sql: &str, is_needed: bool) -> Result<Option<Statement>, Fault> {
    if is_needed {
        Ok(Some(link.prepare(sql).await?))
    } else {
        Ok(None)
    }
}

/// The rows of a statement, where there is one.
async fn rows(
    link: &Link,
    statement: Option<&Statement>,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>, Fault> {
    match statement {
        Some(statement) => Ok(link.client().query(statement, parameters).await?),
        None => Ok(Vec::new()),
    }
}

/// Where an ordinal of the server's, from 1, points to.
fn index(ordinal: i64) -> Option<usize> {
    usize::try_from(ordinal).ok()?.checked_sub(1)
}

pub(super) fn at_mut<T>(of: &mut [T], ordinal: i64) -> Option<&mut T> {
    of.get_mut(index(ordinal)?)
}

pub(super) fn at<T>(of: &[T], ordinal: i64) -> Option<&T> {
    of.get(index(ordinal)?)
}

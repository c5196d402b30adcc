//! Writing a batch: every precondition checked, every row written, or nothing kept.
//!
//! All of this runs while the movements concerned are locked. The server checks what no lock covers: that
//! a movement, a refund's id or an external id is still free. What is written goes out together with
//! the commit; where a statement fails, that commit is a rollback.

use std::collections::{BTreeMap, HashSet};

use super::bind::{Keys, stored};
use super::errors::Fault;
use super::load::{self, Known, at};
use super::rows::Columns;
use super::session::Link;
use super::statements::LOAD_TEXTS;
use super::write::Rows;
use crate::id::{Id, MovementKey};
use crate::journal::{JournalEntry, TextOwner, text_owner};
use crate::store::{Precondition, ReadSet, RefundLookup, RefundWrite, StoreError, WriteBatch};

/// Checks and writes a batch, and commits. `known` is what was loaded in the same transaction, under
/// its locks.
pub(super) async fn apply(link: &Link, batch: &WriteBatch, mut known: Known) -> Result<(), Fault> {
    let missing = missing(batch, &known);
    if missing != ReadSet::default() {
        let (_, found) = load::load(link, None, &missing, true).await?;
        known.movements.extend(found.movements);
        known.holders.extend(found.holders);
        known.refunds.extend(found.refunds);
    }
    check(batch, &known)?;
    let erased = Erased::find(link, batch).await?;
    Rows::of(batch, &known, &erased).write(link).await
}

/// What a batch by itself needs to have loaded.
pub(super) fn read_set(batch: &WriteBatch) -> ReadSet {
    missing(batch, &Known::default())
}

/// What of the batch nobody has looked at yet.
fn missing(batch: &WriteBatch, known: &Known) -> ReadSet {
    let mut missing = ReadSet::default();
    let mut want = |key: &MovementKey| {
        if !known.movements.contains_key(key) {
            missing.want_movement(key.clone());
        }
    };
    batch
        .movements
        .iter()
        .for_each(|movement| want(&movement.key));
    batch.entries.iter().for_each(|entry| want(&entry.movement));
    batch
        .erasures
        .iter()
        .for_each(|erasure| want(&erasure.movement));
    for write in &batch.refunds {
        want(&write.refund().movement);
    }
    for precondition in &batch.preconditions {
        if let Precondition::MovementAt { movement, .. } = precondition {
            want(movement);
        }
    }
    // The index keeps those unique that the batch writes.
    let mut written = batch.refunds.iter().filter_map(inserted_external_id);
    for precondition in &batch.preconditions {
        if let Precondition::ExternalIdFree { org, external_id } = precondition
            && written.next() != Some((org.as_str(), external_id))
            && !known
                .holders
                .contains_key(&(org.clone(), external_id.clone()))
        {
            let lookup = RefundLookup::ExternalId(external_id.clone());
            missing.want_refund(org.clone(), lookup, None);
        }
    }
    for write in &batch.refunds {
        if let RefundWrite::Replace(refund) = write
            && !known.refunds.contains_key(&refund.id)
        {
            missing.want_refund(refund.movement.org(), refund.id.into(), None);
        }
    }
    missing
}

fn inserted_external_id(write: &RefundWrite) -> Option<(&str, &Id)> {
    match write {
        RefundWrite::Insert(refund) => {
            let external_id = refund.details.external_id.as_ref()?;
            Some((refund.movement.org_id(), external_id.id()))
        }
        RefundWrite::Replace(_) => None,
    }
}

/// Checks what the server won't. All that is asked for here was loaded.
fn check(batch: &WriteBatch, known: &Known) -> Result<(), Fault> {
    let is_there = |key: &MovementKey| matches!(known.movements.get(key), Some(Some(_)));
    for precondition in &batch.preconditions {
        let holds = match precondition {
            Precondition::MovementAt { movement, version } => {
                version_of(movement, known) == *version
            }
            Precondition::ExternalIdFree { org, external_id } => {
                let key = (org.clone(), external_id.clone());
                !matches!(known.holders.get(&key), Some(Some(_)))
            }
        };
        if !holds {
            return Err(StoreError::Conflict.into());
        }
    }
    for write in &batch.refunds {
        if let RefundWrite::Replace(refund) = write
            && known.refunds.get(&refund.id) != Some(&refund.movement)
        {
            return Err(StoreError::Conflict.into());
        }
    }
    let entries = batch
        .entries
        .iter()
        .map(|entry| ("an entry", &entry.movement));
    let refunds = batch
        .refunds
        .iter()
        .map(|write| ("a refund", &write.refund().movement));
    let written: HashSet<&MovementKey> = batch
        .movements
        .iter()
        .map(|movement| &movement.key)
        .collect();
    let stray = entries
        .chain(refunds)
        .find(|(_, key)| !is_there(key) && !written.contains(key));
    match stray {
        None => Ok(()),
        Some((what, key)) => Err(StoreError::Failed {
            reason: format!("{what} names no movement: {key}"),
        }
        .into()),
    }
}

fn version_of(key: &MovementKey, known: &Known) -> u64 {
    match known.movements.get(key) {
        Some(Some(movement)) => movement.chain.length,
        Some(None) | None => 0,
    }
}

/// The texts to blank: of entries that are stored, by key and sequence, and up to where of those that
/// are being written.
#[derive(Debug, Default)]
pub(super) struct Erased<'b> {
    through: BTreeMap<(&'b MovementKey, TextOwner), u64>,
    pub(super) stored: Vec<(&'b MovementKey, i64)>,
}

impl<'b> Erased<'b> {
    async fn find(link: &Link, batch: &'b WriteBatch) -> Result<Self, Fault> {
        let mut this = Self::default();
        let mut chains: BTreeMap<&MovementKey, u64> = BTreeMap::new();
        for erasure in &batch.erasures {
            let key = (&erasure.movement, erasure.owner);
            let through = this.through.entry(key).or_default();
            *through = erasure.through_sequence.max(*through);
            let of_chain = chains.entry(&erasure.movement).or_default();
            *of_chain = erasure.through_sequence.max(*of_chain);
        }
        if chains.is_empty() {
            return Ok(this);
        }
        let keys: Vec<&MovementKey> = chains.keys().copied().collect();
        let throughs: Vec<i64> = chains.values().map(|through| stored(*through)).collect();
        let bound: Keys<'_> = keys.iter().copied().collect();
        let mut parameters = bound.parameters();
        parameters.push(&throughs);
        let statement = link.prepare(LOAD_TEXTS).await?;
        for row in link.client().query(&statement, &parameters).await? {
            let mut columns = Columns::new(&row);
            let Some(key) = at(&keys, columns.integer()?).copied() else {
                continue;
            };
            let sequence = columns.integer()?;
            let owner = text_owner(columns.bytes()?).map_err(|error| {
                Fault::Damaged(format!("movement {key}, entry {sequence}: {error}"))
            })?;
            if this.is_meant(key, owner, u64::try_from(sequence).unwrap_or(u64::MAX)) {
                this.stored.push((key, sequence));
            }
        }
        Ok(this)
    }

    fn is_meant(&self, key: &'b MovementKey, owner: TextOwner, sequence: u64) -> bool {
        let through = self.through.get(&(key, owner));
        through.is_some_and(|through| sequence <= *through)
    }

    /// Whether an entry of the batch keeps its text.
    pub(super) fn spares(&self, entry: &'b JournalEntry) -> bool {
        self.through.is_empty()
            || text_owner(&entry.bytes)
                .is_ok_and(|owner| !self.is_meant(&entry.movement, owner, entry.sequence))
    }
}

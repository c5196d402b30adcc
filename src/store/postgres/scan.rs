//! The scan: movements in key order, a group at a time, all in one view.
//!
//! Each group is read in a few steps, and visited between them, so a visitor may take as long as it
//! wants. A step is limited in time, the whole is not.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::ControlFlow;

use tokio_postgres::Row;

use super::bind::{Keys, Parameters, Uuid};
use super::errors::Fault;
use super::rows::{self, Columns};
use super::session::Steps;
use super::statements::{
    FIND_HOLDERS, LAST_POSITION, LOAD_REFUNDS, NEXT_ENTRIES, NEXT_MOVEMENTS, NEXT_MOVEMENTS_OF_ORG,
    ONE_MOVEMENT,
};
use super::strays;
use crate::id::{Id, MovementKey, RefundId};
use crate::journal::{JournalPosition, JournalRecord, refund_of};
use crate::movement::Movement;
use crate::refund::Refund;
use crate::store::columns::Damaged;
use crate::store::scanning::{Counts, Visitor, visit};
use crate::store::{ScanRange, ScanRow};

/// Whether the scan goes on.
pub(super) type Flow = Result<ControlFlow<()>, Fault>;

pub(super) const GO_ON: Flow = Ok(ControlFlow::Continue(()));

/// How many movements are read at once.
const MOVEMENTS_AT_ONCE: i64 = 256;

/// About how many entries are held at once. One movement's are held together, however many.
const ENTRIES_AT_ONCE: u64 = 2_048;

/// How many rows one step reads of a chain, or of refunds.
const ROWS_AT_ONCE: i64 = 4_096;

/// Visits what lies in the range. The connection must be in a transaction with one view.
pub(super) fn scan(
    steps: &mut Steps<'_>,
    range: &ScanRange<'_>,
    visit: &mut Visitor<'_>,
) -> Result<JournalPosition, Fault> {
    // The first read fixes the view.
    let last = steps.run(async |link| {
        let row = link.client().query_one(LAST_POSITION, &[]).await?;
        Ok(Columns::new(&row).integer()?)
    })?;
    let mut scan = Scan {
        steps,
        range,
        visit,
        counts: Counts::default(),
    };
    let is_full = range.org.is_none() && range.only.is_none() && range.after.is_none();
    if scan.movements()?.is_continue() && is_full {
        let counts = scan.counts;
        let _stopped = strays::visit(steps, range, counts, last, visit)?;
    }
    Ok(JournalPosition::try_from(last).unwrap_or(0))
}

struct Scan<'a, 's, 'v> {
    steps: &'a mut Steps<'s>,
    range: &'a ScanRange<'a>,
    visit: &'a mut Visitor<'v>,
    counts: Counts,
}

fn parts(key: &MovementKey) -> [&str; 3] {
    [key.org_id(), key.subscription_id(), key.movement_id()]
}

/// A movement's row as it was read.
type Read = (MovementKey, Result<Movement, Damaged>);

/// What belongs to the movements of a group.
#[derive(Default)]
struct Belongings {
    entries: BTreeMap<MovementKey, Vec<Result<JournalRecord, Damaged>>>,
    refunds: HashMap<RefundId, Result<Refund, Damaged>>,
    /// Whom the unique index finds under the external ids of these refunds.
    holders: HashMap<RefundId, RefundId>,
}

impl Scan<'_, '_, '_> {
    fn movements(&mut self) -> Flow {
        let range = self.range;
        if let Some(only) = range.only {
            if !range.includes(only) {
                return GO_ON;
            }
            let page = self.page(ONE_MOVEMENT, parts(only), None)?;
            return self.groups(&page);
        }
        let (sql, mut after) = match (range.org, range.after) {
            // The org's first, or what is behind a key of the org, or of an org before it.
            (Some(org), after) => match after.map(MovementKey::org_id) {
                Some(of) if of > org.as_str() => return GO_ON,
                Some(of) if of == org.as_str() => {
                    (NEXT_MOVEMENTS_OF_ORG, after.map_or([""; 3], parts))
                }
                Some(_) | None => (NEXT_MOVEMENTS_OF_ORG, [org.as_str(), "", ""]),
            },
            (None, after) => (NEXT_MOVEMENTS, after.map_or([""; 3], parts)),
        };
        let mut page;
        let mut owned;
        loop {
            page = self.page(sql, after, Some(MOVEMENTS_AT_ONCE))?;
            visit!(self.groups(&page)?);
            let Some(last) = page.last() else {
                return GO_ON;
            };
            // As it is stored, also where it can't be read as a key.
            owned = rows::parts(last)?;
            after = owned.each_ref().map(String::as_str);
        }
    }

    /// The rows that a statement finds from a key on.
    fn page(
        &mut self,
        sql: &str,
        [org, subscription, movement]: [&str; 3],
        limit: Option<i64>,
    ) -> Result<Vec<Row>, Fault> {
        self.steps.run(async |link| {
            let statement = link.prepare(sql).await?;
            let mut parameters: Parameters<'_> = vec![&org, &subscription, &movement];
            if let Some(limit) = &limit {
                parameters.push(limit);
            }
            Ok(link.client().query(&statement, &parameters).await?)
        })
    }

    /// Visits the movements of a page, group by group.
    fn groups(&mut self, page: &[Row]) -> Flow {
        let mut waiting: VecDeque<Read> = VecDeque::with_capacity(page.len());
        for row in page {
            self.counts.movements = self.counts.movements.saturating_add(1);
            let mut columns = Columns::new(row);
            match columns.key() {
                Ok(key) => waiting.push_back((key.clone(), rows::movement(&mut columns, key))),
                Err(damaged) => visit!(self.invalid(None, &damaged)),
            }
        }
        while !waiting.is_empty() {
            let mut group = Vec::new();
            let mut entries = 0_u64;
            while let Some((key, movement)) = waiting.pop_front() {
                entries = entries.saturating_add(match &movement {
                    Ok(movement) => movement.chain.length,
                    Err(_) => 0,
                });
                group.push((key, movement));
                if entries >= ENTRIES_AT_ONCE {
                    break;
                }
            }
            visit!(self.group(group)?);
        }
        GO_ON
    }

    fn group(&mut self, group: Vec<Read>) -> Flow {
        let mut belongings = Belongings::default();
        if self.range.entries || self.range.refunds {
            for (key, _) in &group {
                belongings.entries.insert(key.clone(), Vec::new());
            }
            self.read_entries(&mut belongings)?;
            if self.range.refunds {
                self.read_refunds(&mut belongings)?;
            }
        }
        for (key, movement) in group {
            match movement {
                Ok(movement) => visit!(self.movement(&key, &movement, &mut belongings)),
                Err(damaged) => visit!(self.invalid(Some(&key), &damaged)),
            }
        }
        GO_ON
    }

    /// Reads the entries of the group's movements, a part of each long chain at a time.
    fn read_entries(&mut self, belongings: &mut Belongings) -> Result<(), Fault> {
        let mut wanted: Vec<(MovementKey, i64)> = belongings
            .entries
            .keys()
            .map(|key| (key.clone(), 0))
            .collect();
        while !wanted.is_empty() {
            let keys: Keys<'_> = wanted.iter().map(|(key, _)| key).collect();
            let behind: Vec<i64> = wanted.iter().map(|(_, behind)| *behind).collect();
            let rows = self.steps.run(async |link| {
                let statement = link.prepare(NEXT_ENTRIES).await?;
                let mut parameters = keys.parameters();
                parameters.push(&behind);
                parameters.push(&ROWS_AT_ONCE);
                Ok(link.client().query(&statement, &parameters).await?)
            })?;
            // How many of each there were, and the sequence of the last.
            let mut read = vec![(0_i64, i64::MAX); wanted.len()];
            for row in &rows {
                let mut columns = Columns::new(row);
                let ordinal = columns.integer()?;
                let (Some((key, _)), Some((count, last))) = (
                    super::load::at(&wanted, ordinal),
                    super::load::at_mut(&mut read, ordinal),
                ) else {
                    continue;
                };
                *count = count.saturating_add(1);
                // An entry whose number can't be is behind all others of its movement.
                *last = rows::sequence(row).unwrap_or(i64::MAX);
                if let Some(entries) = belongings.entries.get_mut(key) {
                    entries.push(columns.record(key));
                }
            }
            wanted = wanted
                .into_iter()
                .zip(read)
                .filter(|(_, (count, _))| *count >= ROWS_AT_ONCE)
                .map(|((key, _), (_, last))| (key, last))
                .collect();
        }
        Ok(())
    }

    /// Reads the refunds that the entries name, and who holds their external ids.
    fn read_refunds(&mut self, belongings: &mut Belongings) -> Result<(), Fault> {
        let mut wanted: BTreeSet<(Id, RefundId)> = BTreeSet::new();
        for (key, entries) in &belongings.entries {
            for record in entries.iter().flatten() {
                wanted.extend(refund_of(&record.entry.bytes).map(|id| (key.org(), id)));
            }
        }
        let wanted: Vec<(Id, RefundId)> = wanted.into_iter().collect();
        let at_once = usize::try_from(ROWS_AT_ONCE).unwrap_or(usize::MAX);
        for part in wanted.chunks(at_once) {
            let orgs: Vec<&str> = part.iter().map(|(org, _)| org.as_str()).collect();
            let ids: Vec<Uuid> = part.iter().map(|(_, id)| Uuid(*id)).collect();
            let rows = self.steps.run(async |link| {
                let statement = link.prepare(LOAD_REFUNDS).await?;
                Ok(link.client().query(&statement, &[&orgs, &ids]).await?)
            })?;
            for row in &rows {
                let mut columns = Columns::new(row);
                let named = super::load::at(part, columns.integer()?);
                if let Some((_, id)) = named {
                    belongings.refunds.insert(*id, rows::refund(&mut columns));
                }
            }
            self.read_holders(part, belongings)?;
        }
        Ok(())
    }

    fn read_holders(
        &mut self,
        part: &[(Id, RefundId)],
        belongings: &mut Belongings,
    ) -> Result<(), Fault> {
        let mut of = Vec::new();
        let mut orgs: Vec<&str> = Vec::new();
        let mut external_ids: Vec<&str> = Vec::new();
        for (org, id) in part {
            if let Some(Ok(refund)) = belongings.refunds.get(id)
                && let Some(external_id) = &refund.details.external_id
            {
                of.push(*id);
                orgs.push(org.as_str());
                external_ids.push(external_id.id().as_str());
            }
        }
        let rows = self.steps.run(async |link| {
            let statement = link.prepare(FIND_HOLDERS).await?;
            Ok(link
                .client()
                .query(&statement, &[&orgs, &external_ids])
                .await?)
        })?;
        for row in &rows {
            let mut columns = Columns::new(row);
            if let Some(id) = super::load::at(&of, columns.integer()?) {
                belongings.holders.insert(*id, columns.refund_id()?);
            }
        }
        Ok(())
    }

    /// Visits a movement and what belongs to it.
    fn movement(
        &mut self,
        key: &MovementKey,
        movement: &Movement,
        belongings: &mut Belongings,
    ) -> ControlFlow<()> {
        (self.visit)(ScanRow::Movement(movement))?;
        let mut ids = BTreeSet::new();
        for record in belongings.entries.remove(key).unwrap_or_default() {
            self.counts.entries = self.counts.entries.saturating_add(1);
            match record {
                Ok(record) => {
                    ids.extend(refund_of(&record.entry.bytes));
                    if self.range.entries {
                        (self.visit)(ScanRow::Entry(&record))?;
                    }
                }
                Err(damaged) => self.invalid(Some(key), &damaged)?,
            }
        }
        if self.range.refunds {
            for id in ids {
                self.refund(id, key, belongings)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn refund(
        &mut self,
        id: RefundId,
        key: &MovementKey,
        belongings: &Belongings,
    ) -> ControlFlow<()> {
        // Whoever compares with the journal sees one that is missing.
        let Some(found) = belongings.refunds.get(&id) else {
            return ControlFlow::Continue(());
        };
        self.counts.refunds = self.counts.refunds.saturating_add(1);
        match found {
            Ok(refund) if refund.movement == *key => (self.visit)(ScanRow::Refund {
                refund,
                holder: belongings.holders.get(&id).copied(),
            }),
            Ok(_) => {
                let what = format!("refund {id}: it is filed under another movement");
                self.invalid(Some(key), &Damaged(what))
            }
            Err(damaged) => self.invalid(Some(key), damaged),
        }
    }

    /// Visits what is damaged.
    fn invalid(
        &mut self,
        movement: Option<&MovementKey>,
        Damaged(reason): &Damaged,
    ) -> ControlFlow<()> {
        (self.visit)(ScanRow::Invalid { movement, reason })
    }
}

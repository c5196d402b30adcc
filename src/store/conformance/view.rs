//! What every case looks with: at one thing, at all that a store holds, and while others write.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Failure;
use super::desk::id;
use super::hosts::CountingHost;
use crate::amount::Values;
use crate::host::Host;
use crate::id::MovementKey;
use crate::journal::{JournalPosition, JournalRecord};
use crate::ledger::Ledger;
use crate::movement::Movement;
use crate::query::{ListAfter, RefundFilter};
use crate::refund::Refund;
use crate::store::{
    Loaded, LoadedRefund, ReadSet, RefundLookup, ScanRange, ScanRow, Store, WriteBatch,
};

/// Loads one movement.
pub(super) fn load_movement(
    store: &dyn Store,
    key: &MovementKey,
) -> Result<Option<Movement>, Failure> {
    let mut wanted = ReadSet::default();
    wanted.want_movement(key.clone());
    match store.load(&wanted)?.movement(key) {
        Loaded::Present(movement) => Ok(Some(movement.clone())),
        Loaded::Absent => Ok(None),
        Loaded::NotLoaded => Err(Failure::new(format!(
            "`load` must put every movement that was asked for into the snapshot, as absent if \
             there is none; movement {key} was left out"
        ))),
    }
}

/// Loads one refund, with past revisions.
pub(super) fn load_refund(
    store: &dyn Store,
    org: &str,
    lookup: &RefundLookup,
    revisions: &[u32],
) -> Result<Option<LoadedRefund>, Failure> {
    let mut wanted = ReadSet::default();
    wanted.want_refund(id(org), lookup.clone(), None);
    for revision in revisions {
        wanted.want_refund(id(org), lookup.clone(), Some(*revision));
    }
    match store.load(&wanted)?.refund(&id(org), lookup) {
        Loaded::Present(found) => Ok(Some(found.clone())),
        Loaded::Absent => Ok(None),
        Loaded::NotLoaded => Err(Failure::new(format!(
            "`load` must put every refund that was asked for into the snapshot, as absent if there \
             is none; {lookup:?} of org {org} was left out"
        ))),
    }
}

/// As [`load_refund`], for a refund that must be there.
pub(super) fn present_refund(
    store: &dyn Store,
    org: &str,
    lookup: &RefundLookup,
    revisions: &[u32],
) -> Result<LoadedRefund, Failure> {
    load_refund(store, org, lookup, revisions)?.ok_or_else(|| {
        Failure::new(format!(
            "{lookup:?} of org {org} was committed; `load` must find it"
        ))
    })
}

/// What a scan visited.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Row {
    Movement(Movement),
    Entry(JournalRecord),
    Refund(Refund, Option<crate::RefundId>),
    Invalid(String),
}

impl From<ScanRow<'_>> for Row {
    fn from(row: ScanRow<'_>) -> Self {
        match row {
            ScanRow::Movement(movement) => Self::Movement(movement.clone()),
            ScanRow::Entry(record) => Self::Entry(record.clone()),
            ScanRow::Refund { refund, holder } => Self::Refund(refund.clone(), holder),
            ScanRow::Invalid { reason, .. } => Self::Invalid(reason.to_owned()),
        }
    }
}

pub(super) const EVERYTHING: ScanRange<'static> = ScanRange {
    org: None,
    only: None,
    after: None,
    entries: true,
    refunds: true,
};

/// Everything that a scan of a range visits, with the position that it answers.
pub(super) fn scanned(
    store: &dyn Store,
    range: &ScanRange<'_>,
) -> Result<(Vec<Row>, JournalPosition), Failure> {
    let mut rows = Vec::new();
    let position = store.scan(range, &mut |row| {
        rows.push(Row::from(row));
        ControlFlow::Continue(())
    })?;
    Ok((rows, position))
}

/// The whole journal, by pages of this size.
pub(super) fn paged_journal(
    store: &dyn Store,
    limit: usize,
) -> Result<Vec<JournalRecord>, Failure> {
    let mut all: Vec<JournalRecord> = Vec::new();
    loop {
        let after = all.last().map_or(0, |record| record.position);
        let page = store.journal(after, limit)?;
        ensure!(
            page.len() <= limit,
            "`journal` was asked for at most {limit} entries; it gave {}",
            page.len()
        );
        if page.is_empty() {
            return Ok(all);
        }
        for record in page {
            let last = all.last().map_or(0, |record| record.position);
            ensure!(
                record.position > last,
                "`journal` after position {after} must give entries in ascending order of \
                 position, each above {after}; position {} came behind {last}",
                record.position
            );
            all.push(record);
        }
    }
}

/// A whole list, by pages of this size.
pub(super) fn paged_list(
    store: &dyn Store,
    filter: &RefundFilter,
    limit: usize,
) -> Result<Vec<Refund>, Failure> {
    let mut all: Vec<Refund> = Vec::new();
    loop {
        let after = all.last().map(ListAfter::from);
        let page = store.list_refunds(filter, after, limit)?;
        ensure!(
            page.items.len() <= limit,
            "`list_refunds` was asked for at most {limit} refunds; it gave {}",
            page.items.len()
        );
        ensure!(
            !page.more || page.items.len() == limit,
            "`list_refunds` said that there are more, though its page has {} of {limit} refunds",
            page.items.len()
        );
        for refund in page.items {
            let last = all.last().map(ListAfter::from);
            ensure!(
                last < Some(ListAfter::from(&refund)),
                "`list_refunds` must be ordered by `refund_datetime`, then id, and go on right \
                 behind `after`; {:?} came behind {last:?}",
                ListAfter::from(&refund)
            );
            all.push(refund);
        }
        if !page.more {
            return Ok(all);
        }
    }
}

/// All that a store holds, as its every reading method tells it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Contents {
    pub(super) rows: Vec<Row>,
    pub(super) position: JournalPosition,
    pub(super) journal: Vec<JournalRecord>,
    pub(super) listed: Vec<Refund>,
}

impl Contents {
    pub(super) fn of(store: &dyn Store) -> Result<Self, Failure> {
        let (rows, position) = scanned(store, &EVERYTHING)?;
        let filter = RefundFilter {
            include_deleted: true,
            ..RefundFilter::default()
        };
        Ok(Self {
            rows,
            position,
            journal: paged_journal(store, 500)?,
            listed: paged_list(store, &filter, 500)?,
        })
    }

    /// Fails unless the store still holds exactly this.
    pub(super) fn unchanged(&self, store: &dyn Store, because: &str) -> Result<(), Failure> {
        let now = Self::of(store)?;
        equal_lists!(
            now.rows,
            self.rows,
            "{because}: what a scan visits must not change"
        );
        equal_lists!(
            now.journal,
            self.journal,
            "{because}: the journal must not change"
        );
        equal_lists!(
            now.listed,
            self.listed,
            "{because}: the list of refunds must not change"
        );
        equal!(
            now.position,
            self.position,
            "{because}: the last position must not change"
        );
        Ok(())
    }

    pub(super) fn refunds(&self) -> impl Iterator<Item = &Refund> {
        self.rows.iter().filter_map(|row| match row {
            Row::Refund(refund, _) => Some(refund),
            _ => None,
        })
    }

    pub(super) fn movements(&self) -> impl Iterator<Item = &Movement> {
        self.rows.iter().filter_map(|row| match row {
            Row::Movement(movement) => Some(movement),
            _ => None,
        })
    }
}

/// Fails unless the store holds the rows of a batch, and the batch's entries stand at the end of
/// its journal.
pub(super) fn holds(store: &dyn Store, batch: &WriteBatch) -> Result<(), Failure> {
    for movement in &batch.movements {
        equal!(
            load_movement(store, &movement.key)?.as_ref(),
            Some(movement),
            "`load` must give back the movement as it was committed"
        );
    }
    for write in &batch.refunds {
        let refund = write.refund();
        let org = refund.movement.org_id();
        let lookup = RefundLookup::Id(refund.id);
        equal!(
            present_refund(store, org, &lookup, &[])?.refund,
            *refund,
            "`load` must give back the refund as it was committed"
        );
    }
    let journal = paged_journal(store, 500)?;
    let skipped = journal.len().saturating_sub(batch.entries.len());
    let last: Vec<_> = journal
        .into_iter()
        .skip(skipped)
        .map(|record| record.entry)
        .collect();
    if batch.erasures.is_empty() {
        equal_lists!(
            last,
            batch.entries,
            "the journal must end with the entries of the batch, in its order, byte for byte"
        );
    }
    Ok(())
}

/// Fails unless a ledger over the store verifies.
pub(super) fn verifies(store: &Arc<dyn Store>) -> Result<(), Failure> {
    let host: Arc<dyn Host> = Arc::new(CountingHost::new(0));
    let report = Ledger::new(Arc::clone(store), host).verify(None)?;
    ensure!(
        report.is_valid(),
        "what the store holds must verify; it is `{}`: {:?}",
        report.verdict.as_str(),
        report.findings
    );
    Ok(())
}

/// The sums of a movement's live refunds.
pub(super) fn refunded(store: &dyn Store, key: &MovementKey) -> Result<(Values, u32), Failure> {
    let movement = load_movement(store, key)?
        .ok_or_else(|| Failure::new(format!("movement {key} was recorded; `load` must find it")))?;
    Ok((movement.refunded.values, movement.refunded.count))
}

/// A flag that is raised whatever ends its holder's work.
struct RaisedAtEnd<'a>(&'a AtomicUsize);

impl Drop for RaisedAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(usize::MAX, Ordering::Release);
    }
}

/// Looks at a store again and again while each writer writes this many times, none of them far
/// ahead of the looks, so that they do overlap; and once more when all is written.
pub(super) fn while_others_write(
    times: usize,
    writers: &[&(dyn Fn(usize) -> Result<(), Failure> + Sync)],
    mut look: impl FnMut() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let looks = AtomicUsize::new(0);
    let done: Vec<AtomicUsize> = writers.iter().map(|_| AtomicUsize::new(0)).collect();
    std::thread::scope(|scope| {
        let writing: Vec<_> = writers
            .iter()
            .zip(&done)
            .map(|(write, done)| {
                let looks = &looks;
                scope.spawn(move || {
                    let _done = RaisedAtEnd(done);
                    (0..times).try_for_each(|at| {
                        while looks.load(Ordering::Acquire) < at / 4 {
                            std::thread::yield_now();
                        }
                        write(at)
                    })
                })
            })
            .collect();
        let looked = {
            let _looking = RaisedAtEnd(&looks);
            loop {
                let finished = done
                    .iter()
                    .all(|done| done.load(Ordering::Acquire) == usize::MAX);
                let looked = look();
                if finished || looked.is_err() {
                    break looked;
                }
                looks.fetch_add(1, Ordering::AcqRel);
            }
        };
        for writer in writing {
            writer
                .join()
                .map_err(|_| Failure::new("a writer panicked"))??;
        }
        looked
    })
}

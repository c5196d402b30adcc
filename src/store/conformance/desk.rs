//! What every case works with: short ways to make commands, to plan and commit them on a store,
//! and to look at all that a store holds.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::hosts::CountingHost;
use super::{Failure, Fixture};
use crate::amount::{AmountRequest, Tax, Values};
use crate::command::{Command, Operation, Repeats};
use crate::decide::{Context, Minted, Receipt, decide_all};
use crate::error::LedgerError;
use crate::host::Host;
use crate::id::{Id, MovementKey};
use crate::journal::{JournalPosition, JournalRecord};
use crate::ledger::Ledger;
use crate::movement::{Movement, MovementRequest};
use crate::policy::Policy;
use crate::query::{ListAfter, RefundFilter};
use crate::refund::{Refund, RefundContent, RefundKind};
use crate::store::{
    Loaded, LoadedRefund, ReadSet, RefundLookup, ScanRange, ScanRow, Snapshot, Store, WriteBatch,
};
use crate::text::Text;
use crate::time::{Period, Timestamp};

/// Dates are the cases' own affair.
pub(super) const ANY_DATE: Policy = Policy {
    allow_refund_before_movement: true,
    future_skew_max: None,
    window_max: None,
    live_refunds_max: None,
};

/// A store with a host, to write through.
pub(super) struct Desk {
    pub(super) store: Arc<dyn Store>,
    host: Arc<CountingHost>,
}

impl Desk {
    /// A desk over a new handle.
    pub(super) fn new(fixture: &dyn Fixture) -> Self {
        Self::numbered(fixture, 1)
    }

    /// As [`Desk::new`]; desks of different numbers never make the same ids.
    pub(super) fn numbered(fixture: &dyn Fixture, number: u16) -> Self {
        Self {
            store: fixture.handle(),
            host: Arc::new(CountingHost::new(number)),
        }
    }

    /// A ledger over the desk's store.
    pub(super) fn ledger(&self) -> Ledger {
        self.ledger_over(Arc::clone(&self.store))
    }

    /// A ledger over another store (a wrapper of the desk's, say) with the desk's host.
    pub(super) fn ledger_over(&self, store: Arc<dyn Store>) -> Ledger {
        Ledger::new(store, Arc::clone(&self.host) as Arc<dyn Host>).with_policy(ANY_DATE)
    }

    /// What the commands come to on what the store holds now, without writing it.
    pub(super) fn decide(
        &self,
        commands: &[Command],
    ) -> Result<(Vec<Result<Receipt, LedgerError>>, WriteBatch), Failure> {
        let snapshot = self.store.load(&read_set(commands))?;
        Ok(self.decide_on(commands, snapshot))
    }

    /// As [`Desk::decide`], on a snapshot.
    pub(super) fn decide_on(
        &self,
        commands: &[Command],
        snapshot: Snapshot,
    ) -> (Vec<Result<Receipt, LedgerError>>, WriteBatch) {
        let actor = Id::new("suite").expect("a valid id");
        let context = Context {
            now: self.host.now(),
            actor: &actor,
            policy: &ANY_DATE,
            repeats: Repeats::AsRequests,
        };
        let planned: Vec<(&Command, Minted)> = commands
            .iter()
            .map(|command| (command, self.host.mint_next()))
            .collect();
        decide_all(planned, snapshot, &context)
    }

    /// A batch of commands none of which is refused.
    pub(super) fn plan(&self, commands: &[Command]) -> Result<WriteBatch, Failure> {
        let (results, batch) = self.decide(commands)?;
        for result in results {
            result?;
        }
        Ok(batch)
    }

    /// Plans the commands and commits them; answers with the batch.
    pub(super) fn book(&self, commands: &[Command]) -> Result<WriteBatch, Failure> {
        let batch = self.plan(commands)?;
        self.store.commit(&batch)?;
        Ok(batch)
    }
}

/// What the decisions on these commands read.
pub(super) fn read_set(commands: &[Command]) -> ReadSet {
    let mut wanted = ReadSet::default();
    for command in commands {
        command.read_set(Repeats::AsRequests, &mut wanted);
    }
    wanted
}

pub(super) fn id(text: &str) -> Id {
    Id::new(text).expect("a valid id")
}

pub(super) fn text(text: &str) -> Text {
    Text::new(text).expect("a valid text")
}

pub(super) fn time(text: &str) -> Timestamp {
    text.parse().expect("a valid instant")
}

/// A movement of the org `acme` and the subscription `sub`.
pub(super) fn movement(id: &str) -> MovementKey {
    movement_of("acme", id)
}

/// A movement of an org's subscription `sub`.
pub(super) fn movement_of(org: &str, id: &str) -> MovementKey {
    MovementKey::new(org, "sub", id).expect("a valid key")
}

/// An amount of this many cents, with and without taxes.
pub(super) fn cents(cents: i64) -> AmountRequest {
    minor(cents, "EUR")
}

/// An amount of this many minor units of a currency, with and without taxes.
pub(super) fn minor(minor: i64, currency: &str) -> AmountRequest {
    let currency = currency.parse().expect("a currency");
    let decimal = crate::minor_to_decimal(minor.into(), currency);
    let value = crate::DecimalValue::from_exact(&decimal).expect("an exact value");
    AmountRequest::new(Some(value), None).expect("a valid amount")
}

/// An amount from its values as text, taxed.
pub(super) fn taxed(with: &str, without: &str, kind: &str, percentage: &str) -> AmountRequest {
    let value = |text: &str| Some(text.parse().expect("a decimal"));
    let tax = Tax::new(kind, percentage.parse().expect("a percentage")).expect("a valid tax");
    AmountRequest::new(value(with), value(without))
        .expect("a valid amount")
        .with_tax(tax)
}

fn command(movement: &MovementKey, operation: Operation) -> Command {
    Command {
        movement: movement.clone(),
        operation,
    }
}

/// A movement of 1,000.00 EUR, untaxed.
pub(super) fn charge() -> MovementRequest {
    MovementRequest {
        currency: "EUR".parse().expect("a currency"),
        occurred_at: time("2023-12-01T00:00:00Z"),
        amount: cents(100_000),
        description: text("a movement"),
    }
}

pub(super) fn record(movement: &MovementKey) -> Command {
    record_as(movement, charge())
}

pub(super) fn record_as(movement: &MovementKey, request: MovementRequest) -> Command {
    command(movement, Operation::RecordMovement(request))
}

pub(super) fn void(movement: &MovementKey) -> Command {
    command(movement, Operation::VoidMovement)
}

/// A standard refund of 1.00 EUR, its options unset.
pub(super) fn standard(external_id: &str) -> RefundContent {
    RefundContent {
        kind: RefundKind::Standard,
        refund_datetime: time("2024-01-15T12:00:00Z"),
        period: Period::default(),
        amount: cents(100),
        billable: false,
        external_invoice_id: None,
        external_refund_unique_id: Some(id(external_id)),
        description: text("a refund"),
    }
}

/// A refund of products of 1.00 EUR, its options unset.
pub(super) fn products(external_id: Option<&str>) -> RefundContent {
    RefundContent {
        kind: RefundKind::NonSubscribable {
            transaction_type_id: id("type-1"),
        },
        external_refund_unique_id: external_id.map(id),
        ..standard("unused")
    }
}

pub(super) fn create(movement: &MovementKey, content: RefundContent) -> Command {
    command(
        movement,
        Operation::CreateRefund {
            content,
            idempotency_key: None,
        },
    )
}

/// A refund of products that an idempotency key makes unique.
pub(super) fn create_keyed(movement: &MovementKey, key: &str) -> Command {
    command(
        movement,
        Operation::CreateRefund {
            content: products(None),
            idempotency_key: Some(id(key)),
        },
    )
}

pub(super) fn update(
    movement: &MovementKey,
    refund: RefundLookup,
    content: RefundContent,
) -> Command {
    command(
        movement,
        Operation::UpdateRefund {
            refund,
            expected_revision: None,
            content,
        },
    )
}

pub(super) fn delete(movement: &MovementKey, refund: RefundLookup) -> Command {
    command(
        movement,
        Operation::DeleteRefund {
            refund,
            expected_revision: None,
        },
    )
}

pub(super) fn erase(movement: &MovementKey, refund: Option<RefundLookup>) -> Command {
    command(
        movement,
        Operation::EraseText {
            refund,
            expected_revision: None,
        },
    )
}

pub(super) fn named(external_id: &str) -> RefundLookup {
    RefundLookup::ExternalId(id(external_id))
}

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

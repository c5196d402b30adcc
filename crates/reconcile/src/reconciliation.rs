//! Both sides, as they arrive.

use std::collections::BTreeMap;

use hashbrown::DefaultHashBuilder;
use refund_ledger::{Currency, Id, Refund, RefundId, Timestamp};
use thiserror::Error;

use crate::line::{Item, Source, StatementLine};
use crate::matching::{ExternalIdTwice, Found, Matching};
use crate::parts::{self, Part, Parts, Row};
use crate::period::Period;
use crate::report::{Break, Reason, Report, StatementCounts};

/// How a statement is reconciled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReconcileOptions {
    /// What is reconciled, and how far dates may be apart.
    pub period: Period,
    /// A difference of at most so many minor units, between a refund and its lines or between the two sums
    /// of an invoice, is no break.
    pub tolerance_minor: u64,
    /// Whether to look for lines and refunds that might belong together.
    pub propose: bool,
}

/// A refund as the ledger has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerRefund<'a> {
    /// Its id.
    pub id: RefundId,
    /// Its external id or idempotency key: what keys of statements name.
    pub external_id: Option<&'a str>,
    /// Its invoice.
    pub invoice: Option<&'a str>,
    /// Its currency.
    pub currency: Currency,
    /// Its value with taxes, in minor units.
    pub minor: i64,
    /// Its `refund_datetime`.
    pub date: Timestamp,
    /// Whether it was deleted.
    pub deleted: bool,
}

impl<'a> From<&'a Refund> for LedgerRefund<'a> {
    fn from(refund: &'a Refund) -> Self {
        let details = &refund.details;
        Self {
            id: refund.id,
            external_id: details.external_id.as_ref().map(|id| id.id().as_str()),
            invoice: details.external_invoice_id.as_ref().map(Id::as_str),
            currency: details.amount.currency(),
            minor: details.amount.values().with,
            date: details.refund_datetime,
            deleted: refund.deleted,
        }
    }
}

/// Why two sides can't be reconciled at all.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReconcileError {
    /// Two refunds have one external id: they are of several orgs.
    #[error(
        "two refunds have the external id `{external_id}`, {first} and {second}: reconcile one org at a time"
    )]
    ExternalIdTwice {
        /// The id.
        external_id: String,
        /// The one that came first.
        first: RefundId,
        /// The other.
        second: RefundId,
    },
    /// One of the provider's references stands for two external ids.
    #[error("the reference `{reference}` stands for two external ids, `{first}` and `{second}`")]
    ReferenceTwice {
        /// The provider's reference.
        reference: String,
        /// What it stood for at first.
        first: String,
        /// The other.
        second: String,
    },
    /// More than this can hold.
    #[error("there are more than 2^32 lines, refunds or references; reconcile a shorter period")]
    TooMany,
}

/// Takes both sides, in any order, and then tells what does not agree.
///
/// It keeps what lies in the period and near it: about 50 bytes for a line, 70 for a refund, and
/// their references.
#[derive(Debug)]
pub struct Reconciliation {
    source: Source,
    options: ReconcileOptions,
    statement: StatementSide,
    ledger: LedgerSide,
}

/// What a statement holds, as it arrives.
#[derive(Debug)]
pub struct StatementSide {
    /// The period with its window: lines outside are counted and not kept.
    around: Period,
    external_ids: BTreeMap<Box<str>, Box<str>>,
    lines: Parts<parts::Line>,
    counts: StatementCounts,
    unreadable: Vec<Break>,
}

/// What a ledger holds, as it arrives.
#[derive(Debug)]
pub struct LedgerSide {
    /// The period with its window: refunds outside are not kept.
    around: Period,
    refunds: Parts<parts::Refund>,
}

impl Reconciliation {
    /// Nothing yet.
    pub fn new(source: Source, options: ReconcileOptions) -> Self {
        let hasher = DefaultHashBuilder::default();
        let around = options.period.widened();
        Self {
            source,
            options,
            statement: StatementSide {
                around,
                external_ids: BTreeMap::new(),
                lines: Parts::new(hasher.clone()),
                counts: StatementCounts::default(),
                unreadable: Vec::new(),
            },
            ledger: LedgerSide {
                around,
                refunds: Parts::new(hasher),
            },
        }
    }

    /// Says which external id a reference of the provider stands for, in the lines that follow.
    ///
    /// # Errors
    /// Where the reference stands for another one already.
    pub fn reference(&mut self, reference: &str, external_id: &str) -> Result<(), ReconcileError> {
        let external_ids = &mut self.statement.external_ids;
        match external_ids.get(reference) {
            Some(first) if **first != *external_id => Err(ReconcileError::ReferenceTwice {
                reference: reference.into(),
                first: first.to_string(),
                second: external_id.into(),
            }),
            _ => {
                external_ids.insert(reference.into(), external_id.into());
                Ok(())
            }
        }
    }

    /// Adds what a statement holds next.
    ///
    /// # Errors
    /// Where there is too much.
    pub fn item(&mut self, item: Item<'_>) -> Result<(), ReconcileError> {
        self.statement.item(item)
    }

    /// Adds a refund of the ledger, live or deleted.
    ///
    /// # Errors
    /// Where there is too much.
    pub fn refund(&mut self, refund: &LedgerRefund<'_>) -> Result<(), ReconcileError> {
        self.ledger.refund(refund)
    }

    /// Both sides, so that each can be read by a thread of its own.
    ///
    /// ```
    /// use refund_reconcile::{Item, ReconcileOptions, Reconciliation, Source};
    ///
    /// let mut both = Reconciliation::new(Source::Csv, ReconcileOptions::default());
    /// let (statement, ledger) = both.sides();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(move || { /* each refund goes to `ledger.refund` */ drop(ledger) });
    ///     statement.item(Item::Ignored("payout"))
    /// })?;
    /// assert_eq!(both.finish()?.statement.lines, 1);
    /// # Ok::<(), refund_reconcile::ReconcileError>(())
    /// ```
    pub fn sides(&mut self) -> (&mut StatementSide, &mut LedgerSide) {
        (&mut self.statement, &mut self.ledger)
    }

    /// Tells what agrees, and what does not.
    ///
    /// # Errors
    /// Where two refunds have one external id.
    pub fn finish(self) -> Result<Report, ReconcileError> {
        let options = self.options;
        let mut found = Found::default();
        let (lines, refunds) = by_key(
            options,
            self.statement.lines,
            self.ledger.refunds,
            &mut found,
        )?;
        let (lines, refunds) = by_invoice(options, lines, refunds, &mut found)?;
        let mut rest = Matching::new(options, &lines, &refunds, &mut found);
        let proposals = if options.propose {
            rest.proposals()
        } else {
            Vec::new()
        };
        rest.missing();
        found.finish();
        let mut breaks = found.breaks;
        breaks.extend(self.statement.unreadable);
        breaks.sort_unstable_by(in_report_order);
        Ok(Report {
            source: self.source,
            statement: self.statement.counts,
            matched: found.matched,
            breaks,
            proposals,
            totals: found.totals,
        })
    }
}

impl StatementSide {
    /// Adds what a statement holds next.
    ///
    /// # Errors
    /// Where there is too much.
    pub fn item(&mut self, item: Item<'_>) -> Result<(), ReconcileError> {
        self.counts.lines = self.counts.lines.saturating_add(1);
        match item {
            Item::Refund(line) => {
                self.counts.refund_lines = self.counts.refund_lines.saturating_add(1);
                self.line(&line)
            }
            Item::Ignored(kind) => {
                match self.counts.ignored.get_mut(kind) {
                    Some(count) => *count = count.saturating_add(1),
                    None => {
                        self.counts.ignored.insert(kind.into(), 1);
                    }
                }
                Ok(())
            }
            Item::Unreadable { line, reason } => {
                self.unreadable.push(Break {
                    reason: Reason::UnreadableLine,
                    line: Some(line),
                    statement_date: None,
                    key: None,
                    refund_id: None,
                    ledger_date: None,
                    sides: None,
                    pair: None,
                    message: Some(reason.into()),
                });
                Ok(())
            }
        }
    }

    fn line(&mut self, line: &StatementLine<'_>) -> Result<(), ReconcileError> {
        if !self.around.contains(line.date) {
            return Ok(());
        }
        let external_id = line.key.and_then(|key| self.external_ids.get(key));
        let key = external_id.map(AsRef::as_ref).or(line.key);
        let own = parts::Line { number: line.line };
        let row = Row::new(own, line.minor, line.date, line.currency);
        self.lines.add(key, row, key, line.invoice)
    }
}

impl LedgerSide {
    /// Adds a refund of the ledger, live or deleted.
    ///
    /// # Errors
    /// Where there is too much.
    pub fn refund(&mut self, refund: &LedgerRefund<'_>) -> Result<(), ReconcileError> {
        if !self.around.contains(refund.date) {
            return Ok(());
        }
        let own = parts::Refund {
            id: refund.id,
            deleted: refund.deleted,
        };
        let row = Row::new(own, refund.minor, refund.date, refund.currency);
        let key = refund.external_id;
        self.refunds.add(key, row, key, refund.invoice)
    }
}

/// Pass 1. What it leaves is in parts by invoice.
fn by_key(
    options: ReconcileOptions,
    lines: Parts<parts::Line>,
    refunds: Parts<parts::Refund>,
    found: &mut Found,
) -> Result<(Parts<parts::Line>, Parts<parts::Refund>), ReconcileError> {
    let mut lines_left = Parts::new(lines.hasher());
    let mut refunds_left = Parts::new(refunds.hasher());
    let mut twice: Option<ExternalIdTwice> = None;
    for (lines, refunds) in lines.into_iter().zip(refunds) {
        let mut matching = Matching::new(options, &lines, &refunds, found);
        match matching.by_key() {
            Ok(()) => matching.hand_on(
                |row, key, invoice| lines_left.add(invoice, row, key, invoice),
                |row, key, invoice| refunds_left.add(invoice, row, key, invoice),
            )?,
            // Which of several is told must not depend on the part that it is in.
            Err(other) => twice = twice.into_iter().chain([other]).min(),
        }
    }
    match twice {
        Some(twice) => Err(twice.into()),
        None => Ok((lines_left, refunds_left)),
    }
}

/// Passes 2 and 3. What they leave is together.
fn by_invoice(
    options: ReconcileOptions,
    lines: Parts<parts::Line>,
    refunds: Parts<parts::Refund>,
    found: &mut Found,
) -> Result<(Part<parts::Line>, Part<parts::Refund>), ReconcileError> {
    let (mut lines_left, mut refunds_left) = (Part::default(), Part::default());
    for (lines, refunds) in lines.into_iter().zip(refunds) {
        let mut matching = Matching::new(options, &lines, &refunds, found);
        matching.by_invoice();
        matching.hand_on(
            |row, key, _| lines_left.add(row, key, None),
            |row, key, _| refunds_left.add(row, key, None),
        )?;
    }
    Ok((lines_left, refunds_left))
}

/// By reason, the largest difference first; then by what does not depend on the order of lines.
fn in_report_order(one: &Break, other: &Break) -> std::cmp::Ordering {
    let difference = |found: &Break| {
        found
            .sides
            .map(|sides| sides.difference_minor().unsigned_abs())
    };
    let currency = |found: &Break| found.sides.map(|sides| sides.currency);
    // What was given and what came back may be as large.
    let amounts = |found: &Break| {
        found
            .sides
            .map(|sides| (sides.statement_minor, sides.ledger_minor))
    };
    one.reason
        .cmp(&other.reason)
        .then_with(|| one.pair.cmp(&other.pair))
        .then_with(|| difference(other).cmp(&difference(one)))
        .then_with(|| currency(one).cmp(&currency(other)))
        .then_with(|| one.key.cmp(&other.key))
        .then_with(|| one.refund_id.cmp(&other.refund_id))
        .then_with(|| one.statement_date.cmp(&other.statement_date))
        .then_with(|| amounts(one).cmp(&amounts(other)))
        .then_with(|| one.line.cmp(&other.line))
        .then_with(|| one.message.cmp(&other.message))
}

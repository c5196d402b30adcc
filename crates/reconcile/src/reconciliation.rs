//! Both sides, as they arrive.

use std::collections::BTreeMap;

use refund_ledger::{Currency, Id, Refund, RefundId, Timestamp};
use thiserror::Error;

use crate::line::{Item, Source, StatementLine};
use crate::matching::Matching;
use crate::period::Period;
use crate::report::{Break, Reason, Report, StatementCounts};
use crate::texts::{TextId, Texts};

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

/// A line, without the texts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineRow {
    pub(crate) line: u64,
    pub(crate) minor: i64,
    pub(crate) date: Timestamp,
    pub(crate) currency: Currency,
    pub(crate) key: Option<TextId>,
    pub(crate) invoice: Option<TextId>,
}

/// A refund, without the texts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefundRow {
    pub(crate) id: RefundId,
    pub(crate) minor: i64,
    pub(crate) date: Timestamp,
    pub(crate) currency: Currency,
    pub(crate) external_id: Option<TextId>,
    pub(crate) invoice: Option<TextId>,
    pub(crate) deleted: bool,
}

/// Takes both sides, in any order, and then tells what does not agree.
///
/// It keeps what lies in the period and near it: about 70 bytes for a line, 80 for a refund, and
/// their references.
#[derive(Debug)]
pub struct Reconciliation {
    source: Source,
    options: ReconcileOptions,
    texts: Texts,
    external_ids: BTreeMap<Box<str>, Box<str>>,
    lines: Vec<LineRow>,
    refunds: Vec<RefundRow>,
    counts: StatementCounts,
    unreadable: Vec<Break>,
}

impl Reconciliation {
    /// Nothing yet.
    pub fn new(source: Source, options: ReconcileOptions) -> Self {
        Self {
            source,
            options,
            texts: Texts::default(),
            external_ids: BTreeMap::new(),
            lines: Vec::new(),
            refunds: Vec::new(),
            counts: StatementCounts::default(),
            unreadable: Vec::new(),
        }
    }

    /// Says which external id a reference of the provider stands for, in the lines that follow.
    ///
    /// # Errors
    /// Where the reference stands for another one already.
    pub fn reference(&mut self, reference: &str, external_id: &str) -> Result<(), ReconcileError> {
        match self.external_ids.get(reference) {
            Some(first) if **first != *external_id => Err(ReconcileError::ReferenceTwice {
                reference: reference.into(),
                first: first.to_string(),
                second: external_id.into(),
            }),
            _ => {
                self.external_ids
                    .insert(reference.into(), external_id.into());
                Ok(())
            }
        }
    }

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
        if !self.options.period.is_near(line.date) {
            return Ok(());
        }
        let external_id = line.key.and_then(|key| self.external_ids.get(key));
        let key = external_id.map(AsRef::as_ref).or(line.key);
        self.lines.push(LineRow {
            line: line.line,
            minor: line.minor,
            date: line.date,
            currency: line.currency,
            key: text(&mut self.texts, key)?,
            invoice: text(&mut self.texts, line.invoice)?,
        });
        Ok(())
    }

    /// Adds a refund of the ledger, live or deleted.
    ///
    /// # Errors
    /// Where there is too much.
    pub fn refund(&mut self, refund: &LedgerRefund<'_>) -> Result<(), ReconcileError> {
        if !self.options.period.is_near(refund.date) {
            return Ok(());
        }
        self.refunds.push(RefundRow {
            id: refund.id,
            minor: refund.minor,
            date: refund.date,
            currency: refund.currency,
            external_id: text(&mut self.texts, refund.external_id)?,
            invoice: text(&mut self.texts, refund.invoice)?,
            deleted: refund.deleted,
        });
        Ok(())
    }

    /// Tells what agrees, and what does not.
    ///
    /// # Errors
    /// Where two refunds have one external id.
    pub fn finish(mut self) -> Result<Report, ReconcileError> {
        let unified = self.texts.unify();
        let one = |text: Option<TextId>| text.map(|id| unified.one(id));
        for line in &mut self.lines {
            (line.key, line.invoice) = (one(line.key), one(line.invoice));
        }
        for refund in &mut self.refunds {
            refund.external_id = one(refund.external_id);
            refund.invoice = one(refund.invoice);
        }
        let (lines, refunds) = (&self.lines, &self.refunds);
        let mut matching = Matching::new(self.options, &self.texts, &unified, lines, refunds)?;
        matching.by_key();
        matching.by_invoice_and_amount();
        matching.by_invoice();
        let proposals = if self.options.propose {
            matching.proposals()
        } else {
            Vec::new()
        };
        matching.missing();
        let found = matching.finish();
        let mut breaks = found.breaks;
        breaks.extend(self.unreadable);
        breaks.sort_by(in_report_order);
        Ok(Report {
            source: self.source,
            statement: self.counts,
            matched: found.matched,
            breaks,
            proposals,
            totals: found.totals,
        })
    }
}

fn text(texts: &mut Texts, text: Option<&str>) -> Result<Option<TextId>, ReconcileError> {
    text.map(|text| texts.add(text).ok_or(ReconcileError::TooMany))
        .transpose()
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
}

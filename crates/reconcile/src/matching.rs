//! Which line belongs to which refund: the passes, most certain first. What one pass has claimed,
//! no later one sees.

mod by_invoice;
mod by_key;
mod proposals;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use refund_ledger::{Currency, Timestamp};

use crate::period::Period;
use crate::reconciliation::{LineRow, ReconcileError, ReconcileOptions, RefundRow};
use crate::report::{Break, Reason, Sides, Totals};
use crate::texts::{TextId, Texts, Unified};

/// The two sides, and what was found so far.
pub(crate) struct Matching<'a> {
    options: ReconcileOptions,
    texts: &'a Texts,
    unified: &'a Unified,
    lines: &'a [LineRow],
    refunds: &'a [RefundRow],
    /// The refund that holds an external id, by the text's index.
    holders: Vec<Option<u32>>,
    /// Which lines and refunds are claimed.
    claimed_lines: Vec<bool>,
    claimed_refunds: Vec<bool>,
    found: Found,
    mismatched_currencies: Vec<CurrencyMismatch>,
}

/// What a report is made of.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) matched: u64,
    pub(crate) breaks: Vec<Break>,
    pub(crate) totals: BTreeMap<Currency, Totals>,
}

/// A refund whose line is in another currency.
#[derive(Debug)]
struct CurrencyMismatch {
    in_statement: Break,
    in_ledger: Break,
}

impl CurrencyMismatch {
    /// The larger of its two differences.
    fn size(&self) -> u128 {
        let sides = [&self.in_statement, &self.in_ledger];
        let differences = sides.into_iter().filter_map(|side| side.sides);
        let sizes = differences.map(|sides| sides.difference_minor().unsigned_abs());
        sizes.max().unwrap_or(0)
    }
}

/// Lines of one currency that are about one thing.
struct Group<'a> {
    lines: &'a [u32],
    currency: Currency,
    sum: i128,
}

impl<'a> Matching<'a> {
    /// The texts of both sides are unified: equal ones have one id.
    pub(crate) fn new(
        options: ReconcileOptions,
        texts: &'a Texts,
        unified: &'a Unified,
        lines: &'a [LineRow],
        refunds: &'a [RefundRow],
    ) -> Result<Self, ReconcileError> {
        if u32::try_from(lines.len().max(refunds.len())).is_err() {
            return Err(ReconcileError::TooMany);
        }
        let mut holders = vec![None; unified.len()];
        for (at, refund) in (0_u32..).zip(refunds) {
            let Some(external_id) = refund.external_id else {
                continue;
            };
            let Some(holder) = holders.get_mut(unified.index(external_id)) else {
                continue;
            };
            if let Some(first) = holder.replace(at).and_then(|first| row(refunds, first)) {
                let mut ids = [first.id, refund.id];
                ids.sort_unstable();
                let [first, second] = ids;
                return Err(ReconcileError::ExternalIdTwice {
                    external_id: texts.get(external_id).into(),
                    first,
                    second,
                });
            }
        }
        Ok(Self {
            options,
            texts,
            unified,
            lines,
            refunds,
            holders,
            claimed_lines: vec![false; lines.len()],
            claimed_refunds: vec![false; refunds.len()],
            found: Found::default(),
            mismatched_currencies: Vec::new(),
        })
    }

    fn period(&self) -> &Period {
        &self.options.period
    }

    fn line(&self, at: u32) -> Option<&'a LineRow> {
        row(self.lines, at)
    }

    fn refund(&self, at: u32) -> Option<&'a RefundRow> {
        row(self.refunds, at)
    }

    /// These lines, where they are there, which they are.
    fn rows<'b>(&self, lines: &'b [u32]) -> impl Iterator<Item = &'a LineRow> + use<'a, 'b> {
        let all = self.lines;
        lines.iter().filter_map(move |at| row(all, *at))
    }

    /// The lines that nobody claimed, in order.
    fn unclaimed_lines(&self) -> Vec<u32> {
        unclaimed(&self.claimed_lines)
    }

    /// The live refunds that nobody claimed, in order.
    fn unclaimed_refunds(&self) -> Vec<u32> {
        let mut free = unclaimed(&self.claimed_refunds);
        free.retain(|at| self.refund(*at).is_some_and(|refund| !refund.deleted));
        free
    }

    fn claim(&mut self, lines: &[u32], refunds: &[u32]) {
        mark(&mut self.claimed_lines, lines);
        mark(&mut self.claimed_refunds, refunds);
    }

    /// Whether any of these is inside of the period. What is not belongs to another one's
    /// reconciliation, also where the two sides don't agree.
    fn concerns(&self, lines: &[u32], refunds: &[u32]) -> bool {
        let mut line_dates = self.rows(lines).map(|line| line.date);
        let mut refund_dates = refunds
            .iter()
            .filter_map(|at| self.refund(*at))
            .map(|refund| refund.date);
        line_dates.any(|date| self.period().contains(date))
            || refund_dates.any(|date| self.period().contains(date))
    }

    /// These lines are what the ledger has, but for what is tolerated.
    fn matches(&mut self, group: &Group<'_>, ledger_minor: i128) {
        let lines = u64::try_from(group.lines.len()).unwrap_or(u64::MAX);
        self.found.matched = self.found.matched.saturating_add(lines);
        let sides = Sides {
            currency: group.currency,
            statement_minor: group.sum,
            ledger_minor,
        };
        let totals = self.add(&sides);
        totals.tolerated_minor = totals
            .tolerated_minor
            .saturating_add(sides.difference_minor());
    }

    /// These lines and this refund don't agree.
    fn breaks(&mut self, reason: Reason, lines: &[u32], refund: Option<u32>, sides: Sides) {
        self.add(&sides);
        let found = self.describe(reason, lines, refund, sides);
        self.found.breaks.push(found);
    }

    fn describe(&self, reason: Reason, lines: &[u32], refund: Option<u32>, sides: Sides) -> Break {
        // By date, so that what is told of it is the same in any order of lines.
        let first = self.rows(lines).min_by_key(|line| (line.date, line.line));
        let refund = refund.and_then(|at| self.refund(at));
        let key = first
            .and_then(|line| line.key)
            .or_else(|| refund?.external_id);
        Break {
            reason,
            line: first.map(|line| line.line),
            statement_date: first.map(|line| line.date),
            key: key.map(|key| self.text(key)),
            refund_id: refund.map(|refund| refund.id),
            ledger_date: refund.map(|refund| refund.date),
            sides: Some(sides),
            pair: None,
            message: None,
        }
    }

    fn text(&self, id: TextId) -> Box<str> {
        self.texts.get(id).into()
    }

    /// Adds both sides to the sums of their currency.
    fn add(&mut self, sides: &Sides) -> &mut Totals {
        let totals = self.found.totals.entry(sides.currency).or_default();
        totals.statement_minor = totals.statement_minor.saturating_add(sides.statement_minor);
        totals.ledger_minor = totals.ledger_minor.saturating_add(sides.ledger_minor);
        totals
    }

    /// What is inside of the period and was not claimed is missing on the other side.
    pub(crate) fn missing(&mut self) {
        for at in self.unclaimed_lines() {
            if let Some(line) = self.line(at).filter(|line| self.is_inside(line.date)) {
                let sides = Sides {
                    currency: line.currency,
                    statement_minor: line.minor.into(),
                    ledger_minor: 0,
                };
                self.breaks(Reason::MissingInLedger, &[at], None, sides);
            }
        }
        for at in self.unclaimed_refunds() {
            if let Some(refund) = self.refund(at).filter(|refund| self.is_inside(refund.date)) {
                let sides = Sides {
                    currency: refund.currency,
                    statement_minor: 0,
                    ledger_minor: refund.minor.into(),
                };
                self.breaks(Reason::MissingInStatement, &[], Some(at), sides);
            }
        }
    }

    fn is_inside(&self, date: Timestamp) -> bool {
        self.period().contains(date)
    }

    pub(crate) fn finish(mut self) -> Found {
        // They are numbered by what does not depend on the order of lines, the largest first.
        self.mismatched_currencies
            .sort_by_key(|mismatch| (Reverse(mismatch.size()), mismatch.in_ledger.refund_id));
        for (number, mismatch) in (1_u32..).zip(self.mismatched_currencies) {
            for side in [mismatch.in_statement, mismatch.in_ledger] {
                self.found.breaks.push(Break {
                    pair: Some(number),
                    ..side
                });
            }
        }
        self.found
    }
}

fn row<T>(rows: &[T], at: u32) -> Option<&T> {
    rows.get(usize::try_from(at).ok()?)
}

fn unclaimed(claimed: &[bool]) -> Vec<u32> {
    let numbered = (0_u32..).zip(claimed);
    numbered
        .filter(|(_, claimed)| !**claimed)
        .map(|(at, _)| at)
        .collect()
}

fn mark(claimed: &mut [bool], rows: &[u32]) {
    for at in rows {
        if let Some(claimed) = usize::try_from(*at).ok().and_then(|at| claimed.get_mut(at)) {
            *claimed = true;
        }
    }
}

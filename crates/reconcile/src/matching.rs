//! Which line belongs to which refund: the passes, most certain first. What one pass has claimed,
//! no later one sees.

mod by_invoice;
mod by_key;
mod found;
mod proposals;

use refund_ledger::{Currency, Timestamp};

use crate::parts::{Line, Part, Refund, Row};
use crate::period::Period;
use crate::reconciliation::{ReconcileError, ReconcileOptions};
use crate::report::{Break, Reason, Sides, Totals};

pub(crate) use by_key::ExternalIdTwice;
pub(crate) use found::Found;

/// Lines and refunds that may belong to each other, and who is claimed.
pub(crate) struct Matching<'a> {
    options: ReconcileOptions,
    lines: &'a Part<Line>,
    refunds: &'a Part<Refund>,
    claimed_lines: Vec<bool>,
    claimed_refunds: Vec<bool>,
    found: &'a mut Found,
}

/// Lines of one currency that are about one thing.
struct Group<'a> {
    lines: &'a [u32],
    currency: Currency,
    sum: i128,
}

impl<'a> Matching<'a> {
    /// What is found is added to what was found before.
    pub(crate) fn new(
        options: ReconcileOptions,
        lines: &'a Part<Line>,
        refunds: &'a Part<Refund>,
        found: &'a mut Found,
    ) -> Self {
        Self {
            options,
            lines,
            refunds,
            claimed_lines: vec![false; lines.rows().len()],
            claimed_refunds: vec![false; refunds.rows().len()],
            found,
        }
    }

    fn period(&self) -> &Period {
        &self.options.period
    }

    fn line(&self, at: u32) -> Option<&'a Row<Line>> {
        self.lines.row(at)
    }

    fn refund(&self, at: u32) -> Option<&'a Row<Refund>> {
        self.refunds.row(at)
    }

    /// These lines, where they are there, which they are.
    fn rows<'b>(&self, lines: &'b [u32]) -> impl Iterator<Item = &'a Row<Line>> + use<'a, 'b> {
        let all = self.lines;
        lines.iter().filter_map(|at| all.row(*at))
    }

    /// These lines, which have one currency.
    fn group<'b>(&self, lines: &'b [u32]) -> Option<Group<'b>> {
        let currency = self.rows(lines).next()?.currency;
        Some(Group {
            lines,
            currency,
            sum: self.rows(lines).map(|line| i128::from(line.minor)).sum(),
        })
    }

    /// The lines that nobody claimed, in order.
    fn unclaimed_lines(&self) -> impl Iterator<Item = (u32, &'a Row<Line>)> {
        unclaimed(self.lines.rows(), &self.claimed_lines)
    }

    /// The live refunds that nobody claimed, in order.
    fn unclaimed_refunds(&self) -> impl Iterator<Item = (u32, &'a Row<Refund>)> {
        unclaimed(self.refunds.rows(), &self.claimed_refunds)
            .filter(|(_, refund)| !refund.own.deleted)
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
        line_dates.any(|date| self.is_inside(date)) || refund_dates.any(|date| self.is_inside(date))
    }

    fn is_inside(&self, date: Timestamp) -> bool {
        self.period().contains(date)
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
        let first = self
            .rows(lines)
            .min_by_key(|line| (line.date, line.own.number));
        let refund = refund.and_then(|at| self.refund(at));
        let key = first
            .and_then(|line| self.lines.key(line))
            .or_else(|| self.refunds.key(refund?));
        Break {
            reason,
            line: first.map(|line| line.own.number),
            statement_date: first.map(|line| line.date),
            key: key.map(Into::into),
            refund_id: refund.map(|refund| refund.own.id),
            ledger_date: refund.map(|refund| refund.date),
            sides: Some(sides),
            pair: None,
            message: None,
        }
    }

    /// Adds both sides to the sums of their currency.
    fn add(&mut self, sides: &Sides) -> &mut Totals {
        self.found.add(sides)
    }

    /// Hands on what nobody claimed, with its key and its invoice.
    pub(crate) fn hand_on(
        &self,
        mut line: impl FnMut(Row<Line>, Option<&str>, Option<&str>) -> Result<(), ReconcileError>,
        mut refund: impl FnMut(Row<Refund>, Option<&str>, Option<&str>) -> Result<(), ReconcileError>,
    ) -> Result<(), ReconcileError> {
        let (lines, refunds) = (self.lines, self.refunds);
        for (_, row) in self.unclaimed_lines() {
            line(*row, lines.key(row), lines.invoice(row))?;
        }
        for (_, row) in self.unclaimed_refunds() {
            refund(*row, refunds.key(row), refunds.invoice(row))?;
        }
        Ok(())
    }

    /// What is inside of the period and was not claimed is missing on the other side.
    pub(crate) fn missing(&mut self) {
        let lines: Vec<_> = self.unclaimed_lines().collect();
        for (at, line) in lines {
            if self.is_inside(line.date) {
                let sides = Sides {
                    currency: line.currency,
                    statement_minor: line.minor.into(),
                    ledger_minor: 0,
                };
                self.breaks(Reason::MissingInLedger, &[at], None, sides);
            }
        }
        let refunds: Vec<_> = self.unclaimed_refunds().collect();
        for (at, refund) in refunds {
            if self.is_inside(refund.date) {
                let sides = Sides {
                    currency: refund.currency,
                    statement_minor: 0,
                    ledger_minor: refund.minor.into(),
                };
                self.breaks(Reason::MissingInStatement, &[], Some(at), sides);
            }
        }
    }
}

fn unclaimed<'a, T>(
    rows: &'a [Row<T>],
    claimed: &[bool],
) -> impl Iterator<Item = (u32, &'a Row<T>)> {
    let numbered = (0_u32..).zip(rows).zip(claimed);
    numbered
        .filter(|(_, claimed)| !**claimed)
        .map(|(row, _)| row)
}

fn mark(claimed: &mut [bool], rows: &[u32]) {
    for at in rows {
        if let Some(claimed) = claimed.get_mut(place(*at)) {
            *claimed = true;
        }
    }
}

fn is_free(claimed: &[bool], at: u32) -> bool {
    claimed.get(place(at)) == Some(&false)
}

fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

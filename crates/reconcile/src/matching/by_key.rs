//! Pass 1: the key of a line is the external id of a refund.

use refund_ledger::{Currency, RefundId};

use super::found::CurrencyMismatch;
use super::{Group, Matching, place};
use crate::parts::{Line, Refund, Row};
use crate::reconciliation::ReconcileError;
use crate::report::{Reason, Sides};
use crate::texts::Numbers;

/// An external id that two refunds have.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ExternalIdTwice {
    external_id: String,
    refunds: [RefundId; 2],
}

impl From<ExternalIdTwice> for ReconcileError {
    fn from(twice: ExternalIdTwice) -> Self {
        let [first, second] = twice.refunds;
        Self::ExternalIdTwice {
            external_id: twice.external_id,
            first,
            second,
        }
    }
}

impl<'a> Matching<'a> {
    /// Takes the lines of one key together. They are what the refund of that external id should
    /// add up to; a refund that was deleted, or that is not there, should add up to nothing.
    ///
    /// # Errors
    /// Where two refunds have one external id.
    pub(crate) fn by_key(&mut self) -> Result<(), ExternalIdTwice> {
        let all = self.lines;
        let of = |at: &u32| all.row(*at);
        let mut keys = Numbers::with_capacity(self.refunds.rows().len());
        let holders = self.holders(&mut keys)?;
        let numbered = (0_u32..).zip(all.rows());
        let mut keyed: Vec<(u32, u32)> = numbered
            .filter_map(|(at, line)| Some((keys.number(all.key(line)?), at)))
            .collect();
        keyed.sort_unstable();
        for key in keyed.chunk_by_mut(|(one, _), (other, _)| one == other) {
            key.sort_unstable_by_key(|(_, at)| of(at).map(order));
        }
        let sorted: Vec<u32> = keyed.iter().map(|(_, at)| *at).collect();
        let mut rest = sorted.as_slice();
        let mut groups: Vec<Group<'_>> = Vec::new();
        for key in keyed.chunk_by(|(one, _), (other, _)| one == other) {
            let (lines, behind) = rest.split_at(key.len());
            rest = behind;
            let currency = |at: &u32| of(at).map(|line| line.currency);
            let currencies = lines.chunk_by(|one, other| currency(one) == currency(other));
            groups.clear();
            groups.extend(currencies.filter_map(|lines| self.group(lines)));
            let holder = key.first().and_then(|(key, _)| holders.get(place(*key)));
            self.one_key(&groups, holder.copied());
        }
        Ok(())
    }

    /// The refunds that hold an external id, by its number: there are none of higher numbers.
    fn holders(&self, keys: &mut Numbers<'a>) -> Result<Vec<u32>, ExternalIdTwice> {
        let mut holders: Vec<u32> = Vec::with_capacity(self.refunds.rows().len());
        let mut twice: Option<ExternalIdTwice> = None;
        for (at, refund) in (0_u32..).zip(self.refunds.rows()) {
            let Some(external_id) = self.refunds.key(refund) else {
                continue;
            };
            let number = keys.number(external_id);
            let Some(holder) = holders.get(place(number)).and_then(|at| self.refund(*at)) else {
                holders.push(at);
                continue;
            };
            let mut refunds = [holder.own.id, refund.own.id];
            refunds.sort_unstable();
            let found = ExternalIdTwice {
                external_id: external_id.into(),
                refunds,
            };
            // Which of several is told must not depend on their order.
            twice = twice.into_iter().chain([found]).min();
        }
        twice.map_or(Ok(holders), Err)
    }

    /// The groups have one key, and a currency each.
    fn one_key(&mut self, groups: &[Group<'_>], holder: Option<u32>) {
        let refund = holder.and_then(|at| Some((at, self.refund(at)?)));
        match refund {
            None => {
                for group in groups.iter().filter(|group| group.sum == 0) {
                    self.came_to_nothing(group);
                }
            }
            Some((at, refund)) if refund.own.deleted => {
                for group in groups {
                    if group.sum == 0 {
                        self.came_to_nothing(group);
                    } else {
                        self.of_deleted(group, at);
                    }
                }
            }
            Some((at, refund)) => self.of_refund(groups, at, refund),
        }
    }

    /// Money that came back whole, and no refund: that is what the ledger says, too.
    fn came_to_nothing(&mut self, group: &Group<'_>) {
        self.claim(group.lines, &[]);
        if self.concerns(group.lines, &[]) {
            self.matches(group, 0);
        }
    }

    fn of_deleted(&mut self, group: &Group<'_>, at: u32) {
        self.claim(group.lines, &[at]);
        if self.concerns(group.lines, &[at]) {
            let sides = sides(group.currency, group.sum, 0);
            self.breaks(Reason::LedgerRefundDeleted, group.lines, Some(at), sides);
        }
    }

    fn of_refund(&mut self, groups: &[Group<'_>], at: u32, refund: &Row<Refund>) {
        let own = groups
            .iter()
            .find(|group| group.currency == refund.currency);
        if let Some(group) = own {
            self.in_its_currency(group, at, refund);
        }
        let mut has_line = own.is_some();
        for other in groups
            .iter()
            .filter(|group| group.currency != refund.currency)
        {
            if other.sum == 0 {
                self.came_to_nothing(other);
            } else if has_line {
                self.again(other.lines, at);
            } else {
                self.in_another_currency(other, at, refund);
                has_line = true;
            }
        }
    }

    fn in_another_currency(&mut self, group: &Group<'_>, at: u32, refund: &Row<Refund>) {
        self.claim(group.lines, &[at]);
        if !self.concerns(group.lines, &[at]) {
            return;
        }
        let reason = Reason::CurrencyMismatch;
        let statement = sides(group.currency, group.sum, 0);
        let ledger = sides(refund.currency, 0, refund.minor.into());
        self.add(&statement);
        self.add(&ledger);
        self.found.mismatched_currencies.push(CurrencyMismatch {
            in_statement: self.describe(reason, group.lines, Some(at), statement),
            in_ledger: self.describe(reason, group.lines, Some(at), ledger),
        });
    }

    fn in_its_currency(&mut self, group: &Group<'_>, at: u32, refund: &Row<Refund>) {
        let wanted = i128::from(refund.minor);
        let tolerance = u128::from(self.options.tolerance_minor);
        let off = |minor: i128| minor.saturating_sub(wanted).unsigned_abs();
        let by_line = self.single_line(group, refund, off);
        // What is exact goes before what is tolerated.
        let whole = off(group.sum);
        match by_line {
            Some((line, off_by)) if off_by < whole && off_by <= tolerance => {
                self.one_line_agrees(group, line, at, refund);
            }
            _ if whole <= tolerance => self.all_agree(group, at, refund),
            _ => {
                self.claim(group.lines, &[at]);
                if self.concerns(group.lines, &[at]) {
                    let sides = sides(group.currency, group.sum, wanted);
                    self.breaks(Reason::AmountMismatch, group.lines, Some(at), sides);
                }
            }
        }
    }

    /// The line of several that is nearest to the refund's amount, then to its date, with how far
    /// off its amount is. There is none where money came back: then only the sum says how much was
    /// given.
    fn single_line(
        &self,
        group: &Group<'_>,
        refund: &Row<Refund>,
        off: impl Fn(i128) -> u128,
    ) -> Option<(u32, u128)> {
        if group.lines.len() < 2 || self.rows(group.lines).any(|line| line.minor < 0) {
            return None;
        }
        let lines = group
            .lines
            .iter()
            .filter_map(|at| Some((*at, self.line(*at)?)));
        lines
            .map(|(at, line)| {
                let apart = line.date.nanos_since(refund.date).unsigned_abs();
                // An amount may be too low by as much as another is too high.
                let place = (apart, line.date, line.minor, line.own.number);
                ((off(line.minor.into()), place), at)
            })
            .min()
            .map(|((off_by, ..), at)| (at, off_by))
    }

    fn all_agree(&mut self, group: &Group<'_>, at: u32, refund: &Row<Refund>) {
        self.claim(group.lines, &[at]);
        if !self.concerns(group.lines, &[at]) {
            return;
        }
        // Money that came back and was sent again has several dates. The nearest is the refund's.
        let in_time = self
            .rows(group.lines)
            .any(|line| self.period().allows(line.date, refund.date));
        if in_time {
            self.matches(group, refund.minor.into());
        } else {
            let sides = sides(group.currency, group.sum, refund.minor.into());
            self.breaks(Reason::DateOutsideWindow, group.lines, Some(at), sides);
        }
    }

    fn one_line_agrees(&mut self, group: &Group<'_>, line: u32, at: u32, refund: &Row<Refund>) {
        if let Some(single) = self.group(&[line]) {
            self.all_agree(&single, at, refund);
        }
        let others: Vec<u32> = group
            .lines
            .iter()
            .copied()
            .filter(|at| *at != line)
            .collect();
        self.again(&others, at);
    }

    /// Lines of a refund that has its own already.
    fn again(&mut self, lines: &[u32], at: u32) {
        self.claim(lines, &[at]);
        for line in lines {
            if let Some(row) = self.line(*line)
                && self.concerns(&[*line], &[at])
            {
                let sides = sides(row.currency, row.minor.into(), 0);
                self.breaks(Reason::DuplicateInStatement, &[*line], Some(at), sides);
            }
        }
    }
}

/// By currency, and what does not depend on the order of lines.
fn order(line: &Row<Line>) -> impl Ord + use<> {
    (line.currency, line.date, line.minor, line.own.number)
}

fn sides(currency: Currency, statement_minor: i128, ledger_minor: i128) -> Sides {
    Sides {
        currency,
        statement_minor,
        ledger_minor,
    }
}

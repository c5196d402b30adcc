//! Passes 2 and 3: lines whose key names no refund, by their invoice.

use std::cmp::Ordering;
use std::slice::ChunkBy;

use refund_ledger::Currency;

use super::{Matching, row};
use crate::reconciliation::{LineRow, RefundRow};
use crate::texts::TextId;

/// A line and the refund that it goes with.
type Pair = (u32, u32);

impl Matching<'_> {
    /// Pass 2: a line and a refund of one invoice, with one amount, in time.
    pub(crate) fn by_invoice_and_amount(&mut self) {
        let (lines, refunds) = self.of_invoices();
        let (all_lines, all_refunds) = (self.lines, self.refunds);
        let line_of = |at: &u32| row(all_lines, *at).map(line_order);
        let refund_of = |at: &u32| row(all_refunds, *at).map(refund_order);
        for (lines, refunds) in side_by_side(&lines, &refunds, line_of, refund_of) {
            for (line, refund) in self.in_time(lines, refunds) {
                self.agree_by_invoice(&[line], &[refund], 0);
            }
        }
    }

    /// Pass 3: all lines and refunds of one invoice and currency, where their sums agree. Lines that come
    /// to nothing agree with no refund, as they do by key; to let a line pass that has no refund at all is
    /// not what a tolerance is for.
    pub(crate) fn by_invoice(&mut self) {
        let (lines, refunds) = self.of_invoices();
        let (all_lines, all_refunds) = (self.lines, self.refunds);
        let line_of = |at: &u32| row(all_lines, *at).map(|line| (line.invoice, line.currency));
        let refund_of =
            |at: &u32| row(all_refunds, *at).map(|refund| (refund.invoice, refund.currency));
        for (lines, refunds) in side_by_side(&lines, &refunds, line_of, refund_of) {
            let tolerance = match refunds {
                [] => 0,
                _ => self.options.tolerance_minor,
            };
            self.agree_by_invoice(lines, refunds, tolerance);
        }
    }

    /// Pairs as many of these lines and refunds as can be, which differ in nothing but their dates. They
    /// are in order of date.
    fn in_time(&self, lines: &[u32], refunds: &[u32]) -> Vec<Pair> {
        let onwards = self.sweep(
            lines.iter().copied(),
            refunds.iter().copied(),
            Ordering::Less,
        );
        if self.are_inside(lines, refunds) {
            return onwards;
        }
        // What lies before the period is served first, and may leave nothing for what is inside. Served
        // from the end it comes last.
        let backwards = self.sweep(
            lines.iter().rev().copied(),
            refunds.iter().rev().copied(),
            Ordering::Greater,
        );
        if self.inside_of(&backwards) > self.inside_of(&onwards) {
            backwards
        } else {
            onwards
        }
    }

    /// Gives each line, in this order of dates, the first refund that is in time. A refund that is passed,
    /// so too early or too late for a line, is so too for the lines behind it, and one in time is best
    /// given to the first.
    fn sweep(
        &self,
        lines: impl Iterator<Item = u32>,
        refunds: impl Iterator<Item = u32>,
        passed: Ordering,
    ) -> Vec<Pair> {
        let mut refunds = refunds
            .filter_map(|at| Some((at, self.refund(at)?.date)))
            .peekable();
        let mut pairs = Vec::new();
        for at in lines {
            let Some(line) = self.line(at) else { continue };
            let is_in_time = |date| self.period().allows(date, line.date);
            let is_passed = |date| !is_in_time(date) && date.cmp(&line.date) == passed;
            while refunds.next_if(|(_, date)| is_passed(*date)).is_some() {}
            if let Some((refund, _)) = refunds.next_if(|(_, date)| is_in_time(*date)) {
                pairs.push((at, refund));
            }
        }
        pairs
    }

    /// How many lines and refunds of these pairs are inside of the period.
    fn inside_of(&self, pairs: &[Pair]) -> usize {
        let rows = pairs.iter().flat_map(|(line, refund)| {
            [
                self.line(*line).map(|line| line.date),
                self.refund(*refund).map(|refund| refund.date),
            ]
        });
        rows.flatten().filter(|date| self.is_inside(*date)).count()
    }

    fn are_inside(&self, lines: &[u32], refunds: &[u32]) -> bool {
        let mut refunds = refunds.iter().filter_map(|at| self.refund(*at));
        self.rows(lines).all(|line| self.is_inside(line.date))
            && refunds.all(|refund| self.is_inside(refund.date))
    }

    /// Takes these together where their sums agree.
    fn agree_by_invoice(&mut self, lines: &[u32], refunds: &[u32], tolerance: u64) {
        let Some(group) = self.group(lines) else {
            return;
        };
        let all = self.refunds;
        let of_refund = |at: &u32| row(all, *at).map(|refund| i128::from(refund.minor));
        let ledger: i128 = refunds.iter().filter_map(of_refund).sum();
        if group.sum.saturating_sub(ledger).unsigned_abs() > u128::from(tolerance) {
            return;
        }
        self.claim(lines, refunds);
        if self.concerns(lines, refunds) {
            self.matches(&group, ledger);
        }
    }

    /// The unclaimed lines and refunds that name an invoice, by invoice, currency, amount and date, and
    /// then by what does not depend on the order of lines.
    fn of_invoices(&self) -> (Vec<u32>, Vec<u32>) {
        let (all_lines, all_refunds) = (self.lines, self.refunds);
        let mut lines = self.unclaimed_lines();
        lines.retain(|at| row(all_lines, *at).is_some_and(|line| line.invoice.is_some()));
        lines.sort_by(|one, other| {
            let [one, other] = [one, other].map(|at| row(all_lines, *at));
            let place = |line: Option<&LineRow>| line.map(|line| (line_order(line), line.date));
            let key = |line: Option<&LineRow>| line?.key.map(|key| self.texts.get(key));
            let number = |line: Option<&LineRow>| line.map(|line| line.line);
            place(one)
                .cmp(&place(other))
                .then_with(|| key(one).cmp(&key(other)))
                .then_with(|| number(one).cmp(&number(other)))
        });
        let mut refunds = self.unclaimed_refunds();
        refunds.retain(|at| row(all_refunds, *at).is_some_and(|refund| refund.invoice.is_some()));
        refunds.sort_by_key(|at| {
            row(all_refunds, *at).map(|refund| (refund_order(refund), refund.date, refund.id))
        });
        (lines, refunds)
    }
}

/// Invoice, currency and amount.
type Bill = (Option<TextId>, Currency, i64);

fn line_order(line: &LineRow) -> Bill {
    (line.invoice, line.currency, line.minor)
}

fn refund_order(refund: &RefundRow) -> Bill {
    (refund.invoice, refund.currency, refund.minor)
}

/// The lines of each bill with the refunds of it, which may be none. Both are in order of their bills.
fn side_by_side<'a, B: Ord + Copy>(
    lines: &'a [u32],
    refunds: &'a [u32],
    of_line: impl Fn(&u32) -> B + Copy,
    of_refund: impl Fn(&u32) -> B + Copy,
) -> impl Iterator<Item = (&'a [u32], &'a [u32])> {
    let mut refunds = chunks(refunds, of_refund).peekable();
    chunks(lines, of_line).map(move |lines| {
        let wanted = lines.first().map(of_line);
        let is_before = |of: &&[u32]| of.first().map(of_refund) < wanted;
        while refunds.next_if(is_before).is_some() {}
        let same = refunds.next_if(|of| of.first().map(of_refund) == wanted);
        (lines, same.unwrap_or_default())
    })
}

fn chunks<B: Eq>(
    rows: &[u32],
    of: impl Fn(&u32) -> B + Copy,
) -> ChunkBy<'_, u32, impl FnMut(&u32, &u32) -> bool> {
    rows.chunk_by(move |one, other| of(one) == of(other))
}

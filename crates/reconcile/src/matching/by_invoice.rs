//! Passes 2 and 3: lines whose key names no refund, by their invoice.

use std::cmp::Ordering;
use std::slice::ChunkBy;

use refund_ledger::Currency;

use super::{Matching, is_free};
use crate::parts::{Line, Part, Refund, Row};
use crate::texts::Numbers;

/// A row that names an invoice.
struct Billed<'a, T> {
    /// By its number, which both sides share.
    invoice: u32,
    at: u32,
    row: &'a Row<T>,
}

impl<T> Billed<'_, T> {
    fn bill(&self) -> (u32, Currency) {
        (self.invoice, self.row.currency)
    }

    fn amount(&self) -> (u32, Currency, i64) {
        (self.invoice, self.row.currency, self.row.minor)
    }
}

/// A line and the refund that it goes with.
type Pair<'r, 'a> = (&'r Billed<'a, Line>, &'r Billed<'a, Refund>);

impl<'a> Matching<'a> {
    /// Takes what names one invoice: first what agrees one by one, then what agrees in all.
    pub(crate) fn by_invoice(&mut self) {
        let mut invoices = Numbers::with_capacity(self.refunds.rows().len());
        let mut refunds = billed(self.unclaimed_refunds(), self.refunds, &mut invoices);
        let mut lines = billed(self.unclaimed_lines(), self.lines, &mut invoices);
        // By what does not depend on the order of lines, as far as it goes.
        lines.sort_by(|one, other| {
            let place = |line: &Billed<'_, Line>| (line.amount(), line.row.date);
            let key = |line: &Billed<'a, Line>| self.lines.key(line.row);
            place(one)
                .cmp(&place(other))
                .then_with(|| key(one).cmp(&key(other)))
                .then_with(|| one.row.own.number.cmp(&other.row.own.number))
        });
        refunds.sort_by_key(|refund| (refund.amount(), refund.row.date, refund.row.own.id));
        self.one_by_one(&lines, &refunds);
        lines.retain(|line| is_free(&self.claimed_lines, line.at));
        refunds.retain(|refund| is_free(&self.claimed_refunds, refund.at));
        self.in_all(&lines, &refunds);
    }

    /// Pass 2: a line and a refund of one invoice, with one amount, in time.
    fn one_by_one(&mut self, lines: &[Billed<'a, Line>], refunds: &[Billed<'a, Refund>]) {
        let by_amount = side_by_side(lines, refunds, Billed::amount, Billed::amount);
        for (lines, refunds) in by_amount {
            for (line, refund) in self.in_time(lines, refunds) {
                self.agree_by_invoice(&[line.at], &[refund.at], 0);
            }
        }
    }

    /// Pass 3: all lines and refunds of one invoice and currency, where their sums agree. Lines that come
    /// to nothing agree with no refund, as they do by key; to let a line pass that has no refund at all is
    /// not what a tolerance is for.
    fn in_all(&mut self, lines: &[Billed<'a, Line>], refunds: &[Billed<'a, Refund>]) {
        for (lines, refunds) in side_by_side(lines, refunds, Billed::bill, Billed::bill) {
            let tolerance = match refunds {
                [] => 0,
                _ => self.options.tolerance_minor,
            };
            self.agree_by_invoice(&places(lines), &places(refunds), tolerance);
        }
    }

    /// Pairs as many of these lines and refunds as can be, which differ in nothing but their dates. They
    /// are in order of date.
    fn in_time<'r>(
        &self,
        lines: &'r [Billed<'a, Line>],
        refunds: &'r [Billed<'a, Refund>],
    ) -> Vec<Pair<'r, 'a>> {
        let onwards = self.sweep(lines.iter(), refunds.iter(), Ordering::Less);
        let is_inside = |date| self.is_inside(date);
        if lines.iter().all(|line| is_inside(line.row.date))
            && refunds.iter().all(|refund| is_inside(refund.row.date))
        {
            return onwards;
        }
        // What lies before the period is served first, and may leave nothing for what is inside. Served
        // from the end it comes last.
        let backwards = self.sweep(lines.iter().rev(), refunds.iter().rev(), Ordering::Greater);
        if self.inside_of(&backwards) > self.inside_of(&onwards) {
            backwards
        } else {
            onwards
        }
    }

    /// Gives each line, in this order of dates, the first refund that is in time. A refund that is passed,
    /// so too early or too late for a line, is so too for the lines behind it, and one in time is best
    /// given to the first.
    fn sweep<'r>(
        &self,
        lines: impl Iterator<Item = &'r Billed<'a, Line>>,
        refunds: impl Iterator<Item = &'r Billed<'a, Refund>>,
        passed: Ordering,
    ) -> Vec<Pair<'r, 'a>>
    where
        'a: 'r,
    {
        let mut refunds = refunds.peekable();
        let mut pairs = Vec::new();
        for line in lines {
            let date = line.row.date;
            let is_in_time =
                |refund: &&Billed<'_, Refund>| self.period().allows(refund.row.date, date);
            let is_passed = |refund: &&Billed<'_, Refund>| {
                !is_in_time(refund) && refund.row.date.cmp(&date) == passed
            };
            while refunds.next_if(is_passed).is_some() {}
            if let Some(refund) = refunds.next_if(is_in_time) {
                pairs.push((line, refund));
            }
        }
        pairs
    }

    /// How many lines and refunds of these pairs are inside of the period.
    fn inside_of(&self, pairs: &[Pair<'_, '_>]) -> usize {
        let dates = pairs
            .iter()
            .flat_map(|(line, refund)| [line.row.date, refund.row.date]);
        dates.filter(|date| self.is_inside(*date)).count()
    }

    /// Takes these together where their sums agree.
    fn agree_by_invoice(&mut self, lines: &[u32], refunds: &[u32], tolerance: u64) {
        let Some(group) = self.group(lines) else {
            return;
        };
        let of_refund = |at: &u32| self.refund(*at).map(|refund| i128::from(refund.minor));
        let ledger: i128 = refunds.iter().filter_map(of_refund).sum();
        if group.sum.saturating_sub(ledger).unsigned_abs() > u128::from(tolerance) {
            return;
        }
        self.claim(lines, refunds);
        if self.concerns(lines, refunds) {
            self.matches(&group, ledger);
        }
    }
}

/// Those of the rows that name an invoice.
fn billed<'a, T: Copy>(
    rows: impl Iterator<Item = (u32, &'a Row<T>)>,
    of: &'a Part<T>,
    invoices: &mut Numbers<'a>,
) -> Vec<Billed<'a, T>> {
    let billed = rows.filter_map(|(at, row)| {
        let invoice = invoices.number(of.invoice(row)?);
        Some(Billed { invoice, at, row })
    });
    billed.collect()
}

fn places<T>(rows: &[Billed<'_, T>]) -> Vec<u32> {
    rows.iter().map(|billed| billed.at).collect()
}

/// The lines of each bill with the refunds of it, which may be none. Both are in order of their bills.
fn side_by_side<'r, L, R, B: Ord>(
    lines: &'r [L],
    refunds: &'r [R],
    of_line: impl Fn(&L) -> B + Copy,
    of_refund: impl Fn(&R) -> B + Copy,
) -> impl Iterator<Item = (&'r [L], &'r [R])> {
    let mut refunds = chunks(refunds, of_refund).peekable();
    chunks(lines, of_line).map(move |lines| {
        let wanted = lines.first().map(of_line);
        let is_before = |of: &&[R]| of.first().map(of_refund) < wanted;
        while refunds.next_if(is_before).is_some() {}
        let same = refunds.next_if(|of| of.first().map(of_refund) == wanted);
        (lines, same.unwrap_or_default())
    })
}

fn chunks<T, B: Eq>(
    rows: &[T],
    of: impl Fn(&T) -> B + Copy,
) -> ChunkBy<'_, T, impl FnMut(&T, &T) -> bool> {
    rows.chunk_by(move |one, other| of(one) == of(other))
}

//! Passes 2 and 3: lines whose key names no refund, by their invoice.

use std::cmp::Ordering;

use refund_ledger::Currency;

use super::Matching;
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

impl Matching<'_> {
    /// Takes what names one invoice: first what agrees one by one, then what agrees in all.
    pub(crate) fn by_invoice(&mut self) {
        let mut invoices = Numbers::with_capacity(self.refunds.rows().len());
        let mut refunds = billed(self.unclaimed_refunds(), self.refunds, &mut invoices);
        let mut lines = billed(self.unclaimed_lines(), self.lines, &mut invoices);
        lines.sort_by_key(|line| (line.amount(), line.row.date, line.row.own.number));
        refunds.sort_by_key(|refund| (refund.amount(), refund.row.date, refund.row.own.id));
        self.one_by_one(&lines, &refunds);
        lines.retain(|line| super::is_free(&self.claimed_lines, line.at));
        refunds.retain(|refund| super::is_free(&self.claimed_refunds, refund.at));
        self.in_all(&lines, &refunds);
    }

    /// Pass 2: a line and a refund of one invoice, with one amount, in time.
    fn one_by_one(&mut self, lines: &[Billed<'_, Line>], refunds: &[Billed<'_, Refund>]) {
        let period = *self.period();
        let mut next = refunds.iter().peekable();
        for line in lines {
            // Both are in order of invoice, currency, amount and date. A refund that is too early for
            // this line is too early for the lines behind it, and one in time is best given to the first.
            let in_time =
                |refund: &Billed<'_, Refund>| period.allows(refund.row.date, line.row.date);
            while let Some(refund) = next.peek() {
                let order = refund.amount().cmp(&line.amount());
                let is_too_early = refund.row.date < line.row.date && !in_time(refund);
                if order == Ordering::Less || (order == Ordering::Equal && is_too_early) {
                    next.next();
                } else {
                    break;
                }
            }
            let fits =
                |refund: &&Billed<'_, Refund>| refund.amount() == line.amount() && in_time(refund);
            if let Some(refund) = next.next_if(fits) {
                self.agree_by_invoice(&[line.at], &[refund.at]);
            }
        }
    }

    /// Pass 3: all lines and refunds of one invoice and currency, where their sums agree.
    fn in_all(&mut self, lines: &[Billed<'_, Line>], refunds: &[Billed<'_, Refund>]) {
        let mut bills = refunds
            .chunk_by(|one, other| one.bill() == other.bill())
            .peekable();
        for lines in lines.chunk_by(|one, other| one.bill() == other.bill()) {
            let wanted = lines.first().map(Billed::bill);
            while bills
                .next_if(|bill| bill.first().map(Billed::bill) < wanted)
                .is_some()
            {}
            let Some(refunds) = bills.next_if(|bill| bill.first().map(Billed::bill) == wanted)
            else {
                continue;
            };
            if sum(lines) == sum(refunds) {
                self.agree_by_invoice(&places(lines), &places(refunds));
            }
        }
    }

    fn agree_by_invoice(&mut self, lines: &[u32], refunds: &[u32]) {
        self.claim(lines, refunds);
        if self.concerns(lines, refunds)
            && let Some(group) = self.group(lines)
        {
            self.matches(&group, group.sum);
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

fn sum<T>(rows: &[Billed<'_, T>]) -> i128 {
    rows.iter().map(|billed| i128::from(billed.row.minor)).sum()
}

fn places<T>(rows: &[Billed<'_, T>]) -> Vec<u32> {
    rows.iter().map(|billed| billed.at).collect()
}

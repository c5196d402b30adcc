//! Passes 2 and 3: lines whose key names no refund, by their invoice.

use std::cmp::Ordering;

use refund_ledger::Currency;

use super::{Group, Matching, row};
use crate::reconciliation::{LineRow, RefundRow};
use crate::texts::TextId;

impl Matching<'_> {
    /// Pass 2: a line and a refund of one invoice, with one amount, in time.
    pub(crate) fn by_invoice_and_amount(&mut self) {
        let (lines, refunds) = self.of_invoices();
        let (all_lines, all_refunds) = (self.lines, self.refunds);
        let line_of = |at: &u32| row(all_lines, *at);
        let refund_of = |at: &u32| row(all_refunds, *at);
        let mut next = refunds.iter().peekable();
        for line_at in &lines {
            let Some(line) = line_of(line_at) else {
                continue;
            };
            // Both are in order of invoice, currency, amount and date. A refund that is too early for
            // this line is too early for the lines behind it, and one in time is best given to the first.
            while let Some(refund) = next.peek().and_then(|at| refund_of(at)) {
                let order = refund_order(refund).cmp(&line_order(line));
                let is_too_early =
                    refund.date < line.date && !self.period().allows(refund.date, line.date);
                if order == Ordering::Less || (order == Ordering::Equal && is_too_early) {
                    next.next();
                } else {
                    break;
                }
            }
            let fits = |refund: &RefundRow| {
                refund_order(refund) == line_order(line)
                    && self.period().allows(refund.date, line.date)
            };
            if let Some(refund_at) = next.next_if(|at| refund_of(at).is_some_and(fits)) {
                self.agree_by_invoice(&[*line_at], &[*refund_at]);
            }
        }
    }

    /// Pass 3: all lines and refunds of one invoice and currency, where their sums agree.
    pub(crate) fn by_invoice(&mut self) {
        let (lines, refunds) = self.of_invoices();
        let (all_lines, all_refunds) = (self.lines, self.refunds);
        let line_of = |at: &u32| row(all_lines, *at).map(|line| (line.invoice, line.currency));
        let refund_of =
            |at: &u32| row(all_refunds, *at).map(|refund| (refund.invoice, refund.currency));
        let mut bills = refunds
            .chunk_by(|one, other| refund_of(one) == refund_of(other))
            .peekable();
        for lines in lines.chunk_by(|one, other| line_of(one) == line_of(other)) {
            let wanted = lines.first().and_then(line_of);
            while bills
                .next_if(|bill| bill.first().and_then(refund_of) < wanted)
                .is_some()
            {}
            let Some(refunds) = bills.next_if(|bill| bill.first().and_then(refund_of) == wanted)
            else {
                continue;
            };
            let statement: i128 = self.rows(lines).map(|line| i128::from(line.minor)).sum();
            let of_refund = |at: &u32| row(all_refunds, *at).map(|refund| i128::from(refund.minor));
            let ledger: i128 = refunds.iter().filter_map(of_refund).sum();
            if statement == ledger {
                self.agree_by_invoice(lines, refunds);
            }
        }
    }

    fn agree_by_invoice(&mut self, lines: &[u32], refunds: &[u32]) {
        self.claim(lines, refunds);
        if self.concerns(lines, refunds)
            && let Some(line) = self.rows(lines).next()
        {
            let sum = self.rows(lines).map(|line| i128::from(line.minor)).sum();
            let group = Group {
                lines,
                currency: line.currency,
                sum,
            };
            self.matches(&group, sum);
        }
    }

    /// The unclaimed lines and refunds that name an invoice, by invoice, currency, amount and date.
    fn of_invoices(&self) -> (Vec<u32>, Vec<u32>) {
        let mut lines = self.unclaimed_lines();
        lines.retain(|at| self.line(*at).is_some_and(|line| line.invoice.is_some()));
        lines.sort_by_key(|at| {
            let line = self.line(*at);
            line.map(|line| (line_order(line), line.date, line.line))
        });
        let mut refunds = self.unclaimed_refunds();
        refunds.retain(|at| {
            self.refund(*at)
                .is_some_and(|refund| refund.invoice.is_some())
        });
        refunds.sort_by_key(|at| {
            let refund = self.refund(*at);
            refund.map(|refund| (refund_order(refund), refund.date, refund.id))
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

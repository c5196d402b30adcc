//! What was found so far.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use refund_ledger::Currency;

use crate::report::{Break, Sides, Totals};

/// What a report is made of.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) matched: u64,
    pub(crate) breaks: Vec<Break>,
    pub(crate) totals: BTreeMap<Currency, Totals>,
    pub(super) mismatched_currencies: Vec<CurrencyMismatch>,
}

/// A refund whose line is in another currency.
#[derive(Debug)]
pub(super) struct CurrencyMismatch {
    pub(super) in_statement: Break,
    pub(super) in_ledger: Break,
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

impl Found {
    /// Adds both sides to the sums of their currency.
    pub(super) fn add(&mut self, sides: &Sides) -> &mut Totals {
        let totals = self.totals.entry(sides.currency).or_default();
        totals.statement_minor = totals.statement_minor.saturating_add(sides.statement_minor);
        totals.ledger_minor = totals.ledger_minor.saturating_add(sides.ledger_minor);
        totals
    }

    /// Numbers the pairs of mismatched currencies, and puts them with the other breaks.
    pub(crate) fn finish(&mut self) {
        // They are numbered by what does not depend on the order of lines, the largest first.
        self.mismatched_currencies
            .sort_by_key(|mismatch| (Reverse(mismatch.size()), mismatch.in_ledger.refund_id));
        for (number, mismatch) in (1_u32..).zip(self.mismatched_currencies.drain(..)) {
            for side in [mismatch.in_statement, mismatch.in_ledger] {
                self.breaks.push(Break {
                    pair: Some(number),
                    ..side
                });
            }
        }
    }
}

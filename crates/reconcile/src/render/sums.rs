//! Sums over the breaks, for reports that people read.

use std::collections::BTreeMap;

use refund_ledger::Currency;

use crate::report::{Break, Reason, Report, Totals};

/// The breaks of one reason and currency, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) breaks: u64,
    pub(crate) statement_minor: i128,
    pub(crate) ledger_minor: i128,
}

impl Sum {
    pub(crate) fn difference_minor(&self) -> i128 {
        self.statement_minor.saturating_sub(self.ledger_minor)
    }

    fn add(&mut self, other: &Self) {
        self.breaks = self.breaks.saturating_add(other.breaks);
        self.statement_minor = self.statement_minor.saturating_add(other.statement_minor);
        self.ledger_minor = self.ledger_minor.saturating_add(other.ledger_minor);
    }
}

/// The breaks, added up.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    by_currency: BTreeMap<(Currency, Reason), Sum>,
}

impl Sums {
    pub(crate) fn of(report: &Report) -> Self {
        let mut sums = Self::default();
        for found in &report.breaks {
            if let Some(sides) = found.sides {
                let sum = Sum {
                    breaks: 1,
                    statement_minor: sides.statement_minor,
                    ledger_minor: sides.ledger_minor,
                };
                let key = (sides.currency, found.reason);
                sums.by_currency.entry(key).or_default().add(&sum);
            }
        }
        sums
    }

    /// The reasons of a currency's breaks, in order, each with its sum.
    fn reasons(&self, currency: Currency) -> impl Iterator<Item = (Reason, Sum)> + '_ {
        Reason::ALL.into_iter().filter_map(move |reason| {
            let sum = self.by_currency.get(&(currency, reason))?;
            Some((reason, *sum))
        })
    }

    /// What a currency's totals are made of, by name: what agrees, the breaks by reason, and all.
    pub(crate) fn made_of(&self, currency: Currency, totals: &Totals) -> Vec<(&'static str, Sum)> {
        let mut parts = vec![("agrees", self.agreeing(currency, totals))];
        let reasons = self.reasons(currency);
        parts.extend(reasons.map(|(reason, sum)| (reason.title(), sum)));
        let all = Sum {
            breaks: self.broken(currency).breaks,
            statement_minor: totals.statement_minor,
            ledger_minor: totals.ledger_minor,
        };
        parts.push(("total", all));
        parts
    }

    /// What agrees in a currency: all but the breaks.
    pub(crate) fn agreeing(&self, currency: Currency, totals: &Totals) -> Sum {
        let broken = self.broken(currency);
        Sum {
            breaks: 0,
            statement_minor: totals
                .statement_minor
                .saturating_sub(broken.statement_minor),
            ledger_minor: totals.ledger_minor.saturating_sub(broken.ledger_minor),
        }
    }

    /// All breaks of a currency.
    pub(crate) fn broken(&self, currency: Currency) -> Sum {
        let mut all = Sum::default();
        for (_, sum) in self.reasons(currency) {
            all.add(&sum);
        }
        all
    }
}

/// The breaks of a reason.
pub(crate) fn of_reason(report: &Report, reason: Reason) -> impl Iterator<Item = &Break> {
    let breaks = report.breaks.iter();
    breaks.filter(move |found| found.reason == reason)
}

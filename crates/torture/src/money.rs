//! All small amounts: what the ledger makes of each pair of values, with each percentage and each number
//! of decimals, beside arithmetic that tries every candidate and compares fractions exactly.
//!
//! First what a movement's own amount becomes, then each refund of what is left of it: the tax rule, both
//! caps, and that whoever asks for all that is left gets exactly that.

use std::fmt::Write as _;

use refund_ledger::wire::parse_line;
use refund_ledger::{ErrorCode, Ledger, MovementKey, Values};

use crate::harness::{Finding, Report, Scale, Task, caught, in_parallel};

/// A currency for each number of decimals that there is.
const CURRENCIES: [(&str, usize); 4] = [("JPY", 0), ("EUR", 2), ("BHD", 3), ("CLF", 4)];

/// In ten-thousandths of a percent.
const PERCENTAGES: [i128; 12] = [
    0, 1, 55_000, 70_000, 100_000, 210_000, 333_333, 500_000, 999_999, 1_000_000, 2_000_000,
    10_000_000,
];

/// How ties are broken where a value is derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ties {
    Up,
    /// The planted bug.
    Even,
}

/// An amount as it is asked for, in minor units.
#[derive(Clone, Copy, Debug)]
struct Asked {
    with: Option<i128>,
    without: Option<i128>,
    percentage: Option<i128>,
}

/// A fraction, never shortened: all of them here are small.
#[derive(Clone, Copy, Debug)]
struct Fraction {
    over: i128,
    under: i128,
}

impl Fraction {
    /// How far two fractions are from each other.
    fn distance(self, other: Self) -> Self {
        Self {
            over: (self.over * other.under - other.over * self.under).abs(),
            under: self.under * other.under,
        }
    }

    fn cmp(self, other: Self) -> std::cmp::Ordering {
        (self.over * other.under).cmp(&(other.over * self.under))
    }
}

fn whole(value: i128) -> Fraction {
    Fraction {
        over: value,
        under: 1,
    }
}

/// 1 + percentage/100.
fn factor(percentage: i128) -> Fraction {
    Fraction {
        over: 1_000_000 + percentage,
        under: 1_000_000,
    }
}

fn product(value: i128, by: Fraction) -> Fraction {
    Fraction {
        over: value * by.over,
        under: by.under,
    }
}

fn inverse(of: Fraction) -> Fraction {
    Fraction {
        over: of.under,
        under: of.over,
    }
}

/// The whole number next to a fraction, found by trying all.
fn nearest(to: Fraction, ties: Ties) -> i128 {
    let mut best = 0;
    for candidate in 1..=to.over / to.under + 1 {
        let order = whole(candidate).distance(to).cmp(whole(best).distance(to));
        let is_better = match (order.is_lt(), order.is_eq()) {
            (true, _) => true,
            (false, true) => ties == Ties::Up || candidate % 2 == 0,
            (false, false) => false,
        };
        if is_better {
            best = candidate;
        }
    }
    best
}

/// What an amount must become, where so much is left of the movement if it is a refund's.
fn expected(
    asked: Asked,
    left: Option<(i128, i128)>,
    ties: Ties,
) -> Result<(i128, i128), ErrorCode> {
    if asked.with == Some(0)
        || matches!((asked.with, asked.without), (Some(with), Some(without)) if with < without)
    {
        return Err(ErrorCode::InvalidRequest);
    }
    if let Some((with, without)) = left
        && with > 0
        && with >= without
        && asked.with.is_none_or(|asked| asked == with)
        && asked.without.is_none_or(|asked| asked == without)
    {
        return Ok((with, without));
    }
    let (with, without) = match (asked.with, asked.without, asked.percentage) {
        (Some(with), Some(without), _) => (with, without),
        (Some(with), None, Some(percentage)) => (
            with,
            nearest(product(with, inverse(factor(percentage))), ties),
        ),
        (None, Some(without), Some(percentage)) => {
            (nearest(product(without, factor(percentage)), ties), without)
        }
        (Some(only), None, None) | (None, Some(only), None) => (only, only),
        (None, None, _) => return Err(ErrorCode::InvalidRequest),
    };
    if without == 0 {
        return Err(ErrorCode::InvalidRequest);
    }
    if asked.with.is_some() && asked.without.is_some() {
        let fits = match asked.percentage {
            None => with == without,
            Some(percentage) => product(without, factor(percentage))
                .distance(whole(with))
                .cmp(whole(1))
                .is_le(),
        };
        if !fits {
            return Err(ErrorCode::TaxMismatch);
        }
    }
    match left {
        Some((left_with, left_without)) if with > left_with || without > left_without => {
            Err(ErrorCode::OverRefund)
        }
        _ => Ok((with, without)),
    }
}

/// A value as a request writes it.
fn decimal(minor: i128, decimals: usize) -> String {
    if decimals == 0 {
        return minor.to_string();
    }
    let digits = format!("{minor:0width$}", width = decimals + 1);
    let (whole, rest) = digits.split_at(digits.len() - decimals);
    format!("{whole}.{rest}")
}

fn amount(asked: Asked, decimals: usize) -> String {
    let mut fields = Vec::new();
    if let Some(with) = asked.with {
        fields.push(format!(r#""value_with_taxes":{}"#, decimal(with, decimals)));
    }
    if let Some(without) = asked.without {
        fields.push(format!(
            r#""value_without_taxes":{}"#,
            decimal(without, decimals)
        ));
    }
    if let Some(percentage) = asked.percentage {
        let percentage = decimal(percentage, 4);
        fields.push(format!(
            r#""tax":{{"type":"IVA","percentage":{percentage}}}"#
        ));
    }
    format!("{{{}}}", fields.join(","))
}

/// Every way to ask for values up to a limit.
fn all_asked(limit: i128) -> impl Iterator<Item = (Option<i128>, Option<i128>)> {
    let both = (0..=limit)
        .flat_map(move |with| (0..=limit).map(move |without| (Some(with), Some(without))));
    let one = (0..=limit).flat_map(|value| [(Some(value), None), (None, Some(value))]);
    both.chain(one)
}

fn percentages() -> impl Iterator<Item = Option<i128>> {
    std::iter::once(None).chain(PERCENTAGES.map(Some))
}

/// A ledger for one currency, with a movement for each amount.
struct Bench {
    ledger: Ledger,
    currency: &'static str,
    decimals: usize,
    ties: Ties,
    movements: usize,
    checked: usize,
}

impl Bench {
    fn new((currency, decimals): (&'static str, usize), ties: Ties) -> Self {
        Self {
            ledger: Ledger::in_memory(),
            currency,
            decimals,
            ties,
            movements: 0,
            checked: 0,
        }
    }

    fn key(&self) -> Result<MovementKey, Finding> {
        Ok(MovementKey::new(
            "acme",
            "sub-7",
            &format!("mov-{}", self.movements),
        )?)
    }

    /// Carries out a line on the newest movement.
    fn execute(&self, op: &str, body: &str) -> Result<(), ErrorCode> {
        let line = format!(
            r#"{{"op":"{op}","org_id":"acme","subscription_id":"sub-7","movement_id":"mov-{}","body":{{{body}}}}}"#,
            self.movements
        );
        let code = |error: refund_ledger::LedgerError| error.code();
        let command = parse_line(line.as_bytes()).map_err(code)?.command;
        self.ledger.execute(&command).map(drop).map_err(code)
    }

    fn record(&mut self, asked: Asked) -> Result<(), ErrorCode> {
        self.movements += 1;
        let amount = amount(asked, self.decimals);
        self.execute(
            "record_movement",
            &format!(
                r#""currency":"{}","occurred_at":"2022-02-01T00:00:00Z","amount":{amount},"description":"February""#,
                self.currency
            ),
        )
    }

    fn refund(&self, number: usize, asked: Asked) -> Result<(), ErrorCode> {
        let amount = amount(asked, self.decimals);
        self.execute(
            "create_refund",
            &format!(
                r#""refund_datetime":"2022-02-24T13:45:10Z","amount":{amount},"external_refund_unique_id":"ref-{}-{number}","billable":false,"description":"Two days""#,
                self.movements
            ),
        )
    }

    /// Compares what came of a request with what must have.
    fn compare(
        &mut self,
        what: &dyn std::fmt::Debug,
        outcome: Result<(), ErrorCode>,
        found: impl FnOnce(refund_ledger::Balance) -> Values,
        expected: Result<(i128, i128), ErrorCode>,
    ) -> Result<(), Finding> {
        self.checked += 1;
        let found = match outcome {
            Ok(()) => {
                let values = found(self.ledger.balance(&self.key()?)?);
                Ok((i128::from(values.with), i128::from(values.without)))
            }
            Err(code) => Err(code),
        };
        if found == expected {
            return Ok(());
        }
        let mut told = String::new();
        let _ = write!(
            told,
            "{what:?} in {}: {found:?}, should be {expected:?}",
            self.currency
        );
        Err(Finding::new(told))
    }

    /// Every amount of a movement.
    fn amounts(&mut self, limit: i128) -> Result<(), Finding> {
        for percentage in percentages() {
            for (with, without) in all_asked(limit) {
                let asked = Asked {
                    with,
                    without,
                    percentage,
                };
                let outcome = self.record(asked);
                let expected = expected(asked, None, self.ties);
                self.compare(&asked, outcome, |balance| balance.amount, expected)?;
            }
        }
        Ok(())
    }

    /// Every first refund of every movement, and every second one of what that leaves.
    fn refunds(&mut self, limit: i128) -> Result<(), Finding> {
        for percentage in [None, Some(210_000), Some(1_000_000), Some(10_000_000)] {
            for charged in all_asked(limit) {
                let charged = Asked {
                    with: charged.0,
                    without: charged.1,
                    percentage,
                };
                let Ok(amount) = expected(charged, None, Ties::Up) else {
                    continue;
                };
                for first in all_asked(limit) {
                    let first = Asked {
                        with: first.0,
                        without: first.1,
                        percentage,
                    };
                    let Ok(taken) = expected(first, Some(amount), Ties::Up) else {
                        self.one_refund(charged, amount, first)?;
                        continue;
                    };
                    let left = (amount.0 - taken.0, amount.1 - taken.1);
                    for second in all_asked(limit) {
                        let second = Asked {
                            with: second.0,
                            without: second.1,
                            percentage,
                        };
                        self.two_refunds(charged, (first, second), left, taken)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn one_refund(
        &mut self,
        charged: Asked,
        amount: (i128, i128),
        first: Asked,
    ) -> Result<(), Finding> {
        self.record(charged)
            .map_err(|code| Finding::new(format!("{charged:?}: {code:?}")))?;
        let outcome = self.refund(1, first);
        let expected = expected(first, Some(amount), self.ties);
        self.compare(
            &(charged, first),
            outcome,
            |balance| balance.refunded,
            expected,
        )
    }

    fn two_refunds(
        &mut self,
        charged: Asked,
        (first, second): (Asked, Asked),
        left: (i128, i128),
        taken: (i128, i128),
    ) -> Result<(), Finding> {
        for done in [self.record(charged), self.refund(1, first)] {
            done.map_err(|code| Finding::new(format!("{charged:?}, {first:?}: {code:?}")))?;
        }
        let outcome = self.refund(2, second);
        let expected = expected(second, Some(left), self.ties)
            .map(|(with, without)| (taken.0 + with, taken.1 + without));
        self.compare(
            &(charged, first, second),
            outcome,
            |balance| balance.refunded,
            expected,
        )
    }
}

pub(crate) fn run(task: &Task) -> Result<Report, Finding> {
    let (amounts, refunds) = match task.scale {
        Scale::Quick => (60, 6),
        Scale::Long => (300, 12),
    };
    let parts: Vec<_> = CURRENCIES
        .iter()
        .flat_map(|currency| [(*currency, true), (*currency, false)])
        .collect();
    let check = |(currency, of_amounts): ((&'static str, usize), bool), ties| {
        let mut bench = Bench::new(currency, ties);
        if of_amounts {
            bench.amounts(amounts)?;
        } else {
            bench.refunds(refunds)?;
        }
        Ok::<usize, Finding>(bench.checked)
    };
    let checked = in_parallel(parts.len(), |number| check(parts[number], Ties::Up))?;
    let planted = caught([check(parts[0], Ties::Even)].into_iter())?;
    Ok(Report {
        did: format!(
            "{} amounts and refunds: all values up to {amounts} minor units of movements, and up to {refunds} of two refunds",
            checked.iter().sum::<usize>()
        ),
        planted: vec![("half-even rounding", planted)],
    })
}

//! Reconciliation by the letter: each rule as it is told to users, on so few rows that everything can be
//! tried. Nothing here is shared with what is tested.

use std::collections::BTreeMap;

use refund_reconcile::{Period, Reason, ReconcileOptions, Report};

use crate::sides::{Line, Refund, day};

/// What a reconciliation comes to, without line numbers. A break is its reason, the line's key (or the
/// refund's external id), the day of its line, its refund, and both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) matched: u64,
    pub(crate) breaks: Vec<Found>,
    /// By currency: statement, ledger, tolerated.
    pub(crate) totals: BTreeMap<&'static str, (i128, i128, i128)>,
    /// By line and refund: the line's key, the refund's id.
    pub(crate) proposals: Vec<(Option<String>, u8)>,
}

pub(crate) type Found = (
    Reason,
    Option<String>,
    Option<i64>,
    Option<u8>,
    &'static str,
    (i128, i128),
);

impl Outcome {
    /// What was found by what is tested.
    pub(crate) fn of(report: &Report) -> Self {
        let code = |currency: refund_ledger::Currency| match currency.code() {
            "EUR" => "EUR",
            _ => "JPY",
        };
        let days =
            |at: refund_ledger::Timestamp| (at.unix_seconds() - day(0).unix_seconds()) / 86_400;
        let number = |id: refund_ledger::RefundId| id.as_bytes()[0];
        let breaks = report.breaks.iter().map(|found| {
            let sides = found.sides.unwrap();
            (
                found.reason,
                found.key.as_deref().map(str::to_owned),
                found.statement_date.map(days),
                found.refund_id.map(number),
                code(sides.currency),
                (sides.statement_minor, sides.ledger_minor),
            )
        });
        let totals = report.totals.iter().map(|(currency, totals)| {
            let sums = (
                totals.statement_minor,
                totals.ledger_minor,
                totals.tolerated_minor,
            );
            (code(*currency), sums)
        });
        let proposals = report.proposals.iter();
        Self {
            matched: report.matched,
            breaks: breaks.collect(),
            totals: totals.collect(),
            proposals: proposals
                .map(|found| {
                    (
                        found.key.as_deref().map(str::to_owned),
                        number(found.refund_id),
                    )
                })
                .collect(),
        }
        .sorted()
    }

    fn sorted(mut self) -> Self {
        self.breaks.sort();
        self.proposals.sort();
        self
    }

    fn add(&mut self, currency: &'static str, statement: i128, ledger: i128, tolerated: i128) {
        let totals = self.totals.entry(currency).or_default();
        *totals = (
            totals.0 + statement,
            totals.1 + ledger,
            totals.2 + tolerated,
        );
    }

    fn agree(&mut self, lines: &[&Line], currency: &'static str, ledger: i128) {
        self.matched += lines.len() as u64;
        let statement = sum(lines);
        self.add(currency, statement, ledger, statement - ledger);
    }

    /// The line that a break names is the earliest of its lines.
    fn differ(
        &mut self,
        reason: Reason,
        lines: &[&Line],
        refund: Option<&Refund>,
        (currency, statement, ledger): (&'static str, i128, i128),
    ) {
        let first = lines.iter().min_by_key(|line| line.day);
        let key = first.and_then(|line| line.key.clone());
        let key = key.or_else(|| refund?.external_id.clone());
        self.add(currency, statement, ledger, 0);
        self.breaks.push((
            reason,
            key,
            first.map(|line| line.day),
            refund.map(|refund| refund.id),
            currency,
            (statement, ledger),
        ));
    }
}

fn sum(lines: &[&Line]) -> i128 {
    lines.iter().map(|line| i128::from(line.minor)).sum()
}

struct Rules {
    period: Period,
    tolerance: u128,
}

impl Rules {
    fn inside(&self, at: i64) -> bool {
        self.period.from.is_none_or(|from| day(at) >= from)
            && self.period.to.is_none_or(|to| day(at) < to)
    }

    fn near(&self, at: i64) -> bool {
        let window = i64::from(self.period.window_days);
        self.period.from.is_none_or(|from| day(at + window) >= from)
            && self.period.to.is_none_or(|to| day(at - window) < to)
    }

    fn in_time(&self, one: i64, other: i64) -> bool {
        one.abs_diff(other) <= u64::from(self.period.window_days)
    }

    fn concerns(&self, lines: &[&Line], refunds: &[&Refund]) -> bool {
        lines.iter().any(|line| self.inside(line.day))
            || refunds.iter().any(|refund| self.inside(refund.day))
    }

    fn tolerates(&self, difference: i128) -> bool {
        difference.unsigned_abs() <= self.tolerance
    }
}

/// All outcomes that the rules allow. They leave one thing open: of lines and refunds with one invoice,
/// currency and amount, which goes with which, as long as as many as can be do.
pub(crate) fn outcomes(
    refunds: &[Refund],
    lines: &[Line],
    options: ReconcileOptions,
) -> Vec<Outcome> {
    let rules = Rules {
        period: options.period,
        tolerance: options.tolerance_minor.into(),
    };
    let mut outcome = Outcome::default();
    let refunds: Vec<&Refund> = refunds
        .iter()
        .filter(|refund| rules.near(refund.day))
        .collect();
    let lines: Vec<&Line> = lines.iter().filter(|line| rules.near(line.day)).collect();
    let (lines, refunds) = by_key(&rules, &mut outcome, lines, refunds);
    let live: Vec<&Refund> = refunds
        .into_iter()
        .filter(|refund| !refund.deleted)
        .collect();
    by_invoice_and_amount(&rules, outcome, lines, live)
        .into_iter()
        .map(|(mut outcome, lines, refunds)| {
            let (lines, refunds) = by_invoice(&rules, &mut outcome, lines, refunds);
            if options.propose {
                propose(&rules, &mut outcome, &lines, &refunds);
            }
            missing(&rules, &mut outcome, &lines, &refunds);
            outcome.sorted()
        })
        .collect()
}

/// Takes out what fits.
fn take<'a, T>(rows: &mut Vec<&'a T>, fits: impl Fn(&T) -> bool) -> Vec<&'a T> {
    let (taken, left) = rows.iter().partition(|row| fits(row));
    *rows = left;
    taken
}

type Both<'a> = (Vec<&'a Line>, Vec<&'a Refund>);

fn by_key<'a>(
    rules: &Rules,
    outcome: &mut Outcome,
    mut lines: Vec<&'a Line>,
    mut refunds: Vec<&'a Refund>,
) -> Both<'a> {
    let mut left = Vec::new();
    while let Some(first) = lines.first().copied() {
        let mut group = take(&mut lines, |line| line.key == first.key);
        if first.key.is_none() {
            left.append(&mut group);
            continue;
        }
        let holders = take(&mut refunds, |refund| refund.external_id == first.key);
        match holders.first() {
            Some(refund) if refund.deleted => of_deleted(rules, outcome, group, refund),
            Some(refund) => {
                if !of_refund(rules, outcome, group, refund) {
                    refunds.push(refund);
                }
            }
            None => {
                for currency in ["EUR", "JPY"] {
                    let own = take(&mut group, |line| line.currency == currency);
                    if sum(&own) == 0 {
                        if rules.concerns(&own, &[]) {
                            outcome.agree(&own, currency, 0);
                        }
                    } else {
                        left.extend(own);
                    }
                }
            }
        }
    }
    (left, refunds)
}

fn of_deleted(rules: &Rules, outcome: &mut Outcome, mut group: Vec<&Line>, refund: &Refund) {
    for currency in ["EUR", "JPY"] {
        let own = take(&mut group, |line| line.currency == currency);
        if sum(&own) == 0 {
            if rules.concerns(&own, &[]) {
                outcome.agree(&own, currency, 0);
            }
        } else if rules.concerns(&own, &[refund]) {
            let sides = (currency, sum(&own), 0);
            outcome.differ(Reason::LedgerRefundDeleted, &own, Some(refund), sides);
        }
    }
}

/// Whether the refund has found its lines, be they right or wrong.
fn of_refund(rules: &Rules, outcome: &mut Outcome, mut group: Vec<&Line>, refund: &Refund) -> bool {
    let own = take(&mut group, |line| line.currency == refund.currency);
    // Two currencies are all that these tests have.
    let other = group;
    if !other.is_empty() && sum(&other) == 0 {
        if rules.concerns(&other, &[]) {
            outcome.agree(&other, other[0].currency, 0);
        }
        if own.is_empty() {
            return false;
        }
    } else if !other.is_empty() && own.is_empty() {
        if rules.concerns(&other, &[refund]) {
            let reason = Reason::CurrencyMismatch;
            outcome.differ(
                reason,
                &other,
                Some(refund),
                (other[0].currency, sum(&other), 0),
            );
            let ledger = (refund.currency, 0, i128::from(refund.minor));
            outcome.differ(reason, &other, Some(refund), ledger);
        }
    } else {
        duplicates(rules, outcome, &other, refund);
    }
    if !own.is_empty() {
        in_its_currency(rules, outcome, &own, refund);
    }
    true
}

fn duplicates(rules: &Rules, outcome: &mut Outcome, lines: &[&Line], refund: &Refund) {
    for line in lines {
        if rules.concerns(&[line], &[refund]) {
            let sides = (line.currency, i128::from(line.minor), 0);
            outcome.differ(Reason::DuplicateInStatement, &[line], Some(refund), sides);
        }
    }
}

fn in_its_currency(rules: &Rules, outcome: &mut Outcome, own: &[&Line], refund: &Refund) {
    let wanted = i128::from(refund.minor);
    let off = |minor: i128| (minor - wanted).unsigned_abs();
    // Where money came back, only the sum says how much was given.
    let singles: Vec<&Line> = if own.iter().any(|line| line.minor < 0) {
        Vec::new()
    } else {
        own.to_vec()
    };
    let nearest = singles.into_iter().min_by_key(|line| {
        let apart = line.day.abs_diff(refund.day);
        (off(line.minor.into()), apart, line.day, line.minor)
    });
    match nearest {
        Some(line)
            if off(line.minor.into()) < off(sum(own))
                && rules.tolerates(i128::from(line.minor) - wanted) =>
        {
            agree_in_time(rules, outcome, &[line], refund);
            let others: Vec<&Line> = own
                .iter()
                .copied()
                .filter(|other| !std::ptr::eq(*other, line))
                .collect();
            duplicates(rules, outcome, &others, refund);
        }
        _ if rules.tolerates(sum(own) - wanted) => agree_in_time(rules, outcome, own, refund),
        _ => {
            if rules.concerns(own, &[refund]) {
                let sides = (refund.currency, sum(own), wanted);
                outcome.differ(Reason::AmountMismatch, own, Some(refund), sides);
            }
        }
    }
}

fn agree_in_time(rules: &Rules, outcome: &mut Outcome, lines: &[&Line], refund: &Refund) {
    if !rules.concerns(lines, &[refund]) {
        return;
    }
    if lines.iter().any(|line| rules.in_time(line.day, refund.day)) {
        outcome.agree(lines, refund.currency, refund.minor.into());
    } else {
        let sides = (refund.currency, sum(lines), i128::from(refund.minor));
        outcome.differ(Reason::DateOutsideWindow, lines, Some(refund), sides);
    }
}

type Left<'a> = (Outcome, Vec<&'a Line>, Vec<&'a Refund>);

/// Every way to pair lines with refunds of their invoice, currency and amount, in time, that pairs as many
/// as can be, and of what is inside of the period as much as can be.
fn by_invoice_and_amount<'a>(
    rules: &Rules,
    outcome: Outcome,
    lines: Vec<&'a Line>,
    refunds: Vec<&'a Refund>,
) -> Vec<Left<'a>> {
    let mut done: Vec<Left<'a>> = vec![(outcome, Vec::new(), refunds)];
    let mut rest = lines;
    while let Some(first) = rest.first().copied() {
        let bill = |line: &Line| (line.invoice.clone(), line.currency, line.minor);
        let same = take(&mut rest, |line| bill(line) == bill(first));
        if first.invoice.is_none() {
            for (_, left, _) in &mut done {
                left.extend(&same);
            }
            continue;
        }
        let mut next = Vec::new();
        for (outcome, left, mut refunds) in done {
            let fitting = take(&mut refunds, |refund| {
                (refund.invoice.clone(), refund.currency, refund.minor) == bill(first)
            });
            let mut ways = Vec::new();
            pairings(rules, &same, &fitting, &mut Vec::new(), &mut ways);
            let worth = |pairs: &Vec<(&Line, &Refund)>| {
                let inside = |(line, refund): &(&Line, &Refund)| {
                    usize::from(rules.inside(line.day)) + usize::from(rules.inside(refund.day))
                };
                (pairs.len(), pairs.iter().map(inside).sum::<usize>())
            };
            let best = ways.iter().map(worth).max().unwrap();
            for pairs in ways.into_iter().filter(|pairs| worth(pairs) == best) {
                let mut outcome = outcome.clone();
                for (line, refund) in &pairs {
                    if rules.concerns(&[line], &[refund]) {
                        outcome.agree(&[line], line.currency, refund.minor.into());
                    }
                }
                let free_lines = same
                    .iter()
                    .filter(|line| pairs.iter().all(|pair| !std::ptr::eq(pair.0, **line)));
                let free_refunds = fitting
                    .iter()
                    .filter(|own| pairs.iter().all(|pair| pair.1.id != own.id));
                next.push((
                    outcome,
                    left.iter().chain(free_lines).copied().collect(),
                    refunds.iter().chain(free_refunds).copied().collect(),
                ));
            }
        }
        done = next;
    }
    done
}

fn pairings<'a>(
    rules: &Rules,
    lines: &[&'a Line],
    refunds: &[&'a Refund],
    pairs: &mut Vec<(&'a Line, &'a Refund)>,
    ways: &mut Vec<Vec<(&'a Line, &'a Refund)>>,
) {
    let Some((line, later)) = lines.split_first() else {
        ways.push(pairs.clone());
        return;
    };
    pairings(rules, later, refunds, pairs, ways);
    for refund in refunds {
        let is_free = pairs.iter().all(|pair| pair.1.id != refund.id);
        if is_free && rules.in_time(line.day, refund.day) {
            pairs.push((line, refund));
            pairings(rules, later, refunds, pairs, ways);
            pairs.pop();
        }
    }
}

fn by_invoice<'a>(
    rules: &Rules,
    outcome: &mut Outcome,
    mut lines: Vec<&'a Line>,
    mut refunds: Vec<&'a Refund>,
) -> Both<'a> {
    let mut left = (Vec::new(), Vec::new());
    while let Some(first) = lines.first().copied() {
        let bill = (&first.invoice, first.currency);
        let own = take(&mut lines, |line| (&line.invoice, line.currency) == bill);
        if first.invoice.is_none() {
            left.0.extend(own);
            continue;
        }
        let theirs = take(&mut refunds, |refund| {
            (&refund.invoice, refund.currency) == bill
        });
        let ledger = theirs
            .iter()
            .map(|refund| i128::from(refund.minor))
            .sum::<i128>();
        let agrees = if theirs.is_empty() {
            sum(&own) == 0
        } else {
            rules.tolerates(sum(&own) - ledger)
        };
        if !agrees {
            left.0.extend(own);
            left.1.extend(theirs);
        } else if rules.concerns(&own, &theirs) {
            outcome.agree(&own, first.currency, ledger);
        }
    }
    left.1.append(&mut refunds);
    left
}

fn propose(rules: &Rules, outcome: &mut Outcome, lines: &[&Line], refunds: &[&Refund]) {
    let fits = |line: &Line, refund: &Refund| {
        (line.currency, line.minor) == (refund.currency, refund.minor)
            && rules.in_time(line.day, refund.day)
    };
    for line in lines {
        for refund in refunds {
            let only_refund = refunds.iter().filter(|other| fits(line, other)).count() == 1;
            let only_line = lines.iter().filter(|other| fits(other, refund)).count() == 1;
            if fits(line, refund) && only_refund && only_line && rules.concerns(&[line], &[refund])
            {
                outcome.proposals.push((line.key.clone(), refund.id));
            }
        }
    }
}

fn missing(rules: &Rules, outcome: &mut Outcome, lines: &[&Line], refunds: &[&Refund]) {
    for line in lines.iter().filter(|line| rules.inside(line.day)) {
        let sides = (line.currency, i128::from(line.minor), 0);
        outcome.differ(Reason::MissingInLedger, &[line], None, sides);
    }
    for refund in refunds.iter().filter(|refund| rules.inside(refund.day)) {
        let sides = (refund.currency, 0, i128::from(refund.minor));
        outcome.differ(Reason::MissingInStatement, &[], Some(refund), sides);
    }
}

//! What holds for all statements and ledgers.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "common/model.rs"]
mod model;
#[path = "common/sides.rs"]
#[allow(dead_code, reason = "the scenarios use the rest")]
mod sides;

use std::collections::BTreeMap;

use model::{Outcome, outcomes};
use proptest::collection::vec;
use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use proptest::sample::{Index, select};
use refund_ledger::Currency;
use refund_reconcile::{Period, Reason, ReconcileOptions, Report};
use sides::{Line, Refund, breaks, currency, day, reconcile};

fn texts() -> impl Strategy<Value = Option<String>> {
    prop_oneof![Just(None), (1..8_u8).prop_map(|id| Some(format!("r-{id}")))]
}

fn invoices() -> impl Strategy<Value = Option<String>> {
    prop_oneof![Just(None), (1..4_u8).prop_map(|id| Some(format!("i-{id}")))]
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let amount = prop_oneof![-3..=6_i64, Just(i64::MAX), Just(i64::MIN)];
    let one = (
        texts(),
        invoices(),
        select(vec!["EUR", "JPY"]),
        amount,
        -9..9_i64,
    );
    let line = one.prop_map(|(key, invoice, currency, minor, day)| Line {
        key,
        invoice,
        currency,
        minor,
        day,
    });
    vec(line, 0..12)
}

fn refunds() -> impl Strategy<Value = Vec<Refund>> {
    let one = (
        invoices(),
        select(vec!["EUR", "JPY"]),
        1..=6_i64,
        -9..9_i64,
        any::<bool>(),
    );
    vec(one, 0..8).prop_map(|all| {
        let numbered = (1..).zip(all);
        numbered
            .map(|(id, (invoice, currency, minor, day, deleted))| Refund {
                id,
                external_id: (id % 4 != 0).then(|| format!("r-{id}")),
                invoice,
                currency,
                minor,
                day,
                deleted,
            })
            .collect()
    })
}

fn options() -> impl Strategy<Value = ReconcileOptions> {
    (any::<bool>(), 0..6_u32, 0..3_u64).prop_map(|(bounded, window_days, tolerance_minor)| {
        ReconcileOptions {
            period: Period {
                from: bounded.then(|| day(-4)),
                to: bounded.then(|| day(5)),
                window_days,
            },
            tolerance_minor,
            propose: true,
        }
    })
}

/// The differences of all breaks, by currency.
fn differences(report: &Report) -> BTreeMap<Currency, i128> {
    let mut sums = BTreeMap::new();
    for sides in report.breaks.iter().filter_map(|found| found.sides) {
        *sums.entry(sides.currency).or_default() += sides.difference_minor();
    }
    sums
}

/// The report without line numbers.
fn without_lines(report: &Report) -> Report {
    let mut report = report.clone();
    for found in &mut report.breaks {
        found.line = None;
    }
    for found in &mut report.proposals {
        found.line = 0;
    }
    report
}

/// So few keys, invoices, amounts and days that most rows have something to do with others.
fn crowded() -> impl Strategy<Value = (Vec<Refund>, Vec<Line>)> {
    let invoice = || prop_oneof![Just(None), select(vec!["i", "j"]).prop_map(Some)];
    let currency = || prop_oneof![7 => Just("EUR"), 1 => Just("JPY")];
    let key = prop_oneof![Just(None), (1..6_u8).prop_map(Some)];
    let amount = prop_oneof![6 => 1..4_i64, 1 => -3..1_i64];
    let line = (key, invoice(), currency(), amount, -7..8_i64).prop_map(
        |(key, invoice, currency, minor, day)| Line {
            key: key.map(|id| format!("r-{id}")),
            invoice: invoice.map(str::to_owned),
            currency,
            minor,
            day,
        },
    );
    let refund = (invoice(), currency(), 1..4_i64, -7..8_i64, 0..6_u8);
    let refunds = vec(refund, 0..6).prop_map(|all| {
        let numbered = (1..).zip(all);
        numbered
            .map(|(id, (invoice, currency, minor, day, deleted))| Refund {
                id,
                external_id: (id < 4).then(|| format!("r-{id}")),
                invoice: invoice.map(str::to_owned),
                currency,
                minor,
                day,
                deleted: deleted == 0,
            })
            .collect()
    });
    (refunds, vec(line, 0..7))
}

proptest! {
    #[test]
    fn totals_are_the_breaks_and_what_was_tolerated(
        refunds in refunds(), lines in lines(), options in options()
    ) {
        let report = reconcile(&refunds, &lines, options);
        let of_breaks = differences(&report);
        for (currency, totals) in &report.totals {
            let of_breaks = of_breaks.get(currency).copied().unwrap_or_default();
            prop_assert_eq!(totals.difference_minor(), of_breaks + totals.tolerated_minor);
        }
        prop_assert!(of_breaks.keys().all(|currency| report.totals.contains_key(currency)));
    }

    #[test]
    fn without_a_period_each_row_is_in_the_totals_once(refunds in refunds(), lines in lines()) {
        let report = reconcile(&refunds, &lines, ReconcileOptions::default());
        for code in ["EUR", "JPY"] {
            let of_lines = lines.iter().filter(|line| line.currency == code);
            let statement: i128 = of_lines.map(|line| i128::from(line.minor)).sum();
            let of_refunds = refunds.iter().filter(|refund| refund.currency == code && !refund.deleted);
            let ledger: i128 = of_refunds.map(|refund| i128::from(refund.minor)).sum();
            let totals = report.totals.get(&currency(code)).copied().unwrap_or_default();
            prop_assert_eq!((totals.statement_minor, totals.ledger_minor), (statement, ledger));
        }
    }

    #[test]
    fn the_order_changes_nothing_but_line_numbers(
        refunds in refunds(), lines in lines(), options in options(), swaps in vec(any::<(Index, Index)>(), 0..9)
    ) {
        let (mut other_refunds, mut other_lines) = (refunds.clone(), lines.clone());
        for (one, other) in &swaps {
            if !lines.is_empty() {
                other_lines.swap(one.index(lines.len()), other.index(lines.len()));
            }
            if !refunds.is_empty() {
                other_refunds.swap(one.index(refunds.len()), other.index(refunds.len()));
            }
        }
        let report = reconcile(&refunds, &lines, options);
        let other = reconcile(&other_refunds, &other_lines, options);
        prop_assert_eq!(without_lines(&report), without_lines(&other));
        prop_assert_eq!(report, reconcile(&refunds, &lines, options));
    }

    #[test]
    fn a_statement_made_from_the_ledger_has_no_break(refunds in refunds(), by_invoice: bool) {
        let lines: Vec<Line> = refunds.iter().filter(|refund| !refund.deleted).map(|refund| Line {
            key: refund.external_id.clone().filter(|_| !by_invoice),
            invoice: refund.invoice.clone(),
            currency: refund.currency,
            minor: refund.minor,
            day: refund.day,
        }).collect();
        let named = |refund: &&Refund| {
            !refund.deleted && (refund.invoice.is_some() || !by_invoice && refund.external_id.is_some())
        };
        let refunds: Vec<Refund> = refunds.iter().filter(named).cloned().collect();
        let lines: Vec<Line> = lines.into_iter().filter(|line| line.key.is_some() || line.invoice.is_some()).collect();
        let report = reconcile(&refunds, &lines, ReconcileOptions::default());
        prop_assert_eq!(breaks(&report), Vec::<String>::new());
        prop_assert_eq!(report.matched, lines.len() as u64);
    }

    #[test]
    fn planted_breaks_are_found_and_no_others(kinds in vec(0..7_u8, 1..40)) {
        let mut refunds = Vec::new();
        let mut lines = Vec::new();
        let mut wanted: BTreeMap<Reason, usize> = BTreeMap::new();
        for (id, kind) in (1..).zip(&kinds) {
            let mut refund = sides::refund(id, 1_000 + i64::from(id));
            let mut line = sides::line(&format!("r-{id}"), refund.minor);
            let reason = match kind {
                0 => {
                    lines.push(line.clone().day(1));
                    Some(Reason::DuplicateInStatement)
                }
                1 => {
                    line.minor += 1;
                    Some(Reason::AmountMismatch)
                }
                2 => {
                    line.currency = "JPY";
                    Some(Reason::CurrencyMismatch)
                }
                3 => {
                    line.day = 20;
                    Some(Reason::DateOutsideWindow)
                }
                4 => {
                    refund.deleted = true;
                    Some(Reason::LedgerRefundDeleted)
                }
                5 => {
                    line.key = Some("elsewhere".to_owned() + &id.to_string());
                    *wanted.entry(Reason::MissingInLedger).or_default() += 1;
                    Some(Reason::MissingInStatement)
                }
                _ => None,
            };
            if let Some(reason) = reason {
                *wanted.entry(reason).or_default() += 1 + usize::from(*kind == 2);
            }
            refunds.push(refund);
            lines.push(line);
        }
        let report = reconcile(&refunds, &lines, ReconcileOptions::default());
        let mut found: BTreeMap<Reason, usize> = BTreeMap::new();
        for one in &report.breaks {
            *found.entry(one.reason).or_default() += 1;
        }
        prop_assert_eq!(found, wanted);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_found_is_what_the_rules_say((refunds, lines) in crowded(), options in options()) {
        let found = Outcome::of(&reconcile(&refunds, &lines, options));
        let allowed = outcomes(&refunds, &lines, options);
        prop_assert!(allowed.contains(&found), "found {found:#?}, but allowed is {allowed:#?}");
    }

    #[test]
    fn in_a_crowd_the_order_changes_nothing_but_line_numbers(
        (refunds, lines) in crowded(), options in options(), seed: u64
    ) {
        let (mut other_refunds, mut other_lines) = (refunds.clone(), lines.clone());
        let turn = |length: usize| usize::try_from(seed % (length.max(1) as u64)).unwrap();
        other_refunds.rotate_left(turn(refunds.len()));
        other_lines.reverse();
        other_lines.rotate_left(turn(lines.len()));
        let report = reconcile(&refunds, &lines, options);
        let other = reconcile(&other_refunds, &other_lines, options);
        prop_assert_eq!(without_lines(&report), without_lines(&other));
    }
}

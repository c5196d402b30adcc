//! Which line belongs to which refund, pass by pass, and what does not agree.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_docs_in_private_items
)]

#[path = "common/sides.rs"]
mod sides;

use refund_reconcile::{
    Item, Period, ReconcileError, ReconcileOptions, Reconciliation, Report, Source,
};
use sides::{Line, Refund, breaks, day, id, line, reconcile, refund, try_reconcile};

fn plain(refunds: &[Refund], lines: &[Line]) -> Report {
    reconcile(refunds, lines, ReconcileOptions::default())
}

fn tolerating(tolerance_minor: u64) -> ReconcileOptions {
    ReconcileOptions {
        tolerance_minor,
        ..ReconcileOptions::default()
    }
}

#[track_caller]
fn check(report: &Report, matched: u64, wanted: &[&str]) {
    assert_eq!(breaks(report), wanted);
    assert_eq!(report.matched, matched);
}

#[test]
fn a_key_that_is_an_external_id_matches() {
    check(&plain(&[refund(1, 1_210)], &[line("r-1", 1_210)]), 1, &[]);
}

#[test]
fn several_lines_that_add_up_match() {
    let parts = [line("r-1", 1_000), line("r-1", 210)];
    check(&plain(&[refund(1, 1_210)], &parts), 2, &[]);
    let sent_again = [
        line("r-1", 1_210),
        line("r-1", -1_210),
        line("r-1", 1_210).day(40),
    ];
    check(&plain(&[refund(1, 1_210)], &sent_again), 3, &[]);
}

#[test]
fn money_that_came_back_matches_no_refund_and_a_deleted_one() {
    let came_back = [line("r-1", 500), line("r-1", -500)];
    check(&plain(&[], &came_back), 2, &[]);
    check(&plain(&[refund(1, 500).deleted()], &came_back), 2, &[]);
    let report = plain(&[refund(1, 500)], &came_back);
    check(&report, 0, &["amount_mismatch 1 r1 -500 EUR"]);
}

#[test]
fn one_line_of_several_matches_and_the_others_are_duplicates() {
    let report = plain(
        &[refund(1, 500)],
        &[line("r-1", 500).day(1), line("r-1", 500)],
    );
    check(&report, 1, &["duplicate_in_statement 1 r1 500 EUR"]);
    let report = plain(&[refund(1, 500)], &[line("r-1", 30), line("r-1", 500)]);
    check(&report, 1, &["duplicate_in_statement 1 r1 30 EUR"]);
}

#[test]
fn what_came_back_in_part_is_no_duplicate() {
    let report = plain(&[refund(1, 500)], &[line("r-1", 500), line("r-1", -30)]);
    check(&report, 0, &["amount_mismatch 1 r1 -30 EUR"]);
}

#[test]
fn amounts_that_differ_are_one_break_on_the_sum() {
    let report = plain(&[refund(1, 500)], &[line("r-1", 200), line("r-1", 200)]);
    check(&report, 0, &["amount_mismatch 1 r1 -100 EUR"]);
}

#[test]
fn currencies_that_differ_are_a_pair() {
    let report = plain(&[refund(1, 500)], &[line("r-1", 600).currency("USD")]);
    check(
        &report,
        0,
        &[
            "currency_mismatch 1 r1 600 USD",
            "currency_mismatch 1 r1 -500 EUR",
        ],
    );
    assert!(report.breaks.iter().all(|found| found.pair == Some(1)));
    let beside = [line("r-1", 500), line("r-1", 600).currency("USD")];
    let report = plain(&[refund(1, 500)], &beside);
    check(&report, 1, &["duplicate_in_statement 2 r1 600 USD"]);
}

#[test]
fn of_pairs_the_largest_difference_comes_first() {
    let refunds = [refund(1, 500), refund(2, 500), refund(3, 700)];
    let dollars = |key, minor| line(key, minor).currency("USD");
    let lines = [dollars("r-1", 500), dollars("r-2", 900), dollars("r-3", 1)];
    check(
        &plain(&refunds, &lines),
        0,
        &[
            "currency_mismatch 2 r2 900 USD",
            "currency_mismatch 2 r2 -500 EUR",
            "currency_mismatch 3 r3 -700 EUR",
            "currency_mismatch 3 r3 1 USD",
            "currency_mismatch 1 r1 -500 EUR",
            "currency_mismatch 1 r1 500 USD",
        ],
    );
}

#[test]
fn dates_too_far_apart_are_a_break_without_a_difference() {
    let report = plain(&[refund(1, 500)], &[line("r-1", 500).day(6)]);
    check(&report, 0, &["date_outside_window 1 r1 0 EUR"]);
    check(
        &plain(&[refund(1, 500)], &[line("r-1", 500).day(5)]),
        1,
        &[],
    );
}

#[test]
fn currency_goes_before_amount_and_amount_before_date() {
    let far = line("r-1", 501).day(30);
    let report = plain(&[refund(1, 500)], std::slice::from_ref(&far));
    check(&report, 0, &["amount_mismatch 1 r1 1 EUR"]);
    let report = plain(&[refund(1, 500)], &[far.currency("USD")]);
    assert!(
        breaks(&report)
            .iter()
            .all(|found| found.starts_with("currency_mismatch"))
    );
}

#[test]
fn a_deleted_refund_that_was_paid_is_a_break() {
    let report = plain(&[refund(1, 500).deleted()], &[line("r-1", 500)]);
    check(&report, 0, &["ledger_refund_deleted 1 r1 500 EUR"]);
    assert_eq!(report.totals[&sides::currency("EUR")].ledger_minor, 0);
}

#[test]
fn what_one_side_lacks_is_missing_there() {
    let report = plain(
        &[refund(1, 500), refund(2, 7).deleted()],
        &[line("x", 40), line("", 3)],
    );
    check(
        &report,
        0,
        &[
            "missing_in_ledger 1 - 40 EUR",
            "missing_in_ledger 2 - 3 EUR",
            "missing_in_statement - r1 -500 EUR",
        ],
    );
    assert_eq!(report.breaks[2].key.as_deref(), Some("r-1"));
}

#[test]
fn a_line_of_another_key_matches_by_invoice_amount_and_date() {
    let refunds = [refund(1, 500).invoice("i-1")];
    check(
        &plain(&refunds, &[line("x", 500).invoice("i-1").day(5)]),
        1,
        &[],
    );
    let late = plain(
        &refunds,
        &[line("x", 499).invoice("i-1").day(6), line("x", 1)],
    );
    assert_eq!(late.matched, 0);
}

#[test]
fn of_several_refunds_of_an_invoice_as_many_as_can_be_are_matched() {
    // The second line can only be the second refund's, so the first must not take it.
    let refunds = [
        refund(1, 500).invoice("i"),
        refund(2, 500).invoice("i").day(4),
    ];
    let lines = [
        line("x", 500).invoice("i").day(4),
        line("y", 500).invoice("i").day(9),
    ];
    check(&plain(&refunds, &lines), 2, &[]);
}

#[test]
fn the_sums_of_an_invoice_match_where_single_amounts_do_not() {
    let refunds = [
        refund(1, 500).invoice("i"),
        refund(2, 700).invoice("i").day(30),
    ];
    check(&plain(&refunds, &[line("x", 1_200).invoice("i")]), 1, &[]);
    let other_currency = line("x", 1_200).invoice("i").currency("USD");
    assert_eq!(plain(&refunds, &[other_currency]).breaks.len(), 3);
}

#[test]
fn what_is_outside_of_the_period_takes_nothing_from_what_is_inside() {
    // Each first line goes with a refund too far off to be looked at.
    let early = [
        line("x", 500).invoice("i").day(-3),
        line("y", 500).invoice("i").day(1),
    ];
    let report = reconcile(&[refund(1, 500).invoice("i")], &early, in_march(5));
    check(&report, 1, &[]);
    let late = [
        line("x", 500).invoice("i").day(33),
        line("y", 500).invoice("i").day(29),
    ];
    let report = reconcile(&[refund(1, 500).invoice("i").day(30)], &late, in_march(5));
    check(&report, 1, &[]);
    let refunds = [
        refund(1, 500).invoice("i").day(-3),
        refund(2, 500).invoice("i").day(1),
    ];
    let report = reconcile(&refunds, &[line("x", 500).invoice("i")], in_march(5));
    check(&report, 1, &[]);
}

#[test]
fn of_lines_that_fit_alike_the_same_is_left_in_any_order() {
    let refunds = [refund(1, 500).invoice("i")];
    let mut lines = [line("x", 500).invoice("i"), line("y", 500).invoice("i")];
    for number in [2, 1] {
        let report = plain(&refunds, &lines);
        check(
            &report,
            1,
            &[&format!("missing_in_ledger {number} - 500 EUR")],
        );
        assert_eq!(report.breaks[0].key.as_deref(), Some("y"));
        lines.reverse();
    }
    let mut lines = [line("r-1", 498), line("r-1", 502)];
    for number in [2, 1] {
        let report = reconcile(&[refund(1, 500)], &lines, tolerating(2));
        check(
            &report,
            1,
            &[&format!("duplicate_in_statement {number} r1 502 EUR")],
        );
        lines.reverse();
    }
    let mut lines = [line("", -5), line("", 5)];
    for wanted in [["1 - -5", "2 - 5"], ["2 - -5", "1 - 5"]] {
        let wanted = wanted.map(|found| format!("missing_in_ledger {found} EUR"));
        assert_eq!(breaks(&plain(&[], &lines)), wanted);
        lines.reverse();
    }
}

#[test]
fn of_several_lines_the_earliest_is_told() {
    let mut lines = [line("r-1", 1).day(4), line("r-1", 2).day(1)];
    for number in [2, 1] {
        let report = plain(&[refund(1, 500)], &lines);
        check(
            &report,
            0,
            &[&format!("amount_mismatch {number} r1 -497 EUR")],
        );
        assert_eq!(report.breaks[0].statement_date, Some(day(1)));
        lines.reverse();
    }
}

#[test]
fn lines_of_an_invoice_that_come_to_nothing_match_no_refund() {
    let lines = [
        line("x", 500).invoice("i"),
        line("y", -500).invoice("i").day(20),
    ];
    check(&plain(&[], &lines), 2, &[]);
    check(
        &plain(&[refund(1, 500).invoice("i").deleted()], &lines),
        2,
        &[],
    );
    let report = plain(&[refund(1, 7).invoice("i")], &lines);
    assert_eq!(report.matched, 0);
}

#[test]
fn the_sums_of_an_invoice_may_differ_by_what_is_tolerated() {
    let refunds = [refund(1, 500).invoice("i"), refund(2, 700).invoice("i")];
    let lines = [line("x", 501).invoice("i"), line("y", 701).invoice("i")];
    let report = reconcile(&refunds, &lines, tolerating(2));
    check(&report, 2, &[]);
    assert_eq!(report.totals[&sides::currency("EUR")].tolerated_minor, 2);
    assert_eq!(reconcile(&refunds, &lines, tolerating(1)).breaks.len(), 4);
    // What has no refund at all is not let pass.
    let report = reconcile(&[], &[line("x", 1).invoice("i")], tolerating(2));
    check(&report, 0, &["missing_in_ledger 1 - 1 EUR"]);
}

#[test]
fn a_line_is_claimed_by_its_key_before_its_invoice() {
    let refunds = [refund(1, 500).invoice("i"), refund(2, 400).invoice("i")];
    let report = plain(&refunds, &[line("r-2", 500).invoice("i")]);
    check(
        &report,
        0,
        &[
            "missing_in_statement - r1 -500 EUR",
            "amount_mismatch 1 r2 100 EUR",
        ],
    );
}

#[test]
fn small_differences_are_tolerated_and_told() {
    let report = reconcile(&[refund(1, 500)], &[line("r-1", 498)], tolerating(2));
    check(&report, 1, &[]);
    let totals = report.totals[&sides::currency("EUR")];
    assert_eq!(
        (totals.tolerated_minor, totals.difference_minor()),
        (-2, -2)
    );
    let report = reconcile(&[refund(1, 500)], &[line("r-1", 497)], tolerating(2));
    check(&report, 0, &["amount_mismatch 1 r1 -3 EUR"]);
}

#[test]
fn what_is_exact_goes_before_what_is_tolerated() {
    let lines = [line("r-1", 2), line("r-1", 500)];
    let report = reconcile(&[refund(1, 500)], &lines, tolerating(5));
    check(&report, 1, &["duplicate_in_statement 1 r1 2 EUR"]);
}

fn in_march(window_days: u32) -> ReconcileOptions {
    ReconcileOptions {
        period: Period {
            from: Some(day(0)),
            to: Some(day(31)),
            window_days,
        },
        ..ReconcileOptions::default()
    }
}

#[test]
fn what_is_outside_of_the_period_is_there_for_what_is_inside() {
    let report = reconcile(&[refund(1, 500)], &[line("r-1", 500).day(-3)], in_march(5));
    check(&report, 1, &[]);
    let report = reconcile(
        &[refund(1, 500).day(33)],
        &[line("r-1", 500).day(30)],
        in_march(5),
    );
    check(&report, 1, &[]);
    let report = reconcile(&[refund(1, 500)], &[line("r-1", 500).day(-6)], in_march(5));
    check(&report, 0, &["missing_in_statement - r1 -500 EUR"]);
}

#[test]
fn what_is_outside_on_both_sides_is_not_told() {
    let refunds = [refund(1, 500).day(-2), refund(2, 500).day(-2)];
    let lines = [
        line("r-1", 500).day(-1),
        line("r-2", 400).day(-1),
        line("x", 9).day(32),
    ];
    let report = reconcile(&refunds, &lines, in_march(5));
    check(&report, 0, &[]);
    assert!(report.totals.is_empty());
    assert_eq!(report.statement.refund_lines, 3);
}

#[test]
fn the_end_of_a_period_is_outside_and_its_start_inside() {
    let refunds = [refund(1, 500), refund(2, 500).day(31)];
    check(
        &reconcile(&refunds, &[], in_march(0)),
        0,
        &["missing_in_statement - r1 -500 EUR"],
    );
}

#[test]
fn only_what_can_be_nothing_else_is_proposed() {
    let proposing = ReconcileOptions {
        propose: true,
        ..ReconcileOptions::default()
    };
    let refunds = [
        refund(1, 500),
        refund(2, 70),
        refund(3, 70).day(2),
        refund(4, 8),
    ];
    let lines = [line("x", 500).day(4), line("y", 70), line("z", 8).day(6)];
    let report = reconcile(&refunds, &lines, proposing);
    assert_eq!(report.breaks.len(), 7);
    assert_eq!(report.proposals.len(), 1);
    assert_eq!(
        (report.proposals[0].line, report.proposals[0].minor),
        (1, 500)
    );
    assert_eq!(
        reconcile(&refunds, &lines, ReconcileOptions::default()).proposals,
        []
    );
}

#[test]
fn proposals_look_beyond_the_period_too() {
    let proposing = ReconcileOptions {
        propose: true,
        ..in_march(5)
    };
    let proposed = |refunds: &[Refund], lines: &[Line]| {
        let report = reconcile(refunds, lines, proposing);
        let proposals = report.proposals.iter();
        proposals
            .map(|found| found.refund_id.as_bytes()[0])
            .collect::<Vec<_>>()
    };
    let early = refund(1, 500).day(-2);
    let lines = [line("x", 500).day(1)];
    assert_eq!(proposed(std::slice::from_ref(&early), &lines), [1]);
    assert_eq!(
        proposed(&[early.clone(), refund(2, 500)], &lines),
        [0_u8; 0]
    );
    // Both are of another period.
    assert_eq!(proposed(&[early], &[line("x", 500).day(-1)]), [0_u8; 0]);
}

#[test]
fn refunds_of_two_orgs_are_refused() {
    let mut twice = [refund(1, 500), refund(2, 500)];
    twice[1].external_id = Some("r-1".into());
    let refused = try_reconcile(&twice, &[], ReconcileOptions::default()).unwrap_err();
    assert!(matches!(refused, ReconcileError::ExternalIdTwice { .. }));

    // The first of several is told, wherever they stand.
    let mut many: Vec<_> = (0..100).map(|n| refund(n, 500)).collect();
    for (n, refund) in many.iter_mut().enumerate() {
        refund.external_id = Some(format!("r-{:02}", 49 - n / 2));
    }
    for _ in 0..8 {
        many.rotate_left(13);
        let refused = try_reconcile(&many, &[], ReconcileOptions::default()).unwrap_err();
        let wanted = ReconcileError::ExternalIdTwice {
            external_id: "r-00".into(),
            first: id(98),
            second: id(99),
        };
        assert_eq!(refused, wanted);
    }
}

#[test]
fn two_faults_of_one_line_come_in_one_order() {
    let report = |faults: [&str; 2]| {
        let mut both = Reconciliation::new(Source::Stripe, ReconcileOptions::default());
        for reason in faults {
            both.item(Item::Unreadable {
                line: 5,
                reason: reason.into(),
            })
            .unwrap();
        }
        both.finish().unwrap()
    };
    let [one, other] = ["its amount is negative", "what follows is missing"];
    assert_eq!(report([one, other]), report([other, one]));
}

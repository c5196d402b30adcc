//! Reports to write down.

use refund_reconcile::{Item, Period, ReconcileOptions, Reconciliation, Report, Source};

use crate::sides::{Line, Refund, day, finish, item, line, refund};

/// What a statement holds.
pub(crate) enum Row {
    Line(Line),
    Ignored(&'static str),
    Unreadable(&'static str),
}

fn reconcile(
    source: Source,
    refunds: &[Refund],
    rows: &[Row],
    options: ReconcileOptions,
) -> Report {
    let mut both = Reconciliation::new(source, options);
    // A header comes first.
    for (number, row) in (2..).zip(rows) {
        let item = match row {
            Row::Line(line) => item(number, line),
            Row::Ignored(kind) => Item::Ignored(kind),
            Row::Unreadable(reason) => Item::Unreadable {
                line: number,
                reason: (*reason).into(),
            },
        };
        both.item(item).unwrap();
    }
    finish(both, refunds).unwrap()
}

/// March 2026, with two minor units of tolerance, and proposals.
pub(crate) fn options() -> ReconcileOptions {
    ReconcileOptions {
        period: Period {
            from: Some(day(0)),
            to: Some(day(31)),
            window_days: 5,
        },
        tolerance_minor: 2,
        propose: true,
    }
}

fn in_currency(mut refund: Refund, currency: &'static str) -> Refund {
    refund.currency = currency;
    refund
}

/// Each kind of break, several currencies, a match, a tolerated difference, a proposal and lines
/// that can't be read.
pub(crate) fn all_kinds() -> Report {
    let refunds = [
        refund(1, 121_000).day(1),
        refund(2, 4_999).day(2),
        refund(3, 1_210).day(3),
        refund(4, 2_500).day(4),
        refund(5, 60_000).day(5),
        refund(6, 700).day(6),
        refund(7, 9_900).day(7).deleted(),
        refund(8, 330).day(8),
        in_currency(refund(9, 12_000), "JPY").day(9),
        in_currency(refund(10, 1_234_567), "BHD").day(10),
        refund(11, 8_000).day(11),
        refund(12, 45_045).day(12),
    ];
    let rows = [
        Row::Line(line("r-1", 121_000).day(1)),
        Row::Line(line("r-2", 5_001).day(2)),
        Row::Ignored("Settled"),
        Row::Line(line("r-3", 1_200).day(3)),
        Row::Line(line("r-4", 2_700).currency("USD").day(4)),
        Row::Line(line("r-5", 60_000).day(15)),
        Row::Line(line("r-6", 700).day(6)),
        Row::Line(line("r-6", 700).day(8)),
        Row::Ignored("Settled"),
        Row::Line(line("r-7", 9_900).day(7)),
        Row::Line(line("unknown-1", 1_250_000).day(20)),
        Row::Line(line("unknown-2", -990).day(21)),
        Row::Unreadable("`Gross Debit (GC)` is `12,1o`; it must be a decimal with a point"),
        Row::Line(line("r-9", 15_000).currency("JPY").day(9)),
        Row::Line(line("r-10", 1_234_567).currency("BHD").day(10)),
        Row::Line(line("", 75).currency("JPY").day(10)),
        Row::Ignored("MerchantPayout"),
        Row::Line(line("psp-12", 45_045).day(13)),
        Row::Unreadable("the file ends within this line"),
    ];
    reconcile(Source::Adyen, &refunds, &rows, options())
}

/// One line that can't be read; the rest agrees.
pub(crate) fn incomplete() -> Report {
    let rows = [
        Row::Line(line("r-1", 500)),
        Row::Unreadable("`amount` is empty; it must be a decimal with a point"),
    ];
    reconcile(Source::Stripe, &[refund(1, 500)], &rows, options())
}

/// All agrees.
pub(crate) fn agreeing() -> Report {
    let refunds = [refund(1, 500), refund(2, 1_210)];
    let rows = [Row::Line(line("r-1", 500)), Row::Line(line("r-2", 1_210))];
    reconcile(Source::PayPal, &refunds, &rows, ReconcileOptions::default())
}

/// Neither side has anything.
pub(crate) fn empty() -> Report {
    reconcile(Source::Camt053, &[], &[], ReconcileOptions::default())
}

/// What somebody may write into a statement or a ledger.
pub(crate) const HOSTILE: [&str; 10] = [
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'; DROP TABLE refunds; --",
    "two\r\nlines, and \"quotes\"",
    "rf\u{202e}cod.exe\u{202c}\u{200b}",
    "＝1+1",
    "\0\u{1}\u{ffff}_x0041_",
    "&lt;&#x3c;]]>",
    "1;=1+1;2",
];

/// Those, as keys, types, messages and external ids, and amounts that no double counts.
pub(crate) fn hostile() -> Report {
    let mut rows: Vec<_> = HOSTILE
        .iter()
        .flat_map(|text| {
            [
                Row::Line(line(text, 7)),
                Row::Ignored(text),
                Row::Unreadable(text),
            ]
        })
        .collect();
    rows.push(Row::Line(line(&"=x".repeat(5_000), 1)));
    rows.push(Row::Line(line("large", i64::MAX)));
    rows.push(Row::Line(line("larger", i64::MAX)));
    rows.push(Row::Line(line("largest", 999_999_999_999_999)));
    let refunds: Vec<_> = (1..)
        .zip(HOSTILE)
        .map(|(number, text)| {
            let mut made = refund(number, 3);
            made.external_id = Some(text.into());
            made.deleted = number == 1;
            made
        })
        .collect();
    reconcile(Source::Csv, &refunds, &rows, ReconcileOptions::default())
}

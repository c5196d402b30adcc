//! Statements, read and reconciled.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use refund_ledger::{Currency, RefundId};
use refund_reconcile::{
    About, Item, LedgerRefund, ReadOptions, Reason, ReconcileOptions, Reconciliation, Report,
    Source, StatementError, StatementLine, read_statement, write_csv, write_html, write_json,
};

/// A stream that gives so many bytes at a time.
struct Pieces<'a> {
    rest: &'a [u8],
    size: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.size.min(out.len()).min(self.rest.len());
        let (now, later) = self.rest.split_at(count);
        out[..count].copy_from_slice(now);
        self.rest = later;
        Ok(count)
    }
}

/// Reads a statement and reconciles it. The first line is the map to read the rest with.
///
/// How its bytes arrive changes nothing; what can't be read has a line and a reason; a report is made of
/// the rest, with totals that add up, in every form; and a ledger that holds just what the statement says
/// agrees with it.
pub fn reconcile(source: Source, input: &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n');
    let (map, statement) = input.split_at(end.map_or(0, |end| end + 1));
    let Ok(map) = std::str::from_utf8(map) else {
        return;
    };
    let made = map
        .trim()
        .parse()
        .and_then(|map| ReadOptions::new(source, map));
    let options = match made {
        Ok(options) => options,
        Err(error) => return said(&error.to_string()),
    };
    let mut both = Reconciliation::new(
        source,
        ReconcileOptions {
            propose: true,
            ..ReconcileOptions::default()
        },
    );
    let mut agreeing = Reconciliation::new(source, ReconcileOptions::default());
    let mut given: BTreeMap<Currency, i128> = BTreeMap::new();
    // Whether each line is a refund with a key of its own.
    let mut is_plain = true;
    let mut keys = BTreeSet::new();
    let mut whole = Vec::new();
    let read = read_statement(statement, &options, &mut |item| {
        whole.push(format!("{item:?}"));
        match &item {
            Item::Refund(line) => {
                assert!(line.line > 0, "a line without a number: {line:?}");
                *given.entry(line.currency).or_default() += i128::from(line.minor);
                let is_new = line.key.is_some_and(|key| keys.insert(key.to_owned()));
                is_plain &= is_new && line.minor > 0;
                agreeing.refund(&as_refund(line)).expect("there is room");
            }
            Item::Ignored(_) => {}
            Item::Unreadable { line, reason } => {
                assert!(*line > 0, "unreadable, without a number: {reason}");
                said(reason);
            }
        }
        both.item(item.clone()).expect("there is room");
        agreeing.item(item).expect("there is room");
    });
    whole.push(format!("{read:?}"));
    let pieces = Pieces {
        rest: statement,
        size: 1 + statement.len() % 8,
    };
    assert_eq!(whole, shown(pieces, &options), "as it arrives in pieces");
    if let Err(error) = read {
        said(&error.to_string());
        if let StatementError::NoReadableLine { line, reason } = error {
            assert!(line > 0, "no readable line, without a number: {reason}");
        }
        return;
    }
    let report = both.finish().expect("there is room");
    for (currency, given) in given {
        let total = report
            .totals
            .get(&currency)
            .map_or(0, |total| total.statement_minor);
        assert_eq!(total, given, "what was given back in {currency}");
    }
    check(&report);
    if is_plain {
        let report = agreeing.finish().expect("there is room");
        check(&report);
        let others = report
            .breaks
            .iter()
            .find(|found| found.reason != Reason::UnreadableLine);
        assert_eq!(
            others, None,
            "the ledger holds just what the statement says"
        );
    }
}

/// One text for each item, and one for what became of the file.
fn shown(statement: impl Read, options: &ReadOptions) -> Vec<String> {
    let mut shown = Vec::new();
    let read = read_statement(statement, options, &mut |item| {
        shown.push(format!("{item:?}"));
    });
    shown.push(format!("{read:?}"));
    shown
}

fn said(reason: &str) {
    assert!(!reason.is_empty(), "something is refused without a reason");
}

/// The refund that a line is about, as a ledger would have it.
fn as_refund<'a>(line: &StatementLine<'a>) -> LedgerRefund<'a> {
    LedgerRefund {
        id: RefundId::from_bytes(u128::from(line.line).to_be_bytes()),
        external_id: line.key,
        invoice: line.invoice,
        currency: line.currency,
        minor: line.minor,
        date: line.date,
        deleted: false,
    }
}

/// Checks that the totals of a report are its breaks, and that it can be written in every form.
fn check(report: &Report) {
    let mut of_breaks: BTreeMap<Currency, i128> = BTreeMap::new();
    for sides in report.breaks.iter().filter_map(|found| found.sides) {
        *of_breaks.entry(sides.currency).or_default() += sides.difference_minor();
    }
    for (currency, total) in &report.totals {
        let of_breaks = of_breaks.remove(currency).unwrap_or_default();
        assert_eq!(
            total.difference_minor(),
            of_breaks + total.tolerated_minor,
            "the total of {currency}"
        );
    }
    assert!(
        of_breaks.is_empty(),
        "breaks without a total: {of_breaks:?}"
    );

    let mut json = Vec::new();
    write_json(report, &mut json).expect("memory takes it");
    serde_json::from_slice::<serde_json::Value>(&json).expect("the report is JSON");
    let about = About {
        title: "Refunds",
        statement: "statement",
        ledger: "refunds.db",
        org: None,
        options: ReconcileOptions::default(),
        made_at: None,
    };
    for written in [
        text(|out| write_csv(report, out)),
        text(|out| write_html(report, &about, out)),
    ] {
        std::str::from_utf8(&written).expect("a report is text");
    }
}

fn text(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> Vec<u8> {
    let mut written = Vec::new();
    write(&mut written).expect("memory takes it");
    written
}

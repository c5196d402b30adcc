//! Both sides of a reconciliation, in few words.

use refund_ledger::{Currency, RefundId, Timestamp};
use refund_reconcile::{
    Item, LedgerRefund, ReconcileError, ReconcileOptions, Reconciliation, Report, Source,
    StatementLine,
};

/// A refund that a test makes up.
#[derive(Clone, Debug)]
pub(crate) struct Refund {
    pub(crate) id: u8,
    pub(crate) external_id: Option<String>,
    pub(crate) invoice: Option<String>,
    pub(crate) currency: &'static str,
    pub(crate) minor: i64,
    pub(crate) day: i64,
    pub(crate) deleted: bool,
}

/// A line that a test makes up.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) key: Option<String>,
    pub(crate) invoice: Option<String>,
    pub(crate) currency: &'static str,
    pub(crate) minor: i64,
    pub(crate) day: i64,
}

pub(crate) fn refund(id: u8, minor: i64) -> Refund {
    Refund {
        id,
        external_id: Some(format!("r-{id}")),
        invoice: None,
        currency: "EUR",
        minor,
        day: 0,
        deleted: false,
    }
}

pub(crate) fn line(key: &str, minor: i64) -> Line {
    Line {
        key: (!key.is_empty()).then(|| key.into()),
        invoice: None,
        currency: "EUR",
        minor,
        day: 0,
    }
}

impl Refund {
    pub(crate) fn invoice(mut self, invoice: &str) -> Self {
        self.invoice = Some(invoice.into());
        self
    }

    pub(crate) fn day(mut self, day: i64) -> Self {
        self.day = day;
        self
    }

    pub(crate) fn deleted(mut self) -> Self {
        self.deleted = true;
        self
    }
}

impl Line {
    pub(crate) fn invoice(mut self, invoice: &str) -> Self {
        self.invoice = Some(invoice.into());
        self
    }

    pub(crate) fn day(mut self, day: i64) -> Self {
        self.day = day;
        self
    }

    pub(crate) fn currency(mut self, currency: &'static str) -> Self {
        self.currency = currency;
        self
    }
}

/// Midnight, so many days after 1 March 2026.
pub(crate) fn day(day: i64) -> Timestamp {
    Timestamp::from_unix(1_772_323_200 + day * 86_400, 0).unwrap()
}

pub(crate) fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

pub(crate) fn id(number: u8) -> RefundId {
    RefundId::from_bytes([number; 16])
}

/// The line as a reader hands it over.
pub(crate) fn item(number: u64, line: &Line) -> Item<'_> {
    Item::Refund(StatementLine {
        line: number,
        key: line.key.as_deref(),
        invoice: line.invoice.as_deref(),
        currency: currency(line.currency),
        minor: line.minor,
        date: day(line.day),
    })
}

/// Adds the refunds to the ledger's side, and tells what was found.
pub(crate) fn finish(
    mut both: Reconciliation,
    refunds: &[Refund],
) -> Result<Report, ReconcileError> {
    for refund in refunds {
        both.refund(&LedgerRefund {
            id: id(refund.id),
            external_id: refund.external_id.as_deref(),
            invoice: refund.invoice.as_deref(),
            currency: currency(refund.currency),
            minor: refund.minor,
            date: day(refund.day),
            deleted: refund.deleted,
        })?;
    }
    both.finish()
}

/// Lines are numbered from 1, as they come.
pub(crate) fn try_reconcile(
    refunds: &[Refund],
    lines: &[Line],
    options: ReconcileOptions,
) -> Result<Report, ReconcileError> {
    let mut both = Reconciliation::new(Source::Csv, options);
    for (number, line) in (1..).zip(lines) {
        both.item(item(number, line))?;
    }
    finish(both, refunds)
}

pub(crate) fn reconcile(refunds: &[Refund], lines: &[Line], options: ReconcileOptions) -> Report {
    try_reconcile(refunds, lines, options).unwrap()
}

/// Each break as `reason line refund difference`, `-` where there is none.
pub(crate) fn breaks(report: &Report) -> Vec<String> {
    let dash = || "-".to_owned();
    let one = |found: &refund_reconcile::Break| {
        let line = found.line.map_or_else(dash, |line| line.to_string());
        let refund = found
            .refund_id
            .map_or_else(dash, |id| format!("r{}", id.as_bytes()[0]));
        let difference = found.sides.map_or_else(dash, |sides| {
            format!("{} {}", sides.difference_minor(), sides.currency)
        });
        format!("{} {line} {refund} {difference}", found.reason)
    };
    report.breaks.iter().map(one).collect()
}

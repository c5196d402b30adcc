//! Refunds as CSV that is safe to open in a spreadsheet.

use std::borrow::Cow;
use std::io;

use refund_ledger::{Refund, Tax, minor_to_decimal};

use crate::failure::Failure;
use crate::output::{Output, checked};
use crate::table::external_id;

/// The columns: the names of the import's, and what only the ledger knows.
const COLUMNS: [&str; 23] = [
    "id",
    "org_id",
    "subscription_id",
    "movement_id",
    "kind",
    "refund_datetime",
    "period_start_datetime",
    "period_end_datetime",
    "amount.value_with_taxes",
    "amount.value_without_taxes",
    "amount.currency",
    "amount.tax.type",
    "amount.tax.percentage",
    "amount.billable",
    "external_invoice_id",
    "external_refund_unique_id",
    "transaction_type_id",
    "billable",
    "description",
    "revision",
    "created_at",
    "updated_at",
    "deleted",
];

/// Rows on their way to the output.
pub(crate) struct Rows<'a>(csv::Writer<&'a mut Output>);

impl<'a> Rows<'a> {
    /// Writes the header.
    pub(crate) fn begin(output: &'a mut Output) -> Result<Self, Failure> {
        let mut rows = Self(csv::Writer::from_writer(output));
        written(rows.0.write_record(COLUMNS))?;
        Ok(rows)
    }

    /// Writes a refund.
    pub(crate) fn refund(&mut self, refund: &Refund) -> Result<(), Failure> {
        let cells = cells(refund);
        written(
            self.0
                .write_record(cells.iter().map(|cell| harmless(cell).into_owned())),
        )
    }

    /// Writes what is still held back.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        checked(self.0.flush())
    }
}

fn written(result: Result<(), csv::Error>) -> Result<(), Failure> {
    checked(result.map_err(|error| match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }))
}

fn cells(refund: &Refund) -> [String; COLUMNS.len()] {
    let details = &refund.details;
    let key = &refund.movement;
    let (currency, values) = (details.amount.currency(), details.amount.values());
    let tax = details.amount.tax();
    let transaction_type = details.kind.transaction_type_id();
    let billable = details.billable.to_string();
    let (amount_billable, billable) = match transaction_type {
        Some(_) => (billable, String::new()),
        None => (String::new(), billable),
    };
    [
        refund.id.to_string(),
        key.org_id().into(),
        key.subscription_id().into(),
        key.movement_id().into(),
        details.kind.name().to_string(),
        details.refund_datetime.to_string(),
        optional(details.period.start()),
        optional(details.period.end()),
        minor_to_decimal(values.with.into(), currency),
        minor_to_decimal(values.without.into(), currency),
        currency.to_string(),
        optional(tax.map(Tax::tax_type)),
        optional(tax.map(Tax::percentage)),
        amount_billable,
        optional(details.external_invoice_id.as_ref()),
        optional(external_id(refund)),
        optional(transaction_type),
        billable,
        optional(details.description.text()),
        refund.revision.to_string(),
        refund.created_at.to_string(),
        refund.updated_at.to_string(),
        refund.deleted.to_string(),
    ]
}

fn optional(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// What spreadsheets take for the end of a cell, by their settings, also where it stands within one:
/// wherever decimals have a comma, a semicolon.
const SEPARATORS: [char; 4] = [';', '\t', '\r', '\n'];

/// A cell that no spreadsheet runs as a formula: what could be one gets an apostrophe in front, also
/// behind what ends a cell.
fn harmless(cell: &str) -> Cow<'_, str> {
    let begins_oddly = cell.starts_with(['\t', '\r', '\n']);
    if !begins_oddly && !cell.split(SEPARATORS).any(is_formula) {
        return Cow::Borrowed(cell);
    }
    let mut harmless = String::new();
    for (at, piece) in cell.split_inclusive(SEPARATORS).enumerate() {
        if at == 0 && begins_oddly || is_formula(piece.trim_end_matches(SEPARATORS)) {
            harmless.push('\'');
        }
        harmless.push_str(piece);
    }
    Cow::Owned(harmless)
}

/// Spreadsheets look past white space and quotes, and some take the full-width signs too.
fn is_formula(cell: &str) -> bool {
    let first = cell
        .trim_start_matches(|c: char| c.is_whitespace() || c.is_control() || "'\"`".contains(c));
    first.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) && !is_number(cell)
}

/// Whether it is a plain decimal, which may have a sign.
fn is_number(cell: &str) -> bool {
    let digits = cell.strip_prefix(['-', '+']).unwrap_or(cell);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    all_digits(whole) && all_digits(fraction)
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn what_a_spreadsheet_would_run_gets_an_apostrophe() {
        for formula in [
            "=1+1",
            "+1+1",
            "-1+1",
            "@SUM(A1)",
            "\rx",
            " =1",
            "\"=1",
            "'=1",
            " \"'=1",
            "＝1",
            "-",
            "+-1",
            "-1.",
            "=cmd|' /C calc'!A0",
            "\u{a0}=1",
        ] {
            assert_eq!(harmless(formula), format!("'{formula}"), "{formula:?}");
        }
        for (text, harmless_text) in [
            ("x;=1+1;y", "x;'=1+1;y"),
            ("x;-1;-1+1;", "x;-1;'-1+1;"),
            ("\t=1", "'\t'=1"),
        ] {
            assert_eq!(harmless(text), harmless_text, "{text:?}");
        }
        for text in [
            "",
            "12.1",
            "-5",
            "+34600000000",
            "-0.05",
            "a=b",
            "two days",
            "'quoted'",
            "1-2",
        ] {
            assert_eq!(harmless(text), text, "{text:?}");
        }
    }
}

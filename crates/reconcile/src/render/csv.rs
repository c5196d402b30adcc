//! A row for each break.

use std::io::{self, BufWriter, Write};

use refund_ledger::Timestamp;

use super::cell::{harmless, major};
use crate::report::{Break, Report};

const HEADER: &str = "reason,line,key,refund_id,statement_date,ledger_date,currency,\
                      statement,ledger,difference,\
                      statement_minor,ledger_minor,difference_minor,pair,message\r\n";

/// Writes the breaks as CSV ([RFC 4180](https://www.rfc-editor.org/rfc/rfc4180)): a header, and a
/// row for each, in the report's order.
///
/// `statement`, `ledger` and `difference` are in major units (`12.10`), beside them the same in
/// minor ones (`1210`). Dates are RFC 3339 in UTC. What is not there is empty. A text that a
/// spreadsheet would run as a formula gets an apostrophe in front.
///
/// # Errors
/// Where `out` can't be written to.
pub fn write_csv(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    out.write_all(HEADER.as_bytes())?;
    for found in &report.breaks {
        row(found, &mut out)?;
    }
    out.flush()
}

fn row(found: &Break, out: &mut impl Write) -> io::Result<()> {
    write!(out, "{},{},", found.reason, optional(found.line))?;
    text(found.key.as_deref(), out)?;
    let date = |date: Option<Timestamp>| optional(date);
    write!(
        out,
        ",{},{},{},",
        optional(found.refund_id),
        date(found.statement_date),
        date(found.ledger_date)
    )?;
    match found.sides {
        None => write!(out, ",,,,,,")?,
        Some(sides) => {
            let amounts = [
                sides.statement_minor,
                sides.ledger_minor,
                sides.difference_minor(),
            ];
            write!(out, "{}", sides.currency)?;
            for amount in amounts {
                write!(out, ",{}", major(amount, sides.currency))?;
            }
            for amount in amounts {
                write!(out, ",{amount}")?;
            }
        }
    }
    write!(out, ",{},", optional(found.pair))?;
    text(found.message.as_deref(), out)?;
    out.write_all(b"\r\n")
}

fn optional(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// A text of somebody else: harmless, and in quotes where it needs them.
fn text(text: Option<&str>, out: &mut impl Write) -> io::Result<()> {
    let given = text.unwrap_or_default();
    let cell = harmless(given);
    let is_plain = cell == given && !given.contains([',', '"', '\r', '\n']);
    if is_plain {
        out.write_all(given.as_bytes())
    } else {
        write!(out, "\"{}\"", cell.replace('"', "\"\""))
    }
}

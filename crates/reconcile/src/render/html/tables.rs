//! The lists of the page.

use std::fmt;
use std::io::{self, Write};

use refund_ledger::{Currency, Timestamp};

use super::text::Text;
use crate::render::cell::{Amount, Count, Difference, day_and_time};
use crate::render::sums::{Sums, of_reason};
use crate::render::words::{counted, length};
use crate::report::{Break, Reason, Report, Sides};

/// More rows of one list than this make a page slow.
const ROWS_MAX: usize = 2_000;

/// The sums of each currency.
pub(super) fn totals(report: &Report, out: &mut impl Write) -> io::Result<()> {
    if report.totals.is_empty() {
        return Ok(());
    }
    out.write_all(
        b"<section aria-labelledby=\"totals\"><h2 id=\"totals\">Totals</h2>\
          <div class=\"wide\" tabindex=\"0\" role=\"group\" aria-labelledby=\"totals\">\
          <table class=\"sums totals\"><caption>What was given back, by currency</caption><thead><tr>\
          <th scope=\"col\">Currency</th><th scope=\"col\" class=\"n\">Statement</th>\
          <th scope=\"col\" class=\"n\">Ledger</th><th scope=\"col\" class=\"n\">Difference</th>\
          <th scope=\"col\" class=\"n\">Of it let pass</th></tr></thead><tbody>\n",
    )?;
    for (currency, totals) in &report.totals {
        writeln!(
            out,
            "<tr><th scope=\"row\">{currency}</th><td class=\"n\">{}</td><td class=\"n\">{}</td>\
             <td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            Amount(totals.statement_minor, *currency),
            Amount(totals.ledger_minor, *currency),
            Difference(totals.difference_minor(), *currency),
            Difference(totals.tolerated_minor, *currency),
        )?;
    }
    out.write_all(b"</tbody></table></div></section>\n")
}

/// How the breaks make up the differences.
pub(super) fn explained(report: &Report, sums: &Sums, out: &mut impl Write) -> io::Result<()> {
    let mut broken = report
        .totals
        .iter()
        .filter(|(currency, _)| sums.broken(**currency).breaks > 0);
    let Some(first) = broken.next() else {
        return Ok(());
    };
    out.write_all(
        b"<section aria-labelledby=\"explained\"><h2 id=\"explained\">What the totals are made \
          of</h2><div class=\"wide\" tabindex=\"0\" role=\"group\" aria-labelledby=\"explained\">\
          <table class=\"sums parts\"><caption>What agrees and the breaks by reason add up to the totals of each \
          currency</caption><thead><tr><th scope=\"col\">Reason</th>\
          <th scope=\"col\" class=\"n\">Breaks</th><th scope=\"col\" class=\"n\">Statement</th>\
          <th scope=\"col\" class=\"n\">Ledger</th><th scope=\"col\" class=\"n\">Difference</th>\
          </tr></thead>\n",
    )?;
    for (currency, totals) in std::iter::once(first).chain(broken) {
        out.write_all(b"<tbody>\n")?;
        for (name, sum) in sums.made_of(*currency, totals) {
            writeln!(
                out,
                "<tr{}><th scope=\"row\">{currency}: {name}</th><td class=\"n\">{}</td>\
                 <td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
                if name == "total" {
                    " class=\"total\""
                } else {
                    ""
                },
                Count(sum.breaks),
                Amount(sum.statement_minor, *currency),
                Amount(sum.ledger_minor, *currency),
                Difference(sum.difference_minor(), *currency),
            )?;
        }
        out.write_all(b"</tbody>\n")?;
    }
    out.write_all(b"</table></div></section>\n")
}

/// The breaks of a reason.
pub(super) fn breaks(report: &Report, reason: Reason, out: &mut impl Write) -> io::Result<()> {
    let count = of_reason(report, reason).count();
    if count == 0 {
        return Ok(());
    }
    writeln!(
        out,
        "<section class=\"reason\" aria-labelledby=\"{reason}\"><h2 id=\"{reason}\">{} \
         <span class=\"count\">{}</span></h2><p>{}</p><p><b>What to do:</b> {}</p>",
        reason.title(),
        Count(length(count)),
        reason.meaning(),
        reason.advice()
    )?;
    let shown = of_reason(report, reason).take(ROWS_MAX);
    if reason == Reason::UnreadableLine {
        begin("unreadable", reason, count, &UNREADABLE, out)?;
        for found in shown {
            unreadable(found, out)?;
        }
    } else {
        begin("breaks", reason, count, &BREAKS, out)?;
        for found in shown {
            row(found, out)?;
        }
    }
    out.write_all(b"</tbody></table></div></section>\n")
}

/// A column: its name, its class and how it is sorted.
type Column = (&'static str, &'static str);

const BREAKS: [Column; 8] = [
    ("Reference", "text"),
    ("Line", "number"),
    ("Statement date", "text"),
    ("Statement amount", "number"),
    ("Refund", "text"),
    ("Ledger date", "text"),
    ("Ledger amount", "number"),
    ("Difference", "number"),
];

const UNREADABLE: [Column; 2] = [("Line", "number"), ("What is wrong", "text")];

fn begin(
    class: &str,
    reason: Reason,
    count: usize,
    columns: &[Column],
    out: &mut impl Write,
) -> io::Result<()> {
    let title = reason.title();
    if let Some(more) = count.checked_sub(ROWS_MAX).filter(|more| *more > 0) {
        writeln!(
            out,
            "<p class=\"more\">These are {} of {}{}. {} not listed here; the reports in CSV and \
             JSON have all.</p>",
            Count(length(ROWS_MAX)),
            Count(length(count)),
            if class == "breaks" {
                ", the largest differences"
            } else {
                ", the first"
            },
            counted(length(more), "more is", "more are"),
        )?;
    }
    write!(
        out,
        "<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-labelledby=\"{reason}\">\
         <table class=\"list {class}\"><caption>{title}: each of them</caption><thead><tr>"
    )?;
    for (name, sort) in columns {
        let numbers = if *sort == "number" {
            " class=\"n\""
        } else {
            ""
        };
        write!(
            out,
            "<th scope=\"col\" data-sort=\"{sort}\"{numbers}>{name}</th>"
        )?;
    }
    out.write_all(b"</tr></thead><tbody>\n")
}

fn unreadable(found: &Break, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "<tr><td class=\"n\">{}</td><td><bdi>{}</bdi></td></tr>",
        Optional(found.line.map(Number)),
        Text(found.message.as_deref().unwrap_or_default())
    )
}

fn row(found: &Break, out: &mut impl Write) -> io::Result<()> {
    let reference = found.key.as_deref().map(Isolated);
    write!(out, "<tr><td>{}", Optional(reference))?;
    if let Some(pair) = found.pair {
        write!(out, " <small>pair {pair}</small>")?;
    }
    let money = |minor: fn(&Sides) -> i128| {
        let sides = found.sides.as_ref();
        Optional(sides.map(|sides| Money(minor(sides), sides.currency)))
    };
    let difference = found
        .sides
        .map(|sides| Delta(sides.difference_minor(), sides.currency));
    writeln!(
        out,
        "</td><td class=\"n\">{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"id\">{}</td>\
         <td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
        Optional(found.line.map(Number)),
        Optional(found.statement_date.map(When)),
        money(|sides| sides.statement_minor),
        Optional(found.refund_id),
        Optional(found.ledger_date.map(When)),
        money(|sides| sides.ledger_minor),
        Optional(difference),
    )
}

/// What might belong together.
pub(super) fn proposals(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let count = report.proposals.len();
    if count == 0 {
        return Ok(());
    }
    writeln!(
        out,
        "<section class=\"reason\" aria-labelledby=\"proposals\"><h2 id=\"proposals\">What might \
         belong together <span class=\"count\">{}</span></h2><p>These lines and refunds have the \
         same amount and currency, and no other of either is left near that date. They stay in the \
         lists above.</p><p><b>What to do:</b> Check each; where it is right, give a file of keys \
         that says which external id the line's reference stands for, and reconcile once more.</p>",
        Count(length(count))
    )?;
    if count > ROWS_MAX {
        writeln!(
            out,
            "<p class=\"more\">These are {} of {}. The report in JSON has all.</p>",
            Count(length(ROWS_MAX)),
            Count(length(count))
        )?;
    }
    out.write_all(
        b"<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-labelledby=\"proposals\">\
          <table class=\"list proposals\"><caption>Lines and refunds that might belong together\
          </caption><thead><tr><th scope=\"col\" data-sort=\"text\">Reference</th>\
          <th scope=\"col\" data-sort=\"number\" class=\"n\">Line</th>\
          <th scope=\"col\" data-sort=\"text\">Refund</th>\
          <th scope=\"col\" data-sort=\"number\" class=\"n\">Amount</th></tr></thead><tbody>\n",
    )?;
    for proposal in report.proposals.iter().take(ROWS_MAX) {
        writeln!(
            out,
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"id\">{}</td><td class=\"n\">{}</td>\
             </tr>",
            Optional(proposal.key.as_deref().map(Isolated)),
            Number(proposal.line),
            proposal.refund_id,
            Money(proposal.minor.into(), proposal.currency),
        )?;
    }
    out.write_all(b"</tbody></table></div></section>\n")
}

/// What was left out of the statement, by the provider's names.
pub(super) fn ignored(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let ignored = &report.statement.ignored;
    if ignored.is_empty() {
        return Ok(());
    }
    out.write_all(
        b"<table><caption>Lines that are not about refunds, and so were left out</caption><thead>\
          <tr><th scope=\"col\">Type, as the provider has it</th>\
          <th scope=\"col\" class=\"n\">Lines</th></tr></thead><tbody>\n",
    )?;
    for (kind, lines) in ignored.iter().take(ROWS_MAX) {
        writeln!(
            out,
            "<tr><th scope=\"row\"><bdi>{}</bdi></th><td class=\"n\">{}</td></tr>",
            Text(kind),
            Count(*lines)
        )?;
    }
    out.write_all(b"</tbody></table>")?;
    if ignored.len() > ROWS_MAX {
        write!(
            out,
            "<p class=\"more\">These are {} of {} types; the report in JSON has all.</p>",
            Count(length(ROWS_MAX)),
            Count(length(ignored.len()))
        )?;
    }
    Ok(())
}

/// A value, or nothing, which the style shows as a dash.
struct Optional<T>(Option<T>);

impl<T: fmt::Display> fmt::Display for Optional<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => Ok(()),
            Some(value) => value.fmt(f),
        }
    }
}

/// A text whose direction is its own.
struct Isolated<'a>(&'a str);

impl fmt::Display for Isolated<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<bdi>{}</bdi>", Text(self.0))
    }
}

/// The number of a line.
struct Number(u64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<data value=\"{0}\">{0}</data>", self.0)
    }
}

/// A date, exact for programs.
struct When(Timestamp);

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (exact, shown) = (self.0, day_and_time(self.0));
        write!(f, "<time datetime=\"{exact}\">{shown}</time>")
    }
}

/// An amount, with its minor units for sorting.
struct Money(i128, Currency);

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<data value=\"{}\">{}</data>",
            self.0,
            Amount(self.0, self.1)
        )
    }
}

/// The same for a difference.
struct Delta(i128, Currency);

impl fmt::Display for Delta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<data value=\"{}\">{}</data>",
            self.0,
            Difference(self.0, self.1)
        )
    }
}

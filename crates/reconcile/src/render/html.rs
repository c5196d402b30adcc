//! One page that explains itself: it needs no network, and no scripts to be read.

mod chart;
mod tables;
mod text;

use std::io::{self, BufWriter, Write};

use self::text::Text;
use super::About;
use super::cell::{Count, day_and_time};
use super::sums::{Sums, of_reason};
use super::words::{self, Outcome, counted};
use crate::report::{Reason, Report};

const STYLE: &str = include_str!("html/report.css");
const SCRIPT: &str = include_str!("html/report.js");

/// SHA-256 of the two, by which the page's policy lets them in, and nothing else. A test tells what
/// they must be.
const STYLE_HASH: &str = "DYUVmc8ZJhhH28sGQAzKUkz74PCgpQTUXklp2r2982w=";
const SCRIPT_HASH: &str = "yyAAwrz+KKEw04BO1BWgIIrHSkYfrcUCzlUQSmdXqnU=";

/// Writes the report as one HTML page for people.
///
/// It says first whether all agrees, then the totals by currency, what agrees and what does not, and
/// the breaks by reason, the largest difference first. With scripts on, they can be searched and
/// sorted. A policy in the page forbids it to load or send anything.
///
/// At most 2,000 breaks of a reason are listed, the largest, and at most 200 characters of a text:
/// the page says where there are more. CSV and JSON have all.
///
/// # Errors
/// Where `out` can't be written to.
pub fn write_html(report: &Report, about: &About<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    let sums = Sums::of(report);
    head(report, about, &mut out)?;
    contents(report, &mut out)?;
    tables::totals(report, &mut out)?;
    chart::write(report, &sums, &mut out)?;
    tables::explained(report, &sums, &mut out)?;
    breaks(report, &mut out)?;
    tables::proposals(report, &mut out)?;
    inputs(report, about, &mut out)?;
    write!(
        out,
        "</main>\n<footer><p>Dates and times are in UTC. Amounts include taxes; a difference is the \
         statement less the ledger.</p>"
    )?;
    if let Some(made_at) = about.made_at {
        let shown = day_and_time(made_at);
        write!(
            out,
            "<p>Made on <time datetime=\"{made_at}\">{shown}</time>.</p>"
        )?;
    }
    write!(
        out,
        "</footer>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )?;
    out.flush()
}

fn head(report: &Report, about: &About<'_>, out: &mut impl Write) -> io::Result<()> {
    let verdict = words::verdict(report, about);
    let (class, sign) = match verdict.outcome {
        Outcome::Agrees => ("good", "✓"),
        Outcome::Differs => ("bad", "≠"),
        Outcome::Incomplete | Outcome::Nothing => ("part", "!"),
    };
    let title = Text(about.title);
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'sha256-{STYLE_HASH}'; script-src 'sha256-{SCRIPT_HASH}'; base-uri 'none'; \
         form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}: {}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <header><h1>{title}</h1><p>{} <b>{}</b> against ledger <b>{}</b>",
        verdict.heading,
        capitalized(report.source.title()),
        Text(about.statement),
        Text(about.ledger)
    )?;
    if let Some(org) = about.org {
        write!(out, ", org <b>{}</b>", Text(org))?;
    }
    write!(
        out,
        "; {}</p></header>\n<main>\n<section class=\"verdict {class}\" aria-labelledby=\"verdict\">\
         <p class=\"sign\" aria-hidden=\"true\">{sign}</p><div><h2 id=\"verdict\">{}</h2>",
        words::period(about),
        verdict.heading
    )?;
    for sentence in verdict.sentences {
        write!(out, "<p>{sentence}</p>")?;
    }
    out.write_all(b"</div></section>\n")
}

fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters
        .next()
        .map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + characters.as_str()
}

/// Which reasons there are, each with a link.
fn contents(report: &Report, out: &mut impl Write) -> io::Result<()> {
    if report.breaks.is_empty() {
        return Ok(());
    }
    out.write_all(b"<nav aria-label=\"What does not agree\"><ul>")?;
    for reason in Reason::ALL {
        let count = words::length(of_reason(report, reason).count());
        if count > 0 {
            write!(
                out,
                "<li><a href=\"#{reason}\">{}</a> <b>{}</b></li>",
                reason.title(),
                Count(count)
            )?;
        }
    }
    out.write_all(b"</ul></nav>\n")
}

fn breaks(report: &Report, out: &mut impl Write) -> io::Result<()> {
    if report.breaks.is_empty() {
        return Ok(());
    }
    out.write_all(
        b"<div id=\"find\" hidden><label for=\"query\">Find in the lists</label>\
          <input id=\"query\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\">\
          <p id=\"found\" role=\"status\"></p></div>\n",
    )?;
    for reason in Reason::ALL {
        tables::breaks(report, reason, out)?;
    }
    Ok(())
}

/// What was compared, and how.
fn inputs(report: &Report, about: &About<'_>, out: &mut impl Write) -> io::Result<()> {
    let counts = &report.statement;
    let options = &about.options;
    out.write_all(
        b"<section aria-labelledby=\"inputs\"><h2 id=\"inputs\">What was compared</h2><dl>",
    )?;
    let mut item = |name: &str, value: &dyn std::fmt::Display| {
        write!(out, "<div><dt>{name}</dt><dd>{value}</dd></div>")
    };
    item("Statement", &Text(about.statement))?;
    item("Source", &capitalized(report.source.title()))?;
    item("Ledger", &Text(about.ledger))?;
    if let Some(org) = about.org {
        item("Org", &Text(org))?;
    }
    item("Period (UTC)", &words::period(about))?;
    let days = u64::from(options.period.window_days);
    item(
        "A refund and its line may be apart",
        &counted(days, "day", "days"),
    )?;
    item("Differences let pass", &words::tolerance(about))?;
    item("Lines of the statement", &Count(counts.lines))?;
    item("Of these about refunds", &Count(counts.refund_lines))?;
    item("Of these agree with the ledger", &Count(report.matched))?;
    let unreadable = of_reason(report, Reason::UnreadableLine).count();
    item(
        "Lines that can't be read",
        &Count(words::length(unreadable)),
    )?;
    out.write_all(b"</dl>")?;
    tables::ignored(report, out)?;
    out.write_all(b"</section>\n")
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    use sha2::{Digest as _, Sha256};

    use super::{SCRIPT, SCRIPT_HASH, STYLE, STYLE_HASH};

    #[test]
    fn the_policy_lets_in_the_style_and_the_script() {
        for (text, hash) in [(STYLE, STYLE_HASH), (SCRIPT, SCRIPT_HASH)] {
            assert_eq!(BASE64_STANDARD.encode(Sha256::digest(text)), hash);
            // Either would end the element early.
            assert!(!text.contains("</") && !text.contains("<!--"));
        }
    }
}

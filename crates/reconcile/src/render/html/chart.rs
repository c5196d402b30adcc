//! What agrees and what does not, drawn to scale.
//!
//! Currencies can't be compared with each other, so each has its own scale. All figures stand beside
//! the bars, so nobody needs to see them.

use std::io::{self, Write};

use refund_ledger::Currency;

use crate::render::cell::Amount;
use crate::render::sums::Sums;
use crate::report::{Report, Totals};

/// The length of the longest bar.
const UNITS: i128 = 1_000;

/// One bar: what agrees, and what does not, in minor units.
struct Bar {
    side: &'static str,
    agrees: i128,
    broken: i128,
}

impl Bar {
    fn length(&self) -> i128 {
        self.agrees
            .saturating_abs()
            .saturating_add(self.broken.saturating_abs())
    }
}

pub(super) fn write(report: &Report, sums: &Sums, out: &mut impl Write) -> io::Result<()> {
    if report.totals.is_empty() {
        return Ok(());
    }
    out.write_all(
        b"<section aria-labelledby=\"chart\"><h2 id=\"chart\">Money that agrees, and money that \
          does not</h2>\n<figure>",
    )?;
    for (currency, totals) in &report.totals {
        bars(*currency, totals, sums, out)?;
    }
    out.write_all(
        b"<figcaption><span class=\"key\"><svg width=\"14\" height=\"14\" aria-hidden=\"true\">\
          <rect class=\"agrees\" width=\"14\" height=\"14\"/></svg> agrees</span> \
          <span class=\"key\"><svg width=\"14\" height=\"14\" aria-hidden=\"true\">\
          <rect class=\"broken\" width=\"14\" height=\"14\"/></svg> is in a break</span>. \
          Each currency has its own scale.</figcaption></figure></section>\n",
    )
}

fn bars(currency: Currency, totals: &Totals, sums: &Sums, out: &mut impl Write) -> io::Result<()> {
    let broken = sums.broken(currency);
    let agrees = sums.agreeing(currency, totals);
    let bars = [
        Bar {
            side: "Statement",
            agrees: agrees.statement_minor,
            broken: broken.statement_minor,
        },
        Bar {
            side: "Ledger",
            agrees: agrees.ledger_minor,
            broken: broken.ledger_minor,
        },
    ];
    let longest = bars.iter().map(Bar::length).max().unwrap_or(0);
    write!(out, "<div class=\"bars\"><h3>{currency}</h3>")?;
    for bar in bars {
        let Bar {
            side,
            agrees,
            broken,
        } = bar;
        let first = scaled(agrees, longest);
        let second = scaled(broken, longest);
        let (agrees, broken) = (Amount(agrees, currency), Amount(broken, currency));
        write!(
            out,
            "<div class=\"bar\"><span>{side}</span><svg viewBox=\"0 0 {UNITS} 20\" \
             preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{side}, {currency}: {agrees} \
             agree, {broken} are in breaks\">\
             <rect class=\"agrees\" width=\"{first}\" height=\"20\"/>\
             <rect class=\"broken\" x=\"{first}\" width=\"{second}\" height=\"20\"/></svg>\
             <span>{agrees} agree, {broken} in breaks</span></div>"
        )?;
    }
    out.write_all(b"</div>")
}

/// The length of a part; what is not nothing is seen.
fn scaled(part: i128, longest: i128) -> i128 {
    let part = part.saturating_abs();
    let exact = match part.checked_mul(UNITS) {
        Some(scaled) => scaled.checked_div(longest),
        // Both are so large that the last digits don't show.
        None => longest
            .checked_div(UNITS)
            .and_then(|unit| part.checked_div(unit)),
    };
    let least = if part == 0 { 0 } else { 3 };
    exact.unwrap_or(0).clamp(least, UNITS)
}

#[cfg(test)]
mod tests {
    use super::scaled;

    #[test]
    fn parts_are_drawn_to_scale() {
        for (part, longest, length) in [
            (0, 0, 0),
            (1, 1, 1_000),
            (-1, 2, 500),
            (1, 1_000_000, 3),
            (i128::MAX, i128::MAX, 1_000),
            (i128::MAX / 2, i128::MAX, 500),
        ] {
            assert_eq!(scaled(part, longest), length, "{part} of {longest}");
        }
    }
}

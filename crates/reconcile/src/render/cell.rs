//! Single values, as reports show them.

use std::borrow::Cow;
use std::fmt;

use refund_ledger::{Currency, Timestamp, minor_to_decimal};

/// Minor units in major ones, with all decimals of the currency: 1210 cents are `12.10`.
pub(crate) fn major(minor: i128, currency: Currency) -> String {
    let shortest = minor_to_decimal(minor, currency);
    let decimals = usize::from(currency.exponent());
    if decimals == 0 {
        return shortest;
    }
    let (whole, fraction) = shortest.split_once('.').unwrap_or((&shortest, ""));
    format!("{whole}.{fraction:0<decimals$}")
}

/// The same for reading: with a comma after each three digits, and the currency behind.
pub(crate) struct Amount(pub(crate) i128, pub(crate) Currency);

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&grouped(&major(self.0, self.1)))?;
        write!(f, "\u{a0}{}", self.1)
    }
}

/// The same with a sign also where it is positive.
pub(crate) struct Difference(pub(crate) i128, pub(crate) Currency);

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0 > 0 { "+" } else { "" })?;
        Amount(self.0, self.1).fmt(f)
    }
}

/// A count for reading.
pub(crate) struct Count(pub(crate) u64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&grouped(&self.0.to_string()))
    }
}

/// Puts a comma after each three digits of the whole part.
fn grouped(number: &str) -> String {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", number),
    };
    let whole = digits.split_once('.').map_or(digits, |(whole, _)| whole);
    let mut shown = sign.to_owned();
    for (at, digit) in digits.char_indices() {
        let left = whole.len().saturating_sub(at);
        if at > 0 && left > 0 && left.is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// An instant for reading, in UTC: the day alone where it is midnight, and no parts of seconds.
pub(crate) fn day_and_time(instant: Timestamp) -> String {
    // INVARIANT: `2026-03-02T10:15:30.000000000Z`, always as wide.
    let text = instant.to_fixed_width();
    let (day, time) = text.split_once('T').unwrap_or((&text, ""));
    let (time, parts) = time.split_once('.').unwrap_or((time, ""));
    if time == "00:00:00" && parts == "000000000Z" {
        return day.to_owned();
    }
    format!("{day} {time}")
}

/// What spreadsheets take for the end of a cell, by their settings, also where it stands within one:
/// wherever decimals have a comma, a semicolon.
const SEPARATORS: [char; 4] = [';', '\t', '\r', '\n'];

/// A cell of CSV that no spreadsheet runs as a formula: what could be one gets an apostrophe in
/// front, also behind what spreadsheets may take for the end of a cell.
///
/// Spreadsheets look past white space, control characters and quotes, and some take the full-width
/// signs too. A number stays one, also with a sign.
///
/// ```
/// use refund_reconcile::harmless;
/// assert_eq!(harmless("=1+1"), "'=1+1");
/// assert_eq!(harmless("x;=1+1"), "x;'=1+1");
/// assert_eq!(harmless("-12.10"), "-12.10");
/// ```
pub fn harmless(text: &str) -> Cow<'_, str> {
    let begins_oddly = text.starts_with(['\t', '\r', '\n', '\0']);
    if !begins_oddly && !text.split(SEPARATORS).any(is_formula) {
        return Cow::Borrowed(text);
    }
    let mut harmless = String::new();
    for (at, piece) in text.split_inclusive(SEPARATORS).enumerate() {
        if at == 0 && begins_oddly || is_formula(piece.trim_end_matches(SEPARATORS)) {
            harmless.push('\'');
        }
        harmless.push_str(piece);
    }
    Cow::Owned(harmless)
}

/// Spreadsheets look past white space and quotes, and some take the full-width signs too. A number
/// stays one, also with a sign.
fn is_formula(cell: &str) -> bool {
    let first = cell
        .trim_start_matches(|c: char| c.is_whitespace() || c.is_control() || "'\"`".contains(c));
    first.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) && !is_number(cell)
}

/// Whether it is a plain decimal, which may have a sign.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    all_digits(whole) && all_digits(fraction)
}

/// The first characters of a text, and how many it has where that is not all of them.
pub(crate) fn clipped(text: &str, characters_max: usize) -> (&str, Option<u64>) {
    match text.char_indices().nth(characters_max) {
        None => (text, None),
        Some((end, _)) => {
            let all = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
            (text.get(..end).unwrap_or(text), Some(all))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        code.parse().unwrap()
    }

    #[test]
    fn amounts_have_all_decimals_of_their_currency() {
        for (minor, code, plain, read) in [
            (0, "EUR", "0.00", "0.00\u{a0}EUR"),
            (-5, "EUR", "-0.05", "-0.05\u{a0}EUR"),
            (1_210, "EUR", "12.10", "12.10\u{a0}EUR"),
            (-123_456_789, "EUR", "-1234567.89", "-1,234,567.89\u{a0}EUR"),
            (100_000, "EUR", "1000.00", "1,000.00\u{a0}EUR"),
            (1_000, "JPY", "1000", "1,000\u{a0}JPY"),
            (999, "JPY", "999", "999\u{a0}JPY"),
            (1_234_500, "BHD", "1234.500", "1,234.500\u{a0}BHD"),
            (
                i128::MAX,
                "JPY",
                "170141183460469231731687303715884105727",
                "170,141,183,460,469,231,731,687,303,715,884,105,727\u{a0}JPY",
            ),
        ] {
            assert_eq!(major(minor, currency(code)), plain);
            assert_eq!(Amount(minor, currency(code)).to_string(), read);
        }
        assert_eq!(Difference(1, currency("EUR")).to_string(), "+0.01\u{a0}EUR");
        assert_eq!(Difference(0, currency("EUR")).to_string(), "0.00\u{a0}EUR");
        assert_eq!(
            Difference(-1, currency("EUR")).to_string(),
            "-0.01\u{a0}EUR"
        );
        assert_eq!(Count(1_234_567).to_string(), "1,234,567");
    }

    #[test]
    fn a_day_has_no_time_at_midnight() {
        for (instant, shown) in [
            ("2026-03-02T00:00:00Z", "2026-03-02"),
            ("2026-03-02T00:00:00.5Z", "2026-03-02 00:00:00"),
            ("2026-03-02T10:15:30.25Z", "2026-03-02 10:15:30"),
        ] {
            assert_eq!(day_and_time(instant.parse().unwrap()), shown);
        }
    }

    #[test]
    fn what_a_spreadsheet_would_run_gets_an_apostrophe() {
        for formula in [
            "=1+1",
            "+1+1",
            "-1+1",
            "@SUM(A1)",
            "\rx",
            "\nx",
            "\0x",
            " =1",
            "\"=1",
            "'=1",
            " \"'=1",
            "＝1",
            "＋1+1",
            "－1+1",
            "＠SUM(A1)",
            "-",
            "+-1",
            "-1.",
            "\u{a0}=1",
            "=cmd|' /C calc'!A0",
            "`=1`",
        ] {
            assert_eq!(harmless(formula), format!("'{formula}"), "{formula:?}");
        }
        for (text, harmless_text) in [
            ("x;=1+1;y", "x;'=1+1;y"),
            ("=1;=2", "'=1;'=2"),
            ("x\n \"=1", "x\n' \"=1"),
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
            "'x'",
            "1-2",
            "order 7; two days",
        ] {
            assert_eq!(harmless(text), text, "{text:?}");
        }
    }

    #[test]
    fn long_texts_are_clipped_between_characters() {
        assert_eq!(clipped("日本", 2), ("日本", None));
        assert_eq!(clipped("日本語", 2), ("日本", Some(3)));
    }
}

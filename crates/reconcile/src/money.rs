//! Money as statements write it, in exact minor units: decimals in major units, and the whole
//! numbers of providers whose minor units are not those of ISO 4217.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use refund_ledger::{Currency, DecimalValue, LedgerError};

/// How decimals are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct NumberStyle {
    /// The mark before the decimals, where it was declared. Otherwise it is the point, and what
    /// could also be thousands is refused.
    pub(crate) decimal: Option<char>,
    /// The mark between groups of three digits; without it there must be none.
    pub(crate) thousands: Option<Thousands>,
    /// Whether the map can say more, so that messages ask for it. A provider's form is fixed.
    pub(crate) is_open: bool,
}

/// Marks between groups of three digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thousands {
    Mark(char),
    /// A space, also one that does not break, wide or narrow.
    Space,
    /// An apostrophe, straight or typographic.
    Apostrophe,
}

impl Thousands {
    pub(crate) fn parse(value: &str) -> Result<Self, &'static str> {
        match value {
            "." => Ok(Self::Mark('.')),
            "," => Ok(Self::Mark(',')),
            "_" => Ok(Self::Mark('_')),
            "'" | "\u{2019}" => Ok(Self::Apostrophe),
            "space" | " " => Ok(Self::Space),
            _ => Err("`.`, `,`, `'`, `_` or `space`"),
        }
    }

    fn is(self, mark: char) -> bool {
        match self {
            Self::Mark(own) => own == mark,
            Self::Space => matches!(mark, ' ' | '\u{a0}' | '\u{202f}'),
            Self::Apostrophe => matches!(mark, '\'' | '\u{2019}'),
        }
    }
}

impl NumberStyle {
    /// The form of all providers: a point, no thousands.
    pub(crate) const PLAIN: Self = Self {
        decimal: Some('.'),
        thousands: None,
        is_open: false,
    };

    pub(crate) fn is_contradictory(self) -> bool {
        self.thousands
            .is_some_and(|thousands| thousands.is(self.decimal.unwrap_or('.')))
    }
}

/// Reads a decimal in major units, with a sign or without, as minor units of its currency.
///
/// A sign is a minus (also U+2212) before or behind the digits, a plus before them, or brackets
/// around them, which are a minus too. Decimals beyond the currency's own must be zeros.
pub(crate) fn major_to_minor(
    column: &str,
    text: &str,
    style: NumberStyle,
    currency: Currency,
) -> Result<i64, String> {
    let (negative, unsigned) = split_sign(text.trim());
    let (plain, length) = plain_digits(column, text, unsigned, style)?;
    let digits = plain.get(..length).unwrap_or_default();
    let digits = std::str::from_utf8(digits).unwrap_or_default();
    let undeclared = style.decimal.is_none() && style.thousands.is_none();
    if undeclared && is_ambiguous(digits, currency) {
        return Err(format!(
            "`{column}` is `{}`, which can be {currency} {digits} or thousands; say which mark \
             stands before decimals: `decimal=.` or `decimal=\",\"`",
            shown(text)
        ));
    }
    let refusal = |error: LedgerError| refusal(column, text, currency, &error);
    let value: DecimalValue = digits.parse().map_err(refusal)?;
    let minor = value.to_minor_units(currency).map_err(refusal)?;
    // INVARIANT: `to_minor_units` is never negative, so its opposite exists.
    Ok(if negative {
        minor.saturating_neg()
    } else {
        minor
    })
}

/// The same where the sign stands in another column or code.
pub(crate) fn unsigned_to_minor(
    column: &str,
    text: &str,
    style: NumberStyle,
    currency: Currency,
) -> Result<i64, String> {
    let minor = major_to_minor(column, text, style, currency)?;
    if minor < 0 {
        return Err(format!(
            "`{column}` is `{}`; here amounts have no sign, since another place says the direction",
            shown(text)
        ));
    }
    Ok(minor)
}

fn split_sign(text: &str) -> (bool, &str) {
    for minus in ['-', '\u{2212}'] {
        let stripped = text
            .strip_prefix(minus)
            .or_else(|| text.strip_suffix(minus));
        if let Some(rest) = stripped {
            return (true, rest.trim());
        }
    }
    if let Some(inner) = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')) {
        return (true, inner.trim());
    }
    (false, text.strip_prefix('+').unwrap_or(text))
}

/// No amount needs more characters without its marks, and none more in the ledger.
const DIGITS_MAX: usize = 40;

/// The digits with a point before the decimals, and nothing else; excess zeros are left out.
fn plain_digits(
    column: &str,
    text: &str,
    unsigned: &str,
    style: NumberStyle,
) -> Result<([u8; DIGITS_MAX], usize), String> {
    let decimal = style.decimal.unwrap_or('.');
    let (whole, fraction) = match unsigned.split_once(decimal) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned, None),
    };
    let mut plain = [0_u8; DIGITS_MAX];
    let mut room = plain.iter_mut();
    let mut take = |byte: u8| room.next().map(|place| *place = byte);
    let mut length = 0_usize;
    let too_long = || format!("`{column}` is `{}`, which has too many digits", shown(text));
    // Digits since the last mark between thousands, and whether there was one.
    let (mut group, mut grouped) = (0_usize, false);
    for mark in whole.chars() {
        if mark.is_ascii_digit() {
            group = group.saturating_add(1);
            // Leading zeros say nothing and would fill the room.
            if mark == '0' && length == 0 {
                continue;
            }
            take(u8::try_from(mark).unwrap_or(b'0')).ok_or_else(too_long)?;
            length = length.saturating_add(1);
        } else if style.thousands.is_some_and(|thousands| thousands.is(mark)) {
            let complete = if grouped {
                group == 3
            } else {
                (1..=3).contains(&group)
            };
            if !complete {
                return Err(format!(
                    "`{column}` is `{}`, whose digits are not in groups of three",
                    shown(text)
                ));
            }
            (group, grouped) = (0, true);
        } else {
            return Err(not_a_number(column, text, mark, style));
        }
    }
    if grouped && group != 3 {
        return Err(format!(
            "`{column}` is `{}`, whose digits are not in groups of three",
            shown(text)
        ));
    }
    if group == 0 && (grouped || fraction.is_none_or(str::is_empty)) {
        return Err(match text.trim() {
            "" => format!("`{column}` is empty"),
            _ => format!("`{column}` is `{}`, which is no number", shown(text)),
        });
    }
    if length == 0 {
        take(b'0').ok_or_else(too_long)?;
        length = 1;
    }
    let fraction = fraction.unwrap_or_default();
    if let Some(mark) = fraction.chars().find(|mark| !mark.is_ascii_digit()) {
        return Err(not_a_number(column, text, mark, style));
    }
    // An undeclared mark keeps its zeros, since `1.000` may be a thousand.
    let fraction = match style.decimal {
        Some(_) => fraction.trim_end_matches('0'),
        None => fraction,
    };
    if !fraction.is_empty() {
        take(b'.').ok_or_else(too_long)?;
        length = length.saturating_add(1);
        for byte in fraction.bytes() {
            take(byte).ok_or_else(too_long)?;
            length = length.saturating_add(1);
        }
    }
    Ok((plain, length))
}

/// Whether a point that nobody declared could as well stand between thousands.
fn is_ambiguous(digits: &str, currency: Currency) -> bool {
    match digits.split_once('.') {
        Some((whole, fraction)) => {
            fraction.len() == 3 && whole.len() <= 3 && whole != "0" && currency.exponent() != 3
        }
        None => false,
    }
}

fn not_a_number(column: &str, text: &str, mark: char, style: NumberStyle) -> String {
    let text = shown(text);
    match mark {
        _ if !style.is_open => {
            let decimal = style.decimal.unwrap_or('.');
            format!("`{column}` is `{text}`; it must be digits, with `{decimal}` before decimals")
        }
        ',' | '.' => format!(
            "`{column}` is `{text}`; say what `{mark}` is in it: `decimal=\"{mark}\"` or \
             `thousands=\"{mark}\"`"
        ),
        ' ' | '\u{a0}' | '\u{202f}' => format!(
            "`{column}` is `{text}`; if the space stands between thousands, say `thousands=space`"
        ),
        '\'' | '\u{2019}' | '_' => format!(
            "`{column}` is `{text}`; if `{mark}` stands between thousands, say `thousands={mark}`"
        ),
        _ => format!("`{column}` is `{text}`, which is no number"),
    }
}

fn refusal(column: &str, text: &str, currency: Currency, error: &LedgerError) -> String {
    let text = shown(text);
    match error.details().first() {
        Some(detail) if detail.code == "too_many_decimals" => {
            let exponent = currency.exponent();
            format!("`{column}` is `{text}`; {currency} has at most {exponent} decimals")
        }
        Some(detail) => format!("`{column}` is `{text}`, which {}", detail.message),
        None => format!("`{column}` is `{text}`, which is no amount"),
    }
}

/// What messages repeat of a value.
pub(crate) fn shown(text: &str) -> String {
    text.chars()
        .take(40)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Reads a whole number of minor units, with a sign or without.
pub(crate) fn whole(column: &str, text: &str) -> Result<i64, String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!(
            "`{column}` is `{}`; it must be a whole number",
            shown(text)
        ));
    }
    text.parse()
        .map_err(|_| format!("`{column}` is `{}`, which has too many digits", shown(text)))
}

/// Brings a whole number with this many implied decimals to a currency's minor unit.
pub(crate) fn rescale(
    column: &str,
    value: i64,
    decimals: u8,
    currency: Currency,
) -> Result<i64, String> {
    let exponent = currency.exponent();
    let factor = 10_i64.saturating_pow(exponent.abs_diff(decimals).into());
    if exponent >= decimals {
        return value
            .checked_mul(factor)
            .ok_or_else(|| format!("`{column}` is `{value}`, which has too many digits"));
    }
    match (value.checked_rem(factor), value.checked_div(factor)) {
        (Some(0), Some(minor)) => Ok(minor),
        _ => Err(format!(
            "`{column}` is `{value}` with {decimals} implied decimals; {currency} has at most \
             {exponent}"
        )),
    }
}

/// How many decimals the whole amounts of Stripe's API imply.
///
/// It is the exponent of ISO 4217 but for the Icelandic króna and the Ugandan shilling, which keep
/// two decimals that are always zero, and the ariary, which has none
/// (<https://docs.stripe.com/currencies>).
pub(crate) fn stripe_decimals(currency: Currency) -> u8 {
    match currency.code() {
        "ISK" | "UGX" => 2,
        "MGA" => 0,
        _ => currency.exponent(),
    }
}

/// PayPal's amounts imply two decimals in every currency.
pub(crate) const PAYPAL_DECIMALS: u8 = 2;

/// The currency that was read last: statements rarely change it, and looking one up costs more than
/// comparing three letters.
#[derive(Debug, Default)]
pub(crate) struct Currencies {
    last: Option<([u8; 3], Currency)>,
}

impl Currencies {
    /// Reads a code, in capital letters or small ones.
    pub(crate) fn read(&mut self, column: &str, text: &str) -> Result<Currency, String> {
        let capitals: Option<[u8; 3]> = text.as_bytes().try_into().ok();
        let capitals = capitals.map(|code| code.map(|byte| byte.to_ascii_uppercase()));
        match (self.last, capitals) {
            (Some((last, currency)), Some(code)) if last == code => Ok(currency),
            (_, Some(code)) => {
                let currency = std::str::from_utf8(&code)
                    .map_err(|_| unknown_currency(column, text))?
                    .parse()
                    .map_err(|_| unknown_currency(column, text))?;
                self.last = Some((code, currency));
                Ok(currency)
            }
            (_, None) => Err(unknown_currency(column, text)),
        }
    }
}

fn unknown_currency(column: &str, text: &str) -> String {
    match text {
        "" => format!("`{column}` is empty; it must be a currency code of ISO 4217"),
        _ => format!(
            "`{column}` is `{}`; it must be a currency code of ISO 4217 that has a minor unit",
            shown(text)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMAS: &str = "thousands=\",\"";
    const COMMA_AND_POINTS: &str = "decimal=\",\",thousands=.";
    const COMMA_AND_SPACES: &str = "decimal=\",\",thousands=space";

    fn currency(code: &str) -> Currency {
        code.parse().unwrap()
    }

    fn read(text: &str, map: &str, code: &str) -> Result<i64, String> {
        let map: crate::ColumnMap = map.parse().unwrap();
        let style = NumberStyle {
            is_open: true,
            ..map.number
        };
        major_to_minor("a", text, style, currency(code))
    }

    #[test]
    fn decimals_become_exact_minor_units() {
        for (text, map, code, minor) in [
            ("12.10", "", "EUR", 1_210),
            ("-0.5", "", "EUR", -50),
            ("25", "", "EUR", 2_500),
            ("+3", "", "EUR", 300),
            ("12.10-", "", "EUR", -1_210),
            ("(12.10)", "", "EUR", -1_210),
            ("\u{2212}12.10", "", "EUR", -1_210),
            (".5", "", "EUR", 50),
            ("5.", "", "EUR", 500),
            (&("0".repeat(42) + "149.87"), "", "EUR", 14_987),
            ("-0", "", "EUR", 0),
            ("1000", "", "JPY", 1_000),
            ("1000.00", "decimal=.", "JPY", 1_000),
            ("1000.00", "", "JPY", 1_000),
            ("1.234", "", "BHD", 1_234),
            ("0.100", "", "EUR", 10),
            ("18.15000", "decimal=.", "EUR", 1_815),
            ("1.000", "decimal=.", "EUR", 100),
            ("1.000", COMMA_AND_POINTS, "EUR", 100_000),
            ("1.234,56", COMMA_AND_POINTS, "EUR", 123_456),
            ("1234,56", COMMA_AND_POINTS, "EUR", 123_456),
            ("1,234,567.8", COMMAS, "EUR", 123_456_780),
            ("1\u{202f}234,5", COMMA_AND_SPACES, "EUR", 123_450),
            ("1'234.50", "thousands='", "CHF", 123_450),
            ("1\u{2019}234.50", "thousands='", "CHF", 123_450),
            ("999999999999999", "", "JPY", 999_999_999_999_999),
        ] {
            assert_eq!(
                read(text, map, code),
                Ok(minor),
                "{text} in {code} with `{map}`"
            );
        }
    }

    #[test]
    fn what_is_not_exact_or_not_clear_is_refused() {
        for (text, map, code, part) in [
            ("", "", "EUR", "is empty"),
            ("-", "", "EUR", "no number"),
            (".", "", "EUR", "no number"),
            ("--1", "", "EUR", "no number"),
            ("(-1)", "", "EUR", "no number"),
            ("1e3", "", "EUR", "no number"),
            ("12.1o", "", "EUR", "no number"),
            ("\u{664}", "", "EUR", "no number"),
            ("€12.10", "", "EUR", "no number"),
            ("12.105", "decimal=.", "EUR", "EUR has at most 2 decimals"),
            ("0.5", "", "JPY", "JPY has at most 0 decimals"),
            ("12,10", "", "EUR", "say what `,` is in it"),
            ("1,234.00", "", "EUR", "say what `,` is in it"),
            ("1.234", "", "EUR", "say which mark stands before decimals"),
            ("1.000", "", "EUR", "say which mark stands before decimals"),
            ("1.000", "", "JPY", "say which mark stands before decimals"),
            ("1 234", "", "EUR", "say `thousands=space`"),
            ("1'234", "", "EUR", "say `thousands='`"),
            ("12,34,567", COMMAS, "EUR", "not in groups of three"),
            ("1234,567", COMMAS, "EUR", "not in groups of three"),
            ("1,23", COMMAS, "EUR", "not in groups of three"),
            (",123", COMMAS, "EUR", "not in groups of three"),
            ("1.2.3", "", "EUR", "say what `.` is in it"),
            ("9999999999999999", "", "JPY", "16 significant digits"),
            (&"1".repeat(43), "", "EUR", "too many digits"),
        ] {
            let refused = read(text, map, code).unwrap_err();
            assert!(
                refused.contains(part),
                "{text} in {code} with `{map}`: {refused}"
            );
            assert!(refused.starts_with("`a` "), "{refused}");
        }
    }

    #[test]
    fn whole_amounts_follow_the_providers_decimals() {
        let stripe = |value, code: &str| {
            rescale(
                "amount",
                value,
                stripe_decimals(currency(code)),
                currency(code),
            )
        };
        assert_eq!(stripe(-1_210, "EUR"), Ok(-1_210));
        assert_eq!(stripe(500, "ISK"), Ok(5));
        assert_eq!(stripe(500, "UGX"), Ok(5));
        assert!(
            stripe(501, "UGX")
                .unwrap_err()
                .contains("UGX has at most 0")
        );
        assert_eq!(stripe(5, "MGA"), Ok(500));
        assert_eq!(stripe(12_340, "BHD"), Ok(12_340));
        assert_eq!(stripe(1_000, "HUF"), Ok(1_000));
        assert!(stripe(i64::MAX, "MGA").is_err());
        let zero_decimal = "BIF CLP DJF GNF JPY KMF KRW PYG RWF VND VUV XAF XOF XPF";
        for code in zero_decimal.split(' ') {
            assert_eq!(stripe(7, code), Ok(7), "{code}");
        }
        let paypal = |value, code: &str| rescale("amount", value, PAYPAL_DECIMALS, currency(code));
        assert_eq!(paypal(10_000, "JPY"), Ok(100));
        assert_eq!(paypal(10_000, "USD"), Ok(10_000));
        assert_eq!(paypal(10_000, "BHD"), Ok(100_000));
        assert!(paypal(10_050, "JPY").is_err());
    }

    #[test]
    fn whole_numbers_are_whole() {
        assert_eq!(whole("a", "-12"), Ok(-12));
        for not_whole in ["", "-", "+1", "1.0", "1 0", "99999999999999999999"] {
            assert!(whole("a", not_whole).is_err(), "{not_whole}");
        }
    }

    #[test]
    fn currencies_are_compared_without_case() {
        let mut currencies = Currencies::default();
        assert_eq!(currencies.read("c", "eur"), Ok(currency("EUR")));
        assert_eq!(currencies.read("c", "Eur"), Ok(currency("EUR")));
        assert_eq!(currencies.read("c", "jpy"), Ok(currency("JPY")));
        for unknown in ["", "XAU", "EURO", "€", "éa"] {
            assert!(currencies.read("c", unknown).is_err(), "{unknown}");
        }
    }
}

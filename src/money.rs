//! Decimal values as callers write them, and minor units as the ledger keeps them.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::currency::Currency;
use crate::error::LedgerError;

/// The most significant digits that a value may have: what survives a double.
pub const SIGNIFICANT_DIGITS_MAX: usize = 15;

/// A decimal value as a caller wrote it, kept exactly: ASCII `digits[.digits]`, at most
/// [`SIGNIFICANT_DIGITS_MAX`] significant digits, no sign, no exponent. Compared by value, so that
/// `12.1` equals `12.10`.
///
/// ```
/// # fn main() -> Result<(), refund_ledger::LedgerError> {
/// use refund_ledger::{DecimalValue, ErrorCode};
/// let value: DecimalValue = "12.10".parse()?;
/// assert_eq!(value, "12.1".parse()?);
/// for not_plain in ["1e3", "-1", ".5", "5.", "1_000", "12,1"] {
///     let refused = not_plain.parse::<DecimalValue>().unwrap_err();
///     assert_eq!(refused.code(), ErrorCode::InvalidRequest);
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DecimalValue {
    // INVARIANT: no zero at the end of the fraction, so that equal values are equal here.
    digits: u64,
    decimals: u8,
}

const RULE: &str = "must be a plain decimal such as `12.1`: ASCII digits with at most one point \
                    between them, no sign, no exponent";

/// No value needs more characters; this also bounds leading zeros.
const CHARACTERS_MAX: usize = 40;

/// The most decimals of a value before its currency is known; no currency has more than four.
const DECIMALS_MAX: u8 = 18;

impl DecimalValue {
    /// Reads a value that may have as many significant digits as minor units can count, for
    /// content that the ledger itself wrote.
    pub(crate) fn from_exact(text: &str) -> Result<Self, LedgerError> {
        Self::parse(text, 19)
    }

    fn parse(text: &str, significant_max: usize) -> Result<Self, LedgerError> {
        let fault = |code, message: String| Err(LedgerError::invalid_field("value", code, message));
        let (whole, fraction) = match text.split_once('.') {
            None => (text, None),
            Some((whole, fraction)) => (whole, Some(fraction)),
        };
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !is_number(whole) || !fraction.is_none_or(is_number) {
            return fault("invalid_format", RULE.into());
        }
        let fraction = fraction.unwrap_or_default();
        let significant = whole
            .bytes()
            .chain(fraction.bytes())
            .skip_while(|b| *b == b'0')
            .count();
        if significant > significant_max {
            return fault(
                "too_long",
                format!(
                    "has {significant} significant digits; at most {significant_max} are allowed"
                ),
            );
        }
        if text.len() > CHARACTERS_MAX {
            return fault(
                "too_long",
                format!(
                    "has {} characters; at most {CHARACTERS_MAX} are allowed",
                    text.len()
                ),
            );
        }
        let fraction = fraction.trim_end_matches('0');
        let digits = whole
            .bytes()
            .chain(fraction.bytes())
            .try_fold(0_u64, |value, byte| {
                value
                    .checked_mul(10)?
                    .checked_add(u64::from(byte.wrapping_sub(b'0')))
            });
        match (digits, u8::try_from(fraction.len())) {
            (Some(digits), Ok(decimals)) if decimals <= DECIMALS_MAX => {
                Ok(Self { digits, decimals })
            }
            _ => fault("too_long", RULE.into()),
        }
    }

    /// The value that this many minor units of a currency stand for.
    ///
    /// # Errors
    /// `invalid_request` where it is negative or has more than [`SIGNIFICANT_DIGITS_MAX`]
    /// significant digits.
    ///
    /// ```
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{DecimalValue, ErrorCode};
    /// assert_eq!(DecimalValue::from_minor_units(1_210, "EUR".parse()?)?, "12.1".parse()?);
    /// let refused = DecimalValue::from_minor_units(-1, "EUR".parse()?).unwrap_err();
    /// assert_eq!(refused.code(), ErrorCode::InvalidRequest);
    /// # Ok(()) }
    /// ```
    pub fn from_minor_units(minor: i64, currency: Currency) -> Result<Self, LedgerError> {
        minor_to_decimal(minor.into(), currency).parse()
    }

    /// The value in minor units of a currency, never rounded.
    ///
    /// # Errors
    /// `invalid_request` where it has more decimals than the currency's minor unit (ISO 4217), or
    /// more minor units than 64 bits count.
    ///
    /// ```
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{DecimalValue, ErrorCode};
    /// let value: DecimalValue = "12.1".parse()?;
    /// assert_eq!(value.to_minor_units("EUR".parse()?)?, 1_210); // cents
    /// assert_eq!(value.to_minor_units("BHD".parse()?)?, 12_100); // fils
    /// let refused = value.to_minor_units("JPY".parse()?).unwrap_err(); // a yen has no parts
    /// assert_eq!(refused.code(), ErrorCode::InvalidRequest);
    /// assert_eq!(refused.details()[0].code, "too_many_decimals");
    /// # Ok(()) }
    /// ```
    pub fn to_minor_units(self, currency: Currency) -> Result<i64, LedgerError> {
        let exponent = currency.exponent();
        let Some(missing) = exponent.checked_sub(self.decimals) else {
            return Err(LedgerError::invalid_field(
                "value",
                "too_many_decimals",
                format!("is `{self}`; {currency} has at most {exponent} decimals"),
            ));
        };
        10_u64
            .checked_pow(missing.into())
            .and_then(|factor| self.digits.checked_mul(factor))
            .and_then(|minor| i64::try_from(minor).ok())
            .ok_or_else(|| {
                LedgerError::invalid_field("value", "out_of_range", "is too large to be kept")
            })
    }

    /// Whether the value is zero.
    pub const fn is_zero(self) -> bool {
        self.digits == 0
    }

    /// The value scaled by ten to the power of `decimals`, where that is whole.
    pub(crate) fn scaled(self, decimals: u8) -> Option<u64> {
        let missing = decimals.checked_sub(self.decimals)?;
        self.digits.checked_mul(10_u64.checked_pow(missing.into())?)
    }
}

impl FromStr for DecimalValue {
    type Err = LedgerError;

    /// Reads `digits` or `digits.digits`.
    ///
    /// # Errors
    /// `invalid_request` for anything else, or for too many digits.
    fn from_str(text: &str) -> Result<Self, LedgerError> {
        Self::parse(text, SIGNIFICANT_DIGITS_MAX)
    }
}

impl PartialOrd for DecimalValue {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for DecimalValue {
    fn cmp(&self, other: &Self) -> Ordering {
        // At most 19 digits times at most 10^18: far below 2^128.
        let scaled = |value: &Self| {
            let missing = DECIMALS_MAX.saturating_sub(value.decimals);
            u128::from(value.digits).saturating_mul(10_u128.saturating_pow(missing.into()))
        };
        scaled(self).cmp(&scaled(other))
    }
}

impl fmt::Display for DecimalValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&with_point(&self.digits.to_string(), self.decimals))
    }
}

impl fmt::Debug for DecimalValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Minor units of a currency (ISO 4217) as a decimal in its shortest exact form: 1210 cents are
/// `12.1`.
pub fn minor_to_decimal(minor: i128, currency: Currency) -> String {
    let exponent = currency.exponent();
    let sign = if minor < 0 { "-" } else { "" };
    let digits = minor.unsigned_abs().to_string();
    let text = with_point(&digits, exponent);
    let text = if exponent == 0 {
        &text
    } else {
        text.trim_end_matches('0').trim_end_matches('.')
    };
    format!("{sign}{text}")
}

/// Puts a point before the last `decimals` of some digits.
fn with_point(digits: &str, decimals: u8) -> String {
    let decimals = usize::from(decimals);
    let padded = format!("{digits:0>width$}", width = decimals.saturating_add(1));
    match padded.split_at_checked(padded.len().saturating_sub(decimals)) {
        Some((whole, fraction)) if !fraction.is_empty() => format!("{whole}.{fraction}"),
        _ => padded,
    }
}

/// Minor units of a currency, written as a JSON number in its shortest exact form: 1210 cents as
/// `12.1`. It is the form of all money in replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonMoney {
    /// The minor units.
    pub minor: i128,
    /// Their currency.
    pub currency: Currency,
}

impl Serialize for JsonMoney {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_decimal(self.minor, self.currency.exponent(), serializer)
    }
}

/// Decimals of up to fifteen digits survive a double.
const DOUBLE_EXACT_BELOW: u128 = 1_000_000_000_000_000;

/// Writes digits with a point before the last `decimals` of them as a number of the format, in its
/// shortest exact form.
pub(crate) fn serialize_decimal<S: Serializer>(
    mut digits: i128,
    mut decimals: u8,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    while decimals > 0 && digits.checked_rem(10) == Some(0) {
        digits = digits.checked_div(10).unwrap_or(digits);
        decimals = decimals.saturating_sub(1);
    }
    if decimals == 0
        && let Ok(whole) = i64::try_from(digits)
    {
        return serializer.serialize_i64(whole);
    }
    if digits.unsigned_abs() < DOUBLE_EXACT_BELOW {
        // Both are whole and below 2^53, so the quotient is the double nearest to the decimal, whose
        // shortest text, up to fifteen digits, is the same decimal.
        #[expect(clippy::cast_precision_loss, reason = "below 10^15 nothing is lost")]
        let double = digits as f64 / 10_f64.powi(i32::from(decimals));
        return serializer.serialize_f64(double);
    }
    let sign = if digits < 0 { "-" } else { "" };
    let text = with_point(&digits.unsigned_abs().to_string(), decimals);
    serde_json::value::RawValue::from_string(format!("{sign}{text}"))
        .map_err(serde::ser::Error::custom)?
        .serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_by_value() {
        let value = |text: &str| text.parse::<DecimalValue>().unwrap();
        let ascending = [
            "0", "0.001", "0.01", "0.45", "0.5", "1", "1.05", "1.5", "10", "10.01",
        ];
        for pair in ascending.windows(2) {
            assert!(value(pair[0]) < value(pair[1]), "{} < {}", pair[0], pair[1]);
        }
        assert_eq!(value("1.50").cmp(&value("1.5")), Ordering::Equal);
    }
}

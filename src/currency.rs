//! Currencies and their minor units, as ISO 4217 has them.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::error::{LedgerError, excerpt};

/// A currency of ISO 4217 with the number of decimals of its minor unit.
///
/// ```
/// # fn main() -> Result<(), refund_ledger::LedgerError> {
/// use refund_ledger::{Currency, ErrorCode};
/// let yen: Currency = "JPY".parse()?;
/// assert_eq!((yen.code(), yen.exponent()), ("JPY", 0));
/// for not_billed in ["jpy", "XAU", "EURO"] {
///     let refused = not_billed.parse::<Currency>().unwrap_err();
///     assert_eq!(refused.code(), ErrorCode::InvalidRequest);
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: [u8; 3],
    exponent: u8,
}

impl Currency {
    /// The alphabetic code, three capital letters.
    pub fn code(&self) -> &str {
        // INVARIANT: three ASCII letters, checked by `from_str`.
        std::str::from_utf8(&self.code).unwrap_or_default()
    }

    /// How many decimals the minor unit stands for: 2 for EUR, 0 for JPY, 3 for BHD.
    pub const fn exponent(&self) -> u8 {
        self.exponent
    }
}

impl FromStr for Currency {
    type Err = LedgerError;

    /// Reads an alphabetic code, in capital letters.
    ///
    /// # Errors
    /// `invalid_request` where ISO 4217 has no such currency, or none with a minor unit (gold, the
    /// testing code).
    fn from_str(text: &str) -> Result<Self, LedgerError> {
        let known = iso_currency::Currency::from_code(text).filter(|c| c.code() == text);
        let code = text.as_bytes().try_into().ok();
        // Gold, testing codes and such have no minor unit: nothing can be billed in them.
        let exponent = known
            .and_then(iso_currency::Currency::exponent)
            .and_then(|exponent| u8::try_from(exponent).ok());
        match (code, exponent) {
            (Some(code), Some(exponent)) => Ok(Self { code, exponent }),
            _ => Err(LedgerError::invalid_field(
                "currency",
                "invalid_format",
                format!(
                    "is `{}`; it must be a currency code of ISO 4217 that has a minor unit, such as `EUR`",
                    excerpt(text)
                ),
            )),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

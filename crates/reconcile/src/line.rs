//! What the readers hand over: lines of a statement.

use std::fmt;
use std::str::FromStr;

use refund_ledger::{Currency, Timestamp};

use crate::options::OptionsError;

/// Where a statement comes from, and so in which form it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A balance report, a history of the dashboard or an API export of Stripe: see [`crate::read`].
    Stripe,
    /// A settlement details report of Adyen.
    Adyen,
    /// A settlement report of PayPal.
    PayPal,
    /// A bank statement of ISO 20022, camt.053.
    Camt053,
    /// Any table with a header, by a [`crate::ColumnMap`].
    Csv,
}

impl Source {
    /// Every source, in the order of their names' documentation.
    pub const ALL: [Self; 5] = [
        Self::Stripe,
        Self::Adyen,
        Self::PayPal,
        Self::Camt053,
        Self::Csv,
    ];

    /// The name in options and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::Adyen => "adyen",
            Self::PayPal => "paypal",
            Self::Camt053 => "camt053",
            Self::Csv => "csv",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Source {
    type Err = OptionsError;

    /// Reads a source's name.
    ///
    /// # Errors
    /// Where no source has the name.
    ///
    /// ```
    /// use refund_reconcile::Source;
    /// assert_eq!("camt053".parse(), Ok(Source::Camt053));
    /// assert!("Stripe".parse::<Source>().is_err());
    /// ```
    fn from_str(text: &str) -> Result<Self, OptionsError> {
        Self::ALL
            .into_iter()
            .find(|source| source.name() == text)
            .ok_or_else(|| OptionsError::UnknownSource {
                given: text.chars().take(40).collect(),
            })
    }
}

/// One line of a statement that gives money back, or takes back what was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatementLine<'a> {
    /// Where it stands, counted from 1: the line of the file where the row, or the element of XML,
    /// begins; for JSON the number of the object.
    pub line: u64,
    /// The reference that names the refund, from the source's key column.
    pub key: Option<&'a str>,
    /// The reference that names the invoice or payment.
    pub invoice: Option<&'a str>,
    /// The currency of the amount.
    pub currency: Currency,
    /// What was given back, in minor units of the currency (ISO 4217): positive for a refund,
    /// negative where the money of a refund came back.
    pub minor: i64,
    /// When. A day without a time is its midnight.
    pub date: Timestamp,
}

/// What a statement holds, one line after another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A refund, or the return of one.
    Refund(StatementLine<'a>),
    /// A line that is neither; its type by the provider's name.
    Ignored(&'a str),
    /// A line that can't be read, or a file that ends before its end.
    Unreadable {
        /// Where it stands, as in [`StatementLine::line`].
        line: u64,
        /// What is wrong with it, and what can be done where something can.
        reason: String,
    },
}

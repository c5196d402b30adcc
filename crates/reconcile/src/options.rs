//! How a statement is to be read: its source, and what `--map` says about its columns.

use std::str::FromStr;

use chrono::FixedOffset;
use refund_ledger::Currency;

use crate::dates::{DateFormat, parse_zone};
use crate::encoding::Encoding;
use crate::line::Source;
use crate::money::{NumberStyle, Thousands};

/// What is wrong with the options, before any statement is read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// No source has the name.
    #[error("`{given}` is no source; it must be stripe, adyen, paypal, camt053 or csv")]
    UnknownSource {
        /// What was given.
        given: String,
    },
    /// The text of a map is not `name=value,name=value`.
    #[error("map: {reason}")]
    Syntax {
        /// What is wrong with it.
        reason: String,
    },
    /// A name that a map can't hold.
    #[error("map: `{name}` is not known; it must be one of {}", NAMES.join(", "))]
    UnknownName {
        /// What was given.
        name: String,
    },
    /// A name stands twice.
    #[error("map: `{name}` is given twice")]
    Repeated {
        /// Which.
        name: &'static str,
    },
    /// A value is not one of those that the name takes.
    #[error("map: `{name}` is `{value}`; it must be {expected}")]
    InvalidValue {
        /// Which.
        name: &'static str,
        /// What was given.
        value: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// The source fixes by its format what the map would change.
    #[error(
        "map: `{name}` can't be changed for {source_name}, whose format says it; {allowed} can"
    )]
    NotForSource {
        /// Which.
        name: &'static str,
        /// The source.
        source_name: Source,
        /// What can be changed for it.
        allowed: String,
    },
    /// The source needs something that the map doesn't say, or says twice in different ways.
    #[error("map: {reason}")]
    Incomplete {
        /// What is missing, or doesn't go together.
        reason: &'static str,
    },
}

/// Every name of a map: columns first, then settings.
const NAMES: [&str; 18] = [
    "key",
    "invoice",
    "amount",
    "debit",
    "credit",
    "currency",
    "date",
    "type",
    "delimiter",
    "decimal",
    "thousands",
    "unit",
    "date_format",
    "time_zone",
    "fixed_currency",
    "sign",
    "refund_types",
    "encoding",
];

/// What a positive amount means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sign {
    /// A refund is positive.
    #[default]
    Positive,
    /// The amount is an effect on a balance, so that a refund is negative.
    Negative,
}

/// What an amount counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Unit {
    #[default]
    Major,
    Minor,
}

/// Which columns of a statement mean what, and how its values are written: the text of `--map`.
///
/// It is `name=value`, separated by commas. A value that holds a comma stands in double quotes, and
/// a double quote in it is doubled.
///
/// | name | value | for |
/// |---|---|---|
/// | `key`, `invoice` | a column; for camt.053 the name of a reference, such as `EndToEndId`, `InstrId`, `AcctSvcrRef` or `Ustrd`; for Stripe's JSON a field, such as `charge` or `metadata[order]` | all |
/// | `amount`, or `debit` and `credit` | a column each. `debit` is what was given back, `credit` what came back | csv |
/// | `currency`, or `fixed_currency` | a column, or a code for all lines | csv |
/// | `date` | a column | csv |
/// | `type`, `refund_types` | a column, and those of its values, separated by `\|`, that are refunds; without them every line is one | csv |
/// | `sign` | `positive` (a refund is positive, the default) or `negative` (an effect on a balance) | csv |
/// | `unit` | `major` (the default) or `minor`: whole minor units of ISO 4217 | csv |
/// | `date_format` | `iso` (the default) or [codes](https://docs.rs/chrono/latest/chrono/format/strftime/index.html) such as `%d/%m/%Y` | csv |
/// | `decimal` | `.` or `,` | csv, stripe |
/// | `thousands` | `.`, `,`, `'`, `_` or `space` | csv |
/// | `time_zone` | `UTC` or an offset such as `+01:00`, for times and days that come without | csv, stripe, adyen, camt053 |
/// | `delimiter` | one character, or `tab`; without it, the one of `,` `;` tab and `\|` under which the columns are found | csv, stripe, adyen, paypal |
/// | `encoding` | `utf-8` (the default), `windows-1252` (also for Latin-1) or `utf-16` | all |
///
/// ```
/// use refund_reconcile::ColumnMap;
/// let map: ColumnMap = r#"key=Ref,amount="Amount, EUR",decimal=",",fixed_currency=EUR"#.parse()?;
/// let refused = "amuont=Amount".parse::<ColumnMap>().unwrap_err();
/// assert!(refused.to_string().starts_with("map: `amuont` is not known"));
/// # Ok::<(), refund_reconcile::OptionsError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ColumnMap {
    pub(crate) key: Option<String>,
    pub(crate) invoice: Option<String>,
    pub(crate) amount: Option<String>,
    pub(crate) debit: Option<String>,
    pub(crate) credit: Option<String>,
    pub(crate) currency: Option<String>,
    pub(crate) date: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) refund_types: Vec<String>,
    pub(crate) fixed_currency: Option<Currency>,
    pub(crate) sign: Sign,
    pub(crate) unit: Unit,
    pub(crate) number: NumberStyle,
    pub(crate) date_format: DateFormat,
    pub(crate) time_zone: Option<FixedOffset>,
    pub(crate) delimiter: Option<u8>,
    pub(crate) encoding: Option<Encoding>,
    given: Vec<&'static str>,
}

impl FromStr for ColumnMap {
    type Err = OptionsError;

    /// Reads `name=value,name=value`.
    ///
    /// # Errors
    /// Where the text has another form, a name is unknown or repeated, or a value is not allowed.
    fn from_str(text: &str) -> Result<Self, OptionsError> {
        let mut map = Self::default();
        for (name, value) in pairs(text)? {
            map.set(&name, value)?;
        }
        if map.number.is_contradictory() {
            return Err(OptionsError::Incomplete {
                reason: "`decimal` and `thousands` must be two different marks",
            });
        }
        Ok(map)
    }
}

/// Splits the text of a map.
fn pairs(text: &str) -> Result<Vec<(String, String)>, OptionsError> {
    let fault = |reason: String| Err(OptionsError::Syntax { reason });
    let mut pairs = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let Some((name, after)) = rest.split_once('=') else {
            return fault(format!("`{rest}` is not `name=value`"));
        };
        let name = name.trim();
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => match unquote(quoted) {
                Some(split) => split,
                None => return fault(format!("the quote behind `{name}=` is not closed")),
            },
            None => match after.find(',') {
                Some(comma) => {
                    let (value, after) = after.split_at(comma);
                    (value.trim().to_owned(), after)
                }
                None => (after.trim().to_owned(), ""),
            },
        };
        pairs.push((name.to_owned(), value));
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(next) if next.trim().is_empty() => {
                return fault("nothing stands behind the last comma".into());
            }
            Some(next) => next.trim_start(),
            None if after.is_empty() => "",
            None => {
                return fault(format!(
                    "`{after}` stands behind the value of `{name}`; a comma must separate it"
                ));
            }
        };
    }
    Ok(pairs)
}

/// The text up to the closing quote, and what stands behind it.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let (piece, after) = rest.split_once('"')?;
        value.push_str(piece);
        match after.strip_prefix('"') {
            Some(after) => {
                value.push('"');
                rest = after;
            }
            None => return Some((value, after)),
        }
    }
}

impl ColumnMap {
    fn set(&mut self, given: &str, value: String) -> Result<(), OptionsError> {
        let name = NAMES
            .into_iter()
            .find(|known| *known == given)
            .ok_or_else(|| OptionsError::UnknownName { name: given.into() })?;
        if self.given.contains(&name) {
            return Err(OptionsError::Repeated { name });
        }
        self.given.push(name);
        if value.is_empty() {
            return Err(OptionsError::Syntax {
                reason: format!("`{name}` has no value"),
            });
        }
        let expected = match self.set_value(name, value.clone()) {
            Ok(()) => return Ok(()),
            Err(expected) => expected,
        };
        Err(OptionsError::InvalidValue {
            name,
            value,
            expected,
        })
    }

    /// Takes a value, or says what is allowed.
    fn set_value(&mut self, name: &str, value: String) -> Result<(), &'static str> {
        match name {
            "key" => self.key = Some(value),
            "invoice" => self.invoice = Some(value),
            "amount" => self.amount = Some(value),
            "debit" => self.debit = Some(value),
            "credit" => self.credit = Some(value),
            "currency" => self.currency = Some(value),
            "date" => self.date = Some(value),
            "type" => self.kind = Some(value),
            "delimiter" => self.delimiter = Some(delimiter(&value)?),
            "decimal" => {
                self.number.decimal = match value.as_str() {
                    "." => Some('.'),
                    "," => Some(','),
                    _ => return Err("`.` or `,`"),
                }
            }
            "thousands" => self.number.thousands = Some(Thousands::parse(&value)?),
            "unit" => {
                self.unit = match value.as_str() {
                    "major" => Unit::Major,
                    "minor" => Unit::Minor,
                    _ => return Err("`major` or `minor`"),
                }
            }
            "sign" => {
                self.sign = match value.as_str() {
                    "positive" => Sign::Positive,
                    "negative" => Sign::Negative,
                    _ => return Err("`positive` or `negative`"),
                }
            }
            "date_format" => self.date_format = DateFormat::parse(&value)?,
            "time_zone" => self.time_zone = Some(parse_zone(&value)?),
            "fixed_currency" => {
                let currency = value.parse();
                self.fixed_currency =
                    Some(currency.map_err(|_| "a currency code of ISO 4217, such as `EUR`")?);
            }
            "refund_types" => {
                self.refund_types = value.split('|').map(|kind| kind.trim().into()).collect();
                if self.refund_types.iter().any(String::is_empty) {
                    return Err("one or more types, separated by `|`");
                }
            }
            _ => self.encoding = Some(encoding(&value)?),
        }
        Ok(())
    }
}

fn delimiter(value: &str) -> Result<u8, &'static str> {
    match value.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r' | 0) => Ok(*byte),
        _ => Err("one ASCII character that is no quote, or `tab`"),
    }
}

fn encoding(value: &str) -> Result<Encoding, &'static str> {
    match value.to_ascii_lowercase().as_str() {
        "utf-8" => Ok(Encoding::Utf8),
        "windows-1252" => Ok(Encoding::Windows1252),
        "utf-16" => Ok(Encoding::Utf16Le),
        _ => Err("`utf-8`, `windows-1252` (which reads Latin-1 too) or `utf-16`"),
    }
}

/// How a statement is to be read.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    source: Source,
    map: ColumnMap,
}

impl ReadOptions {
    /// Options for a source, with a map that may be empty but for [`Source::Csv`].
    ///
    /// # Errors
    /// Where the map changes what the source's format fixes, or doesn't say what it leaves open.
    ///
    /// ```
    /// use refund_reconcile::{ReadOptions, Source};
    /// let key = "key=Modification Reference".parse()?;
    /// assert!(ReadOptions::new(Source::Adyen, key).is_ok());
    /// let refused = ReadOptions::new(Source::Adyen, "amount=Net Debit (NC)".parse()?).unwrap_err();
    /// assert!(refused.to_string().contains("can't be changed for adyen"));
    /// # Ok::<(), refund_reconcile::OptionsError>(())
    /// ```
    pub fn new(source: Source, map: ColumnMap) -> Result<Self, OptionsError> {
        let allowed: &[&str] = match source {
            Source::Stripe => &[
                "key",
                "invoice",
                "decimal",
                "time_zone",
                "delimiter",
                "encoding",
            ],
            Source::Adyen => &["key", "invoice", "time_zone", "delimiter", "encoding"],
            Source::PayPal => &["key", "invoice", "delimiter", "encoding"],
            Source::Camt053 => &["key", "invoice", "time_zone", "encoding"],
            Source::Csv => &NAMES,
        };
        if let Some(name) = map.given.iter().find(|name| !allowed.contains(name)) {
            return Err(OptionsError::NotForSource {
                name,
                source_name: source,
                allowed: allowed.join(", "),
            });
        }
        match source {
            Source::Csv => map.check_table()?,
            Source::Camt053 => {
                crate::read::camt053::check_reference("key", map.key.as_deref())?;
                crate::read::camt053::check_reference("invoice", map.invoice.as_deref())?;
            }
            _ => {}
        }
        Ok(Self { source, map })
    }

    /// Where the statement comes from.
    pub fn source(&self) -> Source {
        self.source
    }

    pub(crate) fn map(&self) -> &ColumnMap {
        &self.map
    }
}

impl ColumnMap {
    /// Whether the map says all that a table leaves open.
    fn check_table(&self) -> Result<(), OptionsError> {
        let fault = |reason| Err(OptionsError::Incomplete { reason });
        match (&self.amount, &self.debit, &self.credit) {
            (Some(_), None, None) | (None, Some(_), Some(_)) => {}
            _ => {
                return fault(
                    "a table needs the column of the amount, `amount=`, or those of both \
                     directions, `debit=` and `credit=`",
                );
            }
        }
        if self.amount.is_none() && self.sign != Sign::Positive {
            return fault(
                "`sign` goes with `amount`; the columns `debit` and `credit` say it themselves",
            );
        }
        if self.currency.is_some() == self.fixed_currency.is_some() {
            return fault(
                "a table needs the column of the currency, `currency=`, or one currency for all \
                 lines, `fixed_currency=`",
            );
        }
        if self.date.is_none() {
            return fault("a table needs the column of the date, `date=`");
        }
        if self.kind.is_some() == self.refund_types.is_empty() {
            return fault("`type` and `refund_types` go together");
        }
        if self.unit == Unit::Minor && self.number.decimal.is_some() {
            return fault("whole minor units (`unit=minor`) have no `decimal` mark");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        text.parse::<ColumnMap>().unwrap_err().to_string()
    }

    #[test]
    fn values_in_quotes_hold_commas_and_quotes() {
        let map: ColumnMap = r#"key="a, ""b""" , amount=c d,refund_types="x | y,z""#
            .parse()
            .unwrap();
        assert_eq!(map.key.as_deref(), Some(r#"a, "b""#));
        assert_eq!(map.amount.as_deref(), Some("c d"));
        assert_eq!(map.refund_types, ["x", "y,z"]);
    }

    #[test]
    fn what_is_wrong_with_a_map_is_said() {
        for (text, expected) in [
            ("key", "map: `key` is not `name=value`"),
            ("key=", "map: `key` has no value"),
            ("key=a,", "map: nothing stands behind the last comma"),
            ("key=a,key=b", "map: `key` is given twice"),
            (r#"key="a"#, "map: the quote behind `key=` is not closed"),
            (
                r#"key="a"b"#,
                "map: `b` stands behind the value of `key`; a comma must separate it",
            ),
            ("decimal=;", "map: `decimal` is `;`; it must be `.` or `,`"),
            (
                "sign=plus",
                "map: `sign` is `plus`; it must be `positive` or `negative`",
            ),
            (
                "decimal=.,thousands=.",
                "map: `decimal` and `thousands` must be two different marks",
            ),
            (
                "thousands=.",
                "map: `decimal` and `thousands` must be two different marks",
            ),
            (
                "delimiter=ab",
                "map: `delimiter` is `ab`; it must be one ASCII character that is no quote, or `tab`",
            ),
        ] {
            assert_eq!(error(text), expected, "{text}");
        }
        assert!(error("=a").starts_with("map: `` is not known; it must be one of key, invoice"));
    }

    #[test]
    fn a_table_needs_amount_currency_and_date() {
        for (text, ok) in [
            ("amount=a,currency=c,date=d", true),
            ("debit=a,credit=b,fixed_currency=EUR,date=d", true),
            ("debit=a,fixed_currency=EUR,date=d", false),
            ("amount=a,debit=b,credit=c,fixed_currency=EUR,date=d", false),
            ("amount=a,date=d", false),
            ("amount=a,currency=c", false),
            ("amount=a,currency=c,date=d,type=t", false),
            ("amount=a,currency=c,date=d,refund_types=t", false),
            ("amount=a,currency=c,date=d,type=t,refund_types=r", true),
            (
                "debit=a,credit=b,fixed_currency=EUR,date=d,sign=negative",
                false,
            ),
        ] {
            let made = ReadOptions::new(Source::Csv, text.parse().unwrap());
            assert_eq!(made.is_ok(), ok, "{text}: {made:?}");
        }
    }
}

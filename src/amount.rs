//! Amounts with and without taxes, and the rule that ties the two.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::currency::Currency;
use crate::error::{ErrorCode, Faults, LedgerError};
use crate::money::{DecimalValue, JsonMoney, minor_to_decimal, serialize_decimal};

const WITH: &str = "amount.value_with_taxes";
const WITHOUT: &str = "amount.value_without_taxes";

/// A percentage from 0 to 1000 with at most four decimals: `tax.percentage` of the contract's
/// `AmountRequestDTO`.
///
/// ```
/// # fn main() -> Result<(), refund_ledger::LedgerError> {
/// use refund_ledger::{ErrorCode, Percentage};
/// let reduced: Percentage = "5.5".parse()?;
/// assert_eq!(reduced.ten_thousandths(), 55_000);
/// let refused = "1000.5".parse::<Percentage>().unwrap_err();
/// assert_eq!(refused.code(), ErrorCode::InvalidRequest);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percentage(u32);

impl Percentage {
    const DECIMALS: u8 = 4;
    const TEN_THOUSANDTHS_MAX: u32 = 10_000_000;

    /// No tax to pay, as a percentage.
    pub(crate) const ZERO: Self = Self(0);

    /// The percentage of this many ten-thousandths: 210000 is 21 %.
    ///
    /// # Errors
    /// `invalid_request` above 1000 %.
    ///
    /// ```
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{ErrorCode, Percentage};
    /// assert_eq!(Percentage::from_ten_thousandths(210_000)?, "21".parse()?);
    /// let refused = Percentage::from_ten_thousandths(10_000_001).unwrap_err();
    /// assert_eq!(refused.code(), ErrorCode::InvalidRequest);
    /// # Ok(()) }
    /// ```
    pub fn from_ten_thousandths(value: u32) -> Result<Self, LedgerError> {
        if value <= Self::TEN_THOUSANDTHS_MAX {
            Ok(Self(value))
        } else {
            Err(Self::fault())
        }
    }

    fn fault() -> LedgerError {
        LedgerError::invalid_field(
            "amount.tax.percentage",
            "out_of_range",
            "must be from 0 to 1000 with at most 4 decimals",
        )
    }

    /// The percentage in ten-thousandths: 210000 for 21 %.
    pub const fn ten_thousandths(self) -> u32 {
        self.0
    }
}

impl FromStr for Percentage {
    type Err = LedgerError;

    /// Reads a plain decimal such as `21` or `5.5`, without a percent sign.
    ///
    /// # Errors
    /// `invalid_request` on `amount.tax.percentage` where it is no [`DecimalValue`], above 1000, or has more than 4 decimals.
    fn from_str(text: &str) -> Result<Self, LedgerError> {
        let value: DecimalValue = text
            .parse()
            .map_err(|error: LedgerError| error.at_field("amount.tax.percentage"))?;
        value
            .scaled(Self::DECIMALS)
            .and_then(|scaled| u32::try_from(scaled).ok())
            .ok_or_else(Self::fault)
            .and_then(Self::from_ten_thousandths)
    }
}

impl fmt::Display for Percentage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.0.div_euclid(10_000);
        let fraction = format!("{:04}", self.0.rem_euclid(10_000));
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{whole}"),
            fraction => write!(f, "{whole}.{fraction}"),
        }
    }
}

impl fmt::Debug for Percentage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} %")
    }
}

impl Serialize for Percentage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_decimal(self.0.into(), Self::DECIMALS, serializer)
    }
}

/// A tax, what it is called and its percentage: `tax` of the contract's `AmountRequestDTO`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tax {
    tax_type: Arc<str>,
    percentage: Percentage,
}

impl Tax {
    /// The longest tax type, in characters.
    pub const TYPE_CHARACTERS_MAX: usize = 64;

    /// A tax such as `IVA` at 21 %.
    ///
    /// # Errors
    /// `invalid_request` on `amount.tax.type` unless it has 1 to 64 characters.
    ///
    /// ```
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{ErrorCode, Tax};
    /// let tax = Tax::new("IVA", "21".parse()?)?;
    /// assert_eq!((tax.tax_type(), tax.percentage().to_string()), ("IVA", "21".to_owned()));
    /// let refused = Tax::new("", "21".parse()?).unwrap_err();
    /// assert_eq!(refused.code(), ErrorCode::InvalidRequest);
    /// # Ok(()) }
    /// ```
    pub fn new(tax_type: &str, percentage: Percentage) -> Result<Self, LedgerError> {
        let characters = tax_type.chars().count();
        if characters == 0 || characters > Self::TYPE_CHARACTERS_MAX {
            return Err(LedgerError::invalid_field(
                "amount.tax.type",
                if characters == 0 {
                    "too_short"
                } else {
                    "too_long"
                },
                format!(
                    "has {characters} characters; 1 to {} are allowed",
                    Self::TYPE_CHARACTERS_MAX
                ),
            ));
        }
        Ok(Self {
            tax_type: Arc::from(tax_type),
            percentage,
        })
    }

    /// What the tax is called.
    pub fn tax_type(&self) -> &str {
        &self.tax_type
    }

    /// Its percentage.
    pub fn percentage(&self) -> Percentage {
        self.percentage
    }

    /// How many parts of a value with taxes there are, where one without has `PARTS`.
    fn parts(&self) -> i128 {
        Self::PARTS.saturating_add(self.percentage.ten_thousandths().into())
    }

    const PARTS: i128 = 1_000_000;

    /// Whether the two values are no further apart than a minor unit from what the tax says,
    /// compared exactly: |without × (1 + percentage/100) − with| ≤ 1.
    fn fits(&self, values: Values) -> bool {
        // Both products stay far below 2^127: 64 bits times at most 24.
        let taxed = i128::from(values.without).saturating_mul(self.parts());
        let given = i128::from(values.with).saturating_mul(Self::PARTS);
        taxed.abs_diff(given) <= Self::PARTS.unsigned_abs()
    }

    /// Adds the tax, rounding half away from zero.
    fn add(&self, without: i64) -> Option<i64> {
        round_half_up(i128::from(without).checked_mul(self.parts())?, Self::PARTS)
    }

    /// Takes the tax out, rounding half away from zero.
    fn take_out(&self, with: i64) -> Option<i64> {
        round_half_up(i128::from(with).checked_mul(Self::PARTS)?, self.parts())
    }
}

impl Serialize for Tax {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut body = serializer.serialize_struct("Tax", 2)?;
        body.serialize_field("type", &*self.tax_type)?;
        body.serialize_field("percentage", &self.percentage)?;
        body.end()
    }
}

/// `numerator / denominator`, both positive, rounded to the nearest, halves away from zero.
fn round_half_up(numerator: i128, denominator: i128) -> Option<i64> {
    let doubled = numerator.checked_mul(2)?.checked_add(denominator)?;
    i64::try_from(doubled.checked_div(denominator.checked_mul(2)?)?).ok()
}

/// An amount as a caller asks for it: one value or both, a tax, a currency. It is the contract's
/// `AmountRequestDTO`, whose fields the contract leaves open. Values are in major units (euros, not
/// cents), with at most the decimals of the currency's minor unit (ISO 4217).
///
/// How the two values hang together is judged once the movement is known:
/// - Both values and a tax: they may differ from what the tax says by one minor unit at most.
/// - One value and a tax: the other is derived, rounding half away from zero.
/// - No tax: the two are equal, and one may be left out.
/// - A refund whose values equal what is left of its movement takes exactly what is left, with and
///   without taxes; the tax is then not compared.
///
/// Where they do not fit, the answer is `tax_mismatch`.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
/// # fn main() -> Result<(), refund_ledger::LedgerError> {
/// use refund_ledger::{AmountRequest, ErrorCode, Tax};
/// let (ledger, movement) = ledger()?;
/// let mut refund = request("r-1", "12.1")?;
/// refund.amount = AmountRequest::new(Some("12.1".parse()?), Some("10".parse()?))?; // and no tax
/// let refused = ledger.create_refund(&movement, &refund).unwrap_err();
/// assert_eq!(refused.code(), ErrorCode::TaxMismatch);
///
/// refund.amount = refund.amount.with_tax(Tax::new("IVA", "21".parse()?)?);
/// ledger.create_refund(&movement, &refund)?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmountRequest {
    // INVARIANT: at least one value; a value with taxes is above 0; with both, with ≥ without.
    with_taxes: Option<DecimalValue>,
    without_taxes: Option<DecimalValue>,
    tax: Option<Tax>,
    currency: Option<Currency>,
}

impl AmountRequest {
    /// An amount of a value with taxes, one without, or both.
    ///
    /// # Errors
    /// `invalid_request` where both are missing, the value with taxes is 0, or it is less than
    /// the one without. (A value without taxes may be 0 only where it takes the rest of a
    /// movement, which the ledger judges.)
    ///
    /// ```
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{AmountRequest, ErrorCode, Tax};
    /// let amount = AmountRequest::new(Some("12.1".parse()?), Some("10".parse()?))?
    ///     .with_tax(Tax::new("IVA", "21".parse()?)?)
    ///     .with_currency("EUR".parse()?);
    /// let refused = AmountRequest::new(Some("10".parse()?), Some("12.1".parse()?)).unwrap_err();
    /// assert_eq!(refused.code(), ErrorCode::InvalidRequest); // with taxes it is less than without
    /// # Ok(()) }
    /// ```
    pub fn new(
        with_taxes: Option<DecimalValue>,
        without_taxes: Option<DecimalValue>,
    ) -> Result<Self, LedgerError> {
        let mut faults = Faults::default();
        match (with_taxes, without_taxes) {
            (None, None) => faults.add(
                WITH,
                "required",
                format!("is required unless `{WITHOUT}` is given"),
            ),
            (Some(with), _) if with.is_zero() => {
                faults.add(WITH, "out_of_range", "must be above 0");
            }
            (Some(with), Some(without)) if with < without => faults.add(
                WITH,
                "out_of_range",
                format!("is `{with}`; it must not be less than `{WITHOUT}`, `{without}`"),
            ),
            _ => {}
        }
        faults.into_result()?;
        Ok(Self {
            with_taxes,
            without_taxes,
            tax: None,
            currency: None,
        })
    }

    /// The same amount with this tax.
    #[must_use]
    pub fn with_tax(mut self, tax: Tax) -> Self {
        self.tax = Some(tax);
        self
    }

    /// The same amount, saying its currency, which must be the movement's.
    #[must_use]
    pub fn with_currency(mut self, currency: Currency) -> Self {
        self.currency = Some(currency);
        self
    }

    /// The currency, where it was said.
    pub fn currency(&self) -> Option<Currency> {
        self.currency
    }

    /// The amount in minor units of the movement's currency. `left` is what is left of the
    /// movement, for a refund: where a given value equals what is left on its side, the refund
    /// takes exactly what is left on both sides.
    pub(crate) fn resolve(
        &self,
        currency: Currency,
        left: Option<Values>,
    ) -> Result<Amount, LedgerError> {
        if let Some(given) = self.currency
            && given != currency
        {
            return Err(LedgerError::new(
                ErrorCode::CurrencyMismatch,
                format!("`amount.currency` is `{given}`; the movement is in {currency}"),
            ));
        }
        let mut faults = Faults::default();
        let mut minor = |field, value: Option<DecimalValue>| {
            value.and_then(|value| {
                value
                    .to_minor_units(currency)
                    .map_err(|error| {
                        for detail in error.details() {
                            faults.add(field, detail.code, detail.message.clone());
                        }
                    })
                    .ok()
            })
        };
        let with = minor(WITH, self.with_taxes);
        let without = minor(WITHOUT, self.without_taxes);
        faults.into_result()?;

        let values = match left {
            Some(left) if left.is_taken_by(with, without) => left,
            _ => self.values(with, without, currency)?,
        };
        Ok(Amount {
            currency,
            values,
            tax: self.tax.clone(),
        })
    }

    /// The amount exactly as it says, as content that was kept before: both values, no tax rule.
    pub(crate) fn exact(&self, currency: Currency) -> Result<Amount, LedgerError> {
        let value = |field, value: Option<DecimalValue>| {
            value
                .ok_or_else(|| LedgerError::invalid_field(field, "required", "is required"))?
                .to_minor_units(currency)
        };
        let values = Values {
            with: value(WITH, self.with_taxes)?,
            without: value(WITHOUT, self.without_taxes)?,
        };
        Amount::from_stored(currency, values, self.tax.clone())
    }

    fn values(
        &self,
        with: Option<i64>,
        without: Option<i64>,
        currency: Currency,
    ) -> Result<Values, LedgerError> {
        let too_large =
            || LedgerError::invalid_field(WITHOUT, "out_of_range", "is too large to be kept");
        let values = match (with, without, &self.tax) {
            (Some(with), Some(without), _) => Values { with, without },
            (Some(with), None, Some(tax)) => Values {
                with,
                without: tax.take_out(with).ok_or_else(too_large)?,
            },
            (None, Some(without), Some(tax)) => Values {
                with: tax.add(without).ok_or_else(too_large)?,
                without,
            },
            (Some(only), None, None) | (None, Some(only), None) => Values {
                with: only,
                without: only,
            },
            (None, None, _) => return Err(LedgerError::internal("an amount without a value")),
        };
        if values.without == 0 {
            return Err(LedgerError::invalid_field(
                WITHOUT,
                "out_of_range",
                "must be above 0, unless the refund takes all that is left of the movement",
            ));
        }
        // A derived value is the nearest there is, though a high tax may put it further off than
        // the tolerance for two given ones.
        if with.is_some() && without.is_some() && !self.tax_fits(values) {
            return Err(self.tax_mismatch(values, currency));
        }
        Ok(values)
    }

    fn tax_fits(&self, values: Values) -> bool {
        match &self.tax {
            Some(tax) => tax.fits(values),
            None => values.with == values.without,
        }
    }

    fn tax_mismatch(&self, values: Values, currency: Currency) -> LedgerError {
        let say = |minor: i64| minor_to_decimal(minor.into(), currency);
        let rule = match &self.tax {
            Some(tax) => format!(
                "{} at {} % allows a difference of one minor unit at most",
                tax.tax_type(),
                tax.percentage()
            ),
            None => "without `amount.tax` they must be equal".to_owned(),
        };
        LedgerError::new(
            ErrorCode::TaxMismatch,
            format!(
                "`{WITH}` is `{}` and `{WITHOUT}` is `{}`; {rule}",
                say(values.with),
                say(values.without)
            ),
        )
    }

    /// The paths of the parts that differ, by value, from an amount that was kept. Values and a
    /// currency that are left out do not differ.
    pub(crate) fn differences_from(&self, kept: &Amount) -> impl Iterator<Item = &'static str> {
        let differs = |given: Option<DecimalValue>, kept_minor: i64| {
            given.is_some_and(|value| value.to_minor_units(kept.currency).ok() != Some(kept_minor))
        };
        [
            (differs(self.with_taxes, kept.values.with), WITH),
            (differs(self.without_taxes, kept.values.without), WITHOUT),
            (self.tax != kept.tax, "amount.tax"),
            (
                self.currency.is_some_and(|given| given != kept.currency),
                "amount.currency",
            ),
        ]
        .into_iter()
        .filter_map(|(differs, field)| differs.then_some(field))
    }
}

/// A pair of sums in minor units of a currency (ISO 4217), with and without taxes.
///
/// ```
/// use refund_ledger::Values;
/// let charged = Values { with: 12_100, without: 10_000 };
/// let refunded = Values { with: 1_210, without: 1_000 };
/// assert_eq!(charged.checked_sub(refunded), Some(Values { with: 10_890, without: 9_000 }));
/// assert_eq!(refunded.checked_sub(charged), None); // never below 0
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// With taxes.
    pub with: i64,
    /// Without taxes.
    pub without: i64,
}

impl Values {
    /// Both sums with the other's added; `None` where either would pass 64 bits.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Some(Self {
            with: self.with.checked_add(other.with)?,
            without: self.without.checked_add(other.without)?,
        })
    }

    /// Both sums less the other's; `None` where either would fall below 0.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        let less = |a: i64, b: i64| a.checked_sub(b).filter(|left| *left >= 0);
        Some(Self {
            with: less(self.with, other.with)?,
            without: less(self.without, other.without)?,
        })
    }

    /// Whether a refund of the given values takes all of this rest of a movement. A rest with
    /// more without taxes than with (refunds may be taxed higher than their movement) is no
    /// amount, so nothing takes it whole.
    fn is_taken_by(self, with: Option<i64>, without: Option<i64>) -> bool {
        let equals = |given: Option<i64>, left| given.is_none_or(|given| given == left);
        self.with > 0
            && self.with >= self.without
            && equals(with, self.with)
            && equals(without, self.without)
    }
}

/// An amount that the ledger keeps: valid by construction, in minor units of its currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amount {
    // INVARIANT: with > 0, 0 ≤ without ≤ with.
    currency: Currency,
    values: Values,
    tax: Option<Tax>,
}

impl Amount {
    /// An amount as a store kept it.
    ///
    /// # Errors
    /// `store_corrupted` where the values can't be an amount's: with taxes above 0, without taxes
    /// from 0 up to that.
    ///
    /// ```
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{Amount, ErrorCode, Values};
    /// let values = Values { with: 1_210, without: 1_000 };
    /// assert_eq!(Amount::from_stored("EUR".parse()?, values, None)?.value_with_taxes(), "12.1");
    /// let values = Values { with: 1_000, without: 1_210 };
    /// let refused = Amount::from_stored("EUR".parse()?, values, None).unwrap_err();
    /// assert_eq!(refused.code(), ErrorCode::StoreCorrupted);
    /// # Ok(()) }
    /// ```
    pub fn from_stored(
        currency: Currency,
        values: Values,
        tax: Option<Tax>,
    ) -> Result<Self, LedgerError> {
        if values.with > 0 && (0..=values.with).contains(&values.without) {
            Ok(Self {
                currency,
                values,
                tax,
            })
        } else {
            Err(LedgerError::new(
                ErrorCode::StoreCorrupted,
                "the store holds an amount that can't be",
            ))
        }
    }

    /// The currency, the movement's.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// The code of its currency.
    #[cfg(feature = "postgres")]
    pub(crate) fn currency_code(&self) -> &str {
        self.currency.code()
    }

    /// Both values, in minor units.
    pub fn values(&self) -> Values {
        self.values
    }

    /// The tax, where one was given.
    pub fn tax(&self) -> Option<&Tax> {
        self.tax.as_ref()
    }

    /// The value with taxes as a decimal in its shortest exact form, such as `12.1`.
    pub fn value_with_taxes(&self) -> String {
        minor_to_decimal(self.values.with.into(), self.currency)
    }

    /// The value without taxes as a decimal in its shortest exact form.
    pub fn value_without_taxes(&self) -> String {
        minor_to_decimal(self.values.without.into(), self.currency)
    }

    pub(crate) fn json_values(&self) -> (JsonMoney, JsonMoney) {
        let json = |minor: i64| JsonMoney {
            minor: minor.into(),
            currency: self.currency,
        };
        (json(self.values.with), json(self.values.without))
    }
}

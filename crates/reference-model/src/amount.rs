//! What the model knows of money.

use crate::command::{Ask, Form, Value};
use crate::model::{Mistake, Model};

/// An amount in minor units: with taxes, without.
pub(crate) type Minor = (i128, i128);
/// Type and ten-thousandths of a per cent.
pub(crate) type Tax = Option<(&'static str, i128)>;

pub(crate) fn exponent(currency: &str) -> u32 {
    match currency {
        "JPY" => 0,
        "BHD" => 3,
        "CLF" => 4,
        _ => 2,
    }
}

/// In minor units, if it is whole in them.
fn minor(value: Value, currency: &str) -> Option<i128> {
    let unit = 10_i128.pow(5 - exponent(currency));
    (value % unit == 0).then(|| value / unit)
}

impl Model {
    pub(crate) fn same_amount(
        &self,
        ask: &Ask,
        currency: &str,
        kept: Minor,
        tax: Tax,
        form: Form,
    ) -> bool {
        let same = |given: Option<Value>, kept: i128| {
            given.is_none_or(|given| minor(given, currency) == Some(kept))
        };
        same(ask.with, kept.0)
            && same(ask.without, kept.1)
            && ask.tax == tax
            && ask.currency.is_none_or(|given| given == currency)
            && (self.mistake != Mistake::ComparedAsText || ask.form == form)
    }

    pub(crate) fn resolve(
        &self,
        ask: &Ask,
        currency: &str,
        left: Option<Minor>,
    ) -> Result<Minor, &'static str> {
        if ask.currency.is_some_and(|given| given != currency) {
            return Err("currency_mismatch");
        }
        let whole = |value: Option<Value>| match value {
            None => Ok(None),
            Some(value) => minor(value, currency).map(Some).ok_or("invalid_request"),
        };
        let (with, without) = (whole(ask.with)?, whole(ask.without)?);
        // The remainder rule. A rest with more without taxes than with is no amount.
        if let Some(left) = left.filter(|left| left.0 > 0 && left.0 >= left.1)
            && with.is_none_or(|with| with == left.0)
            && without.is_none_or(|without| without == left.1)
            && self.mistake != Mistake::RestIsTaxed
        {
            return Ok(left);
        }
        let million = 1_000_000;
        let parts = million + ask.tax.map_or(0, |(_, percentage)| percentage);
        let round = |numerator: i128, denominator: i128| {
            let (whole, rest) = (numerator / denominator, numerator % denominator);
            let half_up = if self.mistake == Mistake::HalfDown {
                rest * 2 > denominator
            } else {
                rest * 2 >= denominator
            };
            whole + i128::from(half_up)
        };
        let both = match (with, without) {
            (Some(with), Some(without)) => (with, without),
            (Some(with), None) => (with, round(with * million, parts)),
            (None, Some(without)) => (round(without * parts, million), without),
            (None, None) => return Err("invalid_request"),
        };
        if both.1 == 0 {
            return Err("invalid_request");
        }
        let fits = match ask.tax {
            None => both.0 == both.1,
            Some(_) => (both.1 * parts - both.0 * million).abs() <= million,
        };
        if with.is_some() && without.is_some() && !fits {
            return Err("tax_mismatch");
        }
        Ok(both)
    }
}

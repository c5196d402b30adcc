//! Amounts: what is read is what a reading by hand says, in every currency; what is written is read as the
//! same; and a movement of it can be given back to the last part.
//!
//! The input's lines are a value with taxes, one without, the percentage of a tax and a currency; all but the
//! first may be missing.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use refund_fuzz::{check, judged, over};
use refund_ledger::store::memory::MemoryStore;
use refund_ledger::{
    AmountRequest, Currency, DecimalValue, Id, MovementKey, MovementRequest, Percentage, Period,
    RefundRequest, Tax, Text, Timestamp, Values,
};

/// A plain decimal by hand, in units of 10^-18; `None` where it is none, or none that is allowed.
fn by_hand(text: &str) -> Option<u128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || text.len() > 40 {
        return None;
    }
    let digits = text.replace('.', "");
    if digits.trim_start_matches('0').len() > 15 {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let units: u128 = format!("{whole}{fraction:0<18}").parse().ok()?;
    (fraction.len() <= 18).then_some(units)
}

fn value(text: &str) -> Option<DecimalValue> {
    let value = judged(text.parse::<DecimalValue>());
    let units = by_hand(text);
    assert_eq!(value.is_some(), units.is_some(), "`{text}` is a value");
    let (value, units) = value.zip(units)?;
    let written = value.to_string();
    assert_eq!(
        written.parse(),
        Ok(value),
        "`{text}` is written `{written}`"
    );
    assert_eq!(
        by_hand(&written),
        Some(units),
        "`{text}` is written `{written}`"
    );
    for (code, decimals) in [("EUR", 2), ("JPY", 0), ("BHD", 3), ("CLF", 4)] {
        let currency: Currency = code.parse().expect("a currency");
        let unit = 10_u128.pow(18 - decimals);
        let minor = judged(value.to_minor_units(currency));
        let wanted = (units % unit == 0).then(|| units / unit);
        let wanted = wanted.and_then(|minor| i64::try_from(minor).ok());
        assert_eq!(minor, wanted, "`{text}` in {code}");
        let back = minor.and_then(|minor| DecimalValue::from_minor_units(minor, currency).ok());
        assert!(
            back.is_none_or(|back| back == value),
            "`{text}` in {code}, back"
        );
    }
    Some(value)
}

/// Records a movement of this amount, and gives all of it back.
fn give_back(amount: AmountRequest, currency: Currency) {
    let ledger = over(Arc::new(MemoryStore::new()));
    let key = MovementKey::new("acme", "sub-8", "mov-1").expect("a key");
    let instant: Timestamp = "2022-02-03T00:00:00Z".parse().expect("an instant");
    let description = Text::new("All of it").expect("a text");
    let movement = MovementRequest {
        currency,
        occurred_at: instant,
        amount: amount.clone(),
        description: description.clone(),
    };
    if ledger.record_movement(&key, &movement).is_err() {
        return;
    }
    let refund = RefundRequest {
        refund_datetime: instant,
        period: Period::default(),
        amount,
        external_invoice_id: None,
        external_refund_unique_id: Id::new("r-9").expect("an id"),
        billable: false,
        description,
    };
    ledger
        .create_refund(&key, &refund)
        .expect("all of it can be given back");
    let balance = ledger.balance(&key).expect("a balance");
    assert_eq!(balance.refunded, balance.amount, "all of it was given back");
    assert_eq!(
        balance.refundable,
        Values {
            with: 0,
            without: 0
        }
    );
    check(&ledger);
}

fuzz_target!(|text: &str| {
    let mut lines = text.split('\n');
    let with = lines.next().and_then(value);
    let without = lines.next().and_then(value);
    let percentage = lines.next().and_then(|text| {
        let percentage = judged(text.parse::<Percentage>())?;
        assert_eq!(percentage.to_string().parse(), Ok(percentage), "`{text}` %");
        Some(percentage)
    });
    let currency = lines
        .next()
        .and_then(|text| judged(text.parse::<Currency>()));
    let currency = currency.unwrap_or_else(|| "EUR".parse().expect("a currency"));
    let Some(mut amount) = judged(AmountRequest::new(with, without)) else {
        return;
    };
    if let Some(percentage) = percentage {
        amount = amount.with_tax(Tax::new("IVA", percentage).expect("a tax"));
    }
    give_back(amount, currency);
});

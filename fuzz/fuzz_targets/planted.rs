//! The planted bug: an amount that passes through a floating-point number on its way in. A run that does
//! not find it finds nothing else.
#![no_main]

use libfuzzer_sys::fuzz_target;
use refund_ledger::{Currency, DecimalValue};

fuzz_target!(|text: &str| {
    let euro: Currency = "EUR".parse().expect("a currency");
    let Ok(value) = text.parse::<DecimalValue>() else {
        return;
    };
    let (Ok(minor), Ok(float)) = (value.to_minor_units(euro), text.parse::<f64>()) else {
        return;
    };
    #[allow(clippy::cast_possible_truncation, reason = "it is the bug")]
    let planted = (float * 100.0) as i64;
    assert_eq!(planted, minor, "`{text}` in cents, read as a float");
});

//! Money: what an amount may look like, what the tax makes of it, and what a movement still gives.

use refund_ledger::{Amount, AmountRequest, Currency, DecimalValue, JsonMoney, minor_to_decimal};

use crate::common::{
    Book, Json, accepted, at_fault, charge, external, key, plain, plain_charge, refused, replayed,
    standard,
};

const WITH: &str = "amount.value_with_taxes";
const WITHOUT: &str = "amount.value_without_taxes";

/// Texts that are no amount at all, as JSON, with the detail that says so.
const NO_AMOUNTS: &[(&str, &str)] = &[
    ("-1", "invalid_format"),
    (r#""-1""#, "invalid_format"),
    ("-0", "invalid_format"),
    (r#""+1""#, "invalid_format"),
    ("1e3", "invalid_format"),
    ("1E3", "invalid_format"),
    ("1.0e0", "invalid_format"),
    ("1e999", "invalid_format"),
    (r#""1e3""#, "invalid_format"),
    (r#""1_000""#, "invalid_format"),
    (r#""1,000""#, "invalid_format"),
    (r#""1 000""#, "invalid_format"),
    (r#"".5""#, "invalid_format"),
    (r#""5.""#, "invalid_format"),
    (r#"".""#, "invalid_format"),
    (r#""""#, "invalid_format"),
    (r#""1.2.3""#, "invalid_format"),
    (r#"" 1""#, "invalid_format"),
    (r#""1 ""#, "invalid_format"),
    (r#""1\n""#, "invalid_format"),
    (r#""1\u0000""#, "invalid_format"),
    ("\"\u{663}\"", "invalid_format"),
    ("\"\u{ff11}\"", "invalid_format"),
    (r#""0x10""#, "invalid_format"),
    (r#""NaN""#, "invalid_format"),
    (r#""Infinity""#, "invalid_format"),
    ("1234567890123456", "too_long"),
    (r#""1234567890123456""#, "too_long"),
    (r#""1.000000000000000""#, "too_long"),
    ("9.00000000000000001", "too_long"),
    ("1000000000000000000000000000001", "too_long"),
    (r#""1000000000000000000000000000001""#, "too_long"),
    ("true", "wrong_type"),
    ("[1]", "wrong_type"),
    (r#"{"value":1}"#, "wrong_type"),
];

#[test]
fn what_is_no_plain_decimal_is_refused_by_its_field_and_changes_nothing() {
    let book = Book::new();
    for (raw, detail) in NO_AMOUNTS {
        println!("an amount of {raw}");
        for field in [WITH, WITHOUT] {
            let body = standard("r-1").set(field, *raw);
            at_fault(book.unchanged(|| book.create(&body)), &[(field, detail)]);
        }
        let other = book.on(&key("acme", "sub-7", "mov-43"));
        let body = charge().set(WITH, *raw);
        at_fault(book.unchanged(|| other.record(&body)), &[(WITH, detail)]);
    }
}

#[test]
fn numbers_that_are_no_json_make_the_request_malformed() {
    let book = Book::new();
    for raw in [
        ".5", "5.", "+1", "01", "1_000", "NaN", "Infinity", "0x10", "1.e3", "--1",
    ] {
        println!("an amount of {raw}");
        let body = standard("r-1").set(WITH, raw);
        refused(book.unchanged(|| book.create(&body)), "malformed_request");
    }
}

#[test]
fn an_amount_of_zero_is_refused() {
    let book = Book::new();
    for raw in ["0", r#""0""#, "0.00", r#""000""#, r#""0.0000000000""#] {
        println!("an amount of {raw}");
        at_fault(
            book.unchanged(|| book.create(&plain("r-1", raw))),
            &[(WITH, "out_of_range")],
        );
        let body = standard("r-1").set(WITHOUT, raw);
        at_fault(
            book.unchanged(|| book.create(&body)),
            &[(WITHOUT, "out_of_range")],
        );
        let alone = standard("r-1").set("amount", Json::object().set("value_without_taxes", raw));
        at_fault(
            book.unchanged(|| book.create(&alone)),
            &[(WITHOUT, "out_of_range")],
        );
    }
}

#[test]
fn numbers_and_decimal_strings_say_the_same() {
    for raw in [
        "12.1",
        "12.10",
        r#""12.1""#,
        r#""12.10""#,
        r#""12.1000000000""#,
        r#""0012.10""#,
    ] {
        println!("an amount of {raw}");
        let book = Book::new();
        accepted(book.create(&plain("r-1", raw)));
        let values = book.refund("r-1").details.amount.values();
        assert_eq!(
            (values.with, values.without),
            (1210, 1210),
            "{raw} in cents"
        );
    }
}

#[test]
fn leading_zeros_are_no_significant_digits_but_have_an_end() {
    let value = |zeros: usize| format!("\"{}12.1\"", "0".repeat(zeros));
    let book = Book::new();
    accepted(book.create(&plain("r-1", &value(27))));
    replayed(book.create(&plain("r-1", "12.1")));
    let answer = book.unchanged(|| book.create(&plain("r-2", &value(60))));
    let error = refused(answer, "invalid_request");
    assert!(
        error.message().contains("64 characters"),
        "says what there is too much of: {}",
        error.message()
    );
}

#[test]
fn every_currency_takes_the_decimals_of_its_minor_unit_and_no_more() {
    // Currency, the smallest amount, one decimal too many.
    for (currency, least, too_fine) in [
        ("JPY", "1", "0.5"),
        ("JPY", "1", "0.1"),
        ("EUR", "0.01", "0.001"),
        ("BHD", "0.001", "0.0001"),
        ("CLF", "0.0001", "0.00001"),
    ] {
        println!("{too_fine} {currency}");
        let book = Book::charging(&plain_charge(currency, "100"));
        at_fault(
            book.unchanged(|| book.create(&plain("r-1", too_fine))),
            &[(WITH, "too_many_decimals")],
        );
        at_fault(
            book.unchanged(|| book.create(&plain("r-1", &format!("\"1{}\"", &too_fine[1..])))),
            &[(WITH, "too_many_decimals")],
        );
        accepted(book.create(&plain("r-1", least)));
        assert_eq!(
            book.refund("r-1").details.amount.values().with,
            1,
            "{least} {currency} is one minor unit"
        );
        // Zeros behind the minor unit change no value.
        replayed(book.create(&plain("r-1", &format!("\"{}\"", zeros_behind(least)))));
        let fresh = book.on(&key("acme", "sub-7", "mov-43"));
        at_fault(
            book.unchanged(|| fresh.record(&plain_charge(currency, too_fine))),
            &[(WITH, "too_many_decimals")],
        );
    }
}

fn zeros_behind(value: &str) -> String {
    if value.contains('.') {
        format!("{value}00")
    } else {
        format!("{value}.00")
    }
}

#[test]
fn fifteen_digits_are_kept_to_the_last() {
    for (currency, text, minor) in [
        ("JPY", "999999999999999", 999_999_999_999_999_i64),
        ("EUR", "9999999999999.99", 999_999_999_999_999),
        ("EUR", "999999999999999", 99_999_999_999_999_900),
        ("BHD", "999999999999999", 999_999_999_999_999_000),
        ("CLF", "99999999999.9999", 999_999_999_999_999),
    ] {
        println!("{text} {currency}");
        for raw in [text.to_owned(), format!("\"{text}\"")] {
            let book = Book::charging(&plain_charge(currency, &raw));
            assert_eq!(book.left(), (minor, minor), "{raw} {currency}");
            accepted(book.create(&plain("r-1", &raw)));
            assert_eq!(book.left(), (0, 0), "all of {raw} {currency} was refunded");
            book.verifies();
        }
    }
}

#[test]
fn an_amount_that_minor_units_cannot_count_is_refused() {
    let book = Book::empty();
    at_fault(
        book.unchanged(|| book.record(&plain_charge("CLF", "999999999999999"))),
        &[(WITH, "out_of_range")],
    );
}

#[test]
fn an_amount_needs_one_value_at_least() {
    let book = Book::new();
    let body = standard("r-1").leave_out(WITH).leave_out(WITHOUT);
    at_fault(book.unchanged(|| book.create(&body)), &[(WITH, "required")]);
}

#[test]
fn the_value_with_taxes_is_not_below_the_one_without() {
    let book = Book::new();
    let body = standard("r-1").set(WITH, "10").set(WITHOUT, "10.01");
    at_fault(
        book.unchanged(|| book.create(&body)),
        &[(WITH, "out_of_range")],
    );
}

#[test]
fn codes_that_are_no_currency_with_a_minor_unit_are_refused() {
    let book = Book::empty();
    for code in [
        "eur", "EU", "EURO", "", "ABC", "XXX", "XAU", "XTS", "ЕUR", "EUR ",
    ] {
        println!("currency `{code}`");
        let body = charge().text("currency", code);
        at_fault(
            book.unchanged(|| book.record(&body)),
            &[("currency", "invalid_format")],
        );
    }
}

#[test]
fn an_amount_in_another_currency_than_its_movement_is_refused() {
    let book = Book::new();
    let body = standard("r-1").text("amount.currency", "USD");
    refused(book.unchanged(|| book.create(&body)), "currency_mismatch");
    accepted(book.create(&standard("r-1").text("amount.currency", "EUR")));
    let other = book.on(&key("acme", "sub-7", "mov-43"));
    refused(
        book.unchanged(|| other.record(&charge().text("amount.currency", "USD"))),
        "currency_mismatch",
    );
}

/// A refund of the whole value, so that only the tax can be in its way.
fn taxed(currency: &str, percentage: &str, with: &str, without: &str) -> crate::common::Answer {
    let book = Book::charging(&plain_charge(currency, "500000000000000"));
    let body = plain("r-1", with)
        .set(WITHOUT, without)
        .text("amount.tax.type", "IVA")
        .set("amount.tax.percentage", percentage);
    let answer = book.create(&body);
    if answer.is_ok() {
        let tax = book.refund("r-1").details.amount;
        assert_eq!(
            (tax.value_with_taxes(), tax.value_without_taxes()),
            (with.to_owned(), without.to_owned()),
            "both values are kept as they were given"
        );
    }
    answer
}

#[test]
fn two_values_may_be_one_minor_unit_off_their_tax_and_not_a_hair_more() {
    // Currency, percentage, without taxes, and the least and the most with taxes.
    for (currency, percentage, without, least, most) in [
        ("EUR", "21", "10", "12.09", "12.11"),
        ("EUR", "0", "10", "10", "10.01"),
        ("EUR", "1000", "10", "109.99", "110.01"),
        ("EUR", "21", "0.33", "0.39", "0.4"),
        ("EUR", "21", "0.01", "0.01", "0.02"),
        // 12100.01 and 12099.99 cents: the ends move by a whole cent.
        ("EUR", "21.0001", "100", "121", "121.01"),
        ("EUR", "20.9999", "100", "120.99", "121"),
        ("JPY", "10", "100", "109", "111"),
        ("JPY", "8", "99", "106", "107"),
        ("BHD", "5", "1", "1.049", "1.051"),
        ("CLF", "19", "1", "1.1899", "1.1901"),
        // Where a double would be off.
        (
            "JPY",
            "21",
            "99999999999999",
            "120999999999998",
            "120999999999999",
        ),
        (
            "JPY",
            "33.3333",
            "300000000000001",
            "399999900000001",
            "399999900000002",
        ),
    ] {
        println!("{without} {currency} at {percentage} %");
        for with in [least, most] {
            accepted(taxed(currency, percentage, with, without));
        }
        for (edge, step) in [(least, -1_i64), (most, 1)] {
            let beyond = step_by(edge, currency, step);
            println!("  with taxes {beyond}");
            let refusal = taxed(currency, percentage, &beyond, without);
            let below = beyond.parse::<f64>().unwrap() < without.parse::<f64>().unwrap();
            refused(
                refusal,
                if below {
                    "invalid_request"
                } else {
                    "tax_mismatch"
                },
            );
        }
    }
}

/// The value some minor units away.
fn step_by(value: &str, currency: &str, units: i64) -> String {
    let currency = currency.parse().unwrap();
    let minor = value
        .parse::<refund_ledger::DecimalValue>()
        .unwrap()
        .to_minor_units(currency)
        .unwrap();
    refund_ledger::minor_to_decimal(i128::from(minor + units), currency)
}

#[test]
fn a_single_value_gets_the_other_by_rounding_half_away_from_zero() {
    // Percentage, the value that is given, the other one.
    for (percentage, with, without) in [
        ("21", "0.05", "0.04"),
        ("100", "0.05", "0.03"),
        ("100", "0.01", "0.01"),
        ("300", "0.09", "0.02"),
        ("300", "0.1", "0.03"),
        ("0", "7.77", "7.77"),
        ("1000", "0.06", "0.01"),
        ("21", "12.1", "10"),
        ("0.0001", "100", "100"),
    ] {
        let book = Book::of("121", "100");
        let body = plain("r-1", with)
            .text("amount.tax.type", "IVA")
            .set("amount.tax.percentage", percentage);
        accepted(book.create(&body));
        assert_eq!(
            book.refund("r-1").details.amount.value_without_taxes(),
            without,
            "{with} with taxes at {percentage} %"
        );
    }
    for (percentage, without, with) in [
        ("1", "0.5", "0.51"),
        ("21", "0.5", "0.61"),
        ("21", "0.49", "0.59"),
        ("50", "0.01", "0.02"),
        ("49.9999", "0.01", "0.01"),
        ("1000", "1", "11"),
        ("12.3456", "33.33", "37.44"),
    ] {
        let book = Book::of("121", "100");
        let body = plain("r-1", "1")
            .leave_out(WITH)
            .set(WITHOUT, without)
            .text("amount.tax.type", "IVA")
            .set("amount.tax.percentage", percentage);
        accepted(book.create(&body));
        assert_eq!(
            book.refund("r-1").details.amount.value_with_taxes(),
            with,
            "{without} without taxes at {percentage} %"
        );
    }
}

#[test]
fn a_value_so_small_that_nothing_is_left_without_taxes_is_refused() {
    let book = Book::new();
    let body = plain("r-1", "0.05")
        .text("amount.tax.type", "IVA")
        .set("amount.tax.percentage", "1000");
    at_fault(
        book.unchanged(|| book.create(&body)),
        &[(WITHOUT, "out_of_range")],
    );
}

#[test]
fn without_a_tax_the_two_values_are_equal() {
    let book = Book::new();
    refused(
        book.unchanged(|| book.create(&plain("r-1", "12.1").set(WITHOUT, "12.09"))),
        "tax_mismatch",
    );
    accepted(book.create(&plain("r-1", "12.1").set(WITHOUT, "12.10")));
    accepted(book.create(&plain("r-2", "12.1")));
    accepted(book.create(&plain("r-3", "1").leave_out(WITH).set(WITHOUT, "12.1")));
    for refund in ["r-1", "r-2", "r-3"] {
        let values = book.refund(refund).details.amount.values();
        assert_eq!((values.with, values.without), (1210, 1210), "{refund}");
    }
}

#[test]
fn a_percentage_is_from_0_to_1000_with_four_decimals_at_most() {
    for good in ["0", "1000", "1000.0", "21.1234", r#""21""#, r#""0.0001""#] {
        println!("{good} %");
        let book = Book::new();
        let body = standard("r-1")
            .leave_out(WITHOUT)
            .set("amount.tax.percentage", good);
        accepted(book.create(&body));
    }
    for (bad, detail) in [
        ("1000.0001", "out_of_range"),
        ("1001", "out_of_range"),
        ("21.12345", "out_of_range"),
        ("0.00001", "out_of_range"),
        ("-21", "invalid_format"),
        ("2.1e1", "invalid_format"),
        (r#""21%""#, "invalid_format"),
        ("true", "wrong_type"),
    ] {
        println!("{bad} %");
        let book = Book::new();
        let body = standard("r-1").set("amount.tax.percentage", bad);
        at_fault(
            book.unchanged(|| book.create(&body)),
            &[("amount.tax.percentage", detail)],
        );
    }
}

#[test]
fn a_tax_type_has_1_to_64_characters() {
    for good in ["a".repeat(64), "é".repeat(64), "\u{1f4b6}".repeat(64)] {
        let book = Book::new();
        accepted(book.create(&standard("r-1").text("amount.tax.type", &good)));
        book.verifies();
    }
    for (bad, detail) in [(String::new(), "too_short"), ("é".repeat(65), "too_long")] {
        let book = Book::new();
        let body = standard("r-1").text("amount.tax.type", &bad);
        at_fault(
            book.unchanged(|| book.create(&body)),
            &[("amount.tax.type", detail)],
        );
    }
}

#[test]
fn a_refund_may_be_taxed_otherwise_than_its_movement() {
    let book = Book::new();
    let body = plain("r-1", "11")
        .set(WITHOUT, "10")
        .text("amount.tax.type", "IGIC")
        .set("amount.tax.percentage", "10");
    accepted(book.create(&body));
    assert_eq!(book.left(), (11_000, 9_000));
}

/// A movement of 121/100 after twenty refunds of 0.05, at 21 %: 0.04 without taxes each, so that
/// 120 and 99.20 are left, which no tax of 21 % joins.
fn after_twenty_small_refunds() -> Book {
    let book = Book::of("121", "100");
    for n in 0..20 {
        let body = standard(&format!("small-{n}"))
            .set(WITH, "0.05")
            .leave_out(WITHOUT);
        accepted(book.create(&body));
    }
    assert_eq!(
        book.left(),
        (12_000, 9_920),
        "what is left after twenty refunds"
    );
    book
}

#[test]
fn the_last_cents_of_a_movement_can_be_refunded_in_one_go() {
    for (with, without) in [
        (Some("120"), None),
        (None, Some("99.2")),
        (Some("120.00"), Some(r#""99.20""#)),
    ] {
        println!("with taxes {with:?}, without {without:?}");
        let book = after_twenty_small_refunds();
        let mut body = standard("rest").leave_out(WITH).leave_out(WITHOUT);
        if let Some(with) = with {
            body = body.set(WITH, with);
        }
        if let Some(without) = without {
            body = body.set(WITHOUT, without);
        }
        accepted(book.create(&body));
        assert_eq!(book.left(), (0, 0), "nothing is left on either side");
        replayed(book.create(&body));
        book.verifies();
    }
}

#[test]
fn the_rest_is_taken_also_without_a_tax() {
    let book = after_twenty_small_refunds();
    accepted(book.create(&plain("rest", "120")));
    assert_eq!(book.left(), (0, 0));
}

#[test]
fn two_values_take_the_rest_only_where_both_equal_it() {
    let book = after_twenty_small_refunds();
    let body = |with: &str, without: &str| standard("rest").set(WITH, with).set(WITHOUT, without);
    refused(
        book.unchanged(|| book.create(&body("120", "99.15"))),
        "tax_mismatch",
    );
    refused(
        book.unchanged(|| book.create(&body("119.99", "99.2"))),
        "tax_mismatch",
    );
    // One of the two equals the rest, and both fit the tax: an ordinary refund.
    accepted(book.create(&body("120", "99.17")));
    assert_eq!(book.left(), (0, 3));
}

#[test]
fn the_rest_may_have_nothing_without_taxes() {
    for (with, without) in [
        (Some("0.01"), None),
        (Some("0.01"), Some("0")),
        (None, Some("0")),
    ] {
        println!("with taxes {with:?}, without {without:?}");
        let book = Book::of("0.03", "0.02");
        for refund in ["r-1", "r-2"] {
            let body = standard(refund).set(WITH, "0.01").leave_out(WITHOUT);
            accepted(book.create(&body));
        }
        assert_eq!(book.left(), (1, 0));
        let mut body = standard("rest").leave_out(WITH).leave_out(WITHOUT);
        if let Some(with) = with {
            body = body.set(WITH, with);
        }
        if let Some(without) = without {
            body = body.set(WITHOUT, without);
        }
        accepted(book.create(&body));
        assert_eq!(book.left(), (0, 0));
        let values = book.refund("rest").details.amount.values();
        assert_eq!((values.with, values.without), (1, 0));
        book.verifies();
    }
}

#[test]
fn nothing_without_taxes_is_only_for_the_rest() {
    let book = Book::of("0.03", "0.02");
    let body = standard("r-1").set(WITH, "0.01").set(WITHOUT, "0");
    at_fault(
        book.unchanged(|| book.create(&body)),
        &[(WITHOUT, "out_of_range")],
    );
    let movement = book.on(&key("acme", "sub-7", "mov-43"));
    let body = charge().set(WITH, "0.01").set(WITHOUT, "0");
    at_fault(
        book.unchanged(|| movement.record(&body)),
        &[(WITHOUT, "out_of_range")],
    );
}

#[test]
fn an_update_takes_the_rest_with_its_own_old_amount_given_back() {
    let book = after_twenty_small_refunds();
    accepted(book.create(&standard("r-1")));
    assert_eq!(book.left(), (10_790, 8_920));
    let body = standard("r-1").set(WITH, "120").leave_out(WITHOUT);
    accepted(book.update("r-1", &body));
    assert_eq!(book.left(), (0, 0));
    book.verifies();
}

#[test]
fn an_update_that_sends_its_amount_back_keeps_it_though_it_is_the_rest_no_more() {
    let book = Book::charging(&plain_charge("EUR", "100"));
    accepted(book.create(&plain("r-0", "1")));
    let rest = plain("r-1", "99")
        .text("amount.tax.type", "IVA")
        .set("amount.tax.percentage", "21");
    // The rest: 99 without taxes too, which by its tax would be 81.82.
    accepted(book.create(&rest));
    assert_eq!(book.left(), (0, 0));
    accepted(book.delete("r-0"));
    accepted(book.update("r-1", &rest.text("description", "Other")));
    assert_eq!(book.left(), (100, 100));
    book.verifies();
}

#[test]
fn a_rest_with_more_without_taxes_than_with_is_no_amount() {
    // A refund taxed higher than its movement: 1 with taxes is left, 91 without.
    let book = Book::charging(&plain_charge("EUR", "100"));
    let high = plain("r-1", "99")
        .set(WITHOUT, "9")
        .text("amount.tax.type", "LUX")
        .set("amount.tax.percentage", "1000");
    accepted(book.create(&high));
    assert_eq!(book.left(), (100, 9_100));
    at_fault(
        book.unchanged(|| book.create(&plain("rest", "1").set(WITHOUT, "91"))),
        &[(WITH, "out_of_range")],
    );
    accepted(book.create(&plain("rest", "1")));
    let values = book.refund("rest").details.amount.values();
    assert!(
        values.with >= values.without,
        "no refund has more without taxes than with: {values:?}"
    );
    assert_eq!(book.left(), (0, 9_000));
    book.verifies();
}

#[test]
fn no_refund_passes_what_is_left_with_taxes() {
    let book = Book::new();
    accepted(book.create(&standard("r-1")));
    let body = standard("r-2").set(WITH, "108.91").set(WITHOUT, "90");
    let error = refused(book.unchanged(|| book.create(&body)), "over_refund");
    assert_eq!(
        crate::common::fields(&error),
        [WITH],
        "the side that is passed"
    );
    assert!(
        error.message().contains("108.91") && error.message().contains("108.9 "),
        "says what was requested and what is refundable: {}",
        error.message()
    );
    accepted(book.create(&body.set(WITH, "108.9")));
    assert_eq!(book.left(), (0, 0));
}

#[test]
fn no_refund_passes_what_is_left_without_taxes() {
    let book = Book::new();
    let error = refused(
        book.unchanged(|| book.create(&plain("r-1", "100.01"))),
        "over_refund",
    );
    assert_eq!(
        crate::common::fields(&error),
        [WITHOUT],
        "the side that is passed"
    );
    accepted(book.create(&plain("r-1", "100")));
    assert_eq!(book.left(), (2_100, 0));
    let error = refused(
        book.unchanged(|| book.create(&plain("r-2", "21.01"))),
        "over_refund",
    );
    assert_eq!(
        crate::common::fields(&error),
        [WITH, WITHOUT],
        "both sides are passed"
    );
}

#[test]
fn an_update_is_capped_with_its_old_amount_given_back() {
    let book = Book::new();
    accepted(book.create(&plain("r-1", "60")));
    accepted(book.create(&plain("r-2", "40")));
    refused(
        book.unchanged(|| book.update("r-1", &plain("r-1", "60.01"))),
        "over_refund",
    );
    accepted(book.update("r-1", &plain("r-1", "1")));
    assert_eq!(book.left(), (8_000, 5_900));
    accepted(book.update("r-1", &plain("r-1", "60")));
    assert_eq!(book.left(), (2_100, 0));
    book.verifies();
}

#[test]
fn amounts_are_written_in_their_shortest_exact_form() {
    for (currency, value, shortest) in [
        ("EUR", r#""12.10""#, "12.1"),
        ("EUR", r#""10.00""#, "10"),
        ("EUR", "0.01", "0.01"),
        ("JPY", "1000", "1000"),
        ("BHD", "0.010", "0.01"),
        ("CLF", "0.0001", "0.0001"),
        ("EUR", "9999999999999.99", "9999999999999.99"),
        ("EUR", "1000000000000", "1000000000000"),
    ] {
        let book = Book::charging(&plain_charge(currency, value));
        accepted(book.create(&plain("r-1", value)));
        let refund = book.ledger.refund(&book.movement, external("r-1")).unwrap();
        let body = serde_json::to_string(&refund_ledger::wire::RefundBody::from(&refund)).unwrap();
        let want = format!("\"value_with_taxes\":{shortest},");
        assert!(
            body.contains(&want),
            "{value} {currency} as {want} in {body}"
        );
    }
}

#[test]
fn a_stored_amount_is_above_zero_and_not_more_without_taxes() {
    let stored = |with: i64, without: i64| {
        let values = refund_ledger::Values { with, without };
        Amount::from_stored("EUR".parse().unwrap(), values, None)
    };
    for (with, without) in [(1, 0), (1, 1), (1_210, 1_000)] {
        let amount = stored(with, without).unwrap();
        assert_eq!(
            (amount.values().with, amount.values().without),
            (with, without)
        );
    }
    for (with, without) in [(0, 0), (-1, -1), (0, -1), (1, 2), (1_210, -1)] {
        let error = stored(with, without).expect_err("it can't be");
        assert_eq!(
            error.code().as_str(),
            "store_corrupted",
            "{with} and {without}"
        );
    }
}

#[test]
fn a_request_says_its_currency_or_leaves_it_to_the_movement() {
    let amount = AmountRequest::new(Some("1".parse().unwrap()), None).unwrap();
    assert_eq!(amount.currency(), None);
    let euro: Currency = "EUR".parse().unwrap();
    assert_eq!(amount.with_currency(euro).currency(), Some(euro));
}

#[test]
fn nothing_can_be_taken_of_nothing() {
    let book = Book::of("1.21", "1");
    accepted(
        book.create(
            &standard("r-1")
                .set("amount.value_with_taxes", "1.21")
                .set("amount.value_without_taxes", "1"),
        ),
    );
    assert_eq!(book.left(), (0, 0));
    for (with, without) in [("0", "0"), ("0.00", "0")] {
        let nothing = standard("r-2")
            .set("amount.value_with_taxes", with)
            .set("amount.value_without_taxes", without);
        refused(book.unchanged(|| book.create(&nothing)), "invalid_request");
    }
    let nothing = plain("r-2", "0");
    refused(book.unchanged(|| book.create(&nothing)), "invalid_request");
}

#[test]
fn a_value_has_40_characters_and_18_decimals_at_most() {
    let read = |text: &str| text.parse::<DecimalValue>().map(|value| value.to_string());
    let zeros = "0".repeat(36);
    assert_eq!(
        read(&format!("{zeros}1.50")).unwrap(),
        "1.5",
        "40 characters"
    );
    let error = read(&format!("{zeros}01.50")).expect_err("41 characters");
    assert_eq!(error.details()[0].code, "too_long");
    let zeros = "0".repeat(17);
    let smallest = format!("0.{zeros}1");
    assert_eq!(read(&smallest).unwrap(), smallest, "18 decimals");
    let error = read(&format!("0.{zeros}01")).expect_err("19 decimals");
    assert_eq!(error.details()[0].code, "too_long");
}

#[test]
fn money_in_json_is_exact_at_any_size() {
    for (minor, text) in [
        (0, "0"),
        (100, "1"),
        (-1_210, "-12.1"),
        (999_999_999_999_999, "9999999999999.99"),
        (i128::from(i64::MAX), "92233720368547758.07"),
        (i128::from(i64::MIN), "-92233720368547758.08"),
        (i128::from(i64::MAX) * 100, "9223372036854775807"),
        (i128::from(i64::MAX) * 10_000, "922337203685477580700"),
    ] {
        let currency = "EUR".parse().unwrap();
        let money = JsonMoney { minor, currency };
        assert_eq!(serde_json::to_string(&money).unwrap(), text);
    }
}

#[test]
fn minor_units_are_written_with_their_sign_and_nothing_needless() {
    for (minor, currency, text) in [
        (1_210, "EUR", "12.1"),
        (-1_210, "EUR", "-12.1"),
        (-5, "EUR", "-0.05"),
        (0, "EUR", "0"),
        (100, "EUR", "1"),
        (100, "JPY", "100"),
        (-100, "JPY", "-100"),
        (1, "BHD", "0.001"),
    ] {
        assert_eq!(minor_to_decimal(minor, currency.parse().unwrap()), text);
    }
}

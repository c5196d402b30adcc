//! Instants, ids, descriptions and periods: what is taken, what is refused, and how it is written.

use crate::common::{
    Book, accepted, at_fault, charge, external, fields, key, non_subscribable, quoted, refused,
    replayed, standard, time,
};
use refund_ledger::{Id, MovementKey, Text, Timestamp};

/// Instants and how they are written.
const INSTANTS: &[(&str, &str)] = &[
    ("2022-02-24T13:45:10Z", "2022-02-24T13:45:10Z"),
    ("2022-02-24T14:45:10+01:00", "2022-02-24T13:45:10Z"),
    ("2022-02-24T00:15:10-13:30", "2022-02-24T13:45:10Z"),
    ("2022-02-25T13:44:10+23:59", "2022-02-24T13:45:10Z"),
    ("2022-02-24T13:45:10-00:00", "2022-02-24T13:45:10Z"),
    ("2022-02-24T13:45:10+00:00", "2022-02-24T13:45:10Z"),
    ("2022-02-24T13:45:10.5Z", "2022-02-24T13:45:10.5Z"),
    ("2022-02-24T13:45:10.500000000Z", "2022-02-24T13:45:10.5Z"),
    ("2022-02-24T13:45:10.000000000Z", "2022-02-24T13:45:10Z"),
    (
        "2022-02-24T13:45:10.000000001Z",
        "2022-02-24T13:45:10.000000001Z",
    ),
    ("2022-02-24T13:45:10.010Z", "2022-02-24T13:45:10.01Z"),
    ("2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z"),
    (
        "2024-02-29T23:59:59.999999999Z",
        "2024-02-29T23:59:59.999999999Z",
    ),
    ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    (
        "9999-12-31T23:59:59.999999999Z",
        "9999-12-31T23:59:59.999999999Z",
    ),
    ("2016-12-31T23:59:59Z", "2016-12-31T23:59:59Z"),
    ("1969-12-31T23:59:59.25Z", "1969-12-31T23:59:59.25Z"),
    ("2022-01-01T00:00:00+00:01", "2021-12-31T23:59:00Z"),
];

/// Texts that are no instant.
const NO_INSTANTS: &[&str] = &[
    "2022-02-24T13.45:10Z",
    "2022-02-24T13:45.10Z",
    "",
    "2022-02-24",
    "2022-02-24T13:45:10",
    "2022-02-24T13:45Z",
    "2022-02-24 13:45:10Z",
    "2022-02-24t13:45:10Z",
    "2022-02-24T13:45:10z",
    "2022-02-24T13:45:10.1234567890Z",
    "2022-02-24T13:45:10.0000000000Z",
    "2022-02-24T13:45:10.Z",
    "2022-02-24T13:45:10,5Z",
    "2016-12-31T23:59:60Z",
    "2016-12-31T23:59:60.5Z",
    "2022-02-24T13:45:61Z",
    "2022-02-24T13:60:10Z",
    "2022-02-24T24:00:00Z",
    "2022-02-24T13:45:10+24:00",
    "2022-02-24T13:45:10+01:60",
    "2022-02-24T13:45:10+0100",
    "2022-02-24T13:45:10+01",
    "2022-02-24T13:45:10+1:00",
    "2022-02-24T13:45:10 +01:00",
    "2022-02-24T13:45:10UTC",
    "2022-02-24T13:45:10Z ",
    " 2022-02-24T13:45:10Z",
    "2022-02-24T13:45:10ZZ",
    "2022-02-30T13:45:10Z",
    "2022-02-29T13:45:10Z",
    "1900-02-29T13:45:10Z",
    "2022-13-01T13:45:10Z",
    "2022-00-01T13:45:10Z",
    "2022-02-00T13:45:10Z",
    "2022-2-24T13:45:10Z",
    "20220224T134510Z",
    "10000-01-01T00:00:00Z",
    "+10000-01-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "-0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59-00:01",
    "0001-01-01T00:00:00+00:01",
    "2022-02-24T13:45:1٣Z",
    "２022-02-24T13:45:10Z",
    "2022-02-24T13:45:10\u{2212}01:00",
    "2022-02-24T-1:45:10Z",
    "2022-02-24T+1:45:10Z",
    "1645710310",
];

#[test]
fn instants_are_kept_in_utc_and_written_with_z_in_their_shortest_form() {
    for (text, written) in INSTANTS {
        assert_eq!(time(text).to_string(), *written, "{text}");
        assert_eq!(
            time(text),
            time(written),
            "{text} and {written} are one instant"
        );
    }
}

#[test]
fn the_fixed_width_text_sorts_as_time_does() {
    let mut instants: Vec<Timestamp> = INSTANTS.iter().map(|(text, _)| time(text)).collect();
    instants.sort_unstable();
    let texts: Vec<String> = instants.iter().map(|t| t.to_fixed_width()).collect();
    assert!(texts.is_sorted(), "{texts:?}");
    assert!(texts.iter().all(|text| text.len() == 30), "{texts:?}");
}

#[test]
fn what_is_no_rfc_3339_instant_is_refused_wherever_it_stands() {
    let book = Book::new();
    for text in NO_INSTANTS {
        println!("`{text}`");
        assert!(text.parse::<Timestamp>().is_err(), "`{text}` is no instant");
        for field in [
            "refund_datetime",
            "period_start_datetime",
            "period_end_datetime",
        ] {
            at_fault(
                book.unchanged(|| book.create(&standard("r-1").text(field, text))),
                &[(field, "invalid_format")],
            );
        }
        let other = book.on(&key("acme", "sub-7", "mov-43"));
        at_fault(
            book.unchanged(|| other.record(&charge().text("occurred_at", text))),
            &[("occurred_at", "invalid_format")],
        );
    }
    for raw in ["1645710310", "true", "{}", "[]"] {
        at_fault(
            book.unchanged(|| book.create(&standard("r-1").set("refund_datetime", raw))),
            &[("refund_datetime", "wrong_type")],
        );
    }
}

#[test]
fn the_same_instant_at_another_offset_is_the_same_content() {
    let book = Book::new();
    accepted(book.create(&standard("r-1")));
    let elsewhere = standard("r-1")
        .text("refund_datetime", "2022-02-24T14:45:10.000+01:00")
        .text("period_start_datetime", "2022-02-01T00:00:00+01:00")
        .text("period_end_datetime", "2022-02-28T23:59:59.999999999+01:00");
    replayed(book.create(&elsewhere));
    replayed(book.update("r-1", &elsewhere));
    replayed(book.record(&charge().text("occurred_at", "2022-01-31T14:00:00-10:00")));
}

#[test]
fn a_nanosecond_makes_another_instant() {
    let book = Book::new();
    accepted(book.create(&standard("r-1")));
    let later = standard("r-1").text("refund_datetime", "2022-02-24T13:45:10.000000001Z");
    let error = refused(book.create(&later), "idempotency_conflict");
    assert_eq!(fields(&error), ["refund_datetime"]);
}

#[test]
fn each_end_of_the_period_is_optional() {
    for left_out in [
        &["period_start_datetime"][..],
        &["period_end_datetime"],
        &["period_start_datetime", "period_end_datetime"],
    ] {
        let book = Book::new();
        let mut body = standard("r-1");
        for field in left_out {
            body = body.leave_out(field);
        }
        accepted(book.create(&body));
        let null = left_out
            .iter()
            .fold(body, |body, field| body.set(field, "null"));
        replayed(book.create(&null));
        book.verifies();
    }
}

#[test]
fn a_period_starts_before_it_ends() {
    let book = Book::new();
    for end in [
        "2022-01-31T23:00:00Z",
        "2022-02-01T00:00:00+01:00",
        "2022-01-31T22:59:59.999999999Z",
        "2021-01-01T00:00:00Z",
    ] {
        println!("ends at {end}");
        at_fault(
            book.unchanged(|| book.create(&standard("r-1").text("period_end_datetime", end))),
            &[("period_end_datetime", "out_of_range")],
        );
    }
    let shortest = standard("r-1").text("period_end_datetime", "2022-01-31T23:00:00.000000001Z");
    accepted(book.create(&shortest));
}

/// Texts that are no id, with the detail that says so.
fn no_ids() -> Vec<(String, &'static str)> {
    let mut ids = vec![
        (String::new(), "too_short"),
        ("a".repeat(256), "too_long"),
        ("é".repeat(128), "too_long"),
    ];
    // White space at either end: ASCII and Unicode's.
    for space in [
        ' ', '\u{a0}', '\u{1680}', '\u{2000}', '\u{2003}', '\u{200a}', '\u{2028}', '\u{2029}',
        '\u{202f}', '\u{205f}', '\u{3000}',
    ] {
        for text in [format!("{space}a"), format!("a{space}"), space.to_string()] {
            ids.push((text, "invalid_format"));
        }
    }
    // Control characters anywhere: C0, DEL and C1.
    for control in ('\0'..='\u{1f}').chain('\u{7f}'..='\u{9f}') {
        for text in [
            format!("a{control}b"),
            format!("{control}a"),
            format!("a{control}"),
        ] {
            ids.push((text, "invalid_format"));
        }
    }
    ids
}

#[test]
fn what_is_no_id_is_refused_wherever_it_stands() {
    let book = Book::new();
    for (text, detail) in no_ids() {
        println!("{text:?}");
        assert!(Id::new(&text).is_err(), "{text:?} is no id");
        for field in ["external_refund_unique_id", "external_invoice_id"] {
            at_fault(
                book.create(&standard("r-1").text(field, &text)),
                &[(field, detail)],
            );
        }
        at_fault(
            book.create_other(
                &non_subscribable("r-1").text("transaction_type_id", &text),
                None,
            ),
            &[("transaction_type_id", detail)],
        );
        let line = book.line("create_refund").set("body", standard("r-1"));
        for field in ["org_id", "subscription_id", "movement_id"] {
            at_fault(
                book.run(&line.clone().text(field, &text)),
                &[(field, detail)],
            );
        }
        at_fault(
            book.run(&book.delete_line(&text)),
            &[("external_refund_unique_id", detail)],
        );
        at_fault(
            book.run(
                &book
                    .line("create_non_subscribable_refund")
                    .text("idempotency_key", &text)
                    .set("body", non_subscribable("r-1")),
            ),
            &[("idempotency_key", detail)],
        );
    }
    assert_eq!(book.entries(), 1, "nothing was booked");
}

#[test]
fn ids_hold_255_bytes_and_anything_inside() {
    for text in [
        "a".repeat(255),
        format!("{}a", "é".repeat(127)),
        "two words".into(),
        "a\u{a0}b".into(),
        "\u{1f4b6}".into(),
        "../..".into(),
        "'; DROP TABLE refunds; --".into(),
        "%00".into(),
        "\"quoted\\".into(),
        "null".into(),
        "\u{200b}".into(),
    ] {
        println!("{text:?}");
        let book = Book::new().on(&key(&text, &text, &text));
        accepted(book.record(&charge()));
        let body = standard(&text).text("external_invoice_id", &text);
        accepted(book.create(&body));
        replayed(book.create(&body));
        let refund = book.refund(&text);
        assert_eq!(refund.movement.org_id(), text);
        assert_eq!(refund.movement.subscription_id(), text);
        assert_eq!(refund.movement.movement_id(), text);
        book.verifies();
    }
}

#[test]
fn ids_are_compared_byte_for_byte() {
    let book = Book::new();
    // The same to the eye: composed and decomposed, capitals, full width.
    for external_id in ["caf\u{e9}", "cafe\u{301}", "CAF\u{c9}", "ｃafé"] {
        accepted(book.create(&standard(external_id)));
    }
    assert_eq!(book.balance().count, 4, "four ids, four refunds");
}

#[test]
fn keys_sort_by_org_then_subscription_then_movement() {
    let ascending = [
        ["a", "b", "c"],
        ["a", "b", "c!"],
        ["a", "b", "cc"],
        ["a", "b!", "a"],
        ["a", "bb", "a"],
        ["a!", "a", "a"],
        ["a-", "a", "a"],
        ["aa", "a", "a"],
        ["b", "a", "a"],
        ["é", "a", "a"],
        ["\u{1f4b6}", "a", "a"],
    ]
    .map(|[org, subscription, movement]| key(org, subscription, movement));
    for pair in ascending.windows(2) {
        assert!(pair[0] < pair[1], "{} sorts before {}", pair[0], pair[1]);
        assert!(
            pair[0].sort_key() < pair[1].sort_key(),
            "the sort key of {} is below that of {}",
            pair[0],
            pair[1]
        );
    }
}

#[test]
fn a_key_names_every_part_at_fault() {
    let error = MovementKey::new("", "a ", "b").unwrap_err();
    assert_eq!(fields(&error), ["org_id", "subscription_id"]);
}

#[test]
fn descriptions_have_1_to_1024_characters_of_any_size() {
    for character in ['a', 'é', '€', '\u{1f4b6}', '\n', '\0', ' '] {
        let text = |length: usize| character.to_string().repeat(length);
        println!("{character:?}");
        for length in [1, 1_024] {
            let book = Book::new();
            accepted(book.create(&standard("r-1").text("description", &text(length))));
            assert_eq!(
                book.refund("r-1").details.description.text(),
                Some(text(length).as_str()),
                "{length} times {character:?} is kept as it is"
            );
            book.verifies();
        }
        let book = Book::new();
        at_fault(
            book.unchanged(|| book.create(&standard("r-1").text("description", &text(1_025)))),
            &[("description", "too_long")],
        );
        let other = book.on(&key("acme", "sub-7", "mov-43"));
        at_fault(
            book.unchanged(|| other.record(&charge().text("description", &text(1_025)))),
            &[("description", "too_long")],
        );
    }
    let book = Book::new();
    at_fault(
        book.unchanged(|| book.create(&standard("r-1").text("description", ""))),
        &[("description", "too_short")],
    );
    assert!(Text::new("").is_err(), "an empty text is none");
}

#[test]
fn what_can_be_no_refund_id_names_no_refund() {
    let book = Book::new();
    accepted(book.create(&standard("r-1")));
    let id = book.refund("r-1").id.to_string();
    for text in [
        String::new(),
        "r-1".into(),
        id.to_uppercase(),
        id.replace('-', ""),
        format!("{{{id}}}"),
        format!("urn:uuid:{id}"),
        format!("{id} "),
        "00000000-0000-0000-0000-000000000000".into(),
    ] {
        println!("`{text}`");
        let line = book.line("delete_refund").set("refund_id", quoted(&text));
        refused(book.unchanged(|| book.run(&line)), "refund_not_found");
    }
    accepted(book.run(&book.line("delete_refund").text("refund_id", &id)));
    refused(
        book.ledger.refund(&book.movement, external("r-1")),
        "refund_not_found",
    );
}

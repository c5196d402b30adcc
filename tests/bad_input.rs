//! Bad input at the wire: each is refused with its code, its field and what is allowed, and the
//! ledger is as it was before.
#![allow(
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::too_many_lines,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking, and their tables of cases are long"
)]

mod common;

use common::{
    Book, Json, accepted, at_fault, charge, external, key, non_subscribable, quoted, refused,
    standard,
};
use refund_ledger::wire::{
    BODY_BYTES_MAX, DEPTH_MAX, parse_line, parse_movement_request, parse_non_subscribable_request,
    parse_refund_request, parse_update_request,
};
use refund_ledger::{Head, Ledger, LedgerError};

/// Reads bytes as each kind of body, and as the body of a line. The last are only what is told
/// apart: whether it was refused, and how.
fn everywhere(standard_body: &[u8]) -> Vec<(&'static str, Result<(), LedgerError>)> {
    let line = [
        br#"{"op":"create_refund","org_id":"a","subscription_id":"b","movement_id":"c","body":"#
            .as_slice(),
        standard_body,
        b"}",
    ]
    .concat();
    vec![
        ("body", parse_refund_request(standard_body).map(drop)),
        ("update", parse_update_request(standard_body).map(drop)),
        ("line", parse_line(&line).map(drop)),
    ]
}

#[track_caller]
fn malformed(bytes: &[u8], says: &str) {
    for (parser, result) in everywhere(bytes) {
        let error = refused(result, "malformed_request");
        assert!(
            error.message().contains(says),
            "{parser}: should say `{says}`: {}",
            error.message()
        );
    }
}

#[test]
fn a_good_body_is_good_everywhere() {
    let body = standard("r-1").render();
    for (parser, result) in everywhere(body.as_bytes()) {
        assert!(result.is_ok(), "{parser}: {result:?}");
    }
    assert!(parse_movement_request(charge().render().as_bytes()).is_ok());
    let other = non_subscribable("r-1").render();
    assert!(parse_non_subscribable_request(other.as_bytes()).is_ok());
    assert!(parse_update_request(other.as_bytes()).is_ok());
}

#[test]
fn what_is_not_json_is_malformed() {
    let good = standard("r-1").render();
    let mut cases: Vec<(String, &str)> = vec![
        (String::new(), ""),
        (" ".into(), ""),
        ("nul".into(), "not JSON"),
        ("{".into(), "not JSON"),
        ("}".into(), ""),
        (good[..good.len() - 1].into(), "not JSON"),
        (format!("{good}{good}"), ""),
        (format!("{good}x"), ""),
        (format!("{good}\0"), ""),
        (format!("{good},"), ""),
        (good.replacen('"', "'", 2), "not JSON"),
        (good.replacen(':', "=", 1), "not JSON"),
        (good.replacen(',', ",,", 1), "not JSON"),
        (good.replacen('}', ",}", 1), "not JSON"),
        (good.replacen('{', "{/* why */", 1), "not JSON"),
        (good.replacen("false", "False", 1), "not JSON"),
        (good.replacen("false", "undefined", 1), "not JSON"),
        (good.replacen("12.1", "01", 1), "not JSON"),
        (good.replacen("12.1", "1.", 1), "not JSON"),
        (good.replacen("12.1", "-", 1), "not JSON"),
        (good.replacen("12.1", "+1", 1), "not JSON"),
        (good.replacen("12.1", "1e", 1), "not JSON"),
        (good.replacen("Two", "\u{1}Two", 1), "not JSON"),
        (good.replacen("Two", "\nTwo", 1), "not JSON"),
        (good.replacen("Two", r"\x41Two", 1), "not JSON"),
        (good.replacen("Two", r"\u12", 1), "not JSON"),
    ];
    for cut in 1..good.len() {
        cases.push((good[..cut].into(), ""));
    }
    for (text, says) in cases {
        malformed(text.as_bytes(), says);
    }
}

#[test]
fn what_is_json_but_no_object_is_malformed() {
    for text in ["null", "true", "1", r#""{}""#, "[]", "[{}]"] {
        for (_, result) in everywhere(text.as_bytes()) {
            let error = result.expect_err(text);
            let code = error.code().as_str();
            // Within a line, `null` counts as no body at all.
            let wanted = if error.details().first().is_some_and(|d| d.field == "body") {
                assert_eq!(text, "null");
                "invalid_request"
            } else {
                "malformed_request"
            };
            assert_eq!(code, wanted, "{text}: {error}");
        }
        refused(parse_line(text.as_bytes()), "malformed_request");
        refused(parse_movement_request(text.as_bytes()), "malformed_request");
        refused(
            parse_non_subscribable_request(text.as_bytes()),
            "malformed_request",
        );
        refused(Head::from_json(text), "malformed_request");
    }
}

#[test]
fn text_that_is_not_utf_8_is_malformed_and_the_byte_is_named() {
    let good = standard("r-1").render().into_bytes();
    for bad in [
        &b"\xff"[..],
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xe2\x82",
        b"\x80",
    ] {
        let mut bytes = good.clone();
        let at = bytes.len() - 3;
        bytes.splice(at..at, bad.iter().copied());
        malformed(&bytes, "UTF-8");
        let error = parse_refund_request(&bytes).unwrap_err();
        assert!(
            error.message().contains(&(at + 1).to_string()),
            "byte {} is named: {}",
            at + 1,
            error.message()
        );
    }
    let sixteen: Vec<u8> = String::from_utf8(good)
        .unwrap()
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    refused(parse_refund_request(&sixteen), "malformed_request");
}

#[test]
fn a_byte_order_mark_is_malformed() {
    let good = format!("\u{feff}{}", standard("r-1").render());
    let error = refused(parse_refund_request(good.as_bytes()), "malformed_request");
    assert!(error.message().contains("byte order mark"), "{error}");
    let line = format!("\u{feff}{}", Book::new().line("void_movement").render());
    refused(parse_line(line.as_bytes()), "malformed_request");
    let head = format!("\u{feff}{}", Ledger::in_memory().head().unwrap().to_json());
    refused(Head::from_json(&head), "malformed_request");
}

/// Every key of a body with the object that it stands in.
const KEYS: &[&str] = &[
    "refund_datetime",
    "period_start_datetime",
    "period_end_datetime",
    "amount",
    "value_with_taxes",
    "value_without_taxes",
    "tax",
    "type",
    "percentage",
    "external_invoice_id",
    "external_refund_unique_id",
    "billable",
    "description",
];

#[test]
fn a_repeated_key_is_malformed_at_every_level_and_in_every_spelling() {
    let good = standard("r-1").render();
    for key in KEYS {
        let plain = format!("\"{key}\":");
        let escaped: String = key
            .chars()
            .map(|c| format!("\\u{:04X}", u32::from(c)))
            .collect();
        let mixed = format!("\\u{:04x}{}", u32::from(key.as_bytes()[0]), &key[1..]);
        for again in [(*key).to_owned(), escaped, mixed] {
            for value in ["null", "1", "{}"] {
                let repeated = good.replacen(&plain, &format!("\"{again}\" : {value},{plain}"), 1);
                malformed(repeated.as_bytes(), key);
            }
        }
    }
    let book = Book::new();
    for key in ["op", "org_id", "subscription_id", "movement_id", "body"] {
        let line = book
            .line("create_refund")
            .set("body", standard("r-1"))
            .render();
        let again = line.replacen(
            &format!("\"{key}\":"),
            &format!("\"{key}\":null,\"{key}\":"),
            1,
        );
        let error = refused(parse_line(again.as_bytes()), "malformed_request");
        assert!(error.message().contains(key), "{error}");
    }
    let head = Ledger::in_memory().head().unwrap().to_json();
    let again = head.replacen("\"root\"", "\"version\":1,\"root\"", 1);
    refused(Head::from_json(&again), "malformed_request");
}

#[test]
fn a_key_repeated_inside_what_is_unknown_or_of_a_wrong_type_is_malformed_too() {
    for body in [
        standard("r-1").set("description", r#"{"a":1,"a":2}"#),
        standard("r-1").set("description", r#"[[{"a":1,"\u0061":2}]]"#),
    ] {
        malformed(body.render().as_bytes(), "`a`");
    }
    // The same key in two objects is no repetition.
    let twice = standard("r-1").set("description", r#"[{"a":1},{"a":2}]"#);
    at_fault(
        parse_refund_request(twice.render().as_bytes()),
        &[("description", "wrong_type")],
    );
}

#[test]
fn braces_and_quotes_in_strings_are_only_text() {
    for text in [
        r#"{"amount":{"amount":1}}"#,
        r#"\" : \\"#,
        "{{{{{{{{{{{{{{{{{{{{",
        "]]]]]]",
        "\\",
        "\\\\",
        "\":",
        "a\":\"b",
    ] {
        let book = Book::new();
        accepted(book.create(&standard("r-1").text("description", text)));
        assert_eq!(book.refund("r-1").details.description.text(), Some(text));
    }
}

#[test]
fn an_unknown_field_is_malformed_and_named_with_its_path() {
    for path in [
        "unknown",
        "Description",
        "refund_datetime ",
        "op",
        "kind",
        "transaction_type_id2",
        "id",
        "amount.unknown",
        "amount.value",
        "amount.tax.unknown",
        "amount.tax.amount",
    ] {
        for value in ["1", "null", "{}"] {
            let body = standard("r-1").set(path, value);
            malformed(body.render().as_bytes(), &format!("`{path}`"));
        }
    }
    // What only the other kind has.
    for path in ["transaction_type_id", "amount.billable"] {
        let body = standard("r-1").set(path, "true").render();
        let error = refused(parse_refund_request(body.as_bytes()), "malformed_request");
        assert!(error.message().contains(path), "{error}");
    }
    let body = non_subscribable("r-1").set("billable", "true").render();
    refused(
        parse_non_subscribable_request(body.as_bytes()),
        "malformed_request",
    );
    for path in ["unknown", "external_refund_unique_id", "amount.billable"] {
        let body = charge().set(path, "true").render();
        let error = refused(parse_movement_request(body.as_bytes()), "malformed_request");
        assert!(error.message().contains(path), "{error}");
    }
}

#[test]
fn an_unknown_field_has_its_detail() {
    for path in ["unknown", "amount.unknown", "amount.tax.unknown"] {
        let body = standard("r-1").set(path, "1").render();
        for (parser, result) in everywhere(body.as_bytes()) {
            let error = refused(result, "malformed_request");
            let [detail] = error.details() else {
                panic!("{parser}: one field is at fault: {error:?}");
            };
            assert_eq!(
                (&*detail.field, detail.code),
                (path, "not_allowed"),
                "{parser}"
            );
            assert!(
                detail.message.starts_with("is not known; known are `"),
                "{detail:?}"
            );
        }
    }
    let head = Ledger::in_memory().head().unwrap().to_json();
    let more = head.replacen('{', r#"{"z":1,"#, 1);
    let error = refused(Head::from_json(&more), "malformed_request");
    assert_eq!(error.details()[0].field, "z");
}

#[test]
fn what_an_error_repeats_of_a_request_is_cut() {
    let shown = format!("{}…", "ä".repeat(64));
    for (characters, fits) in [(65, true), (10_000, true), (500_000, false)] {
        let name = "ä".repeat(characters);
        for body in [
            standard("r-1").set(&name, "1").render(),
            standard("r-1").set(&format!("amount.{name}"), "1").render(),
            standard("r-1")
                .render()
                .replacen('{', &format!(r#"{{"{name}":1,"{name}":2,"#), 1),
        ] {
            for (parser, result) in everywhere(body.as_bytes()) {
                let error = refused(result, "malformed_request");
                assert_eq!(error.message().contains(&shown), fits, "{parser}: {error}");
                assert!(error.message().len() < 600, "{parser}: {error}");
                for detail in error.details() {
                    assert!(detail.field.len() < 200, "{parser}: {detail:?}");
                }
            }
        }
    }
    let book = Book::new();
    let line = book
        .delete_line("r-1")
        .set("expected_revision", &*"9".repeat(10_000));
    let error = refused(parse_line(line.render().as_bytes()), "invalid_request");
    assert!(error.message().len() < 200, "{error}");
    let body = charge().text("currency", &"€".repeat(10_000)).render();
    let error = refused(parse_movement_request(body.as_bytes()), "invalid_request");
    assert!(
        error.message().contains(&format!("`{}…`", "€".repeat(64))),
        "{error}"
    );
}

#[test]
fn each_operation_knows_its_own_fields_only() {
    let book = Book::new();
    let lines = [
        (
            "record_movement",
            book.line("record_movement").set("body", charge()),
        ),
        ("void_movement", book.line("void_movement")),
        (
            "create_refund",
            book.line("create_refund").set("body", standard("r-1")),
        ),
        (
            "create_non_subscribable_refund",
            book.line("create_non_subscribable_refund")
                .set("body", non_subscribable("r-2")),
        ),
        ("update_refund", book.update_line("r-1", &standard("r-1"))),
        ("delete_refund", book.delete_line("r-1")),
        ("erase_text", book.line("erase_text")),
    ];
    let own: &[(&str, &[&str])] = &[
        (
            "body",
            &[
                "record_movement",
                "create_refund",
                "create_non_subscribable_refund",
                "update_refund",
            ],
        ),
        ("idempotency_key", &["create_non_subscribable_refund"]),
        (
            "refund_id",
            &["update_refund", "delete_refund", "erase_text"],
        ),
        (
            "external_refund_unique_id",
            &["update_refund", "delete_refund", "erase_text"],
        ),
        (
            "expected_revision",
            &["update_refund", "delete_refund", "erase_text"],
        ),
        ("unknown", &[]),
        ("amount", &[]),
        ("Op", &[]),
    ];
    for (op, line) in &lines {
        assert!(
            parse_line(line.render().as_bytes()).is_ok(),
            "{op} alone is good"
        );
        for (field, known_to) in own {
            if known_to.contains(op) {
                continue;
            }
            println!("{field} in {op}");
            let error = refused(
                parse_line(line.clone().set(field, "1").render().as_bytes()),
                "malformed_request",
            );
            assert!(error.message().contains(field), "{error}");
        }
    }
}

#[test]
fn an_operation_that_is_none_is_refused() {
    let book = Book::new();
    for (raw, detail) in [
        (r#""refund""#, "out_of_range"),
        (r#""Create_Refund""#, "out_of_range"),
        (r#""""#, "out_of_range"),
        ("1", "wrong_type"),
        ("null", "required"),
    ] {
        at_fault(
            book.unchanged(|| book.run(&book.line("x").set("op", raw))),
            &[("op", detail)],
        );
    }
    at_fault(
        book.run(&book.line("x").leave_out("op")),
        &[("op", "required")],
    );
}

#[test]
fn every_field_has_one_type() {
    let (string, number, boolean, object) = (r#""x""#, "7", "true", "{}");
    let array = "[]";
    let text_only: &[&str] = &[number, boolean, object, array];
    let bool_only: &[&str] = &[number, string, object, array, r#""true""#, "0"];
    let object_only: &[&str] = &[number, boolean, string, array];
    let amount_only: &[&str] = &[boolean, object, array];
    let fields: &[(&str, &[&str])] = &[
        ("refund_datetime", text_only),
        ("period_start_datetime", text_only),
        ("period_end_datetime", text_only),
        ("external_invoice_id", text_only),
        ("external_refund_unique_id", text_only),
        ("description", text_only),
        ("amount", object_only),
        ("amount.tax", object_only),
        ("amount.tax.type", text_only),
        ("amount.tax.percentage", amount_only),
        ("amount.value_with_taxes", amount_only),
        ("amount.value_without_taxes", amount_only),
        ("amount.currency", text_only),
        ("billable", bool_only),
    ];
    let book = Book::new();
    for (field, wrong) in fields {
        for raw in *wrong {
            println!("{field}: {raw}");
            let body = standard("r-1").set(field, *raw);
            at_fault(
                book.unchanged(|| book.create(&body)),
                &[(field, "wrong_type")],
            );
        }
    }
    for (field, wrong) in [
        ("transaction_type_id", text_only),
        ("amount.billable", bool_only),
    ] {
        for raw in wrong {
            let body = non_subscribable("r-1").set(field, *raw);
            at_fault(
                book.unchanged(|| book.create_other(&body, None)),
                &[(field, "wrong_type")],
            );
        }
    }
    let fresh = book.on(&key("acme", "sub-7", "mov-43"));
    for (field, wrong) in [
        ("currency", text_only),
        ("occurred_at", text_only),
        ("amount", object_only),
        ("description", text_only),
    ] {
        for raw in wrong {
            at_fault(
                book.unchanged(|| fresh.record(&charge().set(field, *raw))),
                &[(field, "wrong_type")],
            );
        }
    }
    for field in ["org_id", "subscription_id", "movement_id"] {
        for raw in text_only {
            at_fault(
                book.run(&book.line("void_movement").set(field, *raw)),
                &[(field, "wrong_type")],
            );
        }
    }
    for (field, wrong) in [
        ("refund_id", text_only),
        (
            "expected_revision",
            &[string, boolean, object, array, r#""1""#][..],
        ),
    ] {
        for raw in wrong {
            let line = book.line("delete_refund").text("refund_id", "x");
            at_fault(
                book.unchanged(|| book.run(&line.clone().set(field, *raw))),
                &[(field, "wrong_type")],
            );
        }
    }
}

#[test]
fn an_expected_revision_is_a_whole_number() {
    let book = Book::new();
    accepted(book.create(&standard("r-1")));
    for raw in [
        "-1",
        "-0",
        "1.0",
        "1e0",
        "1.5",
        "4294967296",
        "99999999999999999999",
    ] {
        println!("{raw}");
        let line = book.delete_line("r-1").set("expected_revision", raw);
        at_fault(
            book.unchanged(|| book.run(&line)),
            &[("expected_revision", "out_of_range")],
        );
    }
}

#[test]
fn a_line_names_its_refund() {
    let book = Book::new();
    for line in [
        book.line("delete_refund"),
        book.line("update_refund").set("body", standard("r-1")),
        book.line("delete_refund").set("refund_id", "null"),
    ] {
        at_fault(
            book.unchanged(|| book.run(&line)),
            &[("refund_id", "required")],
        );
    }
    for op in [
        "record_movement",
        "create_refund",
        "create_non_subscribable_refund",
    ] {
        let line = book.line(op);
        at_fault(book.unchanged(|| book.run(&line)), &[("body", "required")]);
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let book = Book::new();
    let body = standard(" r-1")
        .text("refund_datetime", "2022-02-30T00:00:00Z")
        .text("period_start_datetime", "now")
        .set("period_end_datetime", "1")
        .set("amount.value_with_taxes", "1e3")
        .text("amount.value_without_taxes", ".5")
        .text("amount.tax.type", "")
        .set("amount.tax.percentage", "1000.0001")
        .text("amount.currency", "eur")
        .text("external_invoice_id", "a\u{7}")
        .set("billable", "1")
        .text("description", "");
    let line = book
        .line("create_refund")
        .text("org_id", "")
        .set("subscription_id", "7")
        .set("body", body);
    at_fault(
        book.unchanged(|| book.run(&line)),
        &[
            ("org_id", "too_short"),
            ("subscription_id", "wrong_type"),
            ("refund_datetime", "invalid_format"),
            ("period_start_datetime", "invalid_format"),
            ("period_end_datetime", "wrong_type"),
            ("amount.value_with_taxes", "invalid_format"),
            ("amount.value_without_taxes", "invalid_format"),
            ("amount.tax.type", "too_short"),
            ("amount.tax.percentage", "out_of_range"),
            ("amount.currency", "invalid_format"),
            ("external_refund_unique_id", "invalid_format"),
            ("external_invoice_id", "invalid_format"),
            ("billable", "wrong_type"),
            ("description", "too_short"),
        ],
    );
}

#[test]
fn all_that_is_missing_is_told_at_once() {
    let book = Book::new();
    at_fault(
        book.unchanged(|| book.create(&Json::object())),
        &[
            ("refund_datetime", "required"),
            ("amount", "required"),
            ("external_refund_unique_id", "required"),
            ("billable", "required"),
            ("description", "required"),
        ],
    );
    at_fault(
        book.unchanged(|| book.create_other(&Json::object(), None)),
        &[
            ("refund_datetime", "required"),
            ("amount", "required"),
            ("transaction_type_id", "required"),
            ("description", "required"),
        ],
    );
    at_fault(
        book.run(&Json::object().text("op", "record_movement")),
        &[
            ("org_id", "required"),
            ("subscription_id", "required"),
            ("movement_id", "required"),
            ("body", "required"),
        ],
    );
    at_fault(
        Head::from_json("{}"),
        &[
            ("version", "required"),
            ("position", "required"),
            ("entries", "required"),
            ("movements", "required"),
            ("root", "required"),
        ],
    );
}

fn nested(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

#[test]
fn a_body_is_sixteen_levels_deep_at_most() {
    assert_eq!(DEPTH_MAX, 16);
    // The body is the first level.
    let body = |levels: usize| {
        standard("r-1")
            .set("description", nested(levels - 1))
            .render()
    };
    for (parser, result) in everywhere(body(16).as_bytes()) {
        println!("{parser}, 16 levels");
        at_fault(result, &[("description", "wrong_type")]);
    }
    for levels in [17, 18, 200, 10_000] {
        println!("{levels} levels");
        malformed(body(levels).as_bytes(), "");
    }
    malformed(body(17).as_bytes(), "deep");
    let objects = format!("{}1{}", r#"{"a":"#.repeat(20_000), "}".repeat(20_000));
    refused(parse_line(objects.as_bytes()), "malformed_request");
    refused(
        parse_refund_request(objects.as_bytes()),
        "malformed_request",
    );
}

/// The body, blown up with white space to this many bytes.
fn of_bytes(length: usize) -> String {
    let body = standard("r-1").render();
    let missing = length - body.len();
    body.replacen(':', &format!(":{}", " ".repeat(missing)), 1)
}

#[test]
fn a_body_has_64_kib_at_most() {
    assert_eq!(BODY_BYTES_MAX, 65_536);
    for (parser, result) in everywhere(of_bytes(65_536).as_bytes()) {
        assert!(
            result.is_ok(),
            "{parser}: exactly 64 KiB are taken: {result:?}"
        );
    }
    for length in [65_537, 65 * 1_024, 1_000_000] {
        println!("{length} bytes");
        malformed(of_bytes(length).as_bytes(), "bytes");
    }
    // Too large is too large, whatever it is.
    malformed(&vec![b'x'; 65 * 1_024], "");
    malformed(&vec![0xff; 65 * 1_024], "");
    let text = standard("r-1").text("description", &"a".repeat(70_000));
    malformed(text.render().as_bytes(), "bytes");
}

#[test]
fn half_a_surrogate_pair_is_no_character() {
    let book = Book::new();
    for half in [
        r#""\ud800""#,
        r#""\udc00""#,
        r#""\ud83d x""#,
        r#""\udcb6\ud83d""#,
    ] {
        println!("{half}");
        at_fault(
            book.unchanged(|| book.create(&standard("r-1").set("description", half))),
            &[("description", "invalid_format")],
        );
        at_fault(
            book.unchanged(|| book.create(&standard("r-1").set("external_refund_unique_id", half))),
            &[("external_refund_unique_id", "invalid_format")],
        );
        at_fault(
            book.run(&book.line("void_movement").set("org_id", half)),
            &[("org_id", "invalid_format")],
        );
        let key = standard("r-1").render().replacen("\"billable\"", half, 1);
        refused(parse_refund_request(key.as_bytes()), "malformed_request");
    }
    accepted(book.create(&standard("r-1").set("description", r#""\ud83d\udcb6""#)));
    assert_eq!(
        book.refund("r-1").details.description.text(),
        Some("\u{1f4b6}")
    );
}

#[test]
fn escapes_in_keys_and_values_mean_their_characters() {
    let book = Book::new();
    let escaped = standard("r-1")
        .render()
        .replacen("\"billable\"", "\"\\u0062illable\"", 1)
        .replacen("\"r-1\"", "\"\\u0072-1\"", 1)
        .replacen("\"2022-02-24T", "\"2022-02-24\\u0054", 1);
    accepted(book.create(&Json::Raw(escaped)));
    common::replayed(book.create(&standard("r-1")));
}

#[test]
fn an_update_is_of_the_kind_that_its_fields_say() {
    for (body, wanted) in [
        (standard("r-1"), "standard"),
        (non_subscribable("r-1"), "non_subscribable"),
    ] {
        let content = parse_update_request(body.render().as_bytes()).unwrap();
        assert_eq!(content.kind.name().as_str(), wanted);
    }
    // One of the two is enough to tell; what is then missing is named.
    at_fault(
        parse_update_request(
            non_subscribable("r-1")
                .leave_out("transaction_type_id")
                .render()
                .as_bytes(),
        ),
        &[("transaction_type_id", "required")],
    );
    at_fault(
        parse_update_request(
            non_subscribable("r-1")
                .leave_out("amount.billable")
                .render()
                .as_bytes(),
        ),
        &[("amount.billable", "required")],
    );
    // The contract requires the external id of a standard refund in its PUT too.
    at_fault(
        parse_update_request(
            standard("r-1")
                .leave_out("external_refund_unique_id")
                .render()
                .as_bytes(),
        ),
        &[("external_refund_unique_id", "required")],
    );
    let keyless = non_subscribable("r-1").leave_out("external_refund_unique_id");
    assert!(parse_update_request(keyless.render().as_bytes()).is_ok());
    let both = non_subscribable("r-1").set("billable", "true").render();
    refused(parse_update_request(both.as_bytes()), "malformed_request");
}

#[test]
fn a_head_is_read_strictly() {
    let good = Ledger::in_memory().head().unwrap().to_json();
    let root = quoted(&"0".repeat(64));
    let json = |version: &str, position: &str, root: &str| {
        format!(
            r#"{{"version":{version},"position":{position},"entries":0,"movements":0,"root":{root}}}"#
        )
    };
    assert!(Head::from_json(&good).is_ok());
    assert!(Head::from_json(&json("1", "18446744073709551615", &root)).is_ok());
    for (text, field, detail) in [
        (json("2", "0", &root), "version", "out_of_range"),
        (json("0", "0", &root), "version", "out_of_range"),
        (json(r#""1""#, "0", &root), "version", "wrong_type"),
        (json("1", "-1", &root), "position", "out_of_range"),
        (json("1", "1.0", &root), "position", "out_of_range"),
        (
            json("1", "18446744073709551616", &root),
            "position",
            "out_of_range",
        ),
        (json("1", "0", "7"), "root", "wrong_type"),
        (json("1", "0", r#""00""#), "root", "invalid_format"),
        (
            json("1", "0", &quoted(&"0".repeat(66))),
            "root",
            "invalid_format",
        ),
        (
            json("1", "0", &quoted(&"A".repeat(64))),
            "root",
            "invalid_format",
        ),
        (
            json("1", "0", &quoted(&"g".repeat(64))),
            "root",
            "invalid_format",
        ),
    ] {
        println!("{text}");
        at_fault(Head::from_json(&text), &[(field, detail)]);
    }
    refused(
        Head::from_json(&good.replacen('{', r#"{"more":1,"#, 1)),
        "malformed_request",
    );
}

#[test]
fn whatever_was_refused_a_later_good_request_is_booked() {
    let book = Book::new();
    for raw in ["-1", "1e3", "01", r#""٣""#, "[", "\u{feff}1"] {
        let answer =
            book.unchanged(|| book.create(&standard("r-1").set("amount.value_with_taxes", raw)));
        assert!(answer.is_err(), "{raw}");
    }
    accepted(book.create(&standard("r-1")));
    assert_eq!(
        book.ledger
            .refund(&book.movement, external("r-1"))
            .unwrap()
            .revision,
        1
    );
    book.verifies();
}

#[test]
fn one_bad_value_does_not_hide_what_the_other_says_alone() {
    let book = Book::new();
    let body = standard("r-1")
        .set("amount.value_with_taxes", "0")
        .set("amount.value_without_taxes", "1e1");
    at_fault(
        book.unchanged(|| book.create(&body)),
        &[
            ("amount.value_with_taxes", "out_of_range"),
            ("amount.value_without_taxes", "invalid_format"),
        ],
    );
}

/// A line of an export, with everything that it preserves.
fn preserved() -> Json {
    let hash = "0".repeat(64);
    Book::new()
        .line("create_refund")
        .set("body", standard("r-1"))
        .set("preserved.sequence", "2")
        .text("preserved.recorded_at", "2022-03-01T00:00:00Z")
        .text("preserved.actor", "local")
        .text(
            "preserved.refund_id",
            "017f4283-bf00-7000-8000-000000000002",
        )
        .set("preserved.revision", "1")
        .text("preserved.text_hash", &hash)
        .set("preserved.text_sequence", "2")
        .text("preserved.salt", &"0".repeat(32))
        .text("preserved.hash", &hash)
}

#[test]
fn what_an_export_preserved_is_read_as_strictly_as_the_rest() {
    assert!(parse_line(preserved().render().as_bytes()).is_ok());
    for (field, raw, detail) in [
        ("sequence", "-1", "out_of_range"),
        ("sequence", r#""2""#, "wrong_type"),
        ("recorded_at", r#""2022-03-01""#, "invalid_format"),
        ("actor", r#""""#, "too_short"),
        ("refund_id", r#""r-1""#, "invalid_format"),
        ("refund_id", "7", "wrong_type"),
        ("revision", "null", "required"),
        ("revision", "1.5", "out_of_range"),
        ("text_hash", r#""00""#, "invalid_format"),
        ("text_sequence", "true", "wrong_type"),
        ("salt", r#""00""#, "invalid_format"),
        ("hash", "null", "required"),
        ("holds_idempotency_key", "1", "wrong_type"),
    ] {
        let field = format!("preserved.{field}");
        println!("{field}: {raw}");
        let line = preserved().set(&field, raw);
        at_fault(parse_line(line.render().as_bytes()), &[(&field, detail)]);
    }
    let line = preserved().set("preserved.unknown", "1");
    let error = refused(parse_line(line.render().as_bytes()), "malformed_request");
    assert!(error.message().contains("preserved.unknown"), "{error}");
    let both = preserved()
        .set("preserved.refund_id", r#""r-1""#)
        .set("preserved.revision", "-1")
        .set("body.billable", "1");
    at_fault(
        parse_line(both.render().as_bytes()),
        &[
            ("preserved.refund_id", "invalid_format"),
            ("preserved.revision", "out_of_range"),
            ("billable", "wrong_type"),
        ],
    );
}

#[test]
fn a_line_that_names_its_refund_twice_or_a_revision_of_no_refund_is_refused() {
    let scope = r#""org_id":"acme","subscription_id":"sub-7","movement_id":"mov-42""#;
    for (rest, field) in [
        (
            r#""op":"delete_refund","refund_id":"x","external_refund_unique_id":"y""#,
            "external_refund_unique_id",
        ),
        (
            r#""op":"erase_text","expected_revision":1"#,
            "expected_revision",
        ),
    ] {
        let error = parse_line(format!("{{{scope},{rest}}}").as_bytes()).unwrap_err();
        let [detail] = error.details() else {
            panic!("one field is at fault: {error}")
        };
        assert_eq!(detail.field, field);
        assert_eq!(detail.code, "not_allowed");
    }
}

#[test]
fn a_field_with_an_empty_name_is_named_in_quotes() {
    let error = parse_line(br#"{"op":"void_movement","":1}"#).unwrap_err();
    assert_eq!(error.code(), refund_ledger::ErrorCode::MalformedRequest);
    assert_eq!(error.details()[0].field, "\"\"");
}

/// Without a refund's name, the movement's text is erased: a name that got lost must not come to that.
#[test]
fn an_erasure_with_the_name_of_no_refund_is_refused() {
    let scope =
        r#""op":"erase_text","org_id":"acme","subscription_id":"sub-7","movement_id":"mov-42""#;
    for name in ["refund_id", "external_refund_unique_id"] {
        let line = format!(r#"{{{scope},"{name}":null}}"#);
        let error = parse_line(line.as_bytes()).unwrap_err();
        assert_eq!(error.details()[0].field, "refund_id");
        assert_eq!(error.details()[0].code, "required");
    }
    assert!(parse_line(format!("{{{scope}}}").as_bytes()).is_ok());
}

//! Streams that want more than a reader gives, and options that a source does not take.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod common;

use std::io::{self, Read};

use common::{options, seen, seen_of};
use refund_reconcile::{ReadOptions, Source, StatementError, read_statement};

const MIB: u64 = 1024 * 1024;

/// So much of one letter.
fn letters(count: u64) -> impl Read {
    io::repeat(b'x').take(count)
}

fn with_endless(head: &str, tail: &str, source: Source, map: &str) -> Vec<String> {
    let input = head
        .as_bytes()
        .chain(letters(100 * MIB))
        .chain(tail.as_bytes());
    seen_of(input, &options(source, map))
}

const TABLE: &str = "key=ref,amount=amount,fixed_currency=EUR,date=date";

#[test]
fn a_row_that_does_not_end_costs_itself_only() {
    let read = with_endless(
        "ref,amount,date\nrf-1,1,2026-03-02\n",
        "\nrf-3,3,2026-03-02\n",
        Source::Csv,
        TABLE,
    );
    assert_eq!(read.len(), 3, "{read:?}");
    assert!(
        read[1].starts_with("3: unreadable: the row has more than 1 MiB"),
        "{}",
        read[1]
    );
    assert_eq!(
        read[2],
        "4: 300 EUR on 2026-03-02T00:00:00Z, key rf-3, invoice -"
    );
}

#[test]
fn a_header_that_does_not_end_is_refused() {
    for source in [Source::Stripe, Source::Adyen] {
        let read = with_endless("a,b", "\n1,2\n", source, "");
        assert!(
            read[0].starts_with("refused: this is not "),
            "{source}: {}",
            read[0]
        );
    }
    let read = with_endless("", "", Source::PayPal, "");
    assert!(
        read[0].starts_with("refused: this is not a settlement report of PayPal"),
        "{}",
        read[0]
    );
    let read = with_endless("", "", Source::Csv, TABLE);
    assert_eq!(
        read,
        ["refused: no line at the beginning of the statement can be read as a row of CSV"]
    );
}

#[test]
fn json_that_does_not_end_is_cut_off() {
    let refund = r#"{"id":"re_1","object":"refund","amount":1,"created":1,"currency":"eur","status":"succeeded"}"#;
    let read = with_endless(
        &format!("[{refund},{{\"id\":\""),
        "\"}]",
        Source::Stripe,
        "",
    );
    assert_eq!(read.len(), 2, "{read:?}");
    assert!(
        read[1].starts_with("2: unreadable: the JSON breaks here, and what may follow"),
        "{}",
        read[1]
    );
    assert!(read[1].contains("more than 1 MiB"), "{}", read[1]);
    let nested = format!("[{refund},{}", "[".repeat(100_000));
    let read = seen(nested.as_bytes(), &options(Source::Stripe, ""));
    assert_eq!(read.len(), 2, "{read:?}");
}

const XML: &str = r#"<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt>
<Ntry><Amt Ccy="EUR">1.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-03-02</Dt></BookgDt><AcctSvcrRef>"#;

const XML_END: &str = "</AcctSvcrRef></Ntry></Stmt></BkToCstmrStmt></Document>";

#[test]
fn xml_that_does_not_end_is_cut_off() {
    let read = with_endless(XML, XML_END, Source::Camt053, "");
    let why = "a tag or text has more than 1 MiB; nothing behind it can be read";
    assert_eq!(
        read,
        [
            format!("2: unreadable: {why}"),
            format!("refused: no line of the statement can be read; the first is line 2: {why}"),
        ]
    );
    let read = with_endless("<", "", Source::Camt053, "");
    assert!(
        read[0].starts_with("refused: this is not a bank statement"),
        "{}",
        read[0]
    );
}

#[test]
fn a_reference_that_is_too_long_is_visibly_cut() {
    for piece in ["é", "x&amp;", "<!-- --> y"] {
        let long = piece.repeat(10_000);
        let read = seen(
            format!("{XML}{long}{XML_END}").as_bytes(),
            &options(Source::Camt053, ""),
        );
        let key = read[0].split("key ").nth(1).expect("it is a refund");
        assert!(key.ends_with("…, invoice -"), "{}", &key[key.len() - 40..]);
        assert!(key.len() < 4_200, "{}", key.len());
    }
    let amount = XML.replace("1.00", &"0".repeat(5_000));
    let read = seen(
        format!("{amount}{XML_END}").as_bytes(),
        &options(Source::Camt053, ""),
    );
    assert!(
        read[0].starts_with("2: unreadable: `Amt` is `0000"),
        "{}",
        read[0]
    );
}

/// A stream that fails after its bytes.
struct Failing<'a>(&'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Err(io::Error::other("the disk is gone"));
        }
        self.0.read(out)
    }
}

#[test]
fn a_stream_that_fails_is_no_statement() {
    let padded = |text: &str| format!("{text}{}", " ".repeat(20_000));
    for (source, map, text) in [
        (
            Source::Stripe,
            "",
            padded("created_utc,currency,gross,reporting_category,source_id\n"),
        ),
        (Source::Stripe, "", padded("[")),
        (Source::PayPal, "", padded("\"SH\",1\n")),
        (Source::Camt053, "", padded(XML)),
        (Source::Csv, TABLE, padded("ref,amount,date\n")),
        (Source::Adyen, "", String::new()),
    ] {
        let mut items = 0;
        let input = Failing(text.as_bytes());
        let result = read_statement(input, &options(source, map), &mut |_| items += 1);
        assert!(
            matches!(result, Err(StatementError::Io(_))),
            "{source}: {result:?}"
        );
        assert!(
            result.unwrap_err().to_string().contains("the disk is gone"),
            "{source}"
        );
    }
}

#[test]
fn a_source_fixes_what_its_format_says() {
    for (source, map, ok) in [
        (
            Source::Stripe,
            "key=charge_id,invoice=invoice_number,decimal=.,time_zone=UTC",
            true,
        ),
        (Source::Stripe, "amount=gross", false),
        (
            Source::Adyen,
            "key=Psp Reference,delimiter=;,encoding=windows-1252",
            true,
        ),
        (Source::Adyen, "date=Booking Date", false),
        (Source::PayPal, "key=Custom Field,delimiter=tab", true),
        (Source::PayPal, "time_zone=UTC", false),
        (
            Source::Camt053,
            "key=Ustrd,invoice=InstrId,time_zone=+01:00",
            true,
        ),
        (Source::Camt053, "key=Nm", false),
        (Source::Camt053, "delimiter=;", false),
        (Source::Csv, TABLE, true),
        (Source::Csv, "", false),
    ] {
        let made = ReadOptions::new(source, map.parse().unwrap());
        assert_eq!(made.is_ok(), ok, "{source} with `{map}`: {made:?}");
    }
}

//! Any bytes at all, and good requests with some bytes changed, over every parser: an answer, never
//! a panic, and never two readings of one thing.
#![allow(
    clippy::unwrap_used,
    clippy::type_complexity,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests fail by panicking, and their tables of cases are long"
)]

mod common;

use common::{Book, Json, accepted, charge, non_subscribable, standard};
use proptest::prelude::*;
use refund_ledger::wire::{
    parse_line, parse_movement_request, parse_non_subscribable_request, parse_refund_request,
    parse_update_request,
};
use refund_ledger::{
    Amount, Currency, Cursor, DecimalValue, Description, Entry, EntryContent, EntryKind,
    ExternalId, Hash, Head, Id, Ledger, LedgerError, MovementContent, MovementKey, Percentage,
    Period, RefundContentEntry, RefundDetails, RefundId, RefundKind, RefundQuery, Tax, Text,
    Timestamp, Values,
};

/// What a parser may say of bytes.
fn judged<T>(result: Result<T, LedgerError>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            let code = error.code().as_str();
            assert!(
                matches!(code, "malformed_request" | "invalid_request"),
                "a parser answers with `{code}`: {error}"
            );
            assert!(
                code == "malformed_request" || !error.details().is_empty(),
                "what is invalid has its details: {error}"
            );
            assert!(!error.message().is_empty());
            None
        }
    }
}

fn read_all(bytes: &[u8]) {
    judged(parse_movement_request(bytes));
    judged(parse_refund_request(bytes));
    judged(parse_non_subscribable_request(bytes));
    judged(parse_update_request(bytes));
    if let Some(line) = judged(parse_line(bytes)) {
        // Whatever was taken for a command can be answered.
        let book = Book::new();
        let _ = book.ledger.execute(&line.command);
        book.verifies();
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Some(head) = judged(Head::from_json(text)) {
            assert_eq!(Head::from_json(&head.to_json()), Ok(head));
        }
        if let Some(cursor) = judged(text.parse::<Cursor>()) {
            assert_eq!(cursor.to_string(), text, "a cursor has one form");
        }
        judged(Id::new(text));
        judged(Text::new(text));
        judged(text.parse::<Currency>());
        judged(text.parse::<Percentage>());
        judged(text.parse::<DecimalValue>());
        judged(text.parse::<Timestamp>());
        judged(text.parse::<Hash>());
        judged(MovementKey::new(text, text, text));
    }
    if let Ok(entry) = Entry::decode(bytes) {
        assert_eq!(entry.encode(), bytes, "an entry has one form");
    }
}

fn good_requests() -> Vec<String> {
    let book = Book::new();
    accepted(book.create(&standard("r-1")));
    let cursor = {
        accepted(book.create(&standard("r-2")));
        let query = RefundQuery {
            limit: Some(1),
            ..RefundQuery::default()
        };
        let page = book.ledger.list_refunds(&query).unwrap();
        page.next_cursor.unwrap().to_string()
    };
    let lines: Vec<Json> = vec![
        charge(),
        standard("r-1"),
        non_subscribable("r-1"),
        book.line("record_movement").set("body", charge()),
        book.line("create_refund").set("body", standard("r-1")),
        book.line("create_non_subscribable_refund")
            .text("idempotency_key", "k-1")
            .set(
                "body",
                non_subscribable("r-1").leave_out("external_refund_unique_id"),
            ),
        book.update_line("r-1", &standard("r-1"))
            .set("expected_revision", "1"),
        book.delete_line("r-1"),
        book.line("erase_text"),
        book.line("void_movement"),
        book.ledger.head().unwrap().to_json().into(),
        cursor.into(),
        "2022-02-24T13:45:10.123456789+01:00".into(),
        "123456789012.345".into(),
    ];
    lines.iter().map(Json::render).collect()
}

/// One change to some bytes.
#[derive(Clone, Debug)]
enum Mutation {
    Flip(usize, u8),
    Set(usize, u8),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    Copy(usize, usize, usize),
    Cut(usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = || 0..4_096_usize;
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 1..4),
        prop::sample::select(vec![
            "\"",
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\\",
            "\\u0000",
            "\\ud800",
            "null",
            "-",
            "0",
            "1e9",
            ".",
            "+",
            "_",
            " ",
            "\u{feff}",
            "\u{a0}",
            "\u{663}",
            "9999999999999999",
            "\"a\":1,",
            "\"amount\":{},",
            "T",
            "Z",
            "+24:00",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    prop_oneof![
        (at(), 0..8_u8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        (at(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        (at(), piece).prop_map(|(at, piece)| Mutation::Insert(at, piece)),
        (at(), 1..12_usize).prop_map(|(at, length)| Mutation::Remove(at, length)),
        (at(), at(), 1..40_usize).prop_map(|(from, to, length)| Mutation::Copy(from, to, length)),
        at().prop_map(Mutation::Cut),
    ]
}

fn mutate(bytes: &mut Vec<u8>, mutation: &Mutation) {
    let length = bytes.len().max(1);
    match mutation {
        Mutation::Flip(at, bit) => {
            if let Some(byte) = bytes.get_mut(at % length) {
                *byte ^= 1 << bit;
            }
        }
        Mutation::Set(at, value) => {
            if let Some(byte) = bytes.get_mut(at % length) {
                *byte = *value;
            }
        }
        Mutation::Insert(at, piece) => {
            let at = (at % length).min(bytes.len());
            bytes.splice(at..at, piece.iter().copied());
        }
        Mutation::Remove(at, count) => {
            let at = (at % length).min(bytes.len());
            let end = (at + count).min(bytes.len());
            bytes.drain(at..end);
        }
        Mutation::Copy(from, to, count) => {
            let from = (from % length).min(bytes.len());
            let end = (from + count).min(bytes.len());
            let piece = bytes[from..end].to_vec();
            let to = (to % length).min(bytes.len());
            bytes.splice(to..to, piece);
        }
        Mutation::Cut(at) => bytes.truncate(at % length),
    }
}

fn id() -> impl Strategy<Value = Id> {
    prop_oneof![
        "[a-z0-9-]{1,20}",
        "[a-zé€\u{1f4b6}]{1,60}",
        Just("a".repeat(255)),
    ]
    .prop_map(|text| Id::new(&text).unwrap())
}

fn instant() -> impl Strategy<Value = Timestamp> {
    (-62_135_596_800_i64..=253_402_300_799, 0..1_000_000_000_u32)
        .prop_map(|(seconds, nanos)| Timestamp::from_unix(seconds, nanos).unwrap())
}

fn amount() -> impl Strategy<Value = Amount> {
    let currency = prop::sample::select(vec!["EUR", "JPY", "BHD", "CLF", "USD"]);
    let tax = prop::option::of(("\\PC{1,64}", 0..=10_000_000_u32));
    (currency, 1..=i64::MAX, 0..=i64::MAX, tax).prop_map(|(currency, with, without, tax)| {
        let tax = tax.map(|(tax_type, percentage)| {
            Tax::new(
                &tax_type,
                Percentage::from_ten_thousandths(percentage).unwrap(),
            )
            .unwrap()
        });
        let values = Values {
            with,
            without: without.min(with),
        };
        Amount::from_stored(currency.parse().unwrap(), values, tax).unwrap()
    })
}

fn hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash)
}

fn description() -> impl Strategy<Value = Description> {
    (hash(), any::<u64>()).prop_map(|(digest, sequence)| Description {
        digest,
        sequence,
        salted: None,
    })
}

fn details() -> impl Strategy<Value = RefundDetails> {
    let external = prop_oneof![
        Just(None),
        id().prop_map(|id| Some(ExternalId::Given(id))),
        id().prop_map(|id| Some(ExternalId::IdempotencyKey(id))),
    ];
    let period = (prop::option::of(instant()), prop::option::of(instant()));
    (
        prop::option::of(id()),
        instant(),
        period,
        amount(),
        any::<bool>(),
        prop::option::of(id()),
        external,
        description(),
    )
        .prop_map(
            |(
                kind,
                refund_datetime,
                (start, end),
                amount,
                billable,
                invoice,
                external_id,
                description,
            )| {
                RefundDetails {
                    kind: kind.map_or(RefundKind::Standard, |transaction_type_id| {
                        RefundKind::NonSubscribable {
                            transaction_type_id,
                        }
                    }),
                    refund_datetime,
                    period: Period::new(start, end).unwrap_or_default(),
                    amount,
                    billable,
                    external_invoice_id: invoice,
                    external_id,
                    description,
                }
            },
        )
}

fn entry() -> impl Strategy<Value = Entry> {
    let content = prop_oneof![
        (instant(), amount(), description()).prop_map(|(occurred_at, amount, description)| {
            EntryContent::Movement(MovementContent {
                occurred_at,
                amount,
                description,
            })
        }),
        (any::<[u8; 16]>(), any::<u32>(), any::<bool>(), details()).prop_map(
            |(id, revision, deleted, details)| {
                EntryContent::Refund(RefundContentEntry {
                    id: RefundId::from_bytes(id),
                    revision,
                    deleted,
                    details,
                })
            }
        ),
    ];
    let kind = prop::sample::select(vec![
        EntryKind::MovementRecorded,
        EntryKind::MovementVoided,
        EntryKind::RefundCreated,
        EntryKind::RefundUpdated,
        EntryKind::RefundDeleted,
        EntryKind::TextErased,
    ]);
    (
        (id(), id(), id()),
        any::<u64>(),
        instant(),
        id(),
        kind,
        hash(),
        content,
    )
        .prop_map(
            |(
                (org, subscription, movement),
                sequence,
                recorded_at,
                actor,
                kind,
                previous,
                content,
            )| {
                Entry {
                    movement: MovementKey::new(
                        org.as_str(),
                        subscription.as_str(),
                        movement.as_str(),
                    )
                    .unwrap(),
                    sequence,
                    recorded_at,
                    actor,
                    kind,
                    previous,
                    content,
                }
            },
        )
}

/// `digits[.digits]` with at most fifteen significant digits, by hand.
fn is_amount(text: &str) -> bool {
    let mut parts = text.split('.');
    let whole = parts.next().unwrap_or_default();
    let fraction = parts.next();
    let digits = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    parts.next().is_none()
        && digits(whole)
        && fraction.is_none_or(digits)
        && text
            .chars()
            .filter(|c| *c != '.')
            .skip_while(|c| *c == '0')
            .count()
            <= 15
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_all(&bytes);
    }

    #[test]
    fn any_text_is_answered(text in "\\PC{0,80}") {
        read_all(text.as_bytes());
    }

    #[test]
    fn any_json_like_text_is_answered(text in r#"[\{\}\[\]",:\\0-9a-z \.\-+eE]{0,80}"#) {
        read_all(text.as_bytes());
    }

    #[test]
    fn good_requests_with_some_bytes_changed_are_answered(
        which in any::<prop::sample::Index>(),
        mutations in prop::collection::vec(mutation(), 1..5),
    ) {
        let requests = good_requests();
        let mut bytes = requests[which.index(requests.len())].clone().into_bytes();
        for mutation in &mutations {
            mutate(&mut bytes, mutation);
        }
        read_all(&bytes);
    }

    #[test]
    fn an_entry_is_read_as_it_was_written(entry in entry()) {
        let bytes = entry.encode();
        prop_assert_eq!(Entry::decode(&bytes), Ok(entry));
    }

    #[test]
    fn a_changed_entry_is_refused_or_is_another_entry(
        entry in entry(),
        mutations in prop::collection::vec(mutation(), 1..4),
    ) {
        let mut bytes = entry.encode();
        for mutation in &mutations {
            mutate(&mut bytes, mutation);
        }
        if let Ok(read) = Entry::decode(&bytes) {
            prop_assert_eq!(read.encode(), bytes);
        }
    }

    #[test]
    fn an_entry_with_anything_behind_it_or_missing_is_none(entry in entry(), cut in 1..40_usize) {
        let bytes = entry.encode();
        prop_assert!(Entry::decode(&bytes[..bytes.len() - cut]).is_err());
        let longer = [bytes, vec![0; cut]].concat();
        prop_assert!(Entry::decode(&longer).is_err());
    }

    #[test]
    fn instants_are_read_as_they_were_written(instant in instant()) {
        prop_assert_eq!(instant.to_string().parse::<Timestamp>(), Ok(instant));
        prop_assert_eq!(instant.to_fixed_width().parse::<Timestamp>(), Ok(instant));
    }

    #[test]
    fn fixed_width_text_sorts_as_time_does(a in instant(), b in instant()) {
        prop_assert_eq!(a.cmp(&b), a.to_fixed_width().cmp(&b.to_fixed_width()));
    }

    #[test]
    fn amounts_follow_their_grammar(text in r"[0-9]{0,18}\.?[0-9]{0,6}[-+eE_ ]?[0-9]?") {
        prop_assume!(text.len() <= 20);
        prop_assert_eq!(text.parse::<DecimalValue>().is_ok(), is_amount(&text), "{}", text);
    }

    #[test]
    fn minor_units_become_the_same_minor_units_again(
        minor in 0..=999_999_999_999_999_i64,
        currency in prop::sample::select(vec!["EUR", "JPY", "BHD", "CLF"]),
    ) {
        let currency: Currency = currency.parse().unwrap();
        let value = DecimalValue::from_minor_units(minor, currency).unwrap();
        prop_assert_eq!(value.to_minor_units(currency), Ok(minor));
        prop_assert_eq!(value.to_string(), refund_ledger::minor_to_decimal(minor.into(), currency));
    }
}

#[test]
fn a_head_of_any_ledger_is_read_as_it_was_written() {
    let ledger = Ledger::in_memory();
    let head = ledger.head().unwrap();
    assert_eq!(Head::from_json(&head.to_json()), Ok(head));
}

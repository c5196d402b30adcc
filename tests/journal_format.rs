//! The bytes of the journal and the root of a head, written out from `docs/journal-format.md` alone:
//! none of the library's own writing is called here.
#![allow(
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::manual_is_multiple_of,
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests fail by panicking, and their tables of cases are long"
)]

mod common;

use common::{Book, accepted, charge, key, non_subscribable, plain, plain_charge, standard};
use sha2::{Digest, Sha256};

type Hash = [u8; 32];

fn sha(parts: &[&[u8]]) -> Hash {
    parts
        .iter()
        .fold(Sha256::new(), sha2::Digest::chain_update)
        .finalize()
        .into()
}

/// Bytes, put together as the document says.
#[derive(Clone, Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
    fn u8(self, value: u8) -> Self {
        self.raw(&[value])
    }
    fn u32(self, value: u32) -> Self {
        self.raw(&value.to_be_bytes())
    }
    fn u64(self, value: u64) -> Self {
        self.raw(&value.to_be_bytes())
    }
    fn text(self, text: &str) -> Self {
        self.raw(&u16::try_from(text.len()).unwrap().to_be_bytes())
            .raw(text.as_bytes())
    }
    fn instant(self, seconds: i64, nanos: u32) -> Self {
        self.raw(&seconds.to_be_bytes()).u32(nanos)
    }
    fn amount(
        self,
        currency: &str,
        exponent: u8,
        values: (i64, i64),
        tax: Option<(&str, u32)>,
    ) -> Self {
        let this = self
            .raw(currency.as_bytes())
            .u8(exponent)
            .raw(&values.0.to_be_bytes())
            .raw(&values.1.to_be_bytes());
        match tax {
            None => this.u8(0),
            Some((tax_type, percentage)) => this.u8(1).text(tax_type).u32(percentage),
        }
    }
    fn description(self, minted: u64, text: &str, sequence: u64) -> Self {
        self.raw(&sha(&[&salt(minted), text.as_bytes()]))
            .u64(sequence)
    }
    /// What each entry begins with: everything up to its content.
    fn entry(kind: u8, sequence: u64, previous: Hash) -> Self {
        Self::default()
            .raw(b"RLE\x01")
            .u8(kind)
            .text("acme")
            .text("sub-7")
            .text("mov-42")
            .u64(sequence)
            .instant(NOW, 0)
            .text("local")
            .raw(&previous)
    }
}

/// 2022-03-01T00:00:00Z, where the clock of these tests stands.
const NOW: i64 = 1_646_092_800;

/// The salt and the id that the tests' host gives the command of this number.
fn salt(minted: u64) -> Vec<u8> {
    [vec![0xA5; 8], minted.to_be_bytes().to_vec()].concat()
}

fn refund_id(minted: u64) -> Vec<u8> {
    let millis = (NOW as u64 * 1_000).to_be_bytes();
    [&millis[2..], &[0x70, 0, 0x80], &minted.to_be_bytes()[1..]].concat()
}

fn movement_content(minted: u64) -> Bytes {
    Bytes::default()
        .u8(0)
        .instant(1_643_673_600, 0)
        .amount("EUR", 2, (12_100, 10_000), Some(("IVA", 210_000)))
        .description(minted, "February", 1)
}

/// `standard("r-1")` after the change with these differences.
fn standard_content(revision: u32, deleted: u8, values: (i64, i64), description: &Bytes) -> Bytes {
    Bytes::default()
        .u8(1)
        .raw(&refund_id(2))
        .u32(revision)
        .u8(deleted)
        .u8(0)
        .instant(1_645_710_310, 0)
        .u8(1)
        .instant(1_643_670_000, 0)
        .u8(1)
        .instant(1_646_089_199, 999_999_999)
        .amount("EUR", 2, values, Some(("IVA", 210_000)))
        .u8(0)
        .u8(1)
        .text("inv-9")
        .u8(1)
        .text("r-1")
        .raw(&description.0)
}

/// Books one entry of each kind, and the optional parts both ways.
fn scenario() -> Book {
    let book = Book::new();
    accepted(book.create(&standard("r-1")));
    accepted(book.update(
        "r-1",
        &standard("r-1").set("amount.value_with_taxes", "12.11"),
    ));
    accepted(book.update("r-1", &standard("r-1").text("description", "Three days")));
    accepted(book.erase(Some("r-1")));
    accepted(book.delete("r-1"));
    let bare = non_subscribable("x")
        .leave_out("external_refund_unique_id")
        .leave_out("external_invoice_id")
        .leave_out("period_start_datetime")
        .leave_out("period_end_datetime")
        .leave_out("amount.tax")
        .leave_out("amount.value_without_taxes");
    accepted(book.create_other(&bare, Some("k-1")));
    accepted(book.delete("k-1"));
    accepted(book.void());
    accepted(book.erase(None));
    book
}

/// The same, by the document.
fn by_the_document() -> Vec<(Vec<u8>, Hash)> {
    let first_text = Bytes::default().description(2, "Two days without service", 2);
    let third_text = Bytes::default().description(4, "Three days", 4);
    let bare = |revision, deleted| {
        Bytes::default()
            .u8(1)
            .raw(&refund_id(7))
            .u32(revision)
            .u8(deleted)
            .u8(1)
            .text("tt-3")
            .instant(1_645_710_310, 0)
            .u8(0)
            .u8(0)
            .amount("EUR", 2, (1_210, 1_210), None)
            .u8(1)
            .u8(0)
            .u8(2)
            .text("k-1")
            .description(7, "Two days without service", 7)
    };
    let contents = [
        (0, movement_content(1)),
        (2, standard_content(1, 0, (1_210, 1_000), &first_text)),
        (3, standard_content(2, 0, (1_211, 1_000), &first_text)),
        (3, standard_content(3, 0, (1_210, 1_000), &third_text)),
        (5, standard_content(3, 0, (1_210, 1_000), &third_text)),
        (4, standard_content(4, 1, (1_210, 1_000), &third_text)),
        (2, bare(1, 0)),
        (4, bare(2, 1)),
        (1, movement_content(1)),
        (5, movement_content(1)),
    ];
    let mut previous = [0; 32];
    let mut entries = Vec::new();
    for ((kind, content), sequence) in contents.into_iter().zip(1..) {
        let bytes = Bytes::entry(kind, sequence, previous).raw(&content.0).0;
        previous = sha(&[&bytes]);
        entries.push((bytes, previous));
    }
    entries
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_kind_of_entry_has_the_bytes_that_the_document_says() {
    let book = scenario();
    let journal = book.ledger.journal(0, 100).unwrap();
    let expected = by_the_document();
    assert_eq!(journal.len(), expected.len());
    for (record, (bytes, hash)) in journal.iter().zip(&expected) {
        let sequence = record.entry.sequence;
        assert_eq!(
            hex(&record.entry.bytes),
            hex(bytes),
            "the bytes of entry {sequence}"
        );
        assert_eq!(
            refund_ledger::entry_hash(&record.entry.bytes).0,
            *hash,
            "the hash of entry {sequence}"
        );
    }
}

#[test]
fn what_is_attested_of_a_text_is_its_salted_digest() {
    let book = Book::new();
    let record = &book.ledger.journal(0, 1).unwrap()[0];
    let text = record
        .entry
        .text
        .as_ref()
        .expect("the text stands beside the entry");
    assert_eq!(text.salt.0.to_vec(), salt(1));
    let digest = sha(&[&text.salt.0, b"February"]);
    assert_eq!(text.digest().0, digest);
    let at = record.entry.bytes.len() - 40;
    assert_eq!(&record.entry.bytes[at..at + 32], digest);
    assert!(
        !record
            .entry
            .bytes
            .windows(8)
            .any(|window| window == b"February"),
        "the words are not in the entry"
    );
}

#[test]
fn currencies_stand_with_their_own_exponent() {
    for (currency, exponent, value, minor) in [
        ("JPY", 0, "7", 7),
        ("EUR", 2, "7", 700),
        ("BHD", 3, "0.007", 7),
        ("CLF", 4, "0.0007", 7),
    ] {
        let book = Book::charging(&plain_charge(currency, value));
        let bytes = &book.ledger.journal(0, 1).unwrap()[0].entry.bytes;
        let expected = Bytes::entry(0, 1, [0; 32])
            .u8(0)
            .instant(1_643_673_600, 0)
            .amount(currency, exponent, (minor, minor), None)
            .description(1, "February", 1);
        assert_eq!(hex(bytes), hex(&expected.0), "{value} {currency}");
    }
}

#[test]
fn instants_before_1970_count_down_and_their_nanoseconds_up() {
    let book = Book::charging(&charge().text("occurred_at", "1969-12-31T23:59:58.25Z"));
    let bytes = &book.ledger.journal(0, 1).unwrap()[0].entry.bytes;
    let content = Bytes::default().u8(0).instant(-2, 250_000_000).0;
    assert!(
        bytes.windows(content.len()).any(|window| window == content),
        "two seconds before, and a quarter: {}",
        hex(bytes)
    );
}

/// RFC 6962, section 2.1, as it is written there.
fn merkle(leaves: &[Vec<u8>]) -> Hash {
    match leaves {
        [] => sha(&[]),
        [leaf] => sha(&[&[0], leaf]),
        _ => {
            let mut left = 1;
            while left * 2 < leaves.len() {
                left *= 2;
            }
            sha(&[&[1], &merkle(&leaves[..left]), &merkle(&leaves[left..])])
        }
    }
}

fn leaf(parts: [&str; 3], length: u64, last: Hash) -> Vec<u8> {
    parts
        .iter()
        .fold(Bytes::default(), |bytes, part| bytes.text(part))
        .u64(length)
        .raw(&last)
        .0
}

#[test]
fn the_root_of_a_head_is_the_merkle_tree_over_the_movements() {
    let book = Book::empty();
    assert_eq!(book.ledger.head().unwrap().root.0, merkle(&[]));
    let mut keys: Vec<[String; 3]> = Vec::new();
    // Orders that go by more than one part, and by bytes.
    for parts in [
        ["b", "a", "a"],
        ["a", "b", "c"],
        ["a", "bb", "a"],
        ["a", "b!", "a"],
        ["a", "b", "é"],
        ["aa", "a", "a"],
        ["\u{1f4b6}", "a", "a"],
        ["a", "b", "c!"],
        ["a!", "a", "a"],
    ] {
        let at = book.on(&key(parts[0], parts[1], parts[2]));
        accepted(at.record(&charge()));
        if keys.len().is_multiple_of(2) {
            accepted(at.create(&plain(&format!("r-{}", keys.len()), "1")));
        }
        keys.push(parts.map(str::to_owned));
        let mut sorted = keys.clone();
        sorted.sort();
        let journal = book.ledger.journal(0, 1_000).unwrap();
        let leaves: Vec<Vec<u8>> = sorted
            .iter()
            .map(|[org, subscription, movement]| {
                let chain: Vec<&[u8]> = journal
                    .iter()
                    .filter(|record| record.entry.movement == key(org, subscription, movement))
                    .map(|record| record.entry.bytes.as_slice())
                    .collect();
                let last = sha(&[chain.last().unwrap()]);
                leaf([org, subscription, movement], chain.len() as u64, last)
            })
            .collect();
        let head = book.ledger.head().unwrap();
        assert_eq!(
            hex(&head.root.0),
            hex(&merkle(&leaves)),
            "{} movements",
            leaves.len()
        );
        assert_eq!(head.movements, leaves.len() as u64);
        assert_eq!(head.entries, journal.len() as u64);
        assert_eq!(head.position, journal.last().unwrap().position);
    }
}

#[test]
fn the_example_in_the_document_is_true() {
    let document = include_str!("../docs/journal-format.md");
    let example = document
        .split_once("## An example")
        .expect("the document has an example")
        .1;
    // Hexadecimal digits come first in each line of the block, what they are behind two spaces.
    let block = example.split("```").nth(1).expect("a block of bytes");
    let digits: String = block
        .lines()
        .filter_map(|line| line.split("  ").next())
        .flat_map(str::split_whitespace)
        .filter(|word| *word != "text")
        .collect();
    let (bytes, hash) = &by_the_document()[1];
    assert_eq!(digits, hex(bytes), "the example's bytes");
    assert!(
        example.contains(&hex(hash)),
        "the example's hash is {}",
        hex(hash)
    );
}

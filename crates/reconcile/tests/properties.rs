//! What holds of every statement: how its bytes arrive changes nothing, and the order of its lines
//! changes nothing but their numbers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod common;

use std::fmt::Write as _;
use std::io::{self, Read};

use common::{Fixture, fixtures, options, seen, seen_of};
use proptest::prelude::*;
use refund_reconcile::Source;

/// A stream that gives its bytes in pieces of these sizes, again and again.
struct Pieces<'a> {
    bytes: &'a [u8],
    sizes: &'a [usize],
    next: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes[self.next % self.sizes.len()];
        self.next += 1;
        // Streams may be interrupted at any time.
        if size == 0 && !self.next.is_multiple_of(2) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let count = size.max(1).min(out.len()).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(count);
        out[..count].copy_from_slice(now);
        self.bytes = later;
        Ok(count)
    }
}

/// Every fixture with its source and name.
fn all_fixtures() -> Vec<(Source, String, Fixture)> {
    let of = |source| {
        fixtures(source)
            .into_iter()
            .map(move |(name, file)| (source, name, file))
    };
    Source::ALL.into_iter().flat_map(of).collect()
}

/// A table that is longer than any buffer, with line ends in quotes at every place.
fn long_table() -> String {
    let mut text = "ref,note,amount,date\n".to_owned();
    for row in 0..20_000 {
        let note = "é\"\"\n,".repeat(row % 7);
        writeln!(
            text,
            "rf-{row},\"{note}\",{}.{:02},2026-03-02",
            row,
            row % 100
        )
        .unwrap();
    }
    text
}

#[test]
fn a_long_table_loses_nothing() {
    let text = long_table();
    let options = options(
        Source::Csv,
        "key=ref,amount=amount,fixed_currency=EUR,date=date",
    );
    let whole = seen(text.as_bytes(), &options);
    assert_eq!(whole.len(), 20_000);
    let mut line = 2;
    for (row, item) in whole.iter().enumerate() {
        let minor = row * 100 + row % 100;
        assert_eq!(
            *item,
            format!("{line}: {minor} EUR on 2026-03-02T00:00:00Z, key rf-{row}, invoice -")
        );
        line += 1 + row % 7;
    }
    for sizes in [&[1_000][..], &[65_536], &[1, 0, 70_000]] {
        let pieces = Pieces {
            bytes: text.as_bytes(),
            sizes,
            next: 0,
        };
        assert!(seen_of(pieces, &options) == whole, "in pieces of {sizes:?}");
    }
}

/// A statement taken apart: what stands before its lines, these, what stands between, and after.
struct Parts {
    source: Source,
    map: String,
    head: String,
    lines: Vec<String>,
    between: &'static str,
    tail: String,
}

impl Parts {
    fn of(source: Source, name: &str, begins: &str, between: &'static str, tail: &str) -> Self {
        let file = fixtures(source).remove(name).expect("the fixture is there");
        let (map, text) = (file.map, String::from_utf8(file.bytes).unwrap());
        let start = text.find(begins).unwrap();
        let end = text.rfind(tail).unwrap_or(text.len());
        let (head, rest) = text.split_at(start);
        let (lines, tail) = rest.split_at(end - start);
        let mut lines: Vec<String> = match begins {
            "<Ntry>" => lines
                .split(begins)
                .skip(1)
                .map(|line| format!("{begins}{line}"))
                .collect(),
            _ => lines
                .lines()
                .map(|line| {
                    line.strip_suffix(between.trim_end())
                        .unwrap_or(line)
                        .to_owned()
                })
                .collect(),
        };
        lines.retain(|line| !line.trim().is_empty());
        assert!(lines.len() > 3, "{name} has lines: {lines:?}");
        Self {
            source,
            map,
            head: head.to_owned(),
            lines,
            between,
            tail: tail.to_owned(),
        }
    }

    /// What is read of these lines in this order, without the numbers of lines, in one order.
    fn read(&self, order: &[usize]) -> Vec<String> {
        let lines: Vec<&str> = order
            .iter()
            .map(|index| self.lines[*index].as_str())
            .collect();
        let text = format!("{}{}\n{}", self.head, lines.join(self.between), self.tail);
        let mut items = seen(text.as_bytes(), &options(self.source, &self.map));
        for item in &mut items {
            if let Some((number, rest)) = item.split_once(": ")
                && number.bytes().all(|byte| byte.is_ascii_digit())
            {
                *item = rest.to_owned();
            }
        }
        items.sort();
        items
    }
}

fn statements() -> Vec<Parts> {
    vec![
        Parts::of(
            Source::Stripe,
            "failures_in_another_currency.csv",
            "2026-03-01",
            "\n",
            "no tail",
        ),
        Parts::of(Source::Stripe, "activity_1.csv", "txn_1", "\n", "no tail"),
        Parts::of(
            Source::Stripe,
            "balance_transactions.json",
            "    {\"id\"",
            ",\n",
            "  ]\n",
        ),
        Parts::of(Source::Stripe, "refunds_page.json", "{\"id\"", ",\n", "]}"),
        Parts::of(
            Source::Adyen,
            "settlement_details.csv",
            "Acme,",
            "\n",
            "no tail",
        ),
        Parts::of(
            Source::PayPal,
            "ugly_lines.csv",
            "\"SB\",\"T1\"",
            "\n",
            "\"SB\",\"T9\"",
        ),
        Parts::of(
            Source::PayPal,
            "STL-20260302.01.009.CSV",
            "\"SB\"",
            "\n",
            "\"SF\",\"EUR\"",
        ),
        Parts::of(
            Source::Camt053,
            "version_02.xml",
            "<Ntry>",
            "\n",
            "\n</Stmt>",
        ),
        Parts::of(
            Source::Camt053,
            "many_transactions_in_an_entry.xml",
            "<Ntry>",
            "\n",
            "\n</Stmt>",
        ),
        Parts::of(
            Source::Camt053,
            "ugly_entries.xml",
            "<Ntry>",
            "\n",
            "\n</Stmt>",
        ),
        Parts::of(Source::Csv, "types.csv", "refund|rf-1", "\n", "no tail"),
        Parts::of(
            Source::Csv,
            "debit_and_credit.csv",
            "02/03/2026",
            "\n",
            "no tail",
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn how_bytes_arrive_changes_nothing(sizes in proptest::collection::vec(0_usize..200, 1..6)) {
        for (source, name, Fixture { map, bytes }) in all_fixtures() {
            let options = options(source, &map);
            let pieces = Pieces { bytes: &bytes, sizes: &sizes, next: 0 };
            prop_assert_eq!(
                seen_of(pieces, &options),
                seen(&bytes, &options),
                "{}/{} in pieces of {:?}", source, name, sizes
            );
        }
    }

    #[test]
    fn the_order_of_lines_changes_only_their_numbers(seeds in proptest::collection::vec(any::<u32>(), 24)) {
        for parts in statements() {
            let mut order: Vec<usize> = (0..parts.lines.len()).collect();
            let in_order = parts.read(&order);
            order.sort_by_key(|index| seeds[*index]);
            prop_assert_eq!(in_order, parts.read(&order), "{} {}", parts.source, parts.head);
        }
    }

    /// Whatever the bytes are, reading ends without a panic.
    #[test]
    fn nothing_makes_a_reader_panic(
        changes in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..6),
        cut in any::<u16>(),
    ) {
        for (source, _, Fixture { map, mut bytes }) in all_fixtures() {
            if bytes.is_empty() {
                continue;
            }
            for (place, byte) in &changes {
                let place = usize::from(*place) % bytes.len();
                bytes[place] = *byte;
            }
            bytes.truncate(usize::from(cut) % (bytes.len() * 2));
            seen(&bytes, &options(source, &map));
        }
    }
}

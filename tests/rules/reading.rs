//! Reading: lists with filters and cursors, totals, movements and the journal feed.

use crate::common::{
    Book, accepted, at_fault, charge, id, key, non_subscribable, plain, plain_charge, refused,
    standard, time,
};
use refund_ledger::{Cursor, KindName, Refund, RefundFilter, RefundQuery, Timestamp};

/// Refunds of two orgs, dated so that their order is not that of their creation.
fn several() -> Book {
    let book = Book::new();
    let second = book.on(&key("acme", "sub-7", "mov-43"));
    let third = book.on(&key("acme", "sub-8", "mov-42"));
    let abroad = book.on(&key("beta", "sub-7", "mov-42"));
    for at in [&second, &third, &abroad] {
        accepted(at.record(&charge()));
    }
    let on = |day: u8, external_id: &str| {
        plain(external_id, "1").text("refund_datetime", &format!("2022-02-{day:02}T00:00:00Z"))
    };
    accepted(book.create(&on(20, "r-20")));
    accepted(second.create(&on(10, "r-10")));
    accepted(third.create(&on(15, "r-15").text("external_invoice_id", "inv-1")));
    accepted(abroad.create(&on(12, "r-12")));
    accepted(book.create(&on(11, "r-11").set("billable", "true")));
    accepted(book.create_other(
        &non_subscribable("r-13").text("refund_datetime", "2022-02-13T00:00:00Z"),
        None,
    ));
    accepted(book.create(&on(14, "r-14")));
    accepted(book.delete("r-14"));
    book
}

fn names(refunds: &[Refund]) -> Vec<String> {
    refunds
        .iter()
        .map(|refund| {
            refund
                .details
                .external_id
                .as_ref()
                .unwrap()
                .id()
                .to_string()
        })
        .collect()
}

fn filter() -> RefundFilter {
    RefundFilter::default()
}

#[test]
fn lists_are_in_order_of_refund_datetime_without_deleted_ones() {
    let book = several();
    assert_eq!(
        names(&book.list(filter())),
        ["r-10", "r-11", "r-12", "r-13", "r-15", "r-20"]
    );
}

#[test]
fn each_filter_keeps_what_it_says() {
    let book = several();
    let r_13 = book.refund("r-13").id;
    let cases: Vec<(&str, RefundFilter, &[&str])> = vec![
        (
            "org",
            RefundFilter {
                org: Some(id("beta")),
                ..filter()
            },
            &["r-12"],
        ),
        (
            "subscription",
            RefundFilter {
                subscription: Some(id("sub-8")),
                ..filter()
            },
            &["r-15"],
        ),
        (
            "movement",
            RefundFilter {
                movement: Some(id("mov-43")),
                ..filter()
            },
            &["r-10"],
        ),
        (
            "org and movement",
            RefundFilter {
                org: Some(id("acme")),
                movement: Some(id("mov-42")),
                ..filter()
            },
            &["r-11", "r-13", "r-15", "r-20"],
        ),
        (
            "id",
            RefundFilter {
                refund_id: Some(r_13),
                ..filter()
            },
            &["r-13"],
        ),
        (
            "external id",
            RefundFilter {
                external_id: Some(id("r-12")),
                ..filter()
            },
            &["r-12"],
        ),
        (
            "invoice",
            RefundFilter {
                invoice: Some(id("inv-1")),
                ..filter()
            },
            &["r-15"],
        ),
        (
            "kind",
            RefundFilter {
                kind: Some(KindName::NonSubscribable),
                ..filter()
            },
            &["r-13"],
        ),
        (
            "billable",
            RefundFilter {
                billable: Some(true),
                ..filter()
            },
            &["r-11", "r-13"],
        ),
        (
            "not billable",
            RefundFilter {
                billable: Some(false),
                ..filter()
            },
            &["r-10", "r-12", "r-15", "r-20"],
        ),
        (
            "from is inclusive",
            RefundFilter {
                from: Some(time("2022-02-15T00:00:00Z")),
                ..filter()
            },
            &["r-15", "r-20"],
        ),
        (
            "to is exclusive",
            RefundFilter {
                to: Some(time("2022-02-12T00:00:00Z")),
                ..filter()
            },
            &["r-10", "r-11"],
        ),
        (
            "from and to",
            RefundFilter {
                from: Some(time("2022-02-12T01:00:00+01:00")),
                to: Some(time("2022-02-13T00:00:00.000000001Z")),
                ..filter()
            },
            &["r-12", "r-13"],
        ),
        (
            "deleted ones too",
            RefundFilter {
                include_deleted: true,
                ..filter()
            },
            &["r-10", "r-11", "r-12", "r-13", "r-14", "r-15", "r-20"],
        ),
        (
            "everything at once",
            RefundFilter {
                org: Some(id("acme")),
                subscription: Some(id("sub-7")),
                movement: Some(id("mov-42")),
                refund_id: Some(r_13),
                from: Some(time("2022-02-13T00:00:00Z")),
                to: Some(time("2022-02-14T00:00:00Z")),
                external_id: Some(id("r-13")),
                invoice: Some(id("inv-9")),
                kind: Some(KindName::NonSubscribable),
                billable: Some(true),
                include_deleted: false,
            },
            &["r-13"],
        ),
        (
            "nothing",
            RefundFilter {
                org: Some(id("acme")),
                external_id: Some(id("r-12")),
                ..filter()
            },
            &[],
        ),
    ];
    for (what, filter, want) in cases {
        assert_eq!(names(&book.list(filter)), want, "{what}");
    }
}

#[test]
fn refunds_of_one_instant_are_in_order_of_their_ids() {
    let book = Book::new();
    for n in 0..20 {
        accepted(book.create(&plain(&format!("r-{n}"), "1")));
    }
    let ids: Vec<_> = book.list(filter()).iter().map(|refund| refund.id).collect();
    assert!(ids.is_sorted(), "{ids:?}");
}

fn page(book: &Book, limit: usize, cursor: Option<Cursor>) -> (Vec<String>, Option<Cursor>) {
    let page = book
        .ledger
        .list_refunds(&RefundQuery {
            filter: filter(),
            limit: Some(limit),
            cursor,
        })
        .unwrap();
    (names(&page.items), page.next_cursor)
}

#[test]
fn pages_join_into_the_whole_list_whatever_their_size() {
    let book = several();
    let whole = names(&book.list(filter()));
    for limit in 1..=7 {
        let (mut all, mut cursor) = page(&book, limit, None);
        let mut pages = 1;
        while let Some(next) = cursor {
            // A cursor travels as text.
            let next: Cursor = next.to_string().parse().unwrap();
            let (more, behind) = page(&book, limit, Some(next));
            assert!(!more.is_empty(), "no page behind a cursor is empty");
            all.extend(more);
            cursor = behind;
            pages += 1;
        }
        assert_eq!(all, whole, "pages of {limit}");
        assert_eq!(pages, whole.len().div_ceil(limit), "pages of {limit}");
    }
}

#[test]
fn a_cursor_stays_good_while_others_write() {
    let book = several();
    let (first, cursor) = page(&book, 3, None);
    assert_eq!(first, ["r-10", "r-11", "r-12"]);
    // The last of the page goes, one comes before it, one behind.
    let abroad = book.on(&key("beta", "sub-7", "mov-42"));
    accepted(abroad.delete("r-12"));
    accepted(book.create(&plain("r-01", "1").text("refund_datetime", "2022-02-01T00:00:00Z")));
    accepted(book.create(&plain("r-19", "1").text("refund_datetime", "2022-02-19T00:00:00Z")));
    let (rest, end) = page(&book, 10, cursor);
    assert_eq!(rest, ["r-13", "r-15", "r-19", "r-20"]);
    assert_eq!(end, None);
}

#[test]
fn a_cursor_belongs_to_the_filters_that_it_was_made_with() {
    let book = several();
    let (_, cursor) = page(&book, 1, None);
    for other in [
        RefundFilter {
            org: Some(id("acme")),
            ..filter()
        },
        RefundFilter {
            include_deleted: true,
            ..filter()
        },
        RefundFilter {
            billable: Some(false),
            ..filter()
        },
        RefundFilter {
            from: Some(time("0001-01-01T00:00:00Z")),
            ..filter()
        },
        RefundFilter {
            to: Some(Timestamp::MAX),
            ..filter()
        },
    ] {
        let query = RefundQuery {
            filter: other,
            limit: None,
            cursor,
        };
        at_fault(
            book.ledger.list_refunds(&query),
            &[("cursor", "not_allowed")],
        );
    }
    // Another limit is not another filter.
    page(&book, 5, cursor);
}

#[test]
fn what_is_no_cursor_is_refused() {
    let book = several();
    let (_, cursor) = page(&book, 1, None);
    let good = cursor.unwrap().to_string();
    for bad in [
        String::new(),
        "abc".into(),
        good.to_uppercase(),
        format!("{good}00"),
        good[2..].into(),
        format!(" {good}"),
        format!("{}zz", &good[2..]),
    ] {
        at_fault(bad.parse::<Cursor>(), &[("cursor", "invalid_format")]);
    }
}

#[test]
fn a_page_has_1_to_500_items_and_100_where_nothing_is_said() {
    let book = Book::charging(&plain_charge("EUR", "1000"));
    for n in 0..501 {
        accepted(book.create(&plain(&format!("r-{n}"), "1")));
    }
    let ask = |limit| {
        book.ledger.list_refunds(&RefundQuery {
            limit,
            ..RefundQuery::default()
        })
    };
    for bad in [0, 501, usize::MAX] {
        at_fault(ask(Some(bad)), &[("limit", "out_of_range")]);
    }
    for (limit, items) in [(Some(1), 1), (Some(500), 500), (None, 100)] {
        let page = ask(limit).unwrap();
        assert_eq!(page.items.len(), items, "limit {limit:?}");
        assert!(page.next_cursor.is_some());
    }
    assert_eq!(book.list(filter()).len(), 501, "the iterator has no limit");
}

#[test]
fn an_update_moves_a_refund_in_the_list() {
    let book = several();
    accepted(book.update(
        "r-20",
        &plain("r-20", "1").text("refund_datetime", "2022-02-09T00:00:00Z"),
    ));
    assert_eq!(names(&book.list(filter()))[0], "r-20");
}

#[test]
fn totals_are_sums_per_currency() {
    let book = several();
    let yen = book.on(&key("acme", "sub-9", "mov-1"));
    accepted(yen.record(&plain_charge("JPY", "1000")));
    accepted(yen.create(&plain("y-1", "300")));
    accepted(yen.create(&plain("y-2", "200")));
    let told = |filter| {
        book.ledger
            .totals(filter)
            .unwrap()
            .iter()
            .map(|sum| {
                let currency = sum.currency.code().to_owned();
                (currency, sum.count, sum.with_minor, sum.without_minor)
            })
            .collect::<Vec<_>>()
    };
    // Five of 1 EUR and one of 12.10; the deleted one does not count.
    assert_eq!(
        told(filter()),
        [("EUR".into(), 6, 1_710, 1_500), ("JPY".into(), 2, 500, 500)]
    );
    let beta = RefundFilter {
        org: Some(id("beta")),
        ..filter()
    };
    assert_eq!(told(beta), [("EUR".into(), 1, 100, 100)]);
    let none = RefundFilter {
        org: Some(id("nobody")),
        ..filter()
    };
    assert!(told(none).is_empty());
}

#[test]
fn movements_come_in_key_order_and_in_pages() {
    let book = several();
    let keys = |org: Option<&str>, after: Option<&str>, limit| -> Vec<String> {
        let org = org.map(id);
        let after = after.map(|text| {
            let parts: Vec<&str> = text.split('/').collect();
            key(parts[0], parts[1], parts[2])
        });
        book.ledger
            .movements(org.as_ref(), after.as_ref(), limit)
            .unwrap()
            .iter()
            .map(|movement| movement.key.to_string())
            .collect()
    };
    let all = [
        "acme/sub-7/mov-42",
        "acme/sub-7/mov-43",
        "acme/sub-8/mov-42",
        "beta/sub-7/mov-42",
    ];
    assert_eq!(keys(None, None, 100), all);
    assert_eq!(keys(None, None, 2), all[..2]);
    assert_eq!(keys(None, Some(all[1]), 1), all[2..3]);
    assert_eq!(keys(Some("beta"), None, 100), all[3..]);
    assert!(keys(Some("nobody"), None, 100).is_empty());
    assert!(keys(None, None, 0).is_empty(), "none are none");
}

#[test]
fn the_feed_is_gapless_in_commit_order() {
    let book = several();
    let whole = book.ledger.journal(0, usize::MAX).unwrap();
    let positions: Vec<u64> = whole.iter().map(|record| record.position).collect();
    assert!(positions.is_sorted_by(|a, b| a < b), "{positions:?}");
    for size in 1..=5 {
        let mut after = 0;
        let mut all = Vec::new();
        loop {
            let page = book.ledger.journal(after, size).unwrap();
            assert!(page.len() <= size, "a page of {size} at most");
            let Some(last) = page.last() else { break };
            after = last.position;
            all.extend(page);
        }
        assert_eq!(all, whole, "pages of {size}");
    }
    assert!(book.ledger.journal(u64::MAX, 10).unwrap().is_empty());
    let first = whole[0].decode().unwrap();
    assert_eq!(first.sequence, 1);
    assert_eq!(
        first.content.description().text(),
        Some("February"),
        "a record brings its text"
    );
}

#[test]
fn an_org_reads_its_own_part_of_the_feed() {
    let book = several();
    let whole = book.ledger.journal(0, usize::MAX).unwrap();
    for org in ["acme", "beta", "nobody"] {
        let mut wanted = whole.clone();
        wanted.retain(|record| record.entry.movement.org_id() == org);
        for size in [1, 2, 3, 500] {
            let mut seen = Vec::new();
            let mut after = 0;
            loop {
                let page = book.ledger.org_journal(&id(org), after, size).unwrap();
                assert!(page.items.len() <= size);
                seen.extend(page.items.into_iter().map(|(record, _)| record));
                if page.next_after == after {
                    break;
                }
                after = page.next_after;
            }
            assert_eq!(seen, wanted, "`{org}` in pages of {size}");
        }
    }
}

#[test]
fn an_unknown_movement_has_no_balance_and_no_refunds() {
    let book = Book::new();
    let other = book.on(&key("acme", "sub-7", "mov-43"));
    refused(other.ledger.balance(&other.movement), "movement_not_found");
    let lookup = crate::common::external("r-1");
    refused(
        other.ledger.refund(&other.movement, &lookup),
        "movement_not_found",
    );
    accepted(book.create(&standard("r-1")));
    accepted(other.record(&charge()));
    refused(
        other.ledger.refund(&other.movement, &lookup),
        "refund_not_found",
    );
    refused(
        other.ledger.history(&other.movement, &lookup),
        "refund_not_found",
    );
}

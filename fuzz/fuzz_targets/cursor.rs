//! Cursors and the questions that they continue: a cursor has one form, and a list that continues from one is
//! the end of the whole list.
#![no_main]

use libfuzzer_sys::fuzz_target;
use refund_fuzz::{eventful_in_memory, judged};
use refund_ledger::{Cursor, Head, RefundFilter, RefundQuery, wire};

fuzz_target!(|text: &str| {
    if let Some(head) = judged(Head::from_json(text)) {
        assert_eq!(Head::from_json(&head.to_json()), Ok(head), "a head");
    }
    if let Some(cursor) = judged(text.parse::<Cursor>()) {
        assert_eq!(cursor.to_string(), text, "a cursor has one form");
        continued(&RefundQuery {
            filter: RefundFilter::default(),
            limit: None,
            cursor: Some(cursor),
        });
    }
    if let Some(query) = judged(wire::parse_refund_query(text.as_bytes())) {
        continued(&query);
    }
    judged(wire::parse_journal_query(text.as_bytes()));
    judged(wire::parse_refund_reference(text.as_bytes()));
});

fn continued(query: &RefundQuery) {
    let ledger = eventful_in_memory();
    let listed = ledger.refunds(query.filter.clone());
    let all: Vec<_> = listed.map(|refund| refund.expect("a refund")).collect();
    for refund in &all {
        assert!(query.filter.matches(refund), "{refund:?} is not asked for");
    }
    let Some(page) = judged(ledger.list_refunds(query)) else {
        return;
    };
    assert!(query.limit.is_none_or(|limit| page.items.len() <= limit));
    // Page by page, each from the cursor of the one before.
    let mut items = page.items;
    let mut next = page.next_cursor;
    while let Some(cursor) = next {
        let query = RefundQuery {
            cursor: Some(cursor),
            ..query.clone()
        };
        let page = ledger.list_refunds(&query).expect("it goes on");
        assert!(!page.items.is_empty(), "a page that is continued is empty");
        items.extend(page.items);
        next = page.next_cursor;
    }
    assert!(
        all.ends_with(&items),
        "it is not the end of the list: {items:?}"
    );
    assert!(query.cursor.is_some() || all == items, "some are missing");
}

//! The feed: whoever pages through the journal by position while others write misses nothing.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use refund_ledger::{JournalRecord, Ledger, MovementKey};

use crate::postgres_support::{OnServer, assert_valid, create, key, movement, refund};

const WRITERS: u64 = 4;
const REFUNDS_EACH: u64 = 60;

/// Pages through the journal of a ledger until it is over, and holds what came against what is there
/// in the end.
fn follow(
    ledger: &Ledger,
    page: usize,
    mut is_over: impl FnMut() -> bool,
) -> Result<Vec<JournalRecord>, String> {
    let mut seen: Vec<JournalRecord> = Vec::new();
    let mut after = 0;
    loop {
        // Asked first: what is read after the last was written is all that there is.
        let over = is_over();
        let records = ledger.journal(after, page).unwrap();
        if records.len() > page {
            return Err(format!("a page of {page} has {} entries", records.len()));
        }
        for record in &records {
            if record.position <= after {
                return Err(format!("position {} comes after {after}", record.position));
            }
            after = record.position;
        }
        if records.is_empty() && over {
            break;
        }
        seen.extend(records);
        thread::yield_now();
    }
    let there = ledger.journal(0, usize::MAX).unwrap();
    let missed: Vec<_> = there
        .iter()
        .filter(|record| !seen.contains(record))
        .map(|record| record.position)
        .collect();
    if !missed.is_empty() {
        return Err(format!("the entries at {missed:?} were never seen"));
    }
    let entries: BTreeSet<(MovementKey, u64)> = seen
        .iter()
        .map(|record| (record.entry.movement.clone(), record.entry.sequence))
        .collect();
    if entries.len() != seen.len() {
        return Err("an entry came twice".to_owned());
    }
    if seen != there {
        return Err("the entries came in another order, or with another content".to_owned());
    }
    Ok(seen)
}

#[test]
fn readers_of_small_pages_see_each_entry_once_and_in_order_while_others_write() {
    let server = OnServer::new();
    for writer in 0..WRITERS {
        let at = key(&format!("mov-{writer}"));
        server
            .ledger
            .record_movement(&at, &movement("February"))
            .unwrap();
    }
    let writing = AtomicUsize::new(4);
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (server, writing) = (&server, &writing);
            scope.spawn(move || {
                let ledger = server.other(writer + 2);
                for n in 0..REFUNDS_EACH {
                    let at = key(&format!("mov-{}", (writer + n) % WRITERS));
                    let request = refund(&format!("ext-{writer}-{n}"), "1.21", "Racing");
                    ledger.create_refund(&at, &request).unwrap();
                }
                writing.fetch_sub(1, Ordering::SeqCst);
            });
        }
        for page in [1, 2, 3, 7] {
            let (server, writing) = (&server, &writing);
            scope.spawn(move || {
                let ledger = server.other(100);
                let seen = follow(&ledger, page, || writing.load(Ordering::SeqCst) == 0);
                let seen = seen.unwrap_or_else(|why| panic!("in pages of {page}: {why}"));
                assert_eq!(
                    seen.len() as u64,
                    WRITERS + WRITERS * REFUNDS_EACH,
                    "every movement and refund"
                );
            });
        }
    });
    assert_valid(&server.ledger);
}

/// The harness itself: a writer that takes its position early and commits late is found.
#[test]
fn a_position_that_appears_behind_a_larger_one_is_found() {
    let server = OnServer::new();
    let at = key("mov-1");
    server
        .ledger
        .record_movement(&at, &movement("February"))
        .unwrap();
    create(&server.ledger, &at, "ext-1");
    let (mut slow, mut fast) = (server.session(), server.session());
    slow.execute("CREATE SEQUENCE positions START 3");
    let write = |sequence: u32| {
        format!(
            "INSERT INTO journal (org, subscription_id, movement_id, sequence, position, bytes) \
             SELECT org, subscription_id, movement_id, {sequence}, nextval('positions'), bytes \
             FROM journal WHERE sequence = 1"
        )
    };
    let reader = server.other(2);
    let mut turn = 0;
    let outcome = follow(&reader, 1, || {
        turn += 1;
        match turn {
            2 => {
                slow.execute("BEGIN");
                slow.execute(&write(3));
                fast.execute(&write(4));
            }
            6 => {
                slow.execute("COMMIT");
            }
            _ => {}
        }
        turn > 6
    });
    assert_eq!(
        outcome.unwrap_err(),
        "the entries at [3] were never seen",
        "the reader went past it"
    );
}

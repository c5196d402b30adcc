//! What the fuzz targets share: ledgers that are the same each time, and what must hold of whatever was
//! done to them.
//!
//! Each target is a program that is handed bytes, and panics where something that it promises does not
//! hold.
mod import;
mod statement;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use refund_ledger::store::memory::MemoryStore;
use refund_ledger::{
    Batch, Command, Host, JournalRecord, Ledger, LedgerError, Minted, Movement, Refund,
    RefundFilter, RefundId, Salt, Store, Timestamp, wire,
};

pub use import::carry_out;
pub use statement::reconcile;

/// A clock that stands still, and ids and salts that count up: the same commands make the same ledger.
#[derive(Debug, Default)]
struct Counting(AtomicU64);

impl Host for Counting {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(1_646_092_800, 0).expect("it is an instant")
    }

    fn mint(&self, now: Timestamp) -> Result<Minted, LedgerError> {
        let number = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let mut random = [0; 10];
        random[2..].copy_from_slice(&number);
        let mut salt = [0x5A; 16];
        salt[8..].copy_from_slice(&number);
        let millis = u64::try_from(now.unix_millis()).expect("it is after 1970");
        Ok(Minted {
            refund_id: RefundId::from_millis_and_random(millis, &random),
            salt: Salt(salt),
        })
    }
}

/// A ledger over a store, with ids and salts that count up from the first.
pub fn over(store: Arc<dyn Store>) -> Ledger {
    Ledger::new(store, Arc::new(Counting::default()))
}

/// What makes a ledger eventful: two movements of one org and one of another, with refunds of both kinds,
/// some of them changed, deleted or erased, under external ids from `r-1` on. They are read once: a ledger
/// is made for each input.
static EVENTS: LazyLock<Vec<Command>> = LazyLock::new(|| {
    let lines = include_str!("events.jsonl").lines();
    let read = lines.map(|line| wire::parse_line(line.as_bytes()).expect("an event is a line"));
    read.map(|line| line.command).collect()
});

/// A ledger over an empty store, after some events.
pub fn eventful(store: Arc<dyn Store>) -> Ledger {
    let ledger = over(store);
    let results = ledger.execute_all(&EVENTS, Batch::default());
    for result in results.expect("the store works") {
        result.expect("an event happens");
    }
    ledger
}

/// The same in memory.
pub fn eventful_in_memory() -> Ledger {
    eventful(Arc::new(MemoryStore::new()))
}

/// What was read, if it was. A refusal must be one of a parser, and say what is wrong.
pub fn judged<T>(read: Result<T, LedgerError>) -> Option<T> {
    match read {
        Ok(value) => Some(value),
        Err(error) => {
            let code = error.code().as_str();
            let by_parser = matches!(code, "malformed_request" | "invalid_request");
            assert!(by_parser, "a parser answers with `{code}`: {error}");
            let named = code == "malformed_request" || !error.details().is_empty();
            assert!(named, "what is invalid names no field: {error}");
            assert!(!error.message().is_empty(), "`{code}` without a message");
            None
        }
    }
}

/// Checks what holds of a ledger whatever was done to it: it is valid, it never gives back more than was
/// charged, and its export makes the same one.
pub fn check(ledger: &Ledger) {
    let report = ledger.verify(None).expect("a report");
    assert!(report.is_valid(), "it is not valid: {report:?}");
    for movement in movements(ledger).expect("movements") {
        let left = movement.refundable();
        assert!(
            left.is_some(),
            "more is refunded than charged: {movement:?}"
        );
    }
    let journal = ledger.journal(0, usize::MAX).expect("a journal");
    let export = journal.iter().map(|record| {
        let line = ledger.export_line(record).expect("a line of an export");
        wire::parse_line(line.as_bytes()).expect("an export is read")
    });
    let export: Vec<_> = export.collect();
    let copy = over(Arc::new(MemoryStore::new()));
    copy.restore(&export).expect("an export is restored");
    assert_eq!(copy.head(), Ok(report.head), "the copy is another ledger");
}

fn movements(ledger: &Ledger) -> Result<Vec<Movement>, LedgerError> {
    ledger.movements(None, None, usize::MAX)
}

/// All that is in a ledger, by the ways that calls take.
#[derive(Debug, PartialEq)]
pub struct Content {
    journal: Vec<JournalRecord>,
    movements: Vec<Movement>,
    refunds: Vec<Refund>,
}

/// What is in a ledger.
///
/// # Errors
/// What can't be read.
pub fn content(ledger: &Ledger) -> Result<Content, LedgerError> {
    let all = RefundFilter {
        include_deleted: true,
        ..RefundFilter::default()
    };
    Ok(Content {
        journal: ledger.journal(0, usize::MAX)?,
        movements: movements(ledger)?,
        refunds: ledger.refunds(all).collect::<Result<_, _>>()?,
    })
}

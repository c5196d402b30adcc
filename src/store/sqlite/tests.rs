//! What only the inside of the store can see: which statements ran, and how.

mod groups;

use std::sync::Arc;

use rusqlite::StatementStatus;

use super::statements::ALL;
use super::*;
use crate::id::{Id, MovementKey};
use crate::movement::MovementRequest;
use crate::refund::RefundRequest;
use crate::text::{Salt, Text};
use crate::time::{Period, Timestamp};
use crate::{AmountRequest, Host, Ledger, LedgerError, Minted, RefundId, RefundLookup};

/// A host that counts.
#[derive(Debug, Default)]
struct CountingHost(std::sync::atomic::AtomicU64);

impl Host for CountingHost {
    fn now(&self) -> Timestamp {
        "2022-03-01T00:00:00Z".parse().unwrap()
    }

    fn mint(&self, _: Timestamp) -> Result<Minted, LedgerError> {
        let count = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok(Minted {
            refund_id: RefundId::from_millis_and_random(count, &[0; 10]),
            salt: Salt([7; 16]),
        })
    }
}

fn amount(value: &str) -> AmountRequest {
    AmountRequest::new(Some(value.parse().unwrap()), None).unwrap()
}

fn refund(external_id: &str, value: &str) -> RefundRequest {
    RefundRequest {
        refund_datetime: "2022-02-24T13:45:10Z".parse().unwrap(),
        period: Period::default(),
        amount: amount(value),
        external_invoice_id: None,
        external_refund_unique_id: Id::new(external_id).unwrap(),
        billable: false,
        description: Text::new("Two days without service").unwrap(),
    }
}

/// How often each statement ran since this was last asked, in full view of what SQLite did for
/// it.
fn runs(store: &SqliteStore) -> Vec<(&'static str, i32)> {
    let look = |session: &WriteSession, _| {
        let mut runs = Vec::new();
        for (name, sql) in ALL {
            let statement = session.connection.prepare_cached(sql).unwrap();
            for (status, what) in [
                (StatementStatus::RePrepare, "was prepared anew"),
                (StatementStatus::FullscanStep, "read a whole table"),
                (StatementStatus::AutoIndex, "made itself an index"),
            ] {
                assert_eq!(statement.reset_status(status), 0, "{name} {what}");
            }
            let count = statement.reset_status(StatementStatus::Run);
            if count > 0 {
                runs.push((*name, count));
            }
        }
        Ok::<_, StoreError>(runs)
    };
    store.shared.writer.alone(store.time_limit, look).unwrap()
}

/// A ledger with a movement, and its store.
fn ledger_of(directory: &tempfile::TempDir) -> (Ledger, Arc<SqliteStore>, MovementKey) {
    let store = Arc::new(SqliteStore::open(&directory.path().join("refunds.db")).unwrap());
    let ledger = Ledger::new(store.clone(), Arc::new(CountingHost::default()));
    let key = MovementKey::new("acme", "sub-7", "mov-42").unwrap();
    let recorded = MovementRequest {
        currency: "EUR".parse().unwrap(),
        occurred_at: "2022-02-01T00:00:00Z".parse().unwrap(),
        amount: amount("100"),
        description: Text::new("February").unwrap(),
    };
    ledger.record_movement(&key, &recorded).unwrap();
    (ledger, store, key)
}

#[test]
fn a_refund_costs_four_statements_by_key() {
    let directory = tempfile::tempdir().unwrap();
    let (ledger, store, key) = ledger_of(&directory);
    runs(&store);
    for n in 0..5 {
        ledger
            .create_refund(&key, &refund(&format!("ext-{n}"), "1.5"))
            .unwrap();
        assert_eq!(
            runs(&store),
            [
                ("LOAD_CREATION", 1),
                ("UPDATE_MOVEMENT_SUMS", 1),
                ("INSERT_ENTRY", 1),
                ("INSERT_REFUND", 1)
            ],
            "one read and three writes"
        );
    }
    ledger.create_refund(&key, &refund("ext-0", "1.5")).unwrap();
    assert_eq!(
        runs(&store),
        [("LOAD_CREATION", 1), ("LOAD_REFUND", 1)],
        "a replay reads its holder too, and writes nothing"
    );
}

#[test]
fn the_text_of_a_refund_without_updates_is_erased_without_a_walk_through_the_chain() {
    let directory = tempfile::tempdir().unwrap();
    let (ledger, store, key) = ledger_of(&directory);
    let external_id = |n: usize| Id::new(&format!("ext-{n}")).unwrap();
    for n in 0..20 {
        let request = refund(&format!("ext-{n}"), "1.5");
        ledger.create_refund(&key, &request).unwrap();
    }
    let updated = refund("ext-1", "1.25");
    let by_external_id = |n| RefundLookup::ExternalId(external_id(n));
    ledger
        .update_refund(&key, by_external_id(1), updated, None)
        .unwrap();
    let links_of = |n| {
        runs(&store);
        ledger.erase_text(&key, Some(by_external_id(n))).unwrap();
        let runs = runs(&store);
        let links = runs.iter().find(|(name, _)| *name == "LINK");
        links.map_or(0, |(_, count)| *count)
    };
    assert_eq!(links_of(0), 0, "its row knows where its text is");
    assert_eq!(links_of(1), 24, "an update may have brought another text");
    assert!(ledger.verify(None).unwrap().is_valid());
}

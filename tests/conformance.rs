//! Every store of ours passes the whole conformance suite: a named test per case and store.
#![cfg(feature = "conformance")]
#![allow(clippy::unwrap_used, reason = "fixtures of tests may fail loudly")]

use refund_ledger::store::conformance::Shared;
use refund_ledger::store::memory::MemoryStore;

refund_ledger::conformance_tests!(memory, || Shared::new(MemoryStore::new()));

#[path = "../examples/custom_store.rs"]
#[allow(
    dead_code,
    clippy::indexing_slicing,
    reason = "an example, run here without its `main`"
)]
mod custom_store;

/// What somebody else would write: one handle at a time, opened anew once all were dropped.
mod json_lines {
    use std::sync::{Arc, Mutex, Weak};

    use refund_ledger::Store;
    use refund_ledger::store::conformance::Fixture;

    use super::custom_store::JsonLinesStore;

    struct Lines {
        folder: tempfile::TempDir,
        open: Mutex<Weak<JsonLinesStore>>,
    }

    impl Lines {
        fn new() -> Self {
            Self {
                folder: tempfile::tempdir().unwrap(),
                open: Mutex::new(Weak::new()),
            }
        }
    }

    impl Fixture for Lines {
        fn handle(&self) -> Arc<dyn Store> {
            let mut open = self.open.lock().unwrap();
            let store = open.upgrade().unwrap_or_else(|| {
                Arc::new(JsonLinesStore::open(&self.folder.path().join("refunds.jsonl")).unwrap())
            });
            *open = Arc::downgrade(&store);
            store
        }
    }

    refund_ledger::conformance_tests!(custom, Lines::new);

    #[test]
    fn a_batch_that_was_being_written_when_the_power_went_is_not_there() {
        use refund_ledger::{Ledger, wire};

        let lines = Lines::new();
        let path = lines.folder.path().join("refunds.jsonl");
        let line = |movement: &str| {
            format!(
                r#"{{"op":"record_movement","org_id":"acme","subscription_id":"s","movement_id":"{movement}","body":{{"currency":"EUR","occurred_at":"2022-02-01T00:00:00Z","amount":{{"value_with_taxes":1}},"description":"d"}}}}"#
            )
        };
        let record = |movement: &str| {
            let command = wire::parse_line(line(movement).as_bytes()).unwrap().command;
            Ledger::with_system_host(lines.handle())
                .execute(&command)
                .unwrap();
        };
        record("one");
        let whole = std::fs::read(&path).unwrap();
        record("two");
        let longer = std::fs::read(&path).unwrap();
        for length in whole.len()..longer.len() {
            std::fs::write(&path, &longer[..length]).unwrap();
            let ledger = Ledger::with_system_host(lines.handle());
            assert_eq!(
                ledger.journal(0, 10).unwrap().len(),
                1,
                "cut off at byte {length}"
            );
            assert!(ledger.verify(None).unwrap().is_valid());
            drop(ledger);
            record("three");
            assert_eq!(lines.handle().journal(0, 10).unwrap().len(), 2);
        }
    }
}

#[cfg(feature = "sqlite")]
mod sqlite_file {
    use std::sync::Arc;

    use refund_ledger::Store;
    use refund_ledger::store::conformance::Fixture;
    use refund_ledger::store::sqlite::SqliteStore;

    /// A file of its own per case; every handle opens it anew, as another process would.
    struct File(tempfile::TempDir);

    impl File {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }
    }

    impl Fixture for File {
        fn handle(&self) -> Arc<dyn Store> {
            Arc::new(SqliteStore::open(&self.0.path().join("refunds.db")).unwrap())
        }
    }

    refund_ledger::conformance_tests!(sqlite, File::new);
}

#[cfg(feature = "postgres")]
mod postgres_server {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use refund_ledger::Store;
    use refund_ledger::store::conformance::Fixture;
    use refund_ledger::store::postgres::{PostgresOptions, PostgresStore};

    /// A schema of its own per case; every handle has its own connections, as another process would.
    struct Schema(PostgresOptions);

    impl Schema {
        fn new() -> Self {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let server = postgres_cluster::shared().unwrap();
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let options = PostgresOptions::new(&server.url()).unwrap();
            let options = options.with_schema(&format!("case_{number}")).unwrap();
            // Nothing here is about time, and other tests may keep the machine busy.
            Self(options.with_time_limit(Duration::from_mins(1)))
        }
    }

    impl Fixture for Schema {
        fn handle(&self) -> Arc<dyn Store> {
            Arc::new(PostgresStore::open(&self.0).unwrap())
        }
    }

    refund_ledger::conformance_tests!(postgres, Schema::new);
}

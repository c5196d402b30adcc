//! The SQLite store as a ledger's home: what is written is there again, for every handle.
#![cfg(feature = "sqlite")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails should fail loudly"
)]

mod sqlite_support;

use std::ops::ControlFlow;
use std::sync::Arc;

use refund_ledger::store::memory::MemoryStore;
use refund_ledger::store::sqlite::SqliteStore;
use refund_ledger::store::{ReadSet, ScanRange, ScanRow, Store, WriteBatch};
use refund_ledger::{ErrorCode, Ledger, MovementKey, RefundFilter, RefundLookup, StoreError};
use sqlite_support::{
    CountingHost, InFile, assert_valid, content, create, files, fill, id, key, movement, refund,
};

#[test]
fn a_new_ledger_is_one_file_that_opens_again() {
    let file = InFile::filled();
    assert_valid(&file.ledger);
    let before = content(&*file.store);
    let (directory, path) = file.close();
    assert_eq!(
        files(directory.path()),
        ["refunds.db"],
        "closing leaves one file"
    );

    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(content(&store), before, "what was written is there again");
}

#[test]
fn the_file_holds_what_the_memory_store_holds() {
    let file = InFile::filled();
    let memory = Arc::new(MemoryStore::new());
    fill(&Ledger::new(memory.clone(), Arc::new(CountingHost::new(1))));
    assert_eq!(
        content(&*file.store),
        content(&*memory),
        "the same commands, the same content"
    );
    assert_eq!(
        file.store.journal(0, 100).unwrap(),
        memory.journal(0, 100).unwrap(),
        "the same feed"
    );
    let filter = RefundFilter::default();
    assert_eq!(
        file.store.list_refunds(&filter, None, 100).unwrap(),
        memory.list_refunds(&filter, None, 100).unwrap(),
        "the same list"
    );
}

#[test]
fn an_empty_file_becomes_a_ledger() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("refunds.db");
    std::fs::write(&path, "").unwrap();
    let ledger = Ledger::open(&path).unwrap();
    ledger
        .record_movement(&key("mov-1"), &movement("February"))
        .unwrap();
    assert_valid(&ledger);
}

#[test]
fn scans_visit_movements_in_the_order_of_their_keys() {
    let file = InFile::new();
    let mut keys: Vec<MovementKey> = Vec::new();
    let parts = [
        "a",
        "a b",
        "a!",
        "ab",
        "b",
        "\u{e4}",
        "\u{1f600}",
        "A",
        "a\u{7f}x",
    ];
    for org in &parts[..4] {
        for subscription in &parts[2..] {
            for movement_id in &parts[5..] {
                if let Ok(key) = MovementKey::new(org, subscription, movement_id) {
                    file.ledger.record_movement(&key, &movement("x")).unwrap();
                    keys.push(key);
                }
            }
        }
    }
    keys.sort_by(|a, b| a.sort_key().cmp(b.sort_key()));
    let visited = |range: ScanRange<'_>| {
        let mut visited = Vec::new();
        file.store
            .scan(&range, &mut |row| {
                if let ScanRow::Movement(movement) = row {
                    visited.push(movement.key.clone());
                }
                ControlFlow::Continue(())
            })
            .unwrap();
        visited
    };
    assert_eq!(
        visited(ScanRange::default()),
        keys,
        "the order is that of the sort keys"
    );
    for key in &keys {
        let org = key.org();
        for range in [
            ScanRange {
                after: Some(key),
                ..ScanRange::default()
            },
            ScanRange {
                after: Some(key),
                org: Some(&org),
                ..ScanRange::default()
            },
            ScanRange {
                only: Some(key),
                ..ScanRange::default()
            },
        ] {
            let wanted: Vec<_> = keys
                .iter()
                .filter(|key| range.includes(key))
                .cloned()
                .collect();
            assert_eq!(visited(range), wanted, "the movements in {range:?}");
        }
    }
}

#[test]
fn two_handles_on_one_movement_keep_its_cap_and_book_each_external_id_once() {
    let file = InFile::new();
    file.ledger
        .record_movement(&key("mov-1"), &movement("February"))
        .unwrap();
    let booked: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4_u64)
            .map(|n| {
                let path = file.path.clone();
                scope.spawn(move || {
                    let store = Arc::new(SqliteStore::open(&path).unwrap());
                    let ledger = Ledger::new(store, Arc::new(CountingHost::new(n + 2)));
                    let mut booked = 0;
                    for at in 0..40 {
                        let request = refund(&format!("ext-{at}"), "6.05", "Half a day");
                        match ledger.create_refund(&key("mov-1"), &request) {
                            Ok(created) => booked += usize::from(!created.replayed),
                            Err(error) => assert_eq!(error.code(), ErrorCode::OverRefund),
                        }
                    }
                    booked
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(
        booked, 20,
        "121.00 takes 6.05 twenty times, however many ask"
    );
    assert_eq!(
        file.ledger.balance(&key("mov-1")).unwrap().refundable.with,
        0
    );
    assert_valid(&file.ledger);
}

#[test]
fn a_panic_while_deciding_leaves_the_store_usable() {
    let file = InFile::new();
    file.ledger
        .record_movement(&key("mov-1"), &movement("February"))
        .unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        file.store
            .transact(&ReadSet::default(), &mut |_| panic!("on purpose"))
    }));
    assert!(panicked.is_err(), "the panic comes through");
    create(&file.ledger, &key("mov-1"), "ext-1");
    let other = Ledger::open(&file.path).unwrap();
    create(&other, &key("mov-1"), "ext-2");
    assert_valid(&file.ledger);
}

#[test]
fn a_batch_on_an_older_state_conflicts_and_changes_nothing() {
    let file = InFile::new();
    let (first, second) = (key("mov-1"), key("mov-2"));
    file.ledger
        .record_movement(&first, &movement("February"))
        .unwrap();
    file.ledger
        .record_movement(&second, &movement("March"))
        .unwrap();
    // Catches the batch of a command without applying it.
    let caught = |ledger_key: &MovementKey, external_id: &str| -> WriteBatch {
        struct Catching(Arc<SqliteStore>, std::sync::Mutex<Option<WriteBatch>>);
        impl Store for Catching {
            fn load(&self, wanted: &ReadSet) -> Result<refund_ledger::store::Snapshot, StoreError> {
                self.0.load(wanted)
            }
            fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
                *self.1.lock().unwrap() = Some(batch.clone());
                Ok(())
            }
            fn list_refunds(
                &self,
                _: &RefundFilter,
                _: Option<refund_ledger::ListAfter>,
                _: usize,
            ) -> Result<refund_ledger::Page<refund_ledger::Refund>, StoreError> {
                Err(StoreError::Busy)
            }
            fn journal(
                &self,
                _: u64,
                _: usize,
            ) -> Result<Vec<refund_ledger::JournalRecord>, StoreError> {
                Err(StoreError::Busy)
            }
            fn scan(
                &self,
                _: &ScanRange<'_>,
                _: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
            ) -> Result<u64, StoreError> {
                Err(StoreError::Busy)
            }
        }
        let catching = Arc::new(Catching(file.store.clone(), std::sync::Mutex::default()));
        let ledger = Ledger::new(catching.clone(), Arc::new(CountingHost::new(9)));
        create(&ledger, ledger_key, external_id);
        let batch = catching.1.lock().unwrap().take();
        batch.unwrap()
    };
    let stale = caught(&first, "ext-1");
    let taken = caught(&second, "ext-2");
    create(&file.ledger, &first, "ext-2");
    let before = content(&*file.store);
    assert_eq!(
        file.store.commit(&stale),
        Err(StoreError::Conflict),
        "the movement went on"
    );
    assert_eq!(
        file.store.commit(&taken),
        Err(StoreError::Conflict),
        "the external id is taken"
    );
    assert_eq!(content(&*file.store), before, "a conflict changes nothing");
    file.store.commit(&caught(&second, "ext-3")).unwrap();
    assert_eq!(
        file.store.commit(&WriteBatch {
            preconditions: taken.preconditions,
            ..caught(&second, "ext-4")
        }),
        Err(StoreError::Conflict),
        "preconditions hold for their own sake"
    );
    assert_valid(&file.ledger);
}

#[test]
fn past_revisions_and_replays_are_found() {
    let file = InFile::filled();
    let first = key("mov-42");
    let replay = file
        .ledger
        .create_refund(&first, &refund("ext-2", "24.2", "A whole week"))
        .unwrap();
    assert!(
        replay.replayed,
        "an updated refund's first request is still a replay"
    );
    let history = file
        .ledger
        .history(&first, RefundLookup::ExternalId(id("ext-2")))
        .unwrap();
    assert_eq!(history.len(), 2, "the creation and the update");
}

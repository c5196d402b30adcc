//! Threads that share a store, and with it their commits.

use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc;
use std::thread;

use super::*;
use crate::ErrorCode;

const THREADS: usize = 8;

/// How often each thread asks for a refund of its own and for one that all ask for.
const ROUNDS: usize = 20;

/// How often something was committed since this was last asked.
fn commits(store: &SqliteStore) -> i32 {
    let look = |session: &WriteSession, _| {
        let statement = session.connection.prepare_cached("COMMIT").unwrap();
        Ok::<_, StoreError>(statement.reset_status(StatementStatus::Run))
    };
    store.shared.writer.alone(store.time_limit, look).unwrap()
}

/// Spoils the movements in the open transaction, and fails, or panics, in one of the ways there are.
fn fail(store: &SqliteStore, way: usize) {
    let spoil = |connection: &Connection| {
        connection.execute("UPDATE movements SET currency = 'XXX'", ())?;
        if way.is_multiple_of(2) {
            // As a full disk ends it.
            connection.execute_batch("ROLLBACK")?;
        }
        if way < 2 {
            panic::resume_unwind(Box::new("as a `decide` may"));
        }
        Err(Fault::Damaged("spoilt".to_owned()))
    };
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| store.write(spoil)));
    assert!(
        !matches!(outcome, Ok(Ok(()))),
        "nobody is told that it went well"
    );
}

/// Asks for a refund until it is there. Gives its id. What is answered with an error is not there.
fn insist(
    ledger: &Ledger,
    key: &MovementKey,
    request: &RefundRequest,
    is_shared: bool,
) -> RefundId {
    loop {
        match ledger.create_refund(key, request) {
            Ok(created) => return created.id,
            Err(error) => {
                assert!(
                    matches!(
                        error.store_error(),
                        Some(StoreError::Failed { .. } | StoreError::Corrupted { .. })
                    ),
                    "only what others spoil fails: {error:?}"
                );
                let id = request.external_refund_unique_id.clone();
                let found = ledger.refund(key, RefundLookup::ExternalId(id));
                assert!(
                    is_shared || found.is_err(),
                    "a refund that failed was booked: {found:?}"
                );
            }
        }
    }
}

/// What one of the threads does. Gives the ids that it was answered.
fn take_part(
    thread: usize,
    ledger: &Ledger,
    store: &SqliteStore,
    key: &MovementKey,
) -> Vec<RefundId> {
    let mut ids = Vec::new();
    for round in 0..ROUNDS {
        let own = refund(&format!("own-{thread}-{round}"), "0.25");
        let id = insist(ledger, key, &own, false);
        let replayed = ledger.create_refund(key, &own);
        assert!(
            replayed.map_or(true, |again| again.replayed && again.id == id),
            "a refund that was answered is there"
        );
        ids.push(id);
        let shared = refund(&format!("shared-{round}"), "0.25");
        ids.push(insist(ledger, key, &shared, true));
        let refused = ledger.create_refund(key, &refund("too-much", "100"));
        assert!(
            refused.is_err_and(
                |error| error.code() == ErrorCode::OverRefund || error.store_error().is_some()
            ),
            "there is less left"
        );
        if thread < 4 && round % 4 == thread {
            fail(store, thread);
        }
    }
    ids
}

#[test]
fn who_shares_a_commit_is_answered_what_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let (ledger, store, key) = ledger_of(&directory);
    commits(&store);
    let ids: Vec<RefundId> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (ledger, store, key) = (&ledger, &*store, &key);
                scope.spawn(move || take_part(thread, ledger, store, key))
            })
            .collect();
        let ids = threads.into_iter().map(|thread| thread.join().unwrap());
        ids.flatten().collect()
    });
    let booked = (THREADS + 1) * ROUNDS;
    let commits = usize::try_from(commits(&store)).unwrap();
    assert!(
        commits < booked,
        "some share one: {commits} commits of {booked} refunds"
    );
    let path = store.path().to_owned();
    drop((ledger, store));

    let ledger = Ledger::open(&path).unwrap();
    for id in ids {
        assert!(ledger.refund(&key, id).is_ok(), "{id} was answered");
    }
    let count = ledger.balance(&key).unwrap().count;
    assert_eq!(usize::try_from(count).unwrap(), booked);
    assert!(ledger.verify(None).unwrap().is_valid());
}

#[test]
fn who_is_alone_commits_at_once_and_each_time() {
    let directory = tempfile::tempdir().unwrap();
    let (ledger, store, key) = ledger_of(&directory);
    commits(&store);
    for n in 0..5 {
        ledger
            .create_refund(&key, &refund(&format!("ext-{n}"), "1.5"))
            .unwrap();
        assert_eq!(commits(&store), 1);
    }
    ledger.create_refund(&key, &refund("ext-0", "1.5")).unwrap();
    assert_eq!(commits(&store), 0, "a replay has nothing to commit");
}

#[test]
fn whoever_waits_too_long_for_others_is_told_that_they_are_busy() {
    let directory = tempfile::tempdir().unwrap();
    drop(ledger_of(&directory));
    let limit = Duration::from_millis(50);
    let options = SqliteOptions::default().with_busy_timeout(limit);
    let store = SqliteStore::open_with(&directory.path().join("refunds.db"), options).unwrap();
    let nothing = WriteBatch::default();
    let (began, has_begun) = mpsc::channel();
    let (end, ended) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let store = &store;
        scope.spawn(move || {
            let mut decide = |_| {
                began.send(()).unwrap();
                ended.recv().unwrap();
                WriteBatch::default()
            };
            store.transact(&ReadSet::default(), &mut decide).unwrap();
        });
        has_begun.recv().unwrap();
        assert_eq!(store.commit(&nothing), Err(StoreError::Busy));
        assert_eq!(store.scrub(), Err(StoreError::Busy));
        end.send(()).unwrap();
    });
    assert_eq!(store.commit(&nothing), Ok(()), "it is free again");
}

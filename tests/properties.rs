//! Random sequences of commands, over every store, against a small ledger that was written a second
//! time from the design's text (`crates/reference-model`). After every step: the replies, the balances, the
//! lists, the journals and heads of all stores, and verify.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use reference_model::{Fault, Faulty, Mismatch, Mistake, Rig, Search, Step};
use refund_ledger::Store;
use refund_ledger::store::memory::MemoryStore;

const IN_MEMORY: Search = Search {
    sequences: 500,
    steps: 1..=39,
    races: false,
    seed: None,
    shrinks: 4_000,
};

fn play(mut rig: Rig, steps: &[Step]) -> Result<Rig, Mismatch> {
    rig.play(steps, 1)?;
    Ok(rig)
}

#[test]
fn the_ledger_in_memory_does_what_the_model_does() {
    let result = IN_MEMORY.run(|steps| play(Rig::default(), steps).map(drop));
    result.unwrap_or_else(|mismatch| panic!("{mismatch}"));
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
#[test]
fn ledgers_that_last_do_what_the_model_does_also_in_a_race() {
    let search = Search {
        sequences: 24,
        steps: 1..=24,
        races: true,
        ..IN_MEMORY
    };
    let result = search.run(|steps| {
        let rig = Rig::default();
        #[cfg(feature = "sqlite")]
        let directory = tempfile::tempdir().unwrap();
        #[cfg(feature = "sqlite")]
        let rig = rig.beside("the file", in_a_file(&directory.path().join("refunds.db")));
        #[cfg(feature = "postgres")]
        let rig = rig.beside("the server", on_the_server());
        play(rig, steps).map(drop)
    });
    result.unwrap_or_else(|mismatch| panic!("{mismatch}"));
}

#[cfg(feature = "sqlite")]
fn in_a_file(path: &std::path::Path) -> [Arc<dyn Store>; 2] {
    use refund_ledger::store::sqlite::SqliteStore;
    [(); 2].map(|()| Arc::new(SqliteStore::open(path).unwrap()) as Arc<dyn Store>)
}

/// In a schema of its own.
#[cfg(feature = "postgres")]
fn on_the_server() -> [Arc<dyn Store>; 2] {
    use refund_ledger::store::postgres::{PostgresOptions, PostgresStore};
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let server = postgres_cluster::shared().unwrap();
    let schema = format!("case_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let options = PostgresOptions::new(&server.socket_url()).unwrap();
    let options = options.with_schema(&schema).unwrap();
    // The machine may be busy with other tests.
    let options = options.with_time_limit(std::time::Duration::from_mins(1));
    [(); 2].map(|()| Arc::new(PostgresStore::open(&options).unwrap()) as Arc<dyn Store>)
}

/// The same sequences each time, for a harness to be judged by.
const FIXED: Search = Search {
    seed: Some(1),
    shrinks: 0,
    ..IN_MEMORY
};

/// The harness itself: a mistake in either of the two ledgers is found.
#[test]
fn planted_mistakes_are_found() {
    for mistake in [
        Mistake::CapForgetsDeletes,
        Mistake::ReplayWrites,
        Mistake::ComparedAsText,
        Mistake::RestIsTaxed,
        Mistake::UpdateKeepsOldAmount,
        Mistake::ReplayComparesWithNow,
        Mistake::PolicyBeforeReplay,
        Mistake::TombstoneFreesId,
        Mistake::HalfDown,
    ] {
        let rig = || Rig::default().with_mistake(mistake);
        let result = FIXED.run(|steps| play(rig(), steps).map(drop));
        assert!(result.is_err(), "{mistake:?} should be found");
    }
}

#[test]
fn faulty_stores_are_found() {
    for fault in Fault::ALL {
        let rig = || Rig::over(Arc::new(Faulty::new(fault)));
        let result = FIXED.run(|steps| play(rig(), steps).map(drop));
        assert!(result.is_err(), "{fault:?} should be found");
    }
}

/// The harness itself: what one of several stores does otherwise is found, whichever it is.
#[test]
fn a_faulty_store_among_sound_ones_is_found() {
    let search = Search {
        races: true,
        ..FIXED
    };
    for fault in Fault::ALL {
        for at in 0..2 {
            let result = search.run(|steps| {
                let sound: Arc<dyn Store> = Arc::new(MemoryStore::new());
                let faulty: Arc<dyn Store> = Arc::new(Faulty::new(fault));
                let mut stores = [sound, faulty];
                stores.rotate_left(at);
                let rig = stores.into_iter().fold(Rig::default(), |rig, store| {
                    rig.beside("a store", [store.clone(), store])
                });
                play(rig, steps).map(drop)
            });
            assert!(result.is_err(), "{fault:?} at {at} should be found");
        }
    }
}

/// A mismatch is told with the least that comes to it, as it was asked.
#[test]
fn what_is_found_is_told_with_the_least_that_comes_to_it() {
    let search = Search {
        steps: 50..=50,
        shrinks: 4_000,
        ..FIXED
    };
    let rig = || Rig::default().with_mistake(Mistake::CapForgetsDeletes);
    let mismatch = search.run(|steps| play(rig(), steps).map(drop));
    let told = mismatch.expect_err("it should be found").to_string();
    let asked = |op: &str| told.matches(&format!(r#""op":"{op}"#)).count();
    assert_eq!(asked("delete_refund"), 1, "{told}");
    assert!(asked("") < 10, "{told}");
}

/// The harness itself: chance leads to every answer that there is.
#[test]
fn the_sequences_reach_every_rule() {
    let search = Search {
        sequences: 200,
        ..FIXED
    };
    let seen = RefCell::new(BTreeSet::new());
    let result = search.run(|steps| {
        let rig = play(Rig::default(), steps)?;
        seen.borrow_mut().extend(rig.seen().iter().cloned());
        Ok(())
    });
    result.unwrap_or_else(|mismatch| panic!("{mismatch}"));
    let seen = seen.into_inner();
    let amounts = ["currency_mismatch", "invalid_request", "tax_mismatch"];
    let dates = ["refund_before_movement", "refund_in_future"];
    let mut wanted: Vec<String> = Vec::new();
    let mut want = |op: &str, answers: &[&str]| {
        wanted.extend(answers.iter().map(|answer| format!("{op}: {answer}")));
    };
    for op in ["create", "create other", "update"] {
        want(op, &amounts);
        want(op, &dates);
        want(op, &["over_refund", "movement_not_found"]);
    }
    for op in [
        "record",
        "void",
        "create",
        "create other",
        "update",
        "delete",
        "erase",
        "erase movement",
    ] {
        want(op, &["done", "replayed from a file"]);
    }
    for op in ["create", "create other"] {
        want(op, &["replayed", "idempotency_conflict", "refund_deleted"]);
    }
    want("record", &amounts);
    want("record", &["replayed", "idempotency_conflict"]);
    want("void", &["movement_not_found", "over_refund"]);
    want(
        "update",
        &[
            "replayed",
            "refund_not_found",
            "kind_mismatch",
            "immutable_field",
            "stale_revision",
        ],
    );
    want(
        "delete",
        &["movement_not_found", "refund_not_found", "stale_revision"],
    );
    want(
        "erase",
        &["movement_not_found", "refund_not_found", "replayed"],
    );
    let missing: Vec<&String> = wanted
        .iter()
        .filter(|answer| !seen.contains(*answer))
        .collect();
    assert!(
        missing.is_empty(),
        "no sequence came to {missing:?}; they came to {seen:?}"
    );
}

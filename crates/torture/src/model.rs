//! Random sequences of commands, over every store, beside a second ledger that was written from the
//! design's text (`crates/reference-model`).
//!
//! Each command is answered by all as by the model; and every few steps and at the end all that can be
//! read is as the model has it, each store verifies, and all have the same journal and head. Nothing races
//! here: what comes of races is compared in the core's own tests (`tests/properties.rs`).

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use postgres_cluster::Cluster;
use reference_model::{Fault, Faulty, Mismatch, Mistake, Rig, Search, Step};
use refund_ledger::Store;
use refund_ledger::store::postgres::{PostgresOptions, PostgresStore};
use refund_ledger::store::sqlite::SqliteStore;

use crate::harness::{Finding, Report, Task, caught};
use crate::workload::Hurried;

const STEPS: usize = 50;

/// All that can be read is dear to compare: replies are compared after each step.
const STEPS_A_COMPARISON: usize = 10;

/// One sequence in so many is played over PostgreSQL too.
const SEQUENCES_A_SERVED_ONE: usize = 10;

/// Within so many sequences a planted bug has to be found.
const PLANTED_SEQUENCES: usize = 200;

pub(crate) fn run(task: &Task) -> Result<Report, Finding> {
    let sequences = task.scaled(2_000, 200_000);
    let server = Cluster::builder().fsync(false).start()?;
    let played = task.in_parallel(sequences, |number| {
        let server = (number % SEQUENCES_A_SERVED_ONE == 0).then_some((&server, number));
        search(task.seed(number), 1_000, |steps| play(steps, server))
            .map_err(|finding| finding.within(&format!("sequence {number}")))
    })?;
    Ok(Report {
        did: format!(
            "{} sequences of {STEPS} steps over memory and SQLite, {} of them over PostgreSQL too",
            played.len(),
            played.len().div_ceil(SEQUENCES_A_SERVED_ONE)
        ),
        planted: planted(task)?,
    })
}

/// Plays the sequence that a seed decides.
fn search(
    seed: u64,
    shrinks: u32,
    play: impl Fn(&[Step]) -> Result<(), Mismatch>,
) -> Result<(), Finding> {
    let search = Search {
        sequences: 1,
        steps: STEPS..=STEPS,
        races: false,
        seed: Some(seed),
        shrinks,
    };
    search
        .run(play)
        .map_err(|mismatch| Finding::new(mismatch.to_string()))
}

/// Plays over memory, a file of its own and, if there is a server, over a schema of this number there.
fn play(steps: &[Step], server: Option<(&Cluster, usize)>) -> Result<(), Mismatch> {
    let directory = tempfile::tempdir().map_err(unplayable)?;
    let path = directory.path().join("refunds.db");
    watched_vfs::under(Rc::new(Hurried), || {
        let mut rig = Rig::default().beside("the file", open_twice(|| file(&path))?);
        let Some((server, number)) = server else {
            return rig.play(steps, STEPS_A_COMPARISON);
        };
        let schema = format!("model_{number}");
        let handles = open_twice(|| served(server, &schema))?;
        let played = rig
            .beside("the server", handles)
            .play(steps, STEPS_A_COMPARISON);
        // A server full of schemas is a slow one.
        let dropped = server.execute(&format!("DROP SCHEMA \"{schema}\" CASCADE"));
        played.and(dropped.map_err(unplayable))
    })
}

fn open_twice(
    open: impl Fn() -> Result<Arc<dyn Store>, Mismatch>,
) -> Result<[Arc<dyn Store>; 2], Mismatch> {
    Ok([open()?, open()?])
}

fn file(path: &Path) -> Result<Arc<dyn Store>, Mismatch> {
    Ok(Arc::new(SqliteStore::open(path).map_err(unplayable)?))
}

fn served(server: &Cluster, schema: &str) -> Result<Arc<dyn Store>, Mismatch> {
    let options = PostgresOptions::new(&server.socket_url()).map_err(unplayable)?;
    let options = options.with_schema(schema).map_err(unplayable)?;
    // The machine may be busy.
    let options = options.with_time_limit(Duration::from_mins(1));
    Ok(Arc::new(PostgresStore::open(&options).map_err(unplayable)?))
}

#[allow(clippy::needless_pass_by_value, reason = "it maps errors")]
fn unplayable(error: impl ToString) -> Mismatch {
    Mismatch::new(error.to_string())
}

/// Mistakes in the model, and stores that do something wrong: in either of two ledgers they are found.
fn planted(task: &Task) -> Result<Vec<(&'static str, Option<Finding>)>, Finding> {
    let found = |rig: &dyn Fn() -> Rig| {
        caught((0..PLANTED_SEQUENCES).map(|number| {
            search(task.seed(number), 0, |steps| {
                rig().play(steps, STEPS_A_COMPARISON)
            })
        }))
    };
    let mistaken = |mistake| found(&|| Rig::default().with_mistake(mistake));
    let faulty = |fault| {
        found(&|| {
            let store: Arc<dyn Store> = Arc::new(Faulty::new(fault));
            Rig::default().beside("the faulty store", [store.clone(), store])
        })
    };
    Ok(vec![
        ("replay that writes", mistaken(Mistake::ReplayWrites)?),
        (
            "cap that forgets deletes",
            mistaken(Mistake::CapForgetsDeletes)?,
        ),
        ("store that forgets deletes", faulty(Fault::ForgetsDeletes)?),
        ("store that forgets sums", faulty(Fault::ForgetsSums)?),
        ("store that keeps erased texts", faulty(Fault::KeepsTexts)?),
        (
            "store that finds no external id",
            faulty(Fault::FindsNoExternalId)?,
        ),
    ])
}

//! The same under a scheduler that decides at each call of the store who goes on. Each call of the store in
//! memory is one critical section, so nothing that could come in between is left out.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use refund_ledger::store::memory::MemoryStore;
use refund_ledger::store::{ReadSet, ScanRange, ScanRow, Snapshot, WriteBatch};
use refund_ledger::{
    JournalPosition, JournalRecord, Ledger, ListAfter, Page, Refund, RefundFilter, Store,
    StoreError,
};
use shuttle::scheduler::RandomScheduler;
use shuttle::{Config, Runner, thread};

use super::{Attempt, Told, check_round};
use crate::harness::{Finding, Task};
use crate::random::Random;
use crate::workload;

const THREADS: u64 = 3;

/// How many refunds each thread asks for.
const ATTEMPTS: usize = 3;

/// Of how many. Three of them are more than there is on the movement.
const EXTERNAL_IDS: usize = 4;

/// How many schedules are tried before it is looked at whether there is time for more.
const SCHEDULES_AT_ONCE: usize = 1_000;

/// Tries so many schedules over stores that `wrap` gives, as far as there is time. Gives how many.
pub(super) fn try_many(
    task: &Task,
    wrap: fn(Arc<dyn Store>) -> Arc<dyn Store>,
    seed: u64,
    schedules: usize,
) -> Result<usize, Finding> {
    let batches = schedules.div_ceil(SCHEDULES_AT_ONCE);
    let tried = task.in_parallel(batches, |batch| {
        let seed = Random::of(seed, u64::try_from(batch).unwrap_or(0)).next();
        try_some(wrap, seed)
    })?;
    if tried.iter().sum::<usize>() == 0 {
        return Err(Finding::of_harness(
            "under the scheduler nobody got in anybody's way",
        ));
    }
    Ok(tried.len() * SCHEDULES_AT_ONCE)
}

/// Gives in how many of the schedules two were told of each other's.
fn try_some(wrap: fn(Arc<dyn Store>) -> Arc<dyn Store>, seed: u64) -> Result<usize, Finding> {
    let crossed = Arc::new(Mutex::new(Ok(0)));
    let every = crossed.clone();
    let scheduler = RandomScheduler::new_from_seed(seed, SCHEDULES_AT_ONCE);
    Runner::new(scheduler, Config::new()).run(move || {
        let mut crossed = every.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(before) = *crossed {
            *crossed = try_one(wrap, seed).map(|now| before + usize::from(now));
        }
    });
    let mut crossed = crossed.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::replace(&mut *crossed, Ok(0))
}

/// Tries one schedule. Gives whether two were told of each other's.
fn try_one(wrap: fn(Arc<dyn Store>) -> Arc<dyn Store>, seed: u64) -> Result<bool, Finding> {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let scheduled = Arc::new(Scheduled(wrap(store.clone())));
    check_round(&workload::ledger(store, 0), 0, || {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let first = usize::try_from(number).unwrap_or(0) + 1;
                let ledger = workload::ledger(scheduled.clone(), first);
                thread::spawn(move || attempt(&ledger, Random::of(seed, number)))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err(Finding::new("it panicked")))
            })
            .collect()
    })
    .map(|round| round.crossed)
}

fn attempt(ledger: &Ledger, mut random: Random) -> Result<Told, Finding> {
    let mut told = Told::default();
    for _ in 0..ATTEMPTS {
        let external_id = random.below(EXTERNAL_IDS);
        let attempt = Attempt {
            round: 0,
            at: 0,
            external_id,
            cents: 3_600,
        };
        told.attempt(ledger, attempt)?;
    }
    Ok(told)
}

/// Lets the scheduler decide before each call, and keeps no lock between reading and writing.
struct Scheduled(Arc<dyn Store>);

impl Store for Scheduled {
    fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
        thread::yield_now();
        self.0.load(wanted)
    }

    fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        thread::yield_now();
        self.0.commit(batch)
    }

    fn list_refunds(
        &self,
        filter: &RefundFilter,
        after: Option<ListAfter>,
        limit: usize,
    ) -> Result<Page<Refund>, StoreError> {
        self.0.list_refunds(filter, after, limit)
    }

    fn journal(
        &self,
        after: JournalPosition,
        limit: usize,
    ) -> Result<Vec<JournalRecord>, StoreError> {
        self.0.journal(after, limit)
    }

    fn scan(
        &self,
        range: &ScanRange<'_>,
        visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> Result<JournalPosition, StoreError> {
        self.0.scan(range, visit)
    }
}

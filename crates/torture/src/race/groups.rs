//! Those who share a durable transaction of SQLite, under a scheduler that decides at each lock who goes on:
//! the ledger's own code, over a session in memory that fails, panics and forgets as it is told.
//!
//! Whoever is answered well has on the disk, by then, what he wrote and what he had read; whoever is answered
//! with an error, or panics, never has; and nobody waits for ever.

#[path = "../../../../src/store/sqlite/group.rs"]
mod group;
mod sync;

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shuttle::scheduler::RandomScheduler;
use shuttle::{Config, Runner, thread};

use self::group::{Session, Writer};
use crate::harness::{Finding, Task, caught};
use crate::random::Random;

const THREADS: usize = 4;

/// How often each of them writes.
const WRITES: usize = 2;

/// How many schedules are tried before it is looked at whether there is time for more.
const SCHEDULES_AT_ONCE: usize = 1_000;

/// A bug that must be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Planted {
    /// What a member wrote stays, though it failed.
    KeepsWhatFailed,
    /// A commit that failed is told as a good one.
    HidesFailedCommits,
    /// Whoever joins does not wait for the commit.
    AnswersBeforeTheCommit,
}

/// What commits have made durable.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<Mutex<Durable>>);

#[derive(Debug, Default)]
struct Durable {
    values: Vec<usize>,
    commits: usize,
}

impl Disk {
    fn look(&self) -> MutexGuard<'_, Durable> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn holds(&self, value: usize) -> bool {
        self.look().values.contains(&value)
    }
}

/// What is written in: a transaction holds what is not on the disk yet.
#[derive(Debug)]
struct Table {
    disk: Disk,
    open: RefCell<Option<Vec<usize>>>,
    saved: Cell<usize>,
    random: RefCell<Random>,
    planted: Option<Planted>,
}

impl Table {
    fn new(disk: Disk, random: Random, planted: Option<Planted>) -> Self {
        Self {
            disk,
            open: RefCell::default(),
            saved: Cell::new(0),
            random: RefCell::new(random),
            planted,
        }
    }

    fn fails_once_in(&self, count: usize, failure: Failure) -> Result<(), Failure> {
        thread::yield_now();
        if self.random.borrow_mut().one_in(count) {
            Err(failure)
        } else {
            Ok(())
        }
    }

    /// All that can be read in the open transaction.
    fn read(&self) -> Vec<usize> {
        let mut all = self.disk.look().values.clone();
        all.extend(self.open.borrow().iter().flatten());
        all
    }

    fn write(&self, value: usize) -> Result<(), Failure> {
        thread::yield_now();
        let mut open = self.open.borrow_mut();
        open.as_mut().ok_or(Failure::NoTransaction)?.push(value);
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    Busy,
    NoTransaction,
    TakenBack,
    Begin,
    Commit,
    Save,
    Keep,
    /// The work itself failed.
    Work,
    /// The work panicked.
    Panic,
}

impl Session for Table {
    type Failure = Failure;

    fn begin(&self, _: Duration) -> Result<(), Failure> {
        self.fails_once_in(16, Failure::Begin)?;
        let before = self.open.replace(Some(Vec::new()));
        assert!(before.is_none(), "a transaction was begun in another");
        Ok(())
    }

    fn commit(&self) -> Result<(), Failure> {
        let outcome = self.fails_once_in(8, Failure::Commit);
        if outcome.is_err() && self.planted == Some(Planted::HidesFailedCommits) {
            self.roll_back();
            return Ok(());
        }
        outcome?;
        let written = self.open.take().ok_or(Failure::NoTransaction)?;
        let mut disk = self.disk.look();
        disk.values.extend(written);
        disk.commits += 1;
        Ok(())
    }

    fn roll_back(&self) {
        self.open.take();
    }

    fn is_in_transaction(&self) -> bool {
        self.open.borrow().is_some()
    }

    fn save(&self) -> Result<(), Failure> {
        if self.planted == Some(Planted::AnswersBeforeTheCommit) {
            sync::hurry();
        }
        self.fails_once_in(32, Failure::Save)?;
        let before = self.open.borrow().as_ref().map(Vec::len);
        // SQLite would begin one, and commit it by itself.
        assert!(before.is_some(), "a member wrote in no transaction");
        self.saved.set(before.unwrap_or(0));
        Ok(())
    }

    fn keep(&self) -> Result<(), Failure> {
        self.fails_once_in(32, Failure::Keep)
    }

    fn undo(&self) {
        if self.planted == Some(Planted::KeepsWhatFailed) {
            return;
        }
        if self.random.borrow_mut().one_in(4) {
            self.roll_back();
        } else if let Some(open) = &mut *self.open.borrow_mut() {
            open.truncate(self.saved.get());
        }
    }

    fn busy() -> Failure {
        Failure::Busy
    }

    fn taken_back() -> Failure {
        Failure::TakenBack
    }
}

/// How many schedules were tried, and in how many of them some shared a commit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tried {
    pub(super) schedules: usize,
    pub(super) shared: usize,
}

/// Tries so many schedules, as far as there is time.
pub(super) fn try_many(task: &Task, seed: u64, schedules: usize) -> Result<Tried, Finding> {
    try_with(task, None, seed, schedules)
}

/// What was found where bugs were planted.
pub(super) fn try_planted(
    task: &Task,
    seed: u64,
) -> Result<Vec<(&'static str, Option<Finding>)>, Finding> {
    let bugs = [
        (
            "a member of a group whose failed writes stay",
            Planted::KeepsWhatFailed,
        ),
        (
            "a group that is not told that its commit failed",
            Planted::HidesFailedCommits,
        ),
        (
            "a member that is answered before the commit",
            Planted::AnswersBeforeTheCommit,
        ),
    ];
    let task = task.without_end();
    bugs.into_iter()
        .map(|(name, bug)| {
            let tried = try_with(&task, Some(bug), seed, SCHEDULES_AT_ONCE);
            Ok((name, caught([tried].into_iter())?))
        })
        .collect()
}

fn try_with(
    task: &Task,
    planted: Option<Planted>,
    seed: u64,
    schedules: usize,
) -> Result<Tried, Finding> {
    let batches = schedules.div_ceil(SCHEDULES_AT_ONCE);
    let tried = task.in_parallel(batches, |batch| {
        let batch = u64::try_from(batch).unwrap_or(0);
        try_some(planted, Random::of(seed, batch).next())
    })?;
    let tried = Tried {
        schedules: tried.len() * SCHEDULES_AT_ONCE,
        shared: tried.iter().sum(),
    };
    if tried.shared == 0 {
        return Err(Finding::of_harness("nobody ever shared a commit"));
    }
    Ok(tried)
}

/// Gives in how many of the schedules some shared a commit.
fn try_some(planted: Option<Planted>, seed: u64) -> Result<usize, Finding> {
    let shared = Arc::new(Mutex::new((0, Ok(0))));
    let every = shared.clone();
    let scheduler = RandomScheduler::new_from_seed(seed, SCHEDULES_AT_ONCE);
    Runner::new(scheduler, Config::new()).run(move || {
        let mut every = every.lock().unwrap_or_else(PoisonError::into_inner);
        let (number, shared) = &mut *every;
        if let Ok(before) = *shared {
            let now = try_one(planted, Random::of(seed, *number));
            *shared = now.map(|now| before + usize::from(now));
        }
        *number += 1;
    });
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::replace(&mut shared.1, Ok(0))
}

/// Tries one schedule. Gives whether some shared a commit.
fn try_one(planted: Option<Planted>, mut random: Random) -> Result<bool, Finding> {
    let disk = Disk::default();
    let table = Table::new(disk.clone(), Random::new(random.next()), planted);
    let writer = Arc::new(Writer::new(table));
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let (writer, disk) = (writer.clone(), disk.clone());
            let mut random = Random::new(random.next());
            thread::spawn(move || -> Result<Vec<Answered>, Finding> {
                (0..WRITES)
                    .map(|number| {
                        let answered = write(&writer, thread * WRITES + number, &mut random);
                        answered.check(&disk)?;
                        Ok(answered)
                    })
                    .collect()
            })
        })
        .collect();
    let mut all = Vec::new();
    for thread in threads {
        let answered = thread.join().map_err(|_| Finding::new("it panicked"))?;
        all.extend(answered?);
    }
    look_alone(&writer, Duration::MAX);
    // What failed may also have got onto the disk later.
    all.iter().try_for_each(|answered| answered.check(&disk))?;
    let disk = disk.look();
    Ok(disk.commits < disk.values.len())
}

/// What one of the threads was answered.
#[derive(Debug)]
struct Answered {
    value: usize,
    read: Vec<usize>,
    has_limit: bool,
    /// Whether it wrote, where it was answered well.
    outcome: Result<bool, Failure>,
}

impl Answered {
    fn check(&self, disk: &Disk) -> Result<(), Finding> {
        let is_there = disk.holds(self.value);
        let is_right = match self.outcome {
            Ok(wrote) => is_there == wrote && self.read.iter().all(|read| disk.holds(*read)),
            Err(Failure::Busy) => self.has_limit && !is_there,
            Err(_) => !is_there,
        };
        if is_right {
            Ok(())
        } else {
            Err(Finding::new(format!(
                "{self:?}, and on the disk is {:?}",
                disk.look().values
            )))
        }
    }
}

/// Writes a value, or fails, or panics, or only reads.
fn write(writer: &Writer<Table>, value: usize, random: &mut Random) -> Answered {
    let (mut read, mut wrote) = (Vec::new(), false);
    let fate = random.below(10);
    let has_limit = random.one_in(3);
    let limit = if has_limit {
        Duration::from_millis(1)
    } else {
        Duration::MAX
    };
    if fate == 9 {
        look_alone(writer, limit);
    }
    let work = |table: &Table| {
        read = table.read();
        thread::yield_now();
        if fate == 0 {
            return Ok(false);
        }
        table.write(value)?;
        if fate == 1 || fate == 2 {
            // As a full disk ends it.
            table.roll_back();
        }
        match fate {
            1 | 3 => Err(Failure::Work),
            // A panic, without its message.
            2 | 4 => panic::resume_unwind(Box::new(Failure::Panic)),
            _ => {
                wrote = true;
                Ok(true)
            }
        }
    };
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| writer.write(limit, work)));
    let outcome = outcome.unwrap_or_else(|panic| match panic.downcast::<Failure>() {
        Ok(failure) => Err(*failure),
        Err(other) => panic::resume_unwind(other),
    });
    Answered {
        value,
        read,
        has_limit,
        outcome: outcome.map(|()| wrote),
    }
}

/// Whoever works outside of transactions never comes between those who share one.
fn look_alone(writer: &Writer<Table>, limit: Duration) {
    let looked = writer.alone(limit, |table, _| {
        thread::yield_now();
        assert!(
            !table.is_in_transaction(),
            "someone was alone in another's transaction"
        );
        Ok::<_, Failure>(())
    });
    assert!(
        looked == Ok(()) || limit != Duration::MAX,
        "nobody limited it"
    );
}

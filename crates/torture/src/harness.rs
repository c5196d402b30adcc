//! What the harnesses share: how much they do, what they report, and how they fail.

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use refund_ledger::{LedgerError, StoreError};

use crate::random::Random;

/// What is not as it should be, in words.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) what: String,
    pub(crate) kind: Kind,
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A promise was not kept.
    Broken,
    /// The ledger refused what it should not refuse.
    Refused,
    /// The harness itself could not go on, which says nothing of the ledger.
    Harness,
}

impl Finding {
    /// A promise that was not kept.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            kind: Kind::Broken,
        }
    }

    fn refused(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            kind: Kind::Refused,
        }
    }

    pub(crate) fn of_harness(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            kind: Kind::Harness,
        }
    }

    /// The same, saying where it was found.
    pub(crate) fn within(self, place: &str) -> Self {
        Self {
            what: format!("{place}: {}", self.what),
            ..self
        }
    }
}

/// What the first of some runs with a planted bug found. A run that could not go on has caught nothing, be
/// it that the ledger refused what the bug made of its calls.
pub(crate) fn caught<T>(
    mut runs: impl Iterator<Item = Result<T, Finding>>,
) -> Result<Option<Finding>, Finding> {
    match runs.find_map(Result::err) {
        Some(finding) if finding.kind != Kind::Broken => {
            Err(Finding::of_harness(finding.what).within("with a planted bug"))
        }
        found => Ok(found),
    }
}

impl From<String> for Finding {
    fn from(what: String) -> Self {
        Self::new(what)
    }
}

impl From<LedgerError> for Finding {
    fn from(error: LedgerError) -> Self {
        Self::refused(format!("{error:?}"))
    }
}

impl From<StoreError> for Finding {
    fn from(error: StoreError) -> Self {
        Self::refused(error.to_string())
    }
}

impl From<std::io::Error> for Finding {
    fn from(error: std::io::Error) -> Self {
        Self::of_harness(error.to_string())
    }
}

impl From<postgres_cluster::Error> for Finding {
    fn from(error: postgres_cluster::Error) -> Self {
        Self::of_harness(error.to_string())
    }
}

/// How much is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Minutes, as a part of every test run.
    Quick,
    /// Days.
    Long,
}

/// What a harness is asked to do.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) scale: Scale,
    pub(crate) seed: u64,
    /// When to stop, though not all is done.
    pub(crate) deadline: Option<Instant>,
    /// Where the built programs of `fuzz/` are.
    pub(crate) fuzz_programs: Option<PathBuf>,
}

impl Task {
    pub(crate) fn scaled(&self, quick: usize, long: usize) -> usize {
        match self.scale {
            Scale::Quick => quick,
            Scale::Long => long,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.time_left() == Some(Duration::ZERO)
    }

    /// How long there is until the end; `None` where there is no end.
    pub(crate) fn time_left(&self) -> Option<Duration> {
        Some(self.deadline?.saturating_duration_since(Instant::now()))
    }

    /// The same task with its share of the time that is left, for the next of so many parts.
    pub(crate) fn next_of(&self, parts: u32) -> Self {
        let share = self.time_left().map(|left| left / parts);
        Self {
            deadline: share.and_then(|share| Instant::now().checked_add(share)),
            ..self.clone()
        }
    }

    /// The same task, to be done whole: a planted bug must be caught however late it is.
    pub(crate) fn without_end(&self) -> Self {
        Self {
            deadline: None,
            ..self.clone()
        }
    }

    /// Does work as [`in_parallel`], as much of it as there is time for, but some in any case: nothing done
    /// shows nothing.
    pub(crate) fn in_parallel<T: Send>(
        &self,
        count: usize,
        work: impl Fn(usize) -> Result<T, Finding> + Sync,
    ) -> Result<Vec<T>, Finding> {
        in_parallel_until(|| self.is_over(), count, work)
    }

    /// The seed of one of the many runs of a harness.
    pub(crate) fn seed(&self, number: usize) -> u64 {
        Random::of(self.seed, u64::try_from(number).unwrap_or(0)).next()
    }
}

/// What a harness did and did not find, and what it found where a bug was planted for it.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) did: String,
    pub(crate) planted: Vec<(&'static str, Option<Finding>)>,
}

pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Does work of so many numbers on as many threads as there are cores, up to the first finding.
pub(crate) fn in_parallel<T: Send>(
    count: usize,
    work: impl Fn(usize) -> Result<T, Finding> + Sync,
) -> Result<Vec<T>, Finding> {
    in_parallel_until(|| false, count, work)
}

fn in_parallel_until<T: Send>(
    is_over: impl Fn() -> bool + Sync,
    count: usize,
    work: impl Fn(usize) -> Result<T, Finding> + Sync,
) -> Result<Vec<T>, Finding> {
    let cores = cores();
    let next = AtomicUsize::new(0);
    let outcomes: Vec<Result<Vec<T>, Finding>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores)
            .map(|_| {
                scope.spawn(|| {
                    let mut done = Vec::new();
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= count || (number >= cores && is_over()) {
                            return Ok(done);
                        }
                        match work(number) {
                            Ok(one) => done.push(one),
                            Err(finding) => {
                                // The others need not go on.
                                next.store(count, Ordering::Relaxed);
                                return Err(finding);
                            }
                        }
                    }
                })
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| {
                worker
                    .join()
                    .unwrap_or_else(|_| Err(Finding::new("it panicked")))
            })
            .collect()
    });
    let mut all = Vec::new();
    for outcome in outcomes {
        all.extend(outcome?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails should fail loudly")]

    use std::time::{Duration, Instant};

    use super::{Finding, Scale, Task, caught, cores, in_parallel};

    fn task(deadline: Option<Instant>) -> Task {
        Task {
            scale: Scale::Quick,
            seed: 1,
            deadline,
            fuzz_programs: None,
        }
    }

    #[test]
    fn all_is_done_and_what_is_found_is_told() {
        let mut done = in_parallel(100, Ok).unwrap();
        done.sort_unstable();
        assert_eq!(done, (0..100).collect::<Vec<_>>());

        let found = in_parallel(100, |number| match number {
            50 => Err(Finding::new("the fiftieth")),
            number => Ok(number),
        });
        assert_eq!(found.unwrap_err().what, "the fiftieth");
    }

    #[test]
    fn a_panic_is_a_finding() {
        let found = in_parallel(2, |number| {
            assert!(number == 0, "planted");
            Ok(())
        });
        assert!(found.is_err());
    }

    #[test]
    fn a_run_that_could_not_go_on_caught_nothing() {
        let runs = |finding: Option<Finding>| [Ok(()), finding.map_or(Ok(()), Err)].into_iter();
        assert!(caught(runs(Some(Finding::new("found")))).unwrap().is_some());
        assert!(caught(runs(None)).unwrap().is_none());
        assert!(caught(runs(Some(Finding::of_harness("no disk")))).is_err());
        assert!(caught(runs(Some(Finding::refused("no such movement")))).is_err());
    }

    #[test]
    fn a_task_ends_in_time_and_shares_what_is_left() {
        assert!(!task(None).is_over());
        let over = task(Some(Instant::now()));
        assert!(over.is_over());
        assert_eq!(over.in_parallel(100, Ok).unwrap().len(), cores());
        assert!(!over.without_end().is_over());

        let task = task(Instant::now().checked_add(Duration::from_mins(10)));
        let share = task.next_of(5).time_left().unwrap();
        assert!(share <= Duration::from_mins(2) && share > Duration::from_mins(1));
    }

    #[test]
    fn each_number_has_a_seed_of_its_own_and_always_the_same() {
        let task = task(None);
        assert_ne!(task.seed(0), task.seed(1));
        assert_eq!(task.seed(1), task.clone().seed(1));
    }
}

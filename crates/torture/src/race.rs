//! Many who want the same: threads and processes book on few movements, under few external ids, more than
//! there is; and over the store in memory a scheduler decides who goes on at each call of the store.
//!
//! At the end of each round no movement has given back more than was charged, no external id was booked
//! twice, all who asked for one got the same refund, and the ledger is valid. And they did get in each
//! other's way: some were refused more than there was, and some were told of what others had booked.
//!
//! The planted bug breaks ledgers in memory and in a file. On a server it does not: the primary key of its
//! journal (one entry for each sequence of a movement's chain) and the index of external ids refuse what
//! loses a race, which is then decided anew. That is a second line behind the preconditions, so nothing is
//! planted there.
//!
//! Those who share one commit of SQLite are put under the scheduler too, at each of their locks: see `groups`.

mod groups;
mod processes;
mod schedules;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use refund_ledger::store::memory::MemoryStore;
use refund_ledger::store::postgres::{PostgresOptions, PostgresStore};
use refund_ledger::store::sqlite::SqliteStore;
use refund_ledger::store::{ReadSet, ScanRange, ScanRow, Snapshot, WriteBatch};
use refund_ledger::{
    Command, ErrorCode, Id, JournalPosition, JournalRecord, Ledger, ListAfter, MovementKey, Page,
    Refund, RefundFilter, RefundId, Store, StoreError,
};

use crate::harness::{Finding, Report, Task, caught};
use crate::random::Random;
use crate::workload::command;

pub(crate) use processes::Attempting;

const THREADS: usize = 8;

/// How many attempts each thread makes before what came of them is looked at.
const ATTEMPTS_A_ROUND: usize = 125;

/// A round's movements, and what was charged on each, in cents.
const MOVEMENTS: usize = 2;
const CHARGED: usize = 10_000;

/// How many external ids all share in a round.
const EXTERNAL_IDS: usize = 60;

/// How many schedules of group commits a quick run tries.
const GROUP_SCHEDULES_QUICK: usize = 30_000;

pub(crate) fn run(task: &Task) -> Result<Report, Finding> {
    let attempts = task.scaled(1_000_000, 100_000_000);
    // Most where they cost least.
    let (on_server, in_file) = (attempts / 50, attempts / 10);
    let in_memory = attempts - on_server - in_file;
    let schedules = task.scaled(20_000, 2_000_000);
    let folder = tempfile::tempdir()?;
    let server = postgres_cluster::Cluster::start()?;
    let memory_raced = race(&task.next_of(5), &memory, task.seed(0), in_memory)?;
    let file_raced = race(
        &task.next_of(4),
        &|number| file(folder.path(), number),
        task.seed(1),
        in_file,
    )?;
    let server_raced = race(
        &task.next_of(3),
        &|number| schema(&server.socket_url(), number),
        task.seed(2),
        on_server,
    )?;
    let [by_file, by_server] =
        processes::race(&task.next_of(2), &server, task.seed(4), attempts / 50)?;
    let all = [
        ("memory", memory_raced),
        ("SQLite", file_raced),
        ("PostgreSQL", server_raced),
        ("processes over SQLite", by_file),
        ("processes over PostgreSQL", by_server),
    ];
    for (place, raced) in all {
        raced.must_have_mattered(place)?;
    }
    let schedules = schedules::try_many(task, |store| store, task.seed(5), schedules)?;
    let groups = task.scaled(GROUP_SCHEDULES_QUICK, 100 * GROUP_SCHEDULES_QUICK);
    let groups = groups::try_many(task, task.seed(7), groups)?;
    let unlocked = |number| Ok(Arc::new(Unlocked(memory(number)?)) as Arc<dyn Store>);
    let planted =
        caught([race(&task.without_end(), &unlocked, task.seed(3), 100_000)].into_iter())?;
    let planted_folder = tempfile::tempdir()?;
    let unlocked =
        |number| Ok(Arc::new(Unlocked(file(planted_folder.path(), number)?)) as Arc<dyn Store>);
    let planted_in_file =
        caught([race(&task.without_end(), &unlocked, task.seed(3), 100_000)].into_iter())?;
    let planted_schedules = schedules::try_many(
        &task.without_end(),
        |store| Arc::new(Unlocked(store)),
        task.seed(6),
        1_000,
    );
    let planted_schedules = caught([planted_schedules].into_iter())?;
    let mut planted = vec![
        ("check-then-insert outside the transaction", planted),
        ("the same over SQLite", planted_in_file),
        ("the same in memory under a scheduler", planted_schedules),
    ];
    planted.extend(groups::try_planted(task, task.seed(8))?);
    let sum = |count: fn(&Raced) -> usize| all.iter().map(|(_, raced)| count(raced)).sum::<usize>();
    Ok(Report {
        did: format!(
            "{} attempts by {THREADS} threads ({} in memory, {} over SQLite, {} over PostgreSQL) and {} by {} processes, {} of them booked, {} replayed, {} refused for want of money and {} because there were too many at once; in {} of {} rounds two were told of each other's; {schedules} schedules in memory, and {} of group commits, in {} of them some shared one",
            memory_raced.attempts + file_raced.attempts + server_raced.attempts,
            memory_raced.attempts,
            file_raced.attempts,
            server_raced.attempts,
            by_file.attempts + by_server.attempts,
            processes::PROCESSES,
            sum(|raced| raced.booked),
            sum(|raced| raced.replayed),
            sum(|raced| raced.refused),
            sum(|raced| raced.unclear),
            sum(|raced| raced.crossed),
            sum(|raced| raced.rounds),
            groups.schedules,
            groups.shared,
        ),
        planted,
    })
}

/// How many rounds one ledger sees.
const ROUNDS_A_LEDGER: usize = 20;

#[allow(clippy::unnecessary_wraps, reason = "as the others, which can fail")]
fn memory(_: usize) -> Result<Arc<dyn Store>, Finding> {
    Ok(Arc::new(MemoryStore::new()))
}

fn file(folder: &Path, number: usize) -> Result<Arc<dyn Store>, Finding> {
    Ok(Arc::new(SqliteStore::open(
        &folder.join(format!("{number}.db")),
    )?))
}

fn schema(url: &str, number: usize) -> Result<Arc<dyn Store>, Finding> {
    let options = PostgresOptions::new(url)?
        .with_schema(&format!("race_{number}"))?
        .with_connections_max(THREADS);
    Ok(Arc::new(PostgresStore::open(&options)?))
}

/// How many attempts were made, and what came of them.
#[derive(Clone, Copy, Debug, Default)]
struct Raced {
    attempts: usize,
    rounds: usize,
    booked: usize,
    /// How often somebody was told of a refund that was booked already.
    replayed: usize,
    /// How often there was no money left.
    refused: usize,
    /// How often there were too many at once.
    unclear: usize,
    /// In how many rounds two were each told of what the other had booked, as they are not one after the other.
    crossed: usize,
}

impl Raced {
    fn add(&mut self, attempts: usize, round: &Round) {
        self.attempts += attempts;
        self.rounds += 1;
        self.booked += round.ids.len();
        self.replayed += round.replayed;
        self.refused += round.refused;
        self.unclear += round.unclear;
        self.crossed += usize::from(round.crossed);
    }

    /// Where nobody came in between, nothing was shown.
    fn must_have_mattered(&self, place: &str) -> Result<(), Finding> {
        if self.crossed > 0 && self.refused > 0 {
            Ok(())
        } else {
            Err(Finding::of_harness(format!(
                "{place}: nobody got in anybody's way: {self:?}"
            )))
        }
    }
}

/// Has threads race until so many attempts are made.
fn race(
    task: &Task,
    open: &dyn Fn(usize) -> Result<Arc<dyn Store>, Finding>,
    seed: u64,
    attempts: usize,
) -> Result<Raced, Finding> {
    let mut raced = Raced::default();
    let mut ledger = Ledger::with_system_host(open(0)?);
    for round in 0..attempts.div_ceil(THREADS * ATTEMPTS_A_ROUND) {
        if round > 0 && task.is_over() {
            break;
        }
        if round % ROUNDS_A_LEDGER == 0 && round > 0 {
            ledger = Ledger::with_system_host(open(round / ROUNDS_A_LEDGER)?);
        }
        let told = race_once(&ledger, seed, round)
            .map_err(|finding| finding.within(&format!("round {round}")))?;
        raced.add(THREADS * ATTEMPTS_A_ROUND, &told);
    }
    Ok(raced)
}

/// Notes that an external id is this refund's; it must not be another's.
fn note(
    ids: &mut BTreeMap<usize, RefundId>,
    external_id: usize,
    id: RefundId,
) -> Result<(), Finding> {
    let known = *ids.entry(external_id).or_insert(id);
    if known == id {
        Ok(())
    } else {
        Err(Finding::new(format!(
            "external id {external_id} was booked as {known} and as {id}"
        )))
    }
}

/// What one of those that race was told.
#[derive(Clone, Debug, Default)]
struct Told {
    /// The refunds, by the number of their external id.
    ids: BTreeMap<usize, RefundId>,
    /// The external ids that it booked itself.
    booked: BTreeSet<usize>,
    /// How often it was of a refund that was booked already.
    replayed: usize,
    /// How often it was that there is no money left.
    refused: usize,
    /// On each movement, the least that there was no money left for.
    refused_from: BTreeMap<usize, usize>,
    /// How often there were too many at once: nothing was booked, or it is replayed when it comes again.
    unclear: usize,
}

/// One attempt at a refund, by the numbers of its movement and its external id.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    round: usize,
    at: usize,
    external_id: usize,
    cents: usize,
}

/// What all of them were told in a round.
#[derive(Debug, Default)]
struct Round {
    ids: BTreeMap<usize, RefundId>,
    replayed: usize,
    refused: usize,
    unclear: usize,
    crossed: bool,
}

impl Round {
    /// Puts together what each was told; for all, an external id is the same refund, which one of them booked.
    fn of(all: &[Told]) -> Result<Self, Finding> {
        let mut round = Self::default();
        let mut bookers = BTreeMap::new();
        for (number, told) in all.iter().enumerate() {
            for (external_id, id) in &told.ids {
                note(&mut round.ids, *external_id, *id)?;
            }
            for external_id in &told.booked {
                if let Some(other) = bookers.insert(*external_id, number) {
                    return Err(Finding::new(format!(
                        "external id {external_id} was booked by {other} and by {number}"
                    )));
                }
            }
            round.replayed += told.replayed;
            round.refused += told.refused;
            round.unclear += told.unclear;
        }
        let was_told = |number: usize| {
            let ids = all[number].ids.keys();
            ids.filter_map(|id| bookers.get(id).copied())
        };
        round.crossed = (0..all.len()).any(|number| {
            was_told(number)
                .any(|other| other > number && was_told(other).any(|back| back == number))
        });
        Ok(round)
    }
}

impl Told {
    /// Makes an attempt.
    fn attempt(&mut self, ledger: &Ledger, attempt: Attempt) -> Result<(), Finding> {
        let Attempt {
            at,
            external_id,
            cents,
            ..
        } = attempt;
        match ledger.execute(&create(attempt)) {
            Ok(receipt) => {
                let id = receipt.refund_id;
                let id = id.ok_or_else(|| Finding::new("no id was told"))?;
                if receipt.replayed {
                    self.replayed += 1;
                } else if !self.booked.insert(external_id) {
                    return Err(Finding::new(format!(
                        "external id {external_id} was booked twice"
                    )));
                }
                note(&mut self.ids, external_id, id)
            }
            Err(error) if error.code() == ErrorCode::OverRefund => {
                self.refused += 1;
                let least = self.refused_from.entry(at).or_insert(cents);
                *least = cents.min(*least);
                Ok(())
            }
            Err(error) if error.is_retryable() => {
                self.unclear += 1;
                Ok(())
            }
            Err(error) => Err(Finding::from(error).within(&format!(
                "external id {external_id} was neither booked nor refused for want of money"
            ))),
        }
    }
}

fn race_once(ledger: &Ledger, seed: u64, round: usize) -> Result<Round, Finding> {
    check_round(ledger, round, || {
        thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|thread| scope.spawn(move || attempt(ledger, seed, round, thread)))
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
    })
}

/// Records the movements of a round, has it raced, and looks at what came of it. Gives what all were told.
fn check_round(
    ledger: &Ledger,
    round: usize,
    race: impl FnOnce() -> Vec<Result<Told, Finding>>,
) -> Result<Round, Finding> {
    for at in 0..MOVEMENTS {
        ledger.execute(&record(round, at))?;
    }
    let told: Result<Vec<Told>, Finding> = race().into_iter().collect();
    let told = told?;
    let all = Round::of(&told)?;
    let mut there = BTreeSet::new();
    for at in 0..MOVEMENTS {
        let key = key(round, at);
        let balance = ledger.balance(&key)?;
        if balance.refunded.with > balance.amount.with {
            return Err(Finding::new(format!(
                "more was refunded than charged: {balance:?}"
            )));
        }
        let left = usize::try_from(balance.amount.with - balance.refunded.with).unwrap_or(0);
        let refused = told.iter().filter_map(|told| told.refused_from.get(&at));
        if let Some(cents) = refused.min().filter(|cents| **cents <= left) {
            return Err(Finding::new(format!(
                "{cents} cents were refused for want of money, and {left} are left"
            )));
        }
        let of_movement = RefundFilter {
            org: Some(key.org()),
            subscription: Some(Id::new(key.subscription_id())?),
            movement: Some(Id::new(key.movement_id())?),
            ..RefundFilter::default()
        };
        for refund in ledger.refunds(of_movement) {
            there.insert(refund?.id);
        }
    }
    let answered: BTreeSet<RefundId> = all.ids.values().copied().collect();
    // Of a refund that nobody was told of, somebody must have been told that it is unclear.
    if !answered.is_subset(&there) || (all.unclear == 0 && answered != there) {
        return Err(Finding::new(format!(
            "{} refunds were told of, and {} are there",
            answered.len(),
            there.len()
        )));
    }
    let report = ledger.verify(None)?;
    if !report.is_valid() {
        return Err(Finding::new(format!("it is not valid: {report:?}")));
    }
    Ok(all)
}

/// Makes the attempts of one of those that race.
fn attempt(ledger: &Ledger, seed: u64, round: usize, thread: usize) -> Result<Told, Finding> {
    let mut random = Random::of(seed, u64::try_from(round * THREADS + thread).unwrap_or(0));
    let mut told = Told::default();
    for _ in 0..ATTEMPTS_A_ROUND {
        let external_id = random.below(EXTERNAL_IDS);
        // An external id always asks for the same: all of them together for more than was charged.
        let (at, cents) = (external_id % MOVEMENTS, 150 + 7 * external_id);
        told.attempt(
            ledger,
            Attempt {
                round,
                at,
                external_id,
                cents,
            },
        )?;
    }
    Ok(told)
}

fn key(round: usize, at: usize) -> MovementKey {
    let key = MovementKey::new("acme", "sub-7", &format!("mov-{round}-{at}"));
    key.unwrap_or_else(|error| unreachable!("{error}"))
}

fn record(round: usize, at: usize) -> Command {
    let value = CHARGED / 100;
    command(&format!(
        r#"{{"op":"record_movement","org_id":"acme","subscription_id":"sub-7","movement_id":"mov-{round}-{at}","body":{{"currency":"EUR","occurred_at":"2022-02-01T00:00:00Z","amount":{{"value_with_taxes":{value}}},"description":"February"}}}}"#
    ))
}

/// A refund on a movement of a round.
fn create(attempt: Attempt) -> Command {
    let Attempt {
        round,
        at,
        external_id,
        cents,
    } = attempt;
    command(&format!(
        r#"{{"op":"create_refund","org_id":"acme","subscription_id":"sub-7","movement_id":"mov-{round}-{at}","body":{{"refund_datetime":"2022-02-24T13:45:10Z","amount":{{"value_with_taxes":{}.{:02}}},"external_refund_unique_id":"ref-{round}-{external_id}","billable":false,"description":"Two days"}}}}"#,
        cents / 100,
        cents % 100
    ))
}

/// The planted bug: what was checked is not checked again where it is written.
struct Unlocked(Arc<dyn Store>);

impl Store for Unlocked {
    fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
        self.0.load(wanted)
    }

    fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        let unchecked = WriteBatch {
            preconditions: Vec::new(),
            ..batch.clone()
        };
        self.0.commit(&unchecked)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails should fail loudly")]

    use refund_ledger::Ledger;

    use super::{Attempt, Raced, Round, Told, check_round, memory};
    use crate::harness::{Finding, Kind};

    /// A round in memory in which those who race ask for these external ids, in this order.
    fn round(asked: &[(usize, usize)]) -> Result<Round, Finding> {
        let ledger = Ledger::with_system_host(memory(0)?);
        check_round(&ledger, 0, || {
            let mut all = [Told::default(), Told::default()];
            for (who, external_id) in asked {
                let attempt = Attempt {
                    round: 0,
                    at: 0,
                    external_id: *external_id,
                    cents: 3_600,
                };
                all[*who].attempt(&ledger, attempt).unwrap();
            }
            all.into_iter().map(Ok).collect()
        })
    }

    #[test]
    fn who_comes_one_after_the_other_has_not_raced() {
        let one_after_the_other = [(0, 1), (0, 2), (0, 1), (1, 1), (1, 2), (1, 3)];
        let alone = round(&one_after_the_other).unwrap();
        assert!(!alone.crossed && alone.replayed > 0 && alone.refused > 0);
        let mut raced = Raced::default();
        raced.add(6, &alone);
        assert_eq!(
            raced.must_have_mattered("memory").unwrap_err().kind,
            Kind::Harness
        );

        let crossed = round(&[(0, 1), (1, 2), (0, 2), (1, 1), (0, 3)]).unwrap();
        raced.add(5, &crossed);
        assert!(raced.must_have_mattered("memory").is_ok());
    }

    #[test]
    fn an_external_id_is_booked_by_one() {
        let told = |booked: bool| Told {
            booked: booked.then_some(1).into_iter().collect(),
            ..Told::default()
        };
        assert!(Round::of(&[told(true), told(false)]).is_ok());
        assert!(Round::of(&[told(true), told(true)]).is_err());
    }
}

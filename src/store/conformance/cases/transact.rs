//! `transact`: load, decide and commit as one.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::amount::Values;
use crate::command::Command;
use crate::id::MovementKey;
use crate::ledger::Ledger;
use crate::store::conformance::desk::{Desk, cents, create, movement, read_set, record, standard};
use crate::store::conformance::view::{Contents, holds, load_movement, refunded, verifies};
use crate::store::conformance::{Failure, Fixture};
use crate::store::{Loaded, Precondition, ReadSet, Store, StoreError, WriteBatch};
use crate::{LedgerError, RefundContent};

/// Decides on what is there, whoever put it there, and commits what was decided.
pub(in crate::store::conformance) fn decides_on_the_current_state(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desks = [Desk::numbered(fixture, 1), Desk::numbered(fixture, 2)];
    let key = movement("m");
    desks[0].book(&[record(&key)])?;
    for round in 0..6_usize {
        let desk = &desks[round % 2];
        let commands = [create(&key, standard(&format!("ext-{round}")))];
        let mut decided = WriteBatch::default();
        let mut lengths = Vec::new();
        desk.store.transact(&read_set(&commands), &mut |snapshot| {
            if let Loaded::Present(movement) = snapshot.movement(&key) {
                lengths.push(movement.chain.length);
            }
            decided = desk.decide_on(&commands, snapshot).1;
            decided.clone()
        })?;
        let length = u64::try_from(round).unwrap_or(0) + 1;
        equal!(
            lengths,
            vec![length],
            "what a decision sees of the movement's chain"
        );
        holds(&*desk.store, &decided)?;
        holds(&*desks[(round + 1) % 2].store, &decided)?;
    }
    Ok(())
}

/// A decision to write nothing writes nothing.
pub(in crate::store::conformance) fn writes_nothing_for_an_empty_batch(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    desk.book(&[record(&key)])?;
    let before = Contents::of(&*desk.store)?;
    for wanted in [ReadSet::default(), read_set(&[record(&key)])] {
        let mut calls = 0_u32;
        desk.store.transact(&wanted, &mut |_| {
            calls += 1;
            WriteBatch::default()
        })?;
        equal!(
            calls,
            1,
            "how often a decision to write nothing is asked for"
        );
    }
    before.unchanged(&*desk.store, "a decision wrote nothing")
}

/// A batch that can never be applied is given up as a conflict.
pub(in crate::store::conformance) fn gives_up_on_a_batch_that_always_conflicts(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    desk.book(&[record(&key)])?;
    let mut batch = desk.plan(&[create(&key, standard("ext"))])?;
    batch.preconditions.push(Precondition::MovementAt {
        movement: movement("never"),
        version: 7,
    });
    let before = Contents::of(&*desk.store)?;
    let mut calls = 0_u32;
    let answer = desk.store.transact(&read_set(&[record(&key)]), &mut |_| {
        calls += 1;
        batch.clone()
    });
    before.unchanged(&*desk.store, "the batch's preconditions never held")?;
    equal!(
        answer,
        Err(StoreError::Conflict),
        "the answer to a batch that always conflicts"
    );
    ensure!(
        calls <= 1_000,
        "the store decided {calls} times; the number must be bounded"
    );
    Ok(())
}

/// A decision that panics writes nothing, and the store goes on.
pub(in crate::store::conformance) fn survives_a_decision_that_panics(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    desk.book(&[record(&key)])?;
    let before = Contents::of(&*desk.store)?;
    for _ in 0..2 {
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| {
            desk.store.transact(&read_set(&[record(&key)]), &mut |_| {
                // Unlike `panic!`, this prints nothing.
                std::panic::resume_unwind(Box::new("a decision that panics"))
            })
        }));
        ensure!(
            outcome.is_err(),
            "a panic in a decision must reach the caller"
        );
        before.unchanged(&*desk.store, "a decision panicked")?;
    }
    let commands = [create(&key, standard("a"))];
    desk.store.transact(&read_set(&commands), &mut |snapshot| {
        desk.decide_on(&commands, snapshot).1
    })?;
    let other = Desk::numbered(fixture, 2);
    other.book(&[create(&key, standard("b"))])?;
    let two = (
        Values {
            with: 200,
            without: 200,
        },
        2,
    );
    equal!(
        refunded(&*desk.store, &key)?,
        two,
        "both handles write after the panic"
    );
    verifies(&desk.store)
}

/// As a visitor that panics.
pub(in crate::store::conformance) fn survives_a_visitor_that_panics(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    desk.book(&[record(&key)])?;
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| {
        desk.store
            .scan(&crate::store::ScanRange::default(), &mut |_| {
                std::panic::resume_unwind(Box::new("a visitor that panics"))
            })
    }));
    ensure!(
        outcome.is_err(),
        "a panic in a scan's visitor must reach the caller"
    );
    holds(&*desk.store, &desk.book(&[create(&key, standard("a"))])?)?;
    verifies(&fixture.handle())
}

/// What a caller does: the same request again while the answer says that it may succeed.
fn insist(ledger: &Ledger, command: &Command) -> Result<crate::Receipt, LedgerError> {
    for _ in 0..10_000 {
        match ledger.execute(command) {
            Err(error) if error.is_retryable() => std::thread::yield_now(),
            answer => return answer,
        }
    }
    ledger.execute(command)
}

const REFUNDS: usize = 40;

/// Keeps two threads abreast, round by round, so that they race in each. One that ends, however
/// it ends, holds up nobody.
#[derive(Default)]
struct Pace([AtomicUsize; 2]);

struct Runner<'a> {
    pace: &'a Pace,
    number: usize,
}

impl Runner<'_> {
    fn begin(&self, round: usize) {
        self.pace.0[self.number].store(round, Ordering::Release);
        while self.pace.0[1 - self.number].load(Ordering::Acquire) < round {
            std::thread::yield_now();
        }
    }
}

impl Drop for Runner<'_> {
    fn drop(&mut self) {
        self.pace.0[self.number].store(usize::MAX, Ordering::Release);
    }
}

/// Two ledgers at once, `REFUNDS` refunds each on one movement: none is lost.
pub(super) fn race(ledgers: &[Ledger; 2], key: &MovementKey) -> Result<(), Failure> {
    let store = ledgers[0].store().clone();
    let pace = &Pace::default();
    std::thread::scope(|scope| {
        let racing: Vec<_> = ledgers
            .iter()
            .enumerate()
            .map(|(number, ledger)| {
                let runner = Runner { pace, number };
                scope.spawn(move || {
                    (0..REFUNDS).try_for_each(|at| {
                        runner.begin(at);
                        let content = standard(&format!("ext-{number}-{at}"));
                        insist(ledger, &create(key, content)).map(|_| ())
                    })
                })
            })
            .collect();
        for racer in racing {
            racer
                .join()
                .map_err(|_| Failure::new("a writer panicked"))??;
        }
        Ok::<(), Failure>(())
    })?;
    let count = 2 * REFUNDS;
    let sum = i64::try_from(count).unwrap_or(0) * 100;
    equal!(
        refunded(&*store, key)?,
        (
            Values {
                with: sum,
                without: sum
            },
            u32::try_from(count).unwrap_or(0)
        ),
        "two handles booked {REFUNDS} refunds each at once; an update was lost"
    );
    let length = load_movement(&*store, key)?.map(|movement| movement.chain.length);
    equal!(
        length,
        Some(u64::try_from(count).unwrap_or(0) + 1),
        "the length of the chain"
    );
    verifies(&store)
}

/// Load, decide and commit let nobody in between.
pub(in crate::store::conformance) fn loses_nothing_of_two_racing_handles(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let (one, two) = (Desk::numbered(fixture, 1), Desk::numbered(fixture, 2));
    let key = movement("m");
    one.book(&[record(&key)])?;
    race(&[one.ledger(), two.ledger()], &key)
}

/// One handle shared by two threads is no different.
pub(in crate::store::conformance) fn loses_nothing_of_two_threads_on_one_handle(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    desk.book(&[record(&key)])?;
    race(&[desk.ledger(), desk.ledger()], &key)
}

/// Racing for the rest of a movement never takes more than there is.
pub(in crate::store::conformance) fn never_passes_the_cap_in_a_race(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desks = [Desk::numbered(fixture, 1), Desk::numbered(fixture, 2)];
    let key = movement("m");
    desks[0].book(&[record(&key)])?;
    let ledgers = [desks[0].ledger(), desks[1].ledger()];
    let pace = &Pace::default();
    let booked: usize = std::thread::scope(|scope| {
        let racing: Vec<_> = ledgers
            .iter()
            .enumerate()
            .map(|(number, ledger)| {
                let key = &key;
                let runner = Runner { pace, number };
                scope.spawn(move || {
                    // 1,000.00 in refunds of 70.00: fourteen fit.
                    (0..12)
                        .filter(|at| {
                            runner.begin(*at);
                            let content = RefundContent {
                                amount: cents(7_000),
                                ..standard(&format!("ext-{number}-{at}"))
                            };
                            insist(ledger, &create(key, content)).is_ok()
                        })
                        .count()
                })
            })
            .collect();
        racing
            .into_iter()
            .map(|racer| racer.join().unwrap_or(0))
            .sum()
    });
    equal!(
        booked,
        14,
        "how many of 24 refunds of 70.00 fit into 1,000.00"
    );
    let all = (
        Values {
            with: 98_000,
            without: 98_000,
        },
        14,
    );
    equal!(
        refunded(&*desks[0].store, &key)?,
        all,
        "the sums of what was booked"
    );
    verifies(&desks[0].store)
}

/// Two who book the same external id at once book it once, whatever movement they refund.
pub(in crate::store::conformance) fn books_an_external_id_once_in_a_race(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desks = [Desk::numbered(fixture, 1), Desk::numbered(fixture, 2)];
    let keys = [movement("one"), movement("two")];
    desks[0].book(&[record(&keys[0]), record(&keys[1])])?;
    let ledgers = [desks[0].ledger(), desks[1].ledger()];
    for round in 0..20 {
        let content = standard(&format!("ext-{round}"));
        let answers = std::thread::scope(|scope| {
            let racing: Vec<_> = ledgers
                .iter()
                .zip(&keys)
                .map(|(ledger, key)| {
                    let command = create(key, content.clone());
                    scope.spawn(move || insist(ledger, &command))
                })
                .collect();
            racing
                .into_iter()
                .map(|racer| racer.join().map_err(|_| Failure::new("a writer panicked")))
                .collect::<Result<Vec<_>, _>>()
        })?;
        let booked = answers.iter().filter(|answer| answer.is_ok()).count();
        equal!(
            booked,
            1,
            "how many of two racing creates with one external id are booked"
        );
    }
    let count: u32 =
        refunded(&*desks[0].store, &keys[0])?.1 + refunded(&*desks[0].store, &keys[1])?.1;
    equal!(count, 20, "how many refunds there are after twenty races");
    verifies(&desks[0].store)
}

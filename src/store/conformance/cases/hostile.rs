//! What comes of it when the store, or the way to it, fails: around the store stand the wrappers
//! of [`crate::store::conformance::wrappers`].

use std::sync::Arc;

use crate::amount::Values;
use crate::command::Command;
use crate::error::{ErrorCode, LedgerError};
use crate::id::MovementKey;
use crate::ledger::{Atomicity, Batch, Ledger};
use crate::store::conformance::cases::transact::race;
use crate::store::conformance::desk::{
    Desk, cents, create, create_keyed, delete, erase, movement, named, products, record, standard,
    text, update,
};
use crate::store::conformance::view::{Contents, refunded, verifies};
use crate::store::conformance::wrappers::{
    Contended, Disconnecting, Failing, Interference, Interrupted, Lost, LostDuring, WithoutTransact,
};
use crate::store::conformance::{Failure, Fixture};
use crate::store::{ATTEMPTS_MAX, RefundLookup, Store, StoreError};
use crate::{Receipt, RefundContent, Repeats, Verdict};

/// The movement has exactly this many refunds of 1.00, and everything verifies.
fn booked(desk: &Desk, key: &MovementKey, count: u32, because: &str) -> Result<(), Failure> {
    let sum = i64::from(count) * 100;
    let wanted = (
        Values {
            with: sum,
            without: sum,
        },
        count,
    );
    equal!(
        refunded(&*desk.store, key)?,
        wanted,
        "{because}: the movement's live refunds"
    );
    verifies(&desk.store)
}

/// The receipt names a refund that the store holds.
fn is_stored(ledger: &Ledger, key: &MovementKey, receipt: &Receipt) -> Result<(), Failure> {
    let id = receipt
        .refund_id
        .ok_or_else(|| Failure::new("the receipt of a create must name its refund"))?;
    ledger
        .refund(key, RefundLookup::Id(id))
        .map(|_| ())
        .map_err(|error| {
            Failure::new(format!(
                "the receipt names refund {id}, which can't be read back: {error}"
            ))
        })
}

/// Conflicts are retried a bounded number of times, and then booked once or not at all.
pub(in crate::store::conformance) fn books_once_after_conflicts_on_commit(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    desk.book(&[record(&key)])?;
    let bound = u64::from(ATTEMPTS_MAX);
    let mut count = 0;
    for conflicts in [1, 2, bound - 1] {
        for command in [
            create(&key, standard(&format!("ext-{conflicts}"))),
            create(&key, products(None)),
        ] {
            let contended = Arc::new(Contended::new(Arc::clone(&desk.store), conflicts));
            let ledger = desk.ledger_over(contended);
            let receipt = ledger.execute(&command)?;
            count += 1;
            is_stored(&ledger, &key, &receipt)?;
            booked(
                &desk,
                &key,
                count,
                &format!("{conflicts} commits conflicted"),
            )?;
        }
    }
    let before = Contents::of(&*desk.store)?;
    let command = create(&key, standard("late"));
    let contended = Arc::new(Contended::new(Arc::clone(&desk.store), bound));
    let ledger = desk.ledger_over(contended);
    let answer = ledger.execute(&command);
    equal!(
        answer.as_ref().map_err(LedgerError::code),
        Err(ErrorCode::Timeout),
        "the answer once {bound} commits conflicted"
    );
    before.unchanged(&*desk.store, "every attempt conflicted")?;
    ledger.execute(&command)?;
    booked(&desk, &key, count + 1, "the caller tried again")
}

/// Whoever writes between load and commit is seen by the next attempt.
pub(in crate::store::conformance) fn decides_anew_when_others_were_faster(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let key = movement("m");
    let setup = Desk::new(fixture);
    setup.book(&[record(&key)])?;
    let over = |rival: Command, number: u16| {
        let desk = Desk::numbered(fixture, number);
        let other = Desk::numbered(fixture, number + 1);
        let interfere: Interference = Box::new(move || {
            let _answer = other.ledger().execute(&rival);
        });
        desk.ledger_over(Arc::new(Interrupted::new(
            Arc::clone(&desk.store),
            interfere,
        )))
    };
    let receipt =
        over(create(&key, standard("rival")), 10).execute(&create(&key, standard("ours")))?;
    is_stored(&setup.ledger(), &key, &receipt)?;
    booked(
        &setup,
        &key,
        2,
        "a rival booked a refund between load and commit",
    )?;

    let receipt =
        over(create(&key, standard("same")), 20).execute(&create(&key, standard("same")))?;
    ensure!(
        receipt.replayed,
        "the rival booked the same external id: ours must be a replay"
    );
    booked(
        &setup,
        &key,
        3,
        "a rival booked the same external id between load and commit",
    )?;

    let rest = |name: &str| RefundContent {
        amount: cents(99_700),
        ..standard(name)
    };
    let answer = over(create(&key, rest("rest")), 30).execute(&create(&key, rest("too much")));
    equal!(
        answer.as_ref().map_err(LedgerError::code),
        Err(ErrorCode::OverRefund),
        "the rival took what was left between load and commit"
    );
    verifies(&setup.store)
}

/// A wrapper that forgets `transact` is slower, not wrong.
pub(in crate::store::conformance) fn loses_nothing_without_transact(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let (one, two) = (Desk::numbered(fixture, 1), Desk::numbered(fixture, 2));
    let key = movement("m");
    one.book(&[record(&key)])?;
    let over =
        |desk: &Desk| desk.ledger_over(Arc::new(WithoutTransact::new(Arc::clone(&desk.store))));
    race(&[over(&one), over(&two)], &key)
}

/// As with one that forgets it and one that does not.
pub(in crate::store::conformance) fn loses_nothing_where_one_of_two_lacks_transact(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let (one, two) = (Desk::numbered(fixture, 1), Desk::numbered(fixture, 2));
    let key = movement("m");
    one.book(&[record(&key)])?;
    let forgetful = one.ledger_over(Arc::new(WithoutTransact::new(Arc::clone(&one.store))));
    race(&[forgetful, two.ledger()], &key)
}

/// What the failing calls are tried with: each must write something.
fn operations(key: &MovementKey) -> Vec<(&'static str, Vec<Command>)> {
    let less = RefundContent {
        amount: cents(50),
        description: text("less"),
        ..standard("old")
    };
    vec![
        ("record", vec![record(&movement("new"))]),
        ("create", vec![create(key, standard("new"))]),
        ("create by key", vec![create_keyed(key, "new key")]),
        ("update", vec![update(key, named("old"), less)]),
        ("erase", vec![erase(key, Some(named("old")))]),
        ("delete", vec![delete(key, named("old"))]),
        (
            "batch",
            vec![
                record(&movement("batch")),
                create(&movement("batch"), standard("batch")),
                create(key, standard("batch too")),
            ],
        ),
    ]
}

/// Whichever call fails, nothing is half written and nothing is acknowledged that is not there;
/// the retry books it once.
pub(in crate::store::conformance) fn writes_all_or_nothing_whichever_call_fails(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    desk.book(&[record(&key), create(&key, standard("old"))])?;
    let errors = [
        StoreError::Busy,
        StoreError::Unavailable {
            reason: "unplugged".into(),
        },
        StoreError::Failed {
            reason: "the disk is full".into(),
        },
    ];
    for (what, commands) in operations(&key) {
        let mut fails_at = 1;
        loop {
            let before = Contents::of(&*desk.store)?;
            let error = errors[usize::try_from(fails_at).unwrap_or(0) % errors.len()].clone();
            let failing = Arc::new(Failing::new(
                Arc::clone(&desk.store),
                fails_at,
                error.clone(),
            ));
            let ledger = desk.ledger_over(Arc::clone(&failing) as Arc<dyn Store>);
            let answer = ledger.execute_all(&commands, Batch::default());
            if !failing.has_failed() {
                for result in answer? {
                    result?;
                }
                break;
            }
            // A batch fails as a whole; an erasure whose text could not be scrubbed fails by itself.
            let told = match answer {
                Err(told) => Some(told),
                Ok(results) => results.into_iter().find_map(Result::err),
            };
            let Some(told) = told else {
                return Err(Failure::new(format!(
                    "call {fails_at} of `{what}` failed with {error:?}, and the ledger said that \
                     all was well"
                )));
            };
            equal!(
                told.store_error(),
                Some(&error),
                "what the caller is told of call {fails_at}"
            );
            // Only what comes behind a commit can fail with the commit done: the scrub.
            let scrubbing = what == "erase" && fails_at > 2;
            if !scrubbing {
                let because = format!("call {fails_at} of `{what}` failed");
                before.unchanged(&*desk.store, &because)?;
            }
            fails_at += 1;
            ensure!(fails_at < 50, "`{what}` makes more than fifty calls");
        }
        verifies(&desk.store)?;
        let after = Contents::of(&*desk.store)?;
        let as_file = Batch {
            atomicity: Atomicity::PerItem,
            repeats: Repeats::AsFile,
        };
        for result in desk.ledger().execute_all(&commands, as_file)? {
            let repeated = result.is_ok_and(|receipt| receipt.replayed);
            ensure!(
                repeated,
                "`{what}` was carried out: repeating it as a file is a replay"
            );
        }
        after.unchanged(&*desk.store, "what was carried out is repeated")?;
    }
    Ok(())
}

/// A store that can't be read to its end is never called valid.
pub(in crate::store::conformance) fn never_verifies_what_it_could_not_read(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    desk.book(&[record(&key), create(&key, standard("a"))])?;
    for error in [
        StoreError::Failed {
            reason: "a bad sector".into(),
        },
        StoreError::Corrupted {
            reason: "a bad page".into(),
        },
        StoreError::Busy,
        StoreError::Unavailable {
            reason: "unplugged".into(),
        },
    ] {
        let failing = Arc::new(Failing::new(Arc::clone(&desk.store), 1, error.clone()));
        let ledger = desk.ledger_over(failing);
        let verdict = ledger.verify(None).map(|report| report.verdict);
        ensure!(
            verdict != Ok(Verdict::Valid),
            "a scan failed midway with {error:?}, and the ledger was called valid"
        );
        equal!(
            ledger.verify(None).map(|report| report.verdict),
            Ok(Verdict::Valid),
            "the verdict once everything can be read"
        );
    }
    Ok(())
}

/// Every way in which two connections may be lost, one after the other.
fn losses() -> Vec<Vec<Lost>> {
    let mut all = Vec::new();
    for first in [Lost::Answer, Lost::Request] {
        all.push(vec![first]);
        for second in [Lost::Answer, Lost::Request] {
            all.push(vec![first, second]);
            all.push(vec![first, second, Lost::Request]);
        }
    }
    all
}

/// Where the outcome of a commit is unknown the ledger finds out, and books once: with an external
/// id, with an idempotency key, and with neither.
pub(in crate::store::conformance) fn books_once_where_the_outcome_is_unknown(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    desk.book(&[record(&key)])?;
    let mut count = 0;
    for during in [LostDuring::Commit, LostDuring::Transact] {
        for losses in losses() {
            for command in [
                create(&key, standard(&format!("ext-{count}"))),
                create_keyed(&key, &format!("key-{count}")),
                create(&key, products(None)),
            ] {
                let because = format!("the connection was lost in {during:?}, first {losses:?}");
                let store =
                    Disconnecting::new(Arc::clone(&desk.store), during, losses.iter().copied());
                let ledger = desk.ledger_over(Arc::new(store));
                let receipt = ledger.execute(&command).map_err(|error| {
                    Failure::new(format!("{because}; the ledger answered {error:?}"))
                })?;
                count += 1;
                booked(&desk, &key, count, &because)?;
                is_stored(&ledger, &key, &receipt)?;
            }
        }
    }
    Ok(())
}

/// The same while others write to the same movement.
pub(in crate::store::conformance) fn books_once_where_the_outcome_is_unknown_and_others_write(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    desk.book(&[record(&key)])?;
    let mut count = 0;
    for losses in losses() {
        for during in [LostDuring::Commit, LostDuring::Transact] {
            for command in [
                create(&key, standard(&format!("ext-{count}"))),
                create(&key, products(None)),
            ] {
                let because = format!(
                    "the connection was lost in {during:?}, first {losses:?}, and others wrote"
                );
                let other = Desk::numbered(fixture, u16::try_from(100 + count).unwrap_or(u16::MAX));
                let rival = create(&key, standard(&format!("rival-{count}")));
                let interfere: Interference = Box::new(move || {
                    let _answer = other.book(&[rival]);
                });
                let store =
                    Disconnecting::new(Arc::clone(&desk.store), during, losses.iter().copied())
                        .and_then(interfere);
                let ledger = desk.ledger_over(Arc::new(store));
                let receipt = ledger.execute(&command).map_err(|error| {
                    Failure::new(format!("{because}; the ledger answered {error:?}"))
                })?;
                count += 2;
                booked(&desk, &key, count, &because)?;
                is_stored(&ledger, &key, &receipt)?;
            }
        }
    }
    Ok(())
}

/// Where no attempt ever hears back, the caller is told so; its retry books once.
pub(in crate::store::conformance) fn books_once_when_the_caller_retries_an_unknown_outcome(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    desk.book(&[record(&key)])?;
    let mut count = 0;
    for during in [LostDuring::Commit, LostDuring::Transact] {
        for losses in [
            vec![Lost::Request; 1_000],
            std::iter::once(Lost::Answer)
                .chain(vec![Lost::Request; 1_000])
                .collect(),
        ] {
            let by_key = create_keyed(&key, &format!("key-{count}"));
            for command in [create(&key, standard(&format!("ext-{count}"))), by_key] {
                let because = format!(
                    "every connection was lost in {during:?}, first {:?}",
                    losses[0]
                );
                let store =
                    Disconnecting::new(Arc::clone(&desk.store), during, losses.iter().copied());
                let lost = desk.ledger_over(Arc::new(store)).execute(&command);
                match &lost {
                    Err(error) if error.is_retryable() => {}
                    Ok(_) => {
                        // It found out; then it must be there.
                        booked(&desk, &key, count + 1, &because)?;
                    }
                    Err(error) => {
                        return Err(Failure::new(format!(
                            "{because}: the caller must be told to retry, it was told {error:?}"
                        )));
                    }
                }
                let receipt = desk.ledger().execute(&command)?;
                count += 1;
                booked(&desk, &key, count, &because)?;
                is_stored(&desk.ledger(), &key, &receipt)?;
                if let Ok(lost) = lost {
                    equal!(
                        lost.refund_id,
                        receipt.refund_id,
                        "the id that both answers give"
                    );
                }
            }
        }
    }
    Ok(())
}

/// A batch of several movements is found by its first entry.
pub(in crate::store::conformance) fn books_a_batch_once_where_the_outcome_is_unknown(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let (one, two) = (movement("one"), movement("two"));
    desk.book(&[record(&one), record(&two)])?;
    let mut count = 0;
    for during in [LostDuring::Commit, LostDuring::Transact] {
        for losses in losses() {
            let because = format!("the connection was lost in {during:?}, first {losses:?}");
            let commands = [
                create(&two, products(None)),
                create(&one, products(None)),
                create(&one, standard(&format!("ext-{count}"))),
            ];
            let other = Desk::numbered(fixture, u16::try_from(100 + count).unwrap_or(u16::MAX));
            // On one of the batch's movements only, which is not that of its first entry.
            let rival = erase(&one, None);
            let interfere: Interference = Box::new(move || {
                let _answer = other.ledger().execute(&rival);
            });
            let store = Disconnecting::new(Arc::clone(&desk.store), during, losses.iter().copied())
                .and_then(interfere);
            let ledger = desk.ledger_over(Arc::new(store));
            let results = ledger.execute_all(&commands, Batch::default())?;
            count += 1;
            for (result, command) in results.into_iter().zip(&commands) {
                is_stored(&ledger, &command.movement, &result?)?;
            }
            booked(&desk, &two, count, &because)?;
            booked(&desk, &one, 2 * count, &because)?;
        }
    }
    Ok(())
}

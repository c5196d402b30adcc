//! What `commit` checks and applies.

use crate::amount::Values;
use crate::error::ErrorCode;
use crate::id::RefundId;
use crate::store::conformance::desk::{
    Desk, cents, charge, create, create_keyed, delete, erase, id, movement, movement_of, named,
    products, read_set, record, record_as, standard, text, update, void,
};
use crate::store::conformance::view::{
    Contents, holds, load_movement, present_refund, refunded, verifies,
};
use crate::store::conformance::{Failure, Fixture};
use crate::store::{Precondition, RefundWrite, Snapshot, Store, StoreError, WriteBatch};

/// The batch must conflict, and leave everything as it was.
fn conflicts(store: &dyn Store, batch: &WriteBatch, because: &str) -> Result<(), Failure> {
    let before = Contents::of(store)?;
    let answer = store.commit(batch);
    before.unchanged(store, because)?;
    equal!(
        answer,
        Err(StoreError::Conflict),
        "{because}: `commit` must answer `Conflict`"
    );
    Ok(())
}

/// What one handle commits, another sees at once.
pub(in crate::store::conformance) fn is_seen_by_other_handles(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let (one, two) = (Desk::numbered(fixture, 1), Desk::numbered(fixture, 2));
    let key = movement("m");
    holds(
        &*two.store,
        &one.book(&[record(&key), create(&key, standard("one"))])?,
    )?;
    holds(&*one.store, &two.book(&[create(&key, standard("two"))])?)?;
    holds(
        &*fixture.handle(),
        &one.book(&[delete(&key, named("two"))])?,
    )?;
    Ok(())
}

/// What was committed outlives the handles.
pub(in crate::store::conformance) fn outlives_its_handles(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let key = movement("m");
    let before = {
        let desk = Desk::new(fixture);
        desk.book(&[
            record(&key),
            create(&key, standard("a")),
            create_keyed(&key, "b"),
        ])?;
        desk.book(&[
            update(
                &key,
                named("a"),
                crate::RefundContent {
                    description: text("changed"),
                    ..standard("a")
                },
            ),
            delete(&key, named("b")),
        ])?;
        desk.book(&[erase(&key, Some(named("a")))])?;
        desk.store.scrub()?;
        Contents::of(&*desk.store)?
    };
    let store = fixture.handle();
    before.unchanged(
        &*store,
        "all handles were dropped and the store opened again",
    )?;
    let desk = Desk::numbered(fixture, 2);
    holds(&*desk.store, &desk.book(&[create(&key, standard("c"))])?)?;
    verifies(&desk.store)
}

/// The movement's chain must be as long as the precondition says.
pub(in crate::store::conformance) fn conflicts_on_another_version_of_a_movement(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    desk.book(&[record(&key), create(&key, standard("a"))])?;
    let commands = [create(&key, standard("b"))];
    let planned = desk.plan(&commands)?;
    let movement = load_movement(&*desk.store, &key)?;
    for version in [1, 3, 4, 1_000_000] {
        // What a decision comes to that saw the movement at this version.
        let mut seen = desk.store.load(&read_set(&commands))?;
        seen.put_movement(
            key.clone(),
            movement.clone().map(|mut movement| {
                movement.chain.length = version;
                movement
            }),
        );
        let batch = desk.decide_on(&commands, seen).1;
        let because = format!("the movement's chain has 2 entries and {version} were expected");
        conflicts(&*desk.store, &batch, &because)?;
    }
    let mut unseen = Snapshot::default();
    unseen.put_movement(key.clone(), None);
    let batch = desk.decide_on(&[record(&key)], unseen).1;
    conflicts(
        &*desk.store,
        &batch,
        "the movement is there and was expected not to be",
    )?;
    holds(&*desk.store, &{
        desk.store.commit(&planned)?;
        planned
    })
}

/// A version above 0 of a movement that is not there.
pub(in crate::store::conformance) fn conflicts_on_a_version_of_a_missing_movement(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let planned = desk.plan(&[record(&movement("m"))])?;
    let mut batch = planned.clone();
    batch.preconditions = vec![Precondition::MovementAt {
        movement: movement("m"),
        version: 1,
    }];
    conflicts(
        &*desk.store,
        &batch,
        "there is no such movement and one of version 1 was expected",
    )?;
    desk.store.commit(&planned)?;
    conflicts(
        &*desk.store,
        &planned,
        "the movement was expected to be missing and is there",
    )
}

/// A batch that was applied can't be applied again.
pub(in crate::store::conformance) fn conflicts_on_the_same_batch_again(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    for commands in [
        vec![record(&key)],
        vec![create(&key, products(None))],
        vec![create(&key, standard("a"))],
        vec![delete(&key, named("a"))],
        vec![erase(&key, None)],
    ] {
        let batch = desk.book(&commands)?;
        conflicts(&*desk.store, &batch, "the batch was committed before")?;
    }
    verifies(&desk.store)
}

/// An external id is taken for ever, by whatever sort of key and whatever became of its refund.
pub(in crate::store::conformance) fn conflicts_on_an_external_id_that_is_taken(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let (key, other) = (movement("m"), movement("other"));
    // Planned while every id was free.
    desk.book(&[record(&other)])?;
    let names = ["given", "products", "key", "deleted", "deleted key"];
    let planned: Vec<(WriteBatch, WriteBatch)> = names
        .iter()
        .map(|name| {
            Ok((
                desk.plan(&[create(&other, standard(name))])?,
                desk.plan(&[create_keyed(&other, name)])?,
            ))
        })
        .collect::<Result<_, Failure>>()?;
    desk.book(&[
        record(&key),
        create(&key, standard("given")),
        create(&key, products(Some("products"))),
        create_keyed(&key, "key"),
        create(&key, standard("deleted")),
        create_keyed(&key, "deleted key"),
    ])?;
    desk.book(&[
        delete(&key, named("deleted")),
        delete(&key, named("deleted key")),
    ])?;
    for (name, (as_external_id, as_key)) in names.iter().zip(&planned) {
        for batch in [as_external_id, as_key] {
            let because = format!("the external id `{name}` is taken");
            conflicts(&*desk.store, batch, &because)?;
        }
    }
    Ok(())
}

/// What is to be replaced must be there: nothing is made in its place, and nothing is left out.
pub(in crate::store::conformance) fn conflicts_on_a_refund_to_replace_that_is_missing(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    desk.book(&[record(&key), create(&key, standard("one"))])?;
    let changed = crate::RefundContent {
        description: text("changed"),
        ..standard("one")
    };
    let mut batch = desk.plan(&[update(&key, named("one"), changed)])?;
    for write in &mut batch.refunds {
        if let RefundWrite::Replace(refund) = write {
            refund.id = RefundId::from_bytes([7; 16]);
        }
    }
    conflicts(&*desk.store, &batch, "no refund has this id")
}

/// External ids are unique in an org, not beyond it.
pub(in crate::store::conformance) fn leaves_an_external_id_free_in_other_orgs(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let (one, two) = (movement_of("one", "m"), movement_of("two", "m"));
    desk.book(&[
        record(&one),
        create(&one, standard("ext")),
        create_keyed(&one, "key"),
    ])?;
    let batch = desk.plan(&[
        record(&two),
        create_keyed(&two, "ext"),
        create(&two, standard("key")),
    ])?;
    let answer = desk.store.commit(&batch);
    equal!(
        answer,
        Ok(()),
        "the external ids are taken in another org only: `commit` must succeed"
    );
    holds(&*desk.store, &batch)
}

/// A batch with one precondition that does not hold changes nothing, wherever it stands.
pub(in crate::store::conformance) fn applies_all_of_a_batch_or_nothing(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let keys = [movement("a"), movement("b"), movement("c"), movement("d")];
    desk.book(&[
        record(&keys[0]),
        record(&keys[1]),
        create(&keys[0], standard("old")),
        create(&keys[1], standard("taken")),
    ])?;
    let planned = desk.plan(&[
        create(&keys[0], standard("new")),
        update(
            &keys[0],
            named("old"),
            crate::RefundContent {
                description: text("changed"),
                ..standard("old")
            },
        ),
        erase(&keys[0], Some(named("old"))),
        erase(&keys[1], None),
        record(&keys[2]),
        create(&keys[2], standard("third")),
        record(&keys[3]),
    ])?;
    for unmet in [
        Precondition::ExternalIdFree {
            org: id("acme"),
            external_id: id("taken"),
        },
        Precondition::MovementAt {
            movement: movement("never recorded"),
            version: 1,
        },
    ] {
        for at in [
            0,
            planned.preconditions.len() / 2,
            planned.preconditions.len(),
        ] {
            let mut batch = planned.clone();
            batch.preconditions.insert(at, unmet.clone());
            let because = format!("precondition {} of the batch does not hold", at + 1);
            conflicts(&*desk.store, &batch, &because)?;
        }
    }
    desk.store.commit(&planned)?;
    let a = refunded(&*desk.store, &keys[0])?;
    let two = (
        Values {
            with: 200,
            without: 200,
        },
        2,
    );
    equal!(
        a,
        two,
        "the batch without the unmet precondition is applied"
    );
    verifies(&desk.store)
}

/// A batch that asks for nothing does nothing.
pub(in crate::store::conformance) fn writes_nothing_for_an_empty_batch(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let empty = Contents::of(&*desk.store)?;
    desk.store.commit(&WriteBatch::default())?;
    empty.unchanged(
        &*desk.store,
        "an empty batch was committed to an empty store",
    )?;
    desk.book(&[record(&movement("m"))])?;
    let before = Contents::of(&*desk.store)?;
    desk.store.commit(&WriteBatch::default())?;
    before.unchanged(&*desk.store, "an empty batch was committed")
}

/// Merged batches carry one precondition per key, against the state before the batch.
pub(in crate::store::conformance) fn takes_merged_batches_with_one_precondition_per_key(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let (a, b) = (movement("a"), movement("b"));
    let changed = |name: &str, description: &str| {
        update(
            &a,
            named(name),
            crate::RefundContent {
                description: text(description),
                ..standard(name)
            },
        )
    };
    let batch = desk.plan(
        &[
            record(&a),
            create(&a, standard("one")),
            record(&b),
            create(&a, standard("two")),
            create(&b, standard("three")),
            changed("one", "twice"),
            changed("one", "thrice"),
            delete(&a, named("one")),
        ][..8],
    )?;
    let mut keys: Vec<String> = batch
        .preconditions
        .iter()
        .map(|precondition| match precondition {
            Precondition::MovementAt { movement, version } => {
                format!("movement {movement} at {version}")
            }
            Precondition::ExternalIdFree { org, external_id } => {
                format!("external id {external_id} of {org} is free")
            }
        })
        .collect();
    keys.sort();
    let wanted = [
        "external id one of acme is free",
        "external id three of acme is free",
        "external id two of acme is free",
        "movement acme/sub/a at 0",
        "movement acme/sub/b at 0",
    ]
    .map(String::from);
    equal_lists!(keys, wanted, "the preconditions of a merged batch");
    desk.store.commit(&batch)?;
    holds(&*desk.store, &batch)?;
    let one = present_refund(&*desk.store, "acme", &named("one"), &[1, 2, 3])?;
    equal!(
        (one.refund.revision, one.refund.deleted),
        (4, true),
        "a refund that one batch creates, updates twice and deletes"
    );
    for (revision, description) in [(1, "a refund"), (2, "twice"), (3, "thrice")] {
        equal!(
            one.at_revision(revision)
                .and_then(|it| it.details.description.text()),
            Some(description),
            "its revision {revision}, which the same batch brought and passed"
        );
    }
    verifies(&desk.store)
}

/// The second create of a batch with the external id of the first is answered by the first.
pub(in crate::store::conformance) fn books_two_creates_of_one_external_id_once(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    let mut other = standard("ext");
    other.amount = cents(200);
    let (results, batch) = desk.decide(&[
        record(&key),
        create(&key, standard("ext")),
        create(&key, standard("ext")),
        create(&key, other),
    ])?;
    let first = results[1].clone()?;
    let second = results[2].clone()?;
    ensure!(
        second.replayed && second.refund_id == first.refund_id,
        "the same create again in one batch is a replay of the first"
    );
    equal!(
        results[3].as_ref().map_err(crate::LedgerError::code),
        Err(ErrorCode::IdempotencyConflict),
        "another create with the same external id in one batch"
    );
    desk.store.commit(&batch)?;
    holds(&*desk.store, &batch)?;
    let one = (
        Values {
            with: 100,
            without: 100,
        },
        1,
    );
    equal!(refunded(&*desk.store, &key)?, one, "one refund was booked");
    verifies(&desk.store)
}

/// Delete then create in one batch: the amount is free again, the external id is not.
pub(in crate::store::conformance) fn takes_delete_then_create_in_a_batch(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    let all = |name: &str| crate::RefundContent {
        amount: cents(100_000),
        ..standard(name)
    };
    desk.book(&[record(&key), create(&key, all("first"))])?;
    let (results, batch) = desk.decide(&[
        delete(&key, named("first")),
        create(&key, all("first")),
        create(&key, all("second")),
    ])?;
    equal!(
        results[1].as_ref().map_err(crate::LedgerError::code),
        Err(ErrorCode::RefundDeleted),
        "the external id of a refund that the same batch deleted"
    );
    results[2].clone()?;
    desk.store.commit(&batch)?;
    holds(&*desk.store, &batch)?;
    let whole = (
        Values {
            with: 100_000,
            without: 100_000,
        },
        1,
    );
    equal!(
        refunded(&*desk.store, &key)?,
        whole,
        "the second takes what the first gave back"
    );
    verifies(&desk.store)
}

/// Void then record in one batch: the chain goes on.
pub(in crate::store::conformance) fn takes_a_movement_voided_and_recorded_anew(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    desk.book(&[
        record(&key),
        create(&key, standard("a")),
        delete(&key, named("a")),
    ])?;
    let mut anew = charge();
    anew.amount = cents(500);
    let batch = desk.book(&[
        void(&key),
        record_as(&key, anew),
        create(&key, standard("b")),
    ])?;
    holds(&*desk.store, &batch)?;
    let length = load_movement(&*desk.store, &key)?.map(|movement| movement.chain.length);
    equal!(
        length,
        Some(6),
        "the chain of a movement that is recorded anew goes on"
    );
    verifies(&desk.store)
}

/// Of the same batch committed by two at once, one wins.
pub(in crate::store::conformance) fn lets_one_of_two_racing_batches_win(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let (one, two) = (Desk::numbered(fixture, 1), Desk::numbered(fixture, 2));
    let key = movement("m");
    one.book(&[record(&key)])?;
    for round in 0..20_u32 {
        let name = format!("ext-{round}");
        let batches = [
            one.plan(&[create(&key, standard(&name))])?,
            two.plan(&[create(&key, standard(&name))])?,
        ];
        let answers = std::thread::scope(|scope| {
            let racing = [(&one, &batches[0]), (&two, &batches[1])]
                .map(|(desk, batch)| scope.spawn(move || desk.store.commit(batch)));
            racing.map(std::thread::ScopedJoinHandle::join)
        });
        let [first, second] = answers.map(|answer| answer.unwrap_or(Err(StoreError::Busy)));
        let winner = match (&first, &second) {
            (Ok(()), Err(StoreError::Conflict)) => &batches[0],
            (Err(StoreError::Conflict), Ok(())) => &batches[1],
            _ => {
                return Err(Failure::new(format!(
                    "two handles committed batches with the same preconditions at once: one must \
                     be answered `Ok`, the other `Conflict`; the answers were {first:?} and \
                     {second:?}"
                )));
            }
        };
        holds(&*one.store, winner)?;
        let length = load_movement(&*two.store, &key)?.map(|movement| movement.chain.length);
        equal!(
            length,
            Some(u64::from(round) + 2),
            "one entry more after each race"
        );
    }
    verifies(&one.store)
}

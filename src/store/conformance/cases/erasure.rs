//! Erased texts: gone everywhere, with every chain whole.

use crate::journal::{Entry, TextOwner};
use crate::store::Store;
use crate::store::conformance::desk::{
    Desk, charge, create, delete, erase, movement, named, record, record_as, standard, text,
    update, void,
};
use crate::store::conformance::view::{Contents, present_refund, verifies};
use crate::store::conformance::{Failure, Fixture};
use crate::{Command, MovementKey, RefundContent};

fn described(name: &str, description: &str) -> RefundContent {
    RefundContent {
        description: text(description),
        ..standard(name)
    }
}

/// Every text that the store still gives, wherever it gives it.
fn texts(store: &dyn Store) -> Result<Vec<String>, Failure> {
    let contents = Contents::of(store)?;
    let in_journal = contents
        .journal
        .iter()
        .filter_map(|record| record.entry.text.as_ref())
        .map(|salted| salted.text.as_str().to_owned());
    let mut texts: Vec<String> = in_journal.collect();
    texts.sort();
    let mut in_rows: Vec<String> = contents
        .movements()
        .map(|movement| &movement.description)
        .chain(contents.refunds().map(|refund| &refund.details.description))
        .filter_map(|description| description.text().map(String::from))
        .collect();
    in_rows.sort();
    for row in in_rows {
        ensure!(
            texts.contains(&row),
            "a row gives the text {row:?}, which the journal no longer has: a text is stored once, \
             and erasing it reaches the rows too"
        );
    }
    Ok(texts)
}

fn left(store: &dyn Store, wanted: &[&str], because: &str) -> Result<(), Failure> {
    let mut wanted: Vec<String> = wanted.iter().map(|text| String::from(*text)).collect();
    wanted.sort();
    equal_lists!(
        texts(store)?,
        wanted,
        "{because}: the texts that are left in the journal"
    );
    Ok(())
}

/// Two movements, each with two refunds, one of them updated.
fn furnish(desk: &Desk) -> Result<(MovementKey, MovementKey), Failure> {
    let (one, two) = (movement("one"), movement("two"));
    for (key, name) in [(&one, "1"), (&two, "2")] {
        let mut request = charge();
        request.description = text(&format!("movement {name}"));
        desk.book(&[
            record_as(key, request),
            create(
                key,
                described(&format!("a{name}"), &format!("first a{name}")),
            ),
            create(
                key,
                described(&format!("b{name}"), &format!("first b{name}")),
            ),
        ])?;
        let changed = described(&format!("a{name}"), &format!("second a{name}"));
        desk.book(&[update(key, named(&format!("a{name}")), changed)])?;
    }
    Ok((one, two))
}

/// A refund's texts go, in all revisions; nobody else's do.
pub(in crate::store::conformance) fn blanks_all_texts_of_a_refund_and_no_others(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let (one, _) = furnish(&desk)?;
    let before = Contents::of(&*desk.store)?;
    desk.book(&[erase(&one, Some(named("a1")))])?;
    left(
        &*desk.store,
        &[
            "movement 1",
            "first b1",
            "movement 2",
            "first a2",
            "second a2",
            "first b2",
        ],
        "the texts of refund `a1` were erased",
    )?;
    let loaded = present_refund(&*desk.store, "acme", &named("a1"), &[1, 2])?;
    for revision in [1, 2] {
        let then = loaded
            .at_revision(revision)
            .map(|it| it.details.description.text());
        equal!(
            then,
            Some(None),
            "revision {revision} of the refund whose texts were erased"
        );
    }
    let after = Contents::of(&*desk.store)?;
    for (then, now) in before.journal.iter().zip(&after.journal) {
        equal!(
            (now.position, &now.entry.bytes),
            (then.position, &then.entry.bytes),
            "erasing changes no byte of the entries that were there"
        );
    }
    verifies(&desk.store)
}

/// A movement's own texts go, also those from before it was recorded anew.
pub(in crate::store::conformance) fn blanks_all_texts_of_a_movement_and_no_others(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let (one, _) = furnish(&desk)?;
    let anew = crate::MovementRequest {
        description: text("movement 1 anew"),
        ..charge()
    };
    desk.book(&[
        delete(&one, named("a1")),
        delete(&one, named("b1")),
        void(&one),
    ])?;
    desk.book(&[record_as(&one, anew)])?;
    desk.book(&[erase(&one, None)])?;
    left(
        &*desk.store,
        &[
            "first a1",
            "second a1",
            "first b1",
            "movement 2",
            "first a2",
            "second a2",
            "first b2",
        ],
        "the texts of movement `one` itself were erased",
    )?;
    verifies(&desk.store)
}

/// Erasing what is deleted or voided works like any other.
pub(in crate::store::conformance) fn blanks_texts_of_what_is_deleted_or_voided(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let (one, _) = furnish(&desk)?;
    desk.book(&[
        delete(&one, named("a1")),
        delete(&one, named("b1")),
        void(&one),
    ])?;
    desk.book(&[erase(&one, Some(named("a1"))), erase(&one, None)])?;
    left(
        &*desk.store,
        &[
            "first b1",
            "movement 2",
            "first a2",
            "second a2",
            "first b2",
        ],
        "the texts of a deleted refund and of its voided movement were erased",
    )?;
    verifies(&desk.store)
}

/// Texts that come after the erasure stay, until they are erased too.
pub(in crate::store::conformance) fn spares_texts_that_come_later(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    let changed = |description: &str| update(&key, named("a"), described("a", description));
    let say = |commands: &[Command], wanted: &[&str], because: &str| {
        desk.book(commands)?;
        left(&*desk.store, wanted, because)?;
        verifies(&desk.store)
    };
    say(
        &[record(&key), create(&key, described("a", "one"))],
        &["a movement", "one"],
        "nothing was erased yet",
    )?;
    say(
        &[erase(&key, Some(named("a"))), changed("two")],
        &["a movement", "two"],
        "one batch erased a text and brought the next",
    )?;
    say(
        &[changed("three")],
        &["a movement", "two", "three"],
        "texts came in the batches after an erasure",
    )?;
    say(
        &[
            changed("four"),
            erase(&key, Some(named("a"))),
            changed("five"),
        ],
        &["a movement", "five"],
        "one batch brought a text, erased all so far, and brought another",
    )?;
    say(
        &[erase(&key, Some(named("a"))), erase(&key, None)],
        &[],
        "one batch erased a refund's texts and its movement's",
    )
}

/// A text may come and go in one batch.
pub(in crate::store::conformance) fn blanks_texts_that_the_same_batch_brought(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    desk.book(&[
        record(&key),
        create(&key, described("a", "gone")),
        create(&key, described("b", "kept")),
        erase(&key, Some(named("a"))),
        erase(&key, None),
    ])?;
    left(
        &*desk.store,
        &["kept"],
        "texts were brought and erased by the same batch",
    )?;
    verifies(&desk.store)
}

/// A batch that conflicts erases nothing.
pub(in crate::store::conformance) fn erases_nothing_where_the_batch_conflicts(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let (one, _) = furnish(&desk)?;
    let erasing = desk.plan(&[erase(&one, Some(named("a1"))), erase(&one, None)])?;
    desk.book(&[create(&one, described("c1", "third"))])?;
    let before = Contents::of(&*desk.store)?;
    let answer = desk.store.commit(&erasing);
    ensure!(
        answer.is_err(),
        "the movement has changed since the erasure was planned"
    );
    before.unchanged(&*desk.store, "a batch with erasures conflicted")
}

/// `scrub` changes nothing that can be read, and may be called at any time.
pub(in crate::store::conformance) fn can_be_scrubbed_at_any_time(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    desk.store.scrub()?;
    let (one, _) = furnish(&desk)?;
    desk.store.scrub()?;
    desk.book(&[erase(&one, Some(named("a1")))])?;
    let before = Contents::of(&*desk.store)?;
    desk.store.scrub()?;
    desk.store.scrub()?;
    before.unchanged(&*desk.store, "the store was scrubbed")?;
    desk.book(&[create(&one, described("d", "after"))])?;
    verifies(&desk.store)
}

/// Whose text an entry brought, its bytes say.
pub(in crate::store::conformance) fn keeps_the_digests_of_erased_texts(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let (one, _) = furnish(&desk)?;
    let erased = present_refund(&*desk.store, "acme", &named("a1"), &[])?.refund;
    desk.book(&[erase(&one, Some(named("a1")))])?;
    let now = present_refund(&*desk.store, "acme", &named("a1"), &[])?.refund;
    let (then, is) = (&erased.details.description, &now.details.description);
    equal!(
        (is.digest, is.sequence),
        (then.digest, then.sequence),
        "a description keeps its digest and its place when its text is erased"
    );
    equal!(
        now.revision,
        erased.revision,
        "erasing does not change the revision"
    );
    for record in Contents::of(&*desk.store)?.journal {
        let entry = Entry::decode(&record.entry.bytes)?;
        let is_owner =
            entry.movement == one && entry.content.text_owner() == TextOwner::Refund(erased.id);
        ensure!(
            !is_owner || record.entry.text.is_none(),
            "entry {} of {one} still has a text of the refund whose texts were erased",
            record.entry.sequence
        );
    }
    Ok(())
}

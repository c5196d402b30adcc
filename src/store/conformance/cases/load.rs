//! What `load` answers.

use crate::refund::ExternalId;
use crate::store::conformance::desk::{
    Desk, cents, charge, create, create_keyed, delete, erase, id, movement, movement_of, named,
    products, record, record_as, standard, taxed, text, time, update, void,
};
use crate::store::conformance::view::{
    holds, load_movement, load_refund, present_refund, while_others_write,
};
use crate::store::conformance::{Failure, Fixture};
use crate::store::{Loaded, ReadSet, RefundLookup, Snapshot};
use crate::time::Period;
use crate::{MovementRequest, RefundContent, RefundId, RefundKind};

/// Nothing that was asked for stays unloaded, and nothing that exists is absent.
pub(in crate::store::conformance) fn tells_what_is_absent_from_what_was_not_asked_for(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let (there, missing, unasked) = (movement("there"), movement("missing"), movement("unasked"));
    desk.book(&[
        record(&there),
        record(&unasked),
        create(&there, standard("ext")),
    ])?;

    let no_id = RefundLookup::Id(RefundId::from_bytes([7; 16]));
    let mut wanted = ReadSet::default();
    wanted.want_movement(there.clone());
    wanted.want_movement(missing.clone());
    wanted.want_refund(id("acme"), named("ext"), Some(1));
    wanted.want_refund(id("acme"), named("none"), Some(1));
    wanted.want_refund(id("acme"), no_id.clone(), None);
    let snapshot = desk.store.load(&wanted)?;

    ensure!(
        matches!(snapshot.movement(&there), Loaded::Present(_)),
        "a movement that was committed must be present in the snapshot"
    );
    ensure!(
        snapshot.movement(&missing) == Loaded::Absent,
        "a movement that was asked for and does not exist must be absent, not left out"
    );
    ensure!(
        snapshot.movement(&unasked) == Loaded::NotLoaded,
        "a movement that nobody asked for must not be in the snapshot"
    );
    ensure!(
        matches!(
            snapshot.refund(&id("acme"), &named("ext")),
            Loaded::Present(_)
        ),
        "a refund that was committed must be present under the look-up that was asked for"
    );
    for lookup in [named("none"), no_id] {
        ensure!(
            snapshot.refund(&id("acme"), &lookup) == Loaded::Absent,
            "{lookup:?} was asked for and does not exist: it must be absent, not left out"
        );
    }
    ensure!(
        snapshot.refund(&id("acme"), &named("unasked")) == Loaded::NotLoaded,
        "an external id that nobody asked for must not be in the snapshot"
    );
    Ok(())
}

/// Whoever asks for nothing gets nothing, also of an empty store.
pub(in crate::store::conformance) fn answers_an_empty_read_set_with_an_empty_snapshot(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let empty = Snapshot::default();
    equal!(
        desk.store.load(&ReadSet::default())?,
        empty,
        "nothing was asked of an empty store"
    );
    desk.book(&[record(&movement("m"))])?;
    equal!(
        desk.store.load(&ReadSet::default())?,
        empty,
        "nothing was asked for"
    );
    Ok(())
}

fn charges() -> Vec<(&'static str, MovementRequest)> {
    let with = |change: fn(&mut MovementRequest)| {
        let mut request = charge();
        change(&mut request);
        request
    };
    vec![
        ("untaxed", charge()),
        (
            "taxed",
            with(|it| it.amount = taxed("121", "100", "IVA", "21")),
        ),
        (
            "taxed at nothing",
            with(|it| it.amount = taxed("100", "100", "ZERO", "0")),
        ),
        (
            "taxed by a fraction",
            with(|it| it.amount = taxed("110.7013", "100", "Umsatz-Steuer, §12", "10.7013")),
        ),
        (
            "of nanoseconds",
            with(|it| it.occurred_at = time("2024-02-29T23:59:59.123456789Z")),
        ),
        (
            "before 1970",
            with(|it| it.occurred_at = time("1969-12-31T23:59:59.000000001Z")),
        ),
        (
            "of words",
            with(|it| it.description = text("línea 1\nлиния 2\t\"3\" '4' \\5 %_")),
        ),
    ]
}

/// Every field of a movement, live, with refunds, erased, voided, recorded anew.
pub(in crate::store::conformance) fn gives_back_every_field_of_a_movement(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    for (at, (what, mut request)) in charges().into_iter().enumerate() {
        let key = movement(&format!("charge-{at}"));
        if what == "taxed by a fraction" {
            request.currency = "CLF".parse()?; // four decimals
        }
        holds(&*desk.store, &desk.book(&[record_as(&key, request)])?)?;
    }
    let key = movement("life");
    for step in [
        vec![record(&key)],
        vec![create(&key, standard("a")), create(&key, standard("b"))],
        vec![delete(&key, named("a"))],
        vec![erase(&key, None)],
        vec![delete(&key, named("b"))],
        vec![void(&key)],
        vec![record_as(&key, charges().swap_remove(1).1)],
        vec![create(&key, standard("c"))],
    ] {
        holds(&*desk.store, &desk.book(&step)?)?;
    }
    Ok(())
}

/// Refunds that differ in every field, each option once set and once not.
fn contents() -> Vec<RefundContent> {
    let mut contents = Vec::new();
    let start = Some(time("2024-01-01T00:00:00.000000001Z"));
    let end = Some(time("2024-01-31T23:59:59.999999999Z"));
    for (at, (start, end)) in [(None, None), (start, None), (None, end), (start, end)]
        .into_iter()
        .enumerate()
    {
        for base in [standard("unused"), products(None)] {
            for set in [false, true] {
                let number = contents.len();
                let mut content = base.clone();
                content.period = Period::new(start, end).expect("a valid period");
                content.billable = set;
                content.description = text(&format!("reason {number}"));
                content.external_refund_unique_id = Some(id(&format!("ext {number}")));
                if set {
                    content.external_invoice_id = Some(id(&format!("inv {number}")));
                    content.amount = taxed("12.1", "10", "IVA", "21");
                    content.refund_datetime = time(&format!("2024-01-0{}T00:00:00.5Z", at + 1));
                }
                if let RefundKind::NonSubscribable {
                    transaction_type_id,
                } = &mut content.kind
                {
                    *transaction_type_id = id(&format!("type {number}"));
                }
                contents.push(content);
            }
        }
    }
    contents
}

/// Every field of both kinds, created and replaced, by each sort of external id and without.
pub(in crate::store::conformance) fn gives_back_every_field_of_a_refund(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    desk.book(&[record_as(&key, charges().swap_remove(1).1)])?;
    let contents = contents();
    for content in &contents {
        holds(&*desk.store, &desk.book(&[create(&key, content.clone())])?)?;
    }
    holds(&*desk.store, &desk.book(&[create_keyed(&key, "key-1")])?)?;
    let unnamed = desk.book(&[create(&key, products(None))])?;
    holds(&*desk.store, &unnamed)?;

    // Each becomes what another of its kind was: every option is set, and unset, by an update.
    for (at, content) in contents.iter().enumerate() {
        let twin = &contents[(at + 5) % contents.len()];
        let kin = if twin.kind.name() == content.kind.name() {
            twin
        } else {
            &contents[(at + 3) % contents.len()]
        };
        let mut content = RefundContent {
            external_refund_unique_id: None,
            description: text(&format!("updated {at}")),
            ..kin.clone()
        };
        content.kind.clone_from(&kin.kind);
        holds(
            &*desk.store,
            &desk.book(&[update(&key, named(&format!("ext {at}")), content)])?,
        )?;
    }
    Ok(())
}

/// An update that keeps the text keeps pointing to it.
pub(in crate::store::conformance) fn gives_back_a_text_that_an_update_kept(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    desk.book(&[record(&key), create(&key, standard("ext"))])?;
    let mut content = standard("ext");
    content.billable = true;
    let batch = desk.book(&[update(&key, named("ext"), content)])?;
    holds(&*desk.store, &batch)?;
    let refund = present_refund(&*desk.store, "acme", &named("ext"), &[])?.refund;
    equal!(
        (
            refund.details.description.sequence,
            refund.details.description.text()
        ),
        (2, Some("a refund")),
        "a refund whose update kept its text has the text of the entry that brought it"
    );
    Ok(())
}

/// A deleted refund is a row like any other.
pub(in crate::store::conformance) fn finds_a_deleted_refund(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    desk.book(&[record(&key), create(&key, standard("ext"))])?;
    let batch = desk.book(&[delete(&key, named("ext"))])?;
    holds(&*desk.store, &batch)?;
    let refund = present_refund(&*desk.store, "acme", &named("ext"), &[])?.refund;
    ensure!(refund.deleted, "a deleted refund must be loaded as deleted");
    Ok(())
}

/// An external id and an idempotency key find their refund; neither turns into the other.
pub(in crate::store::conformance) fn finds_a_refund_by_each_sort_of_external_id(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    desk.book(&[
        record(&key),
        create(&key, standard("given")),
        create(&key, products(Some("given too"))),
        create_keyed(&key, "key"),
    ])?;
    let given = |name: &str| Some(ExternalId::Given(id(name)));
    for (name, expected) in [
        ("given", given("given")),
        ("given too", given("given too")),
        ("key", Some(ExternalId::IdempotencyKey(id("key")))),
    ] {
        let found = present_refund(&*desk.store, "acme", &named(name), &[])?.refund;
        equal!(
            found.details.external_id,
            expected,
            "the external id, and its sort"
        );
        let again = present_refund(&*desk.store, "acme", &RefundLookup::Id(found.id), &[])?;
        equal!(
            again.refund,
            found,
            "look-ups by id and by external id find the same refund"
        );
    }
    Ok(())
}

/// External ids are compared byte for byte.
pub(in crate::store::conformance) fn compares_ids_byte_for_byte(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    // In case, in composition, in width, in length, in what a pattern or a path would mean.
    let names = [
        "a", "A", "aa", "a a", "a  a", "e\u{301}", "\u{e9}", "\u{c9}", "\u{ff41}", "%", "_", "a%",
        "*", "ß", "ss", "0", "00", "0.0", "1e1", "null", "a'--", "a\\", "a\"", "a/b", "../a", "-0",
    ];
    let key = |name: &str| movement(name);
    for name in names {
        desk.book(&[record(&key(name)), create(&key(name), standard(name))])?;
    }
    for name in names {
        let found = load_movement(&*desk.store, &key(name))?;
        equal!(
            found.map(|found| found.key),
            Some(key(name)),
            "the movement of the id {name:?} is that one, no other"
        );
        let found = present_refund(&*desk.store, "acme", &named(name), &[])?.refund;
        equal!(
            found.movement,
            key(name),
            "the refund of the external id {name:?}"
        );
        equal!(
            found.details.external_id,
            Some(ExternalId::Given(id(name))),
            "external ids come back byte for byte"
        );
    }
    for name in ["b", "AA", "E\u{301}", "a_", "aa%", "00.0"] {
        ensure!(
            load_refund(&*desk.store, "acme", &named(name), &[])?.is_none()
                && load_movement(&*desk.store, &key(name))?.is_none(),
            "nobody has the id {name:?}, though others are like it: it must be absent"
        );
    }
    Ok(())
}

/// The same names in two orgs are two things.
pub(in crate::store::conformance) fn keeps_look_ups_within_their_org(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let (one, two) = (movement_of("one", "m"), movement_of("two", "m"));
    let first = desk.book(&[
        record(&one),
        create(&one, standard("both")),
        create(&one, standard("only one")),
    ])?;
    desk.book(&[record(&two), create(&two, standard("both"))])?;

    for (org, key) in [("one", &one), ("two", &two)] {
        let found = present_refund(&*desk.store, org, &named("both"), &[])?.refund;
        equal!(
            found.movement,
            *key,
            "the refund of org {org} that holds the external id"
        );
    }
    ensure!(
        load_refund(&*desk.store, "two", &named("only one"), &[])?.is_none(),
        "an external id of one org must not be found in another"
    );
    let foreign = RefundLookup::Id(first.refunds[0].refund().id);
    ensure!(
        load_refund(&*desk.store, "two", &foreign, &[])?.is_none(),
        "the id of a refund of one org must not be found in another"
    );
    ensure!(
        load_refund(&*desk.store, "one", &foreign, &[])?.is_some(),
        "the id of a refund must be found in its own org"
    );
    Ok(())
}

/// Revisions that were asked for come, each with its own content.
pub(in crate::store::conformance) fn gives_the_past_revisions_that_were_asked_for(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let (key, by) = (movement("m"), named("ext"));
    let mut versions = Vec::new();
    let mut keep =
        |batch: &crate::store::WriteBatch| versions.push(batch.refunds[0].refund().clone());
    // Others of the same movement must not get in between.
    desk.book(&[record(&key), create(&key, standard("other"))])?;
    keep(&desk.book(&[create(&key, standard("ext"))])?);
    for (at, description) in ["second", "third", "third"].into_iter().enumerate() {
        let mut content = standard("ext");
        content.description = text(description);
        content.amount = cents(200 + i64::try_from(at).unwrap_or(0));
        keep(&desk.book(&[
            update(&key, by.clone(), content.clone()),
            update(
                &key,
                named("other"),
                RefundContent {
                    external_refund_unique_id: None,
                    ..content
                },
            ),
        ])?);
    }
    keep(&desk.book(&[delete(&key, by.clone())])?);

    let last = u32::try_from(versions.len()).unwrap_or(0);
    let all: Vec<u32> = (1..=last).collect();
    let loaded = present_refund(&*desk.store, "acme", &by, &all)?;
    equal!(
        loaded.refund,
        versions[versions.len() - 1],
        "the refund as it is"
    );
    for (revision, version) in (1..).zip(&versions) {
        for asked in [&all, &vec![revision]] {
            let loaded = present_refund(&*desk.store, "acme", &by, asked)?;
            equal!(
                loaded.at_revision(revision),
                Some(version),
                "revision {revision} when asked for revisions {asked:?}"
            );
        }
    }
    let loaded = present_refund(&*desk.store, "acme", &by, &[0, last + 1, u32::MAX])?;
    ensure!(
        [0, last + 1, u32::MAX]
            .iter()
            .all(|revision| loaded.at_revision(*revision).is_none()),
        "revisions that do not exist must not be made up"
    );
    Ok(())
}

/// Several look-ups of one refund in one read set, each with its revisions.
pub(in crate::store::conformance) fn adds_up_look_ups_of_the_same_refund(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    let batch = desk.book(&[record(&key), create(&key, standard("ext"))])?;
    for description in ["second", "third"] {
        let mut content = standard("ext");
        content.description = text(description);
        desk.book(&[update(&key, named("ext"), content)])?;
    }
    let by_id = RefundLookup::Id(batch.refunds[0].refund().id);
    let mut wanted = ReadSet::default();
    wanted.want_refund(id("acme"), named("ext"), Some(1));
    wanted.want_refund(id("acme"), by_id.clone(), Some(2));
    let snapshot = desk.store.load(&wanted)?;
    for lookup in [named("ext"), by_id] {
        let Loaded::Present(loaded) = snapshot.refund(&id("acme"), &lookup) else {
            return Err(Failure::new(format!("{lookup:?} must be present")));
        };
        for (revision, description) in [(1, "a refund"), (2, "second"), (3, "third")] {
            equal!(
                loaded
                    .at_revision(revision)
                    .and_then(|it| it.details.description.text()),
                Some(description),
                "revision {revision}, which one of the look-ups asked for, under {lookup:?}"
            );
        }
    }
    Ok(())
}

/// What one batch changed together is never seen apart.
pub(in crate::store::conformance) fn gives_one_consistent_view_while_others_write(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let (first, last) = (movement("a"), movement("z"));
    desk.book(&[record(&first), record(&last)])?;
    let reader = fixture.handle();
    let mut wanted = ReadSet::default();
    wanted.want_movement(first.clone());
    wanted.want_movement(last.clone());
    let write = |at| {
        desk.book(&[
            create(&first, standard(&format!("a-{at}"))),
            create(&last, standard(&format!("z-{at}"))),
        ])
        .map(|_| ())
    };
    while_others_write(40, &[&write], || {
        let snapshot = reader.load(&wanted)?;
        let length = |key| match snapshot.movement(key) {
            Loaded::Present(movement) => Some(movement.chain.length),
            _ => None,
        };
        equal!(
            length(&first),
            length(&last),
            "each batch adds an entry to both movements: one view must show both or neither"
        );
        Ok(())
    })
}

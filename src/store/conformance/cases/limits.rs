//! Values at their limits, and batches of thousands.

use crate::amount::{AmountRequest, Tax};
use crate::command::Command;
use crate::id::{ID_BYTES_MAX, MovementKey};
use crate::store::ScanRange;
use crate::store::conformance::desk::{
    Desk, cents, charge, create, create_keyed, delete, erase, id, minor, movement, named, products,
    record, record_as, standard, text, time, update,
};
use crate::store::conformance::view::{
    Contents, holds, load_movement, present_refund, scanned, verifies,
};
use crate::store::conformance::{Failure, Fixture};
use crate::text::TEXT_SCALARS_MAX;
use crate::time::Period;
use crate::{MovementRequest, RefundContent, RefundFilter, RefundKind};

/// Ids of 255 bytes everywhere, of one byte each and of four.
pub(in crate::store::conformance) fn takes_the_longest_ids(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    for letter in ["x", "é", "€", "🦀"] {
        let long = |first: &str| {
            let room = ID_BYTES_MAX - first.len();
            format!("{first}{}", letter.repeat(room / letter.len()))
        };
        let key = MovementKey::new(&long("o"), &long("s"), &long("m"))?;
        let content = RefundContent {
            external_invoice_id: Some(id(&long("i"))),
            kind: RefundKind::NonSubscribable {
                transaction_type_id: id(&long("t")),
            },
            amount: cents(100).with_tax(Tax::new(&"🦀".repeat(64), "0".parse()?)?),
            ..products(Some(&long("e")))
        };
        let commands = [
            record(&key),
            create(&key, content.clone()),
            create_keyed(&key, &long("k")),
        ];
        holds(&*desk.store, &desk.book(&commands)?)?;
        let found = present_refund(&*desk.store, key.org_id(), &named(&long("e")), &[])?.refund;
        equal!(
            found.movement,
            key,
            "the refund that the longest external id finds"
        );
        let filter = RefundFilter {
            org: Some(key.org()),
            invoice: content.external_invoice_id,
            external_id: content.external_refund_unique_id,
            ..RefundFilter::default()
        };
        let listed = desk.store.list_refunds(&filter, None, 10)?.items;
        equal_lists!(
            listed,
            [found],
            "the refund that filters of the longest ids leave"
        );
        let range = ScanRange {
            only: Some(&key),
            ..ScanRange::default()
        };
        equal!(
            scanned(&*desk.store, &range)?.0.len(),
            1,
            "a scan of the longest key"
        );
    }
    verifies(&desk.store)
}

/// Ids that differ in their last byte only.
pub(in crate::store::conformance) fn tells_the_longest_ids_apart(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let long = |last: &str| format!("{}{last}", "n".repeat(ID_BYTES_MAX - 1));
    for last in ["a", "b"] {
        let key = movement(&long(last));
        desk.book(&[record(&key), create(&key, standard(&long(last)))])?;
    }
    for last in ["a", "b"] {
        let found = present_refund(&*desk.store, "acme", &named(&long(last)), &[])?.refund;
        equal!(
            found.movement,
            movement(&long(last)),
            "of two ids that differ in their last byte"
        );
    }
    ensure!(
        load_movement(&*desk.store, &movement(&long("c")))?.is_none(),
        "no movement has the third id, which differs in its last byte only"
    );
    Ok(())
}

/// 1,024 characters of four bytes; NUL, line ends, quotes, white space at the ends.
pub(in crate::store::conformance) fn takes_any_text(fixture: &dyn Fixture) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let longest = "🦀".repeat(TEXT_SCALARS_MAX);
    let key = movement("m");
    desk.book(&[record(&key)])?;
    let texts = [
        &*longest,
        "\0",
        "before\0behind",
        " both ends \n",
        "\r\n\t\u{b}\u{1b}\u{7f}\u{85}\u{2028}\u{feff}",
        "'; DROP TABLE refunds; --",
        "\\x00 \\u0000 \\ \" ' ` %s {} $1 ?",
        "e\u{301} and \u{e9}",
        "\u{10ffff}\u{fffd}\u{fffe}\u{d7ff}\u{e000}",
        "null",
        "0",
    ];
    for (at, words) in texts.into_iter().enumerate() {
        let name = format!("ext-{at}");
        let request = MovementRequest {
            description: text(words),
            ..charge()
        };
        let content = RefundContent {
            description: text(words),
            ..standard(&name)
        };
        holds(
            &*desk.store,
            &desk.book(&[
                record_as(&movement(&format!("m-{at}")), request),
                create(&key, content),
            ])?,
        )?;
        let found = present_refund(&*desk.store, "acme", &named(&name), &[1])?.refund;
        equal!(
            found.details.description.text(),
            Some(words),
            "the text as it was written"
        );
    }
    verifies(&desk.store)
}

/// The greatest amount that 64 bits count, in currencies of every number of decimals.
pub(in crate::store::conformance) fn takes_the_greatest_amounts(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    for (currency, decimals) in [("JPY", 0), ("EUR", 2), ("BHD", 3), ("CLF", 4)] {
        let key = movement(currency);
        let request = MovementRequest {
            currency: currency.parse()?,
            amount: minor(i64::MAX, currency),
            ..charge()
        };
        equal!(
            request.currency.exponent(),
            decimals,
            "the decimals of {currency}"
        );
        let of = |name: &str, amount: AmountRequest| RefundContent {
            amount,
            ..standard(&format!("{name} {currency}"))
        };
        holds(&*desk.store, &desk.book(&[record_as(&key, request)])?)?;
        for (name, amount) in [("most", i64::MAX - 1), ("last", 1)] {
            let content = of(name, minor(amount, currency));
            holds(&*desk.store, &desk.book(&[create(&key, content)])?)?;
        }
        let (results, _) = desk.decide(&[create(&key, of("more", minor(1, currency)))])?;
        ensure!(
            results[0].is_err(),
            "the movement of {} minor units is used up: one more must be refused",
            i64::MAX
        );
        holds(
            &*desk.store,
            &desk.book(&[delete(&key, named(&format!("most {currency}")))])?,
        )?;
    }
    // The two values of an amount are far apart at 1000 %.
    let key = movement("taxed");
    let taxed = minor(1_100_000_000_000_000_000, "JPY").with_tax(Tax::new("T", "1000".parse()?)?);
    let request = MovementRequest {
        currency: "JPY".parse()?,
        amount: taxed,
        ..charge()
    };
    holds(&*desk.store, &desk.book(&[record_as(&key, request)])?)?;
    verifies(&desk.store)
}

/// From the first nanosecond of year 1 to the last of year 9999.
pub(in crate::store::conformance) fn takes_every_instant(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let instants = [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00.000000001Z",
        "0999-12-31T23:59:59.999999999Z",
        "1582-10-10T00:00:00Z",
        "1900-02-28T23:59:59.5Z",
        "1969-12-31T23:59:59.999999999Z",
        "1970-01-01T00:00:00Z",
        "2024-02-29T12:00:00.123456789Z",
        "2038-01-19T03:14:08Z",
        "2262-04-11T23:47:16.854775808Z",
        "9999-12-31T23:59:59.999999999Z",
    ];
    for (at, instant) in instants.into_iter().enumerate() {
        let key = movement(&format!("m-{at}"));
        let request = MovementRequest {
            occurred_at: time(instant),
            ..charge()
        };
        let content = RefundContent {
            refund_datetime: time(instant),
            period: Period::new(Some(time(instant)), None)?,
            ..standard(&format!("ext-{at}"))
        };
        holds(
            &*desk.store,
            &desk.book(&[record_as(&key, request), create(&key, content)])?,
        )?;
    }
    let listed = Contents::of(&*desk.store)?.listed;
    let dates: Vec<String> = listed
        .iter()
        .map(|refund| refund.details.refund_datetime.to_string())
        .collect();
    equal_lists!(
        dates,
        instants.map(String::from),
        "the list in order of time"
    );
    for (at, instant) in instants.into_iter().enumerate() {
        let filter = |from, to| RefundFilter {
            from,
            to,
            ..RefundFilter::default()
        };
        for (filter, expected) in [
            (filter(Some(time(instant)), None), &listed[at..]),
            (filter(None, Some(time(instant))), &listed[..at]),
        ] {
            let found = desk.store.list_refunds(&filter, None, 100)?.items;
            equal_lists!(found, *expected, "from inclusive, to exclusive: {filter:?}");
        }
    }
    verifies(&desk.store)
}

/// How many commands a batch may hold, at least.
const COMMANDS: usize = 8_000;

/// A batch of eight thousand commands is one batch, and its read set one read.
pub(in crate::store::conformance) fn takes_a_batch_of_eight_thousand_commands(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let keys: Vec<MovementKey> = (0..800).map(|at| movement(&format!("m-{at:03}"))).collect();
    let recorded: Vec<Command> = keys.iter().map(record).collect();
    desk.book(&recorded)?;
    let created: Vec<Command> = (0..COMMANDS)
        .map(|at| create(&keys[at % keys.len()], standard(&format!("ext-{at}"))))
        .collect();
    let batch = desk.book(&created)?;
    equal!(
        batch.entries.len(),
        COMMANDS,
        "how many entries the batch has"
    );
    equal!(
        Contents::of(&*desk.store)?.journal.len(),
        COMMANDS + 800,
        "how many the journal has"
    );
    let before = Contents::of(&*desk.store)?;
    let again = desk.plan(&created)?;
    equal!(again.entries.len(), 0, "a batch of replays writes nothing");

    // The last of eight thousand preconditions is looked at, too.
    let lost = desk.plan(
        &(0..COMMANDS)
            .map(|at| create(&keys[at % keys.len()], standard(&format!("lost-{at}"))))
            .collect::<Vec<_>>(),
    )?;
    let last = keys
        .iter()
        .max()
        .map_or_else(|| movement("m"), Clone::clone);
    desk.book(&[create(&last, products(None))])?;
    let answer = desk.store.commit(&lost);
    ensure!(
        answer.is_err(),
        "one of the batch's 800 movements has changed: it must conflict"
    );
    let after = Contents::of(&*desk.store)?;
    equal!(
        after.journal.len(),
        before.journal.len() + 1,
        "the conflict wrote nothing"
    );
    verifies(&desk.store)
}

/// A movement with hundreds of refunds and changes is read as one with few.
pub(in crate::store::conformance) fn takes_a_long_chain(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    desk.book(&[record(&key), create(&key, standard("a"))])?;
    for round in 0..10 {
        let mut commands = Vec::new();
        for at in 0..30 {
            commands.push(create(&key, standard(&format!("{round}-{at}"))));
            commands.push(update(
                &key,
                named("a"),
                RefundContent {
                    description: text(&format!("{round}-{at}")),
                    ..standard("a")
                },
            ));
        }
        desk.book(&commands)?;
    }
    let loaded = present_refund(&*desk.store, "acme", &named("a"), &[1, 2, 150, 300])?;
    equal!(
        loaded.refund.revision,
        301,
        "the revision after 300 updates"
    );
    for (revision, words) in [(1, "a refund"), (2, "0-0"), (150, "4-28"), (300, "9-28")] {
        let then = loaded
            .at_revision(revision)
            .and_then(|it| it.details.description.text());
        equal!(then, Some(words), "revision {revision} of 301");
    }
    desk.book(&[erase(&key, Some(named("a")))])?;
    let left = Contents::of(&*desk.store)?
        .journal
        .iter()
        .filter(|record| record.entry.text.is_some())
        .count();
    equal!(
        left,
        301,
        "the texts that are left once those of 301 revisions were erased"
    );
    verifies(&desk.store)
}

//! What a ledger over the store must come to.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{ErrorCode, LedgerError};
use crate::host::Host;
use crate::ledger::{Atomicity, Batch, Ledger};
use crate::store::conformance::desk::{
    Desk, cents, charge, create, create_keyed, delete, erase, id, movement, named, products,
    record, record_as, standard, text, update, void,
};
use crate::store::conformance::hosts::CountingHost;
use crate::store::conformance::view::{Contents, verifies};
use crate::store::conformance::{Failure, Fixture};
use crate::{Command, EntryKind, RefundContent, RefundFilter, RefundQuery, Repeats, Values};

fn refused<T: std::fmt::Debug>(
    result: Result<T, LedgerError>,
    code: ErrorCode,
    what: &str,
) -> Result<LedgerError, Failure> {
    match result {
        Err(error) if error.code() == code => Ok(error),
        other => Err(Failure::new(format!(
            "{what}: expected `{code}`, found {other:?}"
        ))),
    }
}

/// A retry is answered by the first result, whatever has happened since.
pub(in crate::store::conformance) fn replays_a_create_whatever_happened_since(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let ledger = desk.ledger();
    let key = movement("m");
    ledger.execute(&record(&key))?;
    let all = RefundContent {
        amount: cents(100_000),
        ..standard("ext")
    };
    let command = create(&key, all.clone());
    let first = ledger.execute(&command)?;
    ensure!(!first.replayed, "the first create is no replay");
    let replays = |when: &str| {
        let handle = Ledger::new(
            fixture.handle(),
            Arc::new(CountingHost::new(9)) as Arc<dyn Host>,
        );
        for ledger in [&ledger, &handle] {
            let before = Contents::of(&*desk.store)?;
            let again = ledger.execute(&command)?;
            ensure!(
                again.replayed && again.refund_id == first.refund_id,
                "the same create again {when} must be a replay of {first:?}; it was {again:?}"
            );
            before.unchanged(&*desk.store, "a create was replayed")?;
        }
        Ok::<(), Failure>(())
    };
    replays("right away, with the balance used up")?;
    let less = RefundContent {
        amount: cents(10),
        description: text("less"),
        ..all
    };
    ledger.execute(&update(&key, named("ext"), less))?;
    replays("after an update")?;
    ledger.execute(&erase(&key, Some(named("ext"))))?;
    replays("after its texts were erased")?;
    ledger.execute(&delete(&key, named("ext")))?;
    let error = refused(
        ledger.execute(&command),
        ErrorCode::RefundDeleted,
        "after its deletion",
    )?;
    let holder = error.holder().and_then(|holder| holder.refund_id);
    equal!(
        holder,
        first.refund_id,
        "the refund that a `refund_deleted` names"
    );
    verifies(&desk.store)
}

/// Another request under the same external id is told what differs, and from whose.
pub(in crate::store::conformance) fn names_the_fields_of_a_conflict(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let ledger = desk.ledger();
    let (key, other) = (movement("m"), movement("other"));
    let first = ledger.execute_all(
        &[
            record(&key),
            record(&other),
            create(&key, standard("ext")),
            create_keyed(&key, "key"),
        ],
        Batch::default(),
    )?;
    let first = first[2].clone()?;
    // Revision 1 is what counts, also once there is another.
    ledger.execute(&update(
        &key,
        named("ext"),
        RefundContent {
            billable: true,
            ..standard("ext")
        },
    ))?;
    let before = Contents::of(&*desk.store)?;
    let changed = |change: &dyn Fn(&mut RefundContent)| {
        let mut content = standard("ext");
        change(&mut content);
        content
    };
    for (command, fields) in [
        (
            create(&key, changed(&|it| it.amount = cents(101))),
            vec!["amount.value_with_taxes"],
        ),
        (
            create(&key, changed(&|it| it.billable = true)),
            vec!["billable"],
        ),
        (
            create(
                &key,
                changed(&|it| {
                    it.description = text("another");
                    it.external_invoice_id = Some(id("inv"));
                }),
            ),
            vec!["external_invoice_id", "description"],
        ),
        (create(&other, standard("ext")), vec!["movement_id"]),
        (
            create(&key, products(Some("ext"))),
            vec!["kind", "transaction_type_id"],
        ),
        (
            create(&key, products(Some("key"))),
            vec!["external_refund_unique_id"],
        ),
        (
            create_keyed(&key, "ext"),
            vec!["external_refund_unique_id", "kind", "transaction_type_id"],
        ),
    ] {
        let what = format!("{:?}", command.operation);
        let error = refused(
            ledger.execute(&command),
            ErrorCode::IdempotencyConflict,
            &what,
        )?;
        let named: Vec<&str> = error
            .details()
            .iter()
            .map(|detail| &*detail.field)
            .collect();
        equal!(named, fields, "the fields that differ in {what}");
        if fields[0] != "external_refund_unique_id" {
            let holder = error.holder().and_then(|holder| holder.refund_id);
            equal!(
                holder,
                first.refund_id,
                "the holder of the external id, for {what}"
            );
        }
    }
    refused(
        ledger.execute(&record_as(
            &key,
            crate::MovementRequest {
                description: text("another"),
                ..charge()
            },
        )),
        ErrorCode::IdempotencyConflict,
        "a movement recorded again with other content",
    )?;
    before.unchanged(&*desk.store, "the requests were refused")
}

/// The cap holds to the cent, and what is left can be taken to the cent.
pub(in crate::store::conformance) fn refuses_to_pass_the_amount(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let ledger = desk.ledger();
    let key = movement("m");
    let of = |name: &str, amount: i64| RefundContent {
        amount: cents(amount),
        ..standard(name)
    };
    ledger.execute_all(
        &[record(&key), create(&key, of("a", 99_000))],
        Batch::default(),
    )?;
    let before = Contents::of(&*desk.store)?;
    let passes = ErrorCode::OverRefund;
    refused(
        ledger.execute(&create(&key, of("b", 1_001))),
        passes,
        "a cent beyond what is left",
    )?;
    refused(
        ledger.execute(&update(&key, named("a"), of("a", 100_001))),
        passes,
        "an update to a cent beyond the amount",
    )?;
    refused(
        ledger.execute(&void(&key)),
        passes,
        "voiding a movement with live refunds",
    )?;
    before.unchanged(&*desk.store, "the requests were refused")?;
    ledger.execute(&create(&key, of("b", 1_000)))?;
    let refundable = ledger.balance(&key)?.refundable;
    equal!(
        refundable,
        Values::default(),
        "what is left once all was refunded"
    );
    ledger.execute(&delete(&key, named("a")))?;
    let refundable = ledger.balance(&key)?.refundable.with;
    equal!(refundable, 99_000, "what is left once a refund was deleted");
    verifies(&desk.store)
}

/// A refund's whole life, as its history tells it.
pub(in crate::store::conformance) fn tells_the_history_of_a_refund(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let ana = desk.ledger().with_actor(id("ana"));
    let bob = desk.ledger().with_actor(id("bob"));
    let key = movement("m");
    ana.execute(&record(&key))?;
    ana.execute(&create(&key, standard("ext")))?;
    let less = RefundContent {
        amount: cents(50),
        description: text("less"),
        ..standard("ext")
    };
    bob.execute(&update(&key, named("ext"), less.clone()))?;
    let unchanged = bob.execute(&update(&key, named("ext"), less))?;
    ensure!(
        unchanged.replayed,
        "an update that changes nothing writes nothing"
    );
    bob.execute(&delete(&key, named("ext")))?;
    ana.execute(&erase(&key, Some(named("ext"))))?;
    refused(
        ana.refund(&key, named("ext")),
        ErrorCode::RefundNotFound,
        "reading a deleted refund",
    )?;
    let history: Vec<_> = ana
        .history(&key, named("ext"))?
        .into_iter()
        .map(|it| {
            let values = it.refund.details.amount.values();
            (
                it.kind,
                it.actor.to_string(),
                it.refund.revision,
                values.with,
                it.refund.deleted,
            )
        })
        .collect();
    equal_lists!(
        history,
        [
            (EntryKind::RefundCreated, "ana".to_owned(), 1, 100, false),
            (EntryKind::RefundUpdated, "bob".to_owned(), 2, 50, false),
            (EntryKind::RefundDeleted, "bob".to_owned(), 3, 50, true),
        ],
        "the history of a refund"
    );
    verifies(&desk.store)
}

/// The head is the same for every handle, changes with every entry, and can be verified later.
pub(in crate::store::conformance) fn keeps_its_head_and_verifies_against_it(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let (one, two) = (Desk::numbered(fixture, 1), Desk::numbered(fixture, 2));
    let key = movement("m");
    let empty = one.ledger().head()?;
    equal!(
        (empty.entries, empty.movements),
        (0, 0),
        "the head of an empty store"
    );
    one.book(&[
        record(&key),
        create(&key, standard("a")),
        record(&movement("n")),
    ])?;
    let head = one.ledger().head()?;
    equal!(
        two.ledger().head()?,
        head,
        "the head as another handle computes it"
    );
    equal!(
        (head.entries, head.movements),
        (4 - 1, 2),
        "what the head counts"
    );
    two.book(&[
        create(&key, standard("b")),
        record(&movement("o")),
        erase(&key, Some(named("a"))),
    ])?;
    let later = one.ledger().head()?;
    ensure!(
        later.root != head.root,
        "the head's root changes with the journal"
    );
    for kept in [empty, head, later] {
        let report = two.ledger().verify(Some(kept))?;
        ensure!(
            report.is_valid(),
            "a head that was kept must verify for ever: {kept:?} gave {:?}",
            report.findings
        );
    }
    let mut forged = head;
    forged.entries += 1;
    ensure!(
        !one.ledger().verify(Some(forged))?.is_valid(),
        "a head that was never this store's must not verify"
    );
    Ok(())
}

/// Under `PerItem` good commands land and bad ones are reported, in order.
pub(in crate::store::conformance) fn carries_out_batches_per_item(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    let much = RefundContent {
        amount: cents(100_001),
        ..standard("much")
    };
    let commands = [
        create(&key, standard("early")),
        record(&key),
        create(&key, standard("a")),
        create(&key, much),
        create(&key, standard("a")),
        create(&key, standard("b")),
        delete(&key, named("none")),
    ];
    let per_item = Batch {
        atomicity: Atomicity::PerItem,
        repeats: Repeats::AsRequests,
    };
    let summary = |results: &[Result<crate::Receipt, LedgerError>]| -> Vec<String> {
        results
            .iter()
            .map(|result| match result {
                Ok(receipt) if receipt.replayed => "replayed".to_owned(),
                Ok(_) => "applied".to_owned(),
                Err(error) => error.code().to_string(),
            })
            .collect()
    };
    let words = |words: [&str; 7]| words.map(String::from);
    equal_lists!(
        summary(&desk.ledger().execute_all(&commands, per_item)?),
        words([
            "movement_not_found",
            "applied",
            "applied",
            "over_refund",
            "replayed",
            "applied",
            "refund_not_found",
        ]),
        "the results of a batch per item"
    );
    let before = Contents::of(&*desk.store)?;
    equal!(
        before.journal.len(),
        3,
        "how many entries the good commands made"
    );
    equal_lists!(
        summary(&desk.ledger().execute_all(&commands[1..6], per_item)?),
        [
            "replayed",
            "replayed",
            "over_refund",
            "replayed",
            "replayed"
        ]
        .map(String::from),
        "the same again"
    );
    before.unchanged(&*desk.store, "every command was replayed or refused")?;
    verifies(&desk.store)
}

/// Under `All` one refusal keeps everything from being written.
pub(in crate::store::conformance) fn carries_out_batches_all_or_nothing(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    let empty = Contents::of(&*desk.store)?;
    let commands = [
        record(&key),
        create(&key, standard("a")),
        create(&movement("none"), standard("b")),
    ];
    let results = desk.ledger().execute_all(&commands, Batch::default())?;
    let codes: Vec<_> = results
        .iter()
        .map(|it| it.as_ref().err().map(LedgerError::code))
        .collect();
    equal!(
        codes,
        vec![None, None, Some(ErrorCode::MovementNotFound)],
        "the results of the batch"
    );
    empty.unchanged(&*desk.store, "one command of an atomic batch was refused")?;
    for result in desk
        .ledger()
        .execute_all(&commands[..2], Batch::default())?
    {
        result?;
    }
    equal!(
        Contents::of(&*desk.store)?.journal.len(),
        2,
        "how many entries the good ones make"
    );
    Ok(())
}

/// A file imported again changes nothing, whatever was undone since.
pub(in crate::store::conformance) fn repeats_a_file_safely(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let ledger = desk.ledger();
    let (key, gone) = (movement("m"), movement("gone"));
    let less = RefundContent {
        amount: cents(50),
        ..standard("a")
    };
    let at_first = |content| {
        let mut command = update(&key, named("a"), content);
        if let crate::Operation::UpdateRefund {
            expected_revision, ..
        } = &mut command.operation
        {
            *expected_revision = Some(1);
        }
        command
    };
    let file: Vec<Command> = vec![
        record(&key),
        create(&key, standard("a")),
        at_first(less),
        create(&key, standard("b")),
        delete(&key, named("b")),
        delete(&key, named("a")),
        record(&gone),
        void(&gone),
        erase(&key, None),
    ];
    let as_file = Batch {
        atomicity: Atomicity::All,
        repeats: Repeats::AsFile,
    };
    for result in ledger.execute_all(&file[..8], as_file)? {
        result?;
    }
    let before = Contents::of(&*desk.store)?;
    // Without the line that would record the voided movement anew: undoing is not repeatable.
    for (at, result) in ledger
        .execute_all(&file[..6], as_file)?
        .into_iter()
        .enumerate()
    {
        ensure!(
            result?.replayed,
            "line {} of a file that is imported again is a replay",
            at + 1
        );
    }
    for command in &file[..6] {
        let receipt = ledger.execute_all(std::slice::from_ref(command), as_file)?;
        ensure!(
            receipt[0].clone()?.replayed,
            "a line imported alone again is a replay"
        );
    }
    before.unchanged(&*desk.store, "a file was imported again")?;
    verifies(&desk.store)
}

/// Lists, totals and balances over the ledger, page by page.
pub(in crate::store::conformance) fn lists_and_sums_up(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let ledger = desk.ledger();
    let key = movement("m");
    let mut commands = vec![record(&key)];
    commands.extend((0..250).map(|at| create(&key, standard(&format!("ext-{at}")))));
    commands.push(delete(&key, named("ext-7")));
    for result in ledger.execute_all(&commands, Batch::default())? {
        result?;
    }
    let mut query = RefundQuery {
        limit: Some(100),
        ..RefundQuery::default()
    };
    let mut counts = Vec::new();
    loop {
        let page = ledger.list_refunds(&query)?;
        counts.push(page.items.len());
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            break;
        }
    }
    equal!(
        counts,
        vec![100, 100, 49],
        "how many refunds the pages have"
    );
    let totals = ledger.totals(RefundFilter::default())?;
    let totals: Vec<_> = totals.iter().map(|it| (it.count, it.with_minor)).collect();
    equal!(
        totals,
        vec![(249, 24_900)],
        "the totals of the live refunds"
    );
    let balance = ledger.balance(&key)?;
    equal!(
        (balance.count, balance.refunded.with),
        (249, 24_900),
        "the movement's balance"
    );
    let movements = ledger.movements(Some(&id("acme")), None, 10)?;
    equal!(movements.len(), 1, "how many movements the org has");
    Ok(())
}

/// Whoever has a deadline works on the same ledger as everybody else.
pub(in crate::store::conformance) fn is_the_same_under_a_time_limit(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let ledger = desk.ledger();
    let hurried = ledger.clone().with_time_limit(Duration::from_mins(1));
    let key = movement("m");
    ledger.execute(&record(&key))?;
    hurried.execute(&create(&key, standard("ext-1")))?;
    ledger.execute(&create(&key, standard("ext-2")))?;
    for (ledger, whose) in [(&ledger, "the ledger"), (&hurried, "the one with a limit")] {
        equal!(
            ledger.balance(&key)?.count,
            2,
            "how many refunds {whose} has booked"
        );
    }
    Ok(())
}

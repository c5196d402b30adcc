//! The journal as a feed.

use std::collections::BTreeSet;

use crate::store::conformance::desk::{
    Desk, create, delete, erase, movement, movement_of, named, record, standard, void,
};
use crate::store::conformance::view::{paged_journal, while_others_write};
use crate::store::conformance::{Failure, Fixture};
use crate::{JournalPosition, JournalRecord};

/// Before the first entry there is none.
pub(in crate::store::conformance) fn is_empty_at_first(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let store = fixture.handle();
    for after in [0, 1, JournalPosition::MAX] {
        equal!(
            store.journal(after, 10)?,
            Vec::new(),
            "an empty store has no entry after {after}"
        );
    }
    Ok(())
}

/// Entries of a batch stand in its order, whatever movements they belong to.
pub(in crate::store::conformance) fn keeps_the_order_of_batches(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    // Neither by key nor by kind would these come in this order.
    let (z, a, m) = (movement("z"), movement("a"), movement_of("abc", "m"));
    let mut written = Vec::new();
    for commands in [
        vec![
            record(&z),
            create(&z, standard("3")),
            record(&a),
            create(&z, standard("1")),
        ],
        vec![
            create(&a, standard("2")),
            record(&m),
            delete(&z, named("3")),
            create(&m, standard("1")),
        ],
        vec![delete(&a, named("2")), void(&a), record(&a)],
        vec![create(&z, standard("0"))],
    ] {
        written.extend(desk.book(&commands)?.entries);
    }
    let journal = paged_journal(&*desk.store, 500)?;
    let entries: Vec<_> = journal.iter().map(|record| record.entry.clone()).collect();
    equal_lists!(entries, written, "the journal in order of position");
    ensure!(
        journal[0].position > 0,
        "positions begin above 0, which stands for the place before the first entry"
    );
    Ok(())
}

/// Paging by any size gives the same entries, and goes on from any position.
pub(in crate::store::conformance) fn pages_without_a_gap_or_a_repetition(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    for at in 0..4 {
        let key = movement(&format!("m-{at}"));
        desk.book(&[record(&key), create(&key, standard(&format!("x-{at}")))])?;
        desk.book(&[
            create(&key, standard(&format!("y-{at}"))),
            erase(&key, None),
        ])?;
    }
    let all = paged_journal(&*desk.store, 500)?;
    equal!(all.len(), 16, "how many entries the journal has");
    for limit in [1, 2, 3, 5, 15, 16, 17, usize::MAX] {
        equal_lists!(
            paged_journal(&*desk.store, limit)?,
            all,
            "the journal by pages of {limit}"
        );
    }
    for (at, record) in all.iter().enumerate() {
        let rest = desk.store.journal(record.position, 5)?;
        let wanted = &all[at + 1..all.len().min(at + 6)];
        equal_lists!(
            rest,
            *wanted,
            "five entries after position {}",
            record.position
        );
    }
    let last = all[all.len() - 1].position;
    for after in [
        last,
        last + 1,
        JournalPosition::MAX - 1,
        JournalPosition::MAX,
    ] {
        equal!(
            desk.store.journal(after, 10)?,
            Vec::new(),
            "nothing comes after position {after}, the journal ends at {last}"
        );
    }
    equal!(
        desk.store.journal(0, 0)?,
        Vec::new(),
        "a page of at most 0 entries"
    );
    Ok(())
}

/// A conflict is no entry, and those behind it come behind those before it.
pub(in crate::store::conformance) fn knows_nothing_of_what_was_not_committed(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    let first = desk.book(&[record(&key)])?;
    let lost = desk.plan(&[create(&key, standard("lost"))])?;
    let second = desk.book(&[create(&key, standard("kept"))])?;
    let _conflict = desk.store.commit(&lost);
    let third = desk.book(&[create(&key, standard("kept too"))])?;
    let entries: Vec<_> = paged_journal(&*desk.store, 2)?
        .into_iter()
        .map(|record| record.entry)
        .collect();
    let written: Vec<_> = [first, second, third]
        .into_iter()
        .flat_map(|batch| batch.entries)
        .collect();
    equal_lists!(
        entries,
        written,
        "the journal holds what was committed, nothing else"
    );
    Ok(())
}

/// A reader who pages while two handles write gets every entry once, in order.
pub(in crate::store::conformance) fn never_misses_an_entry_while_others_write(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    const BATCHES: usize = 30;
    let desks = [Desk::numbered(fixture, 1), Desk::numbered(fixture, 2)];
    let reader = fixture.handle();
    let write = |number: usize, at: usize| {
        // Each writes movements of its own, so nothing makes one wait but the store.
        let key = movement(&format!("{number}-{at}"));
        let name = format!("ext-{number}-{at}");
        desks[number]
            .book(&[record(&key), create(&key, standard(&name))])
            .map(|_| ())
    };
    let mut read: Vec<JournalRecord> = Vec::new();
    while_others_write(BATCHES, &[&|at| write(0, at), &|at| write(1, at)], || {
        loop {
            let after = read.last().map_or(0, |record| record.position);
            let page = reader.journal(after, 7)?;
            if page.is_empty() {
                return Ok(());
            }
            read.extend(page);
        }
    })?;
    let positions: Vec<_> = read.iter().map(|record| record.position).collect();
    ensure!(
        positions.is_sorted_by(|a, b| a < b),
        "positions must ascend for a reader who goes on from the last one; got {positions:?}"
    );
    equal_lists!(
        read,
        paged_journal(&*reader, 500)?,
        "what was read while others wrote is the whole journal: an entry that appears behind a \
         reader's back, at a smaller position, would be missing"
    );
    let distinct: BTreeSet<_> = read
        .iter()
        .map(|record| (&record.entry.movement, record.entry.sequence))
        .collect();
    equal!(
        distinct.len(),
        2 * 2 * BATCHES,
        "how many different entries there are"
    );
    Ok(())
}

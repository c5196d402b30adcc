//! Scans: movements in key order, with their entries and refunds.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::id::MovementKey;
use crate::store::ScanRange;
use crate::store::conformance::desk::{
    Desk, create, create_keyed, delete, id, movement, movement_of, named, products, record,
    standard, void,
};
use crate::store::conformance::view::{
    EVERYTHING, Row, paged_journal, scanned, while_others_write,
};
use crate::store::conformance::{Failure, Fixture};

/// Ids that sort by bytes otherwise than by letters, by length or by locale.
const NAMES: [&str; 14] = [
    "a",
    "a b",
    "a!",
    "a-",
    "aa",
    "a/b",
    "aé",
    "b",
    "A",
    "B",
    "é",
    "\u{ffff}",
    "\u{10000}",
    "10",
];

fn keys_of(rows: &[Row]) -> Vec<MovementKey> {
    rows.iter()
        .filter_map(|row| match row {
            Row::Movement(movement) => Some(movement.key.clone()),
            _ => None,
        })
        .collect()
}

/// Records every combination of the names as org, subscription and movement.
fn furnish(desk: &Desk) -> Result<Vec<MovementKey>, Failure> {
    let mut keys = Vec::new();
    for movement in NAMES {
        for org in NAMES {
            for subscription in ["a", "a b", "a!", "A", "é"] {
                keys.push(MovementKey::new(org, subscription, movement)?);
            }
        }
    }
    let commands: Vec<_> = keys.iter().map(record).collect();
    desk.book(&commands)?;
    keys.sort_by(|a, b| {
        let parts = |key: &MovementKey| {
            [key.org_id(), key.subscription_id(), key.movement_id()]
                .map(|id| id.as_bytes().to_vec())
        };
        parts(a).cmp(&parts(b))
    });
    Ok(keys)
}

/// The order of keys is that of their bytes: by org, then subscription, then movement.
pub(in crate::store::conformance) fn visits_movements_in_order_of_key_bytes(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let keys = furnish(&desk)?;
    let (rows, _) = scanned(&*desk.store, &ScanRange::default())?;
    equal_lists!(
        keys_of(&rows),
        keys,
        "movements in order of the bytes of their keys"
    );
    Ok(())
}

/// A range begins right behind `after`, whether a movement is there or not.
pub(in crate::store::conformance) fn begins_behind_a_key(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let keys = furnish(&desk)?;
    let mut places: Vec<MovementKey> = keys.iter().step_by(37).cloned().collect();
    places.extend([keys[0].clone(), keys[keys.len() - 1].clone()]);
    for (org, subscription, name) in [
        ("a", "a", "none"),
        ("a ", "a", "a"),
        ("Z", "z", "z"),
        ("a!!", "0", "0"),
        ("~", "~", "~"),
    ] {
        if let Ok(place) = MovementKey::new(org, subscription, name) {
            places.push(place);
        }
    }
    for after in &places {
        let range = ScanRange {
            after: Some(after),
            ..ScanRange::default()
        };
        let wanted: Vec<_> = keys.iter().filter(|key| *key > after).cloned().collect();
        let (rows, _) = scanned(&*desk.store, &range)?;
        equal_lists!(keys_of(&rows), wanted, "the movements behind {after:?}");
    }
    Ok(())
}

/// An org is its own, whatever other orgs' ids begin with.
pub(in crate::store::conformance) fn stays_within_an_org(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let keys = furnish(&desk)?;
    for name in NAMES.into_iter().chain(["none", "a b c"]) {
        let org = id(name);
        let of_org: Vec<_> = keys
            .iter()
            .filter(|key| key.org_id() == name)
            .cloned()
            .collect();
        let middle = of_org.get(of_org.len() / 2).or(keys.first());
        for after in [None, middle, keys.first(), keys.last()] {
            let range = ScanRange {
                org: Some(&org),
                after,
                ..ScanRange::default()
            };
            let wanted: Vec<_> = of_org
                .iter()
                .filter(|key| after.is_none_or(|after| *key > after))
                .cloned()
                .collect();
            let (rows, _) = scanned(&*desk.store, &range)?;
            equal_lists!(
                keys_of(&rows),
                wanted,
                "the movements of org {name:?} behind {after:?}"
            );
        }
    }
    Ok(())
}

/// One movement alone, with what belongs to it.
pub(in crate::store::conformance) fn visits_one_movement_alone(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let keys = furnish(&desk)?;
    let key = &keys[keys.len() / 2];
    desk.book(&[create(key, standard("x")), create(&keys[0], standard("y"))])?;
    for only in [key, &keys[0]] {
        let range = ScanRange {
            only: Some(only),
            ..EVERYTHING
        };
        let (rows, _) = scanned(&*desk.store, &range)?;
        let kinds: Vec<&str> = rows
            .iter()
            .map(|row| match row {
                Row::Movement(it) if it.key == *only => "movement",
                Row::Entry(it) if it.entry.movement == *only => "entry",
                Row::Refund(it, _) if it.movement == *only => "refund",
                _ => "of another",
            })
            .collect();
        equal_lists!(
            kinds,
            ["movement", "entry", "entry", "refund"],
            "what a scan of movement {only} alone visits"
        );
    }
    let none = movement_of("a", "none");
    let range = ScanRange {
        only: Some(&none),
        ..EVERYTHING
    };
    let (rows, _) = scanned(&*desk.store, &range)?;
    equal!(
        rows,
        Vec::new(),
        "a scan of a movement that is not there visits nothing"
    );
    // The parts of a range narrow each other.
    for (org, after, count) in [
        (None, Some(key), 0),
        (Some("nobody"), None, 0),
        (Some(key.org_id()), Some(&keys[0]), 1),
    ] {
        let org = org.map(id);
        let range = ScanRange {
            org: org.as_ref(),
            only: Some(key),
            after,
            ..ScanRange::default()
        };
        let (rows, _) = scanned(&*desk.store, &range)?;
        equal!(
            rows.len(),
            count,
            "movement {key} alone, of org {org:?}, behind {after:?}"
        );
    }
    Ok(())
}

/// Three movements with some history; answers with what a full scan must visit.
fn history(desk: &Desk) -> Result<Vec<MovementKey>, Failure> {
    let keys = vec![movement("a"), movement("b"), movement_of("bcme", "a")];
    // Refunds and entries of different movements are written in turns.
    desk.book(&[
        record(&keys[2]),
        record(&keys[0]),
        create(&keys[2], standard("c-1")),
    ])?;
    desk.book(&[
        create(&keys[0], standard("a-2")),
        create(&keys[0], products(None)),
        create(&keys[2], standard("c-2")),
        create_keyed(&keys[0], "a-1"),
    ])?;
    desk.book(&[
        delete(&keys[0], named("a-2")),
        create(&keys[0], standard("a-3")),
    ])?;
    desk.book(&[record(&keys[1]), void(&keys[1])])?;
    desk.book(&[
        create(&keys[2], standard("c-0")),
        delete(&keys[2], named("c-1")),
    ])?;
    Ok(keys)
}

/// Each movement's row, then its entries by sequence, then its refunds by id.
pub(in crate::store::conformance) fn visits_row_then_entries_then_refunds(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let keys = history(&desk)?;
    let (rows, position) = scanned(&*desk.store, &EVERYTHING)?;
    let mut journal: BTreeMap<MovementKey, Vec<_>> = BTreeMap::new();
    let feed = paged_journal(&*desk.store, 500)?;
    equal!(
        Some(position),
        feed.last().map(|record| record.position),
        "a scan answers with the last position"
    );
    for record in feed {
        journal
            .entry(record.entry.movement.clone())
            .or_default()
            .push(record);
    }
    let mut rest = rows.as_slice();
    for key in &keys {
        let (Some(Row::Movement(row)), behind) = (rest.first(), rest.get(1..).unwrap_or_default())
        else {
            return Err(Failure::new(format!(
                "a scan must visit the row of movement {key} first; it visited {:?}",
                rest.first()
            )));
        };
        equal!(row.key, *key, "the movement that is visited next");
        let entries: Vec<_> = behind
            .iter()
            .map_while(|row| match row {
                Row::Entry(record) => Some(record.clone()),
                _ => None,
            })
            .collect();
        let wanted = journal.remove(key).unwrap_or_default();
        equal_lists!(
            entries,
            wanted,
            "the entries of {key}, in order of sequence, as in the feed"
        );
        let sequences: Vec<u64> = entries.iter().map(|record| record.entry.sequence).collect();
        let ascending: Vec<u64> = (1..=row.chain.length).collect();
        equal_lists!(
            sequences,
            ascending,
            "the sequences of {key} as long as its chain"
        );
        rest = behind.get(entries.len()..).unwrap_or_default();
        let refunds: Vec<_> = rest
            .iter()
            .map_while(|row| match row {
                Row::Refund(refund, _) => Some(refund.clone()),
                _ => None,
            })
            .collect();
        ensure!(
            refunds.iter().all(|refund| refund.movement == *key),
            "the refunds behind the entries of {key} must be those of {key}"
        );
        ensure!(
            refunds.is_sorted_by_key(|refund| refund.id),
            "the refunds of {key} must be visited in order of id"
        );
        rest = rest.get(refunds.len()..).unwrap_or_default();
    }
    equal!(
        rest.len(),
        0,
        "a sound store has nothing behind its last movement; it had {rest:?}"
    );
    let count = rows
        .iter()
        .filter(|row| matches!(row, Row::Refund(..)))
        .count();
    equal!(
        count,
        7,
        "how many refunds a scan visits, deleted ones included"
    );
    Ok(())
}

/// Entries and refunds are visited as far as the range asks for them.
pub(in crate::store::conformance) fn visits_only_what_the_range_asks_for(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let keys = history(&desk)?;
    let (all, last) = scanned(&*desk.store, &EVERYTHING)?;
    for entries in [false, true] {
        for refunds in [false, true] {
            for only in [None, Some(&keys[0])] {
                let range = ScanRange {
                    only,
                    entries,
                    refunds,
                    ..ScanRange::default()
                };
                let wanted: Vec<_> = all
                    .iter()
                    .filter(|row| match row {
                        Row::Movement(it) => only.is_none_or(|only| it.key == *only),
                        Row::Entry(it) => entries && only.is_none_or(|o| it.entry.movement == *o),
                        Row::Refund(it, _) => refunds && only.is_none_or(|o| it.movement == *o),
                        Row::Invalid(_) => true,
                    })
                    .cloned()
                    .collect();
                let (rows, position) = scanned(&*desk.store, &range)?;
                equal_lists!(rows, wanted, "what a scan of {range:?} visits");
                equal!(
                    position,
                    last,
                    "a scan answers with the last position, whatever its range"
                );
            }
        }
    }
    Ok(())
}

/// A visitor who breaks off is not visited again, and the store goes on.
pub(in crate::store::conformance) fn stops_where_the_visitor_breaks_off(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    history(&desk)?;
    let (all, _) = scanned(&*desk.store, &EVERYTHING)?;
    for stop_at in 1..=all.len() {
        let mut rows = Vec::new();
        desk.store.scan(&EVERYTHING, &mut |row| {
            rows.push(Row::from(row));
            if rows.len() == stop_at {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        equal_lists!(
            rows,
            all[..stop_at],
            "a scan whose visitor breaks off at row {stop_at}"
        );
    }
    desk.book(&[create(&movement("a"), standard("after"))])?;
    Ok(())
}

/// The holder is whom a look-up of the external id finds: in a sound store, the refund itself.
pub(in crate::store::conformance) fn tells_who_holds_each_external_id(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    history(&desk)?;
    desk.book(&[
        create(&movement_of("bcme", "a"), standard("a-2")),
        create(&movement_of("bcme", "a"), products(None)),
    ])?;
    let (rows, _) = scanned(&*desk.store, &EVERYTHING)?;
    for row in &rows {
        if let Row::Refund(refund, holder) = row {
            let expected = refund.details.external_id.as_ref().map(|_| refund.id);
            equal!(
                *holder,
                expected,
                "the holder of the external id {:?} of refund {}, looked up as `load` would",
                refund.details.external_id,
                refund.id
            );
        }
    }
    Ok(())
}

/// Nothing in a store that only commits wrote is `Invalid`, and an empty store visits nothing.
pub(in crate::store::conformance) fn finds_nothing_invalid_in_a_sound_store(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let (rows, position) = scanned(&*desk.store, &EVERYTHING)?;
    ensure!(
        rows.is_empty() && position == 0,
        "a scan of an empty store visits nothing and answers position 0; it visited {rows:?} and \
         answered {position}"
    );
    history(&desk)?;
    let (rows, _) = scanned(&*desk.store, &EVERYTHING)?;
    for row in rows {
        ensure!(
            !matches!(row, Row::Invalid(_)),
            "a sound store visited {row:?}"
        );
    }
    Ok(())
}

/// A scan sees one state: of a batch that changed two movements, both changes or neither, and
/// exactly the entries up to the position that it answers.
pub(in crate::store::conformance) fn gives_one_consistent_view_while_others_write(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let (first, last) = (movement("a"), movement("z"));
    desk.book(&[record(&first), record(&last)])?;
    let reader = fixture.handle();
    let write = |at| {
        desk.book(&[
            create(&last, standard(&format!("z-{at}"))),
            create(&first, standard(&format!("a-{at}"))),
        ])
        .map(|_| ())
    };
    while_others_write(40, &[&write], || {
        let mut seen: BTreeMap<MovementKey, (u64, u64, u64)> = BTreeMap::new();
        let mut greatest = 0;
        let position = reader.scan(&EVERYTHING, &mut |row| {
            match Row::from(row) {
                Row::Movement(it) => {
                    seen.insert(it.key, (it.chain.length, 0, 1));
                }
                Row::Entry(it) => {
                    greatest = greatest.max(it.position);
                    seen.entry(it.entry.movement).or_default().1 += 1;
                }
                Row::Refund(it, _) => seen.entry(it.movement).or_default().2 += 1,
                Row::Invalid(_) => {}
            }
            ControlFlow::Continue(())
        })?;
        let one = seen.get(&first).copied().unwrap_or_default();
        equal!(
            seen.get(&last).copied().unwrap_or_default(),
            one,
            "each batch adds an entry to both movements: one view must show both or neither"
        );
        ensure!(
            one.0 == one.1 && one.0 == one.2,
            "a scan must see rows, entries and refunds of one state; it saw a chain of {} entries, \
             {} entries and {} refunds",
            one.0,
            one.1,
            one.2 - 1
        );
        equal!(
            position,
            greatest,
            "a scan answers with the last position of its view"
        );
        Ok(())
    })
}

//! What a store is asked in the name of an org: nobody looks once more at whose the answer is.

use std::ops::ControlFlow;
use std::sync::Arc;

use refund_ledger::store::{ReadSet, ScanRange};
use refund_ledger::{Id, ListAfter, MovementKey, Store, Timestamp};

use super::Ledgers;
use super::library::{WHOLE_LISTS, filters};
use crate::harness::Finding;

/// Asks both stores everything that takes an org.
pub(super) fn ask(ledgers: &mut Ledgers) -> Result<(), Finding> {
    for org in [ledgers.names.mine.name, "nobody"] {
        let org = Id::new(org)?;
        load(ledgers, &org)?;
        list(ledgers, &org)?;
        scan(ledgers, &org)?;
    }
    Ok(())
}

fn load(ledgers: &mut Ledgers, org: &Id) -> Result<(), Finding> {
    for (subscription, movement) in ledgers.names.all_movements() {
        let mut wanted = ReadSet::default();
        wanted.want_movement(MovementKey::new(org.as_str(), &subscription, &movement)?);
        ledgers.compare(&format!("load {wanted:?}"), |side| {
            format!("{:?}", side.store.load(&wanted))
        })?;
    }
    for lookup in ledgers.names.lookups()? {
        for revision in [None, Some(1)] {
            let mut wanted = ReadSet::default();
            wanted.want_refund(org.clone(), lookup.clone(), revision);
            ledgers.compare(&format!("load {wanted:?}"), |side| {
                format!("{:?}", side.store.load(&wanted))
            })?;
        }
    }
    Ok(())
}

fn list(ledgers: &mut Ledgers, org: &Id) -> Result<(), Finding> {
    let refund_datetime: Timestamp = "2022-02-24T13:45:10Z".parse()?;
    let behind = ledgers.names.all_refunds().map(|id| {
        Some(ListAfter {
            refund_datetime,
            id,
        })
    });
    let afters: Vec<Option<ListAfter>> = std::iter::once(None).chain(behind).collect();
    for (at, filter) in filters(&ledgers.names, Some(org))?.iter().enumerate() {
        let some = if at < WHOLE_LISTS { afters.len() } else { 1 };
        for after in &afters[..some] {
            let question = format!("list {filter:?} after {after:?}");
            ledgers.compare(&question, |side| {
                format!("{:?}", side.store.list_refunds(filter, *after, 100))
            })?;
        }
    }
    Ok(())
}

fn scan(ledgers: &mut Ledgers, org: &Id) -> Result<(), Finding> {
    let keys = ledgers
        .names
        .keys(&[ledgers.names.mine.name, ledgers.names.other.name])?;
    let behind = keys.iter().map(|key| (None, Some(key)));
    let only = keys.iter().map(|key| (Some(key), None));
    for (only, after) in std::iter::once((None, None)).chain(behind).chain(only) {
        let range = ScanRange {
            org: Some(org),
            only,
            after,
            entries: true,
            refunds: true,
        };
        ledgers.compare(&format!("scan {range:?}"), |side| rows(side.store, &range))?;
    }
    ledgers.compare(&format!("outlines of {org:?}"), |side| {
        let mut told = Vec::new();
        let outcome = side.store.refund_outlines(org, None, None, &mut |outline| {
            told.push(format!("{outline:?}"));
            ControlFlow::Continue(())
        });
        // They come in any order.
        told.sort();
        format!("{outcome:?}: {told:?}")
    })
}

/// What a scan visits. But for the last position: it is that of all orgs together.
pub(super) fn rows(store: &Arc<dyn Store>, range: &ScanRange<'_>) -> String {
    let mut told = Vec::new();
    let outcome = store.scan(range, &mut |row| {
        told.push(format!("{row:?}"));
        ControlFlow::Continue(())
    });
    format!("{:?}: {told:?}", outcome.map(drop))
}

//! Lists of refunds.

use crate::refund::Refund;
use crate::store::conformance::desk::{
    Desk, create, create_keyed, delete, id, movement, movement_of, named, products, record,
    standard, text, time, update,
};
use crate::store::conformance::view::{Contents, paged_list, while_others_write};
use crate::store::conformance::{Failure, Fixture};
use crate::{KindName, ListAfter, RefundContent, RefundFilter, RefundId};

const DATES: [&str; 6] = [
    "0001-01-01T00:00:00Z",
    "1969-12-31T23:59:59.999999999Z",
    "2024-01-15T12:00:00Z",
    "2024-01-15T12:00:00.000000001Z",
    "2024-01-15T12:00:01Z",
    "9999-12-31T23:59:59.999999999Z",
];

/// Forty-eight refunds of two orgs, in which every filter tells some from others.
fn furnish(desk: &Desk) -> Result<Vec<Refund>, Failure> {
    let mut number = 0_usize;
    for org in ["acme", "acme 2"] {
        for name in ["m", "m2"] {
            let key = movement_of(org, name);
            let mut commands = vec![record(&key)];
            for round in 0..12 {
                let external_id = format!("ext-{name}-{round}");
                let base = match round % 3 {
                    0 => standard(&external_id),
                    _ => products(Some(&external_id)),
                };
                // Dates in an order that is neither that of the ids nor its reverse, with ties.
                let content = RefundContent {
                    refund_datetime: time(DATES[(number * 5) % DATES.len()]),
                    billable: number.is_multiple_of(2),
                    external_invoice_id: (!number.is_multiple_of(4))
                        .then(|| id(&format!("inv-{}", number % 3))),
                    description: text(&format!("refund {number}")),
                    ..base
                };
                commands.push(if round == 5 {
                    create_keyed(&key, &external_id)
                } else {
                    create(&key, content)
                });
                number += 1;
            }
            commands.push(delete(&key, named(&format!("ext-{name}-4"))));
            commands.push(delete(&key, named(&format!("ext-{name}-9"))));
            desk.book(&commands)?;
        }
    }
    let mut all: Vec<Refund> = Contents::of(&*desk.store)?.refunds().cloned().collect();
    equal!(all.len(), 48, "how many refunds were booked");
    all.sort_by_key(|refund| ListAfter::from(refund));
    Ok(all)
}

fn everything() -> RefundFilter {
    RefundFilter {
        include_deleted: true,
        ..RefundFilter::default()
    }
}

fn matching(all: &[Refund], filter: &RefundFilter) -> Vec<Refund> {
    all.iter()
        .filter(|refund| filter.matches(refund))
        .cloned()
        .collect()
}

/// By `refund_datetime`, to the nanosecond and over all years, then by id.
pub(in crate::store::conformance) fn is_ordered_by_date_then_id(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let empty = desk.store.list_refunds(&everything(), None, 10)?;
    ensure!(
        empty.items.is_empty() && !empty.more,
        "an empty store lists nothing, and no more"
    );
    let all = furnish(&desk)?;
    let listed = desk.store.list_refunds(&everything(), None, 100)?;
    equal_lists!(
        listed.items,
        all,
        "the list in order of `refund_datetime`, then id"
    );
    Ok(())
}

/// At most `limit`, and `more` exactly where there are more.
pub(in crate::store::conformance) fn tells_whether_there_are_more(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let all = furnish(&desk)?;
    let invoice = RefundFilter {
        invoice: Some(id("inv-1")),
        ..everything()
    };
    for filter in [everything(), invoice] {
        let wanted = matching(&all, &filter);
        let count = wanted.len();
        for limit in [1, 2, count - 1, count, count + 1, usize::MAX] {
            let page = desk.store.list_refunds(&filter, None, limit)?;
            let expected = &wanted[..count.min(limit)];
            equal_lists!(
                page.items,
                *expected,
                "the first {limit} of {count} refunds"
            );
            equal!(
                page.more,
                limit < count,
                "whether there are more behind the first {limit} of {count} refunds"
            );
        }
    }
    Ok(())
}

/// Every filter that one field can ask for, with values that match some, none and all.
fn single_filters(all: &[Refund]) -> Vec<(&'static str, RefundFilter)> {
    let mut filters: Vec<(&'static str, RefundFilter)> = Vec::new();
    let mut add = |what, set: &dyn Fn(&mut RefundFilter)| {
        let mut filter = everything();
        set(&mut filter);
        filters.push((what, filter));
    };
    for org in ["acme", "acme 2", "ACME", "acm"] {
        add("org", &|it| it.org = Some(id(org)));
    }
    for subscription in ["sub", "su"] {
        add("subscription", &|it| {
            it.subscription = Some(id(subscription));
        });
    }
    for name in ["m", "m2", "M", "none"] {
        add("movement", &|it| it.movement = Some(id(name)));
    }
    add("refund_id", &|it| it.refund_id = Some(all[7].id));
    add("refund_id", &|it| {
        it.refund_id = Some(RefundId::from_bytes([9; 16]));
    });
    for date in DATES {
        add("from", &|it| it.from = Some(time(date)));
        add("to", &|it| it.to = Some(time(date)));
    }
    add("from and to", &|it| {
        it.from = Some(time(DATES[2]));
        it.to = Some(time(DATES[4]));
    });
    add("from and to that leave nothing", &|it| {
        it.from = Some(time(DATES[4]));
        it.to = Some(time(DATES[2]));
    });
    for external_id in ["ext-m-1", "ext-m-4", "ext-m-5", "EXT-m-1", "none"] {
        add("external_id", &|it| it.external_id = Some(id(external_id)));
    }
    for invoice in ["inv-0", "inv-2", "inv"] {
        add("invoice", &|it| it.invoice = Some(id(invoice)));
    }
    for kind in [KindName::Standard, KindName::NonSubscribable] {
        add("kind", &|it| it.kind = Some(kind));
    }
    for billable in [true, false] {
        add("billable", &|it| it.billable = Some(billable));
    }
    add("include_deleted", &|it| it.include_deleted = false);
    filters
}

/// Each filter on its own leaves exactly what matches it.
pub(in crate::store::conformance) fn obeys_every_filter(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let all = furnish(&desk)?;
    for (what, filter) in single_filters(&all) {
        let listed = desk.store.list_refunds(&filter, None, 500)?;
        equal_lists!(
            listed.items,
            matching(&all, &filter),
            "the refunds that match the filter `{what}`: {filter:?}"
        );
    }
    Ok(())
}

/// Filters add up: what matches all of them is left.
pub(in crate::store::conformance) fn obeys_filters_together(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let all = furnish(&desk)?;
    for filter in double_filters(&single_filters(&all)) {
        let listed = desk.store.list_refunds(&filter, None, 500)?;
        equal_lists!(
            listed.items,
            matching(&all, &filter),
            "the refunds that match all of {filter:?}"
        );
    }
    Ok(())
}

/// What any two filters ask for together, where neither asks for it alone. Each comes once.
fn double_filters(singles: &[(&'static str, RefundFilter)]) -> Vec<RefundFilter> {
    let mut doubles = Vec::new();
    for (at, (_, one)) in singles.iter().enumerate() {
        for (_, two) in &singles[at + 1..] {
            let both = both_filters(one, two);
            if both != *one && both != *two && !doubles.contains(&both) {
                doubles.push(both);
            }
        }
    }
    doubles
}

/// Where both ask for the same field, the first has it.
fn both_filters(one: &RefundFilter, two: &RefundFilter) -> RefundFilter {
    RefundFilter {
        org: one.org.clone().or_else(|| two.org.clone()),
        subscription: one
            .subscription
            .clone()
            .or_else(|| two.subscription.clone()),
        movement: one.movement.clone().or_else(|| two.movement.clone()),
        refund_id: one.refund_id.or(two.refund_id),
        from: one.from.or(two.from),
        to: one.to.or(two.to),
        external_id: one.external_id.clone().or_else(|| two.external_id.clone()),
        invoice: one.invoice.clone().or_else(|| two.invoice.clone()),
        kind: one.kind.or(two.kind),
        billable: one.billable.or(two.billable),
        include_deleted: one.include_deleted && two.include_deleted,
    }
}

/// An idempotency key makes a refund unique; it is not its external id.
pub(in crate::store::conformance) fn does_not_take_an_idempotency_key_for_an_external_id(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    desk.book(&[
        record(&key),
        create_keyed(&key, "key"),
        create(&key, standard("given")),
    ])?;
    for (name, count) in [("key", 0), ("given", 1)] {
        let filter = RefundFilter {
            external_id: Some(id(name)),
            ..everything()
        };
        let found = desk.store.list_refunds(&filter, None, 10)?.items.len();
        equal!(
            found,
            count,
            "how many refunds have the external id `{name}`"
        );
    }
    Ok(())
}

/// Pages of any size, of any filter, add up to the list.
pub(in crate::store::conformance) fn pages_without_a_gap_or_a_repetition(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let all = furnish(&desk)?;
    let filters = single_filters(&all);
    for limit in [1, 3, 7, 47, 48] {
        equal_lists!(
            paged_list(&*desk.store, &everything(), limit)?,
            all,
            "the whole list by pages of {limit}"
        );
    }
    for (what, filter) in &filters {
        equal_lists!(
            paged_list(&*desk.store, filter, 2)?,
            matching(&all, filter),
            "the list filtered by `{what}`, by pages of 2: {filter:?}"
        );
    }
    Ok(())
}

/// `after` is a place, not a refund: nothing need be there, and filters may leave it out.
pub(in crate::store::conformance) fn goes_on_behind_a_place_where_no_refund_is(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let all = furnish(&desk)?;
    for date in DATES {
        for id in [
            RefundId::from_bytes([0; 16]),
            all[20].id,
            RefundId::from_bytes([0xff; 16]),
        ] {
            let after = ListAfter {
                refund_datetime: time(date),
                id,
            };
            for filter in [everything(), RefundFilter::default()] {
                let wanted: Vec<Refund> = matching(&all, &filter)
                    .into_iter()
                    .filter(|refund| ListAfter::from(refund) > after)
                    .collect();
                let listed = desk.store.list_refunds(&filter, Some(after), 100)?;
                equal_lists!(listed.items, wanted, "the refunds behind {after:?}");
            }
        }
    }
    Ok(())
}

/// A refund whose date an update changes stands at its new place only.
pub(in crate::store::conformance) fn follows_a_refund_to_its_new_date(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let key = movement("m");
    let dated = |name: &str, date: &str| RefundContent {
        refund_datetime: time(date),
        ..standard(name)
    };
    desk.book(&[
        record(&key),
        create(&key, dated("a", "2024-01-01T00:00:00Z")),
        create(&key, dated("b", "2024-01-02T00:00:00Z")),
        create(&key, dated("c", "2024-01-03T00:00:00Z")),
    ])?;
    for (date, order) in [
        ("2024-01-02T12:00:00Z", ["b", "a", "c"]),
        ("2024-01-04T00:00:00Z", ["b", "c", "a"]),
        ("2024-01-01T12:00:00Z", ["a", "b", "c"]),
    ] {
        desk.book(&[update(&key, named("a"), dated("a", date))])?;
        for limit in [1, 10] {
            let listed: Vec<String> = paged_list(&*desk.store, &everything(), limit)?
                .into_iter()
                .filter_map(|it| it.details.external_id.map(|id| id.id().as_str().to_owned()))
                .collect();
            equal_lists!(
                listed,
                order.map(String::from),
                "the list once `a` is dated {date}"
            );
        }
    }
    Ok(())
}

/// A reader who pages while rows are inserted gets each that was there before once.
pub(in crate::store::conformance) fn pages_steadily_while_others_insert(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let desk = Desk::new(fixture);
    let before = furnish(&desk)?;
    let other = Desk::numbered(fixture, 2);
    let key = movement("inserted");
    other.book(&[record(&key)])?;
    let write = |at| {
        let content = RefundContent {
            refund_datetime: time(DATES[at % DATES.len()]),
            ..standard(&format!("inserted-{at}"))
        };
        other.book(&[create(&key, content)]).map(|_| ())
    };
    while_others_write(30, &[&write], || {
        // That the order holds and nothing is repeated, the paging itself checks.
        let listed = paged_list(&*desk.store, &everything(), 5)?;
        let kept: Vec<Refund> = listed
            .into_iter()
            .filter(|it| before.iter().any(|b| b.id == it.id))
            .collect();
        equal_lists!(
            kept,
            before,
            "the refunds that were there before the paging began"
        );
        Ok(())
    })?;
    equal!(
        paged_list(&*desk.store, &everything(), 500)?.len(),
        before.len() + 30,
        "how many refunds there are in the end"
    );
    Ok(())
}

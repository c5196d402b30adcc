//! Lists from the file against the plain meaning of their filters, over random refunds.
#![cfg(feature = "sqlite")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails should fail loudly"
)]

mod sqlite_support;

use std::ops::ControlFlow;

use proptest::prelude::*;
use refund_ledger::store::RefundOutline;
use refund_ledger::store::Store;
use refund_ledger::{
    Batch, Command, Id, KindName, ListAfter, MovementKey, Operation, Refund, RefundContent,
    RefundFilter, RefundLookup, RefundQuery, Timestamp,
};
use sqlite_support::{InFile, amount, assert_valid, id, movement, product_refund, refund};

const ORGS: [&str; 4] = ["acme", "globex", "initech", "\u{e9}tudes"];
const INVOICES: [&str; 2] = ["inv-1", "inv-2"];

/// A few moments, so that many refunds share one.
fn moment(n: u8) -> Timestamp {
    let nanos = [0, 1, 999_999_999][usize::from(n % 3)];
    Timestamp::from_unix(1_650_000_000 + i64::from(n / 3), nanos).unwrap()
}

#[derive(Clone, Debug)]
struct Sketch {
    org: usize,
    subscription: u8,
    movement: u8,
    moment: u8,
    products: bool,
    invoice: Option<usize>,
    billable: bool,
    deleted: bool,
}

fn sketches() -> impl Strategy<Value = Vec<Sketch>> {
    let one = (
        0..ORGS.len(),
        0..2_u8,
        0..2_u8,
        0..12_u8,
        any::<bool>(),
        proptest::option::of(0..INVOICES.len()),
        any::<bool>(),
        proptest::bool::weighted(0.2),
    )
        .prop_map(
            |(org, subscription, movement, moment, products, invoice, billable, deleted)| Sketch {
                org,
                subscription,
                movement,
                moment,
                products,
                invoice,
                billable,
                deleted,
            },
        );
    proptest::collection::vec(one, 0..60)
}

fn filters() -> impl Strategy<Value = RefundFilter> {
    use proptest::option::weighted;
    (
        weighted(0.6, 0..ORGS.len()),
        weighted(0.3, 0..3_u8),
        weighted(0.3, 0..3_u8),
        weighted(0.3, 0..12_u8),
        weighted(0.3, 0..12_u8),
        weighted(0.1, 0..60_usize),
        weighted(0.2, 0..INVOICES.len()),
        weighted(0.2, any::<bool>()),
        weighted(0.2, any::<bool>()),
        any::<bool>(),
    )
        .prop_map(
            |(org, subscription, movement, from, to, external, invoice, kind, billable, all)| {
                RefundFilter {
                    org: org.map(|n| id(ORGS[n])),
                    subscription: subscription.map(|n| id(&format!("sub-{n}"))),
                    movement: movement.map(|n| id(&format!("mov-{n}"))),
                    refund_id: None,
                    from: from.map(moment),
                    to: to.map(moment),
                    external_id: external.map(|n| id(&format!("ext-{n}"))),
                    invoice: invoice.map(|n| id(INVOICES[n])),
                    kind: kind.map(|is| {
                        if is {
                            KindName::Standard
                        } else {
                            KindName::NonSubscribable
                        }
                    }),
                    billable,
                    include_deleted: all,
                }
            },
        )
}

fn book(sketches: &[Sketch]) -> InFile {
    let file = InFile::new();
    let key = |sketch: &Sketch| {
        MovementKey::new(
            ORGS[sketch.org],
            &format!("sub-{}", sketch.subscription),
            &format!("mov-{}", sketch.movement),
        )
        .unwrap()
    };
    let mut commands = Vec::new();
    for (n, sketch) in sketches.iter().enumerate() {
        let scope = key(sketch);
        let mut commanded = |operation| {
            commands.push(Command {
                movement: scope.clone(),
                operation,
            });
        };
        commanded(Operation::RecordMovement(movement("a movement")));
        let common = refund(&format!("ext-{n}"), "0.02", "a refund");
        let mut content = if sketch.products {
            RefundContent::from(product_refund("0.02", "a refund"))
        } else {
            RefundContent::from(common)
        };
        content.amount = amount("0.02");
        content.refund_datetime = moment(sketch.moment);
        content.billable = sketch.billable;
        content.external_invoice_id = sketch.invoice.map(|n| id(INVOICES[n]));
        // Some keys come as external ids, which lists find, some beside the request, which they
        // don't.
        commanded(Operation::CreateRefund {
            content,
            idempotency_key: sketch.products.then(|| id(&format!("ext-{n}"))),
        });
        if sketch.deleted {
            commanded(Operation::DeleteRefund {
                refund: RefundLookup::ExternalId(id(&format!("ext-{n}"))),
                expected_revision: None,
            });
        }
    }
    for result in file
        .ledger
        .execute_all(&commands, Batch::default())
        .unwrap()
    {
        result.unwrap();
    }
    file
}

/// What the outlines of an org say, in the order of ids.
fn outlines(
    file: &InFile,
    org: &str,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
) -> Vec<String> {
    let mut outlines = Vec::new();
    file.store
        .refund_outlines(&id(org), from, to, &mut |outline| {
            outlines.push(format!("{outline:?}"));
            ControlFlow::Continue(())
        })
        .unwrap();
    outlines.sort();
    outlines
}

/// A refund in outline, by the plain meaning of its fields.
fn outline(refund: &Refund) -> String {
    let details = &refund.details;
    let outline = RefundOutline {
        id: refund.id,
        external_id: details.external_id.as_ref().map(|id| id.id().as_str()),
        external_invoice_id: details.external_invoice_id.as_ref().map(Id::as_str),
        refund_datetime: details.refund_datetime,
        currency: details.amount.currency(),
        with_minor: details.amount.values().with,
        deleted: refund.deleted,
    };
    format!("{outline:?}")
}

/// All refunds, deleted or not, in the order of lists.
fn all(file: &InFile) -> Vec<Refund> {
    let mut refunds = Vec::new();
    let range = refund_ledger::store::ScanRange {
        refunds: true,
        ..Default::default()
    };
    file.store
        .scan(&range, &mut |row| {
            if let refund_ledger::store::ScanRow::Refund { refund, .. } = row {
                refunds.push(refund.clone());
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    refunds.sort_by_key(|refund| ListAfter::from(refund));
    refunds
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn outlines_say_what_the_refunds_of_the_org_say(
        mut sketches in sketches(),
        one_org: bool,
        from in proptest::option::of(0..12_u8),
        to in proptest::option::of(0..12_u8),
    ) {
        if one_org {
            for sketch in &mut sketches {
                sketch.org = 0;
            }
        }
        let file = book(&sketches);
        let refunds = all(&file);
        let (from, to) = (from.map(moment), to.map(moment));
        for org in ORGS {
            let of_org = RefundFilter {
                org: Some(id(org)),
                from,
                to,
                include_deleted: true,
                ..RefundFilter::default()
            };
            let found = refunds.iter().filter(|refund| of_org.matches(refund));
            let mut wanted: Vec<String> = found.map(outline).collect();
            wanted.sort();
            let told = outlines(&file, org, from, to);
            prop_assert_eq!(told, wanted, "of {} from {:?} to {:?}", org, from, to);
        }
        prop_assert_eq!(outlines(&file, "nobody", from, to), Vec::<String>::new());
    }

    #[test]
    fn a_list_holds_what_its_filter_matches(
        sketches in sketches(),
        filters in proptest::collection::vec(filters(), 12),
        limit in 1..8_usize,
    ) {
        let file = book(&sketches);
        let refunds = all(&file);
        for mut filter in filters {
            let matching = |filter: &RefundFilter| -> Vec<Refund> {
                refunds.iter().filter(|refund| filter.matches(refund)).cloned().collect()
            };
            let wanted = matching(&filter);
            let page = file.store.list_refunds(&filter, None, usize::MAX).unwrap();
            prop_assert_eq!(&page.items, &wanted, "all of {:?}", filter);
            prop_assert!(!page.more, "there is nothing behind all of it");

            let mut paged = Vec::new();
            let mut after = None;
            loop {
                let page = file.store.list_refunds(&filter, after, limit).unwrap();
                prop_assert!(page.items.len() <= limit, "at most {} on a page", limit);
                after = page.items.last().map(ListAfter::from);
                paged.extend(page.items);
                prop_assert_eq!(page.more, paged.len() < wanted.len(), "whether there is more");
                if !page.more {
                    break;
                }
            }
            prop_assert_eq!(&paged, &wanted, "page by page of {} of {:?}", limit, filter);

            // From anywhere, also from before the filter's range or from what is not in the list.
            for start in refunds.iter().step_by(7).map(ListAfter::from) {
                let behind: Vec<&Refund> =
                    wanted.iter().filter(|refund| ListAfter::from(*refund) > start).collect();
                let page = file.store.list_refunds(&filter, Some(start), usize::MAX).unwrap();
                prop_assert_eq!(page.items.iter().collect::<Vec<_>>(), behind, "behind {:?}", start);
            }
            for refund in refunds.iter().step_by(5) {
                filter.refund_id = Some(refund.id);
                let page = file.store.list_refunds(&filter, None, 10).unwrap();
                prop_assert_eq!(page.items, matching(&filter), "by id, {:?}", filter);
            }
        }
    }
}

#[test]
fn pages_over_many_orgs_come_in_one_order() {
    let file = InFile::new();
    let mut commands = Vec::new();
    for org in 0..300 {
        for n in 0..3_u8 {
            let scope = MovementKey::new(&format!("org-{org}"), "sub", "mov").unwrap();
            let mut request = refund(&format!("ext-{n}"), "0.02", "x");
            request.refund_datetime =
                moment(u8::try_from((org * 7 + usize::from(n) * 5) % 250).unwrap());
            commands.push(Command {
                movement: scope.clone(),
                operation: Operation::RecordMovement(movement("x")),
            });
            commands.push(Command {
                movement: scope,
                operation: Operation::CreateRefund {
                    content: request.into(),
                    idempotency_key: None,
                },
            });
        }
    }
    file.ledger
        .execute_all(&commands, Batch::default())
        .unwrap();
    let wanted = all(&file);
    assert_eq!(wanted.len(), 900, "three refunds in each of 300 orgs");
    let mut paged = Vec::new();
    let mut query = RefundQuery {
        limit: Some(7),
        ..RefundQuery::default()
    };
    loop {
        let page = file.ledger.list_refunds(&query).unwrap();
        paged.extend(page.items);
        match page.next_cursor {
            Some(cursor) => query.cursor = Some(cursor),
            None => break,
        }
    }
    assert_eq!(
        paged, wanted,
        "every refund once, in the order of date and id"
    );
    let unknown = RefundFilter {
        org: Some(Id::new("nobody").unwrap()),
        ..RefundFilter::default()
    };
    assert!(
        file.store
            .list_refunds(&unknown, None, 5)
            .unwrap()
            .items
            .is_empty()
    );
    assert_valid(&file.ledger);
}

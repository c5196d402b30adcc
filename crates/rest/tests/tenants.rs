//! What belongs to one org is not told to another: ids of others are answered as ids of nobody, byte
//! for byte, and nothing of theirs is in any response.
//!
//! The checks are functions of how requests are answered, and further down they are run on systems that
//! leak.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod common;
mod two_orgs;

use std::ops::ControlFlow;
use std::sync::Arc;

use common::{Seen, request};
use http::Request;
use refund_ledger::store::memory::MemoryStore;
use refund_ledger::store::{ReadSet, ScanRange, ScanRow, Snapshot, WriteBatch};
use refund_ledger::{
    JournalRecord, Ledger, ListAfter, Page, Refund, RefundFilter, Store, StoreError,
};
use refund_rest::{Operation, answer};
use two_orgs::{
    ALFA, ALFA_OTHER_MOVEMENT, ALFA_OTHER_SUBSCRIPTION, BRAVO, DELETED, Ids, NOWHERE, SOUND,
    System, goods, movement_path, of, of_acme, of_all, refund_id, standard,
};

/// The same response as it would be about these ids: whoever named them may be told them.
fn renamed(seen: &Seen, from: Ids, to: Ids) -> Seen {
    let rename = |text: &str| {
        text.replace(from.org, to.org)
            .replace(from.subscription, to.subscription)
            .replace(from.movement, to.movement)
            .replace(&refund_id(from.refund), &refund_id(to.refund))
    };
    Seen {
        status: seen.status,
        headers: seen
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), rename(value)))
            .collect(),
        body: rename(seen.text()).into_bytes(),
    }
}

/// Paths that lead to something of another's or to something deleted, each with the path that leads
/// nowhere in the same place.
fn not_ones_own(operation: Operation) -> Vec<(&'static str, Ids, Ids)> {
    let mut pairs = Vec::new();
    let path = operation.path();
    if path.contains("{subscriptionId}") {
        let here = |org| Ids { org, ..ALFA };
        pairs.push(("another org", here(BRAVO.org), here(NOWHERE.org)));
        for foreign in [ALFA_OTHER_SUBSCRIPTION, BRAVO] {
            for rest in [ALFA, foreign] {
                let here = |subscription| Ids {
                    org: ALFA.org,
                    subscription,
                    ..rest
                };
                let (subscription, nowhere) = (foreign.subscription, NOWHERE.subscription);
                if here(subscription) != foreign {
                    let pair = (here(subscription), here(nowhere));
                    pairs.push(("another subscription", pair.0, pair.1));
                }
            }
        }
        for foreign in [ALFA_OTHER_SUBSCRIPTION, BRAVO] {
            for refund in [ALFA.refund, foreign.refund] {
                let here = |movement| Ids {
                    movement,
                    refund,
                    ..ALFA
                };
                let pair = (here(foreign.movement), here(NOWHERE.movement));
                pairs.push(("another movement", pair.0, pair.1));
            }
        }
    }
    if path.contains("{refundId}") {
        let others = [
            ALFA_OTHER_MOVEMENT.refund,
            ALFA_OTHER_SUBSCRIPTION.refund,
            BRAVO.refund,
        ];
        let here = |refund| Ids { refund, ..ALFA };
        for refund in others {
            pairs.push(("another's refund", here(refund), here(NOWHERE.refund)));
        }
        // A deleted refund still has its history.
        if operation != Operation::GetRefundHistory {
            let pair = (here(DELETED), here(NOWHERE.refund));
            pairs.push(("a deleted refund", pair.0, pair.1));
        }
    }
    pairs
}

/// Where ids of others are told from ids of nobody.
fn told_apart(system: &System) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut compare = |what: String, one: &Seen, other: &Seen| {
        if one != other {
            complaints.push(format!("{what}\nthere: {one:?}\nnowhere: {other:?}"));
        }
    };
    for operation in Operation::ALL {
        for (what, there, nowhere) in not_ones_own(operation) {
            for asks in [of_acme(), of_all()] {
                let one = system.ask(&asks, &of(operation, there));
                let other = system.ask(&asks, &of(operation, nowhere));
                let what = format!("{}, {what}, for {}", operation.id(), asks.subject);
                compare(what, &renamed(&one, there, nowhere), &other);
            }
        }
        // In an org of others nothing is answered but that it is one.
        let nobody = system.ask(&of_acme(), &of(operation, NOWHERE));
        for there in [
            BRAVO,
            Ids {
                org: BRAVO.org,
                ..ALFA
            },
            Ids {
                refund: NOWHERE.refund,
                ..BRAVO
            },
            Ids {
                movement: NOWHERE.movement,
                ..BRAVO
            },
            Ids {
                org: BRAVO.org,
                ..NOWHERE
            },
        ] {
            let seen = system.ask(&of_acme(), &of(operation, there));
            let what = format!("{} in another's org", operation.id());
            compare(what.clone(), &seen, &nobody);
            let forbidden = Seen {
                status: 403,
                ..seen.clone()
            };
            compare(what, &seen, &forbidden);
        }
    }
    for (what, there, nowhere) in by_the_way() {
        let one = system.ask(&of_acme(), &there);
        compare(what.into(), &one, &system.ask(&of_acme(), &nowhere));
    }
    complaints
}

/// A request about what is another's, beside one about what is nobody's.
type Pair = (&'static str, Request<Vec<u8>>, Request<Vec<u8>>);

/// Requests that name what is another org's elsewhere than in the path.
fn by_the_way() -> Vec<Pair> {
    let refunds = movement_path(ALFA) + "/refund";
    let products = refunds.clone() + "/non-subscribable-products";
    let own = format!("{refunds}/{}", refund_id(ALFA.refund));
    let list = |query: &str| request("GET", &format!("/v1/orgs/acme/refunds?{query}"), "");
    let keyed = |key: &str| {
        let mut keyed = request("POST", &products, &goods("A cable"));
        let key = key.parse().unwrap();
        keyed.headers_mut().insert("idempotency-key", key);
        keyed
    };
    vec![
        (
            "an external id",
            request("POST", &refunds, &standard("bravo-ref", "x")),
            request("POST", &refunds, &standard("free", "x")),
        ),
        (
            "an external id that is a key",
            request("POST", &refunds, &standard("bravo-key", "x")),
            request("POST", &refunds, &standard("free", "x")),
        ),
        ("a key", keyed("bravo-key"), keyed("free")),
        (
            "an external id of an update",
            request("PUT", &own, &standard("bravo-ref", "x")),
            request("PUT", &own, &standard("free", "x")),
        ),
        (
            "a list by subscription",
            list("subscription_id=bravo-sub"),
            list("subscription_id=nowhere"),
        ),
        (
            "a list by movement",
            list("movement_id=bravo-mov"),
            list("movement_id=never"),
        ),
        (
            "a list by external id",
            list("external_refund_unique_id=bravo-ref"),
            list("external_refund_unique_id=free"),
        ),
        (
            "a list by invoice",
            list("external_invoice_id=bravo-ref-inv"),
            list("external_invoice_id=free"),
        ),
    ]
}

/// What of `globex` is in the answers to a caller of `acme`.
fn leaked(system: &System) -> Vec<String> {
    let mut asked: Vec<(Request<Vec<u8>>, Ids)> = Vec::new();
    for operation in Operation::ALL {
        let own = [ALFA, ALFA_OTHER_MOVEMENT, ALFA_OTHER_SUBSCRIPTION, BRAVO];
        let foreign = not_ones_own(operation).into_iter().map(|pair| pair.1);
        asked.extend(
            own.into_iter()
                .chain(foreign)
                .map(|ids| (of(operation, ids), ids)),
        );
    }
    for query in [
        "include_deleted=true",
        "limit=500",
        "from=2000-01-01T00:00:00Z",
    ] {
        let list = format!("/v1/orgs/acme/refunds?{query}");
        asked.push((request("GET", &list, ""), ALFA));
    }
    for after in 0..12 {
        let page = format!("/v1/orgs/acme/journal?after={after}&limit=1");
        asked.push((request("GET", &page, ""), ALFA));
    }
    asked.extend(by_the_way().into_iter().map(|(_, there, _)| (there, ALFA)));

    let theirs = ["bravo", "globex", &refund_id(10), &refund_id(11)];
    let mut complaints = Vec::new();
    for (request, named) in asked {
        // Ids that the caller named are no news to them.
        let seen = renamed(&system.ask(&of_acme(), &request), named, NOWHERE);
        let told = format!("{seen:?}").to_lowercase();
        if let Some(leak) = theirs.iter().find(|word| told.contains(**word)) {
            complaints.push(format!("{} tells `{leak}`: {seen:?}", request.uri()));
        }
    }
    complaints
}

#[track_caller]
fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
}

#[test]
fn ids_of_others_are_answered_as_ids_of_nobody() {
    none(&told_apart(&SOUND));
}

#[test]
fn nothing_of_another_org_is_in_any_response() {
    none(&leaked(&SOUND));
}

#[test]
fn each_operation_is_asked_in_each_position_of_its_path() {
    for operation in Operation::ALL {
        let asked: Vec<&str> = not_ones_own(operation).iter().map(|pair| pair.0).collect();
        for (position, what) in [
            ("{subscriptionId}", "another org"),
            ("{subscriptionId}", "another subscription"),
            ("{movementId}", "another movement"),
            ("{refundId}", "another's refund"),
        ] {
            let wanted = operation.path().contains(position);
            assert_eq!(asked.contains(&what), wanted, "{}: {what}", operation.id());
        }
    }
}

/// A store whose lists hold what every org has.
struct ListsOfAll(MemoryStore);

impl Store for ListsOfAll {
    fn list_refunds(
        &self,
        filter: &RefundFilter,
        after: Option<ListAfter>,
        limit: usize,
    ) -> Result<Page<Refund>, StoreError> {
        let everywhere = RefundFilter {
            org: None,
            ..filter.clone()
        };
        self.0.list_refunds(&everywhere, after, limit)
    }
    fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
        self.0.load(wanted)
    }
    fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        self.0.commit(batch)
    }
    fn journal(&self, after: u64, limit: usize) -> Result<Vec<JournalRecord>, StoreError> {
        self.0.journal(after, limit)
    }
    fn scan(
        &self,
        range: &ScanRange<'_>,
        visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> Result<u64, StoreError> {
        self.0.scan(range, visit)
    }
}

#[test]
fn a_list_of_every_org_is_found_out() {
    let system = System {
        store: |store| Arc::new(ListsOfAll(store)),
        ..SOUND
    };
    let leaked = leaked(&system);
    assert!(leaked.iter().any(|it| it.contains("bravo")), "{leaked:?}");
    assert!(!told_apart(&system).is_empty());
}

/// Whether the movement that the path names is there, as one who may see everything is told.
fn is_there(ledger: &Ledger, request: &Request<Vec<u8>>) -> bool {
    let path = request.uri().path().split("/refund").next().unwrap();
    let read = common::request("GET", path, "");
    answer(ledger, Some(&of_all()), &read).status() == 200
}

#[test]
fn a_refusal_that_looks_first_is_found_out() {
    let system = System {
        answer: |ledger, caller, request| {
            let mut response = answer(ledger, caller, request);
            if response.status() == 403 && !is_there(ledger, request) {
                *response.status_mut() = http::StatusCode::NOT_FOUND;
            }
            response
        },
        ..SOUND
    };
    assert!(!told_apart(&system).is_empty());
}

#[test]
fn a_refusal_that_says_where_a_refund_is_is_found_out() {
    let system = System {
        answer: |ledger, caller, request| {
            let mut response = answer(ledger, caller, request);
            let path = request.uri().path();
            if response.status() == 404 && path.ends_with(&refund_id(BRAVO.refund)) {
                *response.body_mut() =
                    br#"{"code":"refund_not_found","message":"bravo-mov"}"#.into();
            }
            response
        },
        ..SOUND
    };
    assert!(!told_apart(&system).is_empty());
    assert!(!leaked(&system).is_empty());
}

#[test]
fn a_header_that_only_foreign_ids_bring_is_found_out() {
    let system = System {
        answer: |ledger, caller, request| {
            let mut response = answer(ledger, caller, request);
            if request.uri().path().contains(&refund_id(BRAVO.refund)) {
                let etag = http::HeaderValue::from_static("\"2\"");
                response.headers_mut().insert("etag", etag);
            }
            response
        },
        ..SOUND
    };
    assert!(!told_apart(&system).is_empty());
}

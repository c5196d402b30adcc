//! A ledger that holds what two orgs have: `acme`, whose names begin with `alfa`, and `globex`, whose
//! names all have `bravo` in them, so that they are found where they should not be.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests, which fail by panicking"
)]

use std::sync::Arc;

use http::{Request, Response};
use refund_ledger::store::memory::MemoryStore;
use refund_ledger::{Ledger, Store};
use refund_rest::{Caller, Operation, answer};

use crate::common::{Seen, StepHost, caller, request};

/// How a request is answered on a ledger, for a caller.
pub(crate) type Answer = fn(&Ledger, Option<&Caller>, &Request<Vec<u8>>) -> Response<Vec<u8>>;

/// How requests are answered, and on which store.
pub(crate) struct System {
    pub(crate) store: fn(MemoryStore) -> Arc<dyn Store>,
    pub(crate) answer: Answer,
}

pub(crate) const SOUND: System = System {
    store: |store| Arc::new(store),
    answer: answer::<Vec<u8>>,
};

/// The four ids of a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ids {
    pub(crate) org: &'static str,
    pub(crate) subscription: &'static str,
    pub(crate) movement: &'static str,
    pub(crate) refund: u8,
}

pub(crate) const ALFA: Ids = Ids {
    org: "acme",
    subscription: "alfa-sub",
    movement: "alfa-mov",
    refund: 5,
};
pub(crate) const ALFA_OTHER_MOVEMENT: Ids = Ids {
    movement: "alfa-mov-2",
    refund: 6,
    ..ALFA
};
pub(crate) const ALFA_OTHER_SUBSCRIPTION: Ids = Ids {
    subscription: "alfa-sub-2",
    movement: "alfa-mov-3",
    refund: 7,
    ..ALFA
};
pub(crate) const BRAVO: Ids = Ids {
    org: "globex",
    subscription: "bravo-sub",
    movement: "bravo-mov",
    refund: 10,
};
/// A deleted refund of `ALFA`'s movement.
pub(crate) const DELETED: u8 = 8;
/// What is nowhere.
pub(crate) const NOWHERE: Ids = Ids {
    org: "nobody",
    subscription: "nowhere",
    movement: "never",
    refund: 99,
};

/// The step in which the request in question comes.
const LAST: usize = 50;

pub(crate) fn refund_id(number: u8) -> String {
    format!("017f42c6-d000-7000-8000-{number:012}")
}

pub(crate) fn movement_path(ids: Ids) -> String {
    format!(
        "/v1/orgs/{}/subscription/{}/movement/{}",
        ids.org, ids.subscription, ids.movement
    )
}

fn charge(description: &str) -> String {
    format!(
        r#"{{"currency":"EUR","occurred_at":"2022-02-01T00:00:00Z","amount":{{"value_with_taxes":121}},"description":"{description}"}}"#
    )
}

pub(crate) fn standard(external_id: &str, description: &str) -> String {
    format!(
        r#"{{"refund_datetime":"2022-02-24T13:45:10Z","amount":{{"value_with_taxes":12.1}},"external_refund_unique_id":"{external_id}","external_invoice_id":"{external_id}-inv","billable":false,"description":"{description}"}}"#
    )
}

pub(crate) fn goods(description: &str) -> String {
    format!(
        r#"{{"refund_datetime":"2022-02-24T13:45:10Z","amount":{{"value_with_taxes":5,"billable":true}},"transaction_type_id":"goods","description":"{description}"}}"#
    )
}

/// The request of an operation about these ids.
pub(crate) fn of(operation: Operation, ids: Ids) -> Request<Vec<u8>> {
    let path = operation
        .path()
        .replace("{orgId}", ids.org)
        .replace("{subscriptionId}", ids.subscription)
        .replace("{movementId}", ids.movement)
        .replace("{refundId}", &refund_id(ids.refund));
    let body = match operation {
        Operation::CreateRefund => standard("new", "Two days"),
        Operation::CreateNonSubscribableRefund => goods("A cable"),
        Operation::UpdateRefund => standard("alfa-ref", "Three days"),
        Operation::RecordMovement => charge("March"),
        _ => String::new(),
    };
    request(operation.method().as_str(), &path, &body)
}

pub(crate) fn of_acme() -> Caller {
    caller("alfa-clerk", &["acme"], &["read", "write"])
}

pub(crate) fn of_all() -> Caller {
    caller("ops", &["*"], &["read", "write"])
}

impl System {
    /// The answer to a request on a store that holds what both orgs have.
    pub(crate) fn ask(&self, caller: &Caller, asked: &Request<Vec<u8>>) -> Seen {
        let store = (self.store)(filled());
        let host = StepHost::new("2022-03-01T00:00:00Z", LAST);
        let ledger = Ledger::new(store, Arc::new(host));
        (self.answer)(&ledger, Some(caller), asked).into()
    }
}

fn filled() -> MemoryStore {
    let alfa = of_acme();
    let bravo = caller("bravo-clerk", &["globex"], &["read", "write"]);
    let refunds = |ids| movement_path(ids) + "/refund";
    let put = |ids: Ids| request("PUT", &movement_path(ids), &charge(ids.movement));
    let post = |ids: Ids, name: &str| request("POST", &refunds(ids), &standard(name, name));
    let refund = |ids: Ids, number| format!("{}/{}", refunds(ids), refund_id(number));
    let mut keyed = request(
        "POST",
        &(refunds(BRAVO) + "/non-subscribable-products"),
        &goods("bravo goods"),
    );
    let key = "bravo-key".parse().unwrap();
    keyed.headers_mut().insert("idempotency-key", key);
    let steps = [
        (&alfa, put(ALFA)),
        (&alfa, put(ALFA_OTHER_MOVEMENT)),
        (&alfa, put(ALFA_OTHER_SUBSCRIPTION)),
        (&bravo, put(BRAVO)),
        (&alfa, post(ALFA, "alfa-ref")),
        (&alfa, post(ALFA_OTHER_MOVEMENT, "alfa-ref-2")),
        (&alfa, post(ALFA_OTHER_SUBSCRIPTION, "alfa-ref-3")),
        (&alfa, post(ALFA, "alfa-gone")),
        (&alfa, request("DELETE", &refund(ALFA, DELETED), "")),
        (&bravo, post(BRAVO, "bravo-ref")),
        (&bravo, keyed),
        (
            &bravo,
            request("PUT", &refund(BRAVO, 10), &standard("bravo-ref", "bravo's")),
        ),
    ];
    let store = Arc::new(MemoryStore::new());
    for (at, (caller, asked)) in steps.iter().enumerate() {
        let host = StepHost::new("2022-03-01T00:00:00Z", at + 1);
        let ledger = Ledger::new(store.clone(), Arc::new(host));
        let status = answer(&ledger, Some(caller), asked).status();
        assert!(status.is_success(), "step {}: {status}", at + 1);
    }
    Arc::into_inner(store).expect("nobody else has it")
}

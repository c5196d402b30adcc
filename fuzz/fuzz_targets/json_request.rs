//! The bodies of requests: what is read is carried out, and what a ledger answers of a refund is read as the
//! request that made it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use refund_fuzz::{check, eventful_in_memory, judged};
use refund_ledger::wire::{
    RefundBody, parse_movement_request, parse_non_subscribable_request, parse_refund_request,
    parse_update_request,
};
use refund_ledger::{Id, Ledger, LedgerError, MovementKey, RefundId, RefundLookup};
use serde_json::Value;

fn movement() -> MovementKey {
    MovementKey::new("acme", "sub-7", "mov-42").expect("a key")
}

/// The body of a request by the body of its answer; `None` where the answer has more digits than a request
/// may have.
fn request_of(ledger: &Ledger, id: RefundId) -> Option<Vec<u8>> {
    let refund = ledger
        .refund(&movement(), RefundLookup::Id(id))
        .expect("it was made");
    let values = refund.details.amount.values();
    if values.with.max(values.without) >= 1_000_000_000_000_000 {
        return None;
    }
    let mut body = serde_json::to_value(RefundBody::from(&refund)).expect("an answer is JSON");
    let Value::Object(fields) = &mut body else {
        panic!("an answer is no object: {body}");
    };
    for field in [
        "id",
        "org_id",
        "subscription_id",
        "movement_id",
        "kind",
        "revision",
        "created_at",
        "updated_at",
    ] {
        assert!(fields.remove(field).is_some(), "an answer lacks `{field}`");
    }
    Some(serde_json::to_vec(&body).expect("an answer is JSON"))
}

/// A refund that was just made, and is made again by its own answer.
fn made<C>(
    ledger: &Ledger,
    created: Result<refund_ledger::Created, LedgerError>,
    parse: impl Fn(&[u8]) -> Result<C, LedgerError>,
    create: impl Fn(&C) -> Result<refund_ledger::Created, LedgerError>,
) {
    let Ok(created) = created else {
        return;
    };
    let Some(again) = request_of(ledger, created.id) else {
        return;
    };
    let shown = String::from_utf8_lossy(&again);
    let read = parse(&again).unwrap_or_else(|error| panic!("{shown} is refused: {error}"));
    let replayed = create(&read).unwrap_or_else(|error| panic!("{shown} is refused: {error}"));
    assert!(
        replayed.replayed && replayed.id == created.id,
        "{shown} is another refund"
    );
}

fuzz_target!(|body: &[u8]| {
    let ledger = eventful_in_memory();
    let mut is_changed = false;
    if let Some(request) = judged(parse_movement_request(body)) {
        let key = MovementKey::new("acme", "sub-7", "mov-44").expect("a key");
        is_changed |= ledger.record_movement(&key, &request).is_ok();
    }
    if let Some(request) = judged(parse_refund_request(body)) {
        let create = |request: &_| ledger.create_refund(&movement(), request);
        made(&ledger, create(&request), parse_refund_request, create);
        is_changed = true;
    }
    if let Some(request) = judged(parse_non_subscribable_request(body)) {
        let key = request
            .external_refund_unique_id
            .is_none()
            .then(|| Id::new("k-9").expect("an id"));
        let create =
            |request: &_| ledger.create_non_subscribable_refund(&movement(), request, key.clone());
        made(
            &ledger,
            create(&request),
            parse_non_subscribable_request,
            create,
        );
        is_changed = true;
    }
    if let Some(content) = judged(parse_update_request(body)) {
        let refund = RefundLookup::ExternalId(Id::new("r-1").expect("an id"));
        is_changed |= ledger
            .update_refund(&movement(), refund, content, None)
            .is_ok();
    }
    if is_changed {
        check(&ledger);
    }
});

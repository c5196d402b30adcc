//! The bodies of requests: what is read is carried out, and what a ledger answers of a refund is read as the
//! request that made it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use refund_fuzz::{check, eventful_in_memory, judged};
use refund_ledger::wire::{
    RefundBody, parse_movement_request, parse_non_subscribable_request, parse_refund_request,
    parse_update_request,
};
use refund_ledger::{Created, Id, Ledger, LedgerError, MovementKey, RefundId, RefundLookup};
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

/// Makes a refund, and makes it again by its own answer. Says whether it was made.
fn create<C>(
    ledger: &Ledger,
    request: &C,
    parse: impl Fn(&[u8]) -> Result<C, LedgerError>,
    create: impl Fn(&C) -> Result<Created, LedgerError>,
) -> bool {
    let Ok(created) = create(request) else {
        return false;
    };
    // One of before may have been changed since.
    if created.replayed {
        return false;
    }
    let Some(again) = request_of(ledger, created.id) else {
        return true;
    };
    let shown = String::from_utf8_lossy(&again);
    let read = parse(&again).unwrap_or_else(|error| panic!("{shown} is refused: {error}"));
    let replayed = create(&read).unwrap_or_else(|error| panic!("{shown} is refused: {error}"));
    assert!(
        replayed.replayed && replayed.id == created.id,
        "{shown} is another refund"
    );
    true
}

fuzz_target!(|body: &[u8]| {
    let ledger = eventful_in_memory();
    let mut is_changed = false;
    if let Some(request) = judged(parse_movement_request(body)) {
        let key = MovementKey::new("acme", "sub-7", "mov-44").expect("a key");
        is_changed |= ledger.record_movement(&key, &request).is_ok();
    }
    if let Some(request) = judged(parse_refund_request(body)) {
        is_changed |= create(&ledger, &request, parse_refund_request, |request| {
            ledger.create_refund(&movement(), request)
        });
    }
    if let Some(request) = judged(parse_non_subscribable_request(body)) {
        let is_named = request.external_refund_unique_id.is_some();
        let key = (!is_named).then(|| Id::new("k-9").expect("an id"));
        is_changed |= create(
            &ledger,
            &request,
            parse_non_subscribable_request,
            |request| ledger.create_non_subscribable_refund(&movement(), request, key.clone()),
        );
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

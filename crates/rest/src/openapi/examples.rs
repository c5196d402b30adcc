//! Examples. Requests are written here; answers are what a small ledger gives to them.

use std::time::Duration;

use http::Response;
use refund_ledger::{LedgerError, Policy, StoreError};
use serde_json::Value;
use utoipa::openapi::example::{Example, ExampleBuilder};

use super::desk::Desk;
use crate::Refusal;

const MOVEMENT_PATH: &str = "/v1/orgs/acme/subscription/sub-7/movement/mov-42";

/// A `MovementRequestDTO`.
pub(super) const MOVEMENT: &str = r#"{
    "currency": "EUR",
    "occurred_at": "2022-02-01T00:00:00Z",
    "amount": {
        "value_with_taxes": 121,
        "value_without_taxes": 100,
        "tax": {"type": "IVA", "percentage": 21}
    },
    "description": "February"
}"#;

/// A `RefundRequestDTO`.
pub(super) const REFUND: &str = r#"{
    "refund_datetime": "2022-02-24T13:45:10Z",
    "period_start_datetime": "2022-01-31T23:00:00Z",
    "period_end_datetime": "2022-02-28T22:59:59.999999999Z",
    "amount": {
        "value_with_taxes": 12.1,
        "value_without_taxes": 10,
        "tax": {"type": "IVA", "percentage": 21}
    },
    "external_invoice_id": "inv-9",
    "external_refund_unique_id": "987654321",
    "billable": false,
    "description": "Two days without service"
}"#;

/// A `RefundNonSubscribableProductsRequestDTO`.
pub(super) const NON_SUBSCRIBABLE_REFUND: &str = r#"{
    "refund_datetime": "2022-02-25T09:00:00Z",
    "amount": {
        "value_with_taxes": "6.05",
        "tax": {"type": "IVA", "percentage": "21"},
        "billable": true
    },
    "external_invoice_id": "inv-9",
    "external_refund_unique_id": "987654322",
    "transaction_type_id": "goods",
    "description": "A broken cable"
}"#;

/// One without an external id.
const KEYLESS_REFUND: &str = r#"{
    "refund_datetime": "2022-02-25T09:00:00Z",
    "amount": {"value_with_taxes": 5, "billable": false},
    "transaction_type_id": "fees",
    "description": "A fee charged twice"
}"#;

/// JSON text as a value, in which all members have one order in every build.
pub(super) fn value(json: &str) -> Value {
    let mut value: Value = serde_json::from_str(json).unwrap_or_default();
    value.sort_all_objects();
    value
}

/// Every example with its name. Those of refusals are called by their code, with a word behind it
/// where there are several.
pub(super) fn all() -> Vec<(&'static str, Example)> {
    let desk = Desk::open();
    let mut examples = requests();
    examples.extend(replies(&desk));
    examples.extend(refusals(&desk));
    examples.extend(refusals_of_changes(&desk));
    examples.extend(refusals_of_policies(&desk));
    examples.extend(refusals_of_stores());
    examples
}

fn example(summary: &str, value: Value) -> Example {
    ExampleBuilder::new()
        .summary(summary)
        .value(Some(value))
        .build()
}

fn requests() -> Vec<(&'static str, Example)> {
    [
        ("movement_request", "A charge of 121 euros", MOVEMENT),
        ("refund_request", "Two days given back", REFUND),
        (
            "non_subscribable_request",
            "Goods, with one value as a string",
            NON_SUBSCRIBABLE_REFUND,
        ),
        (
            "keyless_request",
            "Without an external id: send `Idempotency-Key`",
            KEYLESS_REFUND,
        ),
    ]
    .map(|(name, summary, json)| (name, example(summary, value(json))))
    .into()
}

fn body(response: &Response<Vec<u8>>) -> Value {
    std::str::from_utf8(response.body()).map_or(Value::Null, value)
}

/// An answer with the name and the summary of the example that it is.
type Answered = (&'static str, &'static str, Response<Vec<u8>>);

fn examples_of<const N: usize>(answers: [Answered; N]) -> [(&'static str, Example); N] {
    answers.map(|(name, summary, response)| (name, example(summary, body(&response))))
}

/// The path of the refund that an answer says was created.
fn refund_path(created: &Response<Vec<u8>>) -> String {
    let body = body(created);
    let id = body.get("id").and_then(Value::as_str).unwrap_or_default();
    format!("{MOVEMENT_PATH}/refund/{id}")
}

fn replies(desk: &Desk) -> Vec<(&'static str, Example)> {
    let refunds = format!("{MOVEMENT_PATH}/refund");
    let movement_created = desk.put(MOVEMENT_PATH, MOVEMENT);
    let refund_created = desk.post(&refunds, REFUND);
    let other_created = desk.post(
        &format!("{refunds}/non-subscribable-products"),
        NON_SUBSCRIBABLE_REFUND,
    );
    let path = refund_path(&refund_created);
    let refund = desk.get(&path);
    let other = desk.get(&refund_path(&other_created));
    desk.put(&path, &changed_refund());
    examples_of([
        ("movement_created", "A movement", movement_created),
        ("refund_created", "A refund", refund_created),
        ("refund", "A standard refund", refund),
        (
            "non_subscribable_refund",
            "A non-subscribable refund",
            other,
        ),
        ("movement", "After two refunds", desk.get(MOVEMENT_PATH)),
        (
            "refund_list",
            "The first of two pages",
            desk.get(&format!("{refunds}?limit=1")),
        ),
        (
            "refund_history",
            "Created, then changed",
            desk.get(&format!("{path}/history")),
        ),
        (
            "journal",
            "The first entries",
            desk.get("/v1/orgs/acme/journal?limit=2"),
        ),
    ])
    .into()
}

/// What the example's refund is changed to.
fn changed_refund() -> String {
    REFUND.replace("Two days without", "Two days without any")
}

/// What has nothing to do with what is stored, and what is not there.
fn refusals(desk: &Desk) -> Vec<(&'static str, Example)> {
    let refunds = format!("{MOVEMENT_PATH}/refund");
    let wrong = REFUND
        .replace("12.1", "\"12,10\"")
        .replace("2022-02-24T13:45:10Z", "2022-02-24")
        .replace("\"billable\": false,", "");
    examples_of([
        (
            "unauthorized",
            "No token, or none that is known",
            desk.nobody().get(MOVEMENT_PATH),
        ),
        (
            "forbidden",
            "The token does not allow this in this org",
            desk.without_grants().get(MOVEMENT_PATH),
        ),
        (
            "malformed_request",
            "A field that is not known",
            desk.put(MOVEMENT_PATH, r#"{"colour": "red"}"#),
        ),
        (
            "malformed_request_query",
            "A query parameter that is not known",
            desk.get(&format!("{MOVEMENT_PATH}?colour=red")),
        ),
        (
            "invalid_request",
            "Several fields at fault",
            desk.post(&refunds, &wrong),
        ),
        (
            "invalid_request_path",
            "An id that can't be one",
            desk.get(&MOVEMENT_PATH.replace("sub-7", "%20")),
        ),
        (
            "invalid_request_query",
            "A limit beyond the largest",
            desk.get(&format!("{refunds}?limit=501")),
        ),
        (
            "invalid_request_if_match",
            "Not an `ETag`",
            desk.delete(&format!("{refunds}/r-1"), "W/\"1\""),
        ),
        (
            "movement_not_found",
            "No such movement",
            desk.get(&MOVEMENT_PATH.replace("mov-42", "mov-43")),
        ),
        (
            "refund_not_found",
            "No such refund, or not of this movement, or deleted",
            desk.get(&format!("{refunds}/r-1")),
        ),
        (
            "path_not_found",
            "A mistyped path",
            desk.get("/v1/orgs/acme/refund"),
        ),
        (
            "method_not_allowed",
            "A method that the path does not have",
            desk.delete(&refunds, "*"),
        ),
    ])
    .into()
}

/// What rests on the refunds of [`replies`].
fn refusals_of_changes(desk: &Desk) -> Vec<(&'static str, Example)> {
    let refunds = format!("{MOVEMENT_PATH}/refund");
    let path = refund_path(&desk.post(&refunds, REFUND));
    let to_delete = REFUND.replace("987654321", "987654323");
    let deleted = desk.post(&refunds, &to_delete);
    desk.delete(&refund_path(&deleted), "*");
    let new = REFUND.replace("987654321", "987654324");
    examples_of([
        (
            "refund_deleted",
            "The external id is that of a deleted refund",
            desk.post(&refunds, &to_delete),
        ),
        (
            "idempotency_conflict",
            "The external id is that of another refund",
            desk.post(&refunds, &REFUND.replace("false", "true")),
        ),
        (
            "idempotency_conflict_movement",
            "The movement was recorded with other content",
            desk.put(MOVEMENT_PATH, &MOVEMENT.replace("February", "March")),
        ),
        (
            "kind_mismatch",
            "A standard refund is not to become the other kind",
            desk.put(&path, NON_SUBSCRIBABLE_REFUND),
        ),
        (
            "immutable_field",
            "Another external id",
            desk.put(&path, &new),
        ),
        (
            "stale_revision",
            "Somebody else changed the refund",
            desk.delete(&path, "\"1\""),
        ),
        (
            "currency_mismatch",
            "Not the movement's currency",
            desk.post(
                &refunds,
                &new.replace("\"amount\": {", "\"amount\": {\"currency\": \"USD\","),
            ),
        ),
        (
            "tax_mismatch",
            "The two values do not fit the tax",
            desk.post(&refunds, &new.replace("12.1", "12.2")),
        ),
        (
            "over_refund",
            "More than is left of the movement",
            desk.post(
                &refunds,
                &new.replace("12.1", "120")
                    .replace("\"value_without_taxes\": 10,", ""),
            ),
        ),
        (
            "over_refund_void",
            "The movement has refunds",
            desk.delete(MOVEMENT_PATH, "*"),
        ),
    ])
    .into()
}

fn refusals_of_policies(desk: &Desk) -> Vec<(&'static str, Example)> {
    let strict = desk.under(Policy {
        window_max: Some(Duration::from_hours(24)),
        live_refunds_max: Some(2),
        ..Policy::default()
    });
    let post = |day: &str| {
        let dated = REFUND
            .replace("987654321", "987654324")
            .replace("2022-02-24", day);
        strict.post(&format!("{MOVEMENT_PATH}/refund"), &dated)
    };
    examples_of([
        (
            "refund_before_movement",
            "Dated before the movement",
            post("2022-01-31"),
        ),
        (
            "refund_in_future",
            "Dated later than the clocks' difference allows",
            post("2022-03-24"),
        ),
        (
            "refund_window_expired",
            "Dated too long after the movement",
            post("2022-02-24"),
        ),
        (
            "refund_count_exceeded",
            "The movement has as many refunds as are allowed",
            post("2022-02-01"),
        ),
    ])
    .into()
}

fn refusals_of_stores() -> Vec<(&'static str, Example)> {
    let told = || StoreError::Failed {
        reason: String::new(),
    };
    let corrupted = StoreError::Corrupted {
        reason: String::new(),
    };
    let unavailable = StoreError::Unavailable {
        reason: String::new(),
    };
    [
        ("timeout", "The store is busy", StoreError::Busy),
        (
            "store_unavailable",
            "The store can't be reached",
            unavailable,
        ),
        ("internal", "Anything else", told()),
        ("store_corrupted", "The store is damaged", corrupted),
    ]
    .map(|(name, summary, error)| {
        let refusal = Refusal::from(LedgerError::from(error));
        (name, example(summary, body(&refusal.render())))
    })
    .into()
}

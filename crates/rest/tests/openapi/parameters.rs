//! Ids of paths, queries and headers: what a schema forbids the server refuses, and what it allows
//! the server takes, but for what no schema can say.

use refund_rest::Operation;
use serde_json::{Value, json};

use crate::samples;
use crate::support::{Desk, MOVEMENT, body, described, encoded, example, validator};

/// A request with one parameter set, the others as they must be.
struct Request {
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

fn request(operation: Operation, place: &str, name: &str, value: &str) -> Request {
    let mut path = operation
        .path()
        .replace("{orgId}", if name == "orgId" { "@@" } else { "acme" })
        .replace(
            "{subscriptionId}",
            if name == "subscriptionId" {
                "@@"
            } else {
                "sub-7"
            },
        )
        .replace(
            "{movementId}",
            if name == "movementId" { "@@" } else { "mov-42" },
        )
        .replace("{refundId}", if name == "refundId" { "@@" } else { "r-1" })
        .replace("@@", &encoded(value));
    let mut headers = Vec::new();
    match place {
        "query" => path = format!("{path}?{name}={}", encoded(value)),
        "header" => headers.push((name.to_owned(), value.to_owned())),
        _ => {}
    }
    let body = match operation {
        Operation::CreateRefund | Operation::UpdateRefund => example("refund_request"),
        Operation::CreateNonSubscribableRefund => example("keyless_request"),
        Operation::RecordMovement => example("movement_request"),
        _ => String::new(),
    };
    Request {
        path,
        headers,
        body,
    }
}

/// A parameter's text as its schema sees it.
fn instance(schema: &Value, text: &str) -> Value {
    let is_number = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'-');
    match schema["type"].as_str() {
        Some("integer") if is_number => text.parse().ok().map(|whole: i128| json!(whole)),
        Some("boolean") => text.parse().ok().map(Value::Bool),
        _ => None,
    }
    .unwrap_or_else(|| text.into())
}

/// What a schema can't say.
fn is_unsaid(name: &str, value: &str) -> bool {
    match name {
        "from" | "to" => value.contains("0001-01-01T00:00:00+") || value.contains("9-00:01"),
        // A revision has 32 bits.
        "If-Match" => value == "\"4294967296\"",
        "after" => value == "-0",
        // The one is needed only where the body has no external id, and then it must be an id; the
        // other is made by the server.
        "Idempotency-Key" | "cursor" => true,
        // Bytes are counted, not characters.
        _ => value.contains('é') || value.contains('😀'),
    }
}

#[test]
fn schema_and_server_agree_on_every_value_of_every_parameter() {
    let samples = samples::texts();
    for operation in Operation::ALL {
        for parameter in described(operation)["parameters"].as_array().unwrap() {
            let name = parameter["name"].as_str().unwrap();
            let place = parameter["in"].as_str().unwrap();
            let schema = &parameter["schema"];
            let valid = validator(schema);
            let (mut taken, mut refused) = (0, 0);
            for sample in &samples {
                let legal = http::HeaderValue::from_bytes(sample.as_bytes()).is_ok();
                if place == "header" && (!legal || sample.trim() != sample) {
                    continue; // No such header can be sent, or none that differs from another.
                }
                let request = request(operation, place, name, sample);
                let headers: Vec<(&str, &str)> = request
                    .headers
                    .iter()
                    .map(|(name, value)| (&**name, &**value))
                    .collect();
                let answer =
                    Desk::new().send(&operation.method(), &request.path, &headers, &request.body);
                let shown = format!("{} {name}: {sample:?}", operation.id());
                if valid.is_valid(&instance(schema, sample)) {
                    let is_refused = answer.status() == 400;
                    assert!(
                        !is_refused || is_unsaid(name, sample),
                        "the schema allows this, the server refuses it: {shown}\n{}",
                        body(&answer)
                    );
                    taken += u32::from(!is_refused);
                } else {
                    refused += 1;
                    assert_eq!(
                        answer.status(),
                        400,
                        "the schema forbids this, the server takes it: {shown}"
                    );
                }
            }
            let is_free = matches!(name, "refundId" | "Idempotency-Key");
            assert!(taken > 0 || name == "cursor", "{name}: no sample is taken");
            assert!(refused > 0 || is_free, "{name}: no sample is refused");
        }
    }
}

#[test]
fn a_cursor_that_was_given_is_one_that_may_be_sent() {
    let desk = Desk::new();
    desk.put(MOVEMENT, &example("movement_request"));
    let refunds = format!("{MOVEMENT}/refund");
    for key in ["r-1", "r-2"] {
        desk.post(
            &refunds,
            &example("refund_request").replace("987654321", key),
        );
    }
    let page = body(&desk.send(&http::Method::GET, &format!("{refunds}?limit=1"), &[], ""));
    let cursor = page["next_cursor"].as_str().expect("there is more");
    let parameters = described(Operation::ListRefunds)["parameters"]
        .as_array()
        .unwrap();
    let parameter = parameters.iter().find(|p| p["name"] == "cursor").unwrap();
    assert!(
        validator(&parameter["schema"]).is_valid(&cursor.into()),
        "{cursor}"
    );
    let next = format!("{refunds}?limit=1&cursor={cursor}");
    let next = body(&desk.send(&http::Method::GET, &next, &[], ""));
    assert_eq!(next["items"].as_array().map(Vec::len), Some(1), "{next}");
}

#[test]
fn a_parameter_that_is_not_declared_is_refused() {
    for operation in Operation::ALL {
        let request = request(operation, "query", "colour", "red");
        let answer = Desk::new().send(&operation.method(), &request.path, &[], &request.body);
        assert_eq!(
            body(&answer)["code"],
            "malformed_request",
            "{}",
            operation.id()
        );
    }
}

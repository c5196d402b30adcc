//! The examples: every code has one where it can occur, and each is what it says.

use std::collections::BTreeSet;

use refund_ledger::ErrorCode;
use refund_rest::{Operation, parse};
use serde_json::Value;

use crate::support::{Desk, MOVEMENT};
use crate::support::{body, described, document, example, members, resolved, validator};

/// The status that carries a code.
fn status_of(code: &str) -> String {
    let known = ErrorCode::ALL.into_iter().find(|c| c.as_str() == code);
    match (known, code) {
        (Some(known), _) => known.http_status().to_string(),
        (None, "path_not_found") => "404".into(),
        (None, "method_not_allowed") => "405".into(),
        (None, _) => panic!("`{code}` is no code"),
    }
}

/// Each example of a response, with its name and value.
fn examples(response: &'static Value) -> Vec<(&'static str, &'static Value)> {
    members(&resolved(response)["content"]["application/json"]["examples"])
        .map(|(name, example)| (name, resolved(example)))
        .map(|(name, example)| {
            assert!(example["summary"].is_string(), "`{name}` has a summary");
            (name, &example["value"])
        })
        .collect()
}

#[test]
fn every_refusal_is_listed_under_its_status() {
    let mut seen = BTreeSet::new();
    let not_allowed = &document()["components"]["responses"]["MethodNotAllowed"];
    let mut responses = vec![("405", not_allowed)];
    for operation in Operation::ALL {
        responses.extend(members(&described(operation)["responses"]));
    }
    let valid = validator(&document()["components"]["schemas"]["GenericResponseDTO"]);
    for (status, response) in responses {
        if status.starts_with('2') {
            continue;
        }
        let examples = examples(response);
        assert!(!examples.is_empty(), "{status} has an example");
        for (name, value) in examples {
            let code = value["code"].as_str().unwrap_or_default();
            assert!(name.starts_with(code), "`{name}` is `{code}`");
            assert_eq!(status_of(code), status, "`{name}`");
            assert!(valid.is_valid(value), "`{name}`: {value}");
            let message = value["message"].as_str().unwrap_or_default();
            assert!(!message.is_empty(), "`{name}` says why");
            seen.insert(code);
        }
    }
    let all: BTreeSet<&str> = ErrorCode::ALL
        .into_iter()
        .map(ErrorCode::as_str)
        .chain(["path_not_found", "method_not_allowed"])
        .collect();
    assert_eq!(
        seen, all,
        "every code has an example, and no other word has"
    );
}

/// The document's codes for each operation, checked against a table made by hand from the rules.
#[test]
fn every_code_stands_where_it_can_occur() {
    let everywhere = [
        "unauthorized",
        "forbidden",
        "malformed_request",
        "invalid_request",
        "path_not_found",
        "timeout",
        "store_unavailable",
        "internal",
        "store_corrupted",
    ];
    let create = [
        "movement_not_found",
        "refund_deleted",
        "idempotency_conflict",
        "currency_mismatch",
        "tax_mismatch",
        "refund_before_movement",
        "refund_in_future",
        "refund_window_expired",
        "refund_count_exceeded",
        "over_refund",
    ];
    for operation in Operation::ALL {
        let own: &[&str] = match operation {
            Operation::CreateRefund | Operation::CreateNonSubscribableRefund => &create,
            Operation::UpdateRefund => &[
                "movement_not_found",
                "refund_not_found",
                "kind_mismatch",
                "immutable_field",
                "stale_revision",
                "currency_mismatch",
                "tax_mismatch",
                "refund_before_movement",
                "refund_in_future",
                "refund_window_expired",
                "over_refund",
            ],
            Operation::DeleteRefund => {
                &["movement_not_found", "refund_not_found", "stale_revision"]
            }
            Operation::GetRefund | Operation::GetRefundHistory => {
                &["movement_not_found", "refund_not_found"]
            }
            Operation::RecordMovement => {
                &["idempotency_conflict", "currency_mismatch", "tax_mismatch"]
            }
            Operation::VoidMovement => &["movement_not_found", "over_refund"],
            Operation::GetMovement | Operation::ListMovementRefunds => &["movement_not_found"],
            Operation::ListRefunds | Operation::GetJournal => &[],
        };
        let expected: BTreeSet<&str> = everywhere.iter().chain(own).copied().collect();
        let written: BTreeSet<&str> = members(&described(operation)["responses"])
            .filter(|(status, _)| !status.starts_with('2'))
            .flat_map(|(_, response)| examples(response))
            .map(|(_, value)| value["code"].as_str().unwrap())
            .collect();
        assert_eq!(written, expected, "{}", operation.id());
    }
}

#[test]
fn examples_of_answers_fit_their_schemas() {
    for operation in Operation::ALL {
        for (status, response) in members(&described(operation)["responses"]) {
            let content = &resolved(response)["content"]["application/json"];
            if status == "204" {
                continue;
            }
            let valid = validator(&content["schema"]);
            let examples = examples(response);
            assert!(!examples.is_empty(), "{status} of {}", operation.id());
            for (name, value) in examples {
                let faults: Vec<String> = valid
                    .iter_errors(value)
                    .map(|fault| format!("{}: {fault}", fault.instance_path()))
                    .collect();
                assert!(faults.is_empty(), "`{name}`: {faults:?}");
            }
        }
    }
}

#[test]
fn examples_of_requests_are_accepted() {
    let mut seen = 0;
    for operation in Operation::ALL.into_iter().filter(|o| o.has_body()) {
        let content = &described(operation)["requestBody"]["content"]["application/json"];
        let valid = validator(&content["schema"]);
        let path = operation
            .path()
            .replace("{refundId}", "017f449b-9000-7000-8000-000000000001")
            .replace(['{', '}'], "");
        let named = members(&content["examples"]).map(|(_, example)| &resolved(example)["value"]);
        let of_schema = resolved(&content["schema"])["examples"].as_array();
        for value in named.chain(of_schema.into_iter().flatten()) {
            seen += 1;
            assert!(valid.is_valid(value), "{}: {value}", operation.id());
            let request = http::Request::builder()
                .method(operation.method())
                .uri(&path)
                .header("content-type", "application/json")
                .body(value.to_string())
                .unwrap();
            if let Err(refusal) = parse(&request) {
                panic!("{}: {refusal}", operation.id());
            }
        }
    }
    assert!(seen >= 6, "{seen} examples");
}

/// A reader who sends the examples in their order sees them work.
#[test]
fn examples_of_requests_work_together() {
    let desk = Desk::new();
    let created = |response: http::Response<Vec<u8>>| {
        assert_eq!(response.status(), 201, "{}", body(&response));
    };
    let refunds = format!("{MOVEMENT}/refund");
    let others = format!("{refunds}/non-subscribable-products");
    created(desk.put(MOVEMENT, &example("movement_request")));
    created(desk.post(&refunds, &example("refund_request")));
    created(desk.post(&others, &example("non_subscribable_request")));
    created(desk.post(&others, &example("keyless_request")));
}

//! Answers of every operation, each as the document says.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use http::{HeaderValue, Response};
use refund_ledger::store::{ReadSet, ScanRange, ScanRow, Snapshot, WriteBatch};
use refund_ledger::{
    JournalPosition, JournalRecord, Ledger, ListAfter, MovementKey, Page, Refund, RefundFilter,
    RefundLookup, Store, StoreError,
};
use refund_rest::{Grants, Operation};
use serde_json::json;

use crate::check::deviations;
use crate::support::{Desk, MOVEMENT, body, described, document, example, members, validator};

/// The paths of an operation's example, with this refund.
fn path_of(operation: Operation, refund: &str) -> String {
    operation
        .path()
        .replace("{orgId}", "acme")
        .replace("{subscriptionId}", "sub-7")
        .replace("{movementId}", "mov-42")
        .replace("{refundId}", refund)
}

fn request_of(operation: Operation) -> String {
    match operation {
        Operation::CreateRefund | Operation::UpdateRefund => example("refund_request"),
        Operation::CreateNonSubscribableRefund => example("non_subscribable_request"),
        Operation::RecordMovement => example("movement_request"),
        _ => String::new(),
    }
}

/// Sends requests, checks every answer, and remembers what it has seen.
#[derive(Default)]
struct Watch {
    seen: BTreeSet<(&'static str, String)>,
    headers: BTreeSet<String>,
}

impl Watch {
    fn send(
        &mut self,
        desk: &Desk,
        operation: Operation,
        path: &str,
        headers: &[(&str, &str)],
        request: &str,
    ) -> Response<Vec<u8>> {
        let response = desk.send(&operation.method(), path, headers, request);
        let found = deviations(operation, &response);
        assert!(
            found.is_empty(),
            "{} {path} {request}: {}",
            operation.id(),
            found.join("; ")
        );
        let status = response.status().as_u16().to_string();
        self.seen.insert((operation.id(), status));
        let names = response.headers().keys();
        self.headers.extend(names.map(|name| name.as_str().into()));
        response
    }

    /// The same, where the answer must have this status.
    fn expect(
        &mut self,
        status: u16,
        desk: &Desk,
        operation: Operation,
        path: &str,
        request: &str,
    ) -> Response<Vec<u8>> {
        let response = self.send(desk, operation, path, &[], request);
        let shown = String::from_utf8_lossy(response.body());
        assert_eq!(
            response.status(),
            status,
            "{} {path}: {shown}",
            operation.id()
        );
        response
    }
}

/// A store that can't do anything.
struct Failing(StoreError);

impl Store for Failing {
    fn load(&self, _: &ReadSet) -> Result<Snapshot, StoreError> {
        Err(self.0.clone())
    }

    fn commit(&self, _: &WriteBatch) -> Result<(), StoreError> {
        Err(self.0.clone())
    }

    fn list_refunds(
        &self,
        _: &RefundFilter,
        _: Option<ListAfter>,
        _: usize,
    ) -> Result<Page<Refund>, StoreError> {
        Err(self.0.clone())
    }

    fn journal(&self, _: JournalPosition, _: usize) -> Result<Vec<JournalRecord>, StoreError> {
        Err(self.0.clone())
    }

    fn scan(
        &self,
        _: &ScanRange<'_>,
        _: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> Result<JournalPosition, StoreError> {
        Err(self.0.clone())
    }
}

#[test]
fn every_answer_is_as_described() {
    let mut watch = Watch::default();
    successes(&mut watch);
    refusals(&mut watch);
    let described: BTreeSet<(&str, String)> = Operation::ALL
        .into_iter()
        .flat_map(|operation| {
            members(&described(operation)["responses"])
                .map(move |(status, _)| (operation.id(), status.to_owned()))
        })
        .collect();
    assert_eq!(
        watch.seen, described,
        "every status that is described was answered"
    );
    let headers: BTreeSet<String> = members(&document()["components"]["headers"])
        .map(|(name, _)| name.to_ascii_lowercase())
        // The one is a server's, the other that of an answer that no operation gives.
        .filter(|name| !["x-request-id", "allow"].contains(&&**name))
        .chain(["content-type".to_owned()])
        .collect();
    assert_eq!(
        watch.headers, headers,
        "every header that is described was sent"
    );
}

/// Every operation carried out, on refunds and movements of every fate.
fn successes(watch: &mut Watch) {
    let desk = Desk::new();
    let refunds = path_of(Operation::CreateRefund, "");
    let others = path_of(Operation::CreateNonSubscribableRefund, "");
    let [standard, other] = ["refund_request", "non_subscribable_request"].map(example);
    let movement = example("movement_request");

    watch.expect(201, &desk, Operation::RecordMovement, MOVEMENT, &movement);
    watch.expect(204, &desk, Operation::RecordMovement, MOVEMENT, &movement);
    let mut created = Vec::new();
    for _ in ["at first", "a replay"] {
        let answer = watch.expect(201, &desk, Operation::CreateRefund, &refunds, &standard);
        created.push(body(&answer)["id"].as_str().unwrap().to_owned());
    }
    let second = standard.replace("987654321", "r-2");
    let answer = watch.expect(201, &desk, Operation::CreateRefund, &refunds, &second);
    created.push(body(&answer)["id"].as_str().unwrap().to_owned());
    let create_other = Operation::CreateNonSubscribableRefund;
    let answer = watch.expect(201, &desk, create_other, &others, &other);
    created.push(body(&answer)["id"].as_str().unwrap().to_owned());
    let keyless = example("keyless_request");
    let key = [("idempotency-key", "k-1")];
    for replayed in [None, Some(HeaderValue::from_static("true"))] {
        let answer = watch.send(&desk, create_other, &others, &key, &keyless);
        assert_eq!(
            answer.headers().get("idempotent-replayed"),
            replayed.as_ref()
        );
    }
    let least = json!({
        "refund_datetime": "2022-02-24T13:45:10.25+01:00",
        "amount": {"value_with_taxes": "0.01"},
        "external_refund_unique_id": "r-3",
        "billable": true,
        "description": "A cent",
    });
    watch.expect(
        201,
        &desk,
        Operation::CreateRefund,
        &refunds,
        &least.to_string(),
    );

    let changed = standard.replace("Two days", "Three days");
    let path = path_of(Operation::UpdateRefund, &created[0]);
    let stale = watch.send(
        &desk,
        Operation::UpdateRefund,
        &path,
        &[("if-match", "\"7\"")],
        &changed,
    );
    assert_eq!(stale.status(), 412);
    watch.expect(204, &desk, Operation::UpdateRefund, &path, &changed);
    watch.expect(204, &desk, Operation::UpdateRefund, &path, &changed);
    let path = path_of(Operation::DeleteRefund, &created[2]);
    let stale = watch.send(
        &desk,
        Operation::DeleteRefund,
        &path,
        &[("if-match", "\"7\"")],
        "",
    );
    assert_eq!(stale.status(), 412);
    watch.expect(204, &desk, Operation::DeleteRefund, &path, "");
    let key = MovementKey::new("acme", "sub-7", "mov-42").unwrap();
    let lookup = RefundLookup::Id(created[3].parse().unwrap());
    desk.ledger
        .erase_text(&key, Some(lookup))
        .expect("a text is erased");
    desk.ledger
        .erase_text(&key, None)
        .expect("a text is erased");

    for refund in [&created[0], &created[3]] {
        for operation in [Operation::GetRefund, Operation::GetRefundHistory] {
            watch.expect(200, &desk, operation, &path_of(operation, refund), "");
        }
    }
    let history = Operation::GetRefundHistory;
    watch.expect(200, &desk, history, &path_of(history, &created[2]), "");
    watch.expect(200, &desk, Operation::GetMovement, MOVEMENT, "");
    for operation in [Operation::ListRefunds, Operation::ListMovementRefunds] {
        let path = path_of(operation, "");
        for query in [
            "",
            "?limit=1",
            "?include_deleted=true",
            "?kind=non_subscribable",
        ] {
            watch.expect(200, &desk, operation, &format!("{path}{query}"), "");
        }
        let none = format!("{path}?external_invoice_id=none");
        let answer = watch.expect(200, &desk, operation, &none, "");
        assert_eq!(body(&answer), json!({"items": [], "next_cursor": null}));
    }

    let mistyped = MOVEMENT.replace("mov-42", "mov-43");
    let charge = movement
        .replace("EUR", "BHD")
        .replace("121", "0.125")
        .replace("100", "0.103");
    watch.expect(201, &desk, Operation::RecordMovement, &mistyped, &charge);
    watch.expect(204, &desk, Operation::VoidMovement, &mistyped, "");
    let large = MOVEMENT.replace("mov-42", "mov-44");
    let charge = json!({
        "currency": "CLF",
        "occurred_at": "0001-01-01T00:00:00Z",
        "amount": {"value_with_taxes": 99_999_999_999_999_u64},
        "description": "Much",
    });
    watch.expect(
        201,
        &desk,
        Operation::RecordMovement,
        &large,
        &charge.to_string(),
    );
    watch.expect(200, &desk, Operation::GetMovement, &large, "");

    let journal = path_of(Operation::GetJournal, "");
    let page = body(&watch.expect(200, &desk, Operation::GetJournal, &journal, ""));
    let kinds: BTreeSet<&str> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds.len(), 6, "an entry of each kind: {kinds:?}");
    let end = format!("{journal}?after={}", page["next_after"]);
    watch.expect(200, &desk, Operation::GetJournal, &end, "");
}

/// Every operation refused, in each of the ways that all have.
fn refusals(watch: &mut Watch) {
    let refund = "017f449b-9000-7000-8000-000000000001";
    let reason = || "what the store said".to_owned();
    let stores = [
        (504, StoreError::Busy),
        (504, StoreError::Conflict),
        (502, StoreError::Unavailable { reason: reason() }),
        (502, StoreError::OutcomeUnknown { reason: reason() }),
        (500, StoreError::Failed { reason: reason() }),
        (500, StoreError::Unsupported { reason: reason() }),
        (500, StoreError::Corrupted { reason: reason() }),
    ];
    for operation in Operation::ALL {
        let path = path_of(operation, refund);
        let request = request_of(operation);
        let desk = Desk::new();

        let mut nobody = desk.clone();
        nobody.caller = None;
        watch.expect(401, &nobody, operation, &path, &request);
        let mut nowhere = desk.clone();
        nowhere.caller.as_mut().unwrap().grants = Grants::default();
        watch.expect(403, &nowhere, operation, &path, &request);

        watch.expect(
            400,
            &desk,
            operation,
            &format!("{path}?colour=red"),
            &request,
        );
        watch.expect(
            400,
            &desk,
            operation,
            &path.replace("acme", "%20"),
            &request,
        );
        if operation.has_body() {
            for wrong in ["", "[]", "{}", r#"{"colour":"red"}"#] {
                watch.expect(400, &desk, operation, &path, wrong);
            }
        }
        watch.expect(
            404,
            &desk,
            operation,
            &format!("{path}/beyond/it"),
            &request,
        );
        for (status, error) in &stores {
            let ledger = Ledger::with_system_host(Arc::new(Failing(error.clone())));
            watch.expect(*status, &Desk::over(ledger), operation, &path, &request);
        }
    }

    // Refusals that rest on what is stored, with and without fields and holders.
    let desk = Desk::new();
    let refunds = path_of(Operation::CreateRefund, "");
    let [standard, other, movement] = [
        "refund_request",
        "non_subscribable_request",
        "movement_request",
    ]
    .map(example);
    watch.expect(404, &desk, Operation::CreateRefund, &refunds, &standard);
    watch.expect(404, &desk, Operation::VoidMovement, MOVEMENT, "");
    watch.expect(404, &desk, Operation::GetMovement, MOVEMENT, "");
    watch.expect(201, &desk, Operation::RecordMovement, MOVEMENT, &movement);
    let conflict = movement.replace("February", "March");
    watch.expect(400, &desk, Operation::RecordMovement, MOVEMENT, &conflict);
    let answer = watch.expect(201, &desk, Operation::CreateRefund, &refunds, &standard);
    let id = body(&answer)["id"].as_str().unwrap().to_owned();
    let path = path_of(Operation::GetRefund, &id);
    for (from, to) in [("false", "true"), ("12.1", "12.2"), ("12.1", "1000")] {
        let request = standard.replace(from, to);
        watch.send(&desk, Operation::CreateRefund, &refunds, &[], &request);
        let request = request.replace("987654321", "r-9");
        watch.send(&desk, Operation::CreateRefund, &refunds, &[], &request);
    }
    watch.expect(400, &desk, Operation::UpdateRefund, &path, &other);
    watch.expect(400, &desk, Operation::VoidMovement, MOVEMENT, "");
    watch.expect(
        404,
        &desk,
        Operation::GetRefund,
        &path_of(Operation::GetRefund, "r-1"),
        "",
    );
    watch.expect(204, &desk, Operation::DeleteRefund, &path, "");
    watch.expect(404, &desk, Operation::GetRefund, &path, "");
    let deleted = watch.expect(400, &desk, Operation::CreateRefund, &refunds, &standard);
    assert_eq!(body(&deleted)["code"], "refund_deleted");
    assert!(body(&deleted)["holder"].is_object(), "it names the holder");
}

/// The answer to a method that a path does not have is described apart.
#[test]
fn a_wrong_method_is_answered_as_described() {
    let desk = Desk::new();
    let described = &document()["components"]["responses"]["MethodNotAllowed"];
    let valid = validator(&described["content"]["application/json"]["schema"]);
    for operation in Operation::ALL {
        let path = path_of(operation, "r-1");
        let response = desk.send(&http::Method::PATCH, &path, &[], "");
        assert_eq!(response.status(), 405);
        assert!(valid.is_valid(&body(&response)), "{}", body(&response));
        for name in response
            .headers()
            .keys()
            .filter(|name| *name != "content-type")
        {
            assert!(
                members(&described["headers"]).any(|(known, _)| name == known),
                "{name}"
            );
        }
    }
}

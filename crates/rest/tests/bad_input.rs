//! Requests that nobody would write: those of the table with bytes changed and parts exchanged, and
//! any bytes at all. Each has an answer of the contract's form, none is the ledger's fault, and the
//! ledger is sound behind it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod common;
mod form;
mod table;

use std::sync::{Arc, LazyLock};

use common::{StepHost, caller, request};
use form::complaint;
use http::{HeaderName, HeaderValue, Method, Request, Response};
use proptest::prelude::*;
use refund_ledger::Ledger;
use refund_ledger::store::memory::MemoryStore;
use refund_rest::answer;
use serde_json::Value;

/// A request as bytes, which may be one or not.
#[derive(Clone, Debug)]
struct Raw {
    method: Vec<u8>,
    target: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
}

impl Raw {
    /// The request, where a server could have read these bytes as one.
    fn request(&self) -> Option<Request<Vec<u8>>> {
        let mut request = Request::builder()
            .method(Method::from_bytes(&self.method).ok()?)
            .uri(self.target.as_slice());
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name).ok()?;
            request = request.header(name, HeaderValue::from_bytes(value).ok()?);
        }
        request.body(self.body.clone()).ok()
    }
}

/// The requests of the table.
static KNOWN: LazyLock<Vec<Raw>> = LazyLock::new(|| {
    let tables = table::read_all();
    let scenarios = tables.iter().flat_map(|(_, table)| &table.scenarios);
    scenarios
        .flat_map(|scenario| &scenario.steps)
        .map(|step| Raw {
            method: step.request.method.clone().into(),
            target: step.request.path.clone().into(),
            headers: step
                .request
                .headers
                .iter()
                .map(|(name, value)| (name.clone().into(), value.clone().into()))
                .collect(),
            body: step.request.bytes(),
        })
        .collect()
});

/// Sends a request twice to a ledger that holds a movement with a refund, from a caller who may do
/// everything, from one who may in another org, and from nobody. Answers with the status of the first
/// time; none where the bytes are no request.
fn send(raw: &Raw) -> Option<u16> {
    let asked = raw.request()?;
    let all = caller("ops", &["*"], &["read", "write"]);
    let store = Arc::new(MemoryStore::new());
    let ledger = |number| {
        let host = StepHost::new("2022-03-01T00:00:00Z", number);
        Ledger::new(store.clone(), Arc::new(host))
    };
    let movement = "/v1/orgs/acme/subscription/sub-7/movement/mov-42";
    let charge = r#"{"currency":"EUR","occurred_at":"2022-02-01T00:00:00Z","amount":{"value_with_taxes":121,"value_without_taxes":100,"tax":{"type":"IVA","percentage":21}},"description":"February"}"#;
    let refund = r#"{"refund_datetime":"2022-02-24T13:45:10Z","amount":{"value_with_taxes":12.1,"value_without_taxes":10,"tax":{"type":"IVA","percentage":21}},"external_refund_unique_id":"987654321","billable":false,"description":"Two days"}"#;
    for (number, setup) in [
        (1, request("PUT", movement, charge)),
        (2, request("POST", &format!("{movement}/refund"), refund)),
    ] {
        assert_eq!(answer(&ledger(number), Some(&all), &setup).status(), 201);
    }
    let stranger = caller("stranger", &["globex"], &["read", "write"]);
    let mut status = None;
    for (number, asks) in [
        (3, None),
        (4, Some(&stranger)),
        (5, Some(&all)),
        (6, Some(&all)),
    ] {
        let response = answer(&ledger(number), asks, &asked);
        if number == 5 {
            status = Some(response.status().as_u16());
        }
        if let Some(complaint) = complaint(asked.method(), &response) {
            let body = String::from_utf8_lossy(response.body());
            panic!("{complaint}: {} {asked:?}\n{body}", response.status());
        }
    }
    let report = ledger(7).verify(None).expect("a report");
    assert!(report.is_valid(), "the ledger verifies: {report:?}");
    status
}

#[test]
fn the_requests_of_the_table_are_answered_in_form() {
    for raw in KNOWN.iter() {
        assert!(send(raw).is_some(), "{raw:?}");
    }
}

#[test]
fn what_an_error_repeats_of_a_request_is_cut() {
    let all = caller("ops", &["*"], &["read", "write"]);
    let host = StepHost::new("2022-03-01T00:00:00Z", 1);
    let ledger = Ledger::new(Arc::new(MemoryStore::new()), Arc::new(host));
    let movement = "/v1/orgs/acme/subscription/sub-7/movement/mov-42";
    let told = |request| {
        let response = answer(&ledger, Some(&all), &request);
        assert_eq!(response.status(), 400);
        serde_json::from_slice::<Value>(response.body()).unwrap()
    };
    for (characters, fits) in [(20_000, true), (1_000_000, false)] {
        let name = "x".repeat(characters);
        for body in [
            format!(r#"{{"{name}":1}}"#),
            format!(r#"{{"{name}":1,"{name}":2}}"#),
        ] {
            for (method, path) in [
                ("PUT", movement.into()),
                ("POST", format!("{movement}/refund")),
            ] {
                let told = told(request(method, &path, &body));
                assert!(told.to_string().len() < 1_000, "{told}");
                let message = told["message"].as_str().unwrap();
                assert_eq!(
                    message.contains(&format!("`{}…`", "x".repeat(64))),
                    fits,
                    "{told}"
                );
            }
        }
    }
    let query = format!("/v1/orgs/acme/refunds?{}=1", "x".repeat(20_000));
    let told = told(request("GET", &query, ""));
    assert!(
        told["message"]
            .as_str()
            .unwrap()
            .contains(&format!("`{}…`", "x".repeat(64))),
        "{told}"
    );
    assert!(told.to_string().len() < 1_000, "{told}");
}

/// One change to some bytes.
#[derive(Clone, Debug)]
enum Change {
    Set(usize, u8),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    Cut(usize),
}

fn change() -> impl Strategy<Value = Change> {
    let at = || any::<prop::sample::Index>().prop_map(|at| at.index(4_096));
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 1..4),
        prop::sample::select(vec![
            "/",
            "//",
            "%",
            "%2",
            "%2F",
            "%00",
            "%ff",
            "%C3%A4",
            "?",
            "&",
            "=",
            "+",
            "#",
            ".",
            "..",
            ";",
            "\"",
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\\",
            "\\u0000",
            "\\ud800",
            "null",
            "-",
            "0",
            "1e9",
            "_",
            " ",
            "\t",
            "\u{feff}",
            "\u{a0}",
            "\u{663}",
            "*",
            "W/",
            "9999999999999999",
            "\"a\":1,",
            "\"amount\":{},",
            "&limit=0",
            "?limit=1&limit=1",
            "+24:00",
            "ä",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (at(), 32..127_u8).prop_map(|(at, byte)| Change::Set(at, byte)),
        (at(), piece).prop_map(|(at, piece)| Change::Insert(at, piece)),
        (at(), 1..12_usize).prop_map(|(at, length)| Change::Remove(at, length)),
        at().prop_map(Change::Cut),
    ]
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let within = |at: &usize, length: usize| at.checked_rem(length).unwrap_or(0);
        match self {
            Self::Set(at, value) => {
                let at = within(at, bytes.len());
                bytes.splice(at..bytes.len().min(at + 1), [*value]);
            }
            Self::Insert(at, piece) => {
                let at = within(at, bytes.len() + 1);
                bytes.splice(at..at, piece.iter().copied());
            }
            Self::Remove(at, count) => {
                let at = within(at, bytes.len());
                bytes.drain(at..bytes.len().min(at + count));
            }
            Self::Cut(at) => bytes.truncate(within(at, bytes.len())),
        }
    }
}

fn apply(changes: &[Change], bytes: &mut Vec<u8>) {
    for change in changes {
        change.apply(bytes);
    }
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    // Where everything is changed, little is ever carried out.
    prop_oneof![
        2 => Just(Vec::new()),
        1 => prop::collection::vec(change(), 1..3),
    ]
}

fn known() -> impl Strategy<Value = Raw> {
    any::<prop::sample::Index>().prop_map(|at| at.get(&KNOWN).clone())
}

/// A known request with bytes changed anywhere.
fn changed() -> impl Strategy<Value = Raw> {
    (known(), changes(), changes(), changes()).prop_map(|(mut raw, target, headers, body)| {
        apply(&target, &mut raw.target);
        apply(&body, &mut raw.body);
        for (_, value) in &mut raw.headers {
            apply(&headers, value);
        }
        raw
    })
}

/// Parts of several known requests in one, and headers that no known one has together.
fn mixed() -> impl Strategy<Value = Raw> {
    let header = (
        prop::sample::select(vec![
            "if-match",
            "idempotency-key",
            "content-type",
            "content-encoding",
            "accept",
            "if-none-match",
            "range",
            "authorization",
            "x-http-method-override",
        ]),
        prop_oneof![
            prop::sample::select(vec![
                "\"1\"",
                "*",
                "1",
                "k-1",
                "\"k-1\"",
                "\"",
                "application/json",
                "gzip",
                "identity",
                "",
                " ",
                "ä",
                "DELETE",
            ])
            .prop_map(|text| text.as_bytes().to_vec()),
            prop::collection::vec(any::<u8>(), 0..12),
        ],
    )
        .prop_map(|(name, value)| (name.as_bytes().to_vec(), value));
    let headers = prop::collection::vec(header, 0..4);
    (known(), changed(), known(), headers).prop_map(|(one, other, third, mut headers)| {
        headers.extend(third.headers);
        Raw {
            method: one.method,
            target: other.target,
            headers,
            body: third.body,
        }
    })
}

/// Bytes, a path of ours at most.
fn anything() -> impl Strategy<Value = Raw> {
    let bytes = |most| prop::collection::vec(any::<u8>(), 0..most);
    let printable = || prop::collection::vec(33..127_u8, 0..60);
    let target = prop_oneof![
        printable(),
        (
            prop::sample::select(vec![
                "/",
                "/v1/orgs/",
                "/v1/orgs/acme/refunds?",
                "/v1/orgs/acme/journal?",
                "/v1/orgs/acme/subscription/sub-7/movement/",
                "/v1/orgs/acme/subscription/sub-7/movement/mov-42/refund/",
                "/v1/orgs/acme/subscription/sub-7/movement/mov-42/refund?",
            ]),
            printable(),
        )
            .prop_map(|(start, rest)| [start.as_bytes(), &rest].concat()),
    ];
    let methods = vec![
        "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get", "X",
    ];
    (prop::sample::select(methods), target, bytes(80), bytes(20)).prop_map(
        |(method, target, body, value)| Raw {
            method: method.into(),
            target,
            headers: vec![(b"idempotency-key".to_vec(), value)],
            body,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn known_requests_with_bytes_changed_are_answered_in_form(raw in changed()) {
        send(&raw);
    }

    #[test]
    fn parts_of_known_requests_in_one_are_answered_in_form(raw in mixed()) {
        send(&raw);
    }

    #[test]
    fn any_bytes_are_answered_in_form(raw in anything()) {
        send(&raw);
    }
}

#[test]
fn what_is_changed_is_answered_in_many_ways() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut counted = std::collections::BTreeMap::new();
    for _ in 0..500 {
        let raw = changed().new_tree(&mut runner).unwrap().current();
        *counted.entry(send(&raw)).or_insert(0) += 1;
    }
    for status in [200, 201, 204, 400, 404, 405] {
        assert!(
            counted.get(&Some(status)).is_some_and(|count| *count >= 3),
            "some of 500 are answered with {status}: {counted:?}"
        );
    }
}

/// Responses that are wrong, each in one way.
#[test]
fn a_response_that_is_out_of_form_is_found_out() {
    let right = || {
        Response::builder()
            .header("cache-control", "no-store")
            .header("content-type", "application/json")
    };
    let body = |text: &str| text.as_bytes().to_vec();
    let error = r#"{"code":"refund_not_found","message":"there is no such refund"}"#;
    let fine = right().status(404).body(body(error)).unwrap();
    assert_eq!(complaint(&Method::GET, &fine), None);
    let empty = right().status(404).body(Vec::new()).unwrap();
    assert_eq!(complaint(&Method::HEAD, &empty), None);

    let invalid = r#"{"code":"invalid_request","message":"x","details":[{"field":"","code":"x"}]}"#;
    let wrong = [
        ("the server's fault", right().status(500).body(body(error))),
        ("another status", right().status(400).body(body(error))),
        ("no status of ours", right().status(422).body(body(error))),
        ("405 without Allow", right().status(405).body(body(error))),
        (
            "401 without a scheme",
            right().status(401).body(body(error)),
        ),
        ("no body", right().status(404).body(Vec::new())),
        ("a body with 204", right().status(204).body(body("{}"))),
        ("text", right().status(404).body(body("not found"))),
        (
            "no code",
            right().status(404).body(body(r#"{"message":"x"}"#)),
        ),
        (
            "no message",
            right()
                .status(404)
                .body(body(r#"{"code":"refund_not_found"}"#)),
        ),
        (
            "another code",
            right()
                .status(404)
                .body(body(r#"{"code":"gone","message":"x"}"#)),
        ),
        (
            "no details",
            right()
                .status(400)
                .body(body(r#"{"code":"invalid_request","message":"x"}"#)),
        ),
        ("half a detail", right().status(400).body(body(invalid))),
        (
            "HTML",
            Response::builder()
                .header("cache-control", "no-store")
                .header("content-type", "text/html")
                .status(404)
                .body(body(error)),
        ),
        (
            "cacheable",
            Response::builder().status(204).body(Vec::new()),
        ),
    ];
    for (what, response) in wrong {
        let complaint = complaint(&Method::GET, &response.unwrap());
        assert!(complaint.is_some(), "{what} is out of form");
    }
    let with_body = complaint(&Method::HEAD, &fine);
    assert!(with_body.is_some(), "a body with HEAD is out of form");
}

//! The bodies of requests: what a schema forbids the server refuses, and what it allows the server
//! takes, but for what no schema can say, which is listed here.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{Method, Response};
use serde_json::{Value, json};

use crate::samples;
use crate::support::{Desk, MOVEMENT, body, code, members, resolved, schema, texts, validator};

/// Stands where a value goes in.
const HOLE: &str = "\"@@\"";

/// A form of body, where it is sent, and a body that has no more than it must.
#[derive(Clone, Copy, Debug)]
enum Form {
    Refund,
    Other,
    UpdateRefund,
    UpdateOther,
    Movement,
}

impl Form {
    const ALL: [Self; 5] = [
        Self::Refund,
        Self::Other,
        Self::UpdateRefund,
        Self::UpdateOther,
        Self::Movement,
    ];

    fn schema(self) -> &'static Value {
        schema(match self {
            Self::Refund => "RefundRequestDTO",
            Self::Other => "RefundNonSubscribableProductsRequestDTO",
            Self::UpdateRefund | Self::UpdateOther => "UpdateRefundRequest",
            Self::Movement => "MovementRequestDTO",
        })
    }

    /// The schema that tells its fields.
    fn fields(self) -> &'static Value {
        match self {
            Self::UpdateRefund => Self::Refund.schema(),
            Self::UpdateOther => Self::Other.schema(),
            other => other.schema(),
        }
    }

    fn least(self) -> Value {
        match self {
            Self::Refund | Self::UpdateRefund => json!({
                "refund_datetime": "2022-02-24T13:45:10Z",
                "amount": {"value_with_taxes": 1},
                "external_refund_unique_id": "r-0",
                "billable": false,
                "description": "Two days",
            }),
            Self::Other | Self::UpdateOther => json!({
                "refund_datetime": "2022-02-24T13:45:10Z",
                "amount": {"value_with_taxes": 1, "billable": true},
                "transaction_type_id": "goods",
                "description": "A cable",
            }),
            Self::Movement => json!({
                "currency": "EUR",
                "occurred_at": "2022-02-01T00:00:00Z",
                "amount": {"value_with_taxes": 121},
                "description": "February",
            }),
        }
    }
}

/// Every field with its path, objects before what is in them.
fn fields(schema: &'static Value, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (name, field) in members(&resolved(schema)["properties"]) {
        let path = format!("{path}/{name}");
        let inner = match field["oneOf"].as_array() {
            Some(options) => &options[0],
            None => field,
        };
        found.push(path.clone());
        found.extend(fields(inner, &path));
    }
    found
}

/// The body with this value, given as JSON text, in this place.
fn with(least: &Value, path: &str, value: &str) -> String {
    let mut whole = least.clone();
    let (parent, name) = path.rsplit_once('/').unwrap();
    if parent == "/amount/tax" && whole["amount"].get("tax").is_none() {
        whole["amount"]["tax"] = json!({"type": "IVA", "percentage": 0});
    }
    if path == "/amount/value_without_taxes" {
        // Alone, so that only what is said of it is judged.
        whole["amount"]
            .as_object_mut()
            .unwrap()
            .remove("value_with_taxes");
    }
    whole.pointer_mut(parent).unwrap()[name] = json!("@@");
    whole.to_string().replace(HOLE, value)
}

/// A ledger with a movement in euros and one in the currency with the most decimals, each with a
/// refund of either kind.
struct Bench {
    desk: Desk,
    movements: [(String, [String; 2]); 2],
    sent: AtomicU64,
    /// Judges refusals.
    refusal: jsonschema::Validator,
}

impl Bench {
    fn new() -> Self {
        let desk = Desk::new();
        let movements = [
            ("EUR", MOVEMENT.to_owned()),
            ("CLF", MOVEMENT.replace("-42", "-43")),
        ]
        .map(|(currency, path)| {
            let charge = with(
                &Form::Movement.least(),
                "/currency",
                &format!("\"{currency}\""),
            )
            .replace("121", "99999999999999");
            assert_eq!(desk.put(&path, &charge).status(), 201);
            let refund = |path: String, form: Form| {
                let request = form.least().to_string().replace("r-0", currency);
                let created = desk.post(&path, &request);
                assert_eq!(created.status(), 201, "{}", body(&created));
                created.headers()["location"].to_str().unwrap().to_owned()
            };
            let refunds = [
                refund(format!("{path}/refund"), Form::Refund),
                refund(
                    format!("{path}/refund/non-subscribable-products"),
                    Form::Other,
                ),
            ];
            (path, refunds)
        });
        Self {
            desk,
            movements,
            sent: AtomicU64::new(0),
            refusal: validator(schema("GenericResponseDTO")),
        }
    }

    /// The answers on the two movements.
    fn send(&self, form: Form, request: &str) -> Vec<Response<Vec<u8>>> {
        let sent = self.sent.fetch_add(1, Ordering::Relaxed);
        // A new key each time, or the answer would be about the one before. An update keeps its own.
        let new = &request.replace("\"r-0\"", &format!("\"r-{sent}\""));
        let kept = |path: &str| {
            let key = if path.contains("mov-42") {
                "EUR"
            } else {
                "CLF"
            };
            request.replace("r-0", key)
        };
        if let Form::Movement = form {
            let path = MOVEMENT.replace("mov-42", &format!("new-{sent}"));
            return vec![
                self.desk.put(&path, new),
                self.desk
                    .put(&format!("{path}-b"), &new.replace("EUR", "CLF")),
            ];
        }
        let send = |(movement, refunds): &(String, [String; 2])| match form {
            Form::Refund => self.desk.post(&format!("{movement}/refund"), new),
            Form::Other => self
                .desk
                .post(&format!("{movement}/refund/non-subscribable-products"), new),
            Form::UpdateRefund => self.desk.put(&refunds[0], &kept(movement)),
            Form::UpdateOther | Form::Movement => self.desk.put(&refunds[1], &kept(movement)),
        };
        let answers: Vec<_> = self.movements.iter().map(send).collect();
        for answer in answers
            .iter()
            .filter(|answer| !answer.status().is_success())
        {
            let refusal = body(answer);
            assert!(
                self.refusal.is_valid(&refusal),
                "not as described: {refusal}"
            );
        }
        answers
    }
}

/// What no schema can say, so that the server may refuse what it allows.
const UNSAID: [&str; 6] = [
    "bytes of an id",
    "exponent or sign of a number",
    "significant digits",
    "decimals",
    "a value of 0 only for the rest of a movement",
    "the year in UTC",
];

/// Which of these a value is, in this place.
fn unsaid(path: &str, value: &str) -> Option<&'static str> {
    let [bytes, form, digits, decimals, zero, year] = UNSAID;
    let is_decimal = path.contains("value_with") || path.contains("percentage");
    let text = value.trim_matches('"');
    let significant = text.replace('.', "").trim_start_matches('0').len();
    let is_number = value == text;
    let cases = [
        (path.ends_with("_id"), !value.is_ascii(), bytes),
        (
            is_decimal,
            is_number && value.contains(['e', 'E', '-']),
            form,
        ),
        (is_decimal, significant > 15, digits),
        (
            is_decimal,
            is_number && ["0.00001", "21.12345"].contains(&value),
            decimals,
        ),
        (
            path.contains("value_without"),
            text.trim_matches(['0', '.']).is_empty(),
            zero,
        ),
        (
            true,
            value.contains("0001-01-01T00:00:00+") || value.contains("9-00:01"),
            year,
        ),
    ];
    cases
        .into_iter()
        .find(|(here, such, _)| *here && *such)
        .map(|(_, _, reason)| reason)
}

#[test]
fn schema_and_server_agree_on_every_value_of_every_field() {
    let bench = Bench::new();
    let samples = samples::json();
    let (mut taken, mut refused) = (0_u32, 0_u32);
    let mut reasons = BTreeSet::new();
    for form in Form::ALL {
        let valid = validator(form.schema());
        for path in fields(form.fields(), "") {
            let (mut of_field_taken, mut of_field_refused) = (0, 0);
            for sample in &samples {
                let request = with(&form.least(), &path, sample);
                let allowed = valid.is_valid(&serde_json::from_str(&request).unwrap());
                let answers = bench.send(form, &request);
                let shown: String = request.chars().take(300).collect();
                if !allowed {
                    of_field_refused += 1;
                    for answer in &answers {
                        assert!(
                            answer.status().is_client_error(),
                            "{form:?}: the schema forbids this, the server takes it: {shown}"
                        );
                    }
                    continue;
                }
                let is_taken =
                    |answer| !matches!(&*code(answer), "malformed_request" | "invalid_request");
                if answers.iter().any(is_taken) {
                    of_field_taken += 1;
                } else {
                    reasons.insert(unsaid(&path, sample).unwrap_or_else(|| {
                        let answer = body(&answers[0]);
                        panic!(
                            "{form:?}: the schema allows this, the server refuses it: {shown}\n{answer}"
                        )
                    }));
                }
            }
            assert!(of_field_taken > 0, "{form:?} {path}: no sample is taken");
            assert!(
                of_field_refused > 0,
                "{form:?} {path}: no sample is refused"
            );
            taken += of_field_taken;
            refused += of_field_refused;
        }
    }
    assert!(
        taken > 1_000 && refused > 5_000,
        "{taken} taken, {refused} refused"
    );
}

/// The fields that are at fault.
fn at_fault(answer: &Response<Vec<u8>>) -> Vec<(String, String)> {
    let body = body(answer);
    assert_eq!(body["code"], "invalid_request", "{body}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let details = body["details"].as_array().unwrap().iter();
    details
        .map(|detail| (text(&detail["field"]), text(&detail["code"])))
        .collect()
}

#[test]
fn what_is_required_is_missed_and_what_is_not_may_be_null() {
    let bench = Bench::new();
    for form in Form::ALL {
        let amount = resolved(&form.fields()["properties"]["amount"]);
        let tax = schema("TaxRequestDTO");
        for (place, object) in [
            ("", form.fields()),
            ("/amount", amount),
            ("/amount/tax", tax),
        ] {
            let required = texts(&object["required"]);
            for (name, _) in members(&object["properties"]) {
                let path = format!("{place}/{name}");
                let null = with(&form.least(), &path, "null");
                let mut absent: Value = serde_json::from_str(&null).unwrap();
                let parent = absent.pointer_mut(place).unwrap();
                parent.as_object_mut().unwrap().remove(name);
                for request in [null, absent.to_string()] {
                    let answer = &bench.send(form, &request)[0];
                    let is_value = name.starts_with("value_with");
                    if required.contains(&name) {
                        let field = path.trim_start_matches('/').replace('/', ".");
                        // Without what tells it from a standard refund, it is taken for one.
                        if form.fields() != form.schema() && code(answer) == "malformed_request" {
                            continue;
                        }
                        let fault = (field, "required".to_owned());
                        assert!(at_fault(answer).contains(&fault), "{form:?} {request}");
                    } else if !is_value {
                        assert!(answer.status().is_success(), "{form:?} {request}");
                    }
                }
            }
        }
        let nothing = json!({}).to_string();
        let request = with(&form.least(), "/amount", &nothing);
        let request = match form {
            Form::Other | Form::UpdateOther => request.replace("{}", r#"{"billable":true}"#),
            _ => request,
        };
        let answer = &bench.send(form, &request)[0];
        let fault = ("amount.value_with_taxes".to_owned(), "required".to_owned());
        assert_eq!(at_fault(answer), [fault], "one value must be there");
    }
}

/// The parser says which fields it knows.
#[test]
fn the_fields_are_those_that_the_parser_knows() {
    let bench = Bench::new();
    for form in [Form::Refund, Form::Other, Form::Movement] {
        let amount = resolved(&form.fields()["properties"]["amount"]);
        for (place, object) in [
            ("", form.fields()),
            ("/amount", amount),
            ("/amount/tax", schema("TaxRequestDTO")),
        ] {
            let request = with(&form.least(), &format!("{place}/colour"), "1");
            let valid = validator(form.schema());
            assert!(!valid.is_valid(&serde_json::from_str(&request).unwrap()));
            let refused = body(&bench.send(form, &request)[0]);
            assert_eq!(refused["code"], "malformed_request", "{request}");
            let message = refused["message"].as_str().unwrap();
            let (_, known) = message.split_once("known are ").expect("it lists them");
            let known: BTreeSet<&str> = known
                .split(", ")
                .map(|name| name.trim_matches('`'))
                .collect();
            let written: BTreeSet<&str> = members(&object["properties"])
                .map(|(name, _)| name)
                .collect();
            assert_eq!(known, written, "{form:?} `{place}`");
        }
    }
}

#[test]
fn an_update_is_of_one_kind_or_the_other() {
    let bench = Bench::new();
    let valid = validator(schema("UpdateRefundRequest"));
    let mixed = [
        with(&Form::Refund.least(), "/transaction_type_id", "\"goods\""),
        with(&Form::Refund.least(), "/amount/billable", "true"),
        with(&Form::Other.least(), "/billable", "true"),
        json!({}).to_string(),
        json!([]).to_string(),
    ];
    for request in mixed {
        let value: Value = serde_json::from_str(&request).unwrap();
        assert!(!valid.is_valid(&value), "{request}");
        for form in [Form::UpdateRefund, Form::UpdateOther] {
            let answer = &bench.send(form, &request)[0];
            let known = ["malformed_request", "invalid_request"];
            assert!(known.contains(&&*code(answer)), "{request}");
        }
    }
}

/// What is said of the whole body stands in words.
#[test]
fn limits_of_the_body_are_told() {
    let text = crate::support::document()["info"]["description"]
        .as_str()
        .unwrap();
    let desk = Desk::new();
    let refused = |body: &str| {
        let answer = desk.send(&Method::PUT, MOVEMENT, &[], body);
        assert_eq!(
            code(&answer),
            "malformed_request",
            "{}",
            &body[..body.len().min(80)]
        );
    };
    let least = Form::Movement.least().to_string();
    for (told, too_much) in [
        (
            "65536 bytes",
            format!("{least}{}", " ".repeat(65_537 - least.len())),
        ),
        ("16 levels", "[".repeat(17) + &"]".repeat(17)),
        ("repeated", least.replacen('{', r#"{"currency":"EUR","#, 1)),
    ] {
        assert!(text.contains(told), "`{told}` is told");
        refused(&too_much);
    }
    let padded = format!("{least}{}", " ".repeat(65_536 - least.len()));
    assert_eq!(desk.put(MOVEMENT, &padded).status(), 201, "just inside");
}

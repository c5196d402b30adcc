//! The document as JSON, validators of its schemas, and a ledger behind the contract.

use std::sync::OnceLock;

use http::{Method, Request, Response};
use refund_ledger::{Id, Ledger};
use refund_rest::{Caller, Grants, Operation, answer, openapi};
use serde_json::{Value, json};

pub(crate) const MOVEMENT: &str = "/v1/orgs/acme/subscription/sub-7/movement/mov-42";

pub(crate) fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| serde_json::from_str(&openapi::to_json()).expect("JSON"))
}

/// What a value is, or what it refers to.
pub(crate) fn resolved(value: &'static Value) -> &'static Value {
    match value.get("$ref").and_then(Value::as_str) {
        None => value,
        Some(reference) => {
            let pointer = reference.strip_prefix('#').expect("a reference inside");
            let target = document().pointer(pointer);
            resolved(target.unwrap_or_else(|| panic!("`{reference}` leads nowhere")))
        }
    }
}

pub(crate) fn schema(name: &str) -> &'static Value {
    &document()["components"]["schemas"][name]
}

/// Judges values by a schema of the document, formats too.
pub(crate) fn validator(schema: &Value) -> jsonschema::Validator {
    let mut whole = schema.clone();
    whole["components"] = json!({"schemas": document()["components"]["schemas"]});
    jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&whole)
        .expect("a schema of JSON Schema 2020-12")
}

pub(crate) fn described(operation: Operation) -> &'static Value {
    let method = operation.method().as_str().to_ascii_lowercase();
    &document()["paths"][operation.path()][method]
}

/// The members of an object, by name; none where there is no object.
pub(crate) fn members(
    value: &'static Value,
) -> impl Iterator<Item = (&'static str, &'static Value)> {
    let object = value.as_object().into_iter().flatten();
    object.map(|(name, value)| (name.as_str(), value))
}

/// The texts of a list; none where there is no list.
pub(crate) fn texts(value: &'static Value) -> Vec<&'static str> {
    let items = value.as_array().into_iter().flatten();
    items.map(|item| item.as_str().expect("text")).collect()
}

/// A ledger, and who asks.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) ledger: Ledger,
    pub(crate) caller: Option<Caller>,
}

impl Desk {
    pub(crate) fn over(ledger: Ledger) -> Self {
        let subject = Id::new("ops").unwrap();
        let grants = Grants::all();
        Self {
            ledger,
            caller: Some(Caller { subject, grants }),
        }
    }

    pub(crate) fn new() -> Self {
        Self::over(Ledger::in_memory())
    }

    pub(crate) fn send(
        &self,
        method: &Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response<Vec<u8>> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, value.as_bytes());
        }
        let request = request.body(body).expect("a request");
        answer(&self.ledger, self.caller.as_ref(), &request)
    }

    pub(crate) fn put(&self, path: &str, body: &str) -> Response<Vec<u8>> {
        self.send(&Method::PUT, path, &[], body)
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Response<Vec<u8>> {
        self.send(&Method::POST, path, &[], body)
    }
}

pub(crate) fn body(response: &Response<Vec<u8>>) -> Value {
    serde_json::from_slice(response.body()).unwrap_or_else(|error| {
        let text = String::from_utf8_lossy(response.body());
        panic!("{} `{text}` should be JSON: {error}", response.status())
    })
}

/// The code of a refusal; empty where the request was carried out.
pub(crate) fn code(response: &Response<Vec<u8>>) -> String {
    if response.status().is_success() {
        return String::new();
    }
    body(response)["code"].as_str().expect("a code").into()
}

/// Text as one segment of a path, or one value of a query.
pub(crate) fn encoded(text: &str) -> String {
    let bytes: Vec<String> = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
    bytes.concat()
}

/// An example of the document, as JSON text.
pub(crate) fn example(name: &str) -> String {
    let value = &document()["components"]["examples"][name]["value"];
    assert!(value.is_object(), "there is an example `{name}`");
    value.to_string()
}

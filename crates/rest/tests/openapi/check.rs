//! One answer against the document: its status, its headers, its body.

use http::{HeaderValue, Response, StatusCode};
use refund_rest::Operation;
use serde_json::{Value, json};

use crate::support::{Desk, MOVEMENT, body, described, example, members, resolved, validator};

/// What the document has against an answer of an operation.
pub(crate) fn deviations(operation: Operation, response: &Response<Vec<u8>>) -> Vec<String> {
    let status = response.status().as_u16().to_string();
    let Some(described) = described(operation)["responses"].get(&status) else {
        return vec![format!("status {status} is not described")];
    };
    let described = resolved(described);
    let mut found = Vec::new();
    for (name, header) in members(&described["headers"]) {
        let header = resolved(header);
        let Some(value) = response.headers().get(name) else {
            if header["required"] == true {
                found.push(format!("the header `{name}` is missing"));
            }
            continue;
        };
        let text = value.to_str().expect("ASCII");
        let value = match header["schema"]["type"].as_str() {
            Some("boolean") => text.parse().map_or(Value::Null, Value::Bool),
            _ => text.into(),
        };
        if !validator(&header["schema"]).is_valid(&value) {
            found.push(format!("the header `{name}` is `{text}`"));
        }
    }
    for name in response
        .headers()
        .keys()
        .filter(|name| *name != "content-type")
    {
        if !members(&described["headers"]).any(|(known, _)| name == known) {
            found.push(format!("the header `{name}` is not described"));
        }
    }
    let content_type = response
        .headers()
        .get("content-type")
        .map(HeaderValue::as_bytes);
    match described.get("content") {
        None => {
            if content_type.is_some() || !response.body().is_empty() {
                found.push("there is a body".into());
            }
        }
        Some(content) => {
            if content_type != Some(b"application/json") {
                found.push(format!("the content type is {content_type:?}"));
            }
            let value = body(response);
            let valid = validator(&content["application/json"]["schema"]);
            found.extend(
                valid
                    .iter_errors(&value)
                    .map(|fault| format!("{} {fault} in {value}", fault.instance_path())),
            );
        }
    }
    found
}

/// A check that finds nothing would be worth nothing.
#[test]
fn a_deviation_is_caught() {
    let desk = Desk::new();
    desk.put(MOVEMENT, &example("movement_request"));
    let created = desk.post(&format!("{MOVEMENT}/refund"), &example("refund_request"));
    let path = created.headers()["location"].to_str().unwrap().to_owned();
    let answer = || desk.send(&http::Method::GET, &path, &[], "");
    let caught = |change: &dyn Fn(&mut Response<Vec<u8>>), what: &str| {
        let mut response = answer();
        assert!(deviations(Operation::GetRefund, &response).is_empty());
        change(&mut response);
        let found = deviations(Operation::GetRefund, &response).join("; ");
        assert!(
            found.contains(what),
            "`{what}` should be found, not `{found}`"
        );
    };
    let member = |pointer: &'static str, name: &'static str, value: Option<Value>| {
        move |response: &mut Response<Vec<u8>>| {
            let mut whole = body(response);
            let object = whole.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
            match &value {
                Some(value) => object.insert(name.into(), value.clone()),
                None => object.remove(name),
            };
            *response.body_mut() = whole.to_string().into();
        }
    };
    let header = |name: &'static str, value: &'static str| {
        move |response: &mut Response<Vec<u8>>| {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
    };
    caught(&member("", "colour", Some(json!("red"))), "colour");
    caught(&member("/amount", "colour", Some(json!("red"))), "colour");
    caught(&member("", "revision", None), "revision");
    caught(&member("", "revision", Some(json!(0))), "/revision");
    caught(&member("", "kind", Some(json!("other"))), "/kind");
    caught(&member("", "id", Some(json!("r-1"))), "/id");
    caught(
        &member("", "created_at", Some(json!("2022-02-24T13:45:10+00:00"))),
        "/created_at",
    );
    caught(
        &member("/amount", "value_with_taxes", Some(json!("12.1"))),
        "/amount",
    );
    caught(&header("etag", "1"), "`ETag` is `1`");
    caught(
        &header("x-powered-by", "care"),
        "`x-powered-by` is not described",
    );
    caught(&header("content-type", "text/plain"), "content type");
    caught(
        &|response| *response.headers_mut() = http::HeaderMap::new(),
        "`ETag` is missing",
    );
    caught(
        &|response| *response.status_mut() = StatusCode::IM_A_TEAPOT,
        "status 418",
    );
    caught(
        &|response| *response.status_mut() = StatusCode::NOT_FOUND,
        "code",
    );
    let mut deleted = desk.send(&http::Method::DELETE, &path, &[], "");
    assert!(deviations(Operation::DeleteRefund, &deleted).is_empty());
    *deleted.body_mut() = b"{}".into();
    assert_eq!(
        deviations(Operation::DeleteRefund, &deleted),
        ["there is a body"]
    );
}

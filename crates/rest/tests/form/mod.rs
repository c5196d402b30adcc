//! The form that every answer of the contract has. The fuzz target of requests uses it too.

use http::{HeaderValue, Method, Response};
use refund_ledger::ErrorCode;
use serde_json::Value;

/// What is wrong with a response, whatever the request was.
pub(crate) fn complaint(method: &Method, response: &Response<Vec<u8>>) -> Option<String> {
    let status = response.status().as_u16();
    let header = |name| response.headers().get(name).map(HeaderValue::as_bytes);
    if header("cache-control") != Some(b"no-store") {
        return Some("it could be cached".into());
    }
    match status {
        200 | 201 | 204 | 400 | 401 | 403 | 404 | 405 | 412 => {}
        _ => return Some(format!("{status} is no answer to bad input")),
    }
    if (status == 405) != (header("allow").is_some()) {
        return Some("405 and `Allow` belong together".into());
    }
    if (status == 401) != (header("www-authenticate").is_some()) {
        return Some("401 and `WWW-Authenticate` belong together".into());
    }
    if status == 204 {
        let empty = response.body().is_empty() && header("content-type").is_none();
        return (!empty).then(|| "204 has no body".into());
    }
    if header("content-type") != Some(b"application/json") {
        return Some("it is not said to be JSON".into());
    }
    if method == Method::HEAD {
        return (!response.body().is_empty()).then(|| "HEAD has no body".into());
    }
    let Ok(body) = serde_json::from_slice::<Value>(response.body()) else {
        return Some("it is not JSON".into());
    };
    (status >= 400)
        .then(|| generic_response(status, &body))
        .flatten()
}

/// What is wrong with a `GenericResponseDTO`.
fn generic_response(status: u16, body: &Value) -> Option<String> {
    let text = |value: &Value, field| value.get(field)?.as_str().map(str::to_owned);
    let Some(code) = text(body, "code") else {
        return Some("it has no code".into());
    };
    let known = ErrorCode::ALL.into_iter().find(|it| it.as_str() == code);
    let wanted = match (known, &*code) {
        (Some(known), _) => known.http_status(),
        (None, "path_not_found") => 404,
        (None, "method_not_allowed") => 405,
        _ => return Some(format!("`{code}` is no code")),
    };
    if status != wanted {
        return Some(format!("`{code}` is not for {status}"));
    }
    if text(body, "message").is_none_or(|message| message.is_empty()) {
        return Some("it has no message".into());
    }
    let details = body.get("details").and_then(Value::as_array);
    if code == "invalid_request" && details.is_none_or(Vec::is_empty) {
        return Some("it names no field".into());
    }
    for detail in details.into_iter().flatten() {
        if ["field", "code", "message"].map(|it| text(detail, it).unwrap_or_default().is_empty())
            != [false; 3]
        {
            return Some(format!("a detail lacks something: {detail}"));
        }
    }
    None
}

//! Which JSON text is the same again once any program has read and written it.

use serde_json::Value;

/// Whether reading the text and writing it without white space gives the same text, in JavaScript as
/// in Rust. Numbers such as `12.10` or `1e3` don't come back as they were, nor do escapes that
/// nobody needs, nor keys that are there twice or look like numbers, which JavaScript puts first.
pub(crate) fn is_plain(text: &str) -> bool {
    let mut keys = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let length = match rest.as_bytes()[0] {
            b'"' => plain_string(rest),
            b'0'..=b'9' => plain_number(rest),
            b'{' | b'}' | b'[' | b']' | b',' | b':' => Some(1),
            _ => ["true", "false", "null"]
                .iter()
                .find(|word| rest.starts_with(**word))
                .map(|word| word.len()),
        };
        match length {
            Some(length) => rest = &rest[length..],
            None => return false,
        }
        keys += usize::from(rest.starts_with(':'));
    }
    serde_json::from_str(text).is_ok_and(|value| different_keys(&value) == keys)
}

fn different_keys(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(different_keys).sum(),
        Value::Object(fields) => fields.len() + fields.values().map(different_keys).sum::<usize>(),
        _ => 0,
    }
}

fn plain_string(rest: &str) -> Option<usize> {
    let mut escaped = false;
    let end = rest.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })?;
    let length = end + 2;
    let quoted = &rest[..length];
    let text: String = serde_json::from_str(quoted).ok()?;
    let is_key = rest[length..].starts_with(':');
    let looks_like_a_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let same = serde_json::to_string(&text).ok()? == quoted;
    (same && !(is_key && looks_like_a_number)).then_some(length)
}

fn plain_number(rest: &str) -> Option<usize> {
    let length = rest
        .bytes()
        .position(|byte| !matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
        .unwrap_or(rest.len());
    let number = &rest[..length];
    let value: f64 = number.parse().ok()?;
    // Beyond these JavaScript writes exponents.
    let without_exponent = value == 0.0 || (1e-6..1e21).contains(&value);
    (without_exponent && value.to_string() == number).then_some(length)
}

//! The headers that requests are read with.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, IF_MATCH};
use refund_ledger::{ErrorCode, Id, LedgerError};

use crate::text::at_field;

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
const IDEMPOTENCY_KEY_NAME: HeaderName = HeaderName::from_static("idempotency-key");

/// Whether the body is there, and says that it is what it must be: JSON in UTF-8, as it is. One that says nothing
/// is refused too: a page of somebody else's can make a browser send that, but not JSON.
pub(crate) fn check_content(headers: &HeaderMap, body: &[u8]) -> Result<(), LedgerError> {
    let malformed = |message: &'static str| LedgerError::new(ErrorCode::MalformedRequest, message);
    if body.is_empty() {
        return Err(malformed("the request has no body; send a JSON object"));
    }
    let is_encoded =
        |value: &http::HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(CONTENT_ENCODING).iter().any(is_encoded) {
        return Err(malformed("send the body without a content encoding"));
    }
    let is_json = only(headers, &CONTENT_TYPE, "Content-Type")?.is_some_and(|value| {
        let value = value.to_ascii_lowercase();
        let mut parts = value.split(';').map(str::trim);
        parts.next() == Some("application/json")
            && parts.all(|parameter| {
                parameter
                    .strip_prefix("charset=")
                    .is_none_or(|charset| charset.trim_matches('"') == "utf-8")
            })
    });
    if is_json {
        Ok(())
    } else {
        Err(malformed(
            "the body must be JSON in UTF-8; send `Content-Type: application/json`",
        ))
    }
}

/// The revision that `If-Match` (RFC 9110) names: `None` without the header or with `*`.
pub(crate) fn expected_revision(headers: &HeaderMap) -> Result<Option<u32>, LedgerError> {
    let Some(text) = only(headers, &IF_MATCH, "If-Match")? else {
        return Ok(None);
    };
    if text == "*" {
        return Ok(None);
    }
    text.strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
        .filter(|digits| !digits.starts_with('0'))
        .and_then(|digits| digits.parse().ok())
        .map(Some)
        .ok_or_else(|| {
            LedgerError::invalid_field(
                "If-Match",
                "invalid_format",
                "must be the `ETag` of an earlier answer, such as `\"3\"`, or `*`",
            )
        })
}

/// What `Idempotency-Key` holds: a string in quotes (RFC 9651), or the key as it is.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<Id>, LedgerError> {
    let Some(text) = only(headers, &IDEMPOTENCY_KEY_NAME, IDEMPOTENCY_KEY)? else {
        return Ok(None);
    };
    let key = if text.starts_with('"') {
        unquoted(&text).ok_or_else(|| {
            LedgerError::invalid_field(
                IDEMPOTENCY_KEY,
                "invalid_format",
                "begins with a quotation mark, so it must be a string in quotes, or the key alone",
            )
        })?
    } else {
        text
    };
    at_field(IDEMPOTENCY_KEY, Id::new(&key)).map(Some)
}

fn unquoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut key = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        key.push(match character {
            '\\' => characters
                .next()
                .filter(|next| matches!(next, '"' | '\\'))?,
            '"' => return None,
            other => other,
        });
    }
    Some(key)
}

/// The one value of a header, without white space around it.
fn only(
    headers: &HeaderMap,
    name: &HeaderName,
    field: &'static str,
) -> Result<Option<String>, LedgerError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(LedgerError::invalid_field(
            field,
            "not_allowed",
            "must be there once",
        ));
    }
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => Ok(Some(text.trim_matches([' ', '\t']).into())),
        Err(_) => Err(LedgerError::invalid_field(
            field,
            "invalid_format",
            "must be UTF-8",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{expected_revision, idempotency_key};
    use http::HeaderMap;

    fn with(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let value = http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
        headers.insert(name, value);
        headers
    }

    #[test]
    fn if_match_names_one_revision_or_any() {
        for (value, revision) in [
            ("\"1\"", Some(1)),
            (" \"4294967295\" ", Some(u32::MAX)),
            ("*", None),
        ] {
            assert_eq!(expected_revision(&with("if-match", value)), Ok(revision));
        }
        assert_eq!(expected_revision(&HeaderMap::new()), Ok(None));
    }

    #[test]
    fn what_no_answer_ever_carried_is_a_fault() {
        for value in [
            "",
            "1",
            "\"\"",
            "\"01\"",
            "\"-1\"",
            "W/\"1\"",
            "\"1\", \"2\"",
            "\"4294967296\"",
            "\"a\"",
            "\"",
        ] {
            assert!(
                expected_revision(&with("if-match", value)).is_err(),
                "{value}"
            );
        }
        let mut twice = with("if-match", "\"1\"");
        twice.append("if-match", http::HeaderValue::from_static("\"2\""));
        assert!(expected_revision(&twice).is_err(), "two headers");
    }

    #[test]
    fn a_key_may_be_quoted_or_not() {
        for (value, key) in [
            ("k-1", "k-1"),
            ("\"k-1\"", "k-1"),
            (r#""a\"b\\c""#, r#"a"b\c"#),
            ("ä", "ä"),
        ] {
            let found = idempotency_key(&with("idempotency-key", value)).unwrap();
            assert_eq!(found.unwrap().as_str(), key);
        }
        for value in ["", "\"", "\"a", "\"a\"b\"", r#""a\x""#, "\" a\"", "\"\""] {
            assert!(
                idempotency_key(&with("idempotency-key", value)).is_err(),
                "{value}"
            );
        }
    }
}

//! The checks that come before any field is looked at.

use std::collections::BTreeSet;

use serde_json::value::RawValue;

use crate::error::LedgerError;

/// Checks that bytes are one JSON value within the limits, without repeated keys anywhere.
///
/// Numbers and strings keep their own characters: nothing is converted here.
pub(super) fn check(
    bytes: &[u8],
    bytes_max: usize,
    depth_max: usize,
) -> Result<&RawValue, LedgerError> {
    if bytes.len() > bytes_max {
        return Err(LedgerError::malformed(format!(
            "the request has {} bytes; at most {bytes_max} are allowed",
            bytes.len()
        )));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        LedgerError::malformed(format!(
            "the request is not UTF-8: byte {} is wrong",
            error.valid_up_to().saturating_add(1)
        ))
    })?;
    if text.starts_with('\u{feff}') {
        return Err(LedgerError::malformed(
            "the request begins with a byte order mark; send plain UTF-8 without one",
        ));
    }
    let raw: &RawValue = serde_json::from_str(text)
        .map_err(|error| LedgerError::malformed(format!("the request is not JSON: {error}")))?;
    check_nesting(raw.get(), depth_max)?;
    Ok(raw)
}

/// Walks valid JSON for its depth and its keys, without recursion.
fn check_nesting(text: &str, depth_max: usize) -> Result<(), LedgerError> {
    // One set of keys for every object that is open; arrays hold an empty one.
    let mut open: Vec<BTreeSet<String>> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '[', '}', ']', '"']) {
        let (_, found) = rest.split_at_checked(at).unwrap_or_default();
        let mut length = 1;
        match found.as_bytes().first() {
            Some(b'{' | b'[') => {
                if open.len() >= depth_max {
                    return Err(LedgerError::malformed(format!(
                        "the request is nested deeper than {depth_max} levels"
                    )));
                }
                open.push(BTreeSet::new());
            }
            Some(b'}' | b']') => {
                open.pop();
            }
            _ => {
                length = string_length(found);
                let (string, behind) = found.split_at_checked(length).unwrap_or_default();
                if behind.trim_start().starts_with(':') {
                    check_key(string, open.last_mut())?;
                }
            }
        }
        rest = found.get(length..).unwrap_or_default();
    }
    Ok(())
}

/// How many bytes the string at the beginning has, quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |at| at.saturating_add(2))
}

fn check_key(quoted: &str, keys: Option<&mut BTreeSet<String>>) -> Result<(), LedgerError> {
    let key: String = serde_json::from_str(quoted)
        .map_err(|error| LedgerError::malformed(format!("a key is not a string: {error}")))?;
    match keys {
        Some(keys) if keys.contains(&key) => Err(LedgerError::malformed(format!(
            "the key `{key}` is there twice"
        ))),
        Some(keys) => {
            keys.insert(key);
            Ok(())
        }
        None => Ok(()),
    }
}

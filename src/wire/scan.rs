//! The checks that come before any field is looked at.

use std::borrow::Cow;

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
    let mut walk = Walk::default();
    let mut string_start = None;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        if let Some(start) = string_start {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            if ends {
                string_start = None;
                walk.string(text.get(start..=at).unwrap_or_default())?;
            }
            continue;
        }
        match byte {
            b'"' => string_start = Some(at),
            b'{' | b'[' => walk.open(byte == b'{', depth_max)?,
            b'}' | b']' => walk.close()?,
            b',' => walk.key_next = walk.open.last().is_some_and(|level| level.is_object),
            _ => {}
        }
    }
    Ok(())
}

/// Where the walk is: the levels that are open, and the keys of all of them, innermost last.
#[derive(Default)]
struct Walk<'a> {
    open: Vec<Level>,
    keys: Vec<Cow<'a, str>>,
    /// Whether the next string is a key.
    key_next: bool,
}

struct Level {
    is_object: bool,
    /// How many of the keys are those of outer levels.
    outer_keys: usize,
}

impl<'a> Walk<'a> {
    fn open(&mut self, is_object: bool, depth_max: usize) -> Result<(), LedgerError> {
        if self.open.len() >= depth_max {
            return Err(LedgerError::malformed(format!(
                "the request is nested deeper than {depth_max} levels"
            )));
        }
        self.open.push(Level {
            is_object,
            outer_keys: self.keys.len(),
        });
        self.key_next = is_object;
        Ok(())
    }

    /// A string with its quotes.
    fn string(&mut self, quoted: &'a str) -> Result<(), LedgerError> {
        if std::mem::take(&mut self.key_next) {
            self.keys.push(unquoted(quoted).map_err(|error| {
                LedgerError::malformed(format!("a key is not a string: {error}"))
            })?);
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), LedgerError> {
        let outer_keys = self.open.pop().map_or(0, |level| level.outer_keys);
        self.key_next = false;
        let keys = self.keys.get_mut(outer_keys..).unwrap_or_default();
        keys.sort_unstable();
        let twice = keys.windows(2).find_map(|pair| match pair {
            [one, other] if one == other => Some(one),
            _ => None,
        });
        if let Some(key) = twice {
            return Err(LedgerError::malformed(format!(
                "the key `{key}` is there twice"
            )));
        }
        self.keys.truncate(outer_keys);
        Ok(())
    }
}

/// The text of a JSON string, borrowed where it has no escapes.
pub(super) fn unquoted(quoted: &str) -> Result<Cow<'_, str>, serde_json::Error> {
    match quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        Some(plain) if !plain.contains('\\') => Ok(Cow::Borrowed(plain)),
        _ => serde_json::from_str(quoted).map(Cow::Owned),
    }
}

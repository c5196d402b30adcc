//! The checks that come before any field is looked at.

use std::borrow::Cow;
use std::iter;

use serde::de::IgnoredAny;

use crate::error::LedgerError;

/// One JSON value that passed the checks, with the members of every object in it.
pub(super) struct Document<'a> {
    text: &'a str,
    /// In the order of the text: behind a member stand those inside of its value.
    members: Vec<Member<'a>>,
}

/// A member of an object. Its value keeps its own characters: nothing is converted here.
pub(super) struct Member<'a> {
    pub(super) name: Cow<'a, str>,
    text: &'a str,
    /// How many of the members that follow are inside of the value.
    inside: usize,
}

/// A value as it stands in the text.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    text: &'a str,
    members: &'a [Member<'a>],
}

impl<'a> Document<'a> {
    /// Checks that bytes are one JSON value within the limits, without repeated keys anywhere.
    pub(super) fn check(
        bytes: &'a [u8],
        bytes_max: usize,
        depth_max: usize,
    ) -> Result<Self, LedgerError> {
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
        let IgnoredAny = serde_json::from_str(text)
            .map_err(|error| LedgerError::malformed(format!("the request is not JSON: {error}")))?;
        let text = text.trim_ascii();
        Ok(Self {
            text,
            members: Walk::through(text, depth_max)?,
        })
    }

    /// The value that the whole text is.
    pub(super) fn root(&self) -> Value<'_> {
        Value {
            text: self.text,
            members: &self.members,
        }
    }
}

impl<'a> Value<'a> {
    /// The value's own characters, without white space around them.
    pub(super) fn text(self) -> &'a str {
        self.text
    }

    pub(super) fn is_object(self) -> bool {
        self.text.starts_with('{')
    }

    /// The members of an object, in order, each with its value; none of any other value.
    pub(super) fn members(self) -> impl Iterator<Item = (&'a str, Value<'a>)> {
        direct(self.members).map(|(member, members)| {
            let value = Value {
                text: member.text,
                members,
            };
            (member.name.as_ref(), value)
        })
    }
}

/// The outermost of these members, each with those inside of it.
fn direct<'a, 'b>(
    mut members: &'b [Member<'a>],
) -> impl Iterator<Item = (&'b Member<'a>, &'b [Member<'a>])> {
    iter::from_fn(move || {
        let (member, behind) = members.split_first()?;
        let (inside, rest) = behind.split_at_checked(member.inside)?;
        members = rest;
        Some((member, inside))
    })
}

/// A walk through valid JSON for its depth and its members, without recursion.
struct Walk<'a> {
    text: &'a str,
    depth_max: usize,
    open: Vec<Level>,
    members: Vec<Member<'a>>,
}

/// An object or array that is open.
struct Level {
    is_object: bool,
    /// How many members came before it.
    outer: usize,
    /// The member whose value is open, and where that value begins.
    member: usize,
    value_start: usize,
}

impl<'a> Walk<'a> {
    fn through(text: &'a str, depth_max: usize) -> Result<Vec<Member<'a>>, LedgerError> {
        let mut walk = Self {
            text,
            depth_max,
            open: Vec::new(),
            members: Vec::with_capacity(16),
        };
        let bytes = text.as_bytes();
        let mut key_next = false;
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'"' => {
                    let end = string_end(bytes, at);
                    if std::mem::take(&mut key_next) {
                        walk.key(text.get(at..end).unwrap_or_default())?;
                    }
                    at = end;
                    continue;
                }
                b':' => walk.begin_value(at.saturating_add(1)),
                b'{' | b'[' => {
                    key_next = *byte == b'{';
                    walk.open(key_next)?;
                }
                b',' => key_next = walk.end_value(at),
                b'}' | b']' => {
                    key_next = false;
                    walk.end_value(at);
                    walk.close()?;
                }
                _ => {}
            }
            at = at.saturating_add(1);
        }
        Ok(walk.members)
    }

    fn open(&mut self, is_object: bool) -> Result<(), LedgerError> {
        if self.open.len() >= self.depth_max {
            return Err(LedgerError::malformed(format!(
                "the request is nested deeper than {} levels",
                self.depth_max
            )));
        }
        let outer = self.members.len();
        self.open.push(Level {
            is_object,
            outer,
            member: outer,
            value_start: 0,
        });
        Ok(())
    }

    /// A key with its quotes.
    fn key(&mut self, quoted: &'a str) -> Result<(), LedgerError> {
        let name = unquoted(quoted)
            .map_err(|error| LedgerError::malformed(format!("a key is not a string: {error}")))?;
        if let Some(level) = self.open.last_mut() {
            level.member = self.members.len();
        }
        self.members.push(Member {
            name,
            text: "",
            inside: 0,
        });
        Ok(())
    }

    fn begin_value(&mut self, at: usize) {
        if let Some(level) = self.open.last_mut() {
            level.value_start = at;
        }
    }

    /// Completes the member whose value ends here. Answers whether it was one: whether the level is
    /// an object.
    fn end_value(&mut self, at: usize) -> bool {
        let Some(level) = self.open.last().filter(|level| level.is_object) else {
            return false;
        };
        let behind = self.members.len();
        if let Some(member) = self.members.get_mut(level.member) {
            let text = self.text.get(level.value_start..at).unwrap_or_default();
            member.text = text.trim_ascii();
            member.inside = behind.saturating_sub(level.member).saturating_sub(1);
        }
        true
    }

    fn close(&mut self) -> Result<(), LedgerError> {
        let Some(level) = self.open.pop() else {
            return Ok(());
        };
        if level.is_object {
            self.check_keys(level.outer)
        } else {
            // No request has an array, so nobody looks for what is in one.
            self.members.truncate(level.outer);
            Ok(())
        }
    }

    fn check_keys(&self, outer: usize) -> Result<(), LedgerError> {
        let members = self.members.get(outer..).unwrap_or_default();
        let mut keys: Vec<&str> = direct(members)
            .map(|(member, _)| member.name.as_ref())
            .collect();
        keys.sort_unstable();
        let twice = keys.windows(2).find_map(|pair| match pair {
            [one, other] if one == other => Some(one),
            _ => None,
        });
        match twice {
            Some(key) => Err(LedgerError::malformed(format!(
                "the key `{key}` is there twice"
            ))),
            None => Ok(()),
        }
    }
}

/// Where the string that begins here ends, behind its closing quote.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start.saturating_add(1);
    loop {
        at = match bytes.get(at) {
            None => return at,
            Some(b'"') => return at.saturating_add(1),
            Some(b'\\') => at.saturating_add(2),
            Some(_) => at.saturating_add(1),
        };
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

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::{Strategy, any, prop_oneof, proptest};
    use serde_json::{Map, Value as Json};

    use super::{Document, Value};

    /// Values of every kind, with keys and strings that need escapes.
    fn json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            any::<Option<bool>>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            "\\PC{0,4}|[\\\\\"{}\\[\\],: \n]{1,4}".prop_map(Json::from),
        ];
        let key = "[a-c]|[\\\\\"{}:, ]{1,3}|\\PC{1,3}";
        leaf.prop_recursive(4, 40, 5, move |inner| {
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(Json::from),
                btree_map(key, inner, 0..5).prop_map(|members| Json::from(Map::from_iter(members))),
            ]
        })
    }

    fn check_members(found: Value<'_>, wanted: &Json) {
        assert_eq!(
            serde_json::from_str::<Json>(found.text()).ok().as_ref(),
            Some(wanted)
        );
        let members = wanted.as_object().cloned().unwrap_or_default();
        assert_eq!(found.members().count(), members.len());
        for ((name, value), (wanted_name, wanted)) in found.members().zip(&members) {
            assert_eq!(name, wanted_name);
            check_members(value, wanted);
        }
    }

    proptest! {
        #[test]
        fn the_walk_finds_the_members_that_a_parser_finds(wanted in json(), pretty in any::<bool>()) {
            let text = if pretty { format!(" {wanted:#}\n") } else { wanted.to_string() };
            match Document::check(text.as_bytes(), text.len(), 16) {
                Ok(document) => check_members(document.root(), &wanted),
                Err(error) => panic!("`{text}`: {error}"),
            }
        }
    }

    #[test]
    fn a_key_that_is_there_twice_is_found_at_every_depth() {
        for text in [
            r#"{"a":1,"a":2}"#,
            r#"{"b":{"a":1,"c":{},"\u0061":2}}"#,
            r#"{"b":[{"a":1},{"a":{"x":1},"a":2}]}"#,
        ] {
            let refused = Document::check(text.as_bytes(), 100, 16).err();
            assert_eq!(
                refused.map(|error| error.message().to_owned()).as_deref(),
                Some("the key `a` is there twice")
            );
        }
        assert!(Document::check(br#"{"a":{"a":[{"a":1},{"a":1}]}}"#, 100, 16).is_ok());
    }
}

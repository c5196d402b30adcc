//! The checks that come before any field is looked at.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use crate::error::{LedgerError, excerpt};

/// One JSON value that passed the checks, with the members of every object in it.
pub(super) struct Document<'a> {
    text: &'a str,
    members: Vec<Member<'a>>,
}

/// A member of an object. Its value keeps its own characters: nothing is converted here.
struct Member<'a> {
    name: Cow<'a, str>,
    text: &'a str,
    /// Those of the value, where it is an object. No request has an array, so what is in one is
    /// checked and not kept.
    members: Vec<Member<'a>>,
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
        self.members.iter().map(|member| {
            let value = Value {
                text: member.text,
                members: &member.members,
            };
            (member.name.as_ref(), value)
        })
    }
}

/// A walk through valid JSON for its depth and its members, without recursion. What can't be in
/// valid JSON is an internal error.
struct Walk<'a> {
    text: &'a str,
    depth_max: usize,
    /// The objects and arrays that are open, outermost first.
    open: Vec<Level<'a>>,
    /// The members of the whole, once it is closed.
    root: Vec<Member<'a>>,
}

enum Level<'a> {
    Object(OpenObject<'a>),
    Array,
}

struct OpenObject<'a> {
    members: Vec<Member<'a>>,
    /// The member that has its key and not all of its value.
    begun: Option<BegunMember<'a>>,
}

struct BegunMember<'a> {
    name: Cow<'a, str>,
    value_start: usize,
    /// Those of its value, once that was an object and is closed.
    members: Vec<Member<'a>>,
}

impl<'a> Walk<'a> {
    fn through(text: &'a str, depth_max: usize) -> Result<Vec<Member<'a>>, LedgerError> {
        let mut walk = Self {
            text,
            depth_max,
            open: Vec::with_capacity(4),
            root: Vec::new(),
        };
        let mut at = 0;
        while let Some(byte) = text.as_bytes().get(at) {
            match byte {
                b'"' => {
                    at = walk.string(at)?;
                    continue;
                }
                b'{' => walk.open(Level::Object(OpenObject {
                    members: Vec::with_capacity(8),
                    begun: None,
                }))?,
                b'[' => walk.open(Level::Array)?,
                b',' => walk.end_member(at)?,
                b'}' | b']' => {
                    walk.end_member(at)?;
                    walk.close()?;
                }
                _ => {}
            }
            at = at.saturating_add(1);
        }
        match walk.open.as_slice() {
            [] => Ok(walk.root),
            _ => Err(lost()),
        }
    }

    fn open(&mut self, level: Level<'a>) -> Result<(), LedgerError> {
        if self.open.len() >= self.depth_max {
            return Err(LedgerError::malformed(format!(
                "the request is nested deeper than {} levels",
                self.depth_max
            )));
        }
        self.open.push(level);
        Ok(())
    }

    /// Passes a string, which begins a member where it is a key. Answers where to go on.
    fn string(&mut self, start: usize) -> Result<usize, LedgerError> {
        let bytes = self.text.as_bytes();
        let end = string_end(bytes, start);
        let Some(Level::Object(object)) = self.open.last_mut() else {
            return Ok(end);
        };
        if object.begun.is_some() {
            return Ok(end);
        }
        let quoted = self.text.get(start..end).ok_or_else(lost)?;
        let name = unquoted(quoted)
            .map_err(|error| LedgerError::malformed(format!("a key is not a string: {error}")))?;
        let mut behind = bytes.iter().enumerate().skip(end);
        let (colon, _) = behind.find(|(_, byte)| **byte == b':').ok_or_else(lost)?;
        let value_start = colon.saturating_add(1);
        object.begun = Some(BegunMember {
            name,
            value_start,
            members: Vec::new(),
        });
        Ok(value_start)
    }

    /// Completes the member whose value ends here, where one does: not in an array, and not in an
    /// empty object.
    fn end_member(&mut self, at: usize) -> Result<(), LedgerError> {
        if let Some(Level::Object(object)) = self.open.last_mut()
            && let Some(begun) = object.begun.take()
        {
            let text = self.text.get(begun.value_start..at).ok_or_else(lost)?;
            object.members.push(Member {
                name: begun.name,
                text: text.trim_ascii(),
                members: begun.members,
            });
        }
        Ok(())
    }

    /// Closes the innermost level, and hands its members to the value that it was.
    fn close(&mut self) -> Result<(), LedgerError> {
        let members = match self.open.pop().ok_or_else(lost)? {
            Level::Object(object) => object.members,
            Level::Array => return Ok(()),
        };
        check_keys(&members)?;
        match self.open.last_mut() {
            None => self.root = members,
            Some(Level::Array) => {}
            Some(Level::Object(around)) => {
                around.begun.as_mut().ok_or_else(lost)?.members = members;
            }
        }
        Ok(())
    }
}

fn lost() -> LedgerError {
    LedgerError::internal("the walk through a request lost its place in valid JSON")
}

fn check_keys(members: &[Member<'_>]) -> Result<(), LedgerError> {
    let mut keys: Vec<&str> = members.iter().map(|member| member.name.as_ref()).collect();
    keys.sort_unstable();
    let twice = keys.windows(2).find_map(|pair| match pair {
        [one, other] if one == other => Some(one),
        _ => None,
    });
    match twice {
        Some(key) => Err(LedgerError::malformed(format!(
            "the key `{}` is there twice",
            excerpt(key)
        ))),
        None => Ok(()),
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

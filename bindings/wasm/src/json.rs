//! Reading JSON that is ours: rows of a store, and options.
//!
//! One reader of values serves them all. A deserializer per type, as `serde` derives it, would make
//! a third of the module. (Requests go through the ledger's own strict parser.)

use std::borrow::Cow;
use std::fmt;

use refund_ledger::excerpt;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// What is wrong, in words.
pub(crate) type Fault = String;

/// What can be read from a JSON value.
pub(crate) trait FromJson: Sized {
    fn from_json(json: &str) -> Result<Self, Fault>;

    /// What it is where the field is not there.
    fn from_nothing() -> Result<Self, Fault> {
        Err("is missing".into())
    }
}

/// A string, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl FromJson for String {
    fn from_json(json: &str) -> Result<Self, Fault> {
        match serde_json::from_str::<Text<'_>>(json) {
            Ok(Text(text)) => Ok(text.into_owned()),
            Err(_) => Err("must be a string".into()),
        }
    }
}

impl FromJson for bool {
    fn from_json(json: &str) -> Result<Self, Fault> {
        json.parse().map_err(|_| "must be true or false".into())
    }
}

impl FromJson for u64 {
    fn from_json(json: &str) -> Result<Self, Fault> {
        json.parse()
            .map_err(|_| "must be a whole number that is not negative".into())
    }
}

impl FromJson for u32 {
    fn from_json(json: &str) -> Result<Self, Fault> {
        let number = u64::from_json(json)?;
        Self::try_from(number).map_err(|_| "must be below 2^32".into())
    }
}

impl<T: FromJson> FromJson for Option<T> {
    fn from_json(json: &str) -> Result<Self, Fault> {
        if json == "null" {
            return Ok(None);
        }
        T::from_json(json).map(Some)
    }

    fn from_nothing() -> Result<Self, Fault> {
        Ok(None)
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(json: &str) -> Result<Self, Fault> {
        items(json)?
            .into_iter()
            .map(|item| T::from_json(item.get()))
            .collect()
    }
}

fn items(json: &str) -> Result<Vec<&RawValue>, Fault> {
    serde_json::from_str(json).map_err(|_| "must be a list".into())
}

/// The fields of an object, in their order.
pub(crate) struct Fields<'a>(Vec<(Text<'a>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;
        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::with_capacity(24);
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(ObjectVisitor)
    }
}

impl<'a> Fields<'a> {
    pub(crate) fn of(json: &'a str) -> Result<Self, Fault> {
        serde_json::from_str(json).map_err(|_| "must be an object".into())
    }

    /// A field that is none of these, cut to a length that an error may have.
    pub(crate) fn unknown(&self, known: &[&str]) -> Option<Cow<'_, str>> {
        let mut names = self.0.iter().map(|(Text(name), _)| name);
        names
            .find(|name| !known.contains(&&***name))
            .map(|name| excerpt(name))
    }

    /// Refuses a field that is none of these.
    pub(crate) fn only(self, known: &[&str]) -> Result<Self, Fault> {
        match self.unknown(known) {
            None => Ok(self),
            Some(unknown) => Err(format!(
                "the field `{unknown}` is not known; known are {}",
                known.join(", ")
            )),
        }
    }

    fn find(&self, name: &str) -> Option<&'a str> {
        self.0
            .iter()
            .find(|(Text(known), _)| known == name)
            .map(|(_, value)| value.get())
    }

    /// The value of a field; a fault does not name it.
    pub(crate) fn value<T: FromJson>(&self, name: &str) -> Result<T, Fault> {
        self.find(name).map_or_else(T::from_nothing, T::from_json)
    }

    pub(crate) fn get<T: FromJson>(&self, name: &str) -> Result<T, Fault> {
        self.value(name)
            .map_err(|fault| format!("`{name}` {fault}"))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }
}

/// The reading of a struct, field by field.
macro_rules! read_fields {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::json::FromJson for $name {
            fn from_json(json: &str) -> Result<Self, $crate::json::Fault> {
                let fields = $crate::json::Fields::of(json)?;
                Ok(Self { $($field: fields.get(stringify!($field))?),* })
            }
        }
    };
}
pub(crate) use read_fields;

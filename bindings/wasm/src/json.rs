//! Reading JSON that is ours: rows of a store, and options.
//!
//! One reader of values serves them all. A deserializer per type, as `serde` derives it, would make
//! a third of the module. (Requests go through the ledger's own strict parser.)

use serde_json::{Map, Value};

/// What is wrong, in words.
pub(crate) type Fault = String;

/// What can be read from a JSON value.
pub(crate) trait FromJson: Sized {
    fn from_json(value: &Value) -> Result<Self, Fault>;

    /// What it is where the field is not there.
    fn from_nothing() -> Result<Self, Fault> {
        Err("is missing".into())
    }
}

fn wrong<T>(wanted: &str) -> Result<T, Fault> {
    Err(format!("must be {wanted}"))
}

impl FromJson for String {
    fn from_json(value: &Value) -> Result<Self, Fault> {
        value
            .as_str()
            .map_or_else(|| wrong("a string"), |text| Ok(text.into()))
    }
}

impl FromJson for bool {
    fn from_json(value: &Value) -> Result<Self, Fault> {
        value.as_bool().map_or_else(|| wrong("true or false"), Ok)
    }
}

impl FromJson for u64 {
    fn from_json(value: &Value) -> Result<Self, Fault> {
        let number = value.as_u64();
        number.map_or_else(|| wrong("a whole number that is not negative"), Ok)
    }
}

impl FromJson for u32 {
    fn from_json(value: &Value) -> Result<Self, Fault> {
        let number = u64::from_json(value)?;
        Self::try_from(number).or_else(|_| wrong("below 2^32"))
    }
}

impl<T: FromJson> FromJson for Option<T> {
    fn from_json(value: &Value) -> Result<Self, Fault> {
        if value.is_null() {
            return Ok(None);
        }
        T::from_json(value).map(Some)
    }

    fn from_nothing() -> Result<Self, Fault> {
        Ok(None)
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(value: &Value) -> Result<Self, Fault> {
        let Some(items) = value.as_array() else {
            return wrong("a list");
        };
        items.iter().map(T::from_json).collect()
    }
}

/// The fields of an object.
pub(crate) struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    pub(crate) fn of(value: &'a Value) -> Result<Self, Fault> {
        value
            .as_object()
            .map_or_else(|| wrong("an object"), |map| Ok(Self(map)))
    }

    /// Refuses a field that is none of these.
    pub(crate) fn only(self, known: &[&str]) -> Result<Self, Fault> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(self),
            Some(unknown) => Err(format!(
                "the field `{unknown}` is not known; known are {}",
                known.join(", ")
            )),
        }
    }

    pub(crate) fn get<T: FromJson>(&self, name: &str) -> Result<T, Fault> {
        let value = self.0.get(name);
        value
            .map_or_else(T::from_nothing, T::from_json)
            .map_err(|fault| format!("`{name}` {fault}"))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

/// The reading of a struct, field by field.
macro_rules! read_fields {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::json::FromJson for $name {
            fn from_json(value: &serde_json::Value) -> Result<Self, $crate::json::Fault> {
                let fields = $crate::json::Fields::of(value)?;
                Ok(Self { $($field: fields.get(stringify!($field))?),* })
            }
        }
    };
}
pub(crate) use read_fields;

/// Reads a whole text.
pub(crate) fn read<T: FromJson>(text: &str) -> Result<T, Fault> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    T::from_json(&value)
}

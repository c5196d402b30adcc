//! One JSON object whose fields are read one by one, each fault noted by its path.

use std::borrow::Cow;

use super::scan::{Value, unquoted};
use crate::error::{Detail, Faults, LedgerError, excerpt};
use crate::id::Id;
use crate::money::DecimalValue;
use crate::time::Timestamp;

/// The fields of an object, as they stand in the text. `null` counts as absent.
pub(super) struct Object<'a> {
    path: &'static str,
    value: Value<'a>,
}

impl<'a> Object<'a> {
    /// The object that a whole request is.
    pub(super) fn root(value: Value<'a>, known: &[&str]) -> Result<Self, LedgerError> {
        let this = Self::any(value)?;
        this.check_fields(known)?;
        Ok(this)
    }

    /// A whole request whose fields are not judged yet.
    pub(super) fn any(value: Value<'a>) -> Result<Self, LedgerError> {
        if value.is_object() {
            Ok(Self { path: "", value })
        } else {
            Err(LedgerError::malformed(
                "the request must be a JSON object, `{` to `}`",
            ))
        }
    }

    /// An object inside; `None` where the value is something else.
    pub(super) fn read(
        value: Value<'a>,
        path: &'static str,
        known: &[&str],
    ) -> Result<Option<Self>, LedgerError> {
        if !value.is_object() {
            return Ok(None);
        }
        let this = Self { path, value };
        this.check_fields(known)?;
        Ok(Some(this))
    }

    /// Refuses a field that is none of these.
    pub(super) fn check_fields(&self, known: &[&str]) -> Result<(), LedgerError> {
        let unknown = self.value.members().find(|(name, _)| !known.contains(name));
        match unknown {
            None => Ok(()),
            // A detail without a field would be about the whole request.
            Some(("", _)) => Err(unknown_field(self.path_of("\"\""), known)),
            Some((unknown, _)) => Err(unknown_field(self.path_of(&excerpt(unknown)), known)),
        }
    }

    pub(super) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.into()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    /// The value of a field, unless it is absent or `null`.
    pub(super) fn get(&self, name: &str) -> Option<Value<'a>> {
        self.value
            .members()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
            .filter(|value| value.text() != "null")
    }

    /// Whether a field is there, be it as `null`.
    pub(super) fn names(&self, name: &str) -> bool {
        self.value.members().any(|(known, _)| known == name)
    }

    pub(super) fn required(&self, name: &str, faults: &mut Faults) -> Option<Value<'a>> {
        let found = self.get(name);
        if found.is_none() {
            faults.add(self.path_of(name), "required", "is required");
        }
        found
    }

    fn wrong_type<T>(&self, name: &str, wanted: &str, faults: &mut Faults) -> Option<T> {
        faults.add(
            self.path_of(name),
            "wrong_type",
            format!("must be {wanted}"),
        );
        None
    }

    pub(super) fn text(
        &self,
        name: &str,
        value: Value<'a>,
        faults: &mut Faults,
    ) -> Option<Cow<'a, str>> {
        if !value.text().starts_with('"') {
            return self.wrong_type(name, "a string", faults);
        }
        unquoted(value.text()).ok().or_else(|| {
            faults.add(
                self.path_of(name),
                "invalid_format",
                "must be a string of whole Unicode characters",
            );
            None
        })
    }

    /// A string that a value type reads.
    pub(super) fn parsed<T>(
        &self,
        name: &str,
        value: Value<'a>,
        faults: &mut Faults,
        parse: impl FnOnce(&str) -> Result<T, LedgerError>,
    ) -> Option<T> {
        let text = self.text(name, value, faults)?;
        parse(&text)
            .map_err(|error| faults.note_at(&self.path_of(name), error))
            .ok()
    }

    pub(super) fn id(&self, name: &str, faults: &mut Faults) -> Option<Id> {
        self.parsed(name, self.get(name)?, faults, Id::new)
    }

    pub(super) fn required_id(&self, name: &str, faults: &mut Faults) -> Option<Id> {
        self.required(name, faults)?;
        self.id(name, faults)
    }

    pub(super) fn timestamp(&self, name: &str, faults: &mut Faults) -> Option<Timestamp> {
        self.parsed(name, self.get(name)?, faults, str::parse)
    }

    pub(super) fn required_timestamp(&self, name: &str, faults: &mut Faults) -> Option<Timestamp> {
        self.required(name, faults)?;
        self.timestamp(name, faults)
    }

    pub(super) fn required_bool(&self, name: &str, faults: &mut Faults) -> Option<bool> {
        match self.required(name, faults)?.text() {
            "true" => Some(true),
            "false" => Some(false),
            _ => self.wrong_type(name, "`true` or `false`", faults),
        }
    }

    /// The characters of a number, or of a string that stands for one.
    pub(super) fn decimal_text(
        &self,
        name: &str,
        value: Value<'a>,
        faults: &mut Faults,
    ) -> Option<Cow<'a, str>> {
        match value.text().as_bytes().first() {
            Some(b'"') => self.text(name, value, faults),
            Some(b'-' | b'0'..=b'9') => Some(Cow::Borrowed(value.text())),
            _ => self.wrong_type(name, "a number or a decimal string", faults),
        }
    }

    pub(super) fn decimal(
        &self,
        name: &str,
        faults: &mut Faults,
        parse: fn(&str) -> Result<DecimalValue, LedgerError>,
    ) -> Option<DecimalValue> {
        let text = self.decimal_text(name, self.get(name)?, faults)?;
        parse(&text)
            .map_err(|error| faults.note_at(&self.path_of(name), error))
            .ok()
    }

    /// A required whole number that is not negative.
    pub(super) fn u64(&self, name: &str, faults: &mut Faults) -> Option<u64> {
        let value = self.required(name, faults)?;
        self.whole(name, value, faults)
    }

    pub(super) fn whole<T: std::str::FromStr>(
        &self,
        name: &str,
        value: Value<'_>,
        faults: &mut Faults,
    ) -> Option<T> {
        let text = value.text();
        if !text.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            return self.wrong_type(name, "a whole number", faults);
        }
        text.parse().ok().or_else(|| {
            faults.add(
                self.path_of(name),
                "out_of_range",
                format!(
                    "is `{}`; it must be a whole number that is not negative",
                    excerpt(text)
                ),
            );
            None
        })
    }
}

fn unknown_field(path: String, known: &[&str]) -> LedgerError {
    let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    let message = format!("is not known; known are {}", known.join(", "));
    LedgerError::malformed(format!("the field `{path}` {message}")).with_details(vec![Detail {
        field: path.into(),
        code: "not_allowed",
        message,
    }])
}

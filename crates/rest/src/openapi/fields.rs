//! Schemas of single fields, and how objects are made of them.
//!
//! A schema says nothing that the server does not hold to: what it forbids is refused. What it
//! can't say, such as the number of digits of a JSON number, is in the description.

use refund_ledger::{ID_BYTES_MAX, TEXT_SCALARS_MAX};
use serde_json::Value;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::schema::{AdditionalProperties, Schema, SchemaType};
use utoipa::openapi::{
    KnownFormat, Object, ObjectBuilder, OneOfBuilder, Ref, RefOr, SchemaFormat, Type,
};

/// No control characters, and no white space at either end. Spelled out, since `\s` and `\p{…}` are
/// not the same in every dialect of regular expressions.
const ID_PATTERN: &str = r"^[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000](?:[^\u0000-\u001f\u007f-\u009f]*[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000])?$";

/// RFC 3339 without what the ledger does not keep. The year 0000 is spelled out of it, since not
/// every dialect looks ahead.
pub(super) const INSTANT_PATTERN: &str = r"^(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$";

/// As answers write it.
const UTC_PATTERN: &str =
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{0,8}[1-9])?Z$";

/// A keyword of JSON Schema that the builders have no method for. What they call extensions is
/// written into the schema as it is. One a schema: they keep no order.
pub(super) fn keyword(name: &str, value: impl Into<Value>) -> Extensions {
    Extensions::from_iter([(name, value)])
}

fn string(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
}

/// An id that a caller chose.
pub(super) fn id(description: &str) -> Object {
    string(&format!(
        "{description} 1 to {ID_BYTES_MAX} bytes of UTF-8, no control characters, no white space at \
         either end; compared byte for byte."
    ))
    .min_length(Some(1))
    .max_length(Some(ID_BYTES_MAX))
    .pattern(Some(ID_PATTERN))
    .build()
}

/// The id that the ledger gave to a refund.
pub(super) fn refund_id(description: &str) -> Object {
    string(description)
        .format(Some(SchemaFormat::Custom("uuid".into())))
        .build()
}

/// A description.
pub(super) fn text(description: &str) -> Object {
    string(description)
        .min_length(Some(1))
        .max_length(Some(TEXT_SCALARS_MAX))
        .build()
}

/// An instant as callers write it.
pub(super) fn instant(description: &str) -> Object {
    let rule = "RFC 3339 with a capital `T`, an offset, at most 9 fractional digits and no leap \
                second; in UTC, years 0001 to 9999.";
    date_time(&format!("{description} {rule}"), INSTANT_PATTERN)
}

/// An instant as answers write it.
pub(super) fn utc(description: &str) -> Object {
    date_time(description, UTC_PATTERN)
}

fn date_time(description: &str, pattern: &str) -> Object {
    string(description)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .pattern(Some(pattern))
        .build()
}

/// One of some words.
pub(super) fn word(
    description: &str,
    words: impl IntoIterator<Item = impl Into<String>>,
) -> Object {
    let words = words.into_iter().map(|word| Value::String(word.into()));
    string(description).enum_values(Some(words)).build()
}

/// A string of this form.
pub(super) fn pattern(description: &str, pattern: &str) -> Object {
    string(description).pattern(Some(pattern)).build()
}

/// Any string.
pub(super) fn any_text(description: &str) -> Object {
    string(description).build()
}

pub(super) fn flag(description: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Boolean)
        .description(Some(description))
        .build()
}

/// `true`, where it is there.
pub(super) fn mark(description: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Boolean)
        .description(Some(description))
        .enum_values(Some([true]))
        .build()
}

/// A whole number from `minimum` up.
pub(super) fn whole(description: &str, minimum: i32) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(minimum))
        .description(Some(description))
        .build()
}

/// A list.
pub(super) fn list(description: &str, of: &str) -> RefOr<Schema> {
    utoipa::openapi::ArrayBuilder::new()
        .items(Ref::from_schema_name(of))
        .description(Some(description))
        .into()
}

/// The same, or `null`.
pub(super) fn or_null(mut object: Object) -> Object {
    object.schema_type = match object.schema_type {
        SchemaType::Type(only) => SchemaType::from_iter([only, Type::Null]),
        SchemaType::Array(types) => types.into_iter().chain([Type::Null]).collect(),
        SchemaType::AnyValue => SchemaType::AnyValue,
    };
    object
}

/// A schema that is described elsewhere, or `null`.
pub(super) fn named_or_null(description: &str, name: &str) -> RefOr<Schema> {
    OneOfBuilder::new()
        .description(Some(description))
        .item(Ref::from_schema_name(name))
        .item(Object::with_type(Type::Null))
        .into()
}

/// An object with these fields and no others.
pub(super) struct Form(ObjectBuilder);

impl Form {
    pub(super) fn new(description: &str) -> Self {
        Self(
            ObjectBuilder::new()
                .description(Some(description))
                .additional_properties(Some(AdditionalProperties::FreeForm(false))),
        )
    }

    /// A field that is always there.
    pub(super) fn field(self, name: &str, schema: impl Into<RefOr<Schema>>) -> Self {
        Self(self.0.property(name, schema).required(name))
    }

    /// A field that may be left out.
    pub(super) fn maybe(self, name: &str, schema: impl Into<RefOr<Schema>>) -> Self {
        Self(self.0.property(name, schema))
    }

    /// The fields that another function adds.
    pub(super) fn and(self, fields: impl FnOnce(Self) -> Self) -> Self {
        fields(self)
    }

    pub(super) fn with_keyword(self, name: &str, value: Value) -> Self {
        Self(self.0.extensions(Some(keyword(name, value))))
    }

    pub(super) fn example(self, example: Value) -> Self {
        Self(self.0.examples([example]))
    }

    pub(super) fn build(self) -> RefOr<Schema> {
        self.0.into()
    }
}

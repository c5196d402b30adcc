//! The objects of a list, and what their fields say.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::money::whole;

/// What is read of either object. What is not named here may be anything.
///
/// Numbers keep their characters, so that none goes through a float.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
#[allow(clippy::struct_field_names, reason = "the field is called so in JSON")]
pub(super) struct Object<'a> {
    pub(super) object: String,
    pub(super) id: Option<String>,
    #[serde(borrow)]
    pub(super) amount: Option<&'a RawValue>,
    pub(super) currency: Option<String>,
    #[serde(borrow)]
    pub(super) created: Option<&'a RawValue>,
    pub(super) reporting_category: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) status: Option<String>,
    pub(super) metadata: Option<BTreeMap<String, String>>,
    #[serde(borrow)]
    pub(super) source: Option<&'a RawValue>,
}

/// A field that the map names, such as `charge` or `metadata[order]`; where the object has none,
/// that of its source, if it was expanded.
pub(super) fn field(name: &str, raw: &str, object: &Object<'_>) -> Option<String> {
    let own = text_of(name, raw);
    own.or_else(|| text_of(name, object.source?.get()))
        .filter(|text| !text.is_empty())
}

fn text_of(name: &str, raw: &str) -> Option<String> {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(raw).ok()?;
    // Reports call the metadata of a refund so.
    let metadata = name
        .strip_prefix("refund_")
        .unwrap_or(name)
        .strip_prefix("metadata[");
    let value = match metadata.and_then(|key| key.strip_suffix(']')) {
        Some(key) => {
            let metadata: BTreeMap<String, &RawValue> =
                serde_json::from_str(fields.get("metadata")?.get()).ok()?;
            metadata.get(key)?.get()
        }
        None => fields.get(name)?.get(),
    };
    serde_json::from_str(value).ok()
}

pub(super) fn number(name: &str, raw: Option<&RawValue>) -> Result<i64, String> {
    whole(
        name,
        raw.ok_or_else(|| format!("`{name}` is missing"))?.get(),
    )
}

pub(super) fn positive(minor: i64) -> Result<i64, String> {
    if minor < 0 {
        return Err("the `amount` of a refund must not be negative".into());
    }
    Ok(minor)
}

pub(super) fn default_key(object: &Object<'_>) -> Option<String> {
    let external = object
        .metadata
        .as_ref()
        .and_then(|m| m.get("external_refund_unique_id"));
    external
        .filter(|id| !id.is_empty())
        .or(object.id.as_ref())
        .cloned()
}

/// What a balance transaction belongs to: an id, or the object where it was expanded.
pub(super) enum Source<'a> {
    None,
    Id(String),
    Expanded(Box<Object<'a>>),
}

impl<'a> Source<'a> {
    pub(super) fn read(raw: Option<&'a RawValue>) -> Result<Self, String> {
        let fault = |error: serde_json::Error| format!("`source` can't be read: {error}");
        match raw.map(RawValue::get) {
            None | Some("null") => Ok(Self::None),
            Some(id) if id.starts_with('"') => {
                serde_json::from_str(id).map(Self::Id).map_err(fault)
            }
            Some(object) => {
                let object = serde_json::from_str(object).map_err(fault)?;
                Ok(Self::Expanded(Box::new(object)))
            }
        }
    }
}

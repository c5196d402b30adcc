//! The files of the table: how they are read, and the one way in which they are laid out. What they
//! mean is told in `tests/golden/README.md`.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests: each test file uses some of them, and a test fails by panicking"
)]
#![allow(
    clippy::option_option,
    reason = "in a file, `null` is something else than what is not there"
)]

pub(crate) mod coverage;
pub(crate) mod plain_json;
mod play;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::de::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::common::Seen;
use plain_json::is_plain;

/// One file.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    pub(crate) about: String,
    pub(crate) now: String,
    pub(crate) caller: CallerForm,
    pub(crate) scenarios: Vec<Scenario>,
}

/// Requests to one ledger, which is empty before the first.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) policy: Option<PolicyForm>,
    pub(crate) steps: Vec<Step>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    pub(crate) about: String,
    pub(crate) now: Option<String>,
    /// Outer `None`: the file's caller. Inner `None`: nobody.
    #[serde(default, deserialize_with = "given")]
    pub(crate) caller: Option<Option<CallerForm>>,
    pub(crate) policy: Option<PolicyForm>,
    pub(crate) store_fails_with: Option<String>,
    pub(crate) request: RequestForm,
    pub(crate) response: Option<ResponseForm>,
}

#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallerForm {
    pub(crate) subject: String,
    pub(crate) orgs: Vec<String>,
    pub(crate) actions: Vec<String>,
}

/// What is not given is as in the default policy; `null` is without limit.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyForm {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allow_refund_before_movement: Option<bool>,
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) future_skew_max_seconds: Option<Option<u64>>,
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) window_max_seconds: Option<Option<u64>>,
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) live_refunds_max: Option<Option<u32>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestForm {
    pub(crate) method: String,
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    json: Option<Box<RawValue>>,
    body: Option<String>,
    body_hex: Option<String>,
    padded_to: Option<usize>,
    /// For runners whose URLs are resolved: they must leave this request out.
    #[serde(default)]
    raw_path: bool,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResponseForm {
    status: u16,
    headers: BTreeMap<String, String>,
    json: Option<Box<RawValue>>,
    body: Option<String>,
}

/// Tells a `null` from what is not there.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The folder of the files.
pub(crate) fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "golden"]
        .iter()
        .collect()
}

/// Every file by its name, in order of the names.
pub(crate) fn read_all() -> Vec<(String, Table)> {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .expect("the folder can be read")
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
        .into_iter()
        .map(|name| {
            let text = text_of(&name);
            let table = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{name} should be a table: {error}"));
            (name, table)
        })
        .collect()
}

pub(crate) fn text_of(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).expect("the file can be read")
}

impl RequestForm {
    /// The body as it is sent.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = match (&self.json, &self.body, &self.body_hex) {
            (Some(json), None, None) => json.get().into(),
            (None, Some(body), None) => body.clone().into_bytes(),
            (None, None, Some(hex)) => hex
                .as_bytes()
                .chunks(2)
                .map(|pair| {
                    let pair = std::str::from_utf8(pair).unwrap();
                    u8::from_str_radix(pair, 16).expect("pairs of hexadecimal digits")
                })
                .collect(),
            (None, None, None) => Vec::new(),
            _ => panic!("`{}` should have one body", self.path),
        };
        if let Some(length) = self.padded_to {
            bytes.resize(length, b' ');
        }
        bytes
    }
}

impl ResponseForm {
    pub(crate) fn seen(&self) -> Seen {
        Seen {
            status: self.status,
            headers: self
                .headers
                .iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            body: match (&self.json, &self.body) {
                (Some(json), _) => json.get().into(),
                (None, Some(body)) => body.clone().into_bytes(),
                (None, None) => Vec::new(),
            },
        }
    }
}

impl Table {
    /// The file's text, with these responses to its steps.
    pub(crate) fn laid_out(&self, responses: &[Vec<Seen>]) -> String {
        let scenarios = self.scenarios.iter().zip(responses);
        let mut text = Layout::Object(vec![
            ("about", json(&self.about)),
            ("now", json(&self.now)),
            ("caller", json(&self.caller)),
            (
                "scenarios",
                Layout::List(
                    scenarios
                        .map(|(scenario, responses)| scenario.layout(responses))
                        .collect(),
                ),
            ),
        ])
        .written(0);
        text.push('\n');
        text
    }
}

impl Scenario {
    fn layout(&self, responses: &[Seen]) -> Layout {
        let mut fields = vec![("name", json(&self.name))];
        fields.extend(self.policy.as_ref().map(|policy| ("policy", json(policy))));
        let steps = self.steps.iter().zip(responses);
        let steps = steps.map(|(step, seen)| step.layout(seen)).collect();
        fields.push(("steps", Layout::List(steps)));
        Layout::Object(fields)
    }
}

impl Step {
    fn layout(&self, seen: &Seen) -> Layout {
        let mut fields = vec![("about", json(&self.about))];
        fields.extend(self.now.as_ref().map(|now| ("now", json(now))));
        fields.extend(self.caller.as_ref().map(|caller| ("caller", json(caller))));
        fields.extend(self.policy.as_ref().map(|policy| ("policy", json(policy))));
        let fails = self.store_fails_with.as_ref();
        fields.extend(fails.map(|with| ("store_fails_with", json(with))));
        fields.push(("request", self.request.layout()));
        let mut response = vec![
            ("status", json(&seen.status)),
            (
                "headers",
                json(&seen.headers.iter().cloned().collect::<BTreeMap<_, _>>()),
            ),
        ];
        response.extend(body_layout(seen.text()));
        fields.push(("response", Layout::Object(response)));
        Layout::Object(fields)
    }
}

impl RequestForm {
    fn layout(&self) -> Layout {
        let mut fields = vec![("method", json(&self.method)), ("path", json(&self.path))];
        if self.raw_path {
            fields.push(("raw_path", json(&true)));
        }
        if !self.headers.is_empty() {
            fields.push(("headers", json(&self.headers)));
        }
        if let Some(json) = &self.json {
            fields.extend(body_layout(json.get()));
        }
        if let Some(body) = &self.body {
            fields.extend(body_layout(body));
        }
        fields.extend(self.body_hex.as_ref().map(|hex| ("body_hex", json(hex))));
        fields.extend(self.padded_to.map(|length| ("padded_to", json(&length))));
        Layout::Object(fields)
    }
}

fn body_layout(text: &str) -> Option<(&'static str, Layout)> {
    if text.is_empty() {
        None
    } else if is_plain(text) {
        Some(("json", Layout::Line(text.into())))
    } else {
        Some(("body", json(text)))
    }
}

/// JSON as people read it: objects and lists over several lines, but what was said to be a line.
enum Layout {
    Line(String),
    Object(Vec<(&'static str, Layout)>),
    List(Vec<Layout>),
}

fn json(value: &(impl serde::Serialize + ?Sized)) -> Layout {
    Layout::Line(serde_json::to_string(value).unwrap())
}

impl Layout {
    fn written(&self, indent: usize) -> String {
        let (opening, parts, closing) = match self {
            Self::Line(text) => return text.clone(),
            Self::Object(fields) => {
                let fields = fields
                    .iter()
                    .map(|(name, value)| format!("\"{name}\": {}", value.written(indent + 1)));
                ('{', fields.collect::<Vec<_>>(), '}')
            }
            Self::List(items) => {
                let items = items.iter().map(|item| item.written(indent + 1));
                ('[', items.collect(), ']')
            }
        };
        let (inner, outer) = ("  ".repeat(indent + 1), "  ".repeat(indent));
        let parts = parts.join(&format!(",\n{inner}"));
        format!("{opening}\n{inner}{parts}\n{outer}{closing}")
    }
}

//! Requests as text.

use refund_ledger::MovementKey;

/// A string as JSON text.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A line of an import file about a movement.
pub fn line(op: &str, movement: &MovementKey) -> Json {
    Json::object()
        .text("op", op)
        .text("org_id", movement.org_id())
        .text("subscription_id", movement.subscription_id())
        .text("movement_id", movement.movement_id())
}

/// JSON text in which each part can be exchanged for any other text, valid or not.
#[derive(Clone, Debug)]
pub enum Json {
    /// Text that stands as it is.
    Raw(String),
    /// Fields in the order in which they were set.
    Object(Vec<(String, Json)>),
}

#[allow(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a path that leads nowhere is a mistake of the test that wrote it"
)]
impl Json {
    /// An object without fields.
    pub fn object() -> Self {
        Self::Object(Vec::new())
    }

    /// The same with the part at this path (`amount.tax.type`) set to this text.
    ///
    /// # Panics
    /// If the path leads into something that is no object.
    #[must_use]
    pub fn set(mut self, path: &str, raw: impl Into<Self>) -> Self {
        self.put(path, raw.into());
        self
    }

    /// The same with the part at this path set to a string.
    ///
    /// # Panics
    /// As [`Json::set`].
    #[must_use]
    pub fn text(self, path: &str, text: &str) -> Self {
        self.set(path, quoted(text))
    }

    /// The same without the part at this path.
    ///
    /// # Panics
    /// If nothing is there.
    #[must_use]
    pub fn leave_out(mut self, path: &str) -> Self {
        let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
        let mut node = &mut self;
        for part in parent.split('.').filter(|part| !part.is_empty()) {
            node = node
                .field(part)
                .unwrap_or_else(|| panic!("no field `{part}` on the way to `{path}`"));
        }
        let Self::Object(fields) = node else {
            panic!("`{parent}` is no object");
        };
        let before = fields.len();
        fields.retain(|(have, _)| have != name);
        assert!(fields.len() < before, "no field `{path}` to leave out");
        self
    }

    fn field(&mut self, name: &str) -> Option<&mut Self> {
        match self {
            Self::Object(fields) => fields
                .iter_mut()
                .find(|(have, _)| have == name)
                .map(|(_, value)| value),
            Self::Raw(_) => None,
        }
    }

    fn put(&mut self, path: &str, raw: Self) {
        let (name, rest) = match path.split_once('.') {
            Some((name, rest)) => (name, Some(rest)),
            None => (path, None),
        };
        let Self::Object(fields) = self else {
            panic!("`{path}` leads into something that is no object");
        };
        let at = fields
            .iter()
            .position(|(have, _)| have == name)
            .unwrap_or_else(|| {
                fields.push((name.into(), Self::object()));
                fields.len() - 1
            });
        match rest {
            Some(rest) => fields[at].1.put(rest, raw),
            None => fields[at].1 = raw,
        }
    }

    /// The whole text.
    pub fn render(&self) -> String {
        match self {
            Self::Raw(text) => text.clone(),
            Self::Object(fields) => {
                let fields: Vec<String> = fields
                    .iter()
                    .map(|(name, value)| format!("{}:{}", quoted(name), value.render()))
                    .collect();
                format!("{{{}}}", fields.join(","))
            }
        }
    }
}

impl From<&str> for Json {
    fn from(raw: &str) -> Self {
        Self::Raw(raw.into())
    }
}

impl From<String> for Json {
    fn from(raw: String) -> Self {
        Self::Raw(raw)
    }
}

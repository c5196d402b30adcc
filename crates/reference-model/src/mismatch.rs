//! What is found.

/// What one ledger does and another one does not, in words; or why that could not be told.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Mismatch(String);

impl Mismatch {
    /// A mismatch in these words.
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    /// The same, with what was asked before.
    pub(crate) fn after(self, asked: &[String]) -> Self {
        Self(format!(
            "{}\nafter this was asked:\n  {}",
            self.0,
            asked.join("\n  ")
        ))
    }
}

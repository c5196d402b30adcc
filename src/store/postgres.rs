//! The store on a PostgreSQL server.

mod connect;
mod errors;
mod options;
mod parameters;
mod pool;
mod reasons;
mod session;
mod socket;
mod tls;
mod url;
mod wire;

pub use options::PostgresOptions;

use super::StoreError;

/// A store on a PostgreSQL server.
#[derive(Clone, Debug)]
pub struct PostgresStore {}

impl PostgresStore {
    /// Opens the ledger.
    ///
    /// # Errors
    /// x
    pub fn open(options: &PostgresOptions) -> Result<Self, StoreError> {
        let _ = options;
        Ok(Self {})
    }
}

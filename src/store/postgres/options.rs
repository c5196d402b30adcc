//! Where the server is, and how a store behaves towards it.

/// Where the server is.
#[derive(Clone, Debug)]
pub struct PostgresOptions {}

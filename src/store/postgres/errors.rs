//! What the server reports, as what a store can say.

use std::io;

use tokio_postgres::error::SqlState;

use crate::store::StoreError;
use crate::store::columns::Damaged;

/// What can go wrong below the [`Store`](crate::store::Store) methods, before the server is named.
#[derive(Debug)]
pub(super) enum Fault {
    /// The server refused, or the connection failed.
    Postgres(tokio_postgres::Error),
    /// The socket failed.
    Socket(io::Error),
    /// Nothing came back before the deadline.
    NoAnswer,
    /// Something stored is not what it should be.
    Damaged(String),
    /// A failure that is already in the store's own terms.
    Store(StoreError),
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Damaged> for Fault {
    fn from(Damaged(what): Damaged) -> Self {
        Self::Damaged(what)
    }
}

impl Fault {
    pub(super) fn state(&self) -> Option<&SqlState> {
        match self {
            Self::Postgres(error) => error.code(),
            _ => None,
        }
    }
}

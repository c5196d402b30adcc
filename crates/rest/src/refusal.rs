//! Why a request is not carried out.

use refund_ledger::LedgerError;

/// A refusal, as the contract's `GenericResponseDTO`. [`Refusal::render`] makes the response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// One of the ledger's codes.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// There is nothing at the path: 404, code `path_not_found`.
    #[error("there is nothing at this path")]
    PathNotFound,
    /// The path has no such method: 405, code `method_not_allowed`.
    #[error("the path does not have this method; it has {allow}")]
    MethodNotAllowed {
        /// The methods that it has, as in the header `Allow` (RFC 9110).
        allow: String,
    },
}

impl Refusal {
    /// The stable code of the refusal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Ledger(error) => error.code().as_str(),
            Self::PathNotFound => "path_not_found",
            Self::MethodNotAllowed { .. } => "method_not_allowed",
        }
    }
}

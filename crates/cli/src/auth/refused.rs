//! Why a caller was not recognised.

/// Why a caller was not recognised: for the log of who runs the server. Callers all get the same
/// answer, `refund_rest::unknown_caller()`, so that nobody learns here which part of a guess was
/// right. Holds nothing of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unauthenticated {
    /// The request names nobody.
    #[error("there is no `Authorization` header")]
    NoHeader,
    /// It names more than one.
    #[error("there is more than one `Authorization` header")]
    SeveralHeaders,
    /// Another scheme, as `Basic`.
    #[error("the `Authorization` header is not of the form `Bearer TOKEN`")]
    NotBearer,
    /// Longer than [`TOKEN_BYTES_MAX`](super::bearer::TOKEN_BYTES_MAX).
    #[error("the token is too long")]
    TooLong,
    /// Neither one of the static tokens nor a JWT that could be checked.
    #[error("the token is not known")]
    UnknownToken,
    /// Looks like a JWT, and can't be read as one.
    #[error("the token can't be read as a JWT with the expected claims")]
    Malformed,
    /// The JWT says that it means nothing to readers that lack some extension (RFC 7515, `crit`).
    #[error("the token needs an extension that is not supported")]
    UnknownExtension,
    /// The JWT is not signed as its key is used.
    #[error("the token is signed with another algorithm than the key is for")]
    WrongAlgorithm,
    /// The JWKS file has no key of the JWT's `kid`.
    #[error("the token names a key that is not in the JWKS file")]
    UnknownKey,
    /// The JWT has no `kid`, and the JWKS file more than one key.
    #[error("the token does not say which key of the JWKS file signed it")]
    NoKeyId,
    /// Signed by somebody else, or changed since.
    #[error("the token's signature is wrong")]
    WrongSignature,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is still to come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iss` is not the one that is trusted.
    #[error("the token is of another issuer")]
    WrongIssuer,
    /// `aud` does not name this server.
    #[error("the token is for another audience")]
    WrongAudience,
    /// A claim is missing that every token needs.
    #[error("the token has no claim `{0}`")]
    MissingClaim(&'static str),
    /// A claim has a value that it can't have.
    #[error("the token's claim `{0}` has a value that can't be")]
    InvalidClaim(&'static str),
}

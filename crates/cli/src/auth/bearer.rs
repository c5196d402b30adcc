//! The header `Authorization` (RFC 9110, RFC 6750).

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::refused::Unauthenticated;

/// The longest token that is looked at, in bytes.
pub(crate) const TOKEN_BYTES_MAX: usize = 8 * 1_024;

/// The one token that the request carries.
pub(crate) fn token(headers: &HeaderMap) -> Result<&str, Unauthenticated> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(Unauthenticated::NoHeader)?;
    // Whoever reads the first and whoever reads the last of two must not see different callers.
    if values.next().is_some() {
        return Err(Unauthenticated::SeveralHeaders);
    }
    let value = value.as_bytes();
    let (scheme, token) = value
        .split_at_checked("Bearer".len())
        .ok_or(Unauthenticated::NotBearer)?;
    if !scheme.eq_ignore_ascii_case(b"Bearer") || !token.starts_with(b" ") {
        return Err(Unauthenticated::NotBearer);
    }
    let token = token.trim_ascii_start();
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Unauthenticated::TooLong);
    }
    if token.is_empty() || !token.iter().copied().all(is_in_tokens) {
        return Err(Unauthenticated::NotBearer);
    }
    str::from_utf8(token).map_err(|_| Unauthenticated::NotBearer)
}

/// The characters of `token68` (RFC 9110, 11.2).
fn is_in_tokens(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}

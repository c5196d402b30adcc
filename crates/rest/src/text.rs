//! Percent-encoding (RFC 3986), and faults that are told together.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use refund_ledger::{Detail, ErrorCode, Id, LedgerError};

/// All but the unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A path segment for an id.
pub(crate) fn encode(id: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(id, RESERVED)
}

/// The text that a segment or a query's part stands for; `None` where an escape is broken or what
/// comes out is not UTF-8.
pub(crate) fn decode(encoded: &str) -> Option<String> {
    let escapes_are_whole = encoded.split('%').skip(1).all(|behind| {
        let mut digits = behind.bytes().take(2);
        let mut is_digit = || digits.next().is_some_and(|byte| byte.is_ascii_hexdigit());
        is_digit() && is_digit()
    });
    if !escapes_are_whole {
        return None;
    }
    let text = percent_decode_str(encoded).decode_utf8().ok()?;
    Some(text.into_owned())
}

/// The id that a decoded text is, with its faults on this field.
pub(crate) fn id(field: &'static str, text: Option<&str>) -> Result<Id, LedgerError> {
    match text {
        Some(text) => at_field(field, Id::new(text)),
        None => Err(not_decodable(field)),
    }
}

pub(crate) fn not_decodable(field: &'static str) -> LedgerError {
    LedgerError::invalid_field(field, "invalid_format", "must be percent-encoded UTF-8")
}

/// The result with its faults on this field, whatever field they named.
pub(crate) fn at_field<T>(
    field: &'static str,
    result: Result<T, LedgerError>,
) -> Result<T, LedgerError> {
    result.map_err(|error| {
        let details = error.details().iter();
        LedgerError::invalid_fields(
            details
                .map(|detail| Detail {
                    field: field.into(),
                    ..detail.clone()
                })
                .collect(),
        )
    })
}

/// Both values, or what is wrong with either: faults of fields are told together, and anything
/// else comes before them.
pub(crate) fn both<A, B>(
    one: Result<A, LedgerError>,
    other: Result<B, LedgerError>,
) -> Result<(A, B), LedgerError> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
        (Err(one), Err(other)) => Err(match (one.code(), other.code()) {
            (ErrorCode::InvalidRequest, ErrorCode::InvalidRequest) => {
                let details = one.details().iter().chain(other.details());
                LedgerError::invalid_fields(details.cloned().collect())
            }
            (ErrorCode::InvalidRequest, _) => other,
            _ => one,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn what_is_encoded_is_decoded() {
        for id in ["mov-42", "a/b", "ä b%20", "..", "?#", "日本"] {
            let encoded = encode(id).to_string();
            assert!(!encoded.contains(['/', '?', '#', ' ']), "{encoded}");
            assert_eq!(decode(&encoded).as_deref(), Some(id));
        }
    }

    #[test]
    fn broken_escapes_stand_for_nothing() {
        for broken in ["%", "%4", "%zz", "a%", "%+1", "%ff", "%c3", "%ed%a0%80"] {
            assert_eq!(decode(broken), None, "`{broken}`");
        }
    }
}

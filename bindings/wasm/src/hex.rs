//! Bytes as lower-case hexadecimal digits.

/// The digits of these bytes.
pub(crate) fn encode(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

/// The bytes of these digits; `None` where they are none.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    base16ct::lower::decode_vec(text).ok()
}

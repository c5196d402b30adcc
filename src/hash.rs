//! SHA-256, for the chains and for the head.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::error::LedgerError;

/// A SHA-256 hash (FIPS 180-4), written as 64 lower-case hexadecimal digits.
///
/// ```
/// # fn main() -> Result<(), refund_ledger::LedgerError> {
/// use refund_ledger::{ErrorCode, Hash};
/// let hash = Hash::of(&[b"refund", b"-ledger"]);
/// assert_eq!(hash, Hash::of(&[b"refund-ledger"]));
/// assert_eq!(hash.to_string().parse::<Hash>()?, hash);
/// assert_eq!("abc".parse::<Hash>().unwrap_err().code(), ErrorCode::InvalidRequest);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// What the first entry of a chain names as its predecessor.
    pub const ZERO: Self = Self([0; 32]);

    /// The hash of these parts, one after the other.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0_u8; 64];
        let text = base16ct::lower::encode_str(&self.0, &mut digits).map_err(|_| fmt::Error)?;
        f.write_str(text)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = LedgerError;

    /// Reads 64 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// `invalid_request` for anything else.
    fn from_str(text: &str) -> Result<Self, LedgerError> {
        let mut bytes = [0_u8; 32];
        match base16ct::lower::decode(text, &mut bytes).map(<[u8]>::len) {
            Ok(32) => Ok(Self(bytes)),
            _ => Err(LedgerError::invalid_field(
                "hash",
                "invalid_format",
                "must be 64 lower-case hexadecimal digits",
            )),
        }
    }
}

impl Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

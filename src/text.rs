//! Descriptions: the one kind of free text, and the only content that can be erased.

use std::fmt;
use std::sync::Arc;

use crate::error::LedgerError;
use crate::hash::Hash;

/// The longest description, in Unicode scalars.
pub const TEXT_SCALARS_MAX: usize = 1_024;

/// A description, `description` of the contract's requests: 1 to [`TEXT_SCALARS_MAX`] Unicode
/// scalars of any kind.
///
/// ```
/// # fn main() -> Result<(), refund_ledger::LedgerError> {
/// use refund_ledger::{ErrorCode, Text};
/// let text: Text = "Zwei Tage ohne Dienst".parse()?;
/// assert_eq!("".parse::<Text>().unwrap_err().code(), ErrorCode::InvalidRequest);
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Text(Arc<str>);

impl Text {
    /// Checks and keeps a description.
    ///
    /// # Errors
    /// `invalid_request` on `description`, saying what is allowed.
    ///
    /// ```
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{ErrorCode, TEXT_SCALARS_MAX, Text};
    /// assert_eq!(Text::new("Two days without service")?.as_str(), "Two days without service");
    /// let refused = Text::new(&"é".repeat(TEXT_SCALARS_MAX + 1)).unwrap_err();
    /// assert_eq!(refused.code(), ErrorCode::InvalidRequest);
    /// assert_eq!(refused.details()[0].code, "too_long");
    /// # Ok(()) }
    /// ```
    pub fn new(text: &str) -> Result<Self, LedgerError> {
        // Scalars are counted only where the bytes leave a doubt.
        let scalars = if text.len() <= TEXT_SCALARS_MAX {
            text.len()
        } else {
            text.chars().count()
        };
        let fault =
            |code, message: String| Err(LedgerError::invalid_field("description", code, message));
        match scalars {
            0 => fault("too_short", "must not be empty".into()),
            1..=TEXT_SCALARS_MAX => Ok(Self(Arc::from(text))),
            _ => fault(
                "too_long",
                format!("has {scalars} characters; at most {TEXT_SCALARS_MAX} are allowed"),
            ),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Text {
    type Err = LedgerError;

    /// As [`Text::new`].
    fn from_str(text: &str) -> Result<Self, LedgerError> {
        Self::new(text)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Sixteen random bytes that keep the digest of a short text from being guessed. Written, they are
/// 32 lower-case hexadecimal digits.
///
/// ```
/// # fn main() -> Result<(), refund_ledger::LedgerError> {
/// use refund_ledger::{ErrorCode, Salt};
/// let salt: Salt = "000102030405060708090a0b0c0d0e0f".parse()?;
/// assert_eq!(salt.0[15], 15);
/// assert_eq!("0001".parse::<Salt>().unwrap_err().code(), ErrorCode::InvalidRequest);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub [u8; 16]);

impl fmt::Display for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base16ct::lower::encode_string(&self.0))
    }
}

impl std::str::FromStr for Salt {
    type Err = LedgerError;

    /// Reads 32 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// `invalid_request` for anything else.
    fn from_str(text: &str) -> Result<Self, LedgerError> {
        let mut bytes = [0; 16];
        match base16ct::lower::decode(text, &mut bytes).map(<[u8]>::len) {
            Ok(16) => Ok(Self(bytes)),
            _ => Err(LedgerError::invalid_field(
                "salt",
                "invalid_format",
                "must be 32 lower-case hexadecimal digits",
            )),
        }
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt")
    }
}

/// A text with its salt: what is stored once, beside the journal entry that brought it, and
/// blanked when the text is erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaltedText {
    /// The salt.
    pub salt: Salt,
    /// The text.
    pub text: Text,
}

impl SaltedText {
    /// SHA-256 over the salt and the text: how the text enters the journal.
    pub fn digest(&self) -> Hash {
        Hash::of(&[&self.salt.0, self.text.as_str().as_bytes()])
    }
}

/// A description as the ledger keeps it: what the journal attests of it, where its text is stored,
/// and the text itself unless it was erased. Most callers need [`Description::text`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The digest that the journal holds.
    pub digest: Hash,
    /// The sequence, in the movement's chain, of the entry beside which the text is stored.
    pub sequence: u64,
    /// Text and salt; `None` once erased.
    pub salted: Option<SaltedText>,
}

impl Description {
    /// The text, unless it was erased.
    pub fn text(&self) -> Option<&str> {
        self.salted.as_ref().map(|salted| salted.text.as_str())
    }
}

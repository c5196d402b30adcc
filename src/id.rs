//! Identities: what callers call things, and what the ledger calls refunds.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::Serialize;
use uuid::Uuid;

use crate::error::LedgerError;

/// The longest id, in bytes of UTF-8.
pub const ID_BYTES_MAX: usize = 255;

/// An id that a caller chose: an org, an external id, an invoice, an actor. It has 1 to
/// [`ID_BYTES_MAX`] bytes of UTF-8, no control characters and no white space at either end, and is
/// compared byte for byte.
///
/// ```
/// # fn main() -> Result<(), refund_ledger::LedgerError> {
/// use refund_ledger::{ErrorCode, Id};
/// let invoice: Id = "inv-9".parse()?;
/// assert_ne!(invoice, "INV-9".parse()?);
/// assert_eq!("inv\n9".parse::<Id>().unwrap_err().code(), ErrorCode::InvalidRequest);
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(Arc<str>);

impl Id {
    /// Checks and keeps an id.
    ///
    /// # Errors
    /// `invalid_request` on the field `id`, saying what is allowed.
    ///
    /// ```
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{ErrorCode, Id};
    /// assert_eq!(Id::new("inv-9")?.as_str(), "inv-9");
    /// let refused = Id::new("inv-9 ").unwrap_err();
    /// assert_eq!(refused.code(), ErrorCode::InvalidRequest);
    /// assert_eq!(refused.message(), "`id` must not begin or end with white space");
    /// # Ok(()) }
    /// ```
    pub fn new(text: &str) -> Result<Self, LedgerError> {
        Self::named("id", text)
    }

    /// As [`Id::new`], with the error on the field that the caller knows.
    pub(crate) fn named(field: &'static str, text: &str) -> Result<Self, LedgerError> {
        check(text)
            .map_err(|(code, message)| LedgerError::invalid_field(field, code, message))
            .map(|()| Self(Arc::from(text)))
    }

    /// Who acts where nobody else was named.
    pub(crate) fn local() -> Self {
        Self(Arc::from("local"))
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check(text: &str) -> Result<(), (&'static str, String)> {
    if text.is_empty() {
        return Err(("too_short", "must not be empty".into()));
    }
    if text.len() > ID_BYTES_MAX {
        return Err((
            "too_long",
            format!(
                "has {} bytes; at most {ID_BYTES_MAX} are allowed",
                text.len()
            ),
        ));
    }
    if text.chars().any(char::is_control) {
        return Err((
            "invalid_format",
            "must not contain control characters".into(),
        ));
    }
    if text.trim() != text {
        return Err((
            "invalid_format",
            "must not begin or end with white space".into(),
        ));
    }
    Ok(())
}

impl FromStr for Id {
    type Err = LedgerError;

    /// As [`Id::new`].
    fn from_str(text: &str) -> Result<Self, LedgerError> {
        Self::new(text)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// The three ids that name a movement: `orgId`, `subscriptionId` and `movementId` in the contract's
/// paths. Keys have one order everywhere: by org, then subscription, then movement, each byte for
/// byte.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MovementKey {
    // INVARIANT: the three ids with a NUL after each of the first two. No id contains a NUL, and
    // NUL sorts before everything else, so the order of these bytes is the order of the keys.
    joined: Arc<str>,
    /// The first of them again: every look-up by an external id names the org.
    org: Id,
    subscription_end: u16,
}

impl MovementKey {
    /// Checks and joins the three ids, each as [`Id::new`] does.
    ///
    /// # Errors
    /// `invalid_request` that names every id at fault (`org_id`, `subscription_id`, `movement_id`).
    ///
    /// ```
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{ErrorCode, MovementKey};
    /// let key = MovementKey::new("acme", "sub-7", "mov-42")?;
    /// assert_eq!(key.subscription_id(), "sub-7");
    /// let refused = MovementKey::new("acme", "", " mov-42").unwrap_err();
    /// assert_eq!(refused.code(), ErrorCode::InvalidRequest);
    /// assert_eq!(refused.message(), "2 fields are at fault: `subscription_id`, `movement_id`");
    /// # Ok(()) }
    /// ```
    pub fn new(org: &str, subscription: &str, movement: &str) -> Result<Self, LedgerError> {
        let mut faults = crate::error::Faults::default();
        for (field, text) in [
            ("org_id", org),
            ("subscription_id", subscription),
            ("movement_id", movement),
        ] {
            if let Err((code, message)) = check(text) {
                faults.add(field, code, message);
            }
        }
        faults.into_result()?;
        let joined = [org, subscription, movement].join("\0");
        let end = |length: usize| u16::try_from(length).unwrap_or(u16::MAX);
        Ok(Self {
            joined: joined.into(),
            org: Id(Arc::from(org)),
            subscription_end: end(org.len())
                .saturating_add(1)
                .saturating_add(end(subscription.len())),
        })
    }

    fn part(&self, start: usize, end: Option<usize>) -> &str {
        let end = end.unwrap_or(self.joined.len());
        self.joined.get(start..end).unwrap_or_default()
    }

    /// The org.
    pub fn org_id(&self) -> &str {
        self.org.as_str()
    }

    /// The subscription.
    pub fn subscription_id(&self) -> &str {
        self.part(
            self.org_id().len().saturating_add(1),
            Some(self.subscription_end.into()),
        )
    }

    /// The movement's own id.
    pub fn movement_id(&self) -> &str {
        self.part(usize::from(self.subscription_end).saturating_add(1), None)
    }

    /// The org as an [`Id`].
    pub fn org(&self) -> Id {
        self.org.clone()
    }

    /// Bytes whose order is the order of the keys, for stores that sort by bytes.
    pub fn sort_key(&self) -> &[u8] {
        self.joined.as_bytes()
    }
}

/// The joined ids are all that a key is.
impl Hash for MovementKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.joined.hash(state);
    }
}

impl fmt::Display for MovementKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}/{}",
            self.org_id(),
            self.subscription_id(),
            self.movement_id()
        )
    }
}

impl fmt::Debug for MovementKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MovementKey({self})")
    }
}

/// What the ledger calls a refund, `refundId` in the contract's paths: a UUID (RFC 9562), version 7
/// when it comes from the platform's host. Ids sort by their bytes, so those of version 7 by the
/// time of their making.
///
/// ```
/// # fn main() -> Result<(), refund_ledger::LedgerError> {
/// use refund_ledger::{ErrorCode, RefundId};
/// let id = RefundId::from_millis_and_random(1_645_710_310_000, &[7; 10]);
/// assert_eq!(id.to_string().parse::<RefundId>()?, id);
/// let refused = "r-1".parse::<RefundId>().unwrap_err(); // no refund is called that
/// assert_eq!(refused.code(), ErrorCode::RefundNotFound);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RefundId(Uuid);

impl Ord for RefundId {
    /// As the bytes sort. Two numbers are compared sooner than sixteen bytes one by one.
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.as_u128().cmp(&other.0.as_u128())
    }
}

impl PartialOrd for RefundId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl RefundId {
    /// The id with these sixteen bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// A version 7 UUID (RFC 9562) of this many milliseconds since 1970 and these random bytes.
    pub const fn from_millis_and_random(unix_millis: u64, random: &[u8; 10]) -> Self {
        Self(uuid::Builder::from_unix_timestamp_millis(unix_millis, random).into_uuid())
    }

    /// The id's sixteen bytes, in the order in which ids sort.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl FromStr for RefundId {
    type Err = LedgerError;

    /// Reads the one form in which ids are written: lower case with hyphens.
    ///
    /// # Errors
    /// `refund_not_found`: nothing else can be the id of a refund.
    fn from_str(text: &str) -> Result<Self, LedgerError> {
        Uuid::try_parse(text)
            .ok()
            .map(Self)
            .filter(|id| {
                let mut buffer = Uuid::encode_buffer();
                *id.0.as_hyphenated().encode_lower(&mut buffer) == *text
            })
            .ok_or_else(LedgerError::refund_not_found)
    }
}

impl fmt::Display for RefundId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0.as_hyphenated(), f)
    }
}

impl fmt::Debug for RefundId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefundId({self})")
    }
}

impl Serialize for RefundId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::RefundId;

    #[test]
    fn refund_ids_sort_as_their_bytes() {
        let ids = [0, 1, 7, 8, 15].map(|place| {
            let mut bytes = [0x7f; 16];
            bytes[place] = 0x80;
            RefundId::from_bytes(bytes)
        });
        for one in ids {
            for other in ids {
                assert_eq!(one.cmp(&other), one.as_bytes().cmp(other.as_bytes()));
            }
        }
    }
}

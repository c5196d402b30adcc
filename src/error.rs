//! What can go wrong, and what it is called.
//!
//! A [`LedgerError`] speaks to the person who can act: its [`code`](LedgerError::code) is stable,
//! its message says what was given and what is allowed, and its details name the fields.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

use crate::id::{MovementKey, RefundId};
use crate::store::StoreError;

/// The stable name of a refusal, in order of precedence: where a request breaks several rules,
/// the first of these answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// No caller, or not a known one.
    Unauthorized,
    /// The caller may not do this in this org.
    Forbidden,
    /// Not JSON, a repeated key, an unknown field, or over a limit.
    MalformedRequest,
    /// A wrong type, a missing field, or a value that breaks a rule; the details list every field.
    InvalidRequest,
    /// The movement is unknown, voided, or not the caller's.
    MovementNotFound,
    /// The refund is unknown, deleted, or under another movement.
    RefundNotFound,
    /// The external id belongs to a deleted refund with the same content.
    RefundDeleted,
    /// The external id, or the movement's id, belongs to other content.
    IdempotencyConflict,
    /// An update of the other kind of refund.
    KindMismatch,
    /// An update that would change the external id.
    ImmutableField,
    /// The refund is at another revision than the one expected.
    StaleRevision,
    /// The amount's currency is not the movement's.
    CurrencyMismatch,
    /// The two values of an amount do not fit its tax.
    TaxMismatch,
    /// The refund is dated before its movement.
    RefundBeforeMovement,
    /// The refund is dated further in the future than the policy allows.
    RefundInFuture,
    /// The refund is dated after the policy's window.
    RefundWindowExpired,
    /// The movement has as many refunds as the policy allows.
    RefundCountExceeded,
    /// The refund would take more than is left of its movement; or a movement with live refunds
    /// would be voided.
    OverRefund,
    /// The store stayed busy past its limit. Retry with the same external id.
    Timeout,
    /// The store's server cannot be reached. Retry with the same external id.
    StoreUnavailable,
    /// Anything else.
    Internal,
    /// What the store holds is damaged.
    StoreCorrupted,
}

impl ErrorCode {
    /// Every code, in order of precedence.
    pub const ALL: [Self; 22] = [
        Self::Unauthorized,
        Self::Forbidden,
        Self::MalformedRequest,
        Self::InvalidRequest,
        Self::MovementNotFound,
        Self::RefundNotFound,
        Self::RefundDeleted,
        Self::IdempotencyConflict,
        Self::KindMismatch,
        Self::ImmutableField,
        Self::StaleRevision,
        Self::CurrencyMismatch,
        Self::TaxMismatch,
        Self::RefundBeforeMovement,
        Self::RefundInFuture,
        Self::RefundWindowExpired,
        Self::RefundCountExceeded,
        Self::OverRefund,
        Self::Timeout,
        Self::StoreUnavailable,
        Self::Internal,
        Self::StoreCorrupted,
    ];

    /// The code as it is written on the wire, such as `over_refund`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::MalformedRequest => "malformed_request",
            Self::InvalidRequest => "invalid_request",
            Self::MovementNotFound => "movement_not_found",
            Self::RefundNotFound => "refund_not_found",
            Self::RefundDeleted => "refund_deleted",
            Self::IdempotencyConflict => "idempotency_conflict",
            Self::KindMismatch => "kind_mismatch",
            Self::ImmutableField => "immutable_field",
            Self::StaleRevision => "stale_revision",
            Self::CurrencyMismatch => "currency_mismatch",
            Self::TaxMismatch => "tax_mismatch",
            Self::RefundBeforeMovement => "refund_before_movement",
            Self::RefundInFuture => "refund_in_future",
            Self::RefundWindowExpired => "refund_window_expired",
            Self::RefundCountExceeded => "refund_count_exceeded",
            Self::OverRefund => "over_refund",
            Self::Timeout => "timeout",
            Self::StoreUnavailable => "store_unavailable",
            Self::Internal => "internal",
            Self::StoreCorrupted => "store_corrupted",
        }
    }

    /// The HTTP status that carries this code. All are the contract's but 412 (RFC 9110), which is
    /// ours: no client of the contract sends `If-Match`.
    pub const fn http_status(self) -> u16 {
        match self {
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::MovementNotFound | Self::RefundNotFound => 404,
            Self::StaleRevision => 412,
            Self::Internal | Self::StoreCorrupted => 500,
            Self::StoreUnavailable => 502,
            Self::Timeout => 504,
            _ => 400,
        }
    }

    /// Whether the same request may succeed later. Where it carries an external id, repeating it
    /// is safe: it is booked once.
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Timeout | Self::StoreUnavailable)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What a caller gave, as a message may repeat it: all of it, or the first 64 characters and `…`.
///
/// ```
/// use refund_ledger::excerpt;
/// assert_eq!(excerpt("colour"), "colour");
/// let long = excerpt(&"x".repeat(1_000)).into_owned();
/// assert_eq!(long, format!("{}…", "x".repeat(64)));
/// ```
pub fn excerpt(given: &str) -> Cow<'_, str> {
    const CHARACTERS_MAX: usize = 64;
    let cut = given.char_indices().nth(CHARACTERS_MAX);
    match cut.and_then(|(end, _)| given.get(..end)) {
        Some(beginning) => Cow::Owned(format!("{beginning}…")),
        None => Cow::Borrowed(given),
    }
}

/// One field at fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// The field's path in the request, such as `amount.tax.percentage`.
    pub field: Cow<'static, str>,
    /// What is wrong with it: `required`, `wrong_type`, `invalid_format`, `out_of_range`,
    /// `too_long`, `too_short`, `too_many_decimals`, `differs`, `not_allowed`, `over_refund`.
    pub code: &'static str,
    /// The same in words, with what is allowed.
    pub message: String,
}

/// Who holds an external id that a request wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The movement that the holder refunds.
    pub movement: MovementKey,
    /// The refund that holds the external id; none where a movement's own id is held.
    pub refund_id: Option<RefundId>,
}

/// Why the ledger refused a command or could not answer. [`crate::wire::ErrorBody`] writes it as
/// the contract's `GenericResponseDTO`.
///
/// ```
/// use refund_ledger::{ErrorCode, wire};
/// let refused = wire::parse_movement_request(br#"{"currency":"eur"}"#).unwrap_err();
/// assert_eq!(refused.code(), ErrorCode::InvalidRequest);
/// assert_eq!((refused.code().as_str(), refused.code().http_status()), ("invalid_request", 400));
/// let fields: Vec<_> = refused.details().iter().map(|detail| &*detail.field).collect();
/// assert_eq!(fields, ["amount", "currency", "occurred_at", "description"]);
/// assert!(!refused.is_retryable());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct LedgerError(
    // Results are mostly good, and carry no room for all of it.
    Box<Reason>,
);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
struct Reason {
    code: ErrorCode,
    message: Cow<'static, str>,
    details: Vec<Detail>,
    holder: Option<Holder>,
    source: Option<StoreError>,
}

impl LedgerError {
    /// An error of this code; `message` is for the person who can act on it: lower case, no full
    /// stop, what was given in back-ticks.
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Reason {
            code,
            message: message.into(),
            details: Vec::new(),
            holder: None,
            source: None,
        }))
    }

    /// An `invalid_request` about one field; `code` is one of those of [`Detail::code`], and
    /// `message` goes on where the field's name ends (``must not be empty``).
    pub fn invalid_field(
        field: impl Into<Cow<'static, str>>,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self::invalid_fields(vec![Detail {
            field: field.into(),
            code,
            message: message.into(),
        }])
    }

    /// An `invalid_request` that lists every field at fault.
    pub fn invalid_fields(details: Vec<Detail>) -> Self {
        let message = match details.as_slice() {
            [only] => format!("`{}` {}", only.field, only.message),
            several => {
                let names: Vec<String> = several.iter().map(|d| format!("`{}`", d.field)).collect();
                format!("{} fields are at fault: {}", names.len(), names.join(", "))
            }
        };
        Self::new(ErrorCode::InvalidRequest, message).with_details(details)
    }

    pub(crate) fn malformed(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::MalformedRequest, message)
    }

    pub(crate) fn movement_not_found() -> Self {
        Self::new(ErrorCode::MovementNotFound, "there is no such movement")
    }

    pub(crate) fn refund_not_found() -> Self {
        Self::new(ErrorCode::RefundNotFound, "there is no such refund")
    }

    /// A store did not put into a snapshot what it was asked for.
    pub(crate) fn not_loaded() -> Self {
        Self::internal("the store did not look for something that was asked of it")
    }

    /// A broken promise between the parts of this library, never the caller's fault.
    pub(crate) fn internal(message: &'static str) -> Self {
        Self::new(ErrorCode::Internal, message)
    }

    pub(crate) fn with_details(mut self, details: Vec<Detail>) -> Self {
        self.0.details = details;
        self
    }

    /// The same faults, as those of this field.
    pub(crate) fn at_field(self, field: &'static str) -> Self {
        let mut faults = Faults::default();
        faults.note_at(field, self);
        Self::invalid_fields(faults.0)
    }

    /// The same error, as that of one part of a larger request.
    ///
    /// ```
    /// use refund_ledger::wire;
    /// let refused = wire::parse_refund_request(br#"{"colour":"red"}"#).unwrap_err();
    /// let refused = refused.within("commands[2]");
    /// assert!(refused.message().starts_with("commands[2]: the field `colour` is not known"));
    /// assert_eq!(refused.details()[0].field, "commands[2].colour");
    /// ```
    #[must_use]
    pub fn within(mut self, part: &str) -> Self {
        for detail in &mut self.0.details {
            detail.field = format!("{part}.{}", detail.field).into();
        }
        if self.0.code == ErrorCode::InvalidRequest {
            return Self::invalid_fields(self.0.details);
        }
        self.0.message = format!("{part}: {}", self.0.message).into();
        self
    }

    pub(crate) fn with_holder(mut self, holder: Holder) -> Self {
        self.0.holder = Some(holder);
        self
    }

    pub(crate) fn clear_holder(&mut self) {
        self.0.holder = None;
    }

    /// The stable name of this error.
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// The message, for the person who can act.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Every field at fault; empty where the error is not about fields.
    pub fn details(&self) -> &[Detail] {
        &self.0.details
    }

    /// For `idempotency_conflict` and `refund_deleted`: who holds the external id, where the
    /// caller may read it.
    pub fn holder(&self) -> Option<&Holder> {
        self.0.holder.as_ref()
    }

    /// What the store said, for logs and the operator; never for the other side of a network.
    pub fn store_error(&self) -> Option<&StoreError> {
        self.0.source.as_ref()
    }

    /// Whether the same request may succeed later (see [`ErrorCode::is_retryable`]).
    pub fn is_retryable(&self) -> bool {
        self.0.code.is_retryable()
    }
}

impl From<StoreError> for LedgerError {
    fn from(error: StoreError) -> Self {
        let (code, message) = match &error {
            StoreError::Busy => (
                ErrorCode::Timeout,
                "the store stayed busy past its limit; retry later: what has an external id is booked once",
            ),
            StoreError::Conflict => (
                ErrorCode::Timeout,
                "others kept changing the same movements; retry later with the same external id",
            ),
            StoreError::OutcomeUnknown { .. } => (
                ErrorCode::StoreUnavailable,
                "the store did not say whether it kept the change; retry with the same external id",
            ),
            StoreError::Unavailable { .. } => (
                ErrorCode::StoreUnavailable,
                "the store cannot be reached; retry later: what has an external id is booked once",
            ),
            StoreError::Corrupted { .. } => (
                ErrorCode::StoreCorrupted,
                "what the store holds is damaged; restore a backup and run verify",
            ),
            StoreError::Unsupported { .. } => (ErrorCode::Internal, "the store cannot be used"),
            StoreError::Failed { .. } => {
                (ErrorCode::Internal, "the store could not do what was asked")
            }
        };
        let mut this = Self::new(code, message);
        this.0.source = Some(error);
        this
    }
}

/// The faults of one request, gathered so that all are told at once.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Detail>);

impl Faults {
    pub(crate) fn add(
        &mut self,
        field: impl Into<Cow<'static, str>>,
        code: &'static str,
        message: impl Into<String>,
    ) {
        self.0.push(Detail {
            field: field.into(),
            code,
            message: message.into(),
        });
    }

    /// Keeps the value, or the details of what was wrong with it.
    pub(crate) fn keep<T>(&mut self, result: Result<T, LedgerError>) -> Option<T> {
        result.map_err(|error| self.0.extend(error.0.details)).ok()
    }

    /// Keeps the value, or what was wrong with it as the fault of this field.
    pub(crate) fn keep_at<T>(&mut self, field: &str, result: Result<T, LedgerError>) -> Option<T> {
        result.map_err(|error| self.note_at(field, error)).ok()
    }

    /// Notes what was wrong with a value as the fault of this field.
    pub(crate) fn note_at(&mut self, field: &str, error: LedgerError) {
        for detail in error.0.details {
            self.add(String::from(field), detail.code, detail.message);
        }
    }

    pub(crate) fn into_result(self) -> Result<(), LedgerError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(LedgerError::invalid_fields(self.0))
        }
    }
}

//! The lines of an import file: commands as JSON.

use super::object::Object;
use super::request::{self, Digits};
use super::scan::{Document, Value};
use super::{BODY_BYTES_MAX, DEPTH_MAX};
use crate::command::{Command, Operation};
use crate::decide::Preserved;
use crate::error::{ErrorCode, Faults, LedgerError};
use crate::hash::Hash;
use crate::id::{Id, MovementKey, RefundId};
use crate::store::RefundLookup;
use crate::text::Salt;

/// What a line may have beside its body.
const ENVELOPE_BYTES_MAX: usize = 8 * 1_024;

/// One line of an import file, or of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The command.
    pub command: Command,
    /// In an export: what rebuilds the journal entry that the command once made.
    pub preserved: Option<Preserved>,
}

/// Reads one line of an import file: a command as JSON. `op` is one of `record_movement`,
/// `create_refund`, `create_non_subscribable_refund`, `update_refund`, `delete_refund`,
/// `void_movement` and `erase_text`; `body` is the request's own body.
///
/// # Errors
/// `malformed_request`; `invalid_request` that lists every field at fault.
///
/// ```
/// # fn main() -> Result<(), refund_ledger::LedgerError> {
/// use refund_ledger::{ErrorCode, wire};
/// let line = br#"{"op":"void_movement","org_id":"acme","subscription_id":"sub-7",
///     "movement_id":"mov-42"}"#;
/// assert_eq!(wire::parse_line(line)?.command.movement.movement_id(), "mov-42");
///
/// let refused = wire::parse_line(br#"{"op":"void_movement","org_id":"acme"}"#).unwrap_err();
/// assert_eq!(refused.code(), ErrorCode::InvalidRequest);
/// assert_eq!(refused.details()[1].field, "movement_id");
/// # Ok(()) }
/// ```
pub fn parse_line(line: &[u8]) -> Result<Line, LedgerError> {
    let bytes_max = BODY_BYTES_MAX.saturating_add(ENVELOPE_BYTES_MAX);
    let document = Document::check(line, bytes_max, DEPTH_MAX.saturating_add(1))?;
    let object = Object::any(document.root())?;
    let op = parse_op(&object)?;
    object.check_fields(op.fields())?;
    let mut faults = Faults::default();
    let preserved = match object.get("preserved").map(parse_preserved) {
        None => None,
        Some(Err(error)) if error.code() != ErrorCode::InvalidRequest => return Err(error),
        Some(result) => faults.keep(result),
    };
    let digits = if object.get("preserved").is_some() {
        Digits::Exact
    } else {
        Digits::Limited
    };
    let operation = parse_operation(op, &object, digits, &mut faults)?;
    let movement = movement_key(&object, &mut faults);
    faults.into_result()?;
    match (movement, operation) {
        (Some(movement), Some(operation)) => Ok(Line {
            command: Command {
                movement,
                operation,
            },
            preserved,
        }),
        _ => Err(LedgerError::internal(
            "a line without a fault lacks a field",
        )),
    }
}

#[derive(Clone, Copy)]
enum Op {
    RecordMovement,
    VoidMovement,
    CreateRefund,
    CreateNonSubscribableRefund,
    UpdateRefund,
    DeleteRefund,
    EraseText,
}

impl Op {
    const ALL: [(&'static str, Self); 7] = [
        ("record_movement", Self::RecordMovement),
        ("void_movement", Self::VoidMovement),
        ("create_refund", Self::CreateRefund),
        (
            "create_non_subscribable_refund",
            Self::CreateNonSubscribableRefund,
        ),
        ("update_refund", Self::UpdateRefund),
        ("delete_refund", Self::DeleteRefund),
        ("erase_text", Self::EraseText),
    ];

    /// What may stand in a line of this kind: the scope first, then its own fields.
    fn fields(self) -> &'static [&'static str] {
        macro_rules! with_scope {
            ($($own:literal),*) => {
                &["op", "org_id", "subscription_id", "movement_id", "preserved", $($own),*]
            };
        }
        match self {
            Self::VoidMovement => with_scope!(),
            Self::RecordMovement | Self::CreateRefund => with_scope!("body"),
            Self::CreateNonSubscribableRefund => with_scope!("body", "idempotency_key"),
            Self::UpdateRefund => with_scope!(
                "body",
                "refund_id",
                "external_refund_unique_id",
                "expected_revision"
            ),
            Self::DeleteRefund | Self::EraseText => {
                with_scope!(
                    "refund_id",
                    "external_refund_unique_id",
                    "expected_revision"
                )
            }
        }
    }
}

fn parse_op(object: &Object<'_>) -> Result<Op, LedgerError> {
    let mut faults = Faults::default();
    let op = object
        .required("op", &mut faults)
        .and_then(|value| object.text("op", value, &mut faults));
    let found = op.and_then(|op| {
        let found = Op::ALL.into_iter().find(|(name, _)| *name == op);
        if found.is_none() {
            let names: Vec<String> = Op::ALL
                .iter()
                .map(|(name, _)| format!("`{name}`"))
                .collect();
            faults.add(
                "op",
                "out_of_range",
                format!("must be one of {}", names.join(", ")),
            );
        }
        found
    });
    faults.into_result()?;
    found
        .map(|(_, op)| op)
        .ok_or_else(|| LedgerError::internal("an operation without a fault is not known"))
}

pub(super) fn movement_key(object: &Object<'_>, faults: &mut Faults) -> Option<MovementKey> {
    const NAMES: [&str; 3] = ["org_id", "subscription_id", "movement_id"];
    let texts = NAMES.map(|name| {
        object
            .required(name, faults)
            .and_then(|value| object.text(name, value, faults))
    });
    if let [Some(org), Some(subscription), Some(movement)] = &texts {
        return faults.keep(MovementKey::new(org, subscription, movement));
    }
    for (name, text) in NAMES.into_iter().zip(texts) {
        if let Some(text) = text {
            faults.keep_at(name, Id::new(&text));
        }
    }
    None
}

fn parse_operation(
    op: Op,
    object: &Object<'_>,
    digits: Digits,
    faults: &mut Faults,
) -> Result<Option<Operation>, LedgerError> {
    Ok(match op {
        Op::RecordMovement => {
            body(object, digits, faults, request::movement)?.map(Operation::RecordMovement)
        }
        Op::VoidMovement => Some(Operation::VoidMovement),
        Op::CreateRefund => {
            body(object, digits, faults, request::create)?.map(|content| Operation::CreateRefund {
                content,
                idempotency_key: None,
            })
        }
        Op::CreateNonSubscribableRefund => {
            let idempotency_key = object.id("idempotency_key", faults);
            let content = body(object, digits, faults, request::create_non_subscribable)?;
            if let Some(content) = &content
                && content.external_refund_unique_id.is_none()
                && object.get("idempotency_key").is_none()
            {
                faults.add(
                    "external_refund_unique_id",
                    "required",
                    "is required, or `idempotency_key` beside `op`: a file may be imported again",
                );
            }
            content.map(|content| Operation::CreateRefund {
                content,
                idempotency_key,
            })
        }
        Op::UpdateRefund => {
            let refund = lookup(object, faults);
            let expected_revision = expected_revision(object, faults);
            let content = body(object, digits, faults, request::update)?;
            refund
                .zip(content)
                .map(|(refund, content)| Operation::UpdateRefund {
                    refund,
                    expected_revision,
                    content,
                })
        }
        Op::DeleteRefund => {
            let refund = lookup(object, faults);
            let expected_revision = expected_revision(object, faults);
            refund.map(|refund| Operation::DeleteRefund {
                refund,
                expected_revision,
            })
        }
        Op::EraseText => {
            // `null` is a name that got lost: it must not erase the movement's text.
            let names_refund =
                object.names("refund_id") || object.names("external_refund_unique_id");
            let refund = names_refund.then(|| lookup(object, faults)).flatten();
            let expected_revision = expected_revision(object, faults);
            if expected_revision.is_some() && !names_refund {
                faults.add(
                    "expected_revision",
                    "not_allowed",
                    "is a refund's; name the refund, or leave it out to erase the movement's text",
                );
            }
            Some(Operation::EraseText {
                refund,
                expected_revision,
            })
        }
    })
}

/// Reads the body; what is invalid in it is told together with what is invalid around it.
fn body<T>(
    object: &Object<'_>,
    digits: Digits,
    faults: &mut Faults,
    parse: fn(Value<'_>, Digits) -> Result<T, LedgerError>,
) -> Result<Option<T>, LedgerError> {
    let Some(value) = object.required("body", faults) else {
        return Ok(None);
    };
    let length = value.text().len();
    if length > BODY_BYTES_MAX {
        return Err(LedgerError::malformed(format!(
            "the body has {length} bytes; at most {BODY_BYTES_MAX} are allowed"
        )));
    }
    match parse(value, digits) {
        Err(error) if error.code() != ErrorCode::InvalidRequest => Err(error),
        result => Ok(faults.keep(result)),
    }
}

/// The refund that a line names: by the ledger's id, or by external id. What can't be a refund's id
/// names a refund that does not exist, as any other unknown id does.
pub(super) fn lookup(object: &Object<'_>, faults: &mut Faults) -> Option<RefundLookup> {
    if let Some(value) = object.get("refund_id") {
        if object.get("external_refund_unique_id").is_some() {
            faults.add(
                "external_refund_unique_id",
                "not_allowed",
                "names the refund once more beside `refund_id`; give one of the two",
            );
            return None;
        }
        let text = object.text("refund_id", value, faults)?;
        return Some(text.parse().map_or(RefundLookup::Nothing, RefundLookup::Id));
    }
    if object.get("external_refund_unique_id").is_some() {
        return object
            .id("external_refund_unique_id", faults)
            .map(RefundLookup::ExternalId);
    }
    faults.add(
        "refund_id",
        "required",
        "is required, or `external_refund_unique_id` in its place",
    );
    None
}

fn expected_revision(object: &Object<'_>, faults: &mut Faults) -> Option<u32> {
    object.whole(
        "expected_revision",
        object.get("expected_revision")?,
        faults,
    )
}

fn parse_preserved(value: Value<'_>) -> Result<Preserved, LedgerError> {
    const FIELDS: [&str; 11] = [
        "sequence",
        "recorded_at",
        "actor",
        "refund_id",
        "revision",
        "holds_idempotency_key",
        "text_hash",
        "text_sequence",
        "salt",
        "erased",
        "hash",
    ];
    let mut faults = Faults::default();
    let Some(object) = Object::read(value, "preserved", &FIELDS)? else {
        return Err(LedgerError::invalid_field(
            "preserved",
            "wrong_type",
            "must be an object",
        ));
    };
    let mut hash = |name| {
        object
            .required(name, &mut faults)
            .and_then(|value| object.parsed(name, value, &mut faults, str::parse::<Hash>))
    };
    let (text_hash, hash) = (hash("text_hash"), hash("hash"));
    let sequence = object.u64("sequence", &mut faults);
    let text_sequence = object.u64("text_sequence", &mut faults);
    let recorded_at = object.required_timestamp("recorded_at", &mut faults);
    let actor = object.required_id("actor", &mut faults);
    let refund = object.get("refund_id").and_then(|value| {
        let id = object.parsed("refund_id", value, &mut faults, |text| {
            text.parse::<RefundId>().map_err(|_| {
                LedgerError::invalid_field(
                    "refund_id",
                    "invalid_format",
                    "must be a UUID in lower case with hyphens",
                )
            })
        });
        let revision = object
            .required("revision", &mut faults)
            .and_then(|value| object.whole("revision", value, &mut faults));
        id.zip(revision)
    });
    let salt = object
        .get("salt")
        .and_then(|value| object.parsed("salt", value, &mut faults, str::parse::<Salt>));
    let mut is_set =
        |name| object.get(name).is_some() && object.required_bool(name, &mut faults) == Some(true);
    let (holds_idempotency_key, erased) = (is_set("holds_idempotency_key"), is_set("erased"));
    faults.into_result()?;
    match (sequence, recorded_at, actor, text_hash, text_sequence, hash) {
        (
            Some(sequence),
            Some(recorded_at),
            Some(actor),
            Some(text_hash),
            Some(text_sequence),
            Some(hash),
        ) => Ok(Preserved {
            sequence,
            recorded_at,
            actor,
            refund,
            holds_idempotency_key,
            text_hash,
            text_sequence,
            salt,
            erased,
            hash,
        }),
        _ => Err(LedgerError::internal(
            "a preserved entry without a fault lacks a field",
        )),
    }
}

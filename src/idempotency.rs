//! Whether a request repeats what was booked before, by comparing fields by value.

use crate::error::{Detail, ErrorCode, Holder, LedgerError};
use crate::id::MovementKey;
use crate::movement::{Movement, MovementRequest};
use crate::refund::{ExternalId, Refund, RefundContent, RefundDetails, RefundKind};
use crate::text::{Description, Text};

/// Whether an erased description counts as different from any text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErasedText {
    /// It can't be compared, so it is left out.
    Ignored,
    /// It differs.
    Differs,
}

/// The fields in which a movement to record differs from the one that is there.
pub(crate) fn movement_differences(
    kept: &Movement,
    request: &MovementRequest,
) -> Vec<&'static str> {
    let mut fields = Vec::new();
    if kept.amount.currency() != request.currency {
        fields.push("currency");
    }
    if kept.occurred_at != request.occurred_at {
        fields.push("occurred_at");
    }
    fields.extend(request.amount.differences_from(&kept.amount));
    if !same_text(&kept.description, &request.description, ErasedText::Ignored) {
        fields.push("description");
    }
    fields
}

/// The fields in which a request differs, by value, from a refund's content. What a request may
/// leave out of its amount does not differ, and the external id is not looked at.
pub(crate) fn content_differences(
    kept: &RefundDetails,
    request: &RefundContent,
    erased: ErasedText,
) -> Vec<&'static str> {
    let billable = match request.kind {
        RefundKind::Standard => "billable",
        RefundKind::NonSubscribable { .. } => "amount.billable",
    };
    let mut fields: Vec<&'static str> = [
        ("kind", kept.kind.name() != request.kind.name()),
        (
            "refund_datetime",
            kept.refund_datetime != request.refund_datetime,
        ),
        (
            "period_start_datetime",
            kept.period.start() != request.period.start(),
        ),
        (
            "period_end_datetime",
            kept.period.end() != request.period.end(),
        ),
        (
            "external_invoice_id",
            kept.external_invoice_id != request.external_invoice_id,
        ),
        (
            "transaction_type_id",
            kept.kind.transaction_type_id() != request.kind.transaction_type_id(),
        ),
        (billable, kept.billable != request.billable),
        (
            "description",
            !same_text(&kept.description, &request.description, erased),
        ),
    ]
    .into_iter()
    .filter_map(|(field, differs)| differs.then_some(field))
    .collect();
    fields.extend(request.amount.differences_from(&kept.amount));
    fields
}

fn same_text(kept: &Description, given: &Text, erased: ErasedText) -> bool {
    match kept.text() {
        Some(text) => text == given.as_str(),
        None => erased == ErasedText::Ignored,
    }
}

/// The fields in which a create differs from the first revision of the refund that holds its
/// external id: scope, kind and every field.
pub(crate) fn create_differences(
    first: &Refund,
    movement: &MovementKey,
    request: &RefundContent,
    external_id: &ExternalId,
) -> Vec<&'static str> {
    let mut fields = Vec::new();
    if first.movement.subscription_id() != movement.subscription_id() {
        fields.push("subscription_id");
    }
    if first.movement.movement_id() != movement.movement_id() {
        fields.push("movement_id");
    }
    // The same key, but once as external id and once beside the request.
    if first.details.external_id.as_ref() != Some(external_id) {
        fields.push("external_refund_unique_id");
    }
    fields.extend(content_differences(
        &first.details,
        request,
        ErasedText::Ignored,
    ));
    fields
}

/// The refusal that names the fields that differ, and the holder.
pub(crate) fn conflict(what: &str, fields: &[&'static str], holder: Holder) -> LedgerError {
    let names: Vec<_> = fields.iter().map(|field| format!("`{field}`")).collect();
    LedgerError::new(
        ErrorCode::IdempotencyConflict,
        format!(
            "{what} belongs to other content; it differs in {}",
            names.join(", ")
        ),
    )
    .with_details(
        fields
            .iter()
            .map(|field| Detail {
                field: (*field).into(),
                code: "differs",
                message: "differs from what was booked first".into(),
            })
            .collect(),
    )
    .with_holder(holder)
}

//! The lines of an export.

use serde::Serialize;

use super::response::{AmountBody, ContentBody, Scope};
use crate::currency::Currency;
use crate::error::LedgerError;
use crate::hash::Hash;
use crate::id::{Id, RefundId};
use crate::journal::{
    Entry, EntryContent, EntryKind, JournalRecord, RefundContentEntry, entry_hash,
};
use crate::refund::{ExternalId, RefundKind};
use crate::text::Salt;
use crate::time::Timestamp;

#[derive(Serialize)]
struct ExportLine<'a> {
    op: &'static str,
    #[serde(flatten)]
    scope: Scope<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_refund_unique_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_revision: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<BodyToExport<'a>>,
    preserved: PreservedBody<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum BodyToExport<'a> {
    Movement {
        currency: Currency,
        occurred_at: Timestamp,
        amount: AmountBody<'a>,
        description: &'a str,
    },
    Refund(ContentBody<'a>),
}

#[derive(Serialize)]
struct PreservedBody<'a> {
    sequence: u64,
    recorded_at: Timestamp,
    actor: &'a Id,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_id: Option<RefundId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    holds_idempotency_key: Option<bool>,
    text_hash: Hash,
    text_sequence: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    salt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    erased: Option<bool>,
    hash: Hash,
}

/// Writes an entry, with the text that its description points to, as a line of an export.
pub(crate) fn export_line(entry: &Entry, record: &JournalRecord) -> Result<String, LedgerError> {
    let refund = match &entry.content {
        EntryContent::Movement(_) => None,
        EntryContent::Refund(content) => Some(content),
    };
    // A refund without any key is named by its id, in the place of a key.
    let own_name = refund.map(|content| content.id.to_string());
    let name = refund.and_then(|content| match &content.details.external_id {
        Some(external_id) => Some(external_id.id().as_str()),
        None => own_name.as_deref(),
    });
    let given = refund
        .is_some_and(|content| matches!(content.details.external_id, Some(ExternalId::Given(_))));
    // A plain import needs a text for one that was erased; different ones must stay different.
    let erased = format!("[erased: {}]", entry.content.description().digest);
    let creates = entry.kind == EntryKind::RefundCreated;
    let line = ExportLine {
        op: op(entry.kind, refund),
        scope: Scope::from(&entry.movement),
        external_refund_unique_id: name.filter(|_| !creates),
        idempotency_key: name.filter(|_| creates && !given),
        expected_revision: refund.and_then(|content| match entry.kind {
            EntryKind::RefundUpdated | EntryKind::RefundDeleted => content.revision.checked_sub(1),
            EntryKind::TextErased => Some(content.revision),
            _ => None,
        }),
        body: body(entry, &erased),
        preserved: preserved(entry, record, refund),
    };
    serde_json::to_string(&line)
        .map_err(|_| LedgerError::internal("an entry can't be written as JSON"))
}

fn op(kind: EntryKind, refund: Option<&RefundContentEntry>) -> &'static str {
    match kind {
        EntryKind::MovementRecorded => "record_movement",
        EntryKind::MovementVoided => "void_movement",
        EntryKind::RefundCreated => match refund.map(|content| &content.details.kind) {
            Some(RefundKind::NonSubscribable { .. }) => "create_non_subscribable_refund",
            Some(RefundKind::Standard) | None => "create_refund",
        },
        EntryKind::RefundUpdated => "update_refund",
        EntryKind::RefundDeleted => "delete_refund",
        EntryKind::TextErased => "erase_text",
    }
}

fn body<'a>(entry: &'a Entry, erased: &'a str) -> Option<BodyToExport<'a>> {
    match (&entry.content, entry.kind) {
        (EntryContent::Movement(movement), EntryKind::MovementRecorded) => {
            Some(BodyToExport::Movement {
                currency: movement.amount.currency(),
                occurred_at: movement.occurred_at,
                amount: AmountBody::new(&movement.amount, None),
                description: movement.description.text().unwrap_or(erased),
            })
        }
        (EntryContent::Refund(content), EntryKind::RefundCreated | EntryKind::RefundUpdated) => {
            let mut body = ContentBody::from(&content.details);
            body.description = body.description.or(Some(erased));
            Some(BodyToExport::Refund(body))
        }
        _ => None,
    }
}

fn preserved<'a>(
    entry: &'a Entry,
    record: &JournalRecord,
    refund: Option<&RefundContentEntry>,
) -> PreservedBody<'a> {
    let description = entry.content.description();
    let brought = description.sequence == entry.sequence;
    let salt: Option<Salt> = record.entry.text.as_ref().map(|text| text.salt);
    let key = refund.is_some_and(|content| {
        matches!(
            content.details.external_id,
            Some(ExternalId::IdempotencyKey(_))
        )
    });
    PreservedBody {
        sequence: entry.sequence,
        recorded_at: entry.recorded_at,
        actor: &entry.actor,
        refund_id: refund.map(|content| content.id),
        revision: refund.map(|content| content.revision),
        holds_idempotency_key: key.then_some(true),
        text_hash: description.digest,
        text_sequence: description.sequence,
        salt: salt.map(|salt| salt.to_string()),
        erased: (brought && salt.is_none()).then_some(true),
        hash: entry_hash(&record.entry.bytes),
    }
}

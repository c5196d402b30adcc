//! What the table must have seen of each operation.

use std::collections::BTreeSet;

use refund_ledger::ErrorCode;
use refund_rest::Operation;

/// Codes that every operation can answer with.
const EVERYWHERE: &[&str] = &[
    "unauthorized",
    "forbidden",
    "malformed_request",
    "invalid_request",
    "timeout",
    "store_unavailable",
    "internal",
    "store_corrupted",
];

const CREATE: &[&str] = &[
    "movement_not_found",
    "refund_deleted",
    "idempotency_conflict",
    "currency_mismatch",
    "tax_mismatch",
    "refund_before_movement",
    "refund_in_future",
    "refund_window_expired",
    "refund_count_exceeded",
    "over_refund",
];

/// The statuses of success of an operation, and its own codes.
const fn own(operation: Operation) -> (&'static [u16], &'static [&'static str]) {
    const REFUND: &[&str] = &["movement_not_found", "refund_not_found"];
    const MOVEMENT: &[&str] = &["movement_not_found"];
    match operation {
        Operation::CreateRefund | Operation::CreateNonSubscribableRefund => (&[201], CREATE),
        Operation::GetRefund | Operation::GetRefundHistory => (&[200], REFUND),
        Operation::UpdateRefund => (
            &[204],
            &[
                "movement_not_found",
                "refund_not_found",
                "kind_mismatch",
                "immutable_field",
                "stale_revision",
                "currency_mismatch",
                "tax_mismatch",
                "refund_before_movement",
                "refund_in_future",
                "refund_window_expired",
                "over_refund",
            ],
        ),
        Operation::DeleteRefund => (
            &[204],
            &["movement_not_found", "refund_not_found", "stale_revision"],
        ),
        Operation::RecordMovement => (
            &[201, 204],
            &["idempotency_conflict", "currency_mismatch", "tax_mismatch"],
        ),
        Operation::GetMovement | Operation::ListMovementRefunds => (&[200], MOVEMENT),
        Operation::VoidMovement => (&[204], &["movement_not_found", "over_refund"]),
        Operation::ListRefunds | Operation::GetJournal => (&[200], &[]),
    }
}

/// One way in which an operation was answered: the status, and the code of a refusal. Without an
/// operation: what is not one.
pub(crate) type Answered = (Option<Operation>, u16, Option<String>);

/// Every way in which operations must have been answered.
pub(crate) fn wanted() -> BTreeSet<Answered> {
    let mut wanted = BTreeSet::from([
        (None, 404, Some("path_not_found".to_owned())),
        (None, 405, Some("method_not_allowed".to_owned())),
    ]);
    for operation in Operation::ALL {
        let (statuses, codes) = own(operation);
        wanted.extend(
            statuses
                .iter()
                .map(|status| (Some(operation), *status, None)),
        );
        for code in EVERYWHERE.iter().chain(codes) {
            let status = ErrorCode::ALL
                .into_iter()
                .find(|known| known.as_str() == *code)
                .unwrap_or_else(|| panic!("`{code}` should be a code"))
                .http_status();
            wanted.insert((Some(operation), status, Some((*code).to_owned())));
        }
    }
    wanted
}

/// What is missing, and what should not be there, in words.
pub(crate) fn complaints(seen: &BTreeSet<Answered>) -> Vec<String> {
    let wanted = wanted();
    let told = |(operation, status, code): &Answered| {
        let operation = operation.map_or("what is no operation", Operation::id);
        let code = code.as_ref().map(|code| format!(" `{code}`"));
        format!("{operation}: {status}{}", code.unwrap_or_default())
    };
    let missing = wanted
        .difference(seen)
        .map(|answered| format!("never seen: {}", told(answered)));
    let foreign = seen
        .difference(&wanted)
        .map(|answered| format!("not of the contract: {}", told(answered)));
    missing.chain(foreign).collect()
}

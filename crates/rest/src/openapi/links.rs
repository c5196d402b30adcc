//! Where the answer to one operation leads to another: what was created can be read, changed and
//! taken back. People see it, and tools that try an API follow it.

use utoipa::openapi::link::{Link, LinkBuilder};

use super::parameters;
use crate::operation::Operation;

/// The links of the answer 201 of an operation, each with its name. None leads to a refund's history,
/// which outlives the refund: a tool that follows links would take that for a refund that is still
/// there.
pub(super) fn of_created(operation: Operation) -> Vec<(&'static str, Link)> {
    let (targets, created): (&[Operation], _) = match operation {
        Operation::CreateRefund | Operation::CreateNonSubscribableRefund => (
            &[
                Operation::GetRefund,
                Operation::UpdateRefund,
                Operation::DeleteRefund,
            ],
            "refundId",
        ),
        Operation::RecordMovement => (
            &[
                Operation::GetMovement,
                Operation::VoidMovement,
                Operation::CreateRefund,
                Operation::CreateNonSubscribableRefund,
                Operation::ListMovementRefunds,
            ],
            "movementId",
        ),
        _ => return Vec::new(),
    };
    targets
        .iter()
        .map(|target| (target.id(), link(*target, created)))
        .collect()
}

/// To an operation on what has just got its id, in the same place.
fn link(target: Operation, created: &str) -> Link {
    parameters::path_ids(target)
        .fold(
            LinkBuilder::new().operation_id(target.id()),
            |link, name| {
                let value = if name == created {
                    "$response.body#/id".into()
                } else {
                    format!("$request.path.{name}")
                };
                link.parameter(name, value)
            },
        )
        .build()
}

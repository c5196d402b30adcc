//! Requests as data: what import files, the REST contract and every other front produce.

use crate::access::Action;
use crate::id::{Id, MovementKey};
use crate::movement::MovementRequest;
use crate::refund::RefundContent;
use crate::store::{ReadSet, RefundLookup};

/// A request to change the ledger, with its full scope. [`crate::Ledger::execute`] carries it out;
/// [`crate::wire::parse_line`] reads one from JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The movement that it is about.
    pub movement: MovementKey,
    /// What to do.
    pub operation: Operation,
}

/// What a command does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Records the movement.
    RecordMovement(MovementRequest),
    /// Takes the movement back, if it has no live refunds.
    VoidMovement,
    /// Books a refund, of the kind that its content says.
    CreateRefund {
        /// What to book.
        content: RefundContent,
        /// Takes the place of the external id, where non-subscribable content has none.
        idempotency_key: Option<Id>,
    },
    /// Replaces the content of a refund.
    UpdateRefund {
        /// Which refund.
        refund: RefundLookup,
        /// The revision that the refund must be at; `None` for any.
        expected_revision: Option<u32>,
        /// Its new content.
        content: RefundContent,
    },
    /// Deletes a refund.
    DeleteRefund {
        /// Which refund.
        refund: RefundLookup,
        /// The revision that the refund must be at.
        expected_revision: Option<u32>,
    },
    /// Erases the descriptions of a refund, in all its revisions, or those of the movement itself.
    EraseText {
        /// Which refund; `None` for the movement's own description.
        refund: Option<RefundLookup>,
        /// The revision that the refund must be at.
        expected_revision: Option<u32>,
    },
}

/// How a command that was carried out before is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeats {
    /// As a single request: a create is replayed while its refund lives; deleting what is deleted
    /// finds nothing.
    #[default]
    AsRequests,
    /// As a line of a file that may be imported again: whatever the line asked for and that was
    /// done before, even if undone later, is a replay.
    AsFile,
}

impl Command {
    /// What the caller must be allowed to do.
    pub fn action(&self) -> Action {
        match &self.operation {
            Operation::RecordMovement(_) => Action::RecordMovement,
            Operation::VoidMovement => Action::VoidMovement,
            Operation::CreateRefund { .. } => Action::CreateRefund,
            Operation::UpdateRefund { .. } => Action::UpdateRefund,
            Operation::DeleteRefund { .. } => Action::DeleteRefund,
            Operation::EraseText { .. } => Action::EraseText,
        }
    }

    /// Adds what this command's [decision](crate::decide) reads to a read set. It depends on the
    /// command alone, never on what is found.
    pub fn read_set(&self, repeats: Repeats, wanted: &mut ReadSet) {
        wanted.want_movement(self.movement.clone());
        let mut want = |lookup: RefundLookup, revision| {
            wanted.want_refund(self.movement.org(), lookup, revision);
        };
        match &self.operation {
            Operation::RecordMovement(_)
            | Operation::VoidMovement
            | Operation::EraseText { refund: None, .. } => {}
            Operation::CreateRefund {
                content,
                idempotency_key,
            } => {
                let external_id = content.external_refund_unique_id.as_ref();
                if let Some(id) = external_id.or(idempotency_key.as_ref()) {
                    want(RefundLookup::ExternalId(id.clone()), Some(1));
                }
            }
            Operation::UpdateRefund {
                refund,
                expected_revision,
                ..
            } => {
                let next = expected_revision
                    .filter(|_| repeats == Repeats::AsFile)
                    .and_then(|revision| revision.checked_add(1));
                want(refund.clone(), next);
            }
            Operation::DeleteRefund { refund, .. } => want(refund.clone(), None),
            Operation::EraseText {
                refund: Some(refund),
                expected_revision,
            } => want(
                refund.clone(),
                expected_revision.filter(|_| repeats == Repeats::AsFile),
            ),
        }
    }
}

//! Who may do what: a hook that the embedding program fills.

use crate::error::{ErrorCode, LedgerError};
use crate::id::{Id, MovementKey};

/// What a caller wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Record a movement.
    RecordMovement,
    /// Take a movement back.
    VoidMovement,
    /// Create a refund of either kind.
    CreateRefund,
    /// Replace a refund's content.
    UpdateRefund,
    /// Delete a refund.
    DeleteRefund,
    /// Erase a description.
    EraseText,
    /// Read a movement, its balance, its refunds or their history.
    Read,
    /// List refunds or sum them up.
    List,
    /// Read the journal, the head or an export, or verify.
    Audit,
}

impl Action {
    /// Whether the action changes the ledger.
    pub const fn is_write(self) -> bool {
        !matches!(self, Self::Read | Self::List | Self::Audit)
    }
}

/// What it would be done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource<'a> {
    /// The ledger with all its orgs.
    Ledger,
    /// One org.
    Org(&'a Id),
    /// One movement, or a refund of it.
    Movement(&'a MovementKey),
}

impl Resource<'_> {
    /// The org that it lies in; `None` for the whole ledger.
    pub fn org_id(&self) -> Option<&str> {
        match self {
            Self::Ledger => None,
            Self::Org(org) => Some(org.as_str()),
            Self::Movement(key) => Some(key.org_id()),
        }
    }
}

/// The answer of an [`Authorize`] hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The caller may.
    Allow,
    /// The caller is not known.
    Unauthenticated,
    /// The caller may not. The answer is the same whether the resource exists or not.
    Forbidden,
}

/// Decides who may do what. It is asked before anything is read; an error in it denies.
pub trait Authorize: Send + Sync {
    /// Whether `actor` may do `action` to `resource`.
    ///
    /// # Errors
    /// Whatever kept the hook from deciding; the caller is then refused with `forbidden`.
    fn authorize(
        &self,
        actor: &Id,
        action: Action,
        resource: Resource<'_>,
    ) -> Result<Access, String>;
}

/// Allows everything to everybody: the default for embedded use.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllowAll;

impl Authorize for AllowAll {
    fn authorize(&self, _: &Id, _: Action, _: Resource<'_>) -> Result<Access, String> {
        Ok(Access::Allow)
    }
}

/// Asks the hook, and turns everything but a clear yes into the error to answer with.
pub(crate) fn check(
    hook: &dyn Authorize,
    actor: &Id,
    action: Action,
    resource: Resource<'_>,
) -> Result<(), LedgerError> {
    match hook.authorize(actor, action, resource) {
        Ok(Access::Allow) => Ok(()),
        Ok(Access::Unauthenticated) => Err(LedgerError::new(
            ErrorCode::Unauthorized,
            "the caller is not known",
        )),
        Ok(Access::Forbidden) | Err(_) => Err(LedgerError::new(
            ErrorCode::Forbidden,
            "the caller may not do this here",
        )),
    }
}

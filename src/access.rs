//! Who may do what: a hook that the embedding program fills.

use crate::error::{ErrorCode, LedgerError};
use crate::id::{Id, MovementKey};

/// What a caller wants to do; an [`Authorize`] hook decides on it.
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
    /// List refunds or movements, or sum refunds up.
    List,
    /// Read the journal of the ledger or of an org, the head or an export of it, or verify.
    Audit,
    /// Rebuild entries from an export, with the actors and times that it names.
    Restore,
}

impl Action {
    /// Whether the action changes the ledger.
    pub const fn is_write(self) -> bool {
        !matches!(self, Self::Read | Self::List | Self::Audit)
    }
}

/// What an [`Action`] would be done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource<'a> {
    /// The ledger with all its orgs: the journal, verification, and lists that name no org.
    Ledger,
    /// One org: lists that name it, and its journal.
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
    /// The caller is not known: `unauthorized`, HTTP 401.
    Unauthenticated,
    /// The caller may not: `forbidden`, HTTP 403. The answer is the same whether the resource
    /// exists or not.
    Forbidden,
}

/// Decides who may do what. It is asked before anything is read; an error in it denies. Without a
/// hook everything is allowed ([`AllowAll`]).
///
/// This one lets an auditor read, and change nothing:
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
/// # fn main() -> Result<(), refund_ledger::LedgerError> {
/// use refund_ledger::{Access, Action, Authorize, ErrorCode, Id, Resource};
/// use std::sync::Arc;
///
/// struct ReadOnly(Id);
///
/// impl Authorize for ReadOnly {
///     fn authorize(&self, actor: &Id, action: Action, _: Resource<'_>) -> Result<Access, String> {
///         let refused = *actor == self.0 && action.is_write();
///         Ok(if refused { Access::Forbidden } else { Access::Allow })
///     }
/// }
///
/// let (ledger, movement) = ledger()?;
/// let auditor = Id::new("auditor")?;
/// let ledger = ledger.with_access(Arc::new(ReadOnly(auditor.clone()))).with_actor(auditor);
/// assert!(ledger.balance(&movement).is_ok());
/// let refused = ledger.create_refund(&movement, &request("r-1", "12.1")?).unwrap_err();
/// assert_eq!(refused.code(), ErrorCode::Forbidden);
/// # Ok(()) }
/// ```
pub trait Authorize: Send + Sync {
    /// Whether `actor` may do `action` to `resource`.
    ///
    /// # Errors
    /// Whatever kept the hook from deciding; the caller is then refused with `forbidden`, and is
    /// not told the text.
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

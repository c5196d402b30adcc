//! Who asks, and what they may do.

use std::str::FromStr;

use refund_ledger::{Access, Action, Authorize, Id, LedgerError, Resource};

/// A caller whom the shell has recognised, by a token or otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The name that the journal keeps with every change.
    pub subject: Id,
    /// What they may do.
    pub grants: Grants,
}

/// What a caller may do, and where. Whatever is not granted is forbidden.
///
/// ```
/// # fn main() -> Result<(), refund_ledger::LedgerError> {
/// use refund_ledger::{Access, Action, Authorize, Id, MovementKey, Resource};
/// use refund_rest::{Grants, OrgGrant, Permission};
/// let grants = Grants::new([OrgGrant::Org(Id::new("acme")?)], [Permission::Read]);
/// let may = |action, org: &str| {
///     let movement = MovementKey::new(org, "sub-7", "mov-42")?;
///     let actor = Id::new("support")?;
///     grants.authorize(&actor, action, Resource::Movement(&movement)).map_err(Into::into)
/// };
/// # let may = |action, org| -> Result<Access, Box<dyn std::error::Error>> { may(action, org) };
/// # let run = || -> Result<(), Box<dyn std::error::Error>> {
/// assert_eq!(may(Action::Read, "acme")?, Access::Allow);
/// assert_eq!(may(Action::CreateRefund, "acme")?, Access::Forbidden);
/// assert_eq!(may(Action::Read, "globex")?, Access::Forbidden);
/// # Ok(()) };
/// # run().unwrap();
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    orgs: Vec<OrgGrant>,
    permissions: Vec<Permission>,
}

impl Grants {
    /// These permissions in these orgs.
    pub fn new(
        orgs: impl IntoIterator<Item = OrgGrant>,
        permissions: impl IntoIterator<Item = Permission>,
    ) -> Self {
        Self {
            orgs: orgs.into_iter().collect(),
            permissions: permissions.into_iter().collect(),
        }
    }

    /// Everything in every org.
    pub fn all() -> Self {
        Self::new([OrgGrant::Every], [Permission::Read, Permission::Write])
    }
}

impl Authorize for Grants {
    fn authorize(&self, _: &Id, action: Action, resource: Resource<'_>) -> Result<Access, String> {
        let org = resource.org_id();
        let in_org = self.orgs.iter().any(|grant| match grant {
            OrgGrant::Every => true,
            OrgGrant::Org(granted) => org == Some(granted.as_str()),
        });
        let permitted = self
            .permissions
            .iter()
            .any(|permission| permission.covers(action));
        Ok(if in_org && permitted {
            Access::Allow
        } else {
            Access::Forbidden
        })
    }
}

/// Where a caller may act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrgGrant {
    /// In every org, written `*`. An org of that name can't be granted by itself.
    Every,
    /// In one org.
    Org(Id),
}

impl FromStr for OrgGrant {
    type Err = LedgerError;

    /// Reads `*` or an org's id.
    ///
    /// # Errors
    /// `invalid_request` for what can't be an id.
    fn from_str(text: &str) -> Result<Self, LedgerError> {
        match text {
            "*" => Ok(Self::Every),
            org => org.parse().map(Self::Org),
        }
    }
}

/// What a caller may do: `read`, `write`, or one kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// `read`: movements, refunds, histories, lists and the org's journal.
    Read,
    /// `write`: every change below.
    Write,
    /// `record_movement`
    RecordMovement,
    /// `void_movement`
    VoidMovement,
    /// `create_refund`, of either kind
    CreateRefund,
    /// `update_refund`
    UpdateRefund,
    /// `delete_refund`
    DeleteRefund,
}

impl Permission {
    /// Every permission with its name.
    pub const ALL: [(&'static str, Self); 7] = [
        ("read", Self::Read),
        ("write", Self::Write),
        ("record_movement", Self::RecordMovement),
        ("void_movement", Self::VoidMovement),
        ("create_refund", Self::CreateRefund),
        ("update_refund", Self::UpdateRefund),
        ("delete_refund", Self::DeleteRefund),
    ];

    /// The permission of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|(known, _)| *known == name)
            .map(|(_, permission)| permission)
    }

    fn covers(self, action: Action) -> bool {
        match action {
            Action::Read | Action::List | Action::Audit => self == Self::Read,
            Action::RecordMovement => matches!(self, Self::Write | Self::RecordMovement),
            Action::VoidMovement => matches!(self, Self::Write | Self::VoidMovement),
            Action::CreateRefund => matches!(self, Self::Write | Self::CreateRefund),
            Action::UpdateRefund => matches!(self, Self::Write | Self::UpdateRefund),
            Action::DeleteRefund => matches!(self, Self::Write | Self::DeleteRefund),
            // Erasing and restoring are for who runs the ledger; the contract has no operation for them.
            _ => false,
        }
    }
}

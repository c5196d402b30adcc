//! The cases, a file per group.

pub(super) mod commit;
pub(super) mod erasure;
pub(super) mod golden;
pub(super) mod hostile;
pub(super) mod journal;
pub(super) mod ledger;
pub(super) mod limits;
pub(super) mod list;
pub(super) mod load;
pub(super) mod scan;
pub(super) mod transact;

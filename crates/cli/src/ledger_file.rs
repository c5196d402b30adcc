//! Opening the ledger that `--ledger` names.

use std::path::Path;

use refund_ledger::Ledger;

use crate::args::Common;
use crate::failure::Failure;

/// The path of the ledger.
pub(crate) fn path(common: &Common) -> Result<&Path, Failure> {
    common.ledger.as_deref().ok_or_else(|| {
        Failure::Usage("no ledger was named; give `--ledger PATH` or set `REFUNDS_LEDGER`".into())
    })
}

/// The ledger, made if there is none.
pub(crate) fn open_or_create(common: &Common) -> Result<Ledger, Failure> {
    let path = path(common)?;
    Ok(Ledger::open(path)?.with_actor(common.actor.clone()))
}

/// The ledger, which must be there.
pub(crate) fn open(common: &Common) -> Result<Ledger, Failure> {
    let path = existing(common)?;
    Ok(Ledger::open(path)?.with_actor(common.actor.clone()))
}

/// The path of a ledger that must be there.
pub(crate) fn existing(common: &Common) -> Result<&Path, Failure> {
    let path = path(common)?;
    if exists(path)? {
        return Ok(path);
    }
    Err(Failure::Usage(format!(
        "there is no ledger at `{}`; check the path, or begin one with `refunds record-movement` or `refunds import`",
        path.display()
    )))
}

/// Whether something is at the path.
pub(crate) fn exists(path: &Path) -> Result<bool, Failure> {
    path.try_exists()
        .map_err(|error| Failure::file("looked at", path, error))
}

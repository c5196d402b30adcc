//! Opening the ledger that `--ledger` names.

use std::path::{Path, PathBuf};

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
        let metadata = path
            .metadata()
            .map_err(|error| Failure::file("looked at", path, error))?;
        if metadata.is_file() && metadata.len() == 0 {
            return Err(Failure::Usage(format!(
                "`{}` is empty, so it is no ledger; if it was one, restore a backup",
                path.display()
            )));
        }
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

/// Refuses to write over the ledger, what SQLite keeps beside it, or other files that are in use.
pub(crate) fn spare(common: &Common, target: &Path, in_use: &[PathBuf]) -> Result<(), Failure> {
    let target = whole(target);
    let ledger = whole(path(common)?);
    let beside = ["", "-wal", "-shm", "-journal"].map(|suffix| {
        let mut name = ledger.clone().into_os_string();
        name.push(suffix);
        PathBuf::from(name)
    });
    if beside.contains(&target) {
        return Err(Failure::Usage(format!(
            "`{}` belongs to the ledger; name another file to write to",
            target.display()
        )));
    }
    if in_use.iter().any(|path| whole(path) == target) {
        return Err(Failure::Usage(format!(
            "`{}` is being read; name another file to write to",
            target.display()
        )));
    }
    Ok(())
}

/// The path without links and dots, also of a file that is not there yet.
pub(crate) fn whole(path: &Path) -> PathBuf {
    if let Ok(whole) = path.canonicalize() {
        return whole;
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

//! A disk that fails: each write, sync, open, truncation and deletion of each kind of call, from opening the
//! ledger to closing it, and of a backup, in turn, once, as a device that fails and as one that is full.
//!
//! Whatever fails, nothing panics, the ledger stays valid, an acknowledged call is on the disk even if
//! the power goes then, and the same call again books once. A sync that failed has lost what it was for,
//! as file systems do that forget what they could not write.

use std::cell::{Cell, RefCell};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use refund_ledger::Ledger;
use refund_ledger::store::sqlite::SqliteStore;
use watched_vfs::{Change, Failure, Onlooker, Verdict};

use crate::disk::Disk;
use crate::harness::{Finding, Report, Task, caught, in_parallel};
use crate::workload::{self, BATCH, Call, Hurried, State};

/// What the disk does, and where it fails.
struct Failing {
    disk: RefCell<Disk>,
    changes: Cell<usize>,
    /// Which change fails, and how.
    fails: Option<(usize, Failure)>,
    /// Whether SQLite is not told of syncs that fail.
    planted: bool,
}

impl Failing {
    fn new(
        folder: &Path,
        fails: Option<(usize, Failure)>,
        planted: bool,
    ) -> Result<Rc<Self>, Finding> {
        Ok(Rc::new(Self {
            disk: RefCell::new(Disk::of(folder)?),
            changes: Cell::new(0),
            fails,
            planted,
        }))
    }
}

impl Onlooker for Failing {
    fn judge(&self, path: &Path, change: Change<'_>) -> Verdict {
        let file = workload::name(path);
        let number = self.changes.replace(self.changes.get() + 1);
        let mut disk = self.disk.borrow_mut();
        if let Some((at, failure)) = self.fails
            && at == number
        {
            return match change {
                Change::Sync { .. } => {
                    disk.lose(&file);
                    if self.planted {
                        Verdict::Pretended
                    } else {
                        Verdict::Fails(failure)
                    }
                }
                _ => Verdict::Fails(failure),
            };
        }
        disk.note(&file, change);
        workload::without_syncs(change)
    }
}

/// Opens the ledger, makes a call, and closes it.
fn make(path: &Path, call: &Call, number: usize) -> Result<(), Finding> {
    let ledger = open(path, number)?;
    for result in ledger.execute_all(call, BATCH)? {
        result?;
    }
    Ok(())
}

fn open(path: &Path, number: usize) -> Result<Ledger, Finding> {
    Ok(workload::ledger(Arc::new(SqliteStore::open(path)?), number))
}

fn state_at(path: &Path) -> Result<State, Finding> {
    Ok(workload::state(&open(path, 0)?)?)
}

/// What the ledger was when the call was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// There was none.
    Nothing,
    /// With a log that was not copied.
    Logged,
    /// Closed properly.
    Closed,
}

/// A call, and what there was before.
struct Case {
    name: &'static str,
    before: Before,
    call: Call,
    /// The ledger's folder before it.
    folder: tempfile::TempDir,
    entries: usize,
}

pub(crate) fn run(_: &Task) -> Result<Report, Finding> {
    let cases = cases()?;
    let mut tried = 0;
    let mut planted = None;
    for case in &cases {
        let changes = case.changes()?;
        let done = in_parallel(changes, |at| {
            for failure in [Failure::Device, Failure::Full] {
                case.fail(at, failure, false)?;
            }
            Ok(2)
        })?;
        tried += done.into_iter().sum::<usize>();
        if planted.is_none() {
            planted = caught((0..changes).map(|at| case.fail(at, Failure::Device, true)))?;
        }
    }
    let of_backups = fail_backups()?;
    Ok(Report {
        did: format!(
            "{tried} failures, every one of {} calls; {of_backups} of a backup",
            cases.len()
        ),
        planted: vec![("ignored sync error", planted)],
    })
}

fn cases() -> Result<Vec<Case>, Finding> {
    let mut cases = Vec::new();
    for (name, call) in workload::kinds() {
        for before in [Before::Nothing, Before::Logged, Before::Closed] {
            if before == Before::Nothing && name != "record a movement" {
                continue;
            }
            let folder = tempfile::tempdir()?;
            let entries = prepare(folder.path(), before)?;
            cases.push(Case {
                name,
                before,
                call: call.clone(),
                folder,
                entries,
            });
        }
    }
    Ok(cases)
}

/// Makes the ledger, and gives how many entries it has.
fn prepare(folder: &Path, before: Before) -> Result<usize, Finding> {
    if before == Before::Nothing {
        return Ok(0);
    }
    let place = tempfile::tempdir()?;
    let path = place.path().join(LEDGER);
    let ledger = open(&path, 0)?;
    let mut entries = 0;
    for call in workload::before() {
        entries += call.len();
        for result in ledger.execute_all(&call, BATCH)? {
            result?;
        }
    }
    if before == Before::Closed {
        drop(ledger);
        copy(place.path(), folder)?;
    } else {
        copy(place.path(), folder)?;
        drop(ledger);
    }
    Ok(entries)
}

/// Has every change of a backup fail. Gives how many failed.
fn fail_backups() -> Result<usize, Finding> {
    let folder = tempfile::tempdir()?;
    let entries = prepare(folder.path(), Before::Logged)?;
    let changes = back_up(folder.path(), entries, None)?;
    let failures = [Failure::Device, Failure::Full];
    for failure in failures {
        in_parallel(changes, |at| {
            back_up(folder.path(), entries, Some((at, failure))).map_err(|finding| {
                finding.within(&format!("backup, change {at} fails ({failure:?})"))
            })
        })?;
    }
    Ok(changes * failures.len())
}

/// Backs a ledger up while the disk fails. There is a whole copy afterwards, or none and nothing in its
/// place. Gives how many changes of files there were.
fn back_up(
    ledger: &Path,
    entries: usize,
    fails: Option<(usize, Failure)>,
) -> Result<usize, Finding> {
    let place = tempfile::tempdir()?;
    copy(ledger, place.path())?;
    let store = watched_vfs::under(Rc::new(Hurried), || {
        SqliteStore::open(&place.path().join(LEDGER))
    })?;
    let target = place.path().join("copy.db");
    let failing = Failing::new(place.path(), fails, false)?;
    let backed_up = catch_unwind(AssertUnwindSafe(|| {
        watched_vfs::under(failing.clone(), || store.backup(&target))
    }));
    let Ok(backed_up) = backed_up else {
        return Err(Finding::new("it panicked"));
    };
    let state_of = |path: &Path| watched_vfs::under(Rc::new(Hurried), || state_at(path));
    if backed_up.is_err() {
        let left = fs::read_dir(place.path())?.filter_map(Result::ok);
        let left: Vec<String> = left.map(|file| workload::name(&file.path())).collect();
        if left.iter().any(|name| name.contains("copy")) {
            return Err(Finding::new(format!("{backed_up:?}, and it left {left:?}")));
        }
        watched_vfs::under(Rc::new(Hurried), || store.backup(&target))?;
    } else if fails.is_some() {
        return Err(Finding::new("a backup whose disk failed was acknowledged"));
    }
    for path in [&target, &place.path().join(LEDGER)] {
        let found = state_of(path)?.entries;
        if found != entries {
            let path = workload::name(path);
            return Err(Finding::new(format!(
                "{found} of {entries} entries are in `{path}`"
            )));
        }
    }
    Ok(failing.changes.get())
}

const LEDGER: &str = "ledger.db";

/// Copies a ledger's files, but for the index of its log, which is in memory.
fn copy(from: &Path, to: &Path) -> Result<(), Finding> {
    for file in fs::read_dir(from)? {
        let file = file?;
        if !workload::name(&file.path()).ends_with("-shm") {
            fs::copy(file.path(), to.join(file.file_name()))?;
        }
    }
    Ok(())
}

impl Case {
    /// How many changes of files there are from opening to closing.
    fn changes(&self) -> Result<usize, Finding> {
        let place = tempfile::tempdir()?;
        copy(self.folder.path(), place.path())?;
        let failing = Failing::new(place.path(), None, false)?;
        watched_vfs::under(failing.clone(), || {
            make(&place.path().join(LEDGER), &self.call, 1)
        })?;
        Ok(failing.changes.get())
    }

    /// Has one change fail.
    fn fail(&self, at: usize, failure: Failure, planted: bool) -> Result<(), Finding> {
        let (name, before) = (self.name, self.before);
        self.fail_here(at, failure, planted).map_err(|finding| {
            finding.within(&format!(
                "{name} ({before:?}), change {at} fails ({failure:?})"
            ))
        })
    }

    fn fail_here(&self, at: usize, failure: Failure, planted: bool) -> Result<(), Finding> {
        let place = tempfile::tempdir()?;
        copy(self.folder.path(), place.path())?;
        let path = place.path().join(LEDGER);
        let failing = Failing::new(place.path(), Some((at, failure)), planted)?;
        let made = catch_unwind(AssertUnwindSafe(|| {
            watched_vfs::under(failing.clone(), || make(&path, &self.call, 1))
        }));
        let Ok(made) = made else {
            return Err(Finding::new("it panicked"));
        };
        let after = self.entries + self.call.len();
        let hurried = |path: &Path| watched_vfs::under(Rc::new(Hurried), || state_at(path));
        if made.is_ok() {
            let image = tempfile::tempdir()?;
            for (file, bytes) in failing.disk.borrow().synced() {
                fs::write(image.path().join(file), bytes)?;
            }
            let kept = hurried(&image.path().join(LEDGER))?.entries;
            if kept != after {
                return Err(Finding::new(format!(
                    "it was acknowledged, and {kept} of {after} entries are on the disk"
                )));
            }
        }
        let found = match fs::metadata(&path) {
            Ok(_) => hurried(&path)?.entries,
            Err(_) => 0,
        };
        if found != after && (made.is_ok() || found != self.entries) {
            return Err(Finding::new(format!(
                "{made:?}, and {found} entries are there"
            )));
        }
        watched_vfs::under(Rc::new(Hurried), || make(&path, &self.call, 2))
            .map_err(|finding| finding.within(&format!("{made:?}, and made again")))?;
        let found = hurried(&path)?.entries;
        if found != after {
            return Err(Finding::new(format!(
                "{made:?}, and made again {found} entries are there, not {after}"
            )));
        }
        Ok(())
    }
}

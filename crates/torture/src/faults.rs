//! A disk that fails: each write, sync, open, truncation and deletion of each kind of call, and each read
//! and other look at a file, from opening the ledger to closing it, and of a backup, in turn, once, as a
//! device that fails, and each write as one that is full too.
//!
//! Whatever fails, nothing panics, the ledger stays valid, an acknowledged call is on the disk even if
//! the power goes then, one that failed is not there even if the process ends then, unless the error says
//! that this is unknown, and the same call again books once, whether the ledger is opened anew for it or
//! not. What is only asked is answered as without the failure, or not at all. A sync that failed has lost
//! what it was for, as file systems do that forget what they could not write.

use std::cell::{Cell, RefCell};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use refund_ledger::store::sqlite::SqliteStore;
use refund_ledger::{ErrorCode, Ledger, LedgerError, Receipt, StoreError};
use watched_vfs::{Change, Failure, Look, Onlooker, Verdict};

use crate::disk::Disk;
use crate::harness::{Finding, Report, Task, caught, in_parallel};
use crate::workload::{self, BATCH, Call, Hurried, Read, State};

/// What the ledger does to its files, as far as it matters for how it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Write,
    Sync,
    /// Another change.
    Change,
    Read,
    /// Another look.
    Look,
}

impl Event {
    fn is_look(self) -> bool {
        matches!(self, Self::Read | Self::Look)
    }

    fn failures(self) -> &'static [Failure] {
        match self {
            Self::Write => &[Failure::Device, Failure::Full],
            Self::Sync | Self::Change | Self::Read | Self::Look => &[Failure::Device],
        }
    }
}

/// One event, and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fault {
    at: usize,
    verdict: Verdict,
}

/// What the disk does, and where it fails.
struct Failing {
    disk: RefCell<Disk>,
    events: RefCell<Vec<Event>>,
    /// How many events there were when the ledger was open.
    opened: Cell<usize>,
    fault: Option<Fault>,
}

impl Failing {
    fn new(folder: &Path, fault: Option<Fault>) -> Result<Rc<Self>, Finding> {
        Ok(Rc::new(Self {
            disk: RefCell::new(Disk::of(folder)?),
            events: RefCell::default(),
            opened: Cell::new(0),
            fault,
        }))
    }

    /// Whether what was to fail came to be, as the same event as where nothing fails.
    fn must_have_failed(&self, fault: Fault, event: Event) -> Result<(), Finding> {
        let happened = self.events.borrow().get(fault.at).copied();
        if happened == Some(event) {
            return Ok(());
        }
        Err(Finding::of_harness(format!(
            "{fault:?} was to be of {event:?}, and there was {happened:?}"
        )))
    }

    /// Notes an event, and gives what becomes of it where that is not what always does.
    fn note(&self, event: Event) -> Option<Verdict> {
        let mut events = self.events.borrow_mut();
        let at = events.len();
        events.push(event);
        let fault = self.fault.filter(|fault| fault.at == at)?;
        Some(fault.verdict)
    }
}

impl Onlooker for Failing {
    fn judge(&self, path: &Path, change: Change<'_>) -> Verdict {
        let event = match change {
            Change::Write { .. } => Event::Write,
            Change::Sync { .. } => Event::Sync,
            Change::Open | Change::Truncate { .. } | Change::Delete => Event::Change,
        };
        let fails = self.note(event);
        let file = workload::name(path);
        let mut disk = self.disk.borrow_mut();
        let Some(verdict) = fails else {
            disk.note(&file, change);
            return workload::without_syncs(change);
        };
        if event == Event::Sync {
            disk.lose(&file);
        }
        verdict
    }

    fn judge_look(&self, _: &Path, look: Look) -> Verdict {
        let event = match look {
            Look::Read => Event::Read,
            Look::Size | Look::Presence | Look::Lock | Look::Index => Event::Look,
        };
        self.note(event).unwrap_or(Verdict::Happens)
    }
}

/// What is asked of the ledger.
enum What {
    Call(Call),
    Read(Read),
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    /// To each command what was done, or why it was refused.
    Call(Vec<Result<Receipt, ErrorCode>>),
    Read(String),
}

impl What {
    /// Asks it. An error is one of the store, whatever part of the call it was answered to.
    fn ask(&self, ledger: &Ledger) -> Result<Answer, LedgerError> {
        let call = match self {
            Self::Read(read) => return read(ledger).map(Answer::Read),
            Self::Call(call) => call,
        };
        let mut answers = Vec::new();
        for result in ledger.execute_all(call, BATCH)? {
            answers.push(match result {
                Err(error) if error.store_error().is_some() => return Err(error),
                result => result.map_err(|error| error.code()),
            });
        }
        Ok(Answer::Call(answers))
    }
}

impl Answer {
    /// Whether it is the answer to the same again: a repeat is done or refused as the first was.
    fn is_repeated_by(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Call(first), Self::Call(again)) => {
                let what = |answers: &[Result<Receipt, ErrorCode>]| {
                    answers
                        .iter()
                        .map(|answer| answer.err())
                        .collect::<Vec<_>>()
                };
                what(first) == what(again)
            }
            _ => self == other,
        }
    }
}

/// What a call that failed is followed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// The ledger is closed and opened, and the call made again.
    Reopened,
    /// The call is made again, and the ledger closed and opened.
    AtOnce,
}

/// What came of it.
#[derive(Debug)]
enum Made {
    /// The ledger could not be opened, so nothing was asked.
    Unopened(#[allow(dead_code, reason = "it is shown")] StoreError),
    Failed(LedgerError),
    Answered(Answer),
}

impl Made {
    /// Whether it may be there or not.
    fn is_unknown(&self) -> bool {
        let Self::Failed(error) = self else {
            return false;
        };
        matches!(error.store_error(), Some(StoreError::OutcomeUnknown { .. }))
    }
}

fn open(path: &Path, number: usize) -> Result<Ledger, Finding> {
    Ok(workload::ledger(Arc::new(SqliteStore::open(path)?), number))
}

/// The state of a ledger that has to be there, and to be read.
fn state_at(path: &Path) -> Result<State, Finding> {
    let opened = || SqliteStore::open(path).map_err(|error| Finding::new(error.to_string()));
    let state = || workload::state(&workload::ledger(Arc::new(opened()?), 0));
    watched_vfs::under(Rc::new(Hurried), state)
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

/// A call, what there was before, and what comes of it where nothing fails.
struct Case {
    name: &'static str,
    before: Before,
    what: What,
    /// The ledger's folder before it.
    folder: tempfile::TempDir,
    was: State,
    events: Vec<Event>,
    /// How many of the events are those of opening the ledger.
    opened: usize,
    answer: Answer,
    is: State,
}

/// A bug that must be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Planted {
    /// SQLite is not told of a sync that fails.
    IgnoredSync,
    /// SQLite is not told of a read that fails, and gets zeros.
    IgnoredRead,
    /// What was done is answered as if it had failed.
    FalseError,
}

pub(crate) fn run(_: &Task) -> Result<Report, Finding> {
    let cases = cases()?;
    let faults: Vec<(&Case, Fault)> = cases
        .iter()
        .flat_map(|case| case.faults().map(move |fault| (case, fault)))
        .collect();
    in_parallel(faults.len(), |number| {
        let (case, fault) = faults[number];
        case.fail(fault, None)
    })?;
    let of_looks = faults
        .iter()
        .filter(|(case, fault)| case.events[fault.at].is_look());
    let of_looks = of_looks.count();
    let (changes, looks) = fail_backups()?;
    let plants = [
        ("ignored sync error", Planted::IgnoredSync),
        ("ignored read error", Planted::IgnoredRead),
        ("a failure that was none", Planted::FalseError),
    ];
    let mut planted = Vec::new();
    for (name, plant) in plants {
        planted.push((name, find(&cases, plant)?));
    }
    Ok(Report {
        did: format!(
            "{} failed changes and {of_looks} failed looks, every one of {} calls; {changes} and {looks} of a backup",
            faults.len() - of_looks,
            cases.len()
        ),
        planted,
    })
}

/// What is found of a bug, as soon as anything is.
fn find(cases: &[Case], planted: Planted) -> Result<Option<Finding>, Finding> {
    caught(cases.iter().flat_map(|case| {
        let concerned = move |(at, event): (usize, &Event)| {
            let verdict = match (planted, event) {
                (Planted::IgnoredSync, Event::Sync) | (Planted::IgnoredRead, Event::Read) => {
                    Verdict::Pretended
                }
                (Planted::FalseError, _) => Verdict::Happens,
                _ => return None,
            };
            Some(Fault { at, verdict })
        };
        let faults = case.events.iter().enumerate().filter_map(concerned);
        faults.map(move |fault| case.fail(fault, Some(planted)))
    }))
}

fn cases() -> Result<Vec<Case>, Finding> {
    let mut cases = Vec::new();
    for before in [Before::Nothing, Before::Logged, Before::Closed] {
        for (kind, call) in workload::kinds() {
            if before != Before::Nothing || kind == workload::Kind::Record {
                cases.push(Case::new(kind.name(), before, What::Call(call))?);
            }
        }
        for (name, read) in workload::reads() {
            if before != Before::Nothing {
                cases.push(Case::new(name, before, What::Read(read))?);
            }
        }
    }
    Ok(cases)
}

/// Makes the ledger.
fn prepare(folder: &Path, before: Before) -> Result<(), Finding> {
    if before == Before::Nothing {
        return Ok(());
    }
    let place = tempfile::tempdir()?;
    let path = place.path().join(LEDGER);
    let ledger = open(&path, 0)?;
    for call in workload::before() {
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
    Ok(())
}

/// Has every change of a backup fail, and every look. Gives how many of each failed.
fn fail_backups() -> Result<(usize, usize), Finding> {
    let folder = tempfile::tempdir()?;
    prepare(folder.path(), Before::Logged)?;
    let events = back_up(folder.path(), None)?;
    let faults: Vec<Fault> = faults_of(&events).collect();
    in_parallel(faults.len(), |number| {
        let fault = faults[number];
        let event = events[fault.at];
        back_up(folder.path(), Some((fault, event)))
            .map_err(|finding| finding.within(&format!("backup, {event:?}: {fault:?}")))
    })?;
    let looks = faults.iter().filter(|fault| events[fault.at].is_look());
    let looks = looks.count();
    Ok((faults.len() - looks, looks))
}

/// Every way that some events can fail.
fn faults_of(events: &[Event]) -> impl Iterator<Item = Fault> + '_ {
    events.iter().enumerate().flat_map(|(at, event)| {
        let failures = event.failures().iter();
        failures.map(move |failure| Fault {
            at,
            verdict: Verdict::Fails(*failure),
        })
    })
}

/// Backs a ledger up while the disk fails. There is a whole copy afterwards, or none and nothing in its
/// place. Gives what there was done to files.
fn back_up(ledger: &Path, fails: Option<(Fault, Event)>) -> Result<Vec<Event>, Finding> {
    let place = tempfile::tempdir()?;
    copy(ledger, place.path())?;
    let path = place.path().join(LEDGER);
    let was = state_at(&path)?;
    let store = watched_vfs::under(Rc::new(Hurried), || SqliteStore::open(&path))?;
    let target = place.path().join("copy.db");
    let failing = Failing::new(place.path(), fails.map(|(fault, _)| fault))?;
    let backed_up = catch_unwind(AssertUnwindSafe(|| {
        watched_vfs::under(failing.clone(), || store.backup(&target))
    }));
    let Ok(backed_up) = backed_up else {
        return Err(Finding::new("it panicked"));
    };
    if let Some((fault, event)) = fails {
        failing.must_have_failed(fault, event)?;
    }
    if backed_up.is_err() {
        let left = fs::read_dir(place.path())?.filter_map(Result::ok);
        let left: Vec<String> = left.map(|file| workload::name(&file.path())).collect();
        if left.iter().any(|name| name.contains("copy")) {
            return Err(Finding::new(format!("{backed_up:?}, and it left {left:?}")));
        }
        watched_vfs::under(Rc::new(Hurried), || store.backup(&target))?;
    } else if fails.is_some_and(|(_, event)| !event.is_look()) {
        return Err(Finding::new("a backup whose disk failed was acknowledged"));
    }
    for path in [&target, &path] {
        let found = state_at(path)?;
        if found != was {
            let path = workload::name(path);
            return Err(Finding::new(format!(
                "{found:?} is in `{path}`, not {was:?}"
            )));
        }
    }
    Ok(failing.events.take())
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
    fn new(name: &'static str, before: Before, what: What) -> Result<Self, Finding> {
        let folder = tempfile::tempdir()?;
        prepare(folder.path(), before)?;
        let place = tempfile::tempdir()?;
        copy(folder.path(), place.path())?;
        let path = place.path().join(LEDGER);
        let failing = Failing::new(place.path(), None)?;
        let answer = watched_vfs::under(failing.clone(), || {
            let ledger = open(&path, 1)?;
            failing.opened.set(failing.events.borrow().len());
            Ok::<_, Finding>(what.ask(&ledger)?)
        })?;
        let is = state_at(&path)?;
        let untouched = tempfile::tempdir()?;
        copy(folder.path(), untouched.path())?;
        let was = state_at(&untouched.path().join(LEDGER))?;
        Ok(Self {
            name,
            before,
            what,
            folder,
            was,
            events: failing.events.take(),
            opened: failing.opened.get(),
            answer,
            is,
        })
    }

    /// Every way that it can fail. Opening the ledger fails before the calls: what is only asked of it
    /// comes after the same.
    fn faults(&self) -> impl Iterator<Item = Fault> + '_ {
        let from = match self.what {
            What::Call(_) => 0,
            What::Read(_) => self.opened,
        };
        faults_of(&self.events).filter(move |fault| fault.at >= from)
    }

    /// Has one event fail.
    fn fail(&self, fault: Fault, planted: Option<Planted>) -> Result<(), Finding> {
        let tried = || {
            let made = self.fail_here(fault, planted, Then::Reopened)?;
            if matches!(made, Made::Failed(_)) {
                self.fail_here(fault, planted, Then::AtOnce)?;
            }
            Ok(())
        };
        tried().map_err(|finding: Finding| {
            let (name, before, event) = (self.name, self.before, self.events[fault.at]);
            finding.within(&format!("{name} ({before:?}), {event:?}: {fault:?}"))
        })
    }

    fn fail_here(
        &self,
        fault: Fault,
        planted: Option<Planted>,
        then: Then,
    ) -> Result<Made, Finding> {
        let place = tempfile::tempdir()?;
        copy(self.folder.path(), place.path())?;
        let path = place.path().join(LEDGER);
        let killed = tempfile::tempdir()?;
        let failing = Failing::new(place.path(), Some(fault))?;
        let made = catch_unwind(AssertUnwindSafe(|| {
            watched_vfs::under(failing.clone(), || {
                self.make(&path, killed.path(), planted, then)
            })
        }));
        let Ok(made) = made else {
            return Err(Finding::new("it panicked"));
        };
        let made = made?;
        failing.must_have_failed(fault, self.events[fault.at])?;
        match &made {
            Made::Answered(answer) if *answer != self.answer => {
                return Err(Finding::new(format!(
                    "the answer is {answer:?}, and without the failure {:?}",
                    self.answer
                )));
            }
            Made::Answered(_) => {
                let image = tempfile::tempdir()?;
                for (file, bytes) in failing.disk.borrow().synced() {
                    fs::write(image.path().join(file), bytes)?;
                }
                let kept = state_at(&image.path().join(LEDGER))?;
                self.expect(kept, &[self.is], "it was answered, and on the disk is")?;
            }
            Made::Failed(_) if then == Then::Reopened && !made.is_unknown() => {
                let left = state_at(&killed.path().join(LEDGER))?;
                self.expect(left, &[self.was], &format!("{made:?}, and killed then"))?;
            }
            Made::Failed(_) | Made::Unopened(_) => {}
        }
        let allowed = match &made {
            Made::Answered(_) => vec![self.is],
            Made::Failed(_) if made.is_unknown() => vec![self.was, self.is],
            Made::Failed(_) | Made::Unopened(_) => vec![self.was],
        };
        watched_vfs::under(Rc::new(Hurried), || {
            let ledger = open(&path, 2)
                .map_err(|finding| Finding::new(format!("opened again: {}", finding.what)))?;
            let found = workload::state(&ledger)?;
            let was_asked_again = then == Then::AtOnce && matches!(made, Made::Failed(_));
            if !was_asked_again {
                self.expect(found, &allowed, "opened again")?;
            }
            self.ask_again(&ledger)
        })
        .map_err(|finding| finding.within(&format!("{made:?}")))?;
        Ok(made)
    }

    /// Opens the ledger, makes the call, and closes it. Where the call fails, the files are copied as
    /// they are then.
    fn make(
        &self,
        path: &Path,
        killed: &Path,
        planted: Option<Planted>,
        then: Then,
    ) -> Result<Made, Finding> {
        let store = match SqliteStore::open(path) {
            Ok(store) => store,
            Err(error) => return Ok(Made::Unopened(error)),
        };
        let ledger = workload::ledger(Arc::new(store), 1);
        let mut answer = self.what.ask(&ledger);
        if planted == Some(Planted::FalseError) {
            let reason = "planted".to_owned();
            answer = Err(StoreError::Failed { reason }.into());
        }
        let error = match answer {
            Ok(answer) => return Ok(Made::Answered(answer)),
            Err(error) => error,
        };
        match (then, path.parent()) {
            (Then::Reopened, Some(folder)) => copy(folder, killed)?,
            (Then::AtOnce, _) => {
                self.ask_again(&ledger)
                    .map_err(|finding| finding.within(&format!("{error:?}, and at once")))?;
            }
            (Then::Reopened, None) => {}
        }
        Ok(Made::Failed(error))
    }

    /// Asks the same again. It is answered as without the failure, and done once.
    fn ask_again(&self, ledger: &Ledger) -> Result<(), Finding> {
        let again = self.what.ask(ledger);
        let again = again.map_err(|error| Finding::new(format!("asked again: {error:?}")))?;
        if !self.answer.is_repeated_by(&again) {
            return Err(Finding::new(format!(
                "asked again, the answer is {again:?}, not {:?}",
                self.answer
            )));
        }
        let found = workload::state(ledger)?.entries;
        if found == self.is.entries {
            return Ok(());
        }
        Err(Finding::new(format!(
            "asked again, {found} entries are there, not {}",
            self.is.entries
        )))
    }

    fn expect(&self, found: State, allowed: &[State], what: &str) -> Result<(), Finding> {
        if allowed.contains(&found) {
            return Ok(());
        }
        let (was, is) = (self.was, self.is);
        Err(Finding::new(format!(
            "{what}: {found:?}; before the call: {was:?}, after it: {is:?}"
        )))
    }
}

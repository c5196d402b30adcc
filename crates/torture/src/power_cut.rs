//! The power goes while a ledger is written, and comes back.
//!
//! All writes and syncs of a run are recorded. From each moment of it disks are rebuilt on which what
//! was not synced is dropped, reordered or torn, and the ledger on each of them is opened: it is valid,
//! it has all that was acknowledged by then, and nothing but whole calls beyond that.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use refund_ledger::store::sqlite::SqliteStore;
use watched_vfs::{Change, Onlooker, Verdict};

use crate::disk::Disk;
use crate::harness::{Finding, Report, Task, caught};
use crate::random::Random;
use crate::workload::{self, BATCH, Calls, State};

/// How many calls a recorded run has.
const CALLS: usize = 60;

/// How often the ledger is closed and opened again in a run.
const REOPENED_EVERY: usize = 20;

/// One thing that happened in a run.
#[derive(Debug)]
enum Event {
    Made {
        file: String,
    },
    Written {
        file: String,
        offset: usize,
        bytes: Vec<u8>,
    },
    Truncated {
        file: String,
        length: usize,
    },
    Synced {
        file: String,
    },
    Deleted {
        file: String,
    },
    /// From here on, a call is on its way.
    Begun,
    Acknowledged,
}

/// Writes down what is done to the files.
struct Recorder {
    events: RefCell<Vec<Event>>,
    /// Whether the log is only synced where it is copied, as with `synchronous=NORMAL`.
    planted: bool,
}

impl Onlooker for Recorder {
    fn judge(&self, path: &Path, change: Change<'_>) -> Verdict {
        let file = workload::name(path);
        let is_log = file.ends_with("-wal");
        let event = match change {
            Change::Open => Event::Made { file },
            Change::Write { offset, bytes } => Event::Written {
                file,
                offset: usize::try_from(offset).unwrap_or(usize::MAX),
                bytes: bytes.to_vec(),
            },
            Change::Truncate { length } => Event::Truncated {
                file,
                length: usize::try_from(length).unwrap_or(usize::MAX),
            },
            Change::Sync { checkpoints } if self.planted && is_log && !checkpoints => {
                return Verdict::Pretended;
            }
            Change::Sync { .. } => Event::Synced { file },
            Change::Delete => Event::Deleted { file },
        };
        self.events.borrow_mut().push(event);
        // What is to come after the cut is decided from the record; real syncs would only take time.
        workload::without_syncs(change)
    }
}

/// A recorded run, and the state after each of its calls.
struct Run {
    events: Vec<Event>,
    states: Vec<State>,
}

fn record(folder: &Path, seed: u64, planted: bool) -> Result<Run, Finding> {
    let path = folder.join("ledger.db");
    let recorder = Rc::new(Recorder {
        events: RefCell::default(),
        planted,
    });
    let mut states = Vec::new();
    watched_vfs::under(recorder.clone(), || {
        let mut store = None;
        for (number, call) in Calls::new(seed).take(CALLS).enumerate() {
            if number % REOPENED_EVERY == 0 {
                // The old one is closed first.
                drop(store.take());
            }
            let opened = match &store {
                Some(opened) => Arc::clone(opened),
                None => Arc::new(SqliteStore::open(&path)?),
            };
            store = Some(Arc::clone(&opened));
            let ledger = workload::ledger(opened, number);
            recorder.events.borrow_mut().push(Event::Begun);
            for result in ledger.execute_all(&call, BATCH)? {
                result?;
            }
            recorder.events.borrow_mut().push(Event::Acknowledged);
            states.push(workload::state(&ledger)?);
        }
        Ok::<(), Finding>(())
    })?;
    let events = recorder.events.take();
    Ok(Run { events, states })
}

/// How many disks are rebuilt from one run.
const IMAGES_A_RUN: usize = 500;

pub(crate) fn run(task: &Task) -> Result<Report, Finding> {
    let images = task.scaled(20_000, 2_000_000);
    let runs = images.div_ceil(IMAGES_A_RUN);
    let stakes = task.in_parallel(runs, |number| cut_often(task.seed(number), false))?;
    let at_stake: usize = stakes.iter().sum();
    let planted = caught((0..runs).map(|number| cut_often(task.seed(number), true)))?;
    Ok(Report {
        did: format!(
            "{} images, {} of them with unsynced writes at stake",
            stakes.len() * IMAGES_A_RUN,
            at_stake
        ),
        planted: vec![("`synchronous=NORMAL`", planted)],
    })
}

/// Cuts the power at random moments of a run. Gives how often anything was at stake.
fn cut_often(seed: u64, planted: bool) -> Result<usize, Finding> {
    let folder = tempfile::tempdir()?;
    let run = record(folder.path(), seed, planted)?;
    let mut random = Random::of(seed, 1);
    let mut moments: Vec<usize> = (0..IMAGES_A_RUN)
        .map(|_| random.below(run.events.len()))
        .collect();
    moments.sort_unstable();
    let mut moments = moments.into_iter().peekable();
    let mut disk = Disk::default();
    let (mut begun, mut acknowledged, mut at_stake) = (0, 0, 0);
    for (moment, event) in run.events.iter().enumerate() {
        match event {
            Event::Made { file } => disk.make(file),
            Event::Written {
                file,
                offset,
                bytes,
            } => disk.write(file, *offset, bytes),
            Event::Truncated { file, length } => disk.truncate(file, *length),
            Event::Synced { file } => disk.sync(file),
            Event::Deleted { file } => disk.delete(file),
            Event::Begun => begun += 1,
            Event::Acknowledged => acknowledged += 1,
        }
        while moments.next_if_eq(&moment).is_some() {
            at_stake += usize::from(disk.at_stake() > 0);
            let image = folder.path().join("image");
            fs::create_dir(&image)?;
            for (file, bytes) in disk.cut(&mut random) {
                fs::write(image.join(file), bytes)?;
            }
            let allowed = &run.states[..begun];
            open(&image.join("ledger.db"), allowed, acknowledged).map_err(|finding| {
                finding.within(&format!("seed {seed}, power cut after event {moment}"))
            })?;
            fs::remove_dir_all(&image)?;
        }
    }
    Ok(at_stake)
}

/// Opens what the cut left, and sees that it is the state after the last acknowledged call, or after
/// the one that was on its way.
fn open(path: &Path, states: &[State], acknowledged: usize) -> Result<(), Finding> {
    watched_vfs::under(Rc::new(workload::Hurried), || {
        let store = Arc::new(SqliteStore::open(path)?);
        let found = workload::state(&workload::ledger(store, 0))?;
        let is_whole = match acknowledged {
            0 => found.entries == 0,
            count => states[count - 1] == found,
        };
        if is_whole || states.get(acknowledged) == Some(&found) {
            return Ok(());
        }
        let wanted: Vec<usize> = states.iter().map(|state| state.entries).collect();
        Err(Finding::new(format!(
            "{} entries are there, {acknowledged} calls were acknowledged, with {wanted:?} entries after each",
            found.entries
        )))
    })
}

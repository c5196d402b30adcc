//! The bytes of a ledger's file: opened, verified and listed, it is an error or a report. What is found sound
//! against a kept head says what it said before, and no other file is touched.
//!
//! The input's first byte says what it is: `f` the file's bytes, `d` changes of a sound database, `w`
//! changes of its log, each as three bytes of a place and the byte to be there, and `c` the length that the
//! database is cut to, in three bytes.
#![no_main]
#![allow(
    clippy::disallowed_methods,
    reason = "a program at the edge, which needs a folder to work in"
)]

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use refund_fuzz::{Content, content, eventful, over};
use refund_ledger::store::sqlite::SqliteStore;
use refund_ledger::{Head, LedgerError, wire};
use tempfile::TempDir;
use watched_vfs::{Change, Onlooker, Verdict};

const FILES: [&str; 4] = [
    "refunds.db",
    "refunds.db-wal",
    "refunds.db-shm",
    "refunds.db-journal",
];

/// Sees that nothing but a ledger's files is touched. Nobody cuts the power, so syncs are left out.
struct Fence(PathBuf);

impl Onlooker for Fence {
    fn judge(&self, path: &Path, change: Change<'_>) -> Verdict {
        let is_ours = FILES.iter().any(|name| path == self.0.join(name));
        assert!(is_ours, "{change:?} of {}", path.display());
        match change {
            Change::Sync { .. } => Verdict::Pretended,
            _ => Verdict::Happens,
        }
    }
}

/// A ledger as it lies on disk while it is open, with its last changes in its log; and once more closed, in
/// one file.
struct Sound {
    folder: TempDir,
    open: Vec<u8>,
    log: Vec<u8>,
    closed: Vec<u8>,
    head: Head,
    content: Content,
}

static SOUND: LazyLock<Sound> = LazyLock::new(|| {
    watched_vfs::install();
    let folder = tempfile::tempdir().expect("a folder");
    let read = |name: &str| std::fs::read(folder.path().join(name)).expect("a file");
    let ledger = eventful(open(folder.path()).expect("a new ledger"));
    // What was erased has emptied the log.
    for line in include_str!("../src/more_events.jsonl").lines() {
        let line = wire::parse_line(line.as_bytes()).expect("an event is a line");
        ledger.execute(&line.command).expect("an event happens");
    }
    let (open, log) = (read(FILES[0]), read(FILES[1]));
    let head = ledger.head().expect("a head");
    let content = content(&ledger).expect("it is sound");
    drop(ledger);
    let closed = read(FILES[0]);
    Sound {
        folder,
        open,
        log,
        closed,
        head,
        content,
    }
});

fn open(folder: &Path) -> Result<Arc<SqliteStore>, LedgerError> {
    Ok(Arc::new(SqliteStore::open(&folder.join(FILES[0]))?))
}

fn place(bytes: [u8; 3]) -> usize {
    bytes
        .iter()
        .fold(0, |place, byte| place << 8 | usize::from(*byte))
}

fn changed(sound: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut bytes = sound.to_vec();
    for [a, b, c, byte] in changes.as_chunks().0 {
        let at = place([*a, *b, *c]) % bytes.len();
        bytes[at] = *byte;
    }
    bytes
}

/// The database and its log.
fn files(sound: &Sound, input: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (what, rest) = input.split_first()?;
    Some(match what {
        b'f' => (rest.to_vec(), Vec::new()),
        b'd' => (changed(&sound.closed, rest), Vec::new()),
        b'w' => (sound.open.clone(), changed(&sound.log, rest)),
        b'c' => {
            let length = place(*rest.first_chunk()?) % sound.closed.len();
            (sound.closed[..length].to_vec(), Vec::new())
        }
        _ => return None,
    })
}

/// Reads all that is there, and says whether it was found sound.
fn look(folder: &Path, sound: &Sound) -> Result<bool, LedgerError> {
    let ledger = over(open(folder)?);
    let report = ledger.verify(Some(sound.head));
    let content = content(&ledger);
    for org in ["acme", "globex"] {
        // A journal or an error: what it holds, the content tells.
        let _ = ledger.org_journal(&org.parse()?, 0, usize::MAX);
    }
    let report = report?;
    if report.is_valid() {
        assert_eq!(
            content?, sound.content,
            "valid, though it says something else"
        );
    } else {
        assert!(!report.findings.is_empty(), "not valid, without a reason");
    }
    Ok(report.is_valid())
}

fuzz_target!(|input: &[u8]| {
    let sound = &*SOUND;
    let Some((database, log)) = files(sound, input) else {
        return;
    };
    let folder = sound.folder.path();
    for name in FILES {
        // It is there or not.
        let _ = std::fs::remove_file(folder.join(name));
    }
    std::fs::write(folder.join(FILES[0]), &database).expect("a database");
    if !log.is_empty() {
        std::fs::write(folder.join(FILES[1]), &log).expect("a log");
    }
    let looked = watched_vfs::under(Rc::new(Fence(folder.to_owned())), || look(folder, sound));
    let is_untouched = if log.is_empty() {
        database == sound.closed
    } else {
        log == sound.log
    };
    match looked {
        Ok(is_sound) => assert!(is_sound || !is_untouched, "nothing was changed"),
        Err(error) => {
            assert!(!is_untouched, "nothing was changed: {error}");
            assert!(!error.to_string().is_empty(), "an error without words");
        }
    }
});

//! Where files are made, and what a sync costs there.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use bench_row::median;
use tempfile::TempDir;

use crate::measure::timed;

/// SQLite's log, and what readers share of it.
const BESIDE: [&str; 3] = ["", "-wal", "-shm"];

/// A temporary folder, which goes with all that is in it.
#[derive(Debug)]
pub struct Folder {
    folder: TempDir,
}

impl Folder {
    /// One in the given folder, or where the system has temporary files.
    ///
    /// # Panics
    /// If it can't be made.
    pub fn new(parent: Option<&Path>) -> Self {
        let folder = parent.map_or_else(tempfile::tempdir, tempfile::tempdir_in);
        Self {
            folder: folder.unwrap(),
        }
    }

    /// The path of a file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// How many bytes a database has, with its log where it has one.
    pub fn bytes(&self, name: &str) -> u64 {
        let log = fs::metadata(self.file(&format!("{name}-wal")));
        fs::metadata(self.file(name)).unwrap().len() + log.map_or(0, |log| log.len())
    }

    /// Removes a database.
    pub fn remove(&self, name: &str) {
        for suffix in BESIDE {
            fs::remove_file(self.file(&format!("{name}{suffix}"))).ok();
        }
    }

    /// How many seconds it takes to append a page of 4 KiB to a file and to sync its data.
    pub fn sync_cost(&self) -> f64 {
        let path = self.file("synced");
        let mut file = File::create(&path).unwrap();
        let syncs = (0..200).map(|_| {
            timed(|| {
                file.write_all(&[7; 4_096]).unwrap();
                file.sync_data().unwrap();
            })
        });
        let cost = median(syncs.collect());
        fs::remove_file(path).unwrap();
        cost
    }
}

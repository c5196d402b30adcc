//! What the SQLite tests share: a ledger in a file.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    clippy::unwrap_used,
    missing_docs,
    reason = "helpers of tests, of which each test file uses some"
)]

#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use refund_ledger::Ledger;
use refund_ledger::store::sqlite::{SqliteOptions, SqliteStore};
use rusqlite::Connection;
pub use support::*;

/// A ledger in a file, in a directory that goes with it.
pub struct InFile {
    pub directory: tempfile::TempDir,
    pub path: PathBuf,
    pub store: Arc<SqliteStore>,
    pub ledger: Ledger,
}

impl InFile {
    pub fn new() -> Self {
        Self::with(SqliteOptions::default())
    }

    pub fn with(options: SqliteOptions) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("refunds.db");
        let store = Arc::new(SqliteStore::open_with(&path, options).unwrap());
        let ledger = Ledger::new(store.clone(), Arc::new(CountingHost::new(1)));
        Self {
            directory,
            path,
            store,
            ledger,
        }
    }

    /// A ledger that has a bit of everything: two orgs, a voided movement, refunds of both kinds,
    /// updated, deleted and erased ones.
    pub fn filled() -> Self {
        let file = Self::new();
        fill(&file.ledger);
        file
    }

    /// Closes the ledger, so that all of it is in the one file.
    pub fn close(self) -> (tempfile::TempDir, PathBuf) {
        let Self {
            directory,
            path,
            store,
            ledger,
        } = self;
        drop(ledger);
        drop(store);
        (directory, path)
    }
}

/// The names of the files in a directory.
pub fn files(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A connection with all guards down, as an attacker or a careless tool would have it.
pub fn unguarded(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF;")
        .unwrap();
    connection
}

//! The suite that every store must pass: the contract of [`Store`] in executable form.
//!
//! Somebody who writes a store says how to make one fresh, empty store, and gets a test per case:
//!
//! ```
//! use std::sync::Arc;
//! use refund_ledger::store::conformance::{Fixture, Shared};
//! use refund_ledger::store::memory::MemoryStore;
//!
//! // A closure (or function) that answers with a `Fixture`. It is called once per case.
//! refund_ledger::conformance_tests!(memory, || Shared::new(MemoryStore::new()));
//! # fn main() {}
//! ```
//!
//! [`Shared`] serves a store whose handles are clones of one [`Arc`]. A store that can be opened
//! twice (a file, a server) should implement [`Fixture`] itself, so that each call of
//! [`Fixture::handle`] opens it anew, as another process would: the cases about races and about
//! durability then mean more.
//!
//! A case that fails says what was expected of the store. [`CASES`] lists them all, for harnesses
//! of another make; [`wrappers`] holds the hostile stores that the suite puts around yours.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "the suite's job is to fail loudly, and its values are its own"
)]

#[macro_use]
mod check;
mod cases;
mod desk;
pub mod golden;
pub mod hosts;
mod list;
mod view;
pub mod wrappers;

use std::fmt;
use std::sync::Arc;

pub use check::Failure;

use super::Store;

/// One fresh, empty store, for one case.
pub trait Fixture: Sync {
    /// A handle on the fixture's store. Further calls give further handles on the same data, as
    /// two processes would have, also once every earlier handle was dropped.
    fn handle(&self) -> Arc<dyn Store>;
}

/// A fixture whose handles share one store in memory.
#[derive(Debug)]
pub struct Shared<S>(Arc<S>);

impl<S: Store + 'static> Shared<S> {
    /// A fixture of this store, which must be empty.
    pub fn new(store: S) -> Self {
        Self(Arc::new(store))
    }
}

impl<S: Store + 'static> Fixture for Shared<S> {
    fn handle(&self) -> Arc<dyn Store> {
        Arc::clone(&self.0) as Arc<dyn Store>
    }
}

/// One thing that is expected of every store.
#[derive(Clone, Copy)]
pub struct Case {
    /// What it is about: `load`, `commit`, `journal`, …
    pub group: &'static str,
    /// What is expected, as a sentence.
    pub name: &'static str,
    run: fn(&dyn Fixture) -> Result<(), Failure>,
}

impl Case {
    /// Runs the case on a fresh fixture.
    ///
    /// # Errors
    /// What was expected of the store, and what it did instead.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use refund_ledger::StoreError;
    /// use refund_ledger::store::conformance::{CASES, Shared, wrappers::Failing};
    /// use refund_ledger::store::memory::MemoryStore;
    /// let case = CASES[0];
    /// case.run(&Shared::new(MemoryStore::new()))?;
    /// let busy = Failing::new(MemoryStore::new(), 1, StoreError::Busy);
    /// assert!(case.run(&Shared::new(busy)).is_err());
    /// # Ok(()) }
    /// ```
    pub fn run(&self, fixture: &dyn Fixture) -> Result<(), Failure> {
        (self.run)(fixture)
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.group, self.name)
    }
}

macro_rules! case_table {
    ([] $($group:ident { $($name:ident,)+ })+) => {
        /// Every case of the suite.
        pub const CASES: &[Case] = &[$($(
            Case {
                group: stringify!($group),
                name: stringify!($name),
                run: cases::$group::$name,
            },
        )+)+];
    };
}
crate::conformance_cases!([case_table] []);

/// Runs one case on a fixture that it makes; what [`conformance_tests!`](crate::conformance_tests)
/// calls in each test.
///
/// # Panics
/// Where the store fails the case, and where there is no such case.
pub fn run<F: Fixture>(group: &str, name: &str, fixture: impl FnOnce() -> F) {
    let case = CASES
        .iter()
        .find(|case| case.group == group && case.name == name)
        .unwrap_or_else(|| panic!("the suite has no case `{group}::{name}`"));
    if let Err(failure) = case.run(&fixture()) {
        panic!("the store fails `{case:?}`: {failure}");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A case that is written but not listed would run nowhere.
    #[test]
    fn every_case_that_is_written_is_listed() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/conformance/cases");
        let mut written = BTreeSet::new();
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let group = path.file_stem().unwrap().to_str().unwrap().to_owned();
            for line in std::fs::read_to_string(&path).unwrap().lines() {
                if let Some((name, _)) = line
                    .strip_prefix("pub(in crate::store::conformance) fn ")
                    .and_then(|rest| rest.split_once('('))
                {
                    written.insert(format!("{group}::{name}"));
                }
            }
        }
        let listed: BTreeSet<String> = CASES.iter().map(|case| format!("{case:?}")).collect();
        assert_eq!(listed.len(), CASES.len(), "a case is listed twice");
        assert_eq!(
            written, listed,
            "the cases that are written (left) and listed (right)"
        );
    }
}

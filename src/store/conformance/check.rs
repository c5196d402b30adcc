//! How a case says what it expected.

use std::fmt::Debug;

use crate::error::LedgerError;
use crate::store::StoreError;

/// What was expected of a store, and what it did instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(String);

impl Failure {
    pub(super) fn new(said: impl Into<String>) -> Self {
        Self(said.into())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self(format!(
            "the store was expected to do as asked; it answered {error:?}"
        ))
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        Self(match error.store_error() {
            Some(store) => {
                format!("the ledger was expected to do as asked; the store answered {store:?}")
            }
            None => format!(
                "the ledger was expected to do as asked; it answered `{}`: {error}",
                error.code()
            ),
        })
    }
}

/// Values are shown so far; a whole ledger would bury the message.
const SHOWN_CHARACTERS_MAX: usize = 3_000;

fn shown(value: &dyn Debug) -> String {
    let whole = format!("{value:?}");
    if whole.chars().count() <= SHOWN_CHARACTERS_MAX {
        return whole;
    }
    whole
        .chars()
        .take(SHOWN_CHARACTERS_MAX)
        .chain("…".chars())
        .collect()
}

/// Fails unless the two are equal.
pub(super) fn same<T: Debug + PartialEq>(
    have: &T,
    want: &T,
    said: impl FnOnce() -> String,
) -> Result<(), Failure> {
    if have == want {
        return Ok(());
    }
    Err(Failure(format!(
        "{}\n  expected: {}\n  found:    {}",
        said(),
        shown(want),
        shown(have)
    )))
}

/// Fails unless the two lists are equal, showing the first place where they differ.
pub(super) fn same_list<T: Debug + PartialEq>(
    have: &[T],
    want: &[T],
    said: impl FnOnce() -> String,
) -> Result<(), Failure> {
    let first = have.iter().zip(want).position(|(have, want)| have != want);
    let (said, at) = match first {
        None if have.len() == want.len() => return Ok(()),
        None => (said(), have.len().min(want.len())),
        Some(at) => (said(), at),
    };
    Err(Failure(format!(
        "{said}\n  expected {} items, found {}; at item {at}\n  expected: {}\n  found:    {}",
        want.len(),
        have.len(),
        shown(&want.get(at)),
        shown(&have.get(at))
    )))
}

/// Fails with the words unless the condition holds.
macro_rules! ensure {
    ($holds:expr, $($said:tt)+) => {
        if $holds {
        } else {
            return Err($crate::store::conformance::Failure::new(format!($($said)+)));
        }
    };
}

/// Fails with the words, and both values, unless they are equal.
macro_rules! equal {
    ($have:expr, $want:expr, $($said:tt)+) => {
        $crate::store::conformance::check::same(&$have, &$want, || format!($($said)+))?
    };
}

/// Fails with the words, and where they differ, unless the two lists are equal.
macro_rules! equal_lists {
    ($have:expr, $want:expr, $($said:tt)+) => {
        $crate::store::conformance::check::same_list(&$have, &$want, || format!($($said)+))?
    };
}

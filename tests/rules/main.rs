//! Each rule as a scenario.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    clippy::type_complexity,
    reason = "tests fail by panicking, and their tables of cases are long"
)]

#[path = "../common/mod.rs"]
mod common;

mod batches;
mod changes;
mod creates;
mod files;
mod money;
mod movements;
mod policy_and_access;
mod precedence;
mod questions;
mod reading;
mod unknown_outcomes;
mod values;

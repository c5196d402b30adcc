//! The command `refunds` as a user meets it: every test runs the real binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails should fail loudly"
)]
#![allow(
    clippy::needless_pass_by_value,
    reason = "helpers of tests read better so"
)]

mod change;
mod csv;
mod exit_codes;
mod export;
mod harness;
mod import;
mod limits;
mod list;
mod postgres;
mod processes;
mod reconcile;
mod serve;
mod token;

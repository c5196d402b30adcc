//! The server as its clients and its operator meet it: the real binary, over loopback.
#![allow(
    clippy::disallowed_methods,
    reason = "tests of a server wait, and measure how long"
)]

mod clients;
mod crashes;
mod hostile;
mod operator;
mod parallel;
pub(crate) mod running;
mod store;

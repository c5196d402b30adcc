//! The refund ledger and its REST contract for JavaScript. Thin: no rule lives here.
//!
//! Text goes in and out: every value crosses as JSON, so one parser and one set of errors serves
//! JavaScript, the REST contract and import files, and what a reply says is what the contract's
//! bodies say. What is thrown is a string of JSON, too.
//!
//! | for | see |
//! |---|---|
//! | a ledger in memory | [`Engine::ask`] |
//! | a ledger over a store in JavaScript | [`Engine::begin`] and [`Session`] |
//! | verifying and the head over such a store | [`Verification`] |
#![allow(
    clippy::needless_pass_by_value,
    reason = "what may be missing crosses from JavaScript by value alone"
)]

mod ask;
#[cfg(feature = "conformance")]
mod conformance;
mod engine;
mod hex;
mod host;
mod json;
mod memory;
mod options;
mod remember;
mod reply;
mod rows;
mod session;
mod verification;

#[cfg(feature = "conformance")]
pub use conformance::{CaseRun, case_names};
pub use engine::Engine;
pub use session::Session;
pub use verification::Verification;

use wasm_bindgen::prelude::wasm_bindgen;

/// The refund whose text a journal entry of these bytes (in hexadecimal digits) may bring; nothing
/// for a movement's own.
#[wasm_bindgen(js_name = textOwner)]
pub fn text_owner(bytes: &str) -> Option<String> {
    rows::text_owner(&hex::decode(bytes)?)
}

/// The movement that a journal entry of these bytes names, as JSON; nothing where they are the bytes
/// of no entry.
#[wasm_bindgen(js_name = entryMovement)]
pub fn entry_movement(bytes: &str) -> Option<String> {
    let entry = refund_ledger::Entry::decode(&hex::decode(bytes)?).ok()?;
    reply::json(&rows::MovementKey::from(&entry.movement)).ok()
}

/// A journal position from the number that JavaScript has for it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what is no whole number is no position, and the nearest one is as wrong"
)]
fn position(number: f64) -> u64 {
    number as u64
}

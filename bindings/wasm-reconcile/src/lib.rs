//! Reconciliation for JavaScript. Thin: no rule lives here.
//!
//! Files go in piece by piece, options and what is thrown are JSON, and reports come out as text.
//! The ledger's side is an export, which is rebuilt in memory by the ledger itself.

mod export;
mod fault;
mod found;
// One file for both modules: a crate that both use would export its functions from both.
#[path = "../../wasm/src/memory.rs"]
mod memory;
mod options;
mod pieces;
mod work;

pub use found::Found;
pub use work::Work;

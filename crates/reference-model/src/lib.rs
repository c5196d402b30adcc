//! A small ledger that was written a second time from the design's text, and what plays random commands on
//! it and on ledgers over any stores, and compares.
//!
//! ```
//! use std::sync::Arc;
//!
//! use refund_ledger::store::memory::MemoryStore;
//! use reference_model::{Mistake, Rig, Search};
//!
//! let search = Search {
//!     sequences: 20,
//!     steps: 20..=20,
//!     races: false,
//!     seed: Some(1),
//!     shrinks: 0,
//! };
//! let play = |mistake| {
//!     search.run(|steps| {
//!         let store = Arc::new(MemoryStore::new());
//!         let rig = Rig::default().with_mistake(mistake);
//!         rig.beside("another", [store.clone(), store])
//!             .play(steps, 1)
//!     })
//! };
//! play(Mistake::None)?;
//! play(Mistake::ReplayWrites).expect_err("a mistake is found");
//! # Ok::<(), reference_model::Mismatch>(())
//! ```

mod amount;
mod command;
mod dice;
mod faulty;
mod host;
mod json;
mod mismatch;
mod model;
mod render;
mod rig;
mod search;
mod view;

pub use faulty::{Fault, Faulty};
pub use host::StillHost;
pub use json::{Json, line, quoted};
pub use mismatch::Mismatch;
pub use model::Mistake;
pub use rig::Rig;
pub use search::{Search, Step};

//! An embedded refund ledger.
//!
//! A ledger records billing movements (charges) and the refunds that give money back on them. It
//! never refunds a movement beyond its amount, never books the same refund twice, and proves
//! afterwards what happened.
//!
//! ```
//! # fn main() -> Result<(), refund_ledger::LedgerError> {
//! use refund_ledger::{AmountRequest, Id, Ledger, MovementKey, MovementRequest, Period,
//!                     RefundRequest, Tax, Text};
//!
//! let ledger = Ledger::in_memory(); // or Ledger::open("refunds.db")?
//! let movement = MovementKey::new("acme", "sub-7", "mov-42")?;
//! let tax = Tax::new("IVA", "21".parse()?)?;
//! ledger.record_movement(&movement, &MovementRequest {
//!     currency: "EUR".parse()?,
//!     occurred_at: "2022-02-01T00:00:00Z".parse()?,
//!     amount: AmountRequest::new(Some("121".parse()?), Some("100".parse()?))?.with_tax(tax.clone()),
//!     description: Text::new("February")?,
//! })?;
//!
//! let request = RefundRequest {
//!     refund_datetime: "2022-02-24T13:45:10Z".parse()?,
//!     period: Period::default(),
//!     amount: AmountRequest::new(Some("12.1".parse()?), None)?.with_tax(tax),
//!     external_invoice_id: Some(Id::new("inv-9")?),
//!     external_refund_unique_id: Id::new("987654321")?,
//!     billable: false,
//!     description: Text::new("Two days without service")?,
//! };
//! let created = ledger.create_refund(&movement, &request)?;
//! assert!(!created.replayed);
//! let again = ledger.create_refund(&movement, &request)?; // a retry books nothing
//! assert!(again.replayed && again.id == created.id);
//!
//! let balance = ledger.balance(&movement)?;
//! assert_eq!(balance.refundable.with, 10_890); // in cents
//! assert!(ledger.verify(None)?.is_valid());
//! # Ok(()) }
//! ```
//!
//! # Words and units
//!
//! A *movement* is a charge that can be refunded; a *refund* gives money back on one movement. A
//! refund's *external id* (`external_refund_unique_id`) is the caller's idempotency key. The
//! *contract* is the REST contract for refunds, version 1; what follows one of its DTOs says which.
//! [`wire`] reads and writes its JSON.
//!
//! | what | inside | outside |
//! |---|---|---|
//! | money | `i64` minor units of the currency (ISO 4217: cents, whole yen, fils), with and without taxes | decimals in major units, such as `12.1`; never through a float |
//! | time | UTC, to the nanosecond | RFC 3339, written with `Z` |
//! | refund ids | 16 bytes | UUIDs (RFC 9562), version 7 |
//! | hashes | SHA-256 | lower-case hexadecimal |
//!
//! # Errors
//!
//! What can fail answers with a [`LedgerError`]. Its [`ErrorCode`] is stable, and the codes stand
//! in the order in which rules are checked. A refused command has changed nothing.
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
//! # fn main() -> Result<(), refund_ledger::LedgerError> {
//! use refund_ledger::ErrorCode;
//! # let (ledger, movement) = ledger()?;
//! # let request = request("r-1", "121.01")?;
//! match ledger.create_refund(&movement, &request) {
//!     Ok(created) => println!("{}", created.id),
//!     Err(error) if error.is_retryable() => println!("again later, with the same external id"),
//!     Err(error) if error.code() == ErrorCode::OverRefund => println!("too much: {error}"),
//!     Err(error) => return Err(error),
//! }
//! # Ok(()) }
//! ```
//!
//! # Where to look
//!
//! | for | see |
//! |---|---|
//! | recording, refunding, reading, verifying | [`Ledger`] |
//! | JSON in and out, import files | [`wire`] |
//! | limits on new refunds | [`Policy`] |
//! | who may do what | [`Authorize`] |
//! | a clock of your own | [`Host`] |
//! | the stores: memory, a SQLite file, a PostgreSQL server, your own | [`store`] |
//! | the rules alone, without I/O | [`decide()`] |
//!
//! # Features
//!
//! | feature | default | what it brings |
//! |---|---|---|
//! | `system` | yes | the platform's clock and randomness, in one place |
//! | `sqlite` | yes | the durable store: one SQLite file, SQLite bundled |
//! | `postgres` | no | the store on a PostgreSQL server, with TLS |
//! | `conformance` | no | the suite of cases that every [`Store`] must pass |
//!
//! Without features the crate is the bare core: rules, journal and the memory store, with no
//! clock, no randomness and no I/O. [`Ledger::new`] then takes a [`Host`] of your own. It builds for
//! `wasm32-unknown-unknown`.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod access;
mod amount;
mod command;
mod currency;
mod decide;
mod error;
mod hash;
mod head;
mod host;
mod id;
mod idempotency;
mod journal;
mod ledger;
mod money;
mod movement;
mod policy;
mod query;
mod refund;
pub mod store;
mod text;
mod time;
mod verify;
pub mod wire;

pub use access::{Access, Action, AllowAll, Authorize, Resource};
pub use amount::{Amount, AmountRequest, Percentage, Tax, Values};
pub use command::{Command, Operation, Repeats};
pub use currency::Currency;
pub use decide::{Context, Decision, Minted, Preserved, Receipt, decide, decide_all};
pub use error::{Detail, ErrorCode, Holder, LedgerError, excerpt};
pub use hash::Hash;
pub use head::Head;
pub use host::Host;
#[cfg(feature = "system")]
pub use host::SystemHost;
pub use id::{ID_BYTES_MAX, Id, MovementKey, RefundId};
pub use journal::{
    Entry, EntryContent, EntryKind, JournalEntry, JournalPosition, JournalRecord, MovementContent,
    RefundContentEntry, TextOwner, entry_hash, text_owner,
};
pub use ledger::{
    Atomicity, Balance, Batch, Created, JournalPage, Ledger, Recorded, RefundPage, RestoreError,
    Revision,
};
pub use money::{DecimalValue, JsonMoney, SIGNIFICANT_DIGITS_MAX, minor_to_decimal};
pub use movement::{ChainEnd, Movement, MovementRequest, Refunded};
pub use policy::Policy;
pub use query::{
    CurrencyTotals, Cursor, LIST_LIMIT_MAX, ListAfter, Page, RefundFilter, RefundQuery,
};
pub use refund::{
    ExternalId, KindName, NonSubscribableRefundRequest, Refund, RefundContent, RefundDetails,
    RefundKind, RefundRequest,
};
pub use store::{RefundLookup, Store, StoreError};
pub use text::{Description, Salt, SaltedText, TEXT_SCALARS_MAX, Text};
pub use time::{Period, Timestamp};
pub use verify::{Finding, Report, Verdict, Verifier};

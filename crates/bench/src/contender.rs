//! What both sides can do.

use std::fmt::Debug;
use std::path::Path;

/// The org of every movement in a measurement.
pub const ORG: &str = "acme";

/// Lists of the org begin with refunds of this instant.
pub const LIST_FROM: &str = "2022-02-03T00:00:00Z";

/// Lists of the org end before this instant.
pub const LIST_TO: &str = "2022-02-27T00:00:00Z";

/// How many refunds a page of a list holds.
pub const PAGE: usize = 100;

/// A refund ledger that is measured. Its methods fail loudly, but for those that may be refused.
pub trait Contender: Sized {
    /// A request as a program holds it in memory: to record a movement, or to book a refund.
    type Request;
    /// Names a movement.
    type Key;
    /// Names a refund.
    type Id: Copy;
    /// A refund as it is read.
    type Refund;
    /// Where a page of a list ended.
    type Cursor;
    /// Why a request was not carried out.
    type Refusal: Debug;

    /// Opens the ledger in a file, or makes one.
    fn open(path: &Path) -> Self;

    /// Makes one in memory.
    fn in_memory() -> Self;

    /// Has whatever lists need.
    fn serve_lists(&mut self);

    /// Reads a request from a line of JSON.
    fn request(line: &str) -> Self::Request;

    /// The key of a movement of the [`Input`](crate::Input).
    fn key(movement: usize) -> Self::Key;

    /// Carries out one request in a transaction of its own.
    ///
    /// # Errors
    /// If it is refused, or was carried out before.
    fn execute(&mut self, request: &Self::Request) -> Result<(), Self::Refusal>;

    /// Carries out all requests in one transaction, or none.
    ///
    /// # Errors
    /// If one is refused, or was carried out before.
    fn execute_all(&mut self, requests: &[Self::Request]) -> Result<(), Self::Refusal>;

    /// Reads a file of JSON Lines and carries out
    /// [`LINES_PER_TRANSACTION`](crate::LINES_PER_TRANSACTION) of them at once.
    fn import(&mut self, lines: &Path);

    /// The refunds of a movement, in the order of their instants.
    fn refunds_of(&mut self, movement: &Self::Key) -> Vec<Self::Refund>;

    /// The first [`PAGE`] refunds of the [`ORG`] between [`LIST_FROM`] and [`LIST_TO`], or those after a
    /// page before. The cursor continues the list where there may be more.
    fn page(&mut self, after: Option<Self::Cursor>) -> (Vec<Self::Refund>, Option<Self::Cursor>);

    /// A refund of a movement.
    fn refund(&mut self, movement: &Self::Key, id: Self::Id) -> Self::Refund;

    /// Whether the ledger is consistent, as far as it can tell.
    fn verify(&mut self) -> bool;

    /// The id of a refund.
    fn id(refund: &Self::Refund) -> Self::Id;

    /// The external id of a refund, and its amounts with and without taxes in cents.
    fn content(refund: &Self::Refund) -> (String, i64, i64);
}

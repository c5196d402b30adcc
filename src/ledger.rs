//! What a Rust program calls.

mod export;
mod read;

pub use export::RestoreError;
pub use read::{JournalPage, RefundPage};

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::access::{self, Access, Action, AllowAll, Authorize, Resource};
use crate::amount::Values;
use crate::command::{Command, Operation, Repeats};
use crate::currency::Currency;
use crate::decide::{Context, Minted, Receipt, decide_all};
use crate::error::LedgerError;
use crate::host::Host;
use crate::id::{Id, MovementKey, RefundId};
use crate::journal::{EntryKind, JournalEntry, entry_hash};
use crate::movement::{Movement, MovementRequest};
use crate::policy::Policy;
use crate::refund::{NonSubscribableRefundRequest, Refund, RefundContent, RefundRequest};
#[cfg(feature = "system")]
use crate::store::memory::MemoryStore;
use crate::store::{
    Loaded, Precondition, ReadSet, RefundLookup, ScanRange, ScanRow, Snapshot, Store, StoreError,
    WriteBatch,
};
use crate::time::Timestamp;

/// How often a transaction may lose its connection while it commits before its outcome is left unknown:
/// each time takes up to the store's time limit.
const LOSSES_MAX: u32 = 4;

/// The answer to a refund that was created, now or before: the contract's
/// `GenericCreatedResponseDTO`, and whether it is a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Created {
    /// The refund's id.
    pub id: RefundId,
    /// Whether it had been created before, by a request with the same external id and content. The
    /// contract answers 201 to both.
    pub replayed: bool,
}

/// The answer to any other change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The refund's revision now; `None` for a movement.
    pub revision: Option<u32>,
    /// Whether nothing had to be written.
    pub replayed: bool,
}

/// The balance of a movement: what was charged, what was given back, what is left. All in minor
/// units of its currency, with and without taxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// The movement's currency.
    pub currency: Currency,
    /// The movement's amount.
    pub amount: Values,
    /// What its live refunds add up to.
    pub refunded: Values,
    /// What can still be refunded, the amount less the live refunds.
    pub refundable: Values,
    /// How many live refunds there are.
    pub count: u32,
}

impl Balance {
    pub(crate) fn of(movement: &Movement) -> Self {
        Self {
            currency: movement.amount.currency(),
            amount: movement.amount.values(),
            refunded: movement.refunded.values,
            refundable: movement.refundable().unwrap_or_default(),
            count: movement.refunded.count,
        }
    }
}

/// One revision of a refund, with who made it. [`Ledger::history`] lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// What the change was.
    pub kind: EntryKind,
    /// Who made it.
    pub actor: Id,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The refund after the change.
    pub refund: Refund,
}

/// Whether one refused command keeps the others of its batch from being carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Atomicity {
    /// All or none.
    #[default]
    All,
    /// Each on its own: good ones land, bad ones are reported.
    PerItem,
}

/// How [`Ledger::execute_all`] carries out a batch of commands. The default is all or nothing,
/// answered as single requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Whether a refusal stops all.
    pub atomicity: Atomicity,
    /// How repeated commands are answered.
    pub repeats: Repeats,
}

/// A refund ledger over a store. Cloning it is cheap and shares the store.
///
/// Every call blocks until the store has answered. A change that was answered is as durable as the
/// store makes it.
///
/// # Errors of every call
/// Beside the codes that a method lists, each call answers `unauthorized` or `forbidden` where the
/// [`Authorize`] hook does not allow it, and `timeout`, `store_unavailable`, `store_corrupted` or
/// `internal` where the store could not do it ([`LedgerError::store_error`] says more).
///
/// # The examples
/// To be short, the examples of the methods share some helpers. `ledger()` makes a ledger in memory
/// with one movement of 121 EUR, 100 without taxes; `charge()` is what it was recorded from.
/// `request("r-1", "12.1")` is a [`RefundRequest`] with this external id and this value with taxes.
/// `create_command` is the same as a [`Command`], and `goods_request` makes a
/// [`NonSubscribableRefundRequest`] without an external id.
#[derive(Clone)]
pub struct Ledger {
    store: Arc<dyn Store>,
    host: Arc<dyn Host>,
    access: Arc<dyn Authorize>,
    policy: Policy,
    actor: Id,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("actor", &self.actor)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl Ledger {
    /// The ledger in a SQLite file, which is made if there is none. It has the platform's clock and
    /// randomness.
    ///
    /// # Errors
    /// `internal` where the file can't be opened or is not a ledger of this version (see
    /// [`LedgerError::store_error`]); `store_corrupted` where it is damaged; `timeout` where
    /// others keep it locked.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let (path, photo) = (folder.path().join("refunds.db"), folder.path().join("photo.png"));
    /// # std::fs::write(&photo, "a picture, not a ledger")?;
    /// use refund_ledger::{ErrorCode, Ledger};
    /// let ledger = Ledger::open(&path)?; // for example `refunds.db`
    /// assert!(ledger.verify(None)?.is_valid());
    ///
    /// let refused = Ledger::open(&photo).unwrap_err(); // a file of something else
    /// assert_eq!(refused.code(), ErrorCode::Internal);
    /// # Ok(()) }
    /// ```
    #[cfg(all(feature = "system", feature = "sqlite"))]
    pub fn open(path: impl AsRef<std::path::Path>) -> Result<Self, LedgerError> {
        let store = crate::store::sqlite::SqliteStore::open(path.as_ref())?;
        Ok(Self::with_system_host(Arc::new(store)))
    }

    /// A ledger in memory, with the platform's clock and randomness. Nothing of it outlives the
    /// process.
    #[cfg(feature = "system")]
    pub fn in_memory() -> Self {
        Self::with_system_host(Arc::new(MemoryStore::new()))
    }

    /// A ledger over any store, with the platform's clock and randomness.
    #[cfg(feature = "system")]
    pub fn with_system_host(store: Arc<dyn Store>) -> Self {
        Self::new(store, Arc::new(crate::host::SystemHost::default()))
    }

    /// A ledger over any store and host. Its actor is `local`, its policy the default, and
    /// everything is allowed.
    pub fn new(store: Arc<dyn Store>, host: Arc<dyn Host>) -> Self {
        Self {
            store,
            host,
            access: Arc::new(AllowAll),
            policy: Policy::default(),
            actor: Id::local(),
        }
    }

    /// The same ledger for another caller. The journal records the actor with every change, and the
    /// [`Authorize`] hook is asked about it.
    #[must_use]
    pub fn with_actor(mut self, actor: Id) -> Self {
        self.actor = actor;
        self
    }

    /// The same ledger under another [`Policy`].
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// The same ledger with a hook that decides who may do what (see [`Authorize`]).
    #[must_use]
    pub fn with_access(mut self, access: Arc<dyn Authorize>) -> Self {
        self.access = access;
        self
    }

    /// The store behind the ledger. What is committed there directly passes by the rules, the
    /// policy and the hook.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The same ledger, whose calls wait at most this long for others, where the store can limit it
    /// (see [`Store::with_time_limit`]); then they answer `timeout`. For a caller with a deadline.
    #[must_use]
    pub fn with_time_limit(mut self, limit: Duration) -> Self {
        if let Some(limited) = self.store.with_time_limit(limit) {
            self.store = limited;
        }
        self
    }

    /// Whether the actor may do this, as the [`Authorize`] hook says. Every call asks by itself; this
    /// is for a front that has to refuse a caller before it reads the rest of the request.
    ///
    /// # Errors
    /// `unauthorized` or `forbidden`.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{Access, Action, Authorize, ErrorCode, Id, Resource};
    /// use std::sync::Arc;
    ///
    /// struct Nobody;
    /// impl Authorize for Nobody {
    ///     fn authorize(&self, _: &Id, _: Action, _: Resource<'_>) -> Result<Access, String> {
    ///         Ok(Access::Forbidden)
    ///     }
    /// }
    ///
    /// let (ledger, movement) = ledger()?;
    /// assert!(ledger.authorize(Action::Read, Resource::Movement(&movement)).is_ok());
    /// let closed = ledger.with_access(Arc::new(Nobody));
    /// let refused = closed.authorize(Action::Read, Resource::Movement(&movement)).unwrap_err();
    /// assert_eq!(refused.code(), ErrorCode::Forbidden);
    /// # Ok(()) }
    /// ```
    pub fn authorize(&self, action: Action, resource: Resource<'_>) -> Result<(), LedgerError> {
        access::check(&*self.access, &self.actor, action, resource)
    }

    /// Records a movement: a charge that can be refunded from now on. The same again with the same
    /// content is a replay.
    ///
    /// # Errors
    /// `idempotency_conflict` where the movement is there with other content; `currency_mismatch`,
    /// `invalid_request` or `tax_mismatch` for its amount.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{ErrorCode, Ledger, MovementKey, Text};
    /// let ledger = Ledger::in_memory();
    /// let movement = MovementKey::new("acme", "sub-7", "mov-42")?;
    /// assert!(!ledger.record_movement(&movement, &charge()?)?.replayed);
    /// assert!(ledger.record_movement(&movement, &charge()?)?.replayed); // nothing is written
    ///
    /// let mut other = charge()?;
    /// other.description = Text::new("March")?;
    /// let refused = ledger.record_movement(&movement, &other).unwrap_err();
    /// assert_eq!(refused.code(), ErrorCode::IdempotencyConflict);
    /// assert_eq!(refused.details()[0].field, "description");
    /// # Ok(()) }
    /// ```
    pub fn record_movement(
        &self,
        movement: &MovementKey,
        request: &MovementRequest,
    ) -> Result<Recorded, LedgerError> {
        self.change(movement, Operation::RecordMovement(request.clone()))
    }

    /// Takes a mistyped movement back. It can then be recorded anew; its chain goes on.
    ///
    /// # Errors
    /// `movement_not_found`; `over_refund` where it has live refunds.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{ErrorCode, RefundLookup};
    /// let (ledger, movement) = ledger()?;
    /// let refund = RefundLookup::Id(ledger.create_refund(&movement, &request("r-1", "12.1")?)?.id);
    /// let refused = ledger.void_movement(&movement).unwrap_err();
    /// assert_eq!(refused.code(), ErrorCode::OverRefund); // it has a live refund
    ///
    /// ledger.delete_refund(&movement, refund, None)?;
    /// ledger.void_movement(&movement)?;
    /// let refused = ledger.balance(&movement).unwrap_err();
    /// assert_eq!(refused.code(), ErrorCode::MovementNotFound);
    /// # Ok(()) }
    /// ```
    pub fn void_movement(&self, movement: &MovementKey) -> Result<Recorded, LedgerError> {
        self.change(movement, Operation::VoidMovement)
    }

    /// Books a refund: the contract's POST of a `RefundRequestDTO`. The same external id again with
    /// the same content is a replay, whatever has happened to the refund or the balance since,
    /// short of its deletion.
    ///
    /// # Errors
    /// In the order in which they are checked: `movement_not_found`; `refund_deleted` or
    /// `idempotency_conflict` where the external id is taken; `currency_mismatch`,
    /// `invalid_request` or `tax_mismatch` for the amount; those of the [`Policy`]; `over_refund`
    /// where it would take more than is left.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::ErrorCode;
    /// let (ledger, movement) = ledger()?;
    /// let created = ledger.create_refund(&movement, &request("r-1", "100")?)?;
    /// let again = ledger.create_refund(&movement, &request("r-1", "100.00")?)?; // a retry
    /// assert!(again.replayed && again.id == created.id);
    ///
    /// let refused = ledger.create_refund(&movement, &request("r-1", "50")?).unwrap_err();
    /// assert_eq!(refused.code(), ErrorCode::IdempotencyConflict); // the same id, another amount
    /// let refused = ledger.create_refund(&movement, &request("r-2", "21.01")?).unwrap_err();
    /// assert_eq!(refused.code(), ErrorCode::OverRefund); // 21 are left
    /// # Ok(()) }
    /// ```
    pub fn create_refund(
        &self,
        movement: &MovementKey,
        request: &RefundRequest,
    ) -> Result<Created, LedgerError> {
        self.create(movement, request.into(), None)
    }

    /// Books a refund of products that can't be subscribed to: the contract's POST of a
    /// `RefundNonSubscribableProductsRequestDTO`. `idempotency_key` takes the place of an external
    /// id where the request has none; it is ignored where the request has one. With neither, the
    /// request is booked as often as it comes.
    ///
    /// # Errors
    /// As [`Ledger::create_refund`].
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{ErrorCode, Id};
    /// let (ledger, movement) = ledger()?;
    /// let key = Id::new("attempt-1")?;
    /// let book = |value| {
    ///     let request = goods_request(value)?;
    ///     ledger.create_non_subscribable_refund(&movement, &request, Some(key.clone()))
    /// };
    /// assert!(!book("10")?.replayed);
    /// assert!(book("10")?.replayed);
    /// assert_eq!(book("11").unwrap_err().code(), ErrorCode::IdempotencyConflict);
    /// # Ok(()) }
    /// ```
    pub fn create_non_subscribable_refund(
        &self,
        movement: &MovementKey,
        request: &NonSubscribableRefundRequest,
        idempotency_key: Option<Id>,
    ) -> Result<Created, LedgerError> {
        self.create(movement, request.into(), idempotency_key)
    }

    fn create(
        &self,
        movement: &MovementKey,
        content: RefundContent,
        idempotency_key: Option<Id>,
    ) -> Result<Created, LedgerError> {
        let receipt = self.execute(&Command {
            movement: movement.clone(),
            operation: Operation::CreateRefund {
                content,
                idempotency_key,
            },
        })?;
        let id = receipt
            .refund_id
            .ok_or_else(|| LedgerError::internal("a refund was created without an id"))?;
        Ok(Created {
            id,
            replayed: receipt.replayed,
        })
    }

    /// Replaces the content of a refund, all but its external id: the contract's PUT. Its old
    /// amount is given back first. An update that changes nothing writes nothing, whatever revision
    /// is expected. `expected_revision` guards against the change of somebody else in between;
    /// `None` updates whatever is there.
    ///
    /// # Errors
    /// `movement_not_found`, `refund_not_found`; `kind_mismatch` where the content is of the other
    /// kind; `immutable_field` where it changes the external id; `stale_revision`; and those of
    /// [`Ledger::create_refund`] from `currency_mismatch` on.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{ErrorCode, RefundLookup};
    /// let (ledger, movement) = ledger()?;
    /// let refund = RefundLookup::Id(ledger.create_refund(&movement, &request("r-1", "12.1")?)?.id);
    /// let more = request("r-1", "24.2")?;
    /// let updated = ledger.update_refund(&movement, refund.clone(), more, Some(1))?;
    /// assert_eq!(updated.revision, Some(2));
    ///
    /// let late = request("r-1", "36.3")?; // made from revision 1
    /// let refused = ledger.update_refund(&movement, refund, late, Some(1)).unwrap_err();
    /// assert_eq!(refused.code(), ErrorCode::StaleRevision);
    /// # Ok(()) }
    /// ```
    pub fn update_refund(
        &self,
        movement: &MovementKey,
        refund: impl Into<RefundLookup>,
        content: impl Into<RefundContent>,
        expected_revision: Option<u32>,
    ) -> Result<Recorded, LedgerError> {
        let content = content.into();
        self.change(
            movement,
            Operation::UpdateRefund {
                refund: refund.into(),
                expected_revision,
                content,
            },
        )
    }

    /// Deletes a refund: the contract's DELETE. Its amount can be refunded again; its external id
    /// stays taken.
    ///
    /// # Errors
    /// `movement_not_found`; `refund_not_found`, also where it was deleted before;
    /// `stale_revision` where it is not at `expected_revision`.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{ErrorCode, RefundLookup};
    /// let (ledger, movement) = ledger()?;
    /// let refund = RefundLookup::Id(ledger.create_refund(&movement, &request("r-1", "121")?)?.id);
    /// ledger.delete_refund(&movement, refund.clone(), None)?;
    /// assert_eq!(ledger.balance(&movement)?.refundable.with, 12_100);
    ///
    /// let refused = ledger.delete_refund(&movement, refund, None).unwrap_err();
    /// assert_eq!(refused.code(), ErrorCode::RefundNotFound);
    /// let refused = ledger.create_refund(&movement, &request("r-1", "121")?).unwrap_err();
    /// assert_eq!(refused.code(), ErrorCode::RefundDeleted); // a new refund needs a new id
    /// # Ok(()) }
    /// ```
    pub fn delete_refund(
        &self,
        movement: &MovementKey,
        refund: impl Into<RefundLookup>,
        expected_revision: Option<u32>,
    ) -> Result<Recorded, LedgerError> {
        self.change(
            movement,
            Operation::DeleteRefund {
                refund: refund.into(),
                expected_revision,
            },
        )
    }

    /// Erases the descriptions of a refund (or of the movement itself) in all revisions, so that
    /// the text is in none of the store's files. Every chain stays whole, and no revision changes.
    /// Deleted refunds and voided movements can be erased too.
    ///
    /// # Errors
    /// `movement_not_found`, `refund_not_found`; `timeout` where readers of an older state keep
    /// the store from removing the text: the same call finishes it.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{ErrorCode, Id, RefundLookup};
    /// let (ledger, movement) = ledger()?;
    /// let refund = RefundLookup::Id(ledger.create_refund(&movement, &request("r-1", "12.1")?)?.id);
    /// ledger.erase_text(&movement, Some(refund.clone()))?;
    /// assert_eq!(ledger.refund(&movement, &refund)?.details.description.text(), None);
    /// assert!(ledger.verify(None)?.is_valid());
    ///
    /// let unknown = RefundLookup::ExternalId(Id::new("r-2")?);
    /// let refused = ledger.erase_text(&movement, Some(unknown)).unwrap_err();
    /// assert_eq!(refused.code(), ErrorCode::RefundNotFound);
    /// # Ok(()) }
    /// ```
    pub fn erase_text(
        &self,
        movement: &MovementKey,
        refund: Option<RefundLookup>,
    ) -> Result<Recorded, LedgerError> {
        self.change(
            movement,
            Operation::EraseText {
                refund,
                expected_revision: None,
            },
        )
    }

    fn change(
        &self,
        movement: &MovementKey,
        operation: Operation,
    ) -> Result<Recorded, LedgerError> {
        let receipt = self.execute(&Command {
            movement: movement.clone(),
            operation,
        })?;
        Ok(Recorded {
            revision: receipt.revision,
            replayed: receipt.replayed,
        })
    }

    /// Carries out one command, as the method that is named like its [`Operation`] does.
    ///
    /// # Errors
    /// The first rule that the command breaks, in the order of
    /// [`ErrorCode`](crate::ErrorCode), or what the store could not do.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{Command, ErrorCode, Operation};
    /// let (ledger, movement) = ledger()?;
    /// let command = Command { movement, operation: Operation::VoidMovement };
    /// assert!(!ledger.execute(&command)?.replayed);
    ///
    /// let refused = ledger.execute(&command).unwrap_err(); // it is not there any more
    /// assert_eq!(refused.code(), ErrorCode::MovementNotFound);
    /// # Ok(()) }
    /// ```
    pub fn execute(&self, command: &Command) -> Result<Receipt, LedgerError> {
        self.execute_all(std::slice::from_ref(command), Batch::default())?
            .pop()
            .unwrap_or_else(|| Err(LedgerError::internal("a command without an answer")))
    }

    /// Carries out commands in order, in one transaction, each seeing what the earlier ones did.
    /// There is one result per command. Under [`Atomicity::All`] one refusal is enough for
    /// nothing to be written; the other results then say what would have been.
    ///
    /// An erasure that is committed, but whose text readers of an older state keep in the store's
    /// files, is answered with `timeout`; sent again, it finishes. Under [`Atomicity::All`], where a
    /// refusal says that nothing was written, the outcome of a batch with others in it is unknown.
    ///
    /// # Errors
    /// What the store could not do. Nothing was then written, unless the store error is
    /// [`StoreError::OutcomeUnknown`]. What a command is refused for stands in its own result.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{Atomicity, Batch, ErrorCode};
    /// let (ledger, movement) = ledger()?;
    /// let create = |external_id| create_command(&movement, external_id, "100");
    /// let commands = [create("r-1")?, create("r-2")?];
    /// let results = ledger.execute_all(&commands, Batch::default())?; // all or none
    /// assert_eq!(results[1].as_ref().unwrap_err().code(), ErrorCode::OverRefund);
    /// assert_eq!(ledger.balance(&movement)?.count, 0);
    ///
    /// let each = Batch { atomicity: Atomicity::PerItem, ..Batch::default() };
    /// let results = ledger.execute_all(&commands, each)?;
    /// assert!(results[0].is_ok() && results[1].is_err());
    /// assert_eq!(ledger.balance(&movement)?.count, 1);
    /// # Ok(()) }
    /// ```
    pub fn execute_all(
        &self,
        commands: &[Command],
        batch: Batch,
    ) -> Result<Vec<Result<Receipt, LedgerError>>, LedgerError> {
        let now = self.host.now();
        let mut planned = Vec::with_capacity(commands.len());
        let mut refused = Vec::new();
        let mut wanted = ReadSet::default();
        for (at, command) in commands.iter().enumerate() {
            let resource = Resource::Movement(&command.movement);
            match self.authorize(command.action(), resource) {
                Ok(()) => {
                    command.read_set(batch.repeats, &mut wanted);
                    planned.push((command, self.host.mint(now)?));
                }
                Err(error) => refused.push((at, error)),
            }
        }
        // Where nothing is allowed nothing is read: a store that fails must not answer instead.
        let mut results = if planned.is_empty() {
            Vec::new()
        } else if !refused.is_empty() && batch.atomicity == Atomicity::All {
            self.decide_only(&planned, &wanted, now, batch)?
        } else {
            self.transact(&planned, &wanted, now, batch)?
        };
        for (at, error) in refused {
            results.insert(at, Err(error));
        }
        self.scrub_after(commands, batch, &mut results)?;
        for error in results
            .iter_mut()
            .filter_map(|result| result.as_mut().err())
        {
            self.hide_holder(error);
        }
        Ok(results)
    }

    /// Removes erased texts from the store's files. Where readers of an older state hold it back,
    /// the erasures are answered with `timeout`, though they are committed: sent again, they finish.
    ///
    /// # Errors
    /// The same for a batch of which a refusal would say that nothing was written.
    fn scrub_after(
        &self,
        commands: &[Command],
        batch: Batch,
        results: &mut [Result<Receipt, LedgerError>],
    ) -> Result<(), LedgerError> {
        let nothing_written =
            batch.atomicity == Atomicity::All && results.iter().any(Result::is_err);
        let is_erasure =
            |command: &Command| matches!(command.operation, Operation::EraseText { .. });
        if nothing_written || !commands.iter().any(is_erasure) {
            return Ok(());
        }
        let error = match self.store.scrub() {
            Ok(()) => return Ok(()),
            Err(StoreError::Busy) if commands.len() == 1 || batch.atomicity != Atomicity::All => {
                StoreError::Busy
            }
            // All is committed: anything else would say that nothing was.
            Err(error) => still_unknown(error),
        };
        if batch.atomicity == Atomicity::All {
            return Err(error.into());
        }
        for (result, command) in results.iter_mut().zip(commands) {
            if result.is_ok() && is_erasure(command) {
                *result = Err(error.clone().into());
            }
        }
        Ok(())
    }

    /// What the commands would come to, without writing.
    fn decide_only(
        &self,
        planned: &[(&Command, Minted)],
        wanted: &ReadSet,
        now: Timestamp,
        batch: Batch,
    ) -> Result<Vec<Result<Receipt, LedgerError>>, LedgerError> {
        let context = self.context(now, batch);
        let (results, _) = decide_all(planned.iter().copied(), self.store.load(wanted)?, &context);
        Ok(results)
    }

    fn context(&self, now: Timestamp, batch: Batch) -> Context<'_> {
        Context {
            now,
            actor: &self.actor,
            policy: &self.policy,
            repeats: batch.repeats,
        }
    }

    fn transact(
        &self,
        planned: &[(&Command, Minted)],
        wanted: &ReadSet,
        now: Timestamp,
        batch: Batch,
    ) -> Result<Vec<Result<Receipt, LedgerError>>, LedgerError> {
        let context = self.context(now, batch);
        let mut results = Vec::new();
        let mut decide = |snapshot: Snapshot| {
            let (decided, writes) = decide_all(planned.iter().copied(), snapshot, &context);
            results = decided;
            let refused = results.iter().any(Result::is_err);
            if refused && batch.atomicity == Atomicity::All {
                WriteBatch::default()
            } else {
                writes
            }
        };
        self.commit_for_certain(wanted, &mut decide)
            .map_err(|error| self.explained(error, planned))?;
        Ok(results)
    }

    /// The same error, unless it is a conflict that no attempt can end: with a refund that has the
    /// id already which the host minted.
    fn explained(&self, error: LedgerError, planned: &[(&Command, Minted)]) -> LedgerError {
        if error.store_error() != Some(&StoreError::Conflict) {
            return error;
        }
        let mut ids = ReadSet::default();
        for (command, minted) in planned {
            ids.want_refund(command.movement.org(), minted.refund_id.into(), None);
        }
        let is_taken = |found: Snapshot| {
            planned
                .iter()
                .any(|(_, minted)| found.has_refund(minted.refund_id))
        };
        if self.store.load(&ids).is_ok_and(is_taken) {
            return LedgerError::internal(
                "a refund has the id already that was minted for another; mint each id once",
            );
        }
        error
    }

    /// A transaction whose outcome is known at the end, even where the store lost its connection
    /// during the commit: the journal then tells, once a transaction after it has gone through. A
    /// look at the journal alone would not do: what a server shows may not have reached the others
    /// yet that the store writes to, while a transaction waits for them.
    fn commit_for_certain(
        &self,
        wanted: &ReadSet,
        decide: &mut dyn FnMut(Snapshot) -> WriteBatch,
    ) -> Result<(), LedgerError> {
        let mut unknown: Option<Attempt> = None;
        let mut losses = 0_u32;
        while losses < LOSSES_MAX {
            let mut changed = false;
            let mut attempted = None;
            let outcome = self.store.transact(wanted, &mut |snapshot| {
                if let Some(unknown) = &unknown
                    && !unknown.is_still_ahead(&snapshot)
                {
                    // Somebody wrote, and it may have been us: the journal decides below.
                    changed = true;
                    return WriteBatch::default();
                }
                let batch = decide(snapshot);
                attempted = Attempt::of(&batch);
                batch
            });
            match (outcome, unknown.take()) {
                (Ok(()), Some(lost)) if changed => {
                    if self.was_committed(&lost).map_err(still_unknown)? {
                        return Ok(());
                    }
                }
                (Ok(()), _) => return Ok(()),
                // An attempt that only looked leaves in doubt what was in doubt before it.
                (Err(StoreError::OutcomeUnknown { .. }), lost) => {
                    losses = losses.saturating_add(1);
                    unknown = attempted.or(lost);
                }
                (Err(error), None) => return Err(error.into()),
                // The lost attempt may have been carried out, or be on its way.
                (Err(error), Some(_)) => return Err(still_unknown(error).into()),
            }
        }
        Err(StoreError::OutcomeUnknown {
            reason: "every attempt lost its connection".into(),
        }
        .into())
    }

    /// Whether the attempt's first entry is in the journal: it was applied in full or not at all.
    fn was_committed(&self, attempt: &Attempt) -> Result<bool, StoreError> {
        let entry = &attempt.first;
        let planned = entry_hash(&entry.bytes);
        let mut found = false;
        self.store.scan(
            &ScanRange {
                only: Some(&entry.movement),
                entries: true,
                ..ScanRange::default()
            },
            &mut |row| {
                if let ScanRow::Entry(record) = row
                    && record.entry.sequence == entry.sequence
                {
                    found = entry_hash(&record.entry.bytes) == planned;
                    return std::ops::ControlFlow::Break(());
                }
                std::ops::ControlFlow::Continue(())
            },
        )?;
        Ok(found)
    }

    /// Who holds an external id is told only to those who may read the holder.
    fn hide_holder(&self, error: &mut LedgerError) {
        let readable = error.holder().is_none_or(|holder| {
            let resource = Resource::Movement(&holder.movement);
            let answer = self.access.authorize(&self.actor, Action::Read, resource);
            matches!(answer, Ok(Access::Allow))
        });
        if !readable {
            error.clear_holder();
        }
    }
}

/// What keeps the outcome of an earlier attempt from being found out.
fn still_unknown(error: StoreError) -> StoreError {
    match error {
        StoreError::OutcomeUnknown { .. } => error,
        other => StoreError::OutcomeUnknown {
            reason: other.to_string(),
        },
    }
}

/// What of a batch tells afterwards whether it was committed. Every batch leaves this behind, so it
/// holds no more than that.
#[derive(Debug)]
struct Attempt {
    first: JournalEntry,
    /// The movements that the batch writes, each with the length of its chain before.
    versions: Vec<(MovementKey, u64)>,
}

impl Attempt {
    /// `None` for a batch that writes nothing.
    fn of(batch: &WriteBatch) -> Option<Self> {
        let versions = batch.preconditions.iter().filter_map(|precondition| {
            if let Precondition::MovementAt { movement, version } = precondition {
                Some((movement.clone(), *version))
            } else {
                None
            }
        });
        Some(Self {
            first: batch.entries.first()?.clone(),
            versions: versions.collect(),
        })
    }

    /// Whether every movement that it writes is still as it was before it.
    fn is_still_ahead(&self, snapshot: &Snapshot) -> bool {
        self.versions
            .iter()
            .all(|(movement, version)| match snapshot.movement(movement) {
                Loaded::Present(now) => now.chain.length == *version,
                Loaded::Absent | Loaded::NotLoaded => *version == 0,
            })
    }
}

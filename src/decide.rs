//! The rules: pure functions from a command and what the store holds to what to write.
//!
//! Nothing here does I/O, asks a clock or draws a random number; what a decision needs of those
//! comes in its [`Context`] and its [`Minted`] values. Deciding the same twice gives the same.

mod change;
mod create_refund;
mod delete_refund;
mod erase_text;
mod record_movement;
mod restore;
mod update_refund;
mod void_movement;

pub use restore::Preserved;
pub(crate) use restore::restore;

use crate::amount::Values;
use crate::command::{Command, Operation, Repeats};
use crate::error::{ErrorCode, LedgerError};
use crate::hash::Hash;
use crate::id::{Id, MovementKey, RefundId};
use crate::money::minor_to_decimal;
use crate::movement::{ChainEnd, Movement};
use crate::policy::Policy;
use crate::refund::Refund;
use crate::store::batch::{BatchBuilder, Change};
use crate::store::{Loaded, LoadedRefund, RefundLookup, Snapshot, WriteBatch};
use crate::text::Salt;
use crate::time::Timestamp;

/// What every command of a batch is decided with (see [`decide`]).
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The time, as the [`Host`](crate::Host) tells it.
    pub now: Timestamp,
    /// Who asks.
    pub actor: &'a Id,
    /// What the operator allows.
    pub policy: &'a Policy,
    /// How repeated commands are answered.
    pub repeats: Repeats,
}

/// What the [`Host`](crate::Host) mints for a command before its first attempt, so that a second
/// attempt decides the same.
#[derive(Clone, Copy, Debug)]
pub struct Minted {
    /// The id of the refund that the command may create.
    pub refund_id: RefundId,
    /// The salt of the text that it may bring.
    pub salt: Salt,
}

/// The answer to a command that was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The refund that the command was about.
    pub refund_id: Option<RefundId>,
    /// That refund's revision after the command.
    pub revision: Option<u32>,
    /// Whether the command had been carried out before, so that nothing was written.
    pub replayed: bool,
}

impl Receipt {
    fn of_movement(replayed: bool) -> Self {
        Self {
            refund_id: None,
            revision: None,
            replayed,
        }
    }

    fn of_refund(refund: &Refund, replayed: bool) -> Self {
        Self {
            refund_id: Some(refund.id),
            revision: Some(refund.revision),
            replayed,
        }
    }
}

/// What a command comes to: an answer, and what has to be written for it to be true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The answer.
    pub receipt: Receipt,
    change: Option<Change>,
}

impl Decision {
    fn replay(receipt: Receipt) -> Self {
        Self {
            receipt,
            change: None,
        }
    }

    fn of_refund(change: Change) -> Self {
        let refund_id = change.refund.as_ref().map(|refund| refund.id);
        let revision = change.refund.as_ref().map(|refund| refund.revision);
        Self {
            receipt: Receipt {
                refund_id,
                revision,
                replayed: false,
            },
            change: Some(change),
        }
    }

    /// What to write for this decision alone; empty for a replay. `snapshot` is the one that it was
    /// decided on: the preconditions of the batch are read off it.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use refund_ledger::store::ReadSet;
    /// # use refund_ledger::{Context, Host, Id, Policy, Repeats, SystemHost};
    /// # let (ledger, movement) = ledger()?;
    /// # let (host, actor, policy) = (SystemHost::default(), Id::new("local")?, Policy::default());
    /// # let repeats = Repeats::AsRequests;
    /// # let context = Context { now: host.now(), actor: &actor, policy: &policy, repeats };
    /// # let command = create_command(&movement, "r-1", "12.1")?;
    /// # let mut wanted = ReadSet::default();
    /// # command.read_set(repeats, &mut wanted);
    /// # let minted = host.mint(context.now)?;
    /// use refund_ledger::{StoreError, decide};
    /// let snapshot = ledger.store().load(&wanted)?;
    /// let decision = decide(&command, minted, &snapshot, &context)?;
    /// let batch = decision.into_batch(&snapshot);
    /// assert_eq!((batch.refunds.len(), batch.entries.len()), (1, 1));
    /// ledger.store().commit(&batch)?;
    /// assert_eq!(ledger.store().commit(&batch), Err(StoreError::Conflict)); // decide anew
    /// # Ok(()) }
    /// ```
    pub fn into_batch(self, snapshot: &Snapshot) -> WriteBatch {
        self.change
            .map(|change| change.into_batch(snapshot))
            .unwrap_or_default()
    }
}

/// Decides one command on what a store holds.
///
/// [`Ledger::execute`](crate::Ledger::execute) does this for you. It is public for hosts that bring
/// their own I/O, such as an asynchronous one.
///
/// # Errors
/// The first rule that the command breaks, in the order of [`ErrorCode`]; `internal` where the
/// snapshot lacks something that the command's read set names.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use refund_ledger::store::ReadSet;
/// # use refund_ledger::{Host, Id, Policy, Repeats, SystemHost};
/// # let (ledger, movement) = ledger()?;
/// # let (host, actor, policy) = (SystemHost::default(), Id::new("local")?, Policy::default());
/// # let (now, repeats) = (host.now(), Repeats::AsRequests);
/// use refund_ledger::{Context, ErrorCode, decide};
/// let context = Context { now, actor: &actor, policy: &policy, repeats };
/// let fits = create_command(&movement, "r-1", "121")?;
/// let mut wanted = ReadSet::default();
/// fits.read_set(repeats, &mut wanted);
/// let snapshot = ledger.store().load(&wanted)?;
/// assert!(!decide(&fits, host.mint(now)?, &snapshot, &context)?.receipt.replayed);
///
/// let beyond = create_command(&movement, "r-1", "121.01")?; // it reads the same
/// let refused = decide(&beyond, host.mint(now)?, &snapshot, &context).unwrap_err();
/// assert_eq!(refused.code(), ErrorCode::OverRefund);
/// # Ok(()) }
/// ```
pub fn decide(
    command: &Command,
    minted: Minted,
    snapshot: &Snapshot,
    context: &Context<'_>,
) -> Result<Decision, LedgerError> {
    let scope = Scope {
        key: &command.movement,
        minted,
        snapshot,
        context,
    };
    match &command.operation {
        Operation::RecordMovement(request) => scope.record_movement(request),
        Operation::VoidMovement => scope.void_movement(),
        Operation::CreateRefund {
            content,
            idempotency_key,
        } => scope.create_refund(content, idempotency_key.as_ref()),
        Operation::UpdateRefund {
            refund,
            expected_revision,
            content,
        } => scope.update_refund(refund, *expected_revision, content),
        Operation::DeleteRefund {
            refund,
            expected_revision,
        } => scope.delete_refund(refund, *expected_revision),
        Operation::EraseText {
            refund,
            expected_revision,
        } => scope.erase_text(refund.as_ref(), *expected_revision),
    }
}

/// Decides commands one after the other, each seeing what the earlier ones will write, and merges
/// what they write into one batch. A refused command writes nothing; the others go on. The snapshot
/// must hold the union of what the commands read.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use refund_ledger::store::ReadSet;
/// # use refund_ledger::{Context, Host, Id, Policy, Repeats, SystemHost};
/// # let (ledger, movement) = ledger()?;
/// # let (host, actor, policy) = (SystemHost::default(), Id::new("local")?, Policy::default());
/// # let repeats = Repeats::AsRequests;
/// # let context = Context { now: host.now(), actor: &actor, policy: &policy, repeats };
/// use refund_ledger::{ErrorCode, decide_all};
/// let create = |external_id| create_command(&movement, external_id, "100");
/// let commands = [create("r-1")?, create("r-2")?];
/// let mut wanted = ReadSet::default();
/// let mut planned = Vec::new();
/// for command in &commands {
///     command.read_set(repeats, &mut wanted);
///     planned.push((command, host.mint(context.now)?));
/// }
/// let (results, batch) = decide_all(planned, ledger.store().load(&wanted)?, &context);
/// assert_eq!(results[1].as_ref().unwrap_err().code(), ErrorCode::OverRefund);
/// assert_eq!(batch.entries.len(), 1); // the first one's
/// # Ok(()) }
/// ```
pub fn decide_all<'a>(
    commands: impl IntoIterator<Item = (&'a Command, Minted)>,
    snapshot: Snapshot,
    context: &Context<'_>,
) -> (Vec<Result<Receipt, LedgerError>>, WriteBatch) {
    let mut commands = commands.into_iter();
    let Some(first) = commands.next() else {
        return (Vec::new(), WriteBatch::default());
    };
    let Some(second) = commands.next() else {
        return decide_alone(first, &snapshot, context);
    };
    let count = commands.size_hint().0.saturating_add(2);
    let mut batch = BatchBuilder::new(snapshot, count);
    let mut results = Vec::with_capacity(count);
    for (command, minted) in [first, second].into_iter().chain(commands) {
        let decision = decide(command, minted, batch.snapshot(), context);
        results.push(decision.map(|decision| {
            if let Some(change) = decision.change {
                batch.add(change);
            }
            decision.receipt
        }));
    }
    (results, batch.finish())
}

/// As [`decide_all`] for one command: nobody has to see what it will write.
fn decide_alone(
    (command, minted): (&Command, Minted),
    snapshot: &Snapshot,
    context: &Context<'_>,
) -> (Vec<Result<Receipt, LedgerError>>, WriteBatch) {
    match decide(command, minted, snapshot, context) {
        Ok(decision) => (vec![Ok(decision.receipt)], decision.into_batch(snapshot)),
        Err(error) => (vec![Err(error)], WriteBatch::default()),
    }
}

/// One command's surroundings.
struct Scope<'a> {
    key: &'a MovementKey,
    minted: Minted,
    snapshot: &'a Snapshot,
    context: &'a Context<'a>,
}

impl<'a> Scope<'a> {
    fn repeats_as_file(&self) -> bool {
        self.context.repeats == Repeats::AsFile
    }

    /// The movement's row, voided or not.
    fn movement_row(&self) -> Result<Option<&'a Movement>, LedgerError> {
        match self.snapshot.movement(self.key) {
            Loaded::NotLoaded => Err(LedgerError::not_loaded()),
            Loaded::Absent => Ok(None),
            Loaded::Present(movement) => Ok(Some(movement)),
        }
    }

    /// The movement, voided or not.
    fn movement_or_voided(&self) -> Result<&'a Movement, LedgerError> {
        self.movement_row()?
            .ok_or_else(LedgerError::movement_not_found)
    }

    /// The refund, deleted or not, if it is one of this movement.
    fn refund_or_deleted(&self, lookup: &RefundLookup) -> Result<&'a LoadedRefund, LedgerError> {
        match self.snapshot.refund(&self.key.org(), lookup) {
            Loaded::NotLoaded => Err(LedgerError::not_loaded()),
            Loaded::Present(loaded) if loaded.refund.movement == *self.key => Ok(loaded),
            Loaded::Absent | Loaded::Present(_) => Err(LedgerError::refund_not_found()),
        }
    }
}

impl ChainEnd {
    /// Before the first entry.
    pub(crate) fn start(now: Timestamp) -> Self {
        Self {
            length: 0,
            hash: Hash::ZERO,
            recorded_at: now,
        }
    }
}

/// What is left of a movement, with `given_back` returned to it first.
fn left_of(movement: &Movement, given_back: Values) -> Result<Values, LedgerError> {
    movement
        .refundable()
        .and_then(|left| left.checked_add(given_back))
        .ok_or_else(|| {
            LedgerError::new(
                ErrorCode::StoreCorrupted,
                "the store holds refunds beyond their movement's amount; run verify",
            )
        })
}

/// Both caps: a refund may take no more than is left, with taxes and without.
fn check_caps(movement: &Movement, left: Values, wanted: Values) -> Result<(), LedgerError> {
    if left.checked_sub(wanted).is_some() {
        return Ok(());
    }
    let currency = movement.amount.currency();
    let say = |minor: i64| minor_to_decimal(minor.into(), currency);
    let detail = |field: &'static str, wanted: i64, left: i64| {
        (wanted > left).then(|| crate::error::Detail {
            field: field.into(),
            code: "over_refund",
            message: format!(
                "requested {} {currency}, refundable {}",
                say(wanted),
                say(left)
            ),
        })
    };
    Err(LedgerError::new(
        ErrorCode::OverRefund,
        format!(
            "requested {} {currency} with taxes ({} without), refundable {} ({} without)",
            say(wanted.with),
            say(wanted.without),
            say(left.with),
            say(left.without)
        ),
    )
    .with_details(
        [
            detail("amount.value_with_taxes", wanted.with, left.with),
            detail("amount.value_without_taxes", wanted.without, left.without),
        ]
        .into_iter()
        .flatten()
        .collect(),
    ))
}

fn check_revision(refund: &Refund, expected: Option<u32>) -> Result<(), LedgerError> {
    match expected {
        Some(expected) if expected != refund.revision => Err(LedgerError::new(
            ErrorCode::StaleRevision,
            format!(
                "the refund is at revision {}, not at the expected {expected}; read it again",
                refund.revision
            ),
        )),
        _ => Ok(()),
    }
}

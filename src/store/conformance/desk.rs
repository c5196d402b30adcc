//! What every case works with: short ways to make commands, and to plan and commit them on a store.

use std::sync::Arc;

use super::hosts::CountingHost;
use super::{Failure, Fixture};
use crate::amount::{AmountRequest, Tax};
use crate::command::{Command, Operation, Repeats};
use crate::decide::{Context, Minted, Receipt, decide_all};
use crate::error::LedgerError;
use crate::host::Host;
use crate::id::{Id, MovementKey};
use crate::ledger::Ledger;
use crate::movement::MovementRequest;
use crate::policy::Policy;
use crate::refund::{RefundContent, RefundKind};
use crate::store::{ReadSet, RefundLookup, Snapshot, Store, WriteBatch};
use crate::text::Text;
use crate::time::{Period, Timestamp};

/// Dates are the cases' own affair.
pub(super) const ANY_DATE: Policy = Policy {
    allow_refund_before_movement: true,
    future_skew_max: None,
    window_max: None,
    live_refunds_max: None,
};

/// A store with a host, to write through.
pub(super) struct Desk {
    pub(super) store: Arc<dyn Store>,
    host: Arc<CountingHost>,
}

impl Desk {
    /// A desk over a new handle.
    pub(super) fn new(fixture: &dyn Fixture) -> Self {
        Self::numbered(fixture, 1)
    }

    /// As [`Desk::new`]; desks of different numbers never make the same ids.
    pub(super) fn numbered(fixture: &dyn Fixture, number: u16) -> Self {
        Self {
            store: fixture.handle(),
            host: Arc::new(CountingHost::new(number)),
        }
    }

    /// A ledger over the desk's store.
    pub(super) fn ledger(&self) -> Ledger {
        self.ledger_over(Arc::clone(&self.store))
    }

    /// A ledger over another store (a wrapper of the desk's, say) with the desk's host.
    pub(super) fn ledger_over(&self, store: Arc<dyn Store>) -> Ledger {
        Ledger::new(store, Arc::clone(&self.host) as Arc<dyn Host>).with_policy(ANY_DATE)
    }

    /// What the commands come to on what the store holds now, without writing it.
    pub(super) fn decide(
        &self,
        commands: &[Command],
    ) -> Result<(Vec<Result<Receipt, LedgerError>>, WriteBatch), Failure> {
        let snapshot = self.store.load(&read_set(commands))?;
        Ok(self.decide_on(commands, snapshot))
    }

    /// As [`Desk::decide`], on a snapshot.
    pub(super) fn decide_on(
        &self,
        commands: &[Command],
        snapshot: Snapshot,
    ) -> (Vec<Result<Receipt, LedgerError>>, WriteBatch) {
        let actor = Id::new("suite").expect("a valid id");
        let context = Context {
            now: self.host.now(),
            actor: &actor,
            policy: &ANY_DATE,
            repeats: Repeats::AsRequests,
        };
        let planned: Vec<(&Command, Minted)> = commands
            .iter()
            .map(|command| (command, self.host.mint_next()))
            .collect();
        decide_all(planned, snapshot, &context)
    }

    /// A batch of commands none of which is refused.
    pub(super) fn plan(&self, commands: &[Command]) -> Result<WriteBatch, Failure> {
        let (results, batch) = self.decide(commands)?;
        for result in results {
            result?;
        }
        Ok(batch)
    }

    /// Plans the commands and commits them; answers with the batch.
    pub(super) fn book(&self, commands: &[Command]) -> Result<WriteBatch, Failure> {
        let batch = self.plan(commands)?;
        self.store.commit(&batch)?;
        Ok(batch)
    }
}

/// What the decisions on these commands read.
pub(super) fn read_set(commands: &[Command]) -> ReadSet {
    let mut wanted = ReadSet::default();
    for command in commands {
        command.read_set(Repeats::AsRequests, &mut wanted);
    }
    wanted
}

pub(super) fn id(text: &str) -> Id {
    Id::new(text).expect("a valid id")
}

pub(super) fn text(text: &str) -> Text {
    Text::new(text).expect("a valid text")
}

pub(super) fn time(text: &str) -> Timestamp {
    text.parse().expect("a valid instant")
}

/// A movement of the org `acme` and the subscription `sub`.
pub(super) fn movement(id: &str) -> MovementKey {
    movement_of("acme", id)
}

/// A movement of an org's subscription `sub`.
pub(super) fn movement_of(org: &str, id: &str) -> MovementKey {
    MovementKey::new(org, "sub", id).expect("a valid key")
}

/// An amount of this many cents, with and without taxes.
pub(super) fn cents(cents: i64) -> AmountRequest {
    minor(cents, "EUR")
}

/// An amount of this many minor units of a currency, with and without taxes.
pub(super) fn minor(minor: i64, currency: &str) -> AmountRequest {
    let currency = currency.parse().expect("a currency");
    let decimal = crate::minor_to_decimal(minor.into(), currency);
    let value = crate::DecimalValue::from_exact(&decimal).expect("an exact value");
    AmountRequest::new(Some(value), None).expect("a valid amount")
}

/// An amount from its values as text, taxed.
pub(super) fn taxed(with: &str, without: &str, kind: &str, percentage: &str) -> AmountRequest {
    let value = |text: &str| Some(text.parse().expect("a decimal"));
    let tax = Tax::new(kind, percentage.parse().expect("a percentage")).expect("a valid tax");
    AmountRequest::new(value(with), value(without))
        .expect("a valid amount")
        .with_tax(tax)
}

fn command(movement: &MovementKey, operation: Operation) -> Command {
    Command {
        movement: movement.clone(),
        operation,
    }
}

/// A movement of 1,000.00 EUR, untaxed.
pub(super) fn charge() -> MovementRequest {
    MovementRequest {
        currency: "EUR".parse().expect("a currency"),
        occurred_at: time("2023-12-01T00:00:00Z"),
        amount: cents(100_000),
        description: text("a movement"),
    }
}

pub(super) fn record(movement: &MovementKey) -> Command {
    record_as(movement, charge())
}

pub(super) fn record_as(movement: &MovementKey, request: MovementRequest) -> Command {
    command(movement, Operation::RecordMovement(request))
}

pub(super) fn void(movement: &MovementKey) -> Command {
    command(movement, Operation::VoidMovement)
}

/// A standard refund of 1.00 EUR, its options unset.
pub(super) fn standard(external_id: &str) -> RefundContent {
    RefundContent {
        kind: RefundKind::Standard,
        refund_datetime: time("2024-01-15T12:00:00Z"),
        period: Period::default(),
        amount: cents(100),
        billable: false,
        external_invoice_id: None,
        external_refund_unique_id: Some(id(external_id)),
        description: text("a refund"),
    }
}

/// A refund of products of 1.00 EUR, its options unset.
pub(super) fn products(external_id: Option<&str>) -> RefundContent {
    RefundContent {
        kind: RefundKind::NonSubscribable {
            transaction_type_id: id("type-1"),
        },
        external_refund_unique_id: external_id.map(id),
        ..standard("unused")
    }
}

pub(super) fn create(movement: &MovementKey, content: RefundContent) -> Command {
    command(
        movement,
        Operation::CreateRefund {
            content,
            idempotency_key: None,
        },
    )
}

/// A refund of products that an idempotency key makes unique.
pub(super) fn create_keyed(movement: &MovementKey, key: &str) -> Command {
    command(
        movement,
        Operation::CreateRefund {
            content: products(None),
            idempotency_key: Some(id(key)),
        },
    )
}

pub(super) fn update(
    movement: &MovementKey,
    refund: RefundLookup,
    content: RefundContent,
) -> Command {
    command(
        movement,
        Operation::UpdateRefund {
            refund,
            expected_revision: None,
            content,
        },
    )
}

pub(super) fn delete(movement: &MovementKey, refund: RefundLookup) -> Command {
    command(
        movement,
        Operation::DeleteRefund {
            refund,
            expected_revision: None,
        },
    )
}

pub(super) fn erase(movement: &MovementKey, refund: Option<RefundLookup>) -> Command {
    command(
        movement,
        Operation::EraseText {
            refund,
            expected_revision: None,
        },
    )
}

pub(super) fn named(external_id: &str) -> RefundLookup {
    RefundLookup::ExternalId(id(external_id))
}

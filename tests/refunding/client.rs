//! One client: what it asks for, how it repeats it, and what it was told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use refund_ledger::{
    Batch, Command, Ledger, LedgerError, MovementKey, Operation, Receipt, RefundId, Repeats,
    StoreError,
};

use super::random::Random;
use super::{Counts, Plan};
use crate::common::{self, Json};

/// How long a client repeats one request. Nothing that is done to a server here takes that long.
const PATIENCE: Duration = Duration::from_mins(1);

/// How a client goes on where it does not know what came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It sends the same again.
    Careful,
    /// It books the same refund under another external id, as nobody should. It does nothing else.
    Careless,
}

/// What a client wants, under an invoice of its own: it must be booked once, whatever its external
/// ids are.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) movement: MovementKey,
    pub(crate) id: RefundId,
    pub(crate) external_id: String,
    pub(crate) is_standard: bool,
    pub(crate) revision: u32,
    pub(crate) cents: u64,
    pub(crate) deleted: bool,
}

/// What a client sends in one call, with what it was answered.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(crate) commands: Vec<Command>,
    pub(crate) receipts: Vec<Receipt>,
}

/// What a client was told.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) answered: Vec<Answered>,
    /// The refunds that it knows of, by invoice.
    pub(crate) refunds: BTreeMap<String, Wanted>,
    /// What it should never have been told.
    pub(crate) faults: Vec<String>,
}

/// A change that a client is about to ask for, and what it knows once it is answered.
#[derive(Clone, Debug)]
struct Change {
    command: Command,
    invoice: String,
    effect: Effect,
}

#[derive(Clone, Debug)]
enum Effect {
    Books {
        external_id: String,
        is_standard: bool,
        cents: u64,
    },
    Updates {
        cents: u64,
    },
    Deletes,
}

pub(crate) struct Client<'a> {
    number: u32,
    manner: Manner,
    ledger: &'a Ledger,
    movements: &'a [MovementKey],
    counts: &'a Counts,
    random: Random,
    next: u32,
    record: Record,
}

/// Carried out as lines of a file are, so that all of it can be repeated.
pub(crate) const BATCH: Batch = Batch {
    atomicity: refund_ledger::Atomicity::All,
    repeats: Repeats::AsFile,
};

impl<'a> Client<'a> {
    pub(crate) fn new(
        number: u32,
        plan: Plan,
        ledger: &'a Ledger,
        movements: &'a [MovementKey],
        counts: &'a Counts,
    ) -> Self {
        Self {
            number,
            manner: plan.manner,
            ledger,
            movements,
            counts,
            random: Random::new(plan.seed.wrapping_mul(1_000) + u64::from(number)),
            next: 0,
            record: Record::default(),
        }
    }

    /// Books until it is told to end. What it has begun it finishes.
    pub(crate) fn book_until(mut self, ended: &AtomicBool) -> Record {
        while !ended.load(Ordering::Relaxed) && self.record.faults.is_empty() {
            let changes = self.draw();
            self.send(changes);
            if self.counts.slow.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(50));
            }
        }
        self.record
    }

    /// What to ask for next: mostly one refund, now and then several at once or a change of a refund
    /// that it has booked.
    fn draw(&mut self) -> Vec<Change> {
        if self.manner == Manner::Careless {
            return vec![self.draw_refund()];
        }
        match self.random.below(10) {
            0 => self
                .draw_change(false)
                .map_or_else(Vec::new, |one| vec![one]),
            1 => self
                .draw_change(true)
                .map_or_else(Vec::new, |one| vec![one]),
            2 | 3 => {
                let count = 2 + self.random.below(7);
                let mut all: Vec<Change> = (0..count).map(|_| self.draw_refund()).collect();
                all.extend(self.draw_change(false));
                all
            }
            _ => vec![self.draw_refund()],
        }
    }

    fn draw_refund(&mut self) -> Change {
        self.next += 1;
        let invoice = format!("inv-{}-{}", self.number, self.next);
        let external_id = format!("ref-{}-{}", self.number, self.next);
        let movement = self.random.of(self.movements).clone();
        let cents = 1 + self.random.below(2_000);
        let is_standard = self.random.below(4) > 0;
        Change {
            command: create(&movement, is_standard, &external_id, &invoice, cents),
            invoice,
            effect: Effect::Books {
                external_id,
                is_standard,
                cents,
            },
        }
    }

    /// A change of a live refund that nobody else changes; `None` as long as there is none.
    fn draw_change(&mut self, deletes: bool) -> Option<Change> {
        let live: Vec<(&String, &Wanted)> = self
            .record
            .refunds
            .iter()
            .rev()
            .take(50)
            .filter(|(_, wanted)| wanted.is_standard && !wanted.deleted)
            .collect();
        if live.is_empty() {
            return None;
        }
        let (invoice, wanted) = *self.random.of(&live);
        let lookup = common::external(&wanted.external_id);
        let expected_revision = Some(wanted.revision);
        // Never the same again, which would be no change.
        let cents = 1 + (wanted.cents + self.random.below(1_999)) % 2_000;
        let (operation, effect) = if deletes {
            let operation = Operation::DeleteRefund {
                refund: lookup,
                expected_revision: None,
            };
            (operation, Effect::Deletes)
        } else {
            let body = body(&wanted.external_id, invoice, cents);
            let line = common::line("update_refund", &wanted.movement)
                .text("external_refund_unique_id", &wanted.external_id)
                .set("body", body);
            let Operation::UpdateRefund { content, .. } = common::command(&line).unwrap().operation
            else {
                panic!("an update should be read as one");
            };
            let operation = Operation::UpdateRefund {
                refund: lookup,
                expected_revision,
                content,
            };
            (operation, Effect::Updates { cents })
        };
        Some(Change {
            command: Command {
                movement: wanted.movement.clone(),
                operation,
            },
            invoice: invoice.clone(),
            effect,
        })
    }

    /// Sends changes in one call, until it is answered.
    fn send(&mut self, mut changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        let start = Instant::now();
        loop {
            let commands: Vec<Command> = changes.iter().map(|c| c.command.clone()).collect();
            match self.ledger.execute_all(&commands, BATCH) {
                Ok(results) => return self.note(&changes, commands, results),
                Err(error) if !error.is_retryable() => {
                    return self.fault(&format!("was refused: {}", common::told(&error)));
                }
                Err(error) => {
                    self.counts.refused.fetch_add(1, Ordering::Relaxed);
                    if matches!(error.store_error(), Some(StoreError::OutcomeUnknown { .. })) {
                        self.counts.unanswered.fetch_add(1, Ordering::Relaxed);
                        if self.manner == Manner::Careless {
                            changes.iter_mut().for_each(Change::rename);
                        }
                    }
                    if start.elapsed() > PATIENCE {
                        return self.fault(&format!(
                            "was not answered for {} s: {}",
                            PATIENCE.as_secs(),
                            common::told(&error)
                        ));
                    }
                }
            }
            // A client that knocks without a pause helps nobody.
            thread::sleep(Duration::from_millis(5 + self.random.below(30)));
        }
    }

    fn fault(&mut self, what: &str) {
        self.record
            .faults
            .push(format!("client {} {what}", self.number));
    }

    fn note(
        &mut self,
        changes: &[Change],
        commands: Vec<Command>,
        results: Vec<Result<Receipt, LedgerError>>,
    ) {
        let mut receipts = Vec::new();
        for (change, result) in changes.iter().zip(results) {
            match result {
                Ok(receipt) => {
                    self.learn(change, receipt);
                    receipts.push(receipt);
                }
                Err(error) => {
                    let what = format!("was refused {}: {}", change.invoice, common::told(&error));
                    self.fault(&what);
                }
            }
        }
        self.record.answered.push(Answered { commands, receipts });
    }

    fn learn(&mut self, change: &Change, receipt: Receipt) {
        let id = receipt.refund_id.expect("a refund's id is told");
        match &change.effect {
            Effect::Books {
                external_id,
                is_standard,
                cents,
            } => {
                self.counts.refunds.fetch_add(1, Ordering::Relaxed);
                let wanted = Wanted {
                    movement: change.command.movement.clone(),
                    id,
                    external_id: external_id.clone(),
                    is_standard: *is_standard,
                    revision: 1,
                    cents: *cents,
                    deleted: false,
                };
                self.record.refunds.insert(change.invoice.clone(), wanted);
            }
            Effect::Updates { cents } => self.change(change, id, |wanted| wanted.cents = *cents),
            Effect::Deletes => self.change(change, id, |wanted| wanted.deleted = true),
        }
    }

    fn change(&mut self, change: &Change, id: RefundId, effect: impl FnOnce(&mut Wanted)) {
        let wanted = self.record.refunds.get_mut(&change.invoice).unwrap();
        let known = wanted.id;
        effect(wanted);
        wanted.revision += 1;
        if id != known {
            let what = format!(
                "was told that {} is {known}, then that it is {id}",
                change.invoice
            );
            self.fault(&what);
        }
    }
}

impl Change {
    /// The same refund under another external id.
    fn rename(&mut self) {
        if let Effect::Books {
            external_id,
            is_standard,
            cents,
        } = &mut self.effect
        {
            external_id.insert_str(0, "again-");
            self.command = create(
                &self.command.movement,
                *is_standard,
                external_id,
                &self.invoice,
                *cents,
            );
        }
    }
}

fn create(
    movement: &MovementKey,
    is_standard: bool,
    external_id: &str,
    invoice: &str,
    cents: u64,
) -> Command {
    if is_standard {
        let line = common::line("create_refund", movement);
        return common::command(&line.set("body", body(external_id, invoice, cents))).unwrap();
    }
    let body = body(external_id, invoice, cents)
        .leave_out("external_refund_unique_id")
        .leave_out("billable")
        .set("amount.billable", "true")
        .text("transaction_type_id", "tt-3");
    let line = common::line("create_non_subscribable_refund", movement)
        .text("idempotency_key", external_id)
        .set("body", body);
    common::command(&line).unwrap()
}

fn body(external_id: &str, invoice: &str, cents: u64) -> Json {
    common::plain(external_id, &format!("{}.{:02}", cents / 100, cents % 100))
        .text("external_invoice_id", invoice)
}

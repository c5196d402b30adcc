//! A small ledger, written a second time from the design's text: plain maps and whole numbers, no
//! rule of the library's. What the library answers is compared with what this one does.

use std::collections::BTreeMap;

use crate::amount::{Minor, Tax};
use crate::command::{Ask, Command, Form, Key, MovementAsk, Op, RefundAsk, Target};

/// A mistake that can be planted in the model, to show that the comparison would find it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mistake {
    /// It does what the design says.
    #[default]
    None,
    /// A delete gives nothing back to the balance.
    CapForgetsDeletes,
    /// A replay is written down as if it had been carried out.
    ReplayWrites,
    /// Identical content is compared as text: 12.1 is not 12.10.
    ComparedAsText,
    /// The rest of a movement is judged by its tax like any other amount.
    RestIsTaxed,
    /// An update does not give back the refund's old amount first.
    UpdateKeepsOldAmount,
    /// A replay compares with what the refund is now, not with what it was first.
    ReplayComparesWithNow,
    /// A replay is refused once its date breaks the policy.
    PolicyBeforeReplay,
    /// A tombstone's external id is free again.
    TombstoneFreesId,
    /// Rounds a derived half down.
    HalfDown,
}

/// What a command is answered: replayed, the refund, its revision. Or a code.
pub(crate) type Reply = Result<(bool, Option<u64>, Option<u32>), &'static str>;

#[derive(Clone, Debug)]
pub(crate) struct Movement {
    pub(crate) currency: &'static str,
    pub(crate) occurred_at: i64,
    pub(crate) amount: Minor,
    tax: Tax,
    form: Form,
    pub(crate) text: Option<&'static str>,
    pub(crate) voided: bool,
    pub(crate) last_recorded: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) currency: &'static str,
    pub(crate) transaction_type: Option<&'static str>,
    pub(crate) datetime: i64,
    pub(crate) period: (Option<i64>, Option<i64>),
    pub(crate) amount: Minor,
    tax: Tax,
    form: Form,
    pub(crate) billable: bool,
    pub(crate) invoice: Option<&'static str>,
    pub(crate) text: Option<&'static str>,
    pub(crate) deleted: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Refund {
    pub(crate) key: Key,
    /// The id that makes it unique, and whether it came as an idempotency key.
    pub(crate) external_id: Option<(&'static str, bool)>,
    /// Revision 1.
    pub(crate) first: Content,
    /// Revision 2 and on.
    pub(crate) later: Vec<Content>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

impl Refund {
    pub(crate) fn now(&self) -> &Content {
        self.later.last().unwrap_or(&self.first)
    }

    pub(crate) fn revision(&self) -> u32 {
        u32::try_from(self.later.len() + 1).unwrap_or(u32::MAX)
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) mistake: Mistake,
    pub(crate) movements: BTreeMap<Key, Movement>,
    /// By the number of the command that created them.
    pub(crate) refunds: BTreeMap<u64, Refund>,
    pub(crate) entries: u64,
}

const DAY: i64 = 24 * 3_600;

impl Model {
    /// What can be told without looking at what is stored.
    pub(crate) fn is_valid(command: &Command) -> bool {
        let amount = |ask: &Ask| match (ask.with, ask.without) {
            (None, None) => false,
            (Some(with), without) => with > 0 && without.is_none_or(|without| with >= without),
            (None, Some(_)) => true,
        };
        let refund = |ask: &RefundAsk| {
            amount(&ask.amount) && !matches!(ask.period, (Some(start), Some(end)) if start >= end)
        };
        match &command.op {
            Op::Record(ask) => amount(&ask.amount),
            Op::Create(ask, key) => {
                // In a file every refund has a key of one sort.
                refund(ask) && (ask.external_id.is_some() || key.is_some())
            }
            Op::Update(_, _, ask) => refund(ask),
            Op::Void | Op::Delete(..) | Op::Erase(_) => true,
        }
    }

    /// Carries out the `number`-th command of all.
    pub(crate) fn run(&mut self, number: u64, command: &Command, now: i64, as_file: bool) -> Reply {
        let before = self.clone();
        let reply = match &command.op {
            Op::Record(ask) => self.record(command.key, ask, now),
            Op::Void => self.void(command.key, now, as_file),
            Op::Create(ask, key) => self.create(number, command.key, ask, *key, now, as_file),
            Op::Update(target, expected, ask) => {
                self.update(command.key, target, *expected, ask, now, as_file)
            }
            Op::Delete(target, expected) => {
                self.delete(command.key, target, *expected, now, as_file)
            }
            Op::Erase(target) => self.erase(command.key, target.as_ref(), now),
        };
        match reply {
            Ok((false, ..)) => self.entries += 1,
            Ok((true, ..)) if self.mistake == Mistake::ReplayWrites => self.entries += 1,
            // A refusal or a replay changes nothing.
            _ => *self = before,
        }
        reply
    }

    pub(crate) fn live(&self, key: Key) -> impl Iterator<Item = &Refund> {
        self.refunds.values().filter(move |refund| {
            refund.key == key
                && (!refund.now().deleted || self.mistake == Mistake::CapForgetsDeletes)
        })
    }

    /// What the live refunds of a movement leave of it.
    pub(crate) fn left(&self, key: Key) -> Minor {
        let amount = self
            .movements
            .get(&key)
            .map_or((0, 0), |movement| movement.amount);
        self.live(key).fold(amount, |left, refund| {
            let taken = refund.now().amount;
            (left.0 - taken.0, left.1 - taken.1)
        })
    }

    /// Recorded at the later of now and the entry before.
    fn tick(&mut self, key: Key, now: i64) -> i64 {
        let Some(movement) = self.movements.get_mut(&key) else {
            return now;
        };
        movement.last_recorded = movement.last_recorded.max(now);
        movement.last_recorded
    }

    fn record(&mut self, key: Key, ask: &MovementAsk, now: i64) -> Reply {
        if let Some(kept) = self.movements.get(&key).filter(|kept| !kept.voided) {
            let same = kept.currency == ask.currency
                && kept.occurred_at == ask.occurred_at
                && self.same_amount(&ask.amount, kept.currency, kept.amount, kept.tax, kept.form)
                && kept.text.is_none_or(|text| text == ask.text);
            return if same {
                Ok((true, None, None))
            } else {
                Err("idempotency_conflict")
            };
        }
        let amount = self.resolve(&ask.amount, ask.currency, None)?;
        let last_recorded = self.tick(key, now);
        self.movements.insert(
            key,
            Movement {
                currency: ask.currency,
                occurred_at: ask.occurred_at,
                amount,
                tax: ask.amount.tax,
                form: ask.amount.form,
                text: Some(ask.text),
                voided: false,
                last_recorded,
            },
        );
        Ok((false, None, None))
    }

    fn void(&mut self, key: Key, now: i64, as_file: bool) -> Reply {
        let movement = self.movements.get(&key).ok_or("movement_not_found")?;
        if movement.voided {
            return if as_file {
                Ok((true, None, None))
            } else {
                Err("movement_not_found")
            };
        }
        if self.live(key).next().is_some() {
            return Err("over_refund");
        }
        self.tick(key, now);
        if let Some(movement) = self.movements.get_mut(&key) {
            movement.voided = true;
        }
        Ok((false, None, None))
    }

    fn create(
        &mut self,
        number: u64,
        key: Key,
        ask: &RefundAsk,
        idempotency_key: Option<&'static str>,
        now: i64,
        as_file: bool,
    ) -> Reply {
        let movement = self.movements.get(&key).ok_or("movement_not_found")?;
        if movement.voided && !as_file {
            return Err("movement_not_found");
        }
        let external_id = ask
            .external_id
            .map(|id| (id, false))
            .or(idempotency_key.map(|id| (id, true)));
        if self.mistake == Mistake::PolicyBeforeReplay {
            Self::check_date(movement, ask.datetime, now)?;
        }
        let holder = self.refunds.iter().find(|(_, refund)| {
            refund.key.0 == key.0
                && refund.external_id.map(|(id, _)| id) == external_id.map(|(id, _)| id)
                && external_id.is_some()
                && !(self.mistake == Mistake::TombstoneFreesId && refund.now().deleted)
        });
        if let Some((id, holder)) = holder {
            let first = if self.mistake == Mistake::ReplayComparesWithNow {
                holder.now()
            } else {
                &holder.first
            };
            let same = holder.key == key
                && holder.external_id == external_id
                && self.same_content(ask, first, true);
            return if !same {
                Err("idempotency_conflict")
            } else if holder.now().deleted && !as_file {
                Err("refund_deleted")
            } else {
                Ok((true, Some(*id), Some(holder.revision())))
            };
        }
        if movement.voided {
            return Err("movement_not_found");
        }
        let left = self.left(key);
        let currency = movement.currency;
        let amount = self.resolve(&ask.amount, currency, Some(left))?;
        Self::check_date(movement, ask.datetime, now)?;
        if amount.0 > left.0 || amount.1 > left.1 {
            return Err("over_refund");
        }
        let recorded = self.tick(key, now);
        self.refunds.insert(
            number,
            Refund {
                key,
                external_id,
                first: Self::content(ask, amount, currency),
                later: Vec::new(),
                created_at: recorded,
                updated_at: recorded,
            },
        );
        Ok((false, Some(number), Some(1)))
    }

    fn find(&self, key: Key, target: &Target) -> Result<(u64, &Refund), &'static str> {
        let found = match target {
            Target::Nth(number) => self.refunds.get_key_value(number),
            Target::External(id) => self.refunds.iter().find(|(_, refund)| {
                refund.key.0 == key.0 && refund.external_id.map(|(have, _)| have) == Some(*id)
            }),
        };
        found
            .filter(|(_, refund)| refund.key == key)
            .map(|(number, refund)| (*number, refund))
            .ok_or("refund_not_found")
    }

    fn update(
        &mut self,
        key: Key,
        target: &Target,
        expected: Option<u32>,
        ask: &RefundAsk,
        now: i64,
        as_file: bool,
    ) -> Reply {
        let movement = self.movements.get(&key).ok_or("movement_not_found")?;
        let (number, refund) = self.find(key, target)?;
        let keeps_id = match (ask.external_id, refund.external_id) {
            (None, _) => true,
            (Some(given), kept) => kept == Some((given, false)),
        };
        let currency = movement.currency;
        if as_file && let Some(behind) = expected.and_then(|expected| expected.checked_sub(1)) {
            // The revision behind the expected one: revision 2 is the first of the later ones.
            let then = refund.later.get(behind as usize);
            if then
                .is_some_and(|then| !then.deleted && keeps_id && self.same_content(ask, then, true))
            {
                return Ok((true, Some(number), Some(refund.revision())));
            }
        }
        let current = refund.now();
        if current.deleted {
            return Err("refund_not_found");
        }
        if current.transaction_type.is_some() != ask.transaction_type.is_some() {
            return Err("kind_mismatch");
        }
        if !keeps_id {
            return Err("immutable_field");
        }
        if self.same_content(ask, current, false) {
            return Ok((true, Some(number), Some(refund.revision())));
        }
        if expected.is_some_and(|expected| expected != refund.revision()) {
            return Err("stale_revision");
        }
        let mut left = self.left(key);
        if self.mistake != Mistake::UpdateKeepsOldAmount {
            left = (left.0 + current.amount.0, left.1 + current.amount.1);
        }
        // An amount that is sent back is kept: what was the rest once need not be it now.
        let (kept, tax, form) = (current.amount, current.tax, current.form);
        let amount = if self.same_amount(&ask.amount, currency, kept, tax, form) {
            kept
        } else {
            self.resolve(&ask.amount, currency, Some(left))?
        };
        if ask.datetime != current.datetime {
            Self::check_date(movement, ask.datetime, now)?;
        }
        if amount.0 > left.0 || amount.1 > left.1 {
            return Err("over_refund");
        }
        let recorded = self.tick(key, now);
        self.change(number, recorded, Self::content(ask, amount, currency))
    }

    fn change(&mut self, number: u64, recorded: i64, content: Content) -> Reply {
        let refund = self.refunds.get_mut(&number).ok_or("refund_not_found")?;
        refund.later.push(content);
        refund.updated_at = recorded;
        Ok((false, Some(number), Some(refund.revision())))
    }

    fn delete(
        &mut self,
        key: Key,
        target: &Target,
        expected: Option<u32>,
        now: i64,
        as_file: bool,
    ) -> Reply {
        self.movements.get(&key).ok_or("movement_not_found")?;
        let (number, refund) = self.find(key, target)?;
        if refund.now().deleted {
            return if as_file {
                Ok((true, Some(number), Some(refund.revision())))
            } else {
                Err("refund_not_found")
            };
        }
        if expected.is_some_and(|expected| expected != refund.revision()) {
            return Err("stale_revision");
        }
        let tombstone = Content {
            deleted: true,
            ..refund.now().clone()
        };
        let recorded = self.tick(key, now);
        self.change(number, recorded, tombstone)
    }

    fn erase(&mut self, key: Key, target: Option<&Target>, now: i64) -> Reply {
        let movement = self.movements.get(&key).ok_or("movement_not_found")?;
        let Some(target) = target else {
            let replayed = movement.text.is_none();
            if !replayed {
                self.tick(key, now);
                if let Some(movement) = self.movements.get_mut(&key) {
                    movement.text = None;
                }
            }
            return Ok((replayed, None, None));
        };
        let (number, refund) = self.find(key, target)?;
        let revision = Some(refund.revision());
        let replayed = refund.now().text.is_none();
        if !replayed {
            self.tick(key, now);
            if let Some(refund) = self.refunds.get_mut(&number) {
                for content in std::iter::once(&mut refund.first).chain(&mut refund.later) {
                    content.text = None;
                }
            }
        }
        Ok((replayed, Some(number), revision))
    }

    fn content(ask: &RefundAsk, amount: Minor, currency: &'static str) -> Content {
        Content {
            currency,
            transaction_type: ask.transaction_type,
            datetime: ask.datetime,
            period: ask.period,
            amount,
            tax: ask.amount.tax,
            form: ask.amount.form,
            billable: ask.billable,
            invoice: ask.invoice,
            text: Some(ask.text),
            deleted: false,
        }
    }

    /// By value; what the amount leaves out is not compared, nor (for a replay) an erased text.
    fn same_content(&self, ask: &RefundAsk, kept: &Content, replay: bool) -> bool {
        ask.transaction_type == kept.transaction_type
            && ask.datetime == kept.datetime
            && ask.period == kept.period
            && ask.billable == kept.billable
            && ask.invoice == kept.invoice
            && match kept.text {
                Some(text) => text == ask.text,
                None => replay,
            }
            && self.same_amount(&ask.amount, kept.currency, kept.amount, kept.tax, kept.form)
    }

    /// The policy as it is by default.
    fn check_date(movement: &Movement, datetime: i64, now: i64) -> Result<(), &'static str> {
        if datetime < movement.occurred_at {
            Err("refund_before_movement")
        } else if datetime > now + DAY {
            Err("refund_in_future")
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Ask, Command, Form, Key, Model, MovementAsk, Op, RefundAsk, Target};

    const KEY: Key = ("o1", "s1", "m1");

    fn euros(with: i128, tax: bool) -> Ask {
        Ask {
            with: Some(with * 100_000),
            without: None,
            tax: tax.then_some(("IVA", 210_000)),
            currency: None,
            form: Form::Number,
        }
    }

    fn refund(external_id: &'static str, amount: Ask, text: &'static str) -> RefundAsk {
        RefundAsk {
            transaction_type: None,
            datetime: 10,
            period: (None, None),
            amount,
            billable: false,
            invoice: None,
            external_id: Some(external_id),
            text,
        }
    }

    #[test]
    fn an_update_that_sends_an_amount_back_keeps_it_though_it_is_the_rest_no_more() {
        let rest = |text| refund("e1", euros(99, true), text);
        let ops = [
            Op::Record(MovementAsk {
                currency: "EUR",
                occurred_at: 0,
                amount: euros(100, false),
                text: "a",
            }),
            Op::Create(refund("e0", euros(1, false), "a"), None),
            // The rest, which does not fit its tax.
            Op::Create(rest("a"), None),
            Op::Delete(Target::External("e0"), None),
            Op::Update(Target::External("e1"), None, rest("b")),
        ];
        let mut model = Model::default();
        for (op, number) in ops.into_iter().zip(1..) {
            let reply = model.run(number, &Command { key: KEY, op }, 20, false);
            assert!(matches!(reply, Ok((false, ..))), "{number}: {reply:?}");
        }
        assert_eq!(
            model.left(KEY),
            (100, 100),
            "99 euros are taken on both sides"
        );
    }
}

//! What chance asks for: commands that have something to do with what is there.

use crate::amount::{Minor, Tax, exponent};
use crate::command::{Ask, Command, Form, Key, MovementAsk, Op, RefundAsk, Target};
use crate::model::{Model, Refund};

pub(crate) const KEYS: [Key; 4] = [
    ("o1", "s1", "m1"),
    ("o1", "s1", "m2"),
    ("o2", "s1", "m1"),
    ("o1", "s2", "m1"),
];
const EXTERNAL_IDS: [&str; 6] = ["e0", "e1", "e2", "e3", "e4", "e5"];
const TEXTS: [&str; 3] = ["a", "b", "Zwei Tage ohne Dienst \u{1f4b6}"];
const TAXES: [Tax; 7] = [
    None,
    None,
    Some(("IVA", 210_000)),
    Some(("IVA", 210_000)),
    Some(("LUX", 1_000_000)),
    Some(("LUX", 10_000_000)),
    Some(("ODD", 123_456)),
];
const CURRENCIES: [&str; 5] = ["EUR", "JPY", "BHD", "CLF", "EUR"];
const FORMS: [Form; 4] = [Form::Number, Form::LongNumber, Form::Text, Form::LongText];

/// What chance gives for one command; the rest follows from what the model then holds.
pub(crate) type Dice = [u16; 10];

#[allow(clippy::indexing_slicing, reason = "none of the lists is empty")]
fn pick<T: Clone>(from: &[T], by: u16) -> T {
    from[usize::from(by) % from.len()].clone()
}

/// An amount for a refund of which this much is left, in the movement's own minor units.
fn ask_amount(dice: &Dice, left: Minor, currency: &'static str) -> Ask {
    let unit = 10_i128.pow(5 - exponent(currency));
    let some = i128::from(dice[4] % 30) + 1;
    let tax = pick(&TAXES, dice[5]);
    let derived = |with: i128| with * 1_000_000 / (1_000_000 + tax.map_or(0, |(_, parts)| parts));
    let rest = (left.0.max(1), left.1.max(0));
    let (with, without, unit) = match dice[3] % 14 {
        0 => (Some(rest.0), None, unit),
        1 => (None, Some(rest.1), unit),
        2 => (Some(rest.0), Some(rest.1), unit),
        3 => (
            Some(rest.0),
            Some(rest.1 + i128::from(dice[5] / 7 % 3) - 1),
            unit,
        ),
        4 | 5 => (None, Some(some), unit),
        6 | 7 => (
            Some(some),
            Some(derived(some) + i128::from(dice[5] / 7 % 5) - 2),
            unit,
        ),
        8 if unit > 1 => (Some(some), None, unit / 10),
        9 => (Some(some * 1_000_000), None, unit),
        10 => (Some(some), Some(0), unit),
        _ => (Some(some), None, unit),
    };
    let scale = |value: Option<i128>| value.map(|value| value.max(0) * unit);
    Ask {
        with: scale(with),
        without: scale(without),
        tax,
        currency: match dice[6] % 12 {
            0 => Some(currency),
            1 => Some("USD"),
            _ => None,
        },
        form: pick(&FORMS, dice[7]),
    }
}

fn ask_refund(dice: &Dice, left: Minor, currency: &'static str) -> RefundAsk {
    RefundAsk {
        transaction_type: match dice[8] % 5 {
            0 => Some("t1"),
            1 => Some("t2"),
            _ => None,
        },
        datetime: pick(
            &[
                10, 20, 20, 20, 10, 20, 99, 20, 10, 20, -7, 20, 20, 200_000, 20,
            ],
            dice[9],
        ),
        period: pick(
            &[
                (None, None),
                (Some(0), Some(9)),
                (Some(5), None),
                (None, Some(5)),
                (None, None),
                (Some(0), Some(9)),
                (Some(9), Some(9)),
            ],
            dice[9] / 15,
        ),
        amount: ask_amount(dice, left, currency),
        billable: dice[8].is_multiple_of(2),
        invoice: pick(&[None, Some("i1"), Some("i2")], dice[9] / 105),
        external_id: Some(pick(&EXTERNAL_IDS, dice[2])),
        text: pick(&TEXTS, dice[7] / 4),
    }
}

/// What was done is asked for again, perhaps written otherwise.
fn ask_again(dice: &Dice, history: &[Command]) -> Option<Command> {
    if dice[0] % 22 < 16 || history.is_empty() {
        return None;
    }
    let recent = history.get(history.len().saturating_sub(8)..);
    let mut again = pick(recent.unwrap_or(history), dice[1]);
    if let Op::Create(RefundAsk { amount, .. }, _)
    | Op::Update(_, _, RefundAsk { amount, .. })
    | Op::Record(MovementAsk { amount, .. }) = &mut again.op
    {
        amount.form = pick(&FORMS, dice[7]);
    }
    Some(again)
}

/// Updates, deletes and erasures mostly look where the refund is.
fn ask_target(dice: &Dice, model: &Model) -> Target {
    match dice[2] % 8 {
        0 | 1 => Target::External(pick(&EXTERNAL_IDS, dice[2] / 8)),
        _ => {
            let numbers: Vec<u64> = model.refunds.keys().copied().collect();
            if numbers.is_empty() {
                Target::Nth(u64::from(dice[2]))
            } else {
                Target::Nth(pick(&numbers, dice[2] / 8))
            }
        }
    }
}

/// Turns dice into a command that has something to do with what is there.
pub(crate) fn resolve(dice: &Dice, model: &Model, history: &[Command]) -> Command {
    if let Some(again) = ask_again(dice, history) {
        return again;
    }
    let mut key = pick(
        &[KEYS[0], KEYS[0], KEYS[0], KEYS[1], KEYS[2], KEYS[3]],
        dice[1],
    );
    let target = ask_target(dice, model);
    let refund = match target {
        Target::Nth(number) => model.refunds.get(&number),
        Target::External(_) => None,
    };
    let op = dice[0] % 22;
    if (10..16).contains(&op)
        && let Some(refund) = refund
        && !dice[1].is_multiple_of(12)
    {
        key = refund.key;
    }
    let currency = model
        .movements
        .get(&key)
        .map_or("EUR", |movement| movement.currency);
    let mut left = model
        .movements
        .get(&key)
        .map_or((9, 9), |_| model.left(key));
    let expected = match dice[6] / 12 % 5 {
        0 => refund.map(Refund::revision),
        1 => refund.map(|refund| refund.revision() - 1),
        2 => Some(u32::from(dice[6] % 4)),
        _ => None,
    }
    .filter(|_| dice[6].is_multiple_of(2));
    let op = match op {
        0..=2 => {
            let currency = pick(&CURRENCIES, dice[8]);
            let minor = i128::from(dice[4] % 120) + 1;
            let amount = ask_amount(dice, (minor, minor), currency);
            Op::Record(MovementAsk {
                currency,
                occurred_at: pick(&[0, 10, 0, 0, 0, 10, 0, 100_000], dice[9]),
                amount,
                text: pick(&TEXTS, dice[7] / 4),
            })
        }
        3 => Op::Void,
        4..=9 => {
            let mut ask = ask_refund(dice, left, currency);
            let mut idempotency_key = None;
            if ask.transaction_type.is_some() {
                idempotency_key =
                    Some(pick(&EXTERNAL_IDS, dice[2] / 6)).filter(|_| dice[2].is_multiple_of(2));
                if dice[2].is_multiple_of(3) && idempotency_key.is_some() {
                    ask.external_id = None;
                }
            }
            Op::Create(ask, idempotency_key)
        }
        10..=12 => {
            if let Some(refund) = refund {
                left = (
                    left.0 + refund.now().amount.0,
                    left.1 + refund.now().amount.1,
                );
            }
            let mut ask = ask_refund(dice, left, currency);
            if let Some(refund) = refund
                && !dice[8].is_multiple_of(9)
            {
                ask.transaction_type = refund.now().transaction_type;
                ask.external_id = refund
                    .external_id
                    .filter(|(_, is_key)| !is_key && !dice[7].is_multiple_of(3))
                    .map(|(id, _)| id);
                if dice[7].is_multiple_of(11) {
                    ask.external_id = Some(pick(&EXTERNAL_IDS, dice[2] / 48));
                }
            }
            Op::Update(target, expected, ask)
        }
        13 | 14 => Op::Delete(target, expected),
        _ if dice[3].is_multiple_of(4) => Op::Erase(None),
        _ => Op::Erase(Some(target)),
    };
    Command { key, op }
}

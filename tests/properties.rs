//! Random sequences of commands, over every store, against a small ledger that was written a second
//! time from the design's text (`model/`). After every step: the replies, the balances, the lists,
//! the journals and heads of all stores, and verify.
#![allow(
    clippy::unwrap_used,
    clippy::manual_is_multiple_of,
    clippy::too_many_lines,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests fail by panicking, and their tables of cases are long"
)]

mod common;
mod model;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use common::{Json, StillHost, id, key, line, quoted};
use model::{Ask, Command, Form, Key, Mistake, Model, MovementAsk, Op, RefundAsk, Reply, Target};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestCaseError, TestError, TestRunner};
use refund_ledger::store::memory::MemoryStore;
use refund_ledger::store::{
    Loaded, Precondition, ReadSet, RefundLookup, ScanRange, ScanRow, Snapshot, WriteBatch,
};
use refund_ledger::{
    Atomicity, Batch, ErrorCode, ExternalId, JournalRecord, Ledger, ListAfter, Page, Refund,
    RefundFilter, RefundId, Repeats, Store, StoreError, Timestamp,
};

const KEYS: [Key; 4] = [
    ("o1", "s1", "m1"),
    ("o1", "s1", "m2"),
    ("o2", "s1", "m1"),
    ("o1", "s2", "m1"),
];
const EXTERNAL_IDS: [&str; 6] = ["e0", "e1", "e2", "e3", "e4", "e5"];
const TEXTS: [&str; 3] = ["a", "b", "Zwei Tage ohne Dienst \u{1f4b6}"];
const TAXES: [Option<(&str, i128)>; 7] = [
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

/// 2022-03-01T00:00:00Z.
const EPOCH: i64 = 1_646_092_800;

/// What chance gives for one command; the rest follows from what the model then holds.
type Dice = [u16; 10];

/// What chance gives for one step.
#[derive(Clone, Debug)]
struct Step {
    commands: Vec<Dice>,
    /// Carried out at the same time through another handle, where there is one.
    beside: Vec<Dice>,
    /// Which of the shared stores the two race on.
    raced_on: u8,
    now: i64,
    as_file: bool,
    atomic: bool,
    other_handle: bool,
}

fn dice() -> impl Strategy<Value = Dice> {
    prop::array::uniform10(0..5_040_u16)
}

fn steps(races: bool, length: usize) -> impl Strategy<Value = Vec<Step>> {
    let commands = prop_oneof![
        4 => prop::collection::vec(dice(), 1..2),
        1 => prop::collection::vec(dice(), 2..6),
    ];
    let beside = if races {
        prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(dice(), 1..4)].boxed()
    } else {
        Just(Vec::new()).boxed()
    };
    let now = prop_oneof![6 => 0..50_i64, 1 => -5..0_i64, 1 => Just(300_000)];
    let step = (
        commands,
        beside,
        any::<u8>(),
        now,
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(
            |(commands, beside, raced_on, now, as_file, atomic, other_handle)| Step {
                commands,
                beside,
                raced_on,
                now,
                as_file,
                atomic,
                other_handle,
            },
        );
    prop::collection::vec(step, 1..length)
}

fn pick<T: Copy>(from: &[T], by: u16) -> T {
    from[usize::from(by) % from.len()]
}

/// An amount for a refund of which this much is left, in the movement's own minor units.
fn ask_amount(dice: &Dice, left: (i128, i128), currency: &'static str) -> Ask {
    let unit = 10_i128.pow(5 - model::exponent(currency));
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

fn ask_refund(dice: &Dice, left: (i128, i128), currency: &'static str) -> RefundAsk {
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
        billable: dice[8] % 2 == 0,
        invoice: pick(&[None, Some("i1"), Some("i2")], dice[9] / 105),
        external_id: Some(pick(&EXTERNAL_IDS, dice[2])),
        text: pick(&TEXTS, dice[7] / 4),
    }
}

/// Turns dice into a command that has something to do with what is there.
fn resolve(dice: &Dice, model: &Model, history: &[Command]) -> Command {
    let mut key = pick(
        &[KEYS[0], KEYS[0], KEYS[0], KEYS[1], KEYS[2], KEYS[3]],
        dice[1],
    );
    if dice[0] % 22 >= 16 && !history.is_empty() {
        // What was done is asked for again, perhaps written otherwise.
        let recent = &history[history.len().saturating_sub(8)..];
        let mut again = recent[usize::from(dice[1]) % recent.len()].clone();
        if let Op::Create(RefundAsk { amount, .. }, _)
        | Op::Update(_, _, RefundAsk { amount, .. })
        | Op::Record(MovementAsk { amount, .. }) = &mut again.op
        {
            amount.form = pick(&FORMS, dice[7]);
        }
        return again;
    }
    // Updates, deletes and erasures mostly look where the refund is.
    let target = match dice[2] % 8 {
        0 | 1 => Target::External(pick(&EXTERNAL_IDS, dice[2] / 8)),
        _ => {
            let numbers: Vec<u64> = model.refunds.keys().copied().collect();
            if numbers.is_empty() {
                Target::Nth(u64::from(dice[2]))
            } else {
                Target::Nth(pick(&numbers, dice[2] / 8))
            }
        }
    };
    let refund = match target {
        Target::Nth(number) => model.refunds.get(&number),
        Target::External(_) => None,
    };
    let op = dice[0] % 22;
    if (10..16).contains(&op)
        && let Some(refund) = refund
        && dice[1] % 12 != 0
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
        0 => refund.map(model::Refund::revision),
        1 => refund.map(|refund| refund.revision() - 1),
        2 => Some(u32::from(dice[6] % 4)),
        _ => None,
    }
    .filter(|_| dice[6] % 2 == 0);
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
                    Some(pick(&EXTERNAL_IDS, dice[2] / 6)).filter(|_| dice[2] % 2 == 0);
                if dice[2] % 3 == 0 && idempotency_key.is_some() {
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
                && dice[8] % 9 != 0
            {
                ask.transaction_type = refund.now().transaction_type;
                ask.external_id = refund
                    .external_id
                    .filter(|(_, is_key)| !is_key && dice[7] % 3 != 0)
                    .map(|(id, _)| id);
                if dice[7] % 11 == 0 {
                    ask.external_id = Some(pick(&EXTERNAL_IDS, dice[2] / 48));
                }
            }
            Op::Update(target, expected, ask)
        }
        13 | 14 => Op::Delete(target, expected),
        _ if dice[3] % 4 == 0 => Op::Erase(None),
        _ => Op::Erase(Some(target)),
    };
    Command { key, op }
}

fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_unix(EPOCH + seconds, 0).unwrap()
}

fn decimal(value: i128, form: Form) -> String {
    let (whole, fraction) = (value / 100_000, format!("{:05}", value % 100_000));
    let fraction = fraction.trim_end_matches('0');
    let zeros = match form {
        Form::LongNumber | Form::LongText => "0",
        Form::Number | Form::Text => "",
    };
    let text = match (fraction, zeros) {
        ("", "") => whole.to_string(),
        _ => format!("{whole}.{fraction}{zeros}"),
    };
    match form {
        Form::Number | Form::LongNumber => text,
        Form::Text | Form::LongText => quoted(&text),
    }
}

fn render_amount(ask: &Ask) -> Json {
    let mut json = Json::object();
    if let Some(with) = ask.with {
        json = json.set("value_with_taxes", decimal(with, ask.form));
    }
    if let Some(without) = ask.without {
        json = json.set("value_without_taxes", decimal(without, ask.form));
    }
    if let Some((tax_type, percentage)) = ask.tax {
        json = json
            .text("tax.type", tax_type)
            .set("tax.percentage", decimal(percentage * 10, ask.form));
    }
    if let Some(currency) = ask.currency {
        json = json.text("currency", currency);
    }
    json
}

fn instant_text(seconds: i64, form: Form) -> String {
    if form == Form::LongText {
        let elsewhere = moment(seconds + 5 * 3_600).to_string();
        format!("{}.00+05:00", elsewhere.trim_end_matches('Z'))
    } else {
        moment(seconds).to_string()
    }
}

fn render_refund(ask: &RefundAsk) -> Json {
    let form = ask.amount.form;
    let mut json = Json::object()
        .text("refund_datetime", &instant_text(ask.datetime, form))
        .set("amount", render_amount(&ask.amount))
        .text("description", ask.text);
    let billable = ask.billable.to_string();
    json = match ask.transaction_type {
        None => json.set("billable", billable),
        Some(transaction_type) => json
            .text("transaction_type_id", transaction_type)
            .set("amount.billable", billable),
    };
    for (field, end) in [
        ("period_start_datetime", ask.period.0),
        ("period_end_datetime", ask.period.1),
    ] {
        if let Some(end) = end {
            json = json.text(field, &instant_text(end, form));
        }
    }
    if let Some(invoice) = ask.invoice {
        json = json.text("external_invoice_id", invoice);
    }
    if let Some(external_id) = ask.external_id {
        json = json.text("external_refund_unique_id", external_id);
    }
    json
}

impl Rig {
    fn render(&self, command: &Command) -> Json {
        let (org, subscription, movement) = command.key;
        let at = |op: &str| line(op, &key(org, subscription, movement));
        let about = |json: Json, target: &Target| match target {
            Target::External(id) => json.text("external_refund_unique_id", id),
            Target::Nth(number) => {
                let id = self.ids.get(number).map(ToString::to_string);
                json.text("refund_id", &id.unwrap_or_else(|| "none".into()))
            }
        };
        let expecting = |json: Json, expected: Option<u32>| match expected {
            Some(expected) => json.set("expected_revision", expected.to_string()),
            None => json,
        };
        match &command.op {
            Op::Record(ask) => at("record_movement").set(
                "body",
                Json::object()
                    .text("currency", ask.currency)
                    .text(
                        "occurred_at",
                        &instant_text(ask.occurred_at, ask.amount.form),
                    )
                    .set("amount", render_amount(&ask.amount))
                    .text("description", ask.text),
            ),
            Op::Void => at("void_movement"),
            Op::Create(ask, idempotency_key) => {
                let op = if ask.transaction_type.is_some() {
                    "create_non_subscribable_refund"
                } else {
                    "create_refund"
                };
                let json = at(op).set("body", render_refund(ask));
                match idempotency_key {
                    Some(key) => json.text("idempotency_key", key),
                    None => json,
                }
            }
            Op::Update(target, expected, ask) => expecting(
                about(at("update_refund"), target).set("body", render_refund(ask)),
                *expected,
            ),
            Op::Delete(target, expected) => {
                expecting(about(at("delete_refund"), target), *expected)
            }
            Op::Erase(None) => at("erase_text"),
            Op::Erase(Some(target)) => about(at("erase_text"), target),
        }
    }
}

/// One ledger with the host that serves it.
struct Handle {
    name: &'static str,
    ledger: Ledger,
    host: Arc<StillHost>,
}

impl Handle {
    fn over(name: &'static str, store: Arc<dyn Store>) -> Self {
        let host = Arc::new(StillHost::at("2022-03-01T00:00:00Z"));
        Self {
            name,
            ledger: Ledger::new(store, host.clone()),
            host,
        }
    }
}

/// A store that outlives its handles, with two of them.
struct Shared {
    one: Handle,
    other: Handle,
}

impl Shared {
    fn new(one: &'static str, other: &'static str, open: impl Fn() -> Arc<dyn Store>) -> Self {
        Self {
            one: Handle::over(one, open()),
            other: Handle::over(other, open()),
        }
    }

    /// The handle whose turn it is, and the other one.
    fn handles(&self, step: &Step) -> (&Handle, &Handle) {
        if step.other_handle {
            (&self.other, &self.one)
        } else {
            (&self.one, &self.other)
        }
    }
}

/// The model with every store beside it.
struct Rig {
    model: Model,
    memory: Handle,
    shared: Vec<Shared>,
    ids: BTreeMap<u64, RefundId>,
    numbers: BTreeMap<RefundId, u64>,
    /// What was carried out.
    history: Vec<Command>,
    /// How many commands were given an id and a salt.
    minted: u64,
    /// What was asked and how it was answered, for the harness to judge itself by.
    seen: BTreeSet<String>,
    #[allow(dead_code, reason = "the folder of the file goes with the rig")]
    directory: Option<tempfile::TempDir>,
}

/// Commands that are carried out as one batch, numbered from the first on.
#[derive(Clone)]
struct Planned {
    actor: &'static str,
    first: u64,
    commands: Vec<Command>,
    parsed: Vec<refund_ledger::Command>,
}

type Outcome<T = ()> = Result<T, TestCaseError>;

fn fail<T>(message: String) -> Outcome<T> {
    Err(TestCaseError::fail(message))
}

impl Rig {
    fn new(mistake: Mistake) -> Self {
        Self::over(mistake, Arc::new(MemoryStore::new()))
    }

    fn over(mistake: Mistake, store: Arc<dyn Store>) -> Self {
        Self {
            model: Model {
                mistake,
                ..Model::default()
            },
            memory: Handle::over("memory", store),
            shared: Vec::new(),
            ids: BTreeMap::new(),
            numbers: BTreeMap::new(),
            history: Vec::new(),
            minted: 0,
            seen: BTreeSet::new(),
            directory: None,
        }
    }

    /// The same beside a store of each kind that is built in.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    fn beside_every_store() -> Self {
        let mut rig = Self::new(Mistake::None);
        #[cfg(feature = "sqlite")]
        rig.add_file();
        #[cfg(feature = "postgres")]
        rig.add_server();
        rig
    }

    #[cfg(feature = "sqlite")]
    fn add_file(&mut self) {
        use refund_ledger::store::sqlite::SqliteStore;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("refunds.db");
        self.shared
            .push(Shared::new("the file", "the file's other handle", || {
                Arc::new(SqliteStore::open(&path).unwrap())
            }));
        self.directory = Some(directory);
    }

    /// Adds a schema of its own.
    #[cfg(feature = "postgres")]
    fn add_server(&mut self) {
        use refund_ledger::store::postgres::{PostgresOptions, PostgresStore};
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let server = postgres_cluster::shared().unwrap();
        let schema = format!("case_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let options = PostgresOptions::new(&server.socket_url()).unwrap();
        let options = options.with_schema(&schema).unwrap();
        // The machine may be busy with other tests.
        let options = options.with_time_limit(std::time::Duration::from_mins(1));
        self.shared.push(Shared::new(
            "the server",
            "the server's other handle",
            || Arc::new(PostgresStore::open(&options).unwrap()),
        ));
    }

    /// What of the dice is a command that can be read, with its number.
    fn plan(&mut self, dice: &[Dice], actor: &'static str, now: i64) -> Outcome<Planned> {
        let first = self.minted + 1;
        let mut planned = Planned {
            actor,
            first,
            commands: Vec::new(),
            parsed: Vec::new(),
        };
        for dice in dice {
            let command = resolve(dice, &self.model, &self.history);
            let text = self.render(&command).render();
            match (
                refund_ledger::wire::parse_line(text.as_bytes()),
                Model::is_valid(&command),
            ) {
                (Ok(line), true) => {
                    self.minted += 1;
                    let id = StillHost::minted(moment(now), self.minted).refund_id;
                    self.ids.insert(self.minted, id);
                    self.numbers.insert(id, self.minted);
                    planned.parsed.push(line.command);
                    planned.commands.push(command);
                }
                (Err(error), false) if error.code() == ErrorCode::InvalidRequest => {}
                (result, valid) => {
                    return fail(format!(
                        "{text}\n  should {} be read; was {:?}",
                        if valid { "" } else { "not" },
                        result.map(|_| "read")
                    ));
                }
            }
        }
        Ok(planned)
    }

    fn carry_out(&self, handle: &Handle, planned: &Planned, step: &Step) -> Outcome<Vec<Reply>> {
        handle.host.go_on(moment(step.now), planned.first - 1);
        let ledger = handle.ledger.clone().with_actor(id(planned.actor));
        let batch = Batch {
            atomicity: if step.atomic {
                Atomicity::All
            } else {
                Atomicity::PerItem
            },
            repeats: if step.as_file {
                Repeats::AsFile
            } else {
                Repeats::AsRequests
            },
        };
        let results = ledger
            .execute_all(&planned.parsed, batch)
            .map_err(|error| TestCaseError::fail(format!("{}: {error}", handle.name)))?;
        Ok(results
            .into_iter()
            .map(|result| match result {
                Ok(receipt) => Ok((
                    receipt.replayed,
                    receipt
                        .refund_id
                        .and_then(|id| self.numbers.get(&id).copied()),
                    receipt.revision,
                )),
                Err(error) => Err(error.code().as_str()),
            })
            .collect())
    }

    fn step(&mut self, step: &Step) -> Outcome {
        let here = self.plan(&step.commands, "here", step.now)?;
        let beside = self.plan(&step.beside, "beside", step.now)?;
        let mut order = vec![here, beside];
        let mut answers: Vec<(&'static str, Vec<Vec<Reply>>)> = Vec::new();
        // They race on one of the stores. The others do the same in the order that came of it.
        let raced_on = usize::from(step.raced_on).checked_rem(self.shared.len());
        if let Some(at) = raced_on {
            let raced;
            (order, raced) = self.race(&self.shared[at], &order, step)?;
            answers.push((self.shared[at].one.name, raced));
        }
        for (at, shared) in self.shared.iter().enumerate() {
            if Some(at) != raced_on {
                let (handle, _) = shared.handles(step);
                let replies: Outcome<_> = order
                    .iter()
                    .map(|planned| self.carry_out(handle, planned, step))
                    .collect();
                answers.push((handle.name, replies?));
            }
        }
        for (at, planned) in order.iter().enumerate() {
            let expected = run_model(&mut self.model, planned, step);
            let answered = self.carry_out(&self.memory, planned, step)?;
            for (command, reply) in planned.commands.iter().zip(&answered) {
                self.seen.insert(told(command, reply, step.as_file));
                if matches!(reply, Ok((false, ..))) {
                    self.history.push(command.clone());
                }
            }
            if expected != answered {
                return fail(format!(
                    "{:#?}\n  should be answered with {expected:?}\n  was with             {answered:?}",
                    planned.commands
                ));
            }
            for (name, replies) in &answers {
                if replies[at] != answered {
                    return fail(format!(
                        "{:#?}\n  {name} answered {:?}, memory {answered:?}",
                        planned.commands, replies[at]
                    ));
                }
            }
        }
        self.compare()
    }

    /// Carries out both at once, each through a handle of its own. Gives them, and their replies, in
    /// the order in which they came.
    fn race(
        &self,
        shared: &Shared,
        order: &[Planned],
        step: &Step,
    ) -> Outcome<(Vec<Planned>, Vec<Vec<Reply>>)> {
        let before = self.memory.ledger.journal(0, usize::MAX).unwrap().len() as u64;
        let (first, second) = shared.handles(step);
        let raced = if order[1].commands.is_empty() {
            vec![self.carry_out(first, &order[0], step)?, Vec::new()]
        } else {
            let (here, beside) = std::thread::scope(|scope| {
                let beside = scope.spawn(|| self.carry_out(second, &order[1], step));
                let here = self.carry_out(first, &order[0], step);
                (here, beside.join().expect("no panic"))
            });
            vec![here?, beside?]
        };
        // Who wrote first is in the journal; where only one wrote, both orders are tried.
        let written = first.ledger.journal(before, usize::MAX).unwrap();
        let actors: Vec<String> = written
            .iter()
            .map(|record| record.decode().unwrap().actor.to_string())
            .collect();
        for turned in [false, true] {
            let mut model = self.model.clone();
            let mut order = order.to_vec();
            let mut raced = raced.clone();
            if turned {
                order.reverse();
                raced.reverse();
            }
            let expected: Vec<Vec<Reply>> = order
                .iter()
                .map(|planned| run_model(&mut model, planned, step))
                .collect();
            let both_wrote = actors.first() != actors.last();
            let in_order =
                !both_wrote || actors.first().map(String::as_str) == Some(order[0].actor);
            if expected == raced && in_order {
                return Ok((order, raced));
            }
        }
        let mut model = self.model.clone();
        let expected: Vec<Vec<Reply>> = order
            .iter()
            .map(|planned| run_model(&mut model, planned, step))
            .collect();
        fail(format!(
            "{:#?}\n  {} answered {raced:?}\n  the model {expected:?} (or the other way round)\n  written by {actors:?}",
            order
                .iter()
                .map(|planned| &planned.commands)
                .collect::<Vec<_>>(),
            first.name
        ))
    }

    /// Everything that can be read, of every store.
    fn compare(&self) -> Outcome {
        let expected = self.expected();
        let journal = self.memory.ledger.journal(0, usize::MAX).unwrap();
        let head = self.memory.ledger.verify(None).unwrap();
        let shared = self.shared.iter();
        let shared = shared.flat_map(|shared| [&shared.one, &shared.other]);
        for handle in std::iter::once(&self.memory).chain(shared) {
            let have = self.observed(&handle.ledger);
            if have != expected {
                return fail(format!(
                    "{} holds\n  {}\nand should hold\n  {}",
                    handle.name,
                    have.join("\n  "),
                    expected.join("\n  ")
                ));
            }
            let report = handle.ledger.verify(None).unwrap();
            if !report.is_valid() {
                return fail(format!("{} does not verify: {report:?}", handle.name));
            }
            if report.head.root != head.head.root || report.head.entries != head.head.entries {
                return fail(format!("{} has another head than memory", handle.name));
            }
            let other = handle.ledger.journal(0, usize::MAX).unwrap();
            if other != journal {
                return fail(format!("{} has another journal than memory", handle.name));
            }
        }
        Ok(())
    }

    fn expected(&self) -> Vec<String> {
        let model = &self.model;
        let mut lines = vec![format!("{} entries", model.entries)];
        for key in KEYS {
            lines.push(
                match model
                    .movements
                    .get(&key)
                    .filter(|movement| !movement.voided)
                {
                    None => format!("{key:?}: none"),
                    Some(movement) => format!(
                        "{key:?}: {} of {:?} at {} left {:?} count {} text {:?}",
                        movement.currency,
                        movement.amount,
                        moment(movement.occurred_at),
                        model.left(key),
                        model.live(key).count(),
                        movement.text
                    ),
                },
            );
        }
        let mut refunds: Vec<_> = model.refunds.iter().collect();
        refunds.sort_by_key(|(number, refund)| (refund.now().datetime, self.ids[number]));
        for (number, refund) in refunds {
            let content = refund.now();
            lines.push(format!(
                "refund {number} {:?} {} {:?} {:?} {} {:?} {:?} {:?} {:?} {} {} revision {} {}",
                refund.key,
                moment(content.datetime),
                content.period.0.map(moment),
                content.period.1.map(moment),
                content.currency,
                content.amount,
                content.transaction_type,
                content.invoice,
                content.text,
                content.billable,
                refund
                    .external_id
                    .map_or_else(String::new, |(id, is_key)| format!(
                        "{id}{}",
                        if is_key { " as key" } else { "" }
                    )),
                refund.revision(),
                content.deleted,
            ));
            lines.push(format!(
                "  from {} to {}",
                moment(refund.created_at),
                moment(refund.updated_at)
            ));
        }
        lines
    }

    fn observed(&self, ledger: &Ledger) -> Vec<String> {
        let mut lines = vec![format!(
            "{} entries",
            ledger.journal(0, usize::MAX).unwrap().len()
        )];
        for names in KEYS {
            let at = key(names.0, names.1, names.2);
            lines.push(match ledger.movement(&at) {
                Err(error) if error.code() == ErrorCode::MovementNotFound => {
                    format!("{names:?}: none")
                }
                Err(error) => format!("{names:?}: {error}"),
                Ok(movement) => {
                    let balance = ledger.balance(&at).unwrap();
                    let pair = |values: refund_ledger::Values| (values.with, values.without);
                    format!(
                        "{names:?}: {} of {:?} at {} left {:?} count {} text {:?}",
                        balance.currency,
                        pair(balance.amount),
                        movement.occurred_at,
                        pair(balance.refundable),
                        balance.count,
                        movement.description.text()
                    )
                }
            });
        }
        let all = RefundFilter {
            include_deleted: true,
            ..RefundFilter::default()
        };
        for refund in ledger.refunds(all) {
            let refund = refund.unwrap();
            let details = &refund.details;
            let values = details.amount.values();
            let named = (
                refund.movement.org_id(),
                refund.movement.subscription_id(),
                refund.movement.movement_id(),
            );
            lines.push(format!(
                "refund {} {named:?} {} {:?} {:?} {} {:?} {:?} {:?} {:?} {} {} revision {} {}",
                self.numbers[&refund.id],
                details.refund_datetime,
                details.period.start(),
                details.period.end(),
                details.amount.currency(),
                (values.with, values.without),
                details
                    .kind
                    .transaction_type_id()
                    .map(refund_ledger::Id::as_str),
                details
                    .external_invoice_id
                    .as_ref()
                    .map(refund_ledger::Id::as_str),
                details.description.text(),
                details.billable,
                match &details.external_id {
                    None => String::new(),
                    Some(ExternalId::Given(id)) => id.to_string(),
                    Some(ExternalId::IdempotencyKey(id)) => format!("{id} as key"),
                },
                refund.revision,
                refund.deleted,
            ));
            lines.push(format!(
                "  from {} to {}",
                refund.created_at, refund.updated_at
            ));
        }
        lines
    }
}

/// `create: over_refund`, `delete: replayed from a file`.
fn told(command: &Command, reply: &Reply, as_file: bool) -> String {
    let op = match &command.op {
        Op::Record(_) => "record",
        Op::Void => "void",
        Op::Create(ask, _) if ask.transaction_type.is_none() => "create",
        Op::Create(..) => "create other",
        Op::Update(..) => "update",
        Op::Delete(..) => "delete",
        Op::Erase(None) => "erase movement",
        Op::Erase(Some(_)) => "erase",
    };
    match reply {
        Err(code) => format!("{op}: {code}"),
        Ok((false, ..)) => format!("{op}: done"),
        Ok((true, ..)) if as_file => format!("{op}: replayed from a file"),
        Ok((true, ..)) => format!("{op}: replayed"),
    }
}

/// Runs a batch in the model, with the same numbers: all or nothing where it is atomic.
fn run_model(model: &mut Model, planned: &Planned, step: &Step) -> Vec<Reply> {
    let before = model.clone();
    let replies: Vec<Reply> = planned
        .commands
        .iter()
        .zip(planned.first..)
        .map(|(command, number)| model.run(number, command, step.now, step.as_file))
        .collect();
    if step.atomic && replies.iter().any(Result::is_err) {
        *model = before;
    }
    replies
}

fn play(mut rig: Rig, steps: &[Step]) -> Outcome<Rig> {
    for step in steps {
        rig.step(step)?;
    }
    Ok(rig)
}

fn runner(cases: u32, rng_seed: RngSeed) -> TestRunner {
    TestRunner::new(ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 4_000,
        rng_seed,
        ..ProptestConfig::default()
    })
}

fn judge(result: Result<(), TestError<Vec<Step>>>) {
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[test]
fn the_ledger_in_memory_does_what_the_model_does() {
    let result = runner(500, RngSeed::Random).run(&steps(false, 40), |steps| {
        play(Rig::new(Mistake::None), &steps).map(drop)
    });
    judge(result);
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
#[test]
fn ledgers_that_last_do_what_the_model_does_also_in_a_race() {
    let result = runner(24, RngSeed::Random).run(&steps(true, 25), |steps| {
        play(Rig::beside_every_store(), &steps).map(drop)
    });
    judge(result);
}

/// The harness itself: a mistake in either of the two ledgers is found.
#[test]
fn planted_mistakes_are_found() {
    for mistake in [
        Mistake::CapForgetsDeletes,
        Mistake::ReplayWrites,
        Mistake::ComparedAsText,
        Mistake::RestIsTaxed,
        Mistake::UpdateKeepsOldAmount,
        Mistake::ReplayComparesWithNow,
        Mistake::PolicyBeforeReplay,
        Mistake::TombstoneFreesId,
        Mistake::HalfDown,
    ] {
        let mut runner = TestRunner::new(ProptestConfig {
            cases: 500,
            failure_persistence: None,
            max_shrink_iters: 0,
            rng_seed: RngSeed::Fixed(1),
            ..ProptestConfig::default()
        });
        let result = runner.run(&steps(false, 40), |steps| {
            play(Rig::new(mistake), &steps).map(drop)
        });
        assert!(
            matches!(result, Err(TestError::Fail(..))),
            "{mistake:?} should be found: {result:?}"
        );
    }
}

/// A store that does one thing wrong.
struct Faulty {
    store: Arc<dyn Store>,
    fault: Fault,
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    /// Deleted refunds stay as they were.
    ForgetsDeletes,
    /// The movement's row is not replaced, so that its sums stay behind.
    ForgetsSums,
    /// Erased texts stay.
    KeepsTexts,
    /// Taken external ids are not noticed.
    FindsNoExternalId,
}

impl Store for Faulty {
    fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
        let found = self.store.load(wanted)?;
        if !matches!(self.fault, Fault::FindsNoExternalId) {
            return Ok(found);
        }
        let mut snapshot = Snapshot::default();
        for key in wanted.movements() {
            let movement = match found.movement(key) {
                Loaded::Present(movement) => Some(movement.clone()),
                Loaded::Absent | Loaded::NotLoaded => None,
            };
            snapshot.put_movement(key.clone(), movement);
        }
        for (org, lookup, _) in wanted.refunds() {
            let refund = match (lookup, found.refund(org, lookup)) {
                (RefundLookup::Id(_), Loaded::Present(refund)) => Some(refund.clone()),
                _ => None,
            };
            snapshot.put_refund(org.clone(), lookup.clone(), refund);
        }
        Ok(snapshot)
    }
    fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        let mut batch = batch.clone();
        match self.fault {
            Fault::ForgetsDeletes => batch.refunds.retain(|write| !write.refund().deleted),
            Fault::ForgetsSums => {
                for movement in &mut batch.movements {
                    movement.refunded = refund_ledger::Refunded::default();
                }
            }
            Fault::KeepsTexts => batch.erasures.clear(),
            Fault::FindsNoExternalId => {
                batch
                    .preconditions
                    .retain(|p| !matches!(p, Precondition::ExternalIdFree { .. }));
            }
        }
        self.store.commit(&batch)
    }
    fn list_refunds(
        &self,
        filter: &RefundFilter,
        after: Option<ListAfter>,
        limit: usize,
    ) -> Result<Page<Refund>, StoreError> {
        self.store.list_refunds(filter, after, limit)
    }
    fn journal(&self, after: u64, limit: usize) -> Result<Vec<JournalRecord>, StoreError> {
        self.store.journal(after, limit)
    }
    fn scan(
        &self,
        range: &ScanRange<'_>,
        visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> Result<u64, StoreError> {
        self.store.scan(range, visit)
    }
}

const FAULTS: [Fault; 4] = [
    Fault::ForgetsDeletes,
    Fault::ForgetsSums,
    Fault::KeepsTexts,
    Fault::FindsNoExternalId,
];

fn assert_is_found(fault: Fault, races: bool, rig: impl Fn() -> Rig) {
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 500,
        failure_persistence: None,
        max_shrink_iters: 0,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    });
    let result = runner.run(&steps(races, 40), |steps| play(rig(), &steps).map(drop));
    assert!(
        matches!(result, Err(TestError::Fail(..))),
        "{fault:?} should be found: {result:?}"
    );
}

#[test]
fn faulty_stores_are_found() {
    for fault in FAULTS {
        assert_is_found(fault, false, || {
            let store = Arc::new(MemoryStore::new());
            Rig::over(Mistake::None, Arc::new(Faulty { store, fault }))
        });
    }
}

/// The harness itself: what one of several stores does otherwise is found, whichever it is.
#[test]
fn a_faulty_store_among_sound_ones_is_found() {
    let over = |store: Arc<dyn Store>| Shared::new("a store", "its other handle", || store.clone());
    for fault in FAULTS {
        for at in 0..2 {
            assert_is_found(fault, true, || {
                let mut rig = Rig::new(Mistake::None);
                let store = Arc::new(MemoryStore::new());
                rig.shared = vec![over(Arc::new(MemoryStore::new()))];
                rig.shared
                    .insert(at, over(Arc::new(Faulty { store, fault })));
                rig
            });
        }
    }
}

/// The harness itself: chance leads to every answer that there is.
#[test]
fn the_sequences_reach_every_rule() {
    let seen = std::cell::RefCell::new(BTreeSet::new());
    let result = runner(200, RngSeed::Fixed(1)).run(&steps(false, 40), |steps| {
        let rig = play(Rig::new(Mistake::None), &steps)?;
        seen.borrow_mut().extend(rig.seen);
        Ok(())
    });
    judge(result);
    let seen = seen.into_inner();
    let amounts = ["currency_mismatch", "invalid_request", "tax_mismatch"];
    let dates = ["refund_before_movement", "refund_in_future"];
    let mut wanted: Vec<String> = Vec::new();
    let mut want = |op: &str, answers: &[&str]| {
        wanted.extend(answers.iter().map(|answer| format!("{op}: {answer}")));
    };
    for op in ["create", "create other", "update"] {
        want(op, &amounts);
        want(op, &dates);
        want(op, &["over_refund", "movement_not_found"]);
    }
    for op in [
        "record",
        "void",
        "create",
        "create other",
        "update",
        "delete",
        "erase",
        "erase movement",
    ] {
        want(op, &["done", "replayed from a file"]);
    }
    for op in ["create", "create other"] {
        want(op, &["replayed", "idempotency_conflict", "refund_deleted"]);
    }
    want("record", &amounts);
    want("record", &["replayed", "idempotency_conflict"]);
    want("void", &["movement_not_found", "over_refund"]);
    want(
        "update",
        &[
            "replayed",
            "refund_not_found",
            "kind_mismatch",
            "immutable_field",
            "stale_revision",
        ],
    );
    want(
        "delete",
        &["movement_not_found", "refund_not_found", "stale_revision"],
    );
    want(
        "erase",
        &["movement_not_found", "refund_not_found", "replayed"],
    );
    let missing: Vec<&String> = wanted
        .iter()
        .filter(|answer| !seen.contains(*answer))
        .collect();
    assert!(
        missing.is_empty(),
        "no sequence came to {missing:?}; they came to {seen:?}"
    );
}

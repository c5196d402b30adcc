//! The model with a ledger over every store beside it, and what compares them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread;

use refund_ledger::store::memory::MemoryStore;
use refund_ledger::{
    Atomicity, Batch, ErrorCode, Id, JournalRecord, Ledger, RefundId, Repeats, Report, Store,
};

use crate::command::{Command, Op};
use crate::dice::{self, Dice};
use crate::host::StillHost;
use crate::mismatch::Mismatch;
use crate::model::{Mistake, Model, Reply};
use crate::render::{moment, render};
use crate::search::Step;
use crate::view::{expected, observed};

/// One ledger with the host that serves it.
struct Handle {
    name: String,
    ledger: Ledger,
    host: Arc<StillHost>,
}

impl Handle {
    fn over(name: impl Into<String>, store: Arc<dyn Store>) -> Self {
        let host = Arc::new(StillHost::at(moment(0)));
        Self {
            name: name.into(),
            ledger: Ledger::new(store, host.clone()),
            host,
        }
    }

    fn journal(&self, after: u64) -> Result<Vec<JournalRecord>, Mismatch> {
        Ok(self.ledger.journal(after, usize::MAX)?)
    }
}

/// A store that outlives its handles, with two of them.
struct Shared {
    one: Handle,
    other: Handle,
}

impl Shared {
    /// The handle whose turn it is, and the other one.
    fn handles(&self, step: &Step) -> (&Handle, &Handle) {
        if step.other_handle {
            (&self.other, &self.one)
        } else {
            (&self.one, &self.other)
        }
    }
}

/// The model, a ledger over a store that is called `memory`, and ledgers over stores that are shared.
pub struct Rig {
    model: Model,
    memory: Handle,
    shared: Vec<Shared>,
    ids: BTreeMap<u64, RefundId>,
    numbers: BTreeMap<RefundId, u64>,
    /// What was carried out.
    history: Vec<Command>,
    /// How many commands were given an id and a salt.
    minted: u64,
    seen: BTreeSet<String>,
    /// Every line that was asked, and how.
    asked: Vec<String>,
}

impl Default for Rig {
    fn default() -> Self {
        Self::over(Arc::new(MemoryStore::new()))
    }
}

/// Commands that are carried out as one batch, numbered from the first on.
#[derive(Clone)]
struct Planned {
    actor: &'static str,
    first: u64,
    commands: Vec<Command>,
    parsed: Vec<refund_ledger::Command>,
}

/// What is carried out in a step: here, and beside it.
type Both<T> = [T; 2];

impl Rig {
    /// The model beside a ledger over this store, which is empty.
    pub fn over(store: Arc<dyn Store>) -> Self {
        Self {
            model: Model::default(),
            memory: Handle::over("memory", store),
            shared: Vec::new(),
            ids: BTreeMap::new(),
            numbers: BTreeMap::new(),
            history: Vec::new(),
            minted: 0,
            seen: BTreeSet::new(),
            asked: Vec::new(),
        }
    }

    /// The same with a mistake in the model.
    #[must_use]
    pub fn with_mistake(mut self, mistake: Mistake) -> Self {
        self.model.mistake = mistake;
        self
    }

    /// The same beside another store, which is empty, through two handles.
    #[must_use]
    pub fn beside(mut self, name: &str, [one, other]: [Arc<dyn Store>; 2]) -> Self {
        self.shared.push(Shared {
            one: Handle::over(name, one),
            other: Handle::over(format!("{name}'s other handle"), other),
        });
        self
    }

    /// Plays a sequence. Replies are compared after each step; all that can be read, journals and heads
    /// and verify too, after every so many steps and at the end.
    ///
    /// # Errors
    /// With the first mismatch, and what was asked up to it.
    pub fn play(&mut self, steps: &[Step], compared_every: usize) -> Result<(), Mismatch> {
        let mut played = || {
            for (step, number) in steps.iter().zip(1..) {
                self.step(step)?;
                if number == steps.len() || number % compared_every.max(1) == 0 {
                    self.compare()?;
                }
            }
            Ok(())
        };
        played().map_err(|mismatch: Mismatch| mismatch.after(&self.asked))
    }

    /// What was asked and how it was answered, for a harness to judge itself by: `create: over_refund`,
    /// `delete: replayed from a file`.
    pub fn seen(&self) -> &BTreeSet<String> {
        &self.seen
    }

    fn step(&mut self, step: &Step) -> Result<(), Mismatch> {
        self.asked.push(told_how(step));
        let here = self.plan(&step.commands, "here", step.now)?;
        let beside = self.plan(&step.beside, "beside", step.now)?;
        let mut order = [here, beside];
        let mut answers: Vec<(&str, Both<Vec<Reply>>)> = Vec::new();
        // They race on one of the stores. The others do the same in the order that came of it.
        let raced_on = usize::from(step.raced_on).checked_rem(self.shared.len());
        if let Some(shared) = raced_on.and_then(|at| self.shared.get(at)) {
            let raced;
            (order, raced) = self.race(shared, order, step)?;
            answers.push((&shared.one.name, raced));
        }
        for (at, shared) in self.shared.iter().enumerate() {
            if Some(at) != raced_on {
                let (handle, _) = shared.handles(step);
                answers.push((&handle.name, self.carry_out_both(handle, &order, step)?));
            }
        }
        let expected = run_model(&mut self.model, &order, step);
        answers.push((
            &self.memory.name,
            self.carry_out_both(&self.memory, &order, step)?,
        ));
        for (name, answered) in answers {
            if answered != expected {
                return Err(Mismatch::new(format!(
                    "{name} answered {answered:?}, and should have answered {expected:?}"
                )));
            }
        }
        for (planned, replies) in order.iter().zip(&expected) {
            for (command, reply) in planned.commands.iter().zip(replies) {
                self.seen.insert(told(command, reply, step.as_file));
                if matches!(reply, Ok((false, ..))) {
                    self.history.push(command.clone());
                }
            }
        }
        Ok(())
    }

    /// What of the dice is a command that can be read, with its number.
    fn plan(&mut self, dice: &[Dice], actor: &'static str, now: i64) -> Result<Planned, Mismatch> {
        let first = self.minted + 1;
        let mut planned = Planned {
            actor,
            first,
            commands: Vec::new(),
            parsed: Vec::new(),
        };
        for dice in dice {
            let command = dice::resolve(dice, &self.model, &self.history);
            let text = render(&command, &self.ids)?;
            self.asked.push(format!("{actor}: {text}"));
            let read = refund_ledger::wire::parse_line(text.as_bytes());
            match (read, Model::is_valid(&command)) {
                (Ok(line), true) => {
                    self.minted += 1;
                    let id = StillHost::minted(moment(now), self.minted).refund_id;
                    self.ids.insert(self.minted, id);
                    self.numbers.insert(id, self.minted);
                    planned.parsed.push(line.command);
                    planned.commands.push(command);
                }
                (Err(error), false) if error.code() == ErrorCode::InvalidRequest => {}
                (read, valid) => {
                    let should = if valid {
                        "be read"
                    } else {
                        "be refused as invalid"
                    };
                    let was = read.map_or_else(|error| format!("{error:?}"), |_| "read".into());
                    return Err(Mismatch::new(format!(
                        "`{text}` should {should}; it was {was}"
                    )));
                }
            }
        }
        Ok(planned)
    }

    fn carry_out(
        &self,
        handle: &Handle,
        planned: &Planned,
        step: &Step,
    ) -> Result<Vec<Reply>, Mismatch> {
        handle.host.go_on(moment(step.now), planned.first - 1);
        let ledger = handle.ledger.clone().with_actor(Id::new(planned.actor)?);
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
            .map_err(|error| Mismatch::new(format!("{}: {error:?}", handle.name)))?;
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

    /// One after the other.
    fn carry_out_both(
        &self,
        handle: &Handle,
        [first, second]: &Both<Planned>,
        step: &Step,
    ) -> Result<Both<Vec<Reply>>, Mismatch> {
        Ok([
            self.carry_out(handle, first, step)?,
            self.carry_out(handle, second, step)?,
        ])
    }

    /// Carries out both at once, each through a handle of its own. Gives them, and their replies, in
    /// the order in which they came.
    fn race(
        &self,
        shared: &Shared,
        order: Both<Planned>,
        step: &Step,
    ) -> Result<(Both<Planned>, Both<Vec<Reply>>), Mismatch> {
        let (first, second) = shared.handles(step);
        // Where each command of a batch stands by itself, a store may refuse one by what it saw before
        // the others were written: no order of whole batches need have that outcome.
        let are_whole = step.atomic || order.iter().all(|planned| planned.commands.len() <= 1);
        if order[1].commands.is_empty() || !are_whole {
            let replies = self.carry_out_both(first, &order, step)?;
            return Ok((order, replies));
        }
        let before = u64::try_from(self.memory.journal(0)?.len()).unwrap_or(u64::MAX);
        let (here, beside) = thread::scope(|scope| {
            let beside = scope.spawn(|| self.carry_out(second, &order[1], step));
            let here = self.carry_out(first, &order[0], step);
            (here, beside.join())
        });
        let beside = beside.unwrap_or_else(|_| Err(Mismatch::new("it panicked")));
        let raced = [here?, beside?];
        // Who wrote first is in the journal; where only one wrote, both orders are tried.
        let mut actors = Vec::new();
        for record in first.journal(before)? {
            actors.push(record.decode()?.actor.to_string());
        }
        let both_wrote = actors.first() != actors.last();
        let expected = |order: &Both<Planned>| run_model(&mut self.model.clone(), order, step);
        let is_order_of = |order: &Both<Planned>, raced: &Both<Vec<Reply>>| {
            let in_order =
                !both_wrote || actors.first().map(String::as_str) == Some(order[0].actor);
            in_order && expected(order) == *raced
        };
        if is_order_of(&order, &raced) {
            return Ok((order, raced));
        }
        let [here, beside] = order.clone();
        let turned = [beside, here];
        let [here, beside] = raced.clone();
        let turned_replies = [beside, here];
        if is_order_of(&turned, &turned_replies) {
            return Ok((turned, turned_replies));
        }
        Err(Mismatch::new(format!(
            "{} answered {raced:?} in a race written by {actors:?}, and should have answered {:?}, or {:?} the other way round",
            first.name,
            expected(&order),
            expected(&turned)
        )))
    }

    /// Everything that can be read, of every store.
    fn compare(&self) -> Result<(), Mismatch> {
        let expected = expected(&self.model, &self.ids);
        let journal = self.memory.journal(0)?;
        let head = self.memory.ledger.verify(None)?.head;
        let shared = self.shared.iter();
        let shared = shared.flat_map(|shared| [&shared.one, &shared.other]);
        for handle in std::iter::once(&self.memory).chain(shared) {
            let name = &handle.name;
            let theirs = handle.journal(0)?;
            let have = observed(&handle.ledger, theirs.len(), &self.numbers)?;
            if have != expected {
                return Err(differ(name, &have, &expected));
            }
            let report: Report = handle.ledger.verify(None)?;
            if !report.is_valid() {
                return Err(Mismatch::new(format!("{name} does not verify: {report:?}")));
            }
            if report.head.root != head.root || report.head.entries != head.entries {
                return Err(Mismatch::new(format!(
                    "{name} has another head than memory"
                )));
            }
            if theirs != journal {
                return Err(Mismatch::new(format!(
                    "{name} has another journal than memory"
                )));
            }
        }
        Ok(())
    }
}

/// Says first where they differ.
fn differ(name: &str, have: &[String], expected: &[String]) -> Mismatch {
    let count = have.len().max(expected.len());
    let line =
        |lines: &[String], at: usize| lines.get(at).map_or("nothing", |line| line).to_owned();
    let differing = (0..count).find(|at| have.get(*at) != expected.get(*at));
    let at = differing.unwrap_or(count);
    Mismatch::new(format!(
        "{name} holds `{}`, and should hold `{}`\nit holds\n  {}\nand should hold\n  {}",
        line(have, at),
        line(expected, at),
        have.join("\n  "),
        expected.join("\n  ")
    ))
}

/// `2022-03-01T00:00:20Z, as a file, all or nothing`.
fn told_how(step: &Step) -> String {
    format!(
        "{}, as {}, {}",
        moment(step.now),
        if step.as_file { "a file" } else { "requests" },
        if step.atomic {
            "all or nothing"
        } else {
            "each by itself"
        }
    )
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

/// Runs batches in the model, with the same numbers: each all or nothing where it is atomic.
fn run_model(model: &mut Model, order: &Both<Planned>, step: &Step) -> Both<Vec<Reply>> {
    order.each_ref().map(|planned| {
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
    })
}

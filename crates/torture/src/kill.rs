//! A process that dies: children book refunds and are killed with SIGKILL at random moments.
//!
//! A child says when it begins a call and when it is answered. After each kill the ledger must be valid, and
//! byte for byte that of a ledger in memory which was asked all calls that were answered, and of the one that
//! was on its way all or nothing. The next child repeats that call and goes on from there.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::{Args, ValueEnum};
use postgres_cluster::Cluster;
use refund_ledger::Store;
use refund_ledger::store::memory::MemoryStore;

use crate::harness::{Finding, Report, Task, caught};
use crate::place::Place;
use crate::random::Random;
use crate::workload::{self, BATCH, Call, Calls, State};

/// How many kills one ledger sees; the longer it is, the longer each look at it takes.
const KILLS_A_LEDGER: usize = 50;

/// What a child does: it makes calls until it is killed.
#[derive(Args, Clone, Debug)]
pub(crate) struct Booking {
    #[command(flatten)]
    place: Place,
    /// What decides the calls
    #[arg(long)]
    seed: u64,
    /// The first call to make
    #[arg(long)]
    from: usize,
    /// What to do wrong
    #[arg(long)]
    bug: Option<Bug>,
}

/// The planted bugs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Bug {
    /// A call is said to be answered before it is made.
    TooEarly,
    /// As many entries as there should be, but other ones.
    Other,
}

impl Bug {
    fn name(self) -> &'static str {
        match self {
            Self::TooEarly => "too-early",
            Self::Other => "other",
        }
    }
}

impl Booking {
    /// Makes calls for ever.
    pub(crate) fn run(&self) -> Result<(), Finding> {
        let store = self.place.open()?;
        let too_early = self.bug == Some(Bug::TooEarly);
        let other = usize::from(self.bug == Some(Bug::Other));
        for (number, call) in Calls::new(self.seed).enumerate().skip(self.from) {
            say("begun", number)?;
            if too_early {
                say("done", number)?;
            }
            make(&store, number + other, &call)?;
            if !too_early {
                say("done", number)?;
            }
        }
        Ok(())
    }

    fn start(&self) -> Result<Child, Finding> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("book").args(["--seed", &self.seed.to_string()]);
        command.args(["--from", &self.from.to_string()]);
        command.args(self.place.arguments());
        if let Some(bug) = self.bug {
            command.args(["--bug", bug.name()]);
        }
        Ok(command.stdout(Stdio::piped()).spawn()?)
    }
}

/// Makes a call of a number.
fn make(store: &Arc<dyn Store>, number: usize, call: &Call) -> Result<(), Finding> {
    let ledger = workload::ledger(store.clone(), number);
    for result in ledger.execute_all(call, BATCH)? {
        result?;
    }
    Ok(())
}

fn say(what: &str, number: usize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{what} {number}")?;
    out.flush()
}

/// How many calls a child has begun and was answered, by what it said.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    begun: usize,
    answered: usize,
}

/// Lets a child book, kills it, and gives what it said.
fn kill(booking: &Booking, random: &mut Random) -> Result<Said, Finding> {
    let mut child = booking.start()?;
    let mut said = Said {
        begun: booking.from,
        answered: booking.from,
    };
    let Some(out) = child.stdout.take() else {
        return Err(Finding::of_harness("a child without output"));
    };
    let after = random.below(30);
    let pause = Duration::from_micros(u64::try_from(random.below(3_000)).unwrap_or(0));
    let mut killed = false;
    for line in BufReader::new(out).lines() {
        // What it said before it died is read to the end.
        let line = line?;
        match line.split_once(' ') {
            Some(("begun", number)) => said.begun = count(number)?,
            Some(("done", number)) => said.answered = count(number)?,
            _ => return Err(Finding::of_harness(format!("a child said `{line}`"))),
        }
        if !killed && said.begun > booking.from + after {
            thread::sleep(pause);
            child.kill()?;
            killed = true;
        }
    }
    let status = child.wait()?;
    if killed {
        Ok(said)
    } else {
        Err(Finding::of_harness(format!(
            "a child ended by itself: {status}"
        )))
    }
}

fn count(number: &str) -> Result<usize, Finding> {
    let number: usize = number
        .parse()
        .map_err(|_| Finding::of_harness(format!("a child counted `{number}`")))?;
    Ok(number + 1)
}

/// What a ledger has to be: one in memory that is asked the same calls, and nobody kills.
struct Reference {
    store: Arc<dyn Store>,
    calls: Calls,
    made: usize,
    /// Its states after so many calls, from the last that was answered on.
    states: BTreeMap<usize, State>,
}

impl Reference {
    fn new(seed: u64) -> Self {
        Self {
            store: Arc::new(MemoryStore::new()),
            calls: Calls::new(seed),
            made: 0,
            states: BTreeMap::new(),
        }
    }

    /// The states after what was answered, and after what was begun.
    fn states(&mut self, said: Said) -> Result<[State; 2], Finding> {
        let failed = |finding: Finding| Finding::of_harness(finding.what);
        self.states = self.states.split_off(&said.answered);
        for wanted in [said.answered, said.begun] {
            while self.made < wanted {
                let call = self.calls.next().unwrap_or_default();
                make(&self.store, self.made, &call).map_err(failed)?;
                self.made += 1;
            }
            if self.made == wanted && !self.states.contains_key(&wanted) {
                let state = workload::state(&workload::ledger(self.store.clone(), 0));
                self.states.insert(wanted, state.map_err(failed)?);
            }
        }
        let after = |calls| {
            let none = || Finding::of_harness(format!("no state is known after {calls} calls"));
            self.states.get(&calls).copied().ok_or_else(none)
        };
        Ok([after(said.answered)?, after(said.begun)?])
    }
}

/// What came of some kills.
#[derive(Clone, Copy, Debug, Default)]
struct Killed {
    kills: usize,
    /// How many of them between the beginning of a call and its answer.
    in_mid_call: usize,
    /// How many changes were answered.
    answered: usize,
}

impl Killed {
    /// Where no call was on its way, nothing was shown.
    fn must_have_mattered(&self, place: &str) -> Result<(), Finding> {
        if self.in_mid_call > 0 && self.answered > 0 {
            return Ok(());
        }
        Err(Finding::of_harness(format!(
            "{place}: no process died in mid-call, or none was answered before: {self:?}"
        )))
    }
}

/// Kills children that book on one ledger.
fn kill_often(place: &Place, seed: u64, kills: usize, bug: Option<Bug>) -> Result<Killed, Finding> {
    let mut random = Random::of(seed, 1);
    let mut booking = Booking {
        place: place.clone(),
        seed,
        from: 0,
        bug,
    };
    let mut reference = Reference::new(seed);
    let mut killed = Killed::default();
    for number in 0..kills {
        let said = kill(&booking, &mut random)?;
        let context = |finding: Finding| finding.within(&format!("kill {number}, {said:?}"));
        let store = place.open()?;
        let found = workload::state(&workload::ledger(store, 0)).map_err(context)?;
        let allowed = reference.states(said)?;
        if !allowed.contains(&found) {
            let [answered, begun] = allowed.map(|state| state.entries);
            let are = if [answered, begun].contains(&found.entries) {
                "entries are there, but not the ones that should be"
            } else {
                "entries are there"
            };
            return Err(context(Finding::new(format!(
                "{} {are}; {answered} were answered, and the call that was on its way would make {begun}",
                found.entries
            ))));
        }
        killed.kills += 1;
        killed.in_mid_call += usize::from(said.begun > said.answered);
        killed.answered = allowed[0].entries;
        booking.from = said.answered;
    }
    Ok(killed)
}

pub(crate) fn run(task: &Task) -> Result<Report, Finding> {
    let wanted = task.scaled(200, 20_000);
    let server = Cluster::start()?;
    let parts: Vec<usize> = parts(wanted / 2).collect();
    let done = task.in_parallel(2 * parts.len(), |number| {
        let kills = parts[number / 2];
        let folder = tempfile::tempdir()?;
        let is_file = number % 2 == 0;
        let place = if is_file {
            Place::in_folder(folder.path())
        } else {
            Place::on_server(&server.create_database(&format!("killed_{number}"))?)
        };
        let killed = kill_often(&place, task.seed(number), kills, None)
            .map_err(|finding| finding.within(&format!("ledger {number}")))?;
        Ok((is_file, killed))
    })?;
    let sum = |of_files: bool| {
        let alike = done.iter().filter(|(is_file, _)| *is_file == of_files);
        alike.fold(Killed::default(), |sum, (_, killed)| Killed {
            kills: sum.kills + killed.kills,
            in_mid_call: sum.in_mid_call + killed.in_mid_call,
            answered: sum.answered + killed.answered,
        })
    };
    let (in_files, on_servers) = (sum(true), sum(false));
    in_files.must_have_mattered("SQLite")?;
    on_servers.must_have_mattered("PostgreSQL")?;
    let in_file = |number: usize, bug| {
        let folder = tempfile::tempdir()?;
        let place = Place::in_folder(folder.path());
        kill_often(&place, task.seed(number), KILLS_A_LEDGER, Some(bug))
    };
    let on_server = |number: usize, bug: Bug| {
        let name = format!("planted_{}_{number}", bug.name().replace('-', "_"));
        let place = Place::on_server(&server.create_database(&name)?);
        kill_often(&place, task.seed(number), KILLS_A_LEDGER, Some(bug))
    };
    let planted = vec![
        (
            "acknowledge before commit, over SQLite",
            caught((0..20).map(|number| in_file(number, Bug::TooEarly)))?,
        ),
        (
            "the same over PostgreSQL",
            caught((0..20).map(|number| on_server(number, Bug::TooEarly)))?,
        ),
        (
            "other entries than were answered, over SQLite",
            caught((0..20).map(|number| in_file(number, Bug::Other)))?,
        ),
        (
            "the same over PostgreSQL",
            caught((0..20).map(|number| on_server(number, Bug::Other)))?,
        ),
    ];
    Ok(Report {
        did: format!(
            "{} processes killed over SQLite and {} over PostgreSQL, {} of them in mid-call; {} changes answered, each ledger byte for byte as in memory",
            in_files.kills,
            on_servers.kills,
            in_files.in_mid_call + on_servers.in_mid_call,
            in_files.answered + on_servers.answered
        ),
        planted,
    })
}

/// A number of kills in parts, one for each ledger.
fn parts(kills: usize) -> impl Iterator<Item = usize> {
    let whole = kills / KILLS_A_LEDGER;
    let rest = kills % KILLS_A_LEDGER;
    std::iter::repeat_n(KILLS_A_LEDGER, whole).chain((rest > 0).then_some(rest))
}

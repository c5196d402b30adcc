//! A process that dies: children book refunds and are killed with SIGKILL at random moments.
//!
//! A child says when it begins a call and when it is answered. After each kill the ledger must be valid,
//! with all calls that were answered, and of the one that was on its way all or nothing. The next child
//! repeats that call and goes on from there.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::harness::{Finding, Report, Task, caught};
use crate::place::Place;
use crate::random::Random;
use crate::workload::{self, BATCH, Calls};
use clap::Args;

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
    /// Say that a call is answered before it is made
    #[arg(long)]
    too_early: bool,
}

impl Booking {
    /// Makes calls for ever.
    pub(crate) fn run(&self) -> Result<(), Finding> {
        let store = self.place.open()?;
        for (number, call) in Calls::new(self.seed).enumerate().skip(self.from) {
            say("begun", number)?;
            if self.too_early {
                say("done", number)?;
            }
            let ledger = workload::ledger(Arc::clone(&store), number);
            for result in ledger.execute_all(&call, BATCH)? {
                result?;
            }
            if !self.too_early {
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
        if self.too_early {
            command.arg("--too-early");
        }
        Ok(command.stdout(Stdio::piped()).spawn()?)
    }
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

/// Kills children that book on one ledger. Gives how many refunds were answered.
fn kill_often(place: &Place, seed: u64, kills: usize, too_early: bool) -> Result<usize, Finding> {
    let mut random = Random::of(seed, 1);
    let mut booking = Booking {
        place: place.clone(),
        seed,
        from: 0,
        too_early,
    };
    let mut entries_after = vec![0];
    let mut calls = Calls::new(seed);
    for number in 0..kills {
        let said = kill(&booking, &mut random)?;
        while entries_after.len() <= said.begun {
            let more = calls.next().map_or(0, |call| call.len());
            entries_after.push(entries_after[entries_after.len() - 1] + more);
        }
        let context =
            |what: String| Finding::new(format!("seed {seed}, kill {number}, {said:?}: {what}"));
        let store = place.open()?;
        let found = workload::state(&workload::ledger(store, 0))
            .map_err(context)?
            .entries;
        if found != entries_after[said.answered] && found != entries_after[said.begun] {
            return Err(context(format!(
                "{found} entries are there; {} were answered, and the call that was on its way would make {}",
                entries_after[said.answered], entries_after[said.begun],
            )));
        }
        booking.from = said.answered;
    }
    Ok(entries_after[booking.from])
}

pub(crate) fn run(task: &Task) -> Result<Report, Finding> {
    let wanted = task.scaled(200, 20_000);
    let server = postgres_cluster::Cluster::start()?;
    let parts: Vec<usize> = parts(wanted / 2).collect();
    let done = task.in_parallel(2 * parts.len(), |number| {
        let kills = parts[number / 2];
        let folder = tempfile::tempdir()?;
        let place = if number % 2 == 0 {
            Place::in_folder(folder.path())
        } else {
            Place::on_server(&server.create_database(&format!("killed_{number}"))?)
        };
        let answered = kill_often(&place, task.seed(number), kills, false)?;
        Ok((kills, answered))
    })?;
    let killed: usize = done.iter().map(|(kills, _)| kills).sum();
    let answered: usize = done.iter().map(|(_, answered)| answered).sum();
    let planted = caught((0..20).map(|number| {
        let folder = tempfile::tempdir()?;
        kill_often(
            &Place::in_folder(folder.path()),
            task.seed(number),
            KILLS_A_LEDGER,
            true,
        )
    }))?;
    Ok(Report {
        did: format!(
            "{killed} processes killed, half of them over SQLite and half over PostgreSQL; {answered} changes answered"
        ),
        planted: vec![("acknowledge before commit", planted)],
    })
}

/// A number of kills in parts, one for each ledger.
fn parts(kills: usize) -> impl Iterator<Item = usize> {
    let whole = kills / KILLS_A_LEDGER;
    let rest = kills % KILLS_A_LEDGER;
    std::iter::repeat_n(KILLS_A_LEDGER, whole).chain((rest > 0).then_some(rest))
}

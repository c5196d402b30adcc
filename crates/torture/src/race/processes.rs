//! The same by processes: nothing but the store keeps them apart.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use clap::Args;
use postgres_cluster::Cluster;
use refund_ledger::Ledger;

use super::{ATTEMPTS_A_ROUND, Raced, Told, attempt, check_round};
use crate::harness::{Finding, Task};
use crate::place::Place;

pub(super) const PROCESSES: usize = 4;

/// What a child does in a round.
#[derive(Args, Clone, Debug)]
pub(crate) struct Attempting {
    #[command(flatten)]
    place: Place,
    /// What decides the attempts
    #[arg(long)]
    seed: u64,
    /// The round, whose movements are recorded already
    #[arg(long)]
    round: usize,
    /// Which of the children it is
    #[arg(long)]
    child: usize,
}

impl Attempting {
    /// Makes its attempts and prints what it was told.
    pub(crate) fn run(&self) -> Result<(), Finding> {
        let ledger = Ledger::with_system_host(self.place.open()?);
        // All begin together.
        println!("{READY}");
        io::stdin().read_line(&mut String::new())?;
        let told = attempt(&ledger, self.seed, self.round, self.child)?;
        println!("{} {} {}", told.replayed, told.refused, told.unclear);
        for (external_id, id) in told.ids {
            let how = if told.booked.contains(&external_id) {
                BOOKED
            } else {
                REPLAYED
            };
            println!("{how} {external_id} {id}");
        }
        for (at, cents) in told.refused_from {
            println!("{REFUSED} {at} {cents}");
        }
        Ok(())
    }

    fn start(&self) -> Result<Racer, Finding> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("attempt").args(self.place.arguments());
        command.args(["--seed", &self.seed.to_string()]);
        command.args(["--round", &self.round.to_string()]);
        command.args(["--child", &self.child.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn()?;
        let output = child.stdout.take().map(BufReader::new);
        let output = output.ok_or_else(|| Finding::of_harness("a process without output"))?;
        Ok(Racer { child, output })
    }
}

/// What a child says once it has opened the ledger.
const READY: &str = "ready";

/// How a child says that it booked a refund, that another did, and what there was no money left for.
const BOOKED: &str = "booked";
const REPLAYED: &str = "replayed";
const REFUSED: &str = "refused";

/// A child that was started.
struct Racer {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Racer {
    /// Waits until it has opened the ledger.
    fn get_ready(&mut self) -> Result<(), Finding> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        if line.trim_end() == READY {
            return Ok(());
        }
        Err(self.failed())
    }

    fn go(&mut self) -> Result<(), Finding> {
        let input = self.child.stdin.take();
        let mut input = input.ok_or_else(|| Finding::of_harness("a process without input"))?;
        Ok(writeln!(input)?)
    }

    /// What it says it was told.
    fn told(mut self) -> Result<Told, Finding> {
        let mut said = String::new();
        self.output.read_to_string(&mut said)?;
        if !self.child.wait()?.success() {
            return Err(self.failed());
        }
        let unread = || Finding::of_harness(format!("a process said `{said}`"));
        read(&said).ok_or_else(unread)
    }

    fn failed(&mut self) -> Finding {
        let mut error = String::new();
        let read = self
            .child
            .stderr
            .take()
            .map(|mut from| from.read_to_string(&mut error));
        match read {
            Some(Ok(_)) => Finding::new(format!("a process failed: {error}")),
            other => Finding::of_harness(format!("a process failed, and says not why: {other:?}")),
        }
    }
}

/// What a child was told, as it prints it.
fn read(said: &str) -> Option<Told> {
    let mut lines = said.lines().map(|line| {
        let mut words = line.split(' ');
        Some((words.next()?, words.next()?, words.next()?))
    });
    let (replayed, refused, unclear) = lines.next()??;
    let mut told = Told {
        replayed: replayed.parse().ok()?,
        refused: refused.parse().ok()?,
        unclear: unclear.parse().ok()?,
        ..Told::default()
    };
    for line in lines {
        let (what, number, rest) = line?;
        let number = number.parse().ok()?;
        match what {
            BOOKED | REPLAYED => {
                told.ids.insert(number, rest.parse().ok()?);
            }
            REFUSED => {
                told.refused_from.insert(number, rest.parse().ok()?);
            }
            _ => return None,
        }
        if what == BOOKED {
            told.booked.insert(number);
        }
    }
    Some(told)
}

/// Has processes race over a file and over a server, for about so many attempts. Gives what came of each.
pub(super) fn race(
    task: &Task,
    server: &Cluster,
    seed: u64,
    attempts: usize,
) -> Result<[Raced; 2], Finding> {
    let folder = tempfile::tempdir()?;
    let database = server.create_database("race_of_processes")?;
    let places = [Place::in_folder(folder.path()), Place::on_server(&database)];
    let rounds = attempts.div_ceil(PROCESSES * ATTEMPTS_A_ROUND * places.len());
    let mut raced = [Raced::default(); 2];
    for round in 0..rounds {
        if round > 0 && task.is_over() {
            break;
        }
        for (place, raced) in places.iter().zip(&mut raced) {
            let ledger = Ledger::with_system_host(place.open()?);
            let child = |child| Attempting {
                place: place.clone(),
                seed,
                round,
                child,
            };
            let children: Vec<Attempting> = (0..PROCESSES).map(child).collect();
            let told = check_round(&ledger, round, || race_once(&children))
                .map_err(|finding| finding.within(&format!("{place:?}, round {round}")))?;
            raced.add(PROCESSES * ATTEMPTS_A_ROUND, &told);
        }
    }
    Ok(raced)
}

fn race_once(children: &[Attempting]) -> Vec<Result<Told, Finding>> {
    let mut racers: Vec<_> = children.iter().map(Attempting::start).collect();
    for step in [Racer::get_ready, Racer::go] {
        racers = racers
            .into_iter()
            .map(|racer| {
                let mut racer = racer?;
                step(&mut racer).map(|()| racer)
            })
            .collect();
    }
    racers
        .into_iter()
        .map(|racer| racer.and_then(Racer::told))
        .collect()
}

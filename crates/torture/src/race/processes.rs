//! The same by processes: nothing but the store keeps them apart.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::str::FromStr;

use clap::Args;
use postgres_cluster::Cluster;
use refund_ledger::{Ledger, RefundId};

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
        let told = attempt(&ledger, self.seed, self.round, self.child)?;
        println!("{} {}", told.replayed, told.refused);
        for (external_id, id) in told.ids {
            println!("{external_id} {id}");
        }
        Ok(())
    }

    fn start(&self) -> Result<Child, Finding> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("attempt").args(self.place.arguments());
        command.args(["--seed", &self.seed.to_string()]);
        command.args(["--round", &self.round.to_string()]);
        command.args(["--child", &self.child.to_string()]);
        let output = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(output.spawn()?)
    }
}

/// What a child said it was told.
fn told(child: Result<Child, Finding>) -> Result<Told, Finding> {
    let output = child?.wait_with_output()?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        return Err(Finding::new(format!("a process failed: {error}")));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let mut lines = said.lines();
    let (replayed, refused) = read(lines.next().unwrap_or_default())?;
    let ids: Result<BTreeMap<usize, RefundId>, Finding> = lines.map(read).collect();
    Ok(Told {
        ids: ids?,
        replayed,
        refused,
    })
}

/// A line of two.
fn read<A: FromStr, B: FromStr>(line: &str) -> Result<(A, B), Finding> {
    let parts = line.split_once(' ');
    let read = parts.and_then(|(one, other)| Some((one.parse().ok()?, other.parse().ok()?)));
    read.ok_or_else(|| Finding::of_harness(format!("a process said `{line}`")))
}

/// Has processes race over a file and over a server, for about so many attempts.
pub(super) fn race(
    task: &Task,
    server: &Cluster,
    seed: u64,
    attempts: usize,
) -> Result<Raced, Finding> {
    let folder = tempfile::tempdir()?;
    let database = server.create_database("race_of_processes")?;
    let places = [Place::in_folder(folder.path()), Place::on_server(&database)];
    let rounds = attempts.div_ceil(PROCESSES * ATTEMPTS_A_ROUND * places.len());
    let mut raced = Raced::default();
    for round in 0..rounds {
        if task.is_over() {
            break;
        }
        for place in &places {
            let ledger = Ledger::with_system_host(place.open()?);
            let children = || {
                let child = |child| Attempting {
                    place: place.clone(),
                    seed,
                    round,
                    child,
                };
                let started: Vec<_> = (0..PROCESSES).map(|number| child(number).start()).collect();
                started.into_iter().map(told).collect()
            };
            let told = check_round(&ledger, round, children)
                .map_err(|finding| finding.within(&format!("{place:?}, round {round}")))?;
            raced.add(PROCESSES * ATTEMPTS_A_ROUND, &told);
        }
    }
    Ok(raced)
}

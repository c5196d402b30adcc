//! What runs in a process of its own.

use std::path::PathBuf;
use std::time::Instant;

use refund_bench::{
    Contender, Input, Ours, REFUNDS_PER_MOVEMENT, batches, get_each, list_each, median, pages,
    peak_memory_bytes, singles, timed, verify,
};
use serde::{Deserialize, Serialize};

/// How many movements are listed, and refunds read.
const READS: usize = 1_000;

const BATCH: usize = 100;

/// The refunds that fill the file are numbered from 0; those that are booked beside come after any of them.
const FIRST_BESIDE: usize = 1_000_000_000;

/// Fills a file with refunds from a number to another.
#[derive(clap::Args)]
pub(crate) struct Fill {
    file: PathBuf,
    from: usize,
    to: usize,
}

/// What filling took.
#[derive(Clone, Copy, Deserialize, Serialize)]
pub(super) struct Filled {
    /// Its share of all, the movements included.
    pub(super) refund_us: f64,
    pub(super) peak_bytes: Option<f64>,
}

/// Measures what a file of so many refunds is used for.
#[derive(clap::Args)]
pub(crate) struct Use {
    file: PathBuf,
    refunds: usize,
    rounds: usize,
    /// How many refunds are booked in a round
    a_round: usize,
}

/// What everything took.
#[derive(Clone, Copy, Deserialize, Serialize)]
pub(super) struct Used {
    pub(super) open_ms: f64,
    pub(super) single_us: f64,
    pub(super) batched_us: f64,
    pub(super) list_us: f64,
    pub(super) page_us: f64,
    pub(super) get_us: f64,
    pub(super) verify_us: f64,
    /// Before it was verified, and after.
    pub(super) peak_bytes: Option<f64>,
    pub(super) verify_peak_bytes: Option<f64>,
    /// How many refunds are in the file now that were not before.
    pub(super) booked: usize,
}

#[allow(
    clippy::print_stdout,
    reason = "it is read by the process that started this one"
)]
fn answer(found: &impl Serialize) {
    println!("{}", serde_json::to_string(found).unwrap());
}

impl Fill {
    pub(crate) fn run(&self) {
        let seconds = timed(|| Input::fill(&mut Ours::open(&self.file), self.from..self.to));
        answer(&Filled {
            refund_us: micros(seconds, self.to - self.from),
            peak_bytes: peak_memory_bytes(),
        });
    }
}

fn micros(seconds: f64, count: usize) -> f64 {
    seconds * 1e6 / count as f64
}

impl Use {
    pub(crate) fn run(&self) {
        let start = Instant::now();
        let mut ledger = Ours::open(&self.file);
        let open_ms = start.elapsed().as_secs_f64() * 1_000.0;

        // All over the file, the movements as well as what is read.
        let input = Input::scattered(self.refunds / REFUNDS_PER_MOVEMENT);
        let keys: Vec<_> = (0..READS)
            .map(|n| Ours::key(input.movement_of(n)))
            .collect();
        let list_us = self.median_of(READS, || {
            list_each(&mut ledger, &keys, REFUNDS_PER_MOVEMENT)
        });
        let page_us = self.median_of(READS, || pages(&mut ledger, READS));
        let ids: Vec<_> = keys
            .into_iter()
            .map(|key| {
                let id = Ours::id(&ledger.refunds_of(&key)[0]);
                (key, id)
            })
            .collect();
        let get_us = self.median_of(READS, || get_each(&mut ledger, &ids));

        let a_round = self.a_round;
        let mut next = FIRST_BESIDE + self.refunds;
        let mut requests = || {
            next += a_round;
            input.refunds::<Ours>(next - a_round..next)
        };
        let single_us = self.median_of(a_round, || singles(&mut ledger, &requests()));
        let batched_us = self.median_of(a_round, || batches(&mut ledger, &requests(), BATCH));

        let peak_bytes = peak_memory_bytes();
        let booked = next - FIRST_BESIDE - self.refunds;
        let verify_us = micros(verify(&mut ledger), self.refunds + booked);
        answer(&Used {
            open_ms,
            single_us,
            batched_us,
            list_us,
            page_us,
            get_us,
            verify_us,
            peak_bytes,
            verify_peak_bytes: peak_memory_bytes(),
            booked,
        });
    }

    /// What one of so many takes, in the median of the rounds; a first one warms up.
    fn median_of(&self, count: usize, mut work: impl FnMut() -> f64) -> f64 {
        work();
        let rounds = (0..self.rounds).map(|_| work());
        micros(median(rounds.collect()), count)
    }
}

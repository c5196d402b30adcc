//! What is measured, a file for each part.

pub(crate) mod batches;
pub(crate) mod durable;
pub(crate) mod import;
pub(crate) mod instructions;
pub(crate) mod lists;
pub(crate) mod memory;
pub(crate) mod scale;
pub(crate) mod size;
pub(crate) mod threads;

use refund_bench::{ByHand, Contender, Folder, Input, Ours, Pair, Row, batches, interleaved};

use crate::Setting;

/// Both sides over files in a folder that goes with them, or in memory.
struct Sides {
    by_hand: ByHand,
    ours: Ours,
    _folder: Option<Folder>,
}

impl Sides {
    fn in_files(setting: &Setting) -> Self {
        let folder = setting.folder();
        Self {
            by_hand: ByHand::open(&folder.file("hand.db")),
            ours: Ours::open(&folder.file("ledger.db")),
            _folder: Some(folder),
        }
    }

    fn in_memory() -> Self {
        Self {
            by_hand: ByHand::in_memory(),
            ours: Ours::in_memory(),
            _folder: None,
        }
    }

    /// The same, where by hand has the indexes that its lists need, as the ledger always has.
    fn serving_lists(mut self) -> Self {
        self.by_hand.serve_lists();
        self
    }

    /// Refunds a second, where each round books as many, `at_once` in a transaction.
    fn book(&mut self, setting: &Setting, refunds: usize, at_once: usize, input: &Input) -> Pair {
        input.record(&mut self.by_hand);
        input.record(&mut self.ours);
        interleaved(
            setting.rounds,
            |round| book(&mut self.by_hand, round, refunds, at_once, input),
            |round| book(&mut self.ours, round, refunds, at_once, input),
        )
    }
}

/// What booking costs beside the least that is correct, of which something is wanted, and beside by hand with
/// lists.
fn in_files(
    name: &str,
    setting: &Setting,
    refunds: usize,
    at_once: usize,
    input: &Input,
    wanted: f64,
) -> [Row; 2] {
    let row = |mut sides: Sides| {
        let figures = sides.book(setting, refunds, at_once, input);
        Row::rate(name, "refunds", figures)
    };
    let sides = || Sides::in_files(setting);
    [
        row(sides()).wanted(wanted),
        row(sides().serving_lists()).beside("by hand with indexes for lists"),
    ]
}

fn book<C: Contender>(
    contender: &mut C,
    round: usize,
    refunds: usize,
    at_once: usize,
    input: &Input,
) -> f64 {
    let requests = input.refunds::<C>(round * refunds..(round + 1) * refunds);
    let seconds = if at_once == 1 {
        refund_bench::singles(contender, &requests)
    } else {
        batches(contender, &requests, at_once)
    };
    refunds as f64 / seconds
}

/// How many refunds all rounds book together, the first one included.
fn of_all_rounds(setting: &Setting, refunds: usize) -> usize {
    refunds * (setting.rounds + 1)
}

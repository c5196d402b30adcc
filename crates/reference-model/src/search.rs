//! Random sequences, and the shortest that is found.

use std::ops::RangeInclusive;

use proptest::collection::VecStrategy;
use proptest::prelude::*;
use proptest::strategy::{NewTree, ValueTree};
use proptest::test_runner::{RngSeed, TestError, TestRunner};

use crate::dice::Dice;
use crate::mismatch::Mismatch;

/// What chance gives for one step.
#[derive(Clone, Debug)]
pub struct Step {
    pub(crate) commands: Vec<Dice>,
    /// Carried out at the same time through another handle, where there is one.
    pub(crate) beside: Vec<Dice>,
    /// Which of the shared stores the two race on.
    pub(crate) raced_on: u8,
    pub(crate) now: i64,
    pub(crate) as_file: bool,
    pub(crate) atomic: bool,
    pub(crate) other_handle: bool,
}

fn dice() -> impl Strategy<Value = Dice> {
    prop::array::uniform10(0..5_040_u16)
}

fn step(races: bool) -> impl Strategy<Value = Step> {
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
    (
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
        )
}

/// Proptest draws how many elements a vector has, and leaves out elements only of one that may be shorter.
/// So all may be, and those that are drawn too short are thrown away.
#[derive(Debug)]
struct Sequences<S: Strategy> {
    steps: VecStrategy<S>,
    steps_min: usize,
}

impl<S: Strategy> Strategy for Sequences<S> {
    type Tree = <VecStrategy<S> as Strategy>::Tree;
    type Value = Vec<S::Value>;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        loop {
            let tree = self.steps.new_tree(runner)?;
            if tree.current().len() >= self.steps_min {
                return Ok(tree);
            }
        }
    }
}

/// Random sequences of commands to be played.
#[derive(Clone, Debug)]
pub struct Search {
    /// How many sequences are tried.
    pub sequences: u32,
    /// How many steps each has.
    pub steps: RangeInclusive<usize>,
    /// Whether some commands race others.
    pub races: bool,
    /// What decides all that looks random; where there is none, each search is another one.
    pub seed: Option<u64>,
    /// How often at most is tried to come to a mismatch by less.
    pub shrinks: u32,
}

impl Search {
    /// Plays sequences up to the first mismatch.
    ///
    /// # Errors
    /// With the mismatch that the least came to, and what was asked up to it.
    pub fn run(&self, play: impl Fn(&[Step]) -> Result<(), Mismatch>) -> Result<(), Mismatch> {
        let mut runner = TestRunner::new(ProptestConfig {
            cases: self.sequences,
            failure_persistence: None,
            max_shrink_iters: self.shrinks,
            rng_seed: self.seed.map_or(RngSeed::Random, RngSeed::Fixed),
            ..ProptestConfig::default()
        });
        let sequences = Sequences {
            steps: prop::collection::vec(step(self.races), 1..=*self.steps.end()),
            steps_min: *self.steps.start().min(self.steps.end()),
        };
        match runner.run(&sequences, |steps| Ok(play(&steps)?)) {
            Ok(()) => Ok(()),
            Err(TestError::Fail(reason, _) | TestError::Abort(reason)) => {
                Err(Mismatch::new(reason.message()))
            }
        }
    }
}

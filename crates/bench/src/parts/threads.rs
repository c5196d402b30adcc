//! Eight threads that call one ledger, each with one durable refund at a time, beside one thread by hand.

use std::ops::Range;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use refund_bench::{Input, Ours, REFUNDS_PER_MOVEMENT, Row, interleaved, singles};

use super::{Sides, book, of_all_rounds};
use crate::Setting;

const THREADS: usize = 8;

/// Fewer movements than threads, so that they meet.
const FEW: usize = 2;

const WANTED: f64 = 5.0;

/// Threads share a sync. Where it costs less than this there is too little to share.
const SYNC_SECONDS_MIN: f64 = 0.000_5;

pub(crate) fn rows(setting: &Setting) -> Vec<Row> {
    let whole_movements = THREADS * REFUNDS_PER_MOVEMENT;
    let refunds = setting.refunds(4_000).next_multiple_of(whole_movements);
    let all = of_all_rounds(setting, refunds);
    let sync_seconds = setting.folder().sync_cost();
    let inputs = [
        (Input::in_a_row(all), "on movements of their own"),
        (Input::scattered(FEW), "all on two movements"),
    ];
    let rows = inputs.map(|(input, how)| {
        let mut sides = Sides::in_files(setting);
        let Sides { by_hand, ours, .. } = &mut sides;
        input.record(by_hand);
        input.record(ours);
        let figures = interleaved(
            setting.rounds,
            |round| book(by_hand, round, refunds, 1, &input),
            |round| {
                let range = round * refunds..(round + 1) * refunds;
                refunds as f64 / race(ours, range, &input)
            },
        );
        let name = format!("{THREADS} threads {how}, beside one by hand");
        let note = format!("a sync costs {:.2} ms here", sync_seconds * 1_000.0);
        let row = Row::rate(&name, "refunds", figures)
            .wanted(WANTED)
            .note(note);
        if sync_seconds < SYNC_SECONDS_MIN {
            row.not_judged()
        } else {
            row
        }
    });
    rows.into()
}

/// How many seconds it takes until all are done, from when all are ready.
fn race(ours: &Ours, range: Range<usize>, input: &Input) -> f64 {
    let share = range.len() / THREADS;
    let ready = Barrier::new(THREADS + 1);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let first = range.start + thread * share;
                let requests = input.refunds::<Ours>(first..first + share);
                let (mut ours, ready) = (ours.clone(), &ready);
                scope.spawn(move || {
                    ready.wait();
                    singles(&mut ours, &requests);
                })
            })
            .collect();
        // Who is woken before this thread begins before, and that counts too.
        let start = Instant::now();
        ready.wait();
        for thread in threads {
            thread.join().unwrap();
        }
        start.elapsed().as_secs_f64()
    })
}

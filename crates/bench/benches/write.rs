//! Booking refunds: by hand and ours, side by side.
//!
//! `cargo bench -p refund-bench --bench write` measures with criterion, which says how sure a figure is and what
//! changed since the last time. Files are where the system has temporary ones (`TMPDIR`). The program
//! `refund-bench` takes turns between the sides, and is the one that says what is wanted.
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    reason = "criterion's macros make functions of their own; a measurement reads the clock"
)]

use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use refund_bench::{ByHand, Contender, Folder, Input, Ours, batches, import, singles, write_lines};

/// How many refunds an import has.
const IMPORTED: usize = 10_000;

/// On how many movements refunds are booked. None can be used up: criterion would take days.
const MOVEMENTS: usize = 8_000;

fn durable_refund(criterion: &mut Criterion) {
    let folder = Folder::new(None);
    let mut group = criterion.benchmark_group("durable refund");
    booked(
        &mut group,
        "by hand",
        ByHand::open(&folder.file("hand.db")),
        1,
    );
    booked(&mut group, "ours", Ours::open(&folder.file("ledger.db")), 1);
    group.finish();
}

fn batch(criterion: &mut Criterion) {
    for size in [8, 100, 8_000] {
        let folder = Folder::new(None);
        let mut group = criterion.benchmark_group(format!("batch of {size}"));
        group.sample_size(10);
        booked(
            &mut group,
            "by hand",
            ByHand::open(&folder.file("hand.db")),
            size,
        );
        booked(
            &mut group,
            "ours",
            Ours::open(&folder.file("ledger.db")),
            size,
        );
        group.finish();
    }
}

fn memory(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("memory");
    booked(&mut group, "by hand", ByHand::in_memory(), 1);
    booked(&mut group, "ours", Ours::in_memory(), 1);
    group.finish();
}

fn booked<C: Contender>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    side: &str,
    mut contender: C,
    at_once: usize,
) {
    let input = Input::scattered(MOVEMENTS);
    input.record(&mut contender);
    let mut next = 0;
    group.throughput(Throughput::Elements(at_once as u64));
    group.bench_function(side, |bencher| {
        bencher.iter_custom(|times| {
            let mut seconds = 0.0;
            for _ in 0..times {
                let requests = input.refunds::<C>(next..next + at_once);
                next += at_once;
                seconds += if at_once == 1 {
                    singles(&mut contender, &requests)
                } else {
                    batches(&mut contender, &requests, at_once)
                };
            }
            Duration::from_secs_f64(seconds)
        });
    });
}

fn import_of_lines(criterion: &mut Criterion) {
    let folder = Folder::new(None);
    write_lines(&folder.file("lines.jsonl"), IMPORTED);
    let mut group = criterion.benchmark_group("import");
    group.sample_size(10);
    group.throughput(Throughput::Elements(IMPORTED as u64));
    imported::<ByHand>(&mut group, "by hand", &folder);
    imported::<Ours>(&mut group, "ours", &folder);
    group.finish();
}

fn imported<C: Contender>(group: &mut BenchmarkGroup<'_, WallTime>, side: &str, folder: &Folder) {
    group.bench_function(BenchmarkId::from_parameter(side), |bencher| {
        bencher.iter_custom(|times| {
            let once = |_| {
                let seconds = import::<C>(&folder.file("new.db"), &folder.file("lines.jsonl"));
                folder.remove("new.db");
                seconds
            };
            Duration::from_secs_f64((0..times).map(once).sum())
        });
    });
}

criterion_group!(benches, durable_refund, batch, memory, import_of_lines);
criterion_main!(benches);

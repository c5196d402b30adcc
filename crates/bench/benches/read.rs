//! Reading refunds: by hand and ours, side by side, in files of ten thousand. By hand has indexes for lists.
//!
//! `cargo bench -p refund-bench --bench read` measures with criterion, as `write.rs` says.
#![allow(
    missing_docs,
    clippy::indexing_slicing,
    reason = "criterion's macros make functions of their own; a measurement fails loudly"
)]

use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use refund_bench::{
    ByHand, Contender, Folder, Input, Ours, REFUNDS_PER_MOVEMENT, get_each, list_each, pages,
    verify,
};

const REFUNDS: usize = 10_000;
const MOVEMENTS: usize = REFUNDS / REFUNDS_PER_MOVEMENT;

fn list_by_movement(criterion: &mut Criterion) {
    fn side<C: Contender>(group: &mut Group<'_>, name: &str, contender: &mut C) {
        bench(group, name, |times| {
            let keys: Vec<_> = movements(times).map(C::key).collect();
            list_each(contender, &keys, REFUNDS_PER_MOVEMENT)
        });
    }
    let mut sides = Sides::new();
    let mut group = criterion.benchmark_group("list by movement");
    side(&mut group, "by hand", &mut sides.by_hand);
    side(&mut group, "ours", &mut sides.ours);
}

fn list_by_org_and_date(criterion: &mut Criterion) {
    let mut sides = Sides::new();
    let mut group = criterion.benchmark_group("list by org and date");
    bench(&mut group, "by hand", |times| {
        pages(&mut sides.by_hand, times)
    });
    bench(&mut group, "ours", |times| pages(&mut sides.ours, times));
}

fn get(criterion: &mut Criterion) {
    fn side<C: Contender>(group: &mut Group<'_>, name: &str, contender: &mut C) {
        let mut first = |movement| C::id(&contender.refunds_of(&C::key(movement))[0]);
        let ids: Vec<_> = (0..MOVEMENTS).map(&mut first).collect();
        bench(group, name, |times| {
            let refunds: Vec<_> = movements(times)
                .map(|movement| (C::key(movement), ids[movement]))
                .collect();
            get_each(contender, &refunds)
        });
    }
    let mut sides = Sides::new();
    let mut group = criterion.benchmark_group("get");
    side(&mut group, "by hand", &mut sides.by_hand);
    side(&mut group, "ours", &mut sides.ours);
}

fn verify_all(criterion: &mut Criterion) {
    fn side<C: Contender>(group: &mut Group<'_>, name: &str, contender: &mut C) {
        bench(group, name, |times| {
            (0..times).map(|_| verify(contender)).sum()
        });
    }
    let mut sides = Sides::new();
    let mut group = criterion.benchmark_group("verify");
    group.sample_size(20);
    side(&mut group, "by hand", &mut sides.by_hand);
    side(&mut group, "ours", &mut sides.ours);
}

type Group<'c> = BenchmarkGroup<'c, WallTime>;

/// Both sides, filled.
struct Sides {
    by_hand: ByHand,
    ours: Ours,
    /// Dropped last: the files above are in it.
    _folder: Folder,
}

impl Sides {
    fn new() -> Self {
        let folder = Folder::new(None);
        Self {
            by_hand: filled(&folder, "hand.db"),
            ours: filled(&folder, "ledger.db"),
            _folder: folder,
        }
    }
}

fn filled<C: Contender>(folder: &Folder, name: &str) -> C {
    let mut contender = C::open(&folder.file(name));
    contender.serve_lists();
    Input::fill(&mut contender, 0..REFUNDS);
    contender
}

/// So many movements, all over the ledger.
fn movements(count: usize) -> impl Iterator<Item = usize> {
    let input = Input::scattered(MOVEMENTS);
    (0..count).map(move |n| input.movement_of(n))
}

/// `work` says how many seconds it took to do something so many times.
fn bench(group: &mut Group<'_>, name: &str, mut work: impl FnMut(usize) -> f64) {
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|times| {
            let times = usize::try_from(times).unwrap_or(usize::MAX);
            Duration::from_secs_f64(work(times))
        });
    });
}

criterion_group!(
    benches,
    list_by_movement,
    list_by_org_and_date,
    get,
    verify_all
);
criterion_main!(benches);

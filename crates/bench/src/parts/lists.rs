//! What reading costs: lists, single refunds, and the verification of all. By hand has indexes for its
//! lists here.

use refund_bench::{
    ByHand, Contender, Input, Ours, Pair, REFUNDS_PER_MOVEMENT, Row, get_each, interleaved,
    list_each, pages, verify,
};

use super::Sides;
use crate::Setting;

const LISTS: usize = 2_000;
const PAGES: usize = 200;
const GETS: usize = 5_000;

pub(crate) fn rows(setting: &Setting) -> Vec<Row> {
    let refunds = setting.refunds(100_000);
    let refunds = refunds.next_multiple_of(REFUNDS_PER_MOVEMENT);
    let mut sides = Sides::in_files(setting).serving_lists();
    Input::fill(&mut sides.by_hand, 0..refunds);
    Input::fill(&mut sides.ours, 0..refunds);

    let movements = refunds / REFUNDS_PER_MOVEMENT;
    let (hand_some, our_some) = (some::<ByHand>(movements), some::<Ours>(movements));
    let hand_ids = ids(&mut sides.by_hand, movements);
    let our_ids = ids(&mut sides.ours, movements);
    let Sides { by_hand, ours, .. } = &mut sides;
    let rounds = setting.rounds;
    let pair = |count: usize, by_hand: &mut dyn FnMut() -> f64, ours: &mut dyn FnMut() -> f64| {
        let rate = |seconds: f64| count as f64 / seconds;
        interleaved(rounds, |_| rate(by_hand()), |_| rate(ours()))
    };
    let each = REFUNDS_PER_MOVEMENT;
    let lists: Pair = pair(
        LISTS,
        &mut || list_each(by_hand, &hand_some, each),
        &mut || list_each(ours, &our_some, each),
    );
    let page_lists = pair(PAGES, &mut || pages(by_hand, PAGES), &mut || {
        pages(ours, PAGES)
    });
    let gets = pair(GETS, &mut || get_each(by_hand, &hand_ids), &mut || {
        get_each(ours, &our_ids)
    });
    let verified = pair(refunds, &mut || verify(by_hand), &mut || verify(ours));
    vec![
        Row::rate("list by movement, ten refunds", "lists", lists),
        Row::rate("list by org and date, pages of 100", "pages", page_lists),
        Row::rate("get one refund", "refunds", gets),
        Row::rate("verify; by hand only adds up", "refunds", verified),
    ]
}

/// Movements all over the ledger.
fn some_numbers(movements: usize, count: usize) -> impl Iterator<Item = usize> {
    let input = Input::scattered(movements);
    (0..count).map(move |n| input.movement_of(n))
}

fn some<C: Contender>(movements: usize) -> Vec<C::Key> {
    some_numbers(movements, LISTS).map(C::key).collect()
}

/// Refunds all over the ledger.
fn ids<C: Contender>(contender: &mut C, movements: usize) -> Vec<(C::Key, C::Id)> {
    some_numbers(movements, GETS)
        .enumerate()
        .map(|(n, movement)| {
            let key = C::key(movement);
            let refunds = contender.refunds_of(&key);
            let id = C::id(&refunds[n % refunds.len()]);
            (key, id)
        })
        .collect()
}

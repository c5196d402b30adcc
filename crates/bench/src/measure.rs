//! Clocks, and rounds of both sides.

use std::time::Instant;

use bench_row::{Pair, median};

/// How many seconds something takes.
pub fn timed(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

/// Has both sides measured so many times in turn, A B B A A B and so on, so that what else the machine does
/// falls on both; each is told its round. A round before these warms up, and does not count.
pub fn interleaved(
    rounds: usize,
    mut by_hand: impl FnMut(usize) -> f64,
    mut ours: impl FnMut(usize) -> f64,
) -> Pair {
    let (mut hands, mut ourses) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let (hand, our) = if round.is_multiple_of(2) {
            let hand = by_hand(round);
            (hand, ours(round))
        } else {
            let our = ours(round);
            (by_hand(round), our)
        };
        if round > 0 {
            hands.push(hand);
            ourses.push(our);
        }
    }
    Pair {
        by_hand: median(hands),
        ours: median(ourses),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::interleaved;

    #[test]
    fn sides_take_turns_and_the_first_round_does_not_count() {
        let order = RefCell::new(String::new());
        let side = |name| {
            let order = &order;
            move |round| {
                order.borrow_mut().push(name);
                if round == 0 { 1e9 } else { 1.0 }
            }
        };
        let pair = interleaved(3, side('A'), side('B'));
        assert_eq!(order.into_inner(), "ABBAABBA");
        assert_eq!(
            [pair.by_hand, pair.ours].map(|each| each.to_string()),
            ["1", "1"]
        );
    }
}

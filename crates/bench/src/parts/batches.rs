//! Many refunds in each durable transaction, from requests in memory: each on another movement, and ten on a
//! movement in a row. What is wanted of a batch is wanted of both.

use refund_bench::{Input, REFUNDS_PER_MOVEMENT, Row};

use super::{Sides, of_all_rounds};
use crate::Setting;

/// How large, how many refunds a round books, and what is wanted.
const BATCHES: [(usize, usize, f64); 3] =
    [(8, 8_000, 0.9), (100, 20_000, 0.9), (8_000, 80_000, 2.0)];

pub(crate) fn rows(setting: &Setting) -> Vec<Row> {
    BATCHES
        .iter()
        .flat_map(|batch| size(setting, *batch))
        .collect()
}

fn size(setting: &Setting, (size, usual, wanted): (usize, usize, f64)) -> [Row; 2] {
    let refunds = setting.refunds(usual).next_multiple_of(size);
    let all = of_all_rounds(setting, refunds);
    let movements = size.max(all.div_ceil(REFUNDS_PER_MOVEMENT));
    let inputs = [
        (Input::scattered(movements), "each on another movement"),
        (Input::in_a_row(all), "ten on a movement in a row"),
    ];
    inputs.map(|(input, how)| {
        let figures = Sides::in_files(setting).book(setting, refunds, size, &input);
        let name = format!("{size} durable refunds a transaction, {how}");
        Row::rate(&name, "refunds", figures).wanted(wanted)
    })
}

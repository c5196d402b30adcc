//! Many refunds in each durable transaction, from requests in memory: each on another movement, and ten on a
//! movement in a row. What is wanted of a batch is wanted of both.

use refund_bench::{Input, REFUNDS_PER_MOVEMENT, Row};

use super::{in_files, of_all_rounds};
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

fn size(setting: &Setting, (size, usual, wanted): (usize, usize, f64)) -> Vec<Row> {
    let refunds = setting.refunds(usual).next_multiple_of(size);
    let all = of_all_rounds(setting, refunds);
    let movements = size.max(all.div_ceil(REFUNDS_PER_MOVEMENT));
    let inputs = [
        (Input::scattered(movements), "each on another movement"),
        (Input::in_a_row(all), "ten on a movement in a row"),
    ];
    let rows = inputs.iter().flat_map(|(input, how)| {
        let name = format!("{size} durable refunds a transaction, {how}");
        in_files(&name, setting, refunds, size, input, wanted)
    });
    rows.collect()
}

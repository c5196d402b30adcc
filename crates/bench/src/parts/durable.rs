//! One refund in each durable transaction.

use refund_bench::{Input, REFUNDS_PER_MOVEMENT, Row};

use super::{Sides, of_all_rounds};
use crate::Setting;

pub(crate) fn rows(setting: &Setting) -> Vec<Row> {
    let refunds = setting.refunds(2_000);
    let movements = of_all_rounds(setting, refunds).div_ceil(REFUNDS_PER_MOVEMENT);
    let input = Input::scattered(movements);
    let figures = Sides::in_files(setting).book(setting, refunds, 1, &input);
    vec![Row::rate("one durable refund a transaction", "refunds", figures).wanted(0.9)]
}

//! One refund in each transaction, in memory.

use refund_bench::{Input, REFUNDS_PER_MOVEMENT, Row};

use super::{Sides, of_all_rounds};
use crate::Setting;

pub(crate) fn rows(setting: &Setting) -> Vec<Row> {
    let refunds = setting.refunds(20_000);
    let movements = of_all_rounds(setting, refunds).div_ceil(REFUNDS_PER_MOVEMENT);
    let input = Input::scattered(movements);
    let figures = Sides::in_memory().book(setting, refunds, 1, &input);
    vec![Row::rate("in memory, one thread", "refunds", figures).wanted(4.0)]
}

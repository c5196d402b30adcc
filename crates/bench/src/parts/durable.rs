//! One refund in each durable transaction.

use refund_bench::{Input, REFUNDS_PER_MOVEMENT, Row};

use super::{in_files, of_all_rounds};
use crate::Setting;

pub(crate) fn rows(setting: &Setting) -> Vec<Row> {
    let refunds = setting.refunds(2_000);
    let movements = of_all_rounds(setting, refunds).div_ceil(REFUNDS_PER_MOVEMENT);
    let input = Input::scattered(movements);
    in_files(
        "one durable refund a transaction",
        setting,
        refunds,
        1,
        &input,
        0.9,
    )
    .into()
}

//! An import of JSON Lines into a new file, durable, a thousand lines a transaction. Ours is through the
//! library, by `wire::parse_line` and `Ledger::execute_all`; the command `refunds import` reads ahead, too.

use refund_bench::{ByHand, Contender, Folder, Ours, Row, import, interleaved, write_lines};

use crate::Setting;

pub(crate) fn rows(setting: &Setting) -> Vec<Row> {
    let refunds = setting.refunds(100_000);
    let folder = setting.folder();
    write_lines(&folder.file("lines.jsonl"), refunds);
    let rate = |seconds: f64| refunds as f64 / seconds;
    let figures = interleaved(
        setting.rounds,
        |_| rate(once::<ByHand>(&folder)),
        |_| rate(once::<Ours>(&folder)),
    );
    vec![Row::rate("import of JSON Lines, durable", "refunds", figures).wanted(0.8)]
}

fn once<C: Contender>(folder: &Folder) -> f64 {
    let seconds = import::<C>(&folder.file("new.db"), &folder.file("lines.jsonl"));
    folder.remove("new.db");
    seconds
}

//! The bytes of a refund in the file, after an import.

use refund_bench::{ByHand, Contender, Folder, Ours, Pair, Row, write_lines};

use crate::Setting;

const WANTED: f64 = 1.5;

pub(crate) fn rows(setting: &Setting) -> Vec<Row> {
    let refunds = setting.refunds(100_000);
    let folder = setting.folder();
    write_lines(&folder.file("lines.jsonl"), refunds);
    let [open, closed] = import::<Ours>(&folder, false);
    let [hand_open, hand_closed] = import::<ByHand>(&folder, false);
    let [_, hand_with_lists] = import::<ByHand>(&folder, true);
    let row = |name, by_hand: u64, ours: u64| {
        let each = |bytes: u64| bytes as f64 / refunds as f64;
        let figures = Pair {
            by_hand: each(by_hand),
            ours: each(ours),
        };
        Row::cost(name, "bytes/refund", figures)
    };
    vec![
        row("file and log after an import", hand_open, open).wanted(WANTED),
        row("file after a checkpoint", hand_closed, closed).wanted(WANTED),
        row(
            "the same, where by hand has the indexes that its lists need",
            hand_with_lists,
            closed,
        ),
    ]
}

/// The bytes while the ledger is still open, with its log, and once it is closed, which empties the log into
/// the file.
fn import<C: Contender>(folder: &Folder, with_lists: bool) -> [u64; 2] {
    const NAME: &str = "new.db";
    let mut contender = C::open(&folder.file(NAME));
    if with_lists {
        contender.serve_lists();
    }
    contender.import(&folder.file("lines.jsonl"));
    let open = folder.bytes(NAME);
    drop(contender);
    let bytes = [open, folder.bytes(NAME)];
    folder.remove(NAME);
    bytes
}

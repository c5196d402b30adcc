//! Lines of files of commands, carried out.

use std::sync::Arc;

use refund_ledger::store::memory::MemoryStore;
use refund_ledger::{Atomicity, Batch, Command, LedgerError, Receipt, Repeats};
use refund_lines::RawLine;

use crate::{check, content, eventful_in_memory, judged, over};

/// Carries out what was read of a file, in one transaction and line by line, which must come to the same;
/// and restores it, where all of it are lines of an export.
pub fn carry_out(lines: &[RawLine]) {
    let mut number = 1;
    for line in lines {
        // A carriage return alone ends a row, and no line.
        assert!(line.number >= number, "line {} after {number}", line.number);
        assert!(!line.input.is_empty(), "line {} is blank", line.number);
        number = line.number;
    }
    let read: Vec<_> = lines
        .iter()
        .filter_map(|line| judged(line.parsed.clone()))
        .collect();
    if read.is_empty() {
        return;
    }
    let commands: Vec<Command> = read.iter().map(|line| line.command.clone()).collect();
    let one_by_one = eventful_in_memory();
    let singly: Vec<_> = commands
        .iter()
        .map(|command| execute(&one_by_one, std::slice::from_ref(command)))
        .collect();
    let at_once = eventful_in_memory();
    assert_eq!(
        singly.concat(),
        execute(&at_once, &commands),
        "a batch is answered as its lines are"
    );
    assert_eq!(content(&one_by_one), content(&at_once));
    check(&at_once);

    if read.iter().any(|line| line.preserved.is_some()) {
        let restored = over(Arc::new(MemoryStore::new()));
        match restored.restore(&read) {
            Ok(()) => drop(restored.verify(None).expect("a report")),
            Err(refused) => {
                let index = refused.index.expect("a line is at fault, not the store");
                assert!(index < read.len());
                assert_eq!(restored.journal(0, 1), Ok(Vec::new()), "nothing is written");
            }
        }
    }
}

fn execute(
    ledger: &refund_ledger::Ledger,
    commands: &[Command],
) -> Vec<Result<Receipt, LedgerError>> {
    let batch = Batch {
        atomicity: Atomicity::PerItem,
        repeats: Repeats::AsFile,
    };
    ledger
        .execute_all(commands, batch)
        .expect("memory never fails")
}

//! Several processes on one file.

use std::collections::BTreeSet;
use std::process::Stdio;

use crate::harness::{Place, Run, movement, refund};

const PROCESSES: usize = 4;
const MOVEMENTS: usize = 1_000;
const REFUNDS_EACH: usize = 10_000;

/// What process `p` imports: the same 1,000 movements of 10.00, then 10,000 refunds of 0.50. Half
/// of their external ids are those of the other processes too, the other half are its own. Each
/// movement is asked for 5 refunds that are common and 5 from each process: 25, where 20 fit.
fn lines(process: usize) -> String {
    let mut lines: Vec<String> = (0..MOVEMENTS)
        .map(|n| movement(&format!("m-{n}")))
        .collect();
    for n in 0..REFUNDS_EACH {
        let external_id = if n % 2 == 0 {
            format!("common-{n}")
        } else {
            format!("own-{process}-{n}")
        };
        lines.push(refund(
            &format!("m-{}", n / 2 % MOVEMENTS),
            &external_id,
            "0.5",
        ));
    }
    lines.join("\n")
}

#[test]
fn four_processes_keep_every_cap_and_book_every_external_id_once() {
    let place = Place::new();
    let files: Vec<String> = (0..PROCESSES)
        .map(|p| place.file(&format!("{p}.jsonl"), lines(p)))
        .collect();
    let children: Vec<_> = files
        .iter()
        .map(|file| {
            place
                .command(&["import", file, "--format", "json"])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut applied = 0;
    for child in children {
        let run = Run::of(child.wait_with_output().unwrap());
        assert!(run.code <= 1, "done, with or without rejects: {run:?}");
        let counts = run.json();
        assert_eq!(counts["lines"], MOVEMENTS + REFUNDS_EACH);
        applied += counts["applied"].as_u64().unwrap();
    }
    assert_eq!(
        applied, 21_000,
        "each movement once, and on each the 20 refunds that fit"
    );

    let refunds = place.refunds();
    let external_ids: BTreeSet<&str> = refunds
        .iter()
        .map(|refund| refund["external_refund_unique_id"].as_str().unwrap())
        .collect();
    assert_eq!(
        (refunds.len(), external_ids.len()),
        (20_000, 20_000),
        "each external id once"
    );
    for movement in place
        .run(&["movements", "--format", "jsonl"])
        .exits(0)
        .json_lines()
    {
        assert_eq!(
            movement["balance"]["refunded"]["value_with_taxes"], 10,
            "full to the cap: {movement}"
        );
        assert_eq!(movement["balance"]["count"], 20);
    }
    place.root();
}

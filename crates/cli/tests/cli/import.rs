//! `import` of JSON Lines.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{MOVEMENT, Place, REFUND, json_lines, movement, refund};

#[test]
fn the_samples_are_applied_once_and_then_replayed() {
    let place = Place::new();
    let file = place.file("samples.jsonl", format!("{MOVEMENT}\n{REFUND}\n"));
    let first = place.run_json(&["import", &file]).exits(0);
    assert_eq!(
        first.stdout,
        "{\"lines\":2,\"applied\":2,\"replayed\":0,\"rejected\":0}\n"
    );
    let again = place.run_json(&["import", &file]).exits(0);
    assert_eq!(
        again.stdout,
        "{\"lines\":2,\"applied\":0,\"replayed\":2,\"rejected\":0}\n"
    );
    assert_eq!(again.stderr, "", "no progress where nobody watches");
    let report = place.run_json(&["verify"]).exits(0).json();
    assert_eq!(
        report,
        json!({"verdict": "valid", "movements": 1, "entries": 2, "findings": []})
    );
}

#[test]
fn standard_input_blank_lines_and_a_last_line_without_end_are_fine() {
    let place = Place::new();
    let input = format!("\n  \r\n{MOVEMENT}\r\n\t\n\n{REFUND}");
    let run = place.run_with_input(&["import", "-"], input).exits(0);
    assert_eq!(run.stdout, "2 lines: 2 applied, 0 replayed, 0 rejected\n");
}

#[test]
fn rejected_lines_are_kept_with_their_number_code_and_input() {
    let place = Place::new();
    let mut input = Vec::new();
    for line in [
        MOVEMENT,
        "",
        "not json",
        &refund("none", "r-1", "1"),
        REFUND,
    ] {
        input.extend_from_slice(line.as_bytes());
        input.push(b'\n');
    }
    input.extend_from_slice(b"{\"op\":\"\xff\"}\n");
    let over = REFUND
        .replace("987654321", "other")
        .replace("12.1,", "111,")
        .replace("\"value_without_taxes\":10,", "");
    input.extend_from_slice(over.as_bytes());
    let bad = REFUND.replace("false", "\"no\"").replace("12.1,", "-1,");
    input.extend_from_slice(format!("\n {bad} \n").as_bytes());
    let file = place.file("lines.jsonl", input);

    let run = place
        .run_json(&[
            "import",
            &file,
            "--rejects",
            place.path("rejects").to_str().unwrap(),
        ])
        .exits(1);
    assert_eq!(
        run.json(),
        json!({"lines": 7, "applied": 2, "replayed": 0, "rejected": 5})
    );
    let rejects = json_lines(&place.read("rejects"));
    let told: Vec<(u64, &str)> = rejects
        .iter()
        .map(|reject| {
            (
                reject["line"].as_u64().unwrap(),
                reject["code"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (3, "malformed_request"),
            (4, "movement_not_found"),
            (6, "malformed_request"),
            (7, "over_refund"),
            (8, "invalid_request"),
        ]
    );
    let inputs: Vec<&Value> = rejects.iter().map(|reject| &reject["input"]).collect();
    assert_eq!(inputs[0], "not json", "what is no JSON comes as a string");
    assert_eq!(
        inputs[2], "{\"op\":\"\u{fffd}\"}",
        "what is no UTF-8 comes with replacement characters"
    );
    assert!(
        place
            .read("rejects")
            .contains(&format!("\"input\":{bad}}}")),
        "JSON comes as it was given"
    );
    let fields: Vec<&Value> = rejects[4]["details"]
        .as_array()
        .unwrap()
        .iter()
        .map(|detail| &detail["field"])
        .collect();
    assert_eq!(
        fields,
        ["amount.value_with_taxes", "billable"],
        "every field at fault is named"
    );
    assert!(rejects[0].get("details").is_none() && rejects[0].get("file").is_none());
    assert!(
        rejects
            .iter()
            .all(|reject| !reject["message"].as_str().unwrap().is_empty())
    );
}

#[test]
fn without_a_rejects_file_the_first_rejects_are_told_on_standard_error() {
    let place = Place::new();
    let lines = vec!["{}"; 14].join("\n");
    let run = place
        .run_with_input(&["import", "-", "--format", "json"], lines)
        .exits(1);
    assert_eq!(run.json()["rejected"], 14);
    assert_eq!(
        run.stderr
            .lines()
            .filter(|line| line.starts_with("rejected: line "))
            .count(),
        10,
        "{run:?}"
    );
    assert!(run.stderr.contains("4 more lines"), "{run:?}");
}

#[test]
fn a_reject_repeats_only_the_beginning_of_a_long_key() {
    let place = Place::new();
    let line =
        |characters| MOVEMENT.replacen('{', &format!(r#"{{"{}":1,"#, "x".repeat(characters)), 1);
    let lines = [line(50_000), line(1_000_000)].join("\n");
    let run = place
        .run_with_input(&["import", "-", "--format", "json"], lines)
        .exits(1);
    assert_eq!(run.json()["rejected"], 2);
    let cut = format!("`{}…`", "x".repeat(64));
    assert!(run.stderr.contains(&cut), "{run:?}");
    assert!(run.stderr.len() < 2_000, "{run:?}");
}

#[test]
fn several_files_are_one_import_and_rejects_name_their_file() {
    let place = Place::new();
    let first = place.file("a.jsonl", MOVEMENT);
    let second = place.file("b.jsonl", format!("\nx\n{REFUND}\n"));
    let rejects = place.path("rejects");
    let run = place
        .run_json(&[
            "import",
            &first,
            &second,
            "--rejects",
            rejects.to_str().unwrap(),
        ])
        .exits(1);
    assert_eq!(
        run.json(),
        json!({"lines": 3, "applied": 2, "replayed": 0, "rejected": 1})
    );
    let reject = &json_lines(&place.read("rejects"))[0];
    assert_eq!(
        (&reject["file"], &reject["line"]),
        (&json!(second), &json!(2))
    );
}

#[test]
fn a_clean_import_leaves_an_empty_rejects_file_and_a_failed_one_none() {
    let place = Place::new();
    let file = place.file("lines.jsonl", MOVEMENT);
    let rejects = place.path("rejects");
    let rejects = rejects.to_str().unwrap();
    place.run(&["import", &file, "--rejects", rejects]).exits(0);
    assert_eq!(place.read("rejects"), "");
    fs::remove_file(rejects).unwrap();

    fs::write(place.ledger(), "this is no ledger, whatever its name says").unwrap();
    place.run(&["import", &file, "--rejects", rejects]).exits(2);
    assert_eq!(
        place.files(),
        ["lines.jsonl", "refunds.db"],
        "nothing new stays"
    );
}

#[test]
fn a_device_named_as_rejects_file_stays_a_device() {
    let place = Place::new();
    place
        .run_with_input(&["import", "-", "--rejects", "/dev/null"], "x")
        .exits(1);
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn a_byte_order_mark_is_refused_in_json() {
    let place = Place::new();
    let run = place.import(&[&format!("\u{feff}{MOVEMENT}")]).exits(1);
    assert!(run.stderr.contains("byte order mark"), "{run:?}");
}

#[test]
fn atomic_imports_all_or_nothing() {
    let place = Place::new();
    let bad = place.file(
        "bad.jsonl",
        [MOVEMENT, REFUND, &refund("none", "r", "1")].join("\n"),
    );
    let run = place.run_json(&["import", "--atomic", &bad]).exits(1);
    assert_eq!(
        run.stdout,
        "{\"lines\":3,\"applied\":0,\"replayed\":0,\"rejected\":1,\"rolled_back\":2}\n"
    );
    assert_eq!(place.refunds().len(), 0, "nothing was booked");

    let malformed = place.file("malformed.jsonl", [MOVEMENT, "x", REFUND].join("\n"));
    let run = place.run_json(&["import", "--atomic", &malformed]).exits(1);
    assert_eq!(
        run.json()["rolled_back"],
        2,
        "a line that says nothing keeps the others from landing"
    );
    assert_eq!(place.run_json(&["verify"]).exits(0).json()["entries"], 0);

    let good = place.file("good.jsonl", [MOVEMENT, REFUND].join("\n"));
    let run = place.run_json(&["import", "--atomic", &good]).exits(0);
    assert_eq!(
        run.json(),
        json!({"lines": 2, "applied": 2, "replayed": 0, "rejected": 0})
    );
    let run = place.run_json(&["import", "--atomic", &bad]).exits(1);
    assert_eq!(
        run.json()["rolled_back"],
        0,
        "replays would not have been applied"
    );
}

#[test]
fn atomic_takes_at_most_a_hundred_thousand_lines() {
    let place = Place::new();
    let run = place
        .run_with_input(
            &["import", "--atomic", "-", "--format", "json"],
            "{}\n".repeat(100_001),
        )
        .exits(2);
    let error = run.json_error();
    assert_eq!(error["code"], "usage");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("at most 100000 lines"),
        "{error}"
    );
}

/// Lines in which later ones depend on what earlier ones did, in every way there is.
fn entangled() -> Vec<String> {
    let update = |revision: u32, value: &str, text: &str| {
        json!({"op": "update_refund", "org_id": "acme", "subscription_id": "sub", "movement_id": "m",
            "external_refund_unique_id": "r-1", "expected_revision": revision,
            "body": {"refund_datetime": "2022-03-01T00:00:00Z", "amount": {"value_with_taxes": value},
                "billable": false, "description": text}})
        .to_string()
    };
    let named = |op: &str, external_id: &str| {
        json!({"op": op, "org_id": "acme", "subscription_id": "sub", "movement_id": "m",
            "external_refund_unique_id": external_id})
        .to_string()
    };
    let void = json!({"op": "void_movement", "org_id": "acme", "subscription_id": "sub", "movement_id": "m"});
    vec![
        movement("m"),
        refund("m", "r-1", "4"),
        refund("m", "r-2", "6"),
        refund("m", "r-3", "0.01"), // over
        update(1, "3", "back"),     // keeps its text
        update(2, "2", "changed"),
        refund("m", "r-3", "2"),
        update(1, "3", "back"),      // a replay: revision 2 had this
        update(1, "3", "never was"), // stale: no revision had this
        refund("m", "r-1", "4"),     // a replay of revision 1
        refund("m", "r-1", "5"),     // another content
        void.to_string(),            // has live refunds
        named("delete_refund", "r-2"),
        named("delete_refund", "r-2"),
        refund("m", "r-2", "6"), // a replay, though deleted
        named("erase_text", "r-1"),
        refund("m", "r-1", "4").replace("back", "another text"), // erased: not compared
        refund("m", "r-4", "6.01"),                              // over
        refund("m", "r-4", "6"),
        "nonsense".into(),
    ]
}

/// Imports a file dry and then really, and fails unless both say the same and the dry run wrote
/// nothing.
#[track_caller]
fn assert_dry_run_tells_the_truth(place: &Place, lines: &str, when: &str) {
    let file = place.file("lines.jsonl", lines);
    let rejects = place.file("rejects", "");
    let arguments = ["import", &file, "--rejects", &rejects];
    let bytes = fs::read(place.ledger()).ok();
    let files = place.files();
    let dry = place.run_json(&[&arguments[..], &["--dry-run"]].concat());
    let dry_rejects = place.read("rejects");
    assert_eq!(
        fs::read(place.ledger()).ok(),
        bytes,
        "not a byte of the ledger changes, {when}"
    );
    assert_eq!(place.files(), files, "no file appears, {when}");

    let real = place.run_json(&arguments);
    assert_eq!((dry.code, &dry.stdout), (real.code, &real.stdout), "{when}");
    assert_eq!(dry_rejects, place.read("rejects"), "{when}");
}

#[test]
fn a_dry_run_decides_as_the_import_does_and_changes_no_byte() {
    let lines = entangled();
    let as_one_batch = |lines: &[String]| lines.join("\n");
    // Lines that say nothing fill the rest of each batch.
    let in_batches_of = |count: usize, lines: &[String]| {
        let batches: Vec<String> = lines.chunks(count).map(|batch| batch.join("\n")).collect();
        batches.join(&format!("\n{}", "{}\n".repeat(1_000 - count)))
    };
    // What is in the ledger before, and what is only in the dry run's memory, must be the same.
    for before in (0..lines.len()).step_by(2) {
        let (seed, rest) = lines.split_at(before);
        let rest_and_all = [rest, &lines].concat();
        for (name, text) in [
            ("in one batch", as_one_batch(&rest_and_all)),
            ("in batches of one", in_batches_of(1, &rest_and_all)),
            ("in batches of two", in_batches_of(2, &rest_and_all)),
        ] {
            let place = Place::new();
            if before > 0 {
                let seed = place.file("seed.jsonl", as_one_batch(seed));
                place.run(&["import", &seed]);
            }
            assert_dry_run_tells_the_truth(&place, &text, &format!("after {before} lines, {name}"));
        }
    }
}

#[test]
fn a_dry_run_of_a_large_file_sees_earlier_batches() {
    let place = Place::new();
    let mut lines = vec![movement("m")];
    lines.extend((0..1_500).map(|n| refund("m", &format!("r-{n}"), "0.01")));
    let run = place
        .run_with_input(
            &["import", "-", "--dry-run", "--format", "json"],
            lines.join("\n"),
        )
        .exits(1);
    assert_eq!(
        run.json(),
        json!({"lines": 1_501, "applied": 1_001, "replayed": 0, "rejected": 500})
    );
    assert!(!place.ledger().exists(), "a dry run makes no ledger");
}

#[test]
fn a_file_that_can_not_be_read_makes_no_ledger() {
    let place = Place::new();
    let there = place.file("there.jsonl", MOVEMENT);
    for missing in [place.path("missing.jsonl"), place.folder().to_path_buf()] {
        let missing = missing.to_str().unwrap();
        let error = place
            .run_json(&["import", &there, missing])
            .exits(2)
            .json_error();
        assert_eq!(error["code"], "io");
        assert!(
            error["message"].as_str().unwrap().contains(missing),
            "{error}"
        );
    }
    assert!(!place.ledger().exists());
}

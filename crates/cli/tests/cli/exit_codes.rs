//! Exit codes, and what stands where.

use std::fs::{self, File};
use std::process::Command;

use crate::harness::{MOVEMENT, Place, REFUNDS, Run};

#[test]
fn every_command_answers_json_with_exactly_one_object() {
    let place = Place::with_samples();
    let id = place.refunds()[0]["id"].as_str().unwrap().to_owned();
    let backup = place.path("copy.db");
    let out = place.path("out.jsonl");
    let demo = place.path("demo");
    let scope = [
        "--org",
        "acme",
        "--subscription",
        "sub-7",
        "--movement",
        "mov-42",
    ];
    let statement = place.file("empty.csv", "Amount,Currency,Date\n");
    let (source, columns) = ("csv", "amount=Amount,currency=Currency,date=Date");
    let commands: [&[&str]; 13] = [
        &[
            "reconcile",
            "--source",
            source,
            "--map",
            columns,
            "--statement",
            &statement,
            "--to",
            "2022-01-01",
        ],
        &["list"],
        &["show", &id],
        &["history", &id],
        &["movements"],
        &["totals"],
        &["verify"],
        &["head"],
        &["backup", backup.to_str().unwrap()],
        &["export", "--output", out.to_str().unwrap()],
        &["erase-text", &id],
        &["delete", &id],
        &["demo", "--dir", demo.to_str().unwrap()],
    ];
    for command in commands {
        let run = place.run_json(command).exits(0);
        assert!(run.json().is_object(), "{command:?}");
        assert_eq!(run.stderr, "", "{command:?}");
    }
    let run = place
        .run_json(&[&["balance"], &scope[..]].concat())
        .exits(0);
    assert!(run.json().is_object());
}

#[test]
fn usage_errors_exit_2() {
    let place = Place::with_samples();
    let cases: [&[&str]; 10] = [
        &[],
        &["reconcile", "--statement", "x.csv"],
        &["lists"],
        &["list", "--limit", "x"],
        &["list", "--colour"],
        &["import"],
        &["import", "--preserve", "--csv", "x"],
        &["show"],
        &["update"],
        &["create", "--org", "acme"],
    ];
    for arguments in cases {
        let run = place.run(arguments).exits(2);
        assert!(run.stdout.is_empty() && !run.stderr.is_empty(), "{run:?}");
        let error = place.run_json(arguments).exits(2).json_error();
        assert_eq!(error["code"], "usage", "{arguments:?}");
        assert!(
            !error["message"].as_str().unwrap().starts_with("error"),
            "{error}"
        );
    }
    for arguments in [
        &["show", "x", "--format", "csv"][..],
        &["import", "-", "--format", "jsonl"],
    ] {
        place.run(arguments).exits(2);
    }
    let run = Run::of(
        Command::new(REFUNDS)
            .arg("list")
            .env_remove("REFUNDS_LEDGER")
            .env_remove("REFUNDS_POSTGRES")
            .output()
            .unwrap(),
    );
    assert!(run.exits(2).stderr.contains("`--ledger PATH`"));
}

#[test]
fn help_and_version_are_no_errors() {
    let place = Place::new();
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["import", "--help"],
        &["completions", "bash"],
        &["completions", "fish"],
    ] {
        let run = place.run(arguments).exits(0);
        assert!(!run.stdout.is_empty() && run.stderr.is_empty(), "{run:?}");
    }
}

#[test]
fn the_environment_can_name_the_ledger() {
    let place = Place::with_samples();
    let run = Run::of(
        Command::new(REFUNDS)
            .arg("head")
            .env("REFUNDS_LEDGER", place.ledger())
            .output()
            .unwrap(),
    );
    assert_eq!(run.exits(0).json()["entries"], 2);
}

#[test]
fn what_only_reads_or_changes_makes_no_ledger() {
    let place = Place::new();
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let scope = ["--org", "o", "--subscription", "s", "--movement", "m"];
    let content = [
        "--refund-datetime",
        "2022-02-24T13:45:10Z",
        "--billable",
        "true",
        "--description",
        "x",
    ];
    let commands: [Vec<&str>; 17] = [
        vec!["reconcile", "--source", "stripe", "--statement", "-"],
        vec!["list"],
        vec!["list", "--format", "csv"],
        vec!["show", id],
        vec!["history", id],
        [&["balance"], &scope[..]].concat(),
        vec!["movements"],
        vec!["totals"],
        vec!["journal"],
        vec!["verify"],
        vec!["head"],
        vec!["backup", "copy.db"],
        vec!["export"],
        vec!["delete", id],
        vec!["erase-text", id],
        [&["void-movement"], &scope[..]].concat(),
        [&["create", "--external-id", "x"], &scope[..], &content].concat(),
    ];
    for command in commands {
        let run = place.run(&command).exits(2);
        assert!(
            run.stderr.contains("there is no ledger at"),
            "{command:?}: {run:?}"
        );
        assert!(place.files().is_empty(), "{command:?} made a file");
    }
}

#[test]
fn what_is_no_ledger_is_refused_and_left_as_it_is() {
    let place = Place::new();
    for content in [
        &b"some text that is long enough to be anything at all, but is no database"[..],
        &[0; 8_192],
    ] {
        fs::write(place.ledger(), content).unwrap();
        place.run(&["list"]).exits(2);
        place.import(&[MOVEMENT]).exits(2);
        assert_eq!(fs::read(place.ledger()).unwrap(), content);
        assert_eq!(place.files(), ["refunds.db"]);
    }
}

#[test]
fn a_ledger_that_was_tampered_with_is_divergent_and_exits_3() {
    let place = Place::with_samples();
    let file = rusqlite::Connection::open(place.ledger()).unwrap();
    let bytes: Vec<u8> = file
        .query_row(
            "SELECT bytes FROM journal ORDER BY position DESC LIMIT 1",
            (),
            |row| row.get(0),
        )
        .unwrap();
    let mut changed = bytes.clone();
    *changed.last_mut().unwrap() ^= 1;
    let rows = file
        .execute(
            "UPDATE journal SET bytes = ?1 WHERE bytes = ?2",
            (&changed, &bytes),
        )
        .unwrap();
    assert_eq!(rows, 1);
    drop(file);
    let report = place.run_json(&["verify"]).exits(3).json();
    assert_eq!(report["verdict"], "divergent");
    assert_eq!(report["findings"][0]["movement_id"], "mov-42");
    let text = place.run(&["verify"]).exits(3).stdout;
    assert!(
        text.starts_with("divergent: ") && text.contains("acme/sub-7/mov-42"),
        "{text}"
    );
}

#[test]
fn a_ledger_that_can_not_be_read_as_a_whole_is_incomplete_and_exits_4() {
    let place = Place::with_samples();
    let file = rusqlite::Connection::open(place.ledger()).unwrap();
    let page: u32 = file
        .query_row(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'journal'",
            (),
            |row| row.get(0),
        )
        .unwrap();
    let page_bytes: u32 = file
        .query_row("PRAGMA page_size", (), |row| row.get(0))
        .unwrap();
    file.close().unwrap();
    let mut bytes = fs::read(place.ledger()).unwrap();
    let start = usize::try_from((page - 1) * page_bytes).unwrap();
    bytes[start..][..8].fill(0xff);
    fs::write(place.ledger(), bytes).unwrap();
    let report = place.run_json(&["verify"]).exits(4).json();
    assert_eq!(report["verdict"], "incomplete", "{report}");
    let error = place.run_json(&["head"]).exits(2).json_error();
    assert_eq!(error["code"], "store_corrupted", "{error}");
}

#[test]
fn a_full_disk_behind_standard_output_exits_2() {
    let place = Place::with_samples();
    for arguments in [
        &["list"][..],
        &["export"],
        &["list", "--format", "csv"],
        &["--help"],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let run = Run::of(place.command(arguments).stdout(full).output().unwrap()).exits(2);
        assert!(
            run.stderr.contains("the output can't be written"),
            "{arguments:?}: {run:?}"
        );
    }
}

#[test]
fn the_demo_leaves_a_ledger_and_does_not_overwrite_one() {
    let place = Place::new();
    let folder = place.path("demo");
    let folder = folder.to_str().unwrap();
    let run = place.run(&["demo", "--dir", folder]).exits(0);
    for expected in [
        "12.10 EUR",
        "1100 JPY",
        "24.750 BHD",
        "replayed: true",
        "over_refund: ",
        "refund_deleted",
        "statement and ledger don't agree: 8 breaks",
        "INCOMPLETE: 1 line",
        "verify: valid",
        "head: {",
    ] {
        assert!(
            run.stdout.contains(expected),
            "`{expected}` in {}",
            run.stdout
        );
    }
    let ledger = format!("{folder}/refunds.db");
    let list = Run::of(
        Command::new(REFUNDS)
            .args(["list", "--format", "jsonl", "--ledger", &ledger])
            .output()
            .unwrap(),
    );
    assert_eq!(list.exits(0).json_lines().len(), 9);
    place.run(&["demo", "--dir", folder]).exits(2);
    for name in ["statement.csv", "reconciliation.html"] {
        let folder = place.path(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(name), "mine").unwrap();
        let run = place
            .run(&["demo", "--dir", folder.to_str().unwrap()])
            .exits(2);
        assert!(run.stderr.contains(name), "{run:?}");
        assert_eq!(fs::read(folder.join(name)).unwrap(), b"mine");
        assert!(
            !folder.join("refunds.db").exists(),
            "nothing is begun beside a file of another"
        );
    }
}

#[test]
fn the_demo_reconciles_with_a_break_of_each_kind() {
    let place = Place::new();
    let folder = place.path("demo");
    let demo = place
        .run_json(&["demo", "--dir", folder.to_str().unwrap()])
        .exits(0)
        .json();
    let (ledger, statement) = (
        demo["ledger"].as_str().unwrap(),
        demo["statement"].as_str().unwrap(),
    );
    let run = Run::of(
        Command::new(REFUNDS)
            .args([
                "reconcile",
                "--source",
                "stripe",
                "--format",
                "json",
                "--ledger",
                ledger,
            ])
            .args([
                "--statement",
                statement,
                "--from",
                "2022-03-01",
                "--to",
                "2022-04-01",
            ])
            .output()
            .unwrap(),
    );
    let report = run.exits(1).json();
    let page = fs::read_to_string(demo["report"].as_str().unwrap()).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    let found: Vec<&str> = report["breaks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| found["reason"].as_str().unwrap())
        .collect();
    for reason in [
        "missing_in_ledger",
        "missing_in_statement",
        "amount_mismatch",
        "currency_mismatch",
        "date_outside_window",
        "duplicate_in_statement",
        "ledger_refund_deleted",
        "unreadable_line",
    ] {
        assert!(found.contains(&reason), "{reason}: {report}");
        assert!(
            page.contains(&format!("id=\"{reason}\"")),
            "{reason} in the page"
        );
    }
}

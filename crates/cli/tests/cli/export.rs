//! `export`, `import --preserve`, `backup` and the journal.

use std::fs;

use serde_json::json;

use crate::harness::{Place, movement, refund};

/// A ledger in which everything has happened that a journal can hold.
pub(crate) fn eventful() -> Place {
    let named = |op: &str, id: &str| {
        json!({"op": op, "org_id": "acme", "subscription_id": "sub",
        "movement_id": "m-1", "external_refund_unique_id": id})
        .to_string()
    };
    let update = json!({"op": "update_refund", "org_id": "acme", "subscription_id": "sub", "movement_id": "m-1",
        "external_refund_unique_id": "r-1", "expected_revision": 1, "body": {"refund_datetime": "2022-03-02T00:00:00Z",
        "amount": {"value_with_taxes": "2.5"}, "billable": true, "description": "changed"}}).to_string();
    let keyed = json!({"op": "create_non_subscribable_refund", "org_id": "acme", "subscription_id": "sub",
        "movement_id": "m-1", "idempotency_key": "key", "body": {"refund_datetime": "2022-03-02T00:00:00Z",
        "amount": {"value_with_taxes": 1, "billable": false}, "transaction_type_id": "t", "description": "keyed"}}).to_string();
    let void = json!({"op": "void_movement", "org_id": "acme", "subscription_id": "sub", "movement_id": "m-2"}).to_string();
    let place = Place::with(&[
        &movement("m-1"),
        &movement("m-2"),
        &void,
        &movement("m-2"),
        &refund("m-1", "r-1", "3"),
        &refund("m-1", "r-2", "4"),
        &update,
        &keyed,
        &named("delete_refund", "r-2"),
        &named("erase_text", "r-2"),
    ]);
    place
        .run(&[
            "erase-text",
            "--org",
            "acme",
            "--subscription",
            "sub",
            "--movement",
            "m-2",
            "--actor",
            "ana",
        ])
        .exits(0);
    place
}

fn exported(place: &Place) -> String {
    place.run(&["export"]).exits(0).stdout
}

#[test]
fn a_preserved_import_gives_the_same_ledger() {
    let place = eventful();
    let export = exported(&place);
    assert_eq!(export.lines().count(), 11, "a line per journal entry");
    let copy = Place::new();
    let file = copy.file("export.jsonl", &export);
    let run = copy.run_json(&["import", "--preserve", &file]).exits(0);
    assert_eq!(
        run.json(),
        json!({"lines": 11, "applied": 11, "replayed": 0, "rejected": 0})
    );
    assert_eq!(copy.root(), place.root(), "the same head");
    assert_eq!(
        copy.refunds(),
        place.refunds(),
        "the same refunds, ids and dates included"
    );
    let journal = |place: &Place| place.run(&["journal"]).exits(0).stdout;
    assert_eq!(journal(&copy), journal(&place));
    assert_eq!(exported(&copy), export);
    assert_eq!(
        copy.files(),
        ["export.jsonl", "refunds.db"],
        "nothing else stays"
    );
}

#[test]
fn a_preserved_import_into_an_empty_ledger_works_and_into_another_does_not() {
    let place = eventful();
    let copy = Place::new();
    let file = copy.file("export.jsonl", exported(&place));
    copy.import(&[]).exits(0);
    assert!(copy.ledger().exists(), "there is an empty ledger");
    copy.run(&["import", "--preserve", &file]).exits(0);
    assert_eq!(copy.root(), place.root());

    let error = copy
        .run_json(&["import", "--preserve", &file])
        .exits(2)
        .json_error();
    assert!(
        error["message"].as_str().unwrap().contains("is not empty"),
        "{error}"
    );
    assert_eq!(copy.root(), place.root());
    assert_eq!(copy.files(), ["export.jsonl", "refunds.db"]);
}

#[test]
fn a_plain_import_of_an_export_makes_the_same_refunds_anew_and_is_repeatable() {
    let place = eventful();
    let copy = Place::new();
    let file = copy.file("export.jsonl", exported(&place));
    let first = copy.run_json(&["import", &file]).json();
    let bare = |place: &Place| {
        let mut refunds = place.refunds();
        for refund in &mut refunds {
            for own in ["id", "created_at", "updated_at", "description"] {
                refund.as_object_mut().unwrap().remove(own);
            }
        }
        refunds.sort_by_key(ToString::to_string);
        refunds
    };
    assert_eq!(bare(&copy), bare(&place), "{first}");

    // A movement that is voided and recorded anew is so again; everything else is a replay.
    let export = exported(&place);
    let lines: Vec<&str> = export
        .lines()
        .filter(|line| !line.contains("\"m-2\""))
        .collect();
    let before = copy.root();
    let again = copy.import(&lines).exits(0).json();
    assert_eq!(
        again,
        json!({"lines": 7, "applied": 0, "replayed": 7, "rejected": 0})
    );
    assert_eq!(copy.root(), before);
}

#[test]
fn a_tampered_export_is_refused_and_leaves_nothing_behind() {
    let place = eventful();
    let export = exported(&place);
    let lines: Vec<&str> = export.lines().collect();
    let first = |from: &str, to: &str| export.replacen(from, to, 1);
    let tampered = [
        (
            "an amount",
            first("\"value_with_taxes\":3", "\"value_with_taxes\":2.99"),
        ),
        ("a description", first("\"ten\"", "\"tem\"")),
        (
            "an actor",
            first("\"actor\":\"local\"", "\"actor\":\"other\""),
        ),
        ("a line left out", lines[1..].join("\n")),
        (
            "two lines of a movement exchanged",
            lines
                .join("\n")
                .replace(lines[4], "")
                .replace(lines[5], &format!("{}\n{}", lines[5], lines[4])),
        ),
        ("a line twice", format!("{}\n{export}", lines[0])),
        ("no export", movement("m")),
        ("no JSON", format!("{export}x\n")),
    ];
    for (what, export_now) in tampered {
        assert_ne!(export_now, export, "{what}: something was changed");
        let copy = Place::new();
        let file = copy.file("export.jsonl", &export_now);
        let error = copy
            .run_json(&["import", "--preserve", &file])
            .exits(2)
            .json_error();
        assert!(
            error["message"].as_str().unwrap().contains("line "),
            "{what}: {error}"
        );
        assert_eq!(copy.files(), ["export.jsonl"], "{what}: nothing stays");

        copy.import(&[]).exits(0);
        copy.run(&["import", "--preserve", &file]).exits(2);
        assert_eq!(
            copy.run_json(&["verify"]).exits(0).json()["entries"],
            0,
            "{what}: nothing was restored"
        );
        assert_eq!(copy.files(), ["export.jsonl", "refunds.db"], "{what}");
    }
}

#[test]
fn an_export_to_a_file_is_the_same_and_says_how_many_lines() {
    let place = eventful();
    let file = place.path("out.jsonl");
    let run = place
        .run_json(&["export", "--output", file.to_str().unwrap()])
        .exits(0);
    assert_eq!(run.json(), json!({"lines": 11}));
    assert_eq!(place.read("out.jsonl"), exported(&place));
}

#[test]
fn a_backup_is_the_same_ledger_and_never_replaces_a_file() {
    let place = eventful();
    let copy = Place::new();
    let target = copy.ledger();
    place.run(&["backup", target.to_str().unwrap()]).exits(0);
    assert_eq!(copy.root(), place.root());
    assert_eq!(copy.files(), ["refunds.db"]);

    let file = copy.file("precious", "bytes");
    place.run(&["backup", &file]).exits(2);
    assert_eq!(fs::read_to_string(&file).unwrap(), "bytes");
}

#[test]
fn the_journal_can_be_followed() {
    let place = eventful();
    let all = place
        .run(&["journal", "--after", "0", "--format", "json"])
        .exits(0)
        .json_lines();
    assert_eq!(all.len(), 11);
    let positions: Vec<u64> = all
        .iter()
        .map(|entry| entry["position"].as_u64().unwrap())
        .collect();
    assert!(positions.is_sorted());
    let after = positions[3].to_string();
    let some = place
        .run(&["journal", "--after", &after, "--limit", "2"])
        .exits(0)
        .json_lines();
    assert_eq!(some, all[4..6]);
}

#[test]
fn a_kept_head_proves_that_nothing_was_cut_off() {
    let place = eventful();
    let head = place.run(&["head"]).exits(0).stdout;
    let file = place.file("head.json", &head);
    place.import(&[&movement("m-9")]).exits(0);
    place.run(&["verify", "--head", &file]).exits(0);

    let other = Place::with(&[&movement("m-1")]);
    let report = other.run_json(&["verify", "--head", &file]).exits(3).json();
    assert_eq!(report["verdict"], "divergent");
    for (name, content) in [("broken.json", "{}"), ("text.json", "x")] {
        let file = place.file(name, content);
        let error = place
            .run_json(&["verify", "--head", &file])
            .exits(2)
            .json_error();
        assert_eq!(error["code"], "usage");
    }
}

#[test]
fn an_export_that_lacks_a_salt_or_hides_a_text_is_refused_and_leaves_nothing_behind() {
    let export = exported(&eventful());
    let mut refused = 0;
    for (at, line) in export.lines().enumerate() {
        let original: serde_json::Value = serde_json::from_str(line).unwrap();
        let mut without = original.clone();
        let preserved = without["preserved"].as_object_mut().unwrap();
        if preserved.remove("salt").is_none() {
            continue;
        }
        let mut hidden = without.clone();
        hidden["preserved"]["erased"] = json!(true);
        for changed in [without, hidden] {
            let text: Vec<String> = export
                .lines()
                .enumerate()
                .map(|(n, line)| {
                    if n == at {
                        changed.to_string()
                    } else {
                        line.into()
                    }
                })
                .collect();
            let copy = Place::new();
            let file = copy.file("export.jsonl", text.join("\n"));
            copy.run(&["import", "--preserve", &file]).exits(2);
            assert!(!copy.ledger().exists(), "nothing was restored: {changed}");
            refused += 1;
        }
    }
    assert!(refused >= 8, "{refused} lines brought a text");
}

#[test]
fn nothing_is_written_over_the_ledger_or_what_is_being_read() {
    let place = eventful();
    let ledger = place.ledger().display().to_string();
    let link = place.path("link.db");
    std::os::unix::fs::symlink(&ledger, &link).unwrap();
    let link = link.display().to_string();
    let input = place.file("bad.jsonl", "{}\n");
    let before = place.run(&["export"]).exits(0).stdout;
    let wal = format!("{ledger}-wal");
    for target in [&ledger, &link, &wal] {
        place.run(&["export", "--output", target]).exits(2);
        place.run(&["import", &input, "--rejects", target]).exits(2);
        place
            .run(&["import", &input, "--dry-run", "--rejects", target])
            .exits(2);
    }
    place.run(&["import", &input, "--rejects", &input]).exits(2);
    assert_eq!(fs::read_to_string(&input).unwrap(), "{}\n");
    assert_eq!(place.run(&["export"]).exits(0).stdout, before);
    place.run(&["verify"]).exits(0);
}

#[test]
fn an_empty_file_is_no_ledger_to_read() {
    let place = Place::new();
    fs::write(place.ledger(), b"").unwrap();
    for command in ["verify", "list", "head", "export", "movements"] {
        place.run(&[command]).exits(2);
    }
    let size = fs::metadata(place.ledger()).unwrap().len();
    assert_eq!(size, 0, "reading makes no ledger");
}

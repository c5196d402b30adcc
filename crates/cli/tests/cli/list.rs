//! `list` and `movements`: filters, formats, pages.

use serde_json::{Value, json};

use crate::harness::{Place, movement, refund};

/// Twelve refunds on two movements, with dates apart.
fn twelve() -> Place {
    let mut lines = vec![movement("m-1"), movement("m-2")];
    for n in 1..=12 {
        let id = if n % 2 == 0 { "m-1" } else { "m-2" };
        let line = refund(id, &format!("r-{n:02}"), "0.5")
            .replace("2022-03-01", &format!("2022-03-{n:02}"));
        let line = if n % 3 == 0 {
            line.replace("false", "true")
        } else {
            line
        };
        lines.push(line.replace(
            "\"description\":\"back\"",
            &format!(
                "\"description\":\"back\",\"external_invoice_id\":\"inv-{}\"",
                n % 4
            ),
        ));
    }
    let place = Place::with(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    place
        .run(&["delete", "--org", "acme", "--external-id", "r-05"])
        .exits(0);
    place
}

fn external_ids(items: &[Value]) -> Vec<String> {
    items
        .iter()
        .map(|item| item["external_refund_unique_id"].as_str().unwrap()[2..].to_owned())
        .collect()
}

#[test]
fn filters_choose() {
    let place = twelve();
    let cases: [(&[&str], &str); 12] = [
        (&[], "01 02 03 04 06 07 08 09 10 11 12"),
        (
            &["--include-deleted"],
            "01 02 03 04 05 06 07 08 09 10 11 12",
        ),
        (&["--movement", "m-1"], "02 04 06 08 10 12"),
        (
            &[
                "--org",
                "acme",
                "--subscription",
                "sub",
                "--movement",
                "m-2",
            ],
            "01 03 07 09 11",
        ),
        (&["--org", "other"], ""),
        (&["--subscription", "other"], ""),
        (
            &[
                "--from",
                "2022-03-03T00:00:00Z",
                "--to",
                "2022-03-07T00:00:00Z",
            ],
            "03 04 06",
        ),
        (&["--external-id", "r-07"], "07"),
        (&["--invoice", "inv-1"], "01 09"),
        (&["--billable", "true"], "03 06 09 12"),
        (&["--billable", "false", "--movement", "m-1"], "02 04 08 10"),
        (&["--kind", "non_subscribable"], ""),
    ];
    for (filter, expected) in cases {
        let page = place
            .run_json(&[&["list"], filter].concat())
            .exits(0)
            .json();
        assert_eq!(
            external_ids(page["items"].as_array().unwrap()).join(" "),
            expected,
            "{filter:?}"
        );
        assert_eq!(page["next_cursor"], Value::Null);
        let lines = place
            .run(&[&["list", "--format", "jsonl"], filter].concat())
            .exits(0)
            .json_lines();
        assert_eq!(
            page["items"],
            Value::Array(lines),
            "{filter:?}: JSON Lines hold the same"
        );
    }
}

#[test]
fn pages_join_without_gap_in_every_format() {
    let place = twelve();
    let all = place.run_json(&["list"]).exits(0).json()["items"].clone();
    let mut joined = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut arguments = vec!["list", "--limit", "4"];
        if let Some(cursor) = &cursor {
            arguments.extend(["--cursor", cursor]);
        }
        let page = place.run_json(&arguments).exits(0).json();
        joined.extend(page["items"].as_array().unwrap().clone());
        match &page["next_cursor"] {
            Value::String(next) => cursor = Some(next.clone()),
            end => {
                assert_eq!(end, &Value::Null);
                break;
            }
        }
    }
    assert_eq!(Value::Array(joined), all);

    let first = place
        .run(&["list", "--format", "jsonl", "--limit", "5"])
        .exits(0);
    let cursor = first
        .stderr
        .split('`')
        .nth(1)
        .unwrap()
        .strip_prefix("--cursor ")
        .unwrap();
    let rest = place
        .run(&["list", "--format", "jsonl", "--cursor", cursor])
        .exits(0);
    let joined = [first.json_lines(), rest.json_lines()].concat();
    assert_eq!(Value::Array(joined), all);

    let error = place
        .run_json(&["list", "--cursor", cursor, "--org", "acme"])
        .exits(2)
        .json_error();
    assert!(
        error["message"].as_str().unwrap().contains("other filters"),
        "{error}"
    );
    for bad in [
        &["--cursor", "x"][..],
        &["--limit", "0"],
        &["--limit", "501"],
        &["--from", "yesterday"],
    ] {
        place.run_json(&[&["list"], bad].concat()).exits(2);
    }
}

#[test]
fn streams_go_beyond_a_page() {
    let mut lines = vec![movement("m")];
    lines.extend((0..1_000).map(|n| refund("m", &format!("r-{n}"), "0.01")));
    let place = Place::with(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(place.refunds().len(), 1_000);
    let csv = place.run(&["list", "--format", "csv"]).exits(0);
    assert_eq!(csv.stdout.lines().count(), 1_001);
    let page = place.run_json(&["list"]).exits(0).json();
    assert_eq!(
        page["items"].as_array().unwrap().len(),
        100,
        "a JSON page holds 100 unless told"
    );
    assert_ne!(page["next_cursor"], Value::Null);
    let some = place
        .run(&["list", "--format", "jsonl", "--limit", "700"])
        .exits(0);
    assert_eq!(some.stdout.lines().count(), 700);
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    use std::io::{BufRead, BufReader};
    let mut lines = vec![movement("m")];
    lines.extend((0..1_000).map(|n| refund("m", &format!("r-{n}"), "0.01")));
    let place = Place::with(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let mut child = place
        .command(&["list", "--format", "jsonl"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::with_capacity(100, child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn csv_has_flattened_columns_and_cells_that_no_spreadsheet_runs() {
    let hostile = refund("m", "=cmd|' /C calc'!A0", "0.5")
        .replace("\"back\"", "\"+SUM(A1:A9),\\n\\\"x\\\"\"");
    let number = refund("m", "-5", "0.25")
        .replace("2022-03-01", "2022-03-02")
        .replace("\"back\"", "\" @x\"");
    let place = Place::with(&[&movement("m"), &hostile, &number]);
    let run = place.run(&["list", "--format", "csv"]).exits(0);
    let mut lines = run.stdout.splitn(2, '\n');
    assert_eq!(
        lines.next().unwrap(),
        "id,org_id,subscription_id,movement_id,kind,refund_datetime,period_start_datetime,period_end_datetime,amount.value_with_taxes,amount.value_without_taxes,amount.currency,amount.tax.type,amount.tax.percentage,amount.billable,external_invoice_id,external_refund_unique_id,transaction_type_id,billable,description,revision,created_at,updated_at,deleted"
    );
    let rows = lines.next().unwrap();
    assert!(rows.contains(",acme,sub,m,standard,2022-03-01T00:00:00Z,,,0.5,0.5,EUR,,,,,'=cmd|' /C calc'!A0,,false,\"'+SUM(A1:A9),\n\"\"x\"\"\",1,"), "{rows}");
    assert!(
        rows.contains(",-5,,false,' @x,1,"),
        "a number stays a number: {rows}"
    );
}

#[test]
fn movements_come_in_key_order() {
    let place = twelve();
    let page = place
        .run_json(&["movements", "--limit", "1"])
        .exits(0)
        .json();
    assert_eq!(page["items"][0]["movement_id"], "m-1");
    assert_eq!(
        page["items"][0]["balance"]["refundable"]["value_with_taxes"],
        json!(7)
    );
    assert_eq!(page["more"], true);
    let lines = place
        .run(&["movements", "--format", "jsonl"])
        .exits(0)
        .json_lines();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        place
            .run_json(&["movements", "--org", "other"])
            .exits(0)
            .json(),
        json!({"items": [], "more": false})
    );
    assert!(
        place
            .run(&["movements"])
            .exits(0)
            .stdout
            .contains("7.00 EUR")
    );
}

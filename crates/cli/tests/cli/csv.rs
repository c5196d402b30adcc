//! `import --csv`.

use serde_json::json;

use crate::harness::{Place, json_lines};

const HEADER: &str = "op,org_id,subscription_id,movement_id,refund_id,expected_revision,idempotency_key,currency,occurred_at,refund_datetime,amount.value_with_taxes,amount.value_without_taxes,amount.tax.type,amount.tax.percentage,amount.billable,external_invoice_id,external_refund_unique_id,transaction_type_id,billable,description";

const ROWS: [&str; 6] = [
    "record_movement,acme,sub-7,mov-42,,,,EUR,2022-02-01T00:00:00Z,,121,100,IVA,21,,,,,,February",
    "create_refund,acme,sub-7,mov-42,,,,,,2022-02-24T13:45:10Z,12.10,10,IVA,21,,inv-9,987,,FALSE,\"Two days,\r\n\"\"without\"\" service\"",
    "create_non_subscribable_refund,acme,sub-7,mov-42,,,key-1,,,2022-02-24T13:45:10Z,1.21,,IVA,21,true,,,headset,,A headset",
    "update_refund,acme,sub-7,mov-42,,1,,,,2022-02-24T13:45:10Z,6.05,5,IVA,21,,inv-9,987,,TRUE,One day",
    "delete_refund,acme,sub-7,mov-42,,2,,,,,,,,,,,987,,,",
    "erase_text,acme,sub-7,mov-42,,,,,,,,,,,,,987,,,",
];

#[test]
fn rows_with_mark_crlf_and_quoted_line_ends_are_commands() {
    let place = Place::new();
    let file = place.file(
        "rows.csv",
        format!(
            "\u{feff}{HEADER}\r\n{}\r\n\r\n,,,,,,,,,,,,,,,,,,,\r\n",
            ROWS[..3].join("\r\n")
        ),
    );
    let run = place.run_json(&["import", "--csv", &file]).exits(0);
    assert_eq!(
        run.json(),
        json!({"lines": 3, "applied": 3, "replayed": 0, "rejected": 0})
    );
    let refunds = place.refunds();
    let described = |text: &str| {
        refunds
            .iter()
            .find(|refund| refund["description"] == text)
            .cloned()
    };
    let standard =
        described("Two days,\r\n\"without\" service").expect("the quoted cell as it was");
    assert_eq!(standard["amount"]["value_with_taxes"], json!(12.1));
    assert_eq!(standard["external_refund_unique_id"], "987");
    let other = described("A headset").expect("the refund of the other kind");
    assert_eq!(other["kind"], "non_subscribable");
    assert_eq!(other["amount"]["billable"], true);

    let file = place.file("rows.csv", format!("{HEADER}\n{}\n", ROWS.join("\n")));
    let run = place.run_json(&["import", "--csv", &file]).exits(0);
    assert_eq!(
        run.json(),
        json!({"lines": 6, "applied": 3, "replayed": 3, "rejected": 0})
    );
    let refund = place
        .refunds()
        .into_iter()
        .find(|refund| refund["deleted"] == true)
        .unwrap();
    assert_eq!(refund["revision"], 3);
    assert_eq!(refund["billable"], true);
    let run = place.run_json(&["import", "--csv", &file]).exits(0);
    assert_eq!(
        run.json()["replayed"],
        6,
        "a file with expected revisions can be imported again"
    );
}

#[test]
fn rejected_rows_come_with_the_line_they_begin_on_and_their_text() {
    let place = Place::new();
    let rows = [
        ROWS[0],
        ROWS[1],
        "delete_refund,acme",
        "delete_refund,acme,sub-7,mov-42,,x,,,,,,,,,,,987,,,",
        "nonsense,acme,sub-7,mov-42,,,,,,,,,,,,,987,,,",
    ];
    let file = place.file("rows.csv", format!("{HEADER}\n{}\n", rows.join("\n")));
    let rejects = place.path("rejects");
    let run = place
        .run_json(&[
            "import",
            "--csv",
            &file,
            "--rejects",
            rejects.to_str().unwrap(),
        ])
        .exits(1);
    assert_eq!(
        run.json(),
        json!({"lines": 5, "applied": 2, "replayed": 0, "rejected": 3})
    );
    let rejects = json_lines(&place.read("rejects"));
    let told: Vec<_> = rejects
        .iter()
        .map(|r| (r["line"].as_u64().unwrap(), r["code"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            (5, "malformed_request"),
            (6, "invalid_request"),
            (7, "invalid_request")
        ]
    );
    assert_eq!(rejects[0]["input"], "delete_refund,acme");
    assert_eq!(
        rejects[0]["message"],
        "the row has 2 cells; the header has 20"
    );
    assert_eq!(rejects[1]["details"][0]["field"], "expected_revision");
    assert_eq!(rejects[2]["details"][0]["field"], "op");
}

#[test]
fn a_header_that_is_wrong_stops_before_anything_is_done() {
    for (header, named) in [
        (HEADER.replace(',', ";"), "separated by commas"),
        (
            HEADER.replace(",billable,", ",colour,"),
            "unknown column `colour`",
        ),
        (
            HEADER.replace(",billable,", &format!(",{},", "x".repeat(10_000))),
            &format!("unknown column `{}…`", "x".repeat(64)),
        ),
        (HEADER.replace("op,", ""), "lacks the column `op`"),
        (format!("{HEADER},op"), "column `op` twice"),
    ] {
        let place = Place::new();
        let file = place.file("rows.csv", format!("{header}\n{}\n", ROWS[0]));
        let error = place
            .run_json(&["import", "--csv", &file])
            .exits(2)
            .json_error();
        assert!(
            error["message"].as_str().unwrap().contains(named),
            "{header}: {error}"
        );
        assert!(!place.ledger().exists(), "no ledger for `{header}`");
    }
}

//! One command from flags, and reading it back.

use serde_json::{Value, json};

use crate::harness::{Place, Run};

const SCOPE: [&str; 6] = [
    "--org",
    "acme",
    "--subscription",
    "sub-7",
    "--movement",
    "mov-42",
];

fn with_scope(place: &Place, command: &str, arguments: &[&str]) -> Run {
    place.run_json(&[&[command], &SCOPE[..], arguments].concat())
}

fn record(place: &Place) -> Run {
    with_scope(
        place,
        "record-movement",
        &[
            "--currency",
            "EUR",
            "--occurred-at",
            "2022-02-01T00:00:00Z",
            "--value-with-taxes",
            "121",
            "--tax-type",
            "IVA",
            "--tax-percentage",
            "21",
            "--description",
            "February",
        ],
    )
}

fn create(place: &Place, external_id: &str, value: &str) -> Run {
    with_scope(
        place,
        "create",
        &[
            "--external-id",
            external_id,
            "--refund-datetime",
            "2022-02-24T13:45:10Z",
            "--value-with-taxes",
            value,
            "--tax-type",
            "IVA",
            "--tax-percentage",
            "21",
            "--invoice",
            "inv-9",
            "--billable",
            "false",
            "--description",
            "Two days",
        ],
    )
}

#[test]
fn a_movement_and_its_refunds_from_first_to_last() {
    let place = Place::new();
    assert_eq!(record(&place).exits(0).json(), json!({"replayed": false}));
    assert_eq!(record(&place).exits(0).json(), json!({"replayed": true}));

    let created = create(&place, "r-1", "12.10").exits(0).json();
    let id = created["id"].as_str().unwrap().to_owned();
    assert_eq!(created, json!({"id": id, "revision": 1, "replayed": false}));
    let again = create(&place, "r-1", "12.1").exits(0).json();
    assert_eq!(again, json!({"id": id, "revision": 1, "replayed": true}));

    let shown = place.run_json(&["show", &id]).exits(0).json();
    assert_eq!(
        shown["amount"],
        json!({"value_with_taxes": 12.1, "value_without_taxes": 10,
        "tax": {"type": "IVA", "percentage": 21}, "currency": "EUR"})
    );

    let content = [
        "--refund-datetime",
        "2022-02-24T13:45:10Z",
        "--value-with-taxes",
        "6.05",
        "--tax-type",
        "IVA",
        "--tax-percentage",
        "21",
        "--billable",
        "true",
        "--description",
        "One day",
    ];
    let update = |naming: &[&str]| place.run_json(&[&["update"], naming, &content[..]].concat());
    let updated = update(&[&id, "--expected-revision", "1", "--actor", "ana"])
        .exits(0)
        .json();
    assert_eq!(updated, json!({"id": id, "revision": 2, "replayed": false}));
    let replayed = update(&["--external-id", "r-1", "--org", "acme"])
        .exits(0)
        .json();
    assert_eq!(
        replayed["replayed"], true,
        "the external id names the same refund"
    );

    let balance = with_scope(&place, "balance", &[]).exits(0).json();
    assert_eq!(
        balance["refundable"],
        json!({"value_with_taxes": 114.95, "value_without_taxes": 95})
    );
    let totals = place.run_json(&["totals", "--org", "acme"]).exits(0).json();
    assert_eq!(
        totals,
        json!({"totals": [{"currency": "EUR", "count": 1, "value_with_taxes": 6.05, "value_without_taxes": 5}]})
    );
    assert_eq!(
        place
            .run_json(&["totals", "--to", "2022-02-24T13:45:10Z"])
            .exits(0)
            .json(),
        json!({"totals": []})
    );

    assert_eq!(
        place.run_json(&["delete", &id]).exits(0).json()["revision"],
        3
    );
    place.run_json(&["erase-text", &id]).exits(0);
    let shown = place.run_json(&["show", &id]).exits(0).json();
    assert_eq!(
        (&shown["deleted"], &shown["description"]),
        (&json!(true), &Value::Null)
    );

    let history = place.run_json(&["history", &id]).exits(0).json();
    let changes: Vec<(&str, &str)> = history["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            (
                item["change"].as_str().unwrap(),
                item["actor"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        changes,
        [
            ("refund_created", "local"),
            ("refund_updated", "ana"),
            ("refund_deleted", "local")
        ]
    );

    with_scope(&place, "void-movement", &[]).exits(0);
    assert_eq!(
        place.run_json(&["movements"]).exits(0).json(),
        json!({"items": [], "more": false})
    );
    place.root();
}

#[test]
fn a_refund_of_the_other_kind_may_have_an_idempotency_key() {
    let place = Place::new();
    record(&place).exits(0);
    let create = || {
        with_scope(
            &place,
            "create",
            &[
                "--kind",
                "non_subscribable",
                "--idempotency-key",
                "key-1",
                "--transaction-type",
                "headset",
                "--refund-datetime",
                "2022-02-24T13:45:10Z",
                "--value-with-taxes",
                "1",
                "--billable",
                "true",
                "--description",
                "x",
            ],
        )
    };
    let first = create().exits(0).json();
    assert_eq!(create().exits(0).json()["id"], first["id"]);
    let refund = &place.refunds()[0];
    assert_eq!(
        (&refund["kind"], &refund["transaction_type_id"]),
        (&json!("non_subscribable"), &json!("headset"))
    );
    assert_eq!(refund["external_refund_unique_id"], Value::Null);
}

#[test]
fn a_movements_own_description_can_be_erased() {
    let place = Place::new();
    record(&place).exits(0);
    with_scope(&place, "erase-text", &[]).exits(0);
    let movements = place.run_json(&["movements"]).exits(0).json();
    assert_eq!(movements["items"][0]["description"], Value::Null);
    place.run_json(&["erase-text"]).exits(2);
    place.root();
}

#[test]
fn refusals_exit_1_and_tell_code_and_details() {
    let place = Place::new();
    record(&place).exits(0);
    let over = create(&place, "r-1", "121.01").exits(1).json_error();
    assert_eq!(over["code"], "over_refund");
    assert_eq!(over["details"][0]["field"], "amount.value_with_taxes");

    create(&place, "r-1", "1").exits(0);
    let conflict = create(&place, "r-1", "2").exits(1).json_error();
    assert_eq!(conflict["code"], "idempotency_conflict");
    assert_eq!(conflict["holder"]["movement_id"], "mov-42");

    let invalid = create(&place, "r-2", "1e3").exits(1).json_error();
    assert_eq!(invalid["code"], "invalid_request");
    for command in ["show", "history", "delete", "erase-text"] {
        for id in ["no-id", "01890a5d-ac96-774b-bcce-b302099a8057"] {
            let error = place.run_json(&[command, id]).exits(1).json_error();
            assert_eq!(error["code"], "refund_not_found", "{command} {id}");
        }
    }
    let text = place
        .run(&[&["void-movement"], &SCOPE[..]].concat())
        .exits(1);
    assert!(text.stderr.starts_with("error: over_refund: "), "{text:?}");
}

#[test]
fn what_can_not_be_a_movement_makes_no_ledger() {
    let place = Place::new();
    with_scope(
        &place,
        "record-movement",
        &[
            "--currency",
            "EUR",
            "--occurred-at",
            "yesterday",
            "--value-with-taxes",
            "1",
            "--description",
            "x",
        ],
    )
    .exits(1);
    assert!(place.files().is_empty());
}

#[test]
fn escapes_in_ids_and_descriptions_do_not_reach_the_terminal() {
    let place = Place::new();
    record(&place).exits(0);
    let run = with_scope(
        &place,
        "create",
        &[
            "--external-id",
            "r-1",
            "--refund-datetime",
            "2022-02-24T13:45:10Z",
            "--value-with-taxes",
            "1",
            "--billable",
            "false",
            "--description",
            "\u{1b}]0;owned\u{7}\u{202e}x",
        ],
    )
    .exits(0)
    .json();
    let id = run["id"].as_str().unwrap();
    for arguments in [&["list"][..], &["show", id], &["history", id]] {
        let run = place.run(arguments).exits(0);
        assert!(run.stdout.contains("owned"), "{run:?}");
        assert!(
            !run.stdout.contains(['\u{1b}', '\u{7}', '\u{202e}']),
            "{run:?}"
        );
    }
    let run = place.run(&["show", "\u{1b}[2J"]).exits(1);
    assert!(!run.stderr.contains('\u{1b}'), "{run:?}");
}

//! `reconcile`: a ledger beside statements of every source, and all that can be wrong with either.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use crate::harness::{Place, Run};

/// What maps the columns of the tables that these tests write.
const MAP: &str = "key=Ref,invoice=Invoice,amount=Amount,currency=Currency,date=Date";

const HEADER: &str = "Ref,Invoice,Amount,Currency,Date";

/// A refund of a ledger.
struct Refund<'a> {
    org: &'a str,
    external_id: &'a str,
    currency: &'a str,
    value: &'a str,
    day: u8,
}

fn refund<'a>(external_id: &'a str, currency: &'a str, value: &'a str) -> Refund<'a> {
    Refund {
        org: "acme",
        external_id,
        currency,
        value,
        day: 2,
    }
}

impl Refund<'_> {
    /// Its movement, which is large enough for it, and the refund.
    fn lines(&self) -> [String; 2] {
        let movement = format!("mov-{}", self.external_id);
        let scope = |op: &str, body: Value| {
            json!({"op": op, "org_id": self.org, "subscription_id": "sub",
                "movement_id": movement, "body": body})
            .to_string()
        };
        let recorded = json!({"currency": self.currency, "occurred_at": "2026-02-01T00:00:00Z",
            "amount": {"value_with_taxes": "100000"}, "description": "charge"});
        let refunded = json!({"refund_datetime": format!("2026-03-{:02}T12:00:00Z", self.day),
            "amount": {"value_with_taxes": self.value}, "billable": false,
            "external_refund_unique_id": self.external_id, "description": "back",
            "external_invoice_id": format!("in-{}", self.external_id)});
        [
            scope("record_movement", recorded),
            scope("create_refund", refunded),
        ]
    }
}

fn place_with(refunds: &[Refund<'_>]) -> Place {
    let lines: Vec<String> = refunds.iter().flat_map(Refund::lines).collect();
    Place::with(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

/// A table with these rows.
fn table(rows: &[&str]) -> String {
    format!("{HEADER}\n{}\n", rows.join("\n"))
}

/// The command that reconciles such a table.
fn of_table(statement: &str) -> [&str; 7] {
    [
        "reconcile",
        "--source",
        "csv",
        "--map",
        MAP,
        "--statement",
        statement,
    ]
}

/// Reconciles a table of this place.
fn reconcile(place: &Place, statement: &str, options: &[&str]) -> Run {
    place.run(&[&of_table(statement)[..], options].concat())
}

fn reconcile_json(place: &Place, statement: &str, options: &[&str]) -> Run {
    reconcile(place, statement, &[options, &["--format", "json"]].concat())
}

fn number(value: &Value) -> i128 {
    match value {
        Value::String(text) => text.parse().unwrap(),
        other => other.as_i64().unwrap().into(),
    }
}

/// The totals' differences must be the sums of the breaks' and of what was tolerated.
#[track_caller]
fn adds_up(report: &Value) {
    let mut sums: BTreeMap<&str, i128> = BTreeMap::new();
    for found in report["breaks"].as_array().unwrap() {
        if let Some(currency) = found["currency"].as_str() {
            *sums.entry(currency).or_default() += number(&found["difference_minor"]);
        } else {
            assert_eq!(found["reason"], "unreadable_line", "{found}");
        }
    }
    for (currency, totals) in report["totals"].as_object().unwrap() {
        let difference = number(&totals["difference_minor"]);
        let breaks = sums.remove(currency.as_str()).unwrap_or(0);
        assert_eq!(
            difference,
            breaks + number(&totals["tolerated_minor"]),
            "{currency}: {report}"
        );
        let sides = number(&totals["statement_minor"]) - number(&totals["ledger_minor"]);
        assert_eq!(difference, sides, "{currency}: {report}");
    }
    assert!(
        sums.is_empty(),
        "breaks in currencies without totals: {sums:?}"
    );
}

/// Each break as `reason key difference`.
fn breaks(report: &Value) -> Vec<String> {
    let one = |found: &Value| {
        let key = found["key"].as_str().unwrap_or("-");
        let difference = match &found["difference_minor"] {
            Value::Null => "-".into(),
            difference => format!("{difference} {}", found["currency"].as_str().unwrap()),
        };
        format!("{} {key} {difference}", found["reason"].as_str().unwrap())
    };
    report["breaks"]
        .as_array()
        .unwrap()
        .iter()
        .map(one)
        .collect()
}

fn fixture(name: &str) -> String {
    format!(
        "{}/../reconcile/tests/fixtures/{name}",
        env!("CARGO_MANIFEST_DIR")
    )
}

#[test]
fn each_source_matches_a_ledger_that_agrees() {
    let of = |org: &'static str, refunds: &[(&'static str, &'static str, &'static str)]| {
        let refunds = refunds.iter();
        refunds
            .map(|(external_id, currency, value)| Refund {
                org,
                ..refund(external_id, currency, value)
            })
            .collect::<Vec<_>>()
    };
    let adyen = [
        ("8807", "USD", "10"),
        ("rf-4", "JPY", "1000"),
        ("rf-5", "BHD", "12.34"),
        ("rf-6", "CLP", "1000"),
        ("rf-7", "IDR", "15000"),
    ];
    let ledger = [
        of("stripe", &[("re_5", "EUR", "25"), ("re_6", "EUR", "0.50")]),
        of("adyen", &adyen),
        of("paypal", &[("order-1", "EUR", "12.10")]),
        of(
            "csv",
            &[
                ("rf-1", "EUR", "12.10"),
                ("rf-2", "JPY", "1000"),
                ("rf-3", "BHD", "0.125"),
            ],
        ),
        // Its only refund came back, so that nothing remains.
        of("camt053", &[("other", "EUR", "1")]),
    ];
    let place = place_with(&ledger.into_iter().flatten().collect::<Vec<_>>());
    let plain = fs::read_to_string(fixture("csv/plain.csv")).unwrap();
    let without_reversal: Vec<&str> = plain.lines().filter(|row| !row.contains("rf-4")).collect();
    let csv = place.file("plain.csv", without_reversal.join("\n"));
    let map = fs::read_to_string(fixture("csv/plain.csv.map")).unwrap();
    let cases = [
        ("stripe", fixture("stripe/activity_1.csv"), "", 4),
        ("adyen", fixture("adyen/settlement_details.csv"), "", 7),
        ("paypal", fixture("paypal/version_011.csv"), "", 1),
        ("camt053", fixture("camt053/version_08.xml"), "", 2),
        ("csv", csv, map.trim(), 3),
    ];
    for (source, statement, map, matched) in cases {
        let mut command = vec!["reconcile", "--source", source, "--org", source];
        command.extend(["--statement", &statement]);
        if !map.is_empty() {
            command.extend(["--map", map]);
        }
        let run = place.run_json(&command);
        let report = run.json();
        assert_eq!(report["source"], source);
        assert_eq!(report["matched"], matched, "{source}: {run:#?}");
        adds_up(&report);
        if source == "camt053" {
            assert_eq!(breaks(&report), ["missing_in_statement other -100 EUR"]);
            run.exits(1);
        } else {
            assert_eq!(breaks(&report), [""; 0], "{source}");
            run.exits(0);
        }
    }
}

/// A ledger and a table with a break of every kind.
fn every_break() -> (Place, String) {
    let late = Refund {
        day: 20,
        ..refund("late", "EUR", "3")
    };
    let place = place_with(&[
        refund("good", "EUR", "12.10"),
        refund("unpaid", "EUR", "7"),
        refund("amount", "EUR", "5"),
        refund("currency", "EUR", "6"),
        late,
        refund("twice", "JPY", "1000"),
        refund("gone", "BHD", "0.125"),
    ]);
    place
        .run(&["delete", "--org", "acme", "--external-id", "gone"])
        .exits(0);
    let statement = place.file(
        "statement.csv",
        table(&[
            "good,,12.10,EUR,2026-03-02",
            "unknown,,4,EUR,2026-03-02",
            "amount,,5.50,EUR,2026-03-02",
            "currency,,6.60,USD,2026-03-02",
            "late,,3,EUR,2026-03-02",
            "twice,,1000,JPY,2026-03-02",
            "twice,,1000,JPY,2026-03-02",
            "gone,,0.125,BHD,2026-03-02",
            "broken,,12,1o,EUR,2026-03-02",
        ]),
    );
    (place, statement)
}

const EVERY_BREAK: [&str; 9] = [
    "missing_in_ledger unknown 400 EUR",
    "missing_in_statement unpaid -700 EUR",
    "amount_mismatch amount 50 EUR",
    "currency_mismatch currency 660 USD",
    "currency_mismatch currency -600 EUR",
    "date_outside_window late 0 EUR",
    "duplicate_in_statement twice 1000 JPY",
    "ledger_refund_deleted gone 125 BHD",
    "unreadable_line - -",
];

#[test]
fn every_kind_of_break_is_found_and_the_sums_add_up() {
    let (place, statement) = every_break();
    let run = reconcile_json(&place, &statement, &[]).exits(1);
    let report = run.json();
    let mut found = breaks(&report);
    found[3..5].sort_by_key(|found| std::cmp::Reverse(found.clone()));
    let mut wanted = EVERY_BREAK.to_vec();
    wanted[3..5].sort_by_key(|found| std::cmp::Reverse(*found));
    assert_eq!(found, wanted);
    assert_eq!(report["incomplete"], true);
    assert_eq!(report["statement"]["lines"], 9);
    assert_eq!(report["statement"]["refund_lines"], 8);
    assert_eq!(report["matched"], 2);
    adds_up(&report);
    assert!(run.stderr.starts_with("unreadable: line 10: "), "{run:#?}");
    assert_eq!(place.root(), place.root(), "the ledger is as it was");
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let (place, statement) = every_break();
    let json = place.path("report.json");
    let json = json.to_str().unwrap();
    let first = reconcile_json(&place, &statement, &["--propose", "--report", json]).exits(1);
    let written = place.read("report.json");
    assert_eq!(
        written.trim_end(),
        first.stdout.trim_end(),
        "one form of JSON everywhere"
    );
    for _ in 0..3 {
        let again = reconcile_json(&place, &statement, &["--propose", "--report", json]).exits(1);
        assert_eq!(again.stdout, first.stdout);
        assert_eq!(place.read("report.json"), written);
    }
    let forms = ["html", "csv", "xlsx"].map(|form| {
        ["r1", "r2"].map(|name| {
            let report = place.path(&format!("{name}.{form}"));
            reconcile(&place, &statement, &["--report", report.to_str().unwrap()]).exits(1);
            fs::read(report).unwrap()
        })
    });
    assert!(forms.iter().all(|[one, other]| one == other));
    let text = place.read("statement.csv");
    let mut rows: Vec<&str> = text.lines().skip(1).collect();
    rows.reverse();
    let reversed = place.file("reversed.csv", table(&rows));
    let unnumbered = |run: &Run| {
        let mut report = run.json();
        for found in report["breaks"].as_array_mut().unwrap() {
            found["line"] = Value::Null;
            found["message"] = Value::Null;
        }
        report
    };
    let reversed = reconcile_json(&place, &reversed, &["--propose"]).exits(1);
    assert_eq!(unnumbered(&reversed), unnumbered(&first));
}

#[test]
fn every_form_of_report_is_written_at_once_and_says_the_same() {
    let (place, statement) = every_break();
    let at = |name: &str| place.path(name).to_str().unwrap().to_owned();
    let (html, csv, json, xlsx) = (at("r.html"), at("r.CSV"), at("r.json"), at("r.xlsx"));
    let (again, before) = (at("again.csv"), place.files());
    let options = [
        "--report", &html, &csv, "--report", &json, "--report", &xlsx, &again,
    ];
    let run = reconcile_json(&place, &statement, &options).exits(1);
    assert_eq!(place.files().len(), before.len() + 5, "{:?}", place.files());
    assert_eq!(place.read("r.json"), run.stdout);
    let rows = place.read("r.CSV");
    assert_eq!(rows.lines().count(), 1 + EVERY_BREAK.len(), "{rows}");
    assert_eq!(place.read("again.csv"), rows, "two files of one form");
    let page = place.read("r.html");
    for expected in ["Refunds of acme", "statement.csv", "refunds.db", "unpaid"] {
        assert!(page.contains(expected), "`{expected}` in the page");
    }
    let workbook = fs::read(place.path("r.xlsx")).unwrap();
    assert!(workbook.starts_with(b"PK\x03\x04"), "a workbook");
}

#[test]
fn a_person_reads_what_agrees_and_what_does_not() {
    let (place, statement) = every_break();
    let run = reconcile(
        &place,
        &statement,
        &["--from", "2026-03-01", "--to", "2026-04-01"],
    );
    let text = run.exits(1).stdout;
    for expected in [
        "from 2026-03-01T00:00:00Z, to before 2026-04-01T00:00:00Z",
        "lines: 9, of them about refunds: 8, matched: 2",
        "-7.00 EUR",
        "0.125 BHD",
        "1000 JPY",
        "2026-03-20",
        "don't agree: 8 breaks",
        "INCOMPLETE: 1 line could not be read, and is in no total",
    ] {
        assert!(text.contains(expected), "`{expected}` in {text}");
    }
    let place = place_with(&[refund("good", "EUR", "12.10")]);
    let agreeing = place.file("agreeing.csv", table(&["good,,12.10,EUR,2026-03-02"]));
    let text = reconcile(&place, &agreeing, &[]).exits(0).stdout;
    assert!(text.ends_with("statement and ledger agree\n"), "{text}");
}

#[test]
fn a_terminal_is_shown_no_more_of_each_kind_than_it_can_bear() {
    let place = place_with(&[refund("good", "EUR", "12.10")]);
    let rows: Vec<String> = (1..=40)
        .map(|n| format!("x-{n:02},,{n},EUR,2026-03-02"))
        .chain((1..=14).map(|n| format!("bad-{n},,nothing,EUR,2026-03-02")))
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let statement = place.file("statement.csv", table(&rows));
    let run = reconcile(&place, &statement, &[]).exits(1);
    assert!(
        run.stdout.contains("x-40") && !run.stdout.contains("x-35"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("and 35 more"), "{}", run.stdout);
    assert!(
        run.stdout.contains("INCOMPLETE: 14 lines"),
        "{}",
        run.stdout
    );
    assert_eq!(run.stderr.lines().count(), 11, "{}", run.stderr);
    assert!(
        run.stderr.contains("unreadable: 4 more lines"),
        "{}",
        run.stderr
    );
    let report = reconcile_json(&place, &statement, &[]).exits(1).json();
    assert_eq!(
        report["breaks"].as_array().unwrap().len(),
        55,
        "all are in the report"
    );
}

#[test]
fn what_a_statement_says_can_not_act_on_a_terminal() {
    let place = place_with(&[refund("good", "EUR", "12.10")]);
    let statement = place.file(
        "statement.csv",
        table(&[
            "\u{1b}[2Jx,,1,EUR,2026-03-02",
            "y,,\u{1b}[2J,EUR,2026-03-02",
        ]),
    );
    let run = reconcile(&place, &statement, &[]).exits(1);
    assert!(
        !run.stdout.contains('\u{1b}') && !run.stderr.contains('\u{1b}'),
        "{run:#?}"
    );
}

#[test]
fn only_the_period_counts() {
    let place = place_with(&[refund("in", "EUR", "1"), {
        Refund {
            day: 25,
            ..refund("out", "EUR", "2")
        }
    }]);
    let statement = place.file(
        "statement.csv",
        table(&["in,,1,EUR,2026-03-02", "late,,9,EUR,2026-03-28"]),
    );
    reconcile(&place, &statement, &[]).exits(1);
    for to in [
        "2026-03-10",
        "2026-03-10T00:00:00Z",
        "2026-03-10T01:00:00+01:00",
    ] {
        let period = ["--from", "2026-03-01", "--to", to];
        let report = reconcile_json(&place, &statement, &period).exits(0).json();
        assert_eq!(report["totals"]["EUR"]["statement_minor"], 100, "{to}");
        assert_eq!(report["statement"]["refund_lines"], 2, "{to}");
    }
    let from = ["--from", "2026-03-10"];
    let report = reconcile_json(&place, &statement, &from).exits(1).json();
    assert_eq!(
        breaks(&report),
        [
            "missing_in_ledger late 900 EUR",
            "missing_in_statement out -200 EUR",
        ]
    );
}

#[test]
fn tolerance_window_and_proposals() {
    let place = place_with(&[refund("a", "EUR", "10"), refund("b", "EUR", "3")]);
    let statement = place.file(
        "statement.csv",
        table(&["a,,10.02,EUR,2026-03-02", "other,,3,EUR,2026-03-09"]),
    );
    let report = reconcile_json(&place, &statement, &["--tolerance-minor", "2"])
        .exits(1)
        .json();
    assert_eq!(report["totals"]["EUR"]["tolerated_minor"], 2);
    assert_eq!(report["matched"], 1);
    adds_up(&report);
    assert_eq!(report["proposals"], json!([]));

    let wide = ["--window-days", "7", "--propose"];
    let report = reconcile_json(&place, &statement, &wide).exits(1).json();
    assert_eq!(report["proposals"][0]["key"], "other");
    assert_eq!(
        report["breaks"].as_array().unwrap().len(),
        3,
        "proposals change no break"
    );
    let text = reconcile(&place, &statement, &wide).exits(1).stdout;
    assert!(
        text.contains("proposals, which may belong together"),
        "{text}"
    );
    let narrow = ["--window-days", "6", "--propose"];
    let report = reconcile_json(&place, &statement, &narrow).exits(1).json();
    assert_eq!(report["proposals"], json!([]));
}

#[test]
fn a_statement_may_come_from_standard_input() {
    let place = place_with(&[refund("a", "EUR", "10")]);
    let run = place
        .run_with_input(&of_table("-"), table(&["a,,10,EUR,2026-03-02"]))
        .exits(0);
    assert!(run.stdout.contains("standard input"), "{run:#?}");
    let both = [&of_table("-")[..], &["--keys", "-"]].concat();
    let run = place.run_with_input(&both, "re_1,a\n").exits(2);
    assert!(run.stderr.contains("can't both be"), "{run:#?}");
}

#[test]
fn keys_say_what_references_stand_for() {
    let place = place_with(&[refund("a", "EUR", "10"), refund("b, c", "EUR", "3")]);
    let statement = place.file(
        "statement.csv",
        table(&["re_1,,10,EUR,2026-03-02", "re_2,,3,EUR,2026-03-02"]),
    );
    reconcile(&place, &statement, &[]).exits(1);
    for (name, keys) in [
        ("plain.csv", "re_1,a\nre_2,\"b, c\"\n"),
        (
            "header.csv",
            "\u{feff}reference,external id\r\nre_1,a\r\n\r\n re_2 , \"b, c\"\r\n",
        ),
        ("twice.csv", "re_1,a\nre_2,\"b, c\"\nre_1,a"),
        ("semicolons.csv", "re_1;a\nre_2;b, c\n"),
        ("tabs.csv", "re_1\ta\nre_2\tb, c\n"),
    ] {
        // A quote counts only where its cell begins.
        let keys = place.file(name, keys.replace(" \"", "\""));
        reconcile(&place, &statement, &["--keys", &keys]).exits(0);
    }
    for (name, keys, expected) in [
        (
            "one.csv",
            "re_1,a\n\nre_2\n",
            "line 3: it has one cell, not two",
        ),
        ("three.csv", "re_1,a,b\n", "line 1: it has 3 cells, not two"),
        ("bar.csv", "re_1|a\n", "separated by a comma"),
        (
            "reference.csv",
            "re_1,a\n,b\n",
            "line 2: the provider's reference is empty",
        ),
        ("id.csv", "re_1,a\nre_2,\n", "line 2: `` is no external id"),
        (
            "both.csv",
            "re_1,a\nre_2,b\nre_1,c\n",
            "line 3: the reference `re_1` stands for two external ids, `a` and `c`",
        ),
        (
            "quote.csv",
            "re_1,a\nre_2,\"b\nre_3,c\n",
            "line 2: a quote that opens here is not closed",
        ),
    ] {
        let keys = place.file(name, keys);
        let run = reconcile(&place, &statement, &["--keys", &keys]).exits(2);
        assert!(
            run.stdout.is_empty() && run.stderr.contains(name),
            "{run:#?}"
        );
        run.tells(expected);
    }
    let run = reconcile(&place, &statement, &["--keys", "nowhere.csv"]).exits(2);
    run.tells("`nowhere.csv` can't be read");
}

#[test]
fn a_ledger_of_several_orgs_needs_one_named() {
    let of = |org| Refund {
        org,
        ..refund("a", "EUR", "10")
    };
    let place = place_with(&[of("acme"), of("globex"), of("initech")]);
    let statement = place.file("statement.csv", table(&["a,,10,EUR,2026-03-02"]));
    let run = reconcile_json(&place, &statement, &[]).exits(2);
    let message = run.json_error()["message"].as_str().unwrap().to_owned();
    assert!(
        message.contains(
            "`acme`, `globex`, `initech`; say which one the statement is about, with `--org`"
        ),
        "{message}"
    );
    let run = reconcile(&place, &statement, &["--org", "globex"]).exits(0);
    assert!(run.stdout.contains("`globex`"), "{run:#?}");
    let run = reconcile(&place, &statement, &["--org", "acm"]).exits(2);
    run.tells("no movements of the org `acm`; it holds `acme`");

    let orgs: Vec<String> = (0..30).map(|n| format!("org-{n:02}")).collect();
    let place = place_with(&orgs.iter().map(|org| of(org.as_str())).collect::<Vec<_>>());
    let statement = place.file("statement.csv", table(&["a,,10,EUR,2026-03-02"]));
    let run = reconcile(&place, &statement, &[]).exits(2);
    run.tells("`org-09`, others; say");
    reconcile(&place, &statement, &["--org", "org-29"]).exits(0);
}

#[test]
fn a_ledger_without_movements_agrees_with_nothing() {
    let place = Place::with(&[]);
    let empty = place.file("empty.csv", format!("{HEADER}\n"));
    let run = reconcile(&place, &empty, &[]).exits(0);
    assert!(
        run.stdout.ends_with("there was nothing to compare\n"),
        "{run:#?}"
    );
    let statement = place.file("statement.csv", table(&["a,,10,EUR,2026-03-02"]));
    let report = reconcile_json(&place, &statement, &[]).exits(1).json();
    assert_eq!(breaks(&report), ["missing_in_ledger a 1000 EUR"]);
    let run = reconcile(&place, &statement, &["--org", "acme"]).exits(2);
    run.tells("it is empty");
}

#[test]
fn a_ledger_that_is_not_there_is_not_made() {
    let place = Place::new();
    let statement = place.file("statement.csv", table(&["a,,10,EUR,2026-03-02"]));
    let report = place.path("report.json");
    let options = ["--report", report.to_str().unwrap()];
    let run = reconcile(&place, &statement, &options).exits(2);
    run.tells("there is no ledger at");
    assert_eq!(place.files(), ["statement.csv"]);
}

#[test]
fn statements_that_say_nothing_are_refused() {
    let place = place_with(&[refund("a", "EUR", "10")]);
    let before = place.files();
    let cases = [
        ("stripe", fixture("stripe/refused_empty.csv"), "is empty"),
        ("stripe", fixture("stripe/refused_binary.csv"), "no text"),
        (
            "stripe",
            fixture("stripe/refused_other_table.csv"),
            "stripe/refused_other_table.csv",
        ),
        (
            "adyen",
            fixture("adyen/refused_stripe.csv"),
            "adyen/refused_stripe.csv",
        ),
        (
            "paypal",
            fixture("paypal/refused_other.csv"),
            "paypal/refused_other.csv",
        ),
        (
            "camt053",
            fixture("camt053/refused_dtd.xml"),
            "document type declaration",
        ),
        ("camt053", fixture("camt053/refused_entity.xml"), "entity"),
        (
            "stripe",
            place.path("nowhere.csv").to_str().unwrap().to_owned(),
            "can't be read",
        ),
        (
            "stripe",
            place.folder().to_str().unwrap().to_owned(),
            "can't be read",
        ),
    ];
    let report = place.path("report.json");
    for (source, statement, expected) in cases {
        let command = [
            "reconcile",
            "--source",
            source,
            "--statement",
            &statement,
            "--report",
            report.to_str().unwrap(),
        ];
        let run = place.run(&command).exits(2);
        assert!(run.stdout.is_empty(), "{run:#?}");
        run.tells(expected);
        assert_eq!(place.files(), before, "no report, nor a part of one");
        place.run_json(&command).exits(2).json_error();
    }
}

#[test]
fn options_that_can_not_be_are_refused() {
    let place = place_with(&[refund("a", "EUR", "10")]);
    let statement = place.file("statement.csv", table(&["a,,10,EUR,2026-03-02"]));
    for (options, expected) in [
        (
            &["--from", "2026-03-02", "--to", "2026-03-02"][..],
            "must begin before it ends",
        ),
        (
            &["--from", "2026-03-02", "--to", "2026-03-01"],
            "must begin before it ends",
        ),
        (&["--from", "2026-02-30"], "`2026-03-01`"),
        (&["--to", "yesterday"], "`2026-03-01`"),
        (&["--tolerance-minor", "1.5"], "--tolerance-minor"),
        (&["--window-days", "1.5"], "--window-days"),
        (&["--format", "csv"], "--format json"),
    ] {
        let run = reconcile(&place, &statement, options).exits(2);
        run.tells(expected);
    }
    for (source, map, expected) in [
        (
            "csv",
            "key=Ref",
            "map: a table needs the column of the amount",
        ),
        ("csv", "amuont=Amount", "map: `amuont` is not known"),
        (
            "csv",
            "amount=Sum,currency=Currency,date=Date",
            "no column `Sum`",
        ),
        ("stripe", "amount=gross", "can't be changed for stripe"),
        (
            "Stripe",
            "key=x",
            "must be stripe, adyen, paypal, camt053 or csv",
        ),
    ] {
        let command = [
            "reconcile",
            "--source",
            source,
            "--map",
            map,
            "--statement",
            &statement,
        ];
        let run = place.run(&command).exits(2);
        run.tells(expected);
    }
    place.run(&["reconcile", "--source", "csv"]).exits(2);
    place
        .run(&["reconcile", "--statement", &statement])
        .exits(2);
    let run = place
        .run(&["reconcile", "--source", "csv", "--statement", &statement])
        .exits(2);
    run.tells("map: a table needs");
}

#[test]
fn report_files_that_can_not_be_are_refused_before_anything_is_read() {
    let (place, statement) = every_break();
    fs::create_dir(place.path("folder.json")).unwrap();
    fs::create_dir(place.path("other")).unwrap();
    place.file("old.json", "old");
    let keys = place.file("keys.json", "re_1,a\n");
    let at = |name: &str| place.path(name).to_str().unwrap().to_owned();
    let before = place.files();
    for (reports, expected) in [
        (vec![at("report.txt")], "must end in"),
        (vec![at("report")], "must end in"),
        (vec![at(".json")], "must end in"),
        (vec![at("a.json"), at("a.json")], "two reports would go to"),
        (
            vec![at("a.json"), at("other/../a.json")],
            "two reports would go to",
        ),
        (vec![at("a.json"), at("folder.json")], "can't be written"),
        (vec![at("a.json"), at("missing/b.json")], "can't be written"),
        (vec![keys.clone()], "is being read"),
    ] {
        // Nobody has written to the pipe that the statement would come from.
        let mut options = vec!["--keys", &keys];
        for report in &reports {
            options.extend(["--report", report]);
        }
        let run = reconcile(&place, "-", &options).exits(2);
        run.tells(expected);
        assert!(run.stdout.is_empty(), "{run:#?}");
        assert_eq!(place.files(), before, "{reports:?}");
    }
    let ledger = place.path("ledger.json");
    fs::copy(place.ledger(), &ledger).unwrap();
    let ledger = ledger.to_str().unwrap();
    let run = Run::of(
        std::process::Command::new(crate::harness::REFUNDS)
            .args(of_table(&statement))
            .args(["--ledger", ledger, "--report", ledger])
            .output()
            .unwrap(),
    );
    assert!(run.exits(2).stderr.contains("belongs to the ledger"));

    // What was there stays until the new report is complete.
    let old = at("old.json");
    let missing = at("nowhere.csv");
    reconcile(&place, &missing, &["--report", &old]).exits(2);
    assert_eq!(place.read("old.json"), "old");
    reconcile(&place, &statement, &["--report", &old]).exits(1);
    assert!(place.read("old.json").starts_with("{\"source\":\"csv\""));
}

#[test]
fn damage_to_the_ledger_is_told() {
    let place = place_with(&[refund("a", "EUR", "10")]);
    let statement = place.file("statement.csv", table(&["a,,10,EUR,2026-03-02"]));
    let file = rusqlite::Connection::open(place.ledger()).unwrap();
    file.execute("UPDATE refunds SET currency = 'XXZ'", ())
        .unwrap();
    drop(file);
    let error = reconcile_json(&place, &statement, &[])
        .exits(2)
        .json_error();
    assert_eq!(error["code"], "store_corrupted", "{error}");
}

#[test]
fn a_statement_whose_dates_are_all_ambiguous_is_refused() {
    let place = place_with(&[refund("a", "EUR", "10")]);
    let statement = place.file("statement.csv", table(&["a,,10,EUR,03/04/2026"]));
    let run = reconcile(&place, &statement, &["--report", "report.html"]).exits(2);
    assert!(
        run.stderr.contains("line 2: `Date` is `03/04/2026`")
            && run.stderr.contains("`date_format=%d/%m/%Y`"),
        "{run:#?}"
    );
    assert!(run.stdout.is_empty() && !place.path("report.html").exists());
}

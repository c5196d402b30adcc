//! Whatever a command prints about a file, it prints about a server, but for what differs from one
//! time to the next.

use std::collections::BTreeMap;
use std::fs;

use serde_json::json;

use super::{new_url, shown};
use crate::harness::{MOVEMENT, Place, REFUND, Run, movement, refund};

/// Two ledgers that are treated alike.
struct Two {
    file: Place,
    server: Place,
    url: String,
}

/// What one of them shows, for comparing.
struct Shown {
    run: Run,
    text: String,
}

impl Two {
    fn new() -> Self {
        let url = new_url();
        Self {
            file: Place::new(),
            server: Place::on_server(&url),
            url,
        }
    }

    /// Runs the command on both, and sees that both come to the same; answers the exit code.
    #[track_caller]
    fn run(&self, arguments: &[&str]) -> i32 {
        self.run_each(|_| arguments.iter().map(|text| (*text).to_owned()).collect())
    }

    /// The same for a command that differs, as ids do.
    #[track_caller]
    fn run_each(&self, arguments: impl Fn(&Place) -> Vec<String>) -> i32 {
        let run = |place: &Place| {
            let arguments = arguments(place);
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let run = place.run(&arguments);
            let text = format!("{}--\n{}", run.stdout, run.stderr);
            Shown {
                text: self.comparable(&text),
                run,
            }
        };
        let (file, server) = (run(&self.file), run(&self.server));
        let what = arguments(&self.file);
        assert_eq!(
            file.run.code, server.run.code,
            "{what:?}: {:#?}",
            server.run
        );
        assert_eq!(file.text, server.text, "{what:?}");
        file.run.code
    }

    /// The text without what is of this one place and moment.
    fn comparable(&self, text: &str) -> String {
        let mut text = text
            .replace(&shown(&self.url), "LEDGER")
            .replace(self.file.ledger().to_str().unwrap(), "LEDGER");
        for place in [&self.file, &self.server] {
            text = text.replace(place.folder().to_str().unwrap(), "FOLDER");
        }
        timeless(&text)
    }
}

/// The text with ids numbered, and without hashes, salts, cursors and times of today. Widths of tables
/// follow them, so runs of spaces and of lines count once.
fn timeless(text: &str) -> String {
    let mut ids = BTreeMap::new();
    let mut shown = String::new();
    let mut word = String::new();
    for character in text.chars().chain(['\n']) {
        if character.is_ascii_alphanumeric() || "-_.:".contains(character) {
            word.push(character);
            continue;
        }
        shown.push_str(&timeless_word(&word, &mut ids));
        word.clear();
        if !(matches!(character, ' ' | '─' | '═') && shown.ends_with(character)) {
            shown.push(character);
        }
    }
    shown
}

fn timeless_word(word: &str, ids: &mut BTreeMap<String, usize>) -> String {
    let is_id = word.len() == 36 && word.split('-').map(str::len).eq([8, 4, 4, 4, 12]);
    if is_id {
        let next = ids.len() + 1;
        let number = ids.entry(word.to_owned()).or_insert(next);
        return format!("ID{number}");
    }
    // The examples are of 2022.
    let is_now = word.ends_with('Z')
        && word.contains('T')
        && word
            .get(..4)
            .is_some_and(|year| ("2026".."9999").contains(&year));
    if is_now {
        return "NOW".into();
    }
    let is_long = word.len() >= 24
        && word.contains(|c: char| c.is_ascii_digit())
        && word
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if is_long {
        "LONG".into()
    } else {
        word.to_owned()
    }
}

#[test]
fn what_differs_by_the_moment_is_left_out_and_nothing_else() {
    assert_eq!(timeless("╞═══╪══╡  ─── x"), "╞═╪═╡ ─ x\n");
    let text = "0191d9a0-0000-7000-8000-000000000001  at 2026-11-29T17:53:36.5Z, \
                0191d9a0-0000-7000-8000-000000000002 0191d9a0-0000-7000-8000-000000000001 \
                2022-02-24T13:45:10Z 12.10 \"root\":\"00ff00ff00ff00ff00ff00ff00ff00ff\"";
    assert_eq!(
        timeless(text),
        "ID1 at NOW, ID2 ID1 2022-02-24T13:45:10Z 12.10 \"root\":\"LONG\"\n"
    );
}

/// Every form of a command's output.
const FORMATS: [&str; 2] = ["human", "json"];

/// Finds a refund's id by its external id.
fn id_of(place: &Place, external_id: &str) -> String {
    let refunds = place.refunds();
    let found = refunds
        .iter()
        .find(|refund| refund["external_refund_unique_id"] == external_id);
    found.unwrap()["id"].as_str().unwrap().to_owned()
}

const SCOPE: [&str; 6] = [
    "--org",
    "acme",
    "--subscription",
    "sub-7",
    "--movement",
    "mov-42",
];

/// The content of a refund from flags.
const CONTENT: [&str; 8] = [
    "--refund-datetime",
    "2022-03-01T00:00:00Z",
    "--value-with-taxes",
    "2.50",
    "--billable",
    "true",
    "--description",
    "Ein Tag\u{1b}[2J ohne Netz",
];

fn with<'a>(start: &[&'a str], rest: &[&'a str]) -> Vec<&'a str> {
    [start, rest].concat()
}

#[test]
fn every_command_answers_about_a_server_as_about_a_file() {
    let two = Two::new();
    commands_need_a_ledger(&two);
    imports_are_the_same(&two);
    single_commands_are_the_same(&two);
    reads_are_the_same(&two);
}

/// Those that change a refund or movement make no ledger.
fn commands_need_a_ledger(two: &Two) {
    let refund = ["--external-id", "x", "--org", "acme"];
    for arguments in [
        with(&["create", "--external-id", "x"], &with(&SCOPE, &CONTENT)),
        with(&["update"], &with(&refund, &CONTENT)),
        with(&["delete"], &refund),
        with(&["void-movement"], &SCOPE),
    ] {
        let run = two.server.run(&arguments).exits(2);
        assert!(run.stderr.contains("there is no ledger"), "{run:?}");
    }
}

/// Files in every way.
fn imports_are_the_same(two: &Two) {
    let file = |name: &str, content: &str| two.file.file(name, content);
    // With lines that are refused, one that is no line, and one that is repeated.
    let lines = file(
        "lines.jsonl",
        &[
            MOVEMENT,
            REFUND,
            REFUND,
            &movement("m-1"),
            &refund("m-1", "r-1", "3"),
            &refund("m-1", "r-2", "8"),
            &refund("m-9", "r-3", "1"),
            "{",
            "",
        ]
        .join("\n"),
    );
    let rejects = two.file.path("rejects.jsonl");
    assert_eq!(two.run(&["import", "--dry-run", &lines]), 1);
    assert_eq!(
        two.run(&["import", "--dry-run", &lines, "--format", "json"]),
        1
    );
    let run = two.server.run(&["list"]).exits(2);
    assert!(
        run.stderr.contains("there is no ledger"),
        "a dry run makes none; {run:?}"
    );
    let mut rejected = Vec::new();
    for format in FORMATS {
        let import = ["import", &lines, "--format", format, "--rejects"];
        assert_eq!(two.run(&with(&import, &[rejects.to_str().unwrap()])), 1);
        rejected.push(fs::read_to_string(&rejects).unwrap());
    }
    assert_eq!(rejected[0], rejected[1]);
    assert_eq!(two.run(&["import", "--dry-run", &lines]), 1);
    assert_eq!(two.run(&["import", "--atomic", &lines]), 1);
    let good = file(
        "good.jsonl",
        &[movement("m-2"), refund("m-2", "r-4", "10")].join("\n"),
    );
    assert_eq!(
        two.run(&["import", "--atomic", &good, "--format", "json"]),
        0
    );
    let csv = file(
        "lines.csv",
        "op,org_id,subscription_id,movement_id,external_refund_unique_id,refund_datetime,\
         amount.value_with_taxes,billable,description\n\
         create_refund,acme,sub,m-1,csv-1,2022-03-01T00:00:00Z,1.25,true,=1+1\n\
         create_refund,acme,sub,m-1,csv-2,2022-03-01T00:00:00Z,1.255,true,too fine\n",
    );
    assert_eq!(two.run(&["import", "--csv", &csv]), 1);
}

/// One command from flags.
fn single_commands_are_the_same(two: &Two) {
    let record = with(
        &["record-movement"],
        &with(
            &SCOPE,
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
            ],
        ),
    );
    assert_eq!(two.run(&with(&record, &["February"])), 0, "a replay");
    assert_eq!(two.run(&with(&record, &["March"])), 1, "other content");
    let create = with(&["create", "--external-id", "c-1"], &with(&SCOPE, &CONTENT));
    for format in FORMATS {
        assert_eq!(two.run(&with(&create, &["--format", format])), 0);
    }
    let too_much = with(&["create", "--external-id", "c-2"], &SCOPE);
    let too_much = with(
        &too_much,
        &["--value-with-taxes", "120", "--billable", "true"],
    );
    let too_much = with(
        &too_much,
        &[
            "--refund-datetime",
            "2022-03-01T00:00:00Z",
            "--description",
            "all",
        ],
    );
    for format in FORMATS {
        assert_eq!(two.run(&with(&too_much, &["--format", format])), 1);
    }
    let goods = [
        "create",
        "--kind",
        "non-subscribable",
        "--idempotency-key",
        "k-1",
        "--transaction-type",
        "t-1",
    ];
    assert_eq!(two.run(&with(&goods, &with(&SCOPE, &CONTENT))), 0);
    let update = |place: &Place| -> Vec<String> {
        let id = id_of(place, "c-1");
        with(&["update", &id, "--expected-revision", "1"], &CONTENT[..6])
            .into_iter()
            .chain(["--description", "two"])
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(two.run_each(update), 0);
    let delete = ["delete", "--external-id", "c-1", "--org", "acme"];
    assert_eq!(two.run(&with(&delete, &["--expected-revision", "7"])), 1);
    assert_eq!(two.run(&with(&delete, &["--actor", "ana"])), 0);
    assert_eq!(two.run(&delete), 1, "it is deleted");
    for format in FORMATS {
        let erase = ["erase-text", "--external-id", "r-1", "--org", "acme"];
        assert_eq!(two.run(&with(&erase, &["--format", format])), 0);
    }
    assert_eq!(two.run(&with(&["erase-text"], &SCOPE)), 0);
    assert_eq!(
        two.run(&with(&["void-movement"], &SCOPE)),
        1,
        "it has refunds"
    );
    let empty = two.file.file("empty.jsonl", movement("m-3"));
    assert_eq!(two.run(&["import", &empty]), 0);
    let void = ["void-movement", "--org", "acme", "--subscription", "sub"];
    assert_eq!(two.run(&with(&void, &["--movement", "m-3"])), 0);
}

/// Every command that reads, in every format that it has.
fn reads_are_the_same(two: &Two) {
    for format in ["human", "json", "jsonl", "csv"] {
        let list = ["list", "--include-deleted", "--format", format];
        assert_eq!(two.run(&list), 0);
        assert_eq!(two.run(&with(&list, &["--limit", "2"])), 0);
    }
    for filter in [
        &["--org", "acme", "--subscription", "sub"][..],
        &["--movement", "mov-42", "--kind", "non-subscribable"],
        &[
            "--from",
            "2022-03-01T00:00:00Z",
            "--to",
            "2022-03-02T00:00:00Z",
        ],
        &["--external-id", "r-4"],
        &["--invoice", "inv-9"],
        &["--billable", "true"],
        &["--org", "nobody"],
    ] {
        assert_eq!(two.run(&with(&["list", "--format", "json"], filter)), 0);
    }
    for format in ["human", "json", "jsonl"] {
        assert_eq!(two.run(&["movements", "--format", format]), 0);
        assert_eq!(
            two.run(&["movements", "--limit", "1", "--format", format]),
            0
        );
        assert_eq!(two.run(&["journal", "--after", "3", "--format", format]), 0);
        assert_eq!(two.run(&["export", "--format", format]), 0);
    }
    for format in FORMATS {
        let id = |command: &'static str, external_id: &'static str| {
            move |place: &Place| {
                let id = id_of(place, external_id);
                [command, &id, "--format", format]
                    .map(str::to_owned)
                    .to_vec()
            }
        };
        assert_eq!(two.run_each(id("show", "987654321")), 0);
        assert_eq!(two.run_each(id("show", "c-1")), 0, "a deleted one");
        assert_eq!(two.run_each(id("history", "c-1")), 0);
        assert_eq!(two.run_each(id("history", "r-1")), 0, "an erased one");
        let nobody = "0191d9a0-0000-7000-8000-000000000001";
        assert_eq!(two.run(&["show", nobody, "--format", format]), 1);
        let balance = with(&["balance", "--format", format], &SCOPE);
        assert_eq!(two.run(&balance), 0);
        assert_eq!(two.run(&["totals", "--format", format]), 0);
        assert_eq!(two.run(&["verify", "--format", format]), 0);
        assert_eq!(two.run(&["head", "--format", format]), 0);
    }
    for place in [&two.file, &two.server] {
        let head = place.run(&["head"]).exits(0).stdout;
        let head = place.file("head.json", head);
        place.run(&["verify", "--head", &head]).exits(0);
        let file = place.path("export.jsonl");
        let file = file.to_str().unwrap();
        place.run(&["export", "--output", file]).exits(0);
        assert_eq!(
            fs::read_to_string(file).unwrap(),
            place.run(&["export"]).stdout
        );
    }
}

#[test]
fn a_reconciliation_of_a_server_is_that_of_a_file_but_for_the_ledgers_name() {
    let two = Two::new();
    let lines = [
        MOVEMENT.to_owned(),
        REFUND.to_owned(),
        movement("m-1"),
        refund("m-1", "r-1", "3"),
        refund("m-1", "r-2", "4"),
    ]
    .join("\n");
    let lines = two.file.file("lines.jsonl", lines);
    assert_eq!(two.run(&["import", &lines]), 0);
    let statement = two.file.file(
        "statement.csv",
        "Key,Amount,Currency,Date\n\
         987654321,12.10,EUR,2022-02-24\n\
         r-1,3.50,EUR,2022-03-01\n\
         r-9,1.00,EUR,2022-03-01\n",
    );
    let reconcile = |place: &Place, format: &str| -> Vec<String> {
        [
            "reconcile",
            "--source",
            "csv",
            "--map",
            "key=Key,amount=Amount,currency=Currency,date=Date",
            "--statement",
            &statement,
            "--propose",
            "--format",
            format,
            "--report",
            place.path("report.json").to_str().unwrap(),
            place.path("report.csv").to_str().unwrap(),
            place.path("report.html").to_str().unwrap(),
        ]
        .map(str::to_owned)
        .to_vec()
    };
    for format in FORMATS {
        assert_eq!(two.run_each(|place| reconcile(place, format)), 1);
        for name in ["report.json", "report.csv", "report.html"] {
            let [file, server] = [&two.file, &two.server].map(|place| {
                let report = place.read(name).replace("refunds.db", "LEDGER");
                two.comparable(&report)
            });
            assert_eq!(file, server, "{name}");
        }
    }
    let page = two.server.read("report.html");
    assert!(page.contains(&shown(&two.url)), "the page names the ledger");
    // A report never takes the place of what is being read, wherever the ledger is.
    let over = ["reconcile", "--source", "csv", "--statement", &statement];
    two.server
        .run(&with(
            &over,
            &["--map", "amount=Amount", "--report", &statement],
        ))
        .exits(2);
}

#[test]
fn the_demo_on_a_server_is_the_demo_but_for_ids_times_and_the_place() {
    for format in FORMATS {
        let url = new_url();
        let (file, server) = (Place::new(), Place::on_server(&url));
        let demo = |place: &Place| {
            let folder = place.path("demo");
            let run = place
                .run(&[
                    "demo",
                    "--dir",
                    folder.to_str().unwrap(),
                    "--format",
                    format,
                ])
                .exits(0);
            let path = folder.join("refunds.db");
            let text = run
                .stdout
                .replace(&format!("--postgres '{}'", shown(&url)), "--OPTION")
                .replace(&format!("--ledger {}", path.display()), "--OPTION")
                .replace(&shown(&url), "LEDGER")
                .replace(path.to_str().unwrap(), "LEDGER")
                .replace(folder.to_str().unwrap(), "FOLDER");
            let page = place.read("demo/reconciliation.html");
            let page = page
                .replace(&shown(&url), "LEDGER")
                .replace("refunds.db", "LEDGER");
            let statement = place.read("demo/statement.csv");
            (timeless(&text), timeless(&page), statement, run.stderr)
        };
        assert_eq!(demo(&file), demo(&server), "{format}");
        assert!(
            !server.path("demo/refunds.db").exists(),
            "the ledger is on the server alone"
        );
        assert_eq!(server.refunds().len(), 10);
        server.root();
        let run = server.run(&["demo"]).exits(2);
        assert!(
            run.stderr.contains("is not empty") && run.stderr.contains(&shown(&url)),
            "examples stay out of a ledger that is in use; {run:?}"
        );
        assert_eq!(server.refunds().len(), 10, "nothing was added");
    }
}

#[test]
fn the_demo_stays_out_of_a_server_that_only_the_environment_names() {
    let url = new_url();
    let place = Place::new();
    let folder = place.path("demo");
    let output = std::process::Command::new(crate::harness::REFUNDS)
        .args(["demo", "--format", "json", "--dir"])
        .arg(&folder)
        .env("REFUNDS_POSTGRES", &url)
        .env_remove("REFUNDS_LEDGER")
        .output()
        .unwrap();
    let demo = Run::of(output).exits(0).json();
    assert_eq!(demo["ledger"], json!(folder.join("refunds.db")));
    let run = Place::on_server(&url).run(&["list"]).exits(2);
    assert!(run.stderr.contains("there is no ledger"), "{run:?}");
}

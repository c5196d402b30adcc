//! What a machine runs out of: memory, disk, permissions.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::harness::{MOVEMENT, Place, REFUND, REFUNDS, Run, movement, refund};

/// Runs the binary under a limit of the shell.
fn limited(place: &Place, limit: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("{limit}; exec \"$@\""))
        .args(["sh", REFUNDS])
        .args(arguments)
        .arg("--ledger")
        .arg(place.ledger())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn a_line_larger_than_memory_is_one_reject_and_the_import_goes_on() {
    for arguments in [
        &["import", "-", "--format", "json"][..],
        &["import", "--csv", "-", "--format", "json"],
    ] {
        let place = Place::new();
        let csv = arguments.contains(&"--csv");
        // 256 MiB of a line in 160 MiB of address space.
        let mut child = limited(&place, "ulimit -v 163840", arguments)
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let (first, last) = if csv {
            (
                "op,org_id,subscription_id,movement_id\n\"".into(),
                "\"\nvoid_movement,a,s,m\n".into(),
            )
        } else {
            (format!("{MOVEMENT}\n"), format!("\n{REFUND}\n"))
        };
        input.write_all(first.as_bytes()).unwrap();
        let chunk = vec![b'x'; 1 << 20];
        for _ in 0..256 {
            input.write_all(&chunk).unwrap();
        }
        input.write_all(last.as_bytes()).unwrap();
        drop(input);
        let run = Run::of(child.wait_with_output().unwrap()).exits(1);
        let expected = if csv {
            json!({"lines": 2, "applied": 0, "replayed": 0, "rejected": 2})
        } else {
            json!({"lines": 3, "applied": 2, "replayed": 0, "rejected": 1})
        };
        assert_eq!(run.json(), expected);
        assert!(
            run.stderr.contains("malformed_request") && run.stderr.contains("26843545"),
            "{run:?}"
        );
    }
}

#[test]
fn a_full_disk_stops_with_a_clear_error_and_a_retry_books_once() {
    let place = Place::new();
    let mut lines = vec![movement("m-0")];
    for n in 0..4_000 {
        if n % 1_000 == 0 {
            lines.push(movement(&format!("m-{n}")));
        }
        lines.push(refund(
            &format!("m-{}", n / 1_000 * 1_000),
            &format!("r-{n}"),
            "0.01",
        ));
    }
    let file = place.file("lines.jsonl", lines.join("\n"));
    let rejects = place.path("rejects");
    let arguments = [
        "import",
        &file,
        "--format",
        "json",
        "--rejects",
        rejects.to_str().unwrap(),
    ];
    // A file may have no more than 512 KiB: as good as a full disk.
    let run = Run::of(
        limited(&place, "ulimit -f 1024", &arguments)
            .output()
            .unwrap(),
    )
    .exits(2);
    let error = run.json_error();
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("the import stopped after "), "{error}");
    assert!(!rejects.exists(), "rejects are complete or not there");

    place.root();
    let booked = place.refunds().len();
    assert!(booked < 4_000, "the limit was met");
    let again = place.run_json(&["import", &file]).exits(0).json();
    assert_eq!(again["lines"], 4_005);
    assert_eq!(again["rejected"], 0);
    assert!(again["replayed"].as_u64().unwrap() >= booked as u64);
    assert_eq!(place.refunds().len(), 4_000);
    place.root();
}

#[test]
fn a_full_disk_leaves_nothing_of_a_ledger_that_was_being_rebuilt() {
    let mut lines = vec![movement("m")];
    lines.extend((0..1_000).map(|n| refund("m", &format!("r-{n}"), "0.01")));
    let place = Place::with(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let copy = Place::new();
    let file = copy.file("export.jsonl", place.run(&["export"]).exits(0).stdout);
    let arguments = ["import", "--preserve", &file];
    let limit = "ulimit -f 256";
    Run::of(limited(&copy, limit, &arguments).output().unwrap()).exits(2);
    assert_eq!(copy.files(), ["export.jsonl"], "nothing stays");
    copy.run(&arguments).exits(0);
    assert_eq!(copy.root(), place.root(), "with room it works");
}

#[test]
fn a_full_disk_leaves_the_reports_that_were_there() {
    let place = Place::with_samples();
    let rows = (0..600).map(|n| format!("x-{n},1,EUR,2022-02-24\n"));
    let rows: String = rows.collect();
    let statement = place.file("statement.csv", format!("Ref,Amount,Currency,Date\n{rows}"));
    let files = ["r.csv", "r.html", "r.json"].map(|name| place.file(name, "old"));
    let mut arguments = vec!["reconcile", "--source", "csv", "--statement", &statement];
    arguments.extend(["--map", "key=Ref,amount=Amount,currency=Currency,date=Date"]);
    arguments.push("--report");
    arguments.extend(files.iter().map(String::as_str));
    let before = place.files();
    // The CSV fits into 128 KiB, the page behind it does not.
    let run = Run::of(
        limited(&place, "ulimit -f 256", &arguments)
            .output()
            .unwrap(),
    )
    .exits(2);
    assert!(run.stderr.contains("r.html` can't be written"), "{run:?}");
    assert!(run.stdout.is_empty(), "{run:?}");
    assert_eq!(place.files(), before);
    for name in ["r.csv", "r.html", "r.json"] {
        assert_eq!(place.read(name), "old", "{name}");
    }
    place.run(&arguments).exits(1);
    let csv = place.read("r.csv");
    assert!(
        csv.len() < 128 * 1_024,
        "it would have fitted: {} bytes",
        csv.len()
    );
    assert!(place.read("r.html").len() > 128 * 1_024, "and the page not");
}

#[test]
fn a_ledger_that_may_not_be_written_is_refused_clearly_and_stays_as_it_is() {
    let place = Place::with_samples();
    let before = fs::read(place.ledger()).unwrap();
    let binary = place.path("refunds");
    fs::copy(REFUNDS, &binary).unwrap();
    fs::set_permissions(place.ledger(), Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(place.folder(), Permissions::from_mode(0o555)).unwrap();
    let import = place.file_for_reading("more.jsonl", &REFUND.replace("987654321", "other"));

    let mut command = as_nobody(&binary);
    command
        .args(["import", &import, "--format", "json", "--ledger"])
        .arg(place.ledger());
    let run = Run::of(command.output().unwrap()).exits(2);
    let error = run.json_error();
    assert_eq!(error["code"], "internal", "{error}");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("read-only") || message.contains("readonly"),
        "{error}"
    );

    fs::set_permissions(place.folder(), Permissions::from_mode(0o755)).unwrap();
    assert_eq!(fs::read(place.ledger()).unwrap(), before);
    fs::set_permissions(place.ledger(), Permissions::from_mode(0o644)).unwrap();
    assert_eq!(place.refunds().len(), 1);
    place.run(&["import", &import]).exits(0);
    assert_eq!(place.refunds().len(), 2, "a later retry books once");
}

/// Permissions do not bind root, so that root becomes nobody first.
fn as_nobody(binary: &std::path::Path) -> Command {
    let id = Command::new("id")
        .arg("-u")
        .output()
        .expect("`id` tells who runs the tests");
    if id.stdout != b"0\n" {
        return Command::new(binary);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(binary);
    command
}

impl Place {
    /// A file that everybody may read, outside the folder.
    fn file_for_reading(&self, name: &str, content: &str) -> String {
        let folder = self.folder().join(name);
        fs::write(&folder, content)
            .or_else(|_| {
                fs::set_permissions(self.folder(), Permissions::from_mode(0o755))?;
                fs::write(&folder, content)?;
                fs::set_permissions(self.folder(), Permissions::from_mode(0o555))
            })
            .unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o444)).unwrap();
        folder.to_str().unwrap().to_owned()
    }
}

//! Saying which ledger: two of them, none, a wrong URL, a wrong password.

use std::process::Command;

use postgres_cluster::PASSWORD;

use super::{new_place, new_url, shared, shown};
use crate::harness::{MOVEMENT, Place, REFUND, REFUNDS, Run};

/// The command with nothing around it.
fn refunds(arguments: &[&str]) -> Command {
    let mut command = Command::new(REFUNDS);
    command
        .args(arguments)
        .env_remove("REFUNDS_LEDGER")
        .env_remove("REFUNDS_POSTGRES")
        .env_remove("PGPASSWORD");
    command
}

/// Runs it as text and as JSON, and sees that it fails with a message that has these words.
#[track_caller]
fn fails(mut command: impl FnMut() -> Command, words: &[&str]) {
    let run = Run::of(command().output().unwrap()).exits(2);
    assert_eq!(run.stdout, "", "nothing but the failure; {run:?}");
    let json = Run::of(command().args(["--format", "json"]).output().unwrap()).exits(2);
    let error = json.json_error();
    assert!(error["code"].is_string(), "{error}");
    for word in words {
        assert!(run.stderr.contains(word), "`{word}`: {run:?}");
        assert!(
            error["message"].as_str().unwrap().contains(word),
            "`{word}`: {error}"
        );
    }
}

#[test]
fn two_ledgers_are_one_too_many_unless_the_command_line_says_which() {
    let (file, server) = (Place::with_samples(), new_place());
    server.import(&[MOVEMENT]).exits(0);
    let url = server.named()[1].clone();
    let path = file.ledger();
    let both = || {
        let mut command = refunds(&["list"]);
        command.args(file.named()).args(server.named());
        command
    };
    fails(both, &["`--ledger`", "`--postgres`"]);
    let both_around = || {
        let mut command = refunds(&["list"]);
        command
            .env("REFUNDS_LEDGER", &path)
            .env("REFUNDS_POSTGRES", &url);
        command
    };
    fails(
        both_around,
        &["`REFUNDS_LEDGER`", "`REFUNDS_POSTGRES`", "both set"],
    );
    let listed = |command: &mut Command| {
        let output = command.args(["--format", "jsonl"]).output().unwrap();
        Run::of(output).exits(0).json_lines().len()
    };
    let (in_file, on_server) = (1, 0);
    assert_eq!(listed(both_around().args(file.named())), in_file);
    assert_eq!(listed(both_around().args(server.named())), on_server);
    let mut around = refunds(&["list"]);
    assert_eq!(listed(around.env("REFUNDS_POSTGRES", &url)), on_server);
    let mut around = refunds(&["list"]);
    around.env("REFUNDS_POSTGRES", &url);
    assert_eq!(listed(around.args(file.named())), in_file);
    let mut around = refunds(&["list"]);
    around.env("REFUNDS_LEDGER", &path);
    assert_eq!(listed(around.args(server.named())), on_server);
    let mut emptied = refunds(&["list"]);
    emptied
        .env("REFUNDS_LEDGER", &path)
        .env("REFUNDS_POSTGRES", "");
    assert_eq!(
        listed(&mut emptied),
        in_file,
        "an empty variable names nothing"
    );
    // Who needs no ledger is not asked which.
    let output = both_around().arg("--help").output().unwrap();
    let help = Run::of(output).exits(0).stdout;
    assert!(help.contains("PGPASSWORD"), "{help}");
    let mut completions = refunds(&["completions", "bash"]);
    completions
        .env("REFUNDS_LEDGER", &path)
        .env("REFUNDS_POSTGRES", &url);
    Run::of(completions.output().unwrap()).exits(0);
}

#[test]
fn the_password_can_be_left_to_the_environment() {
    let url = new_url();
    Place::on_server(&url).import(&[MOVEMENT, REFUND]).exits(0);
    let without = shown(&url);
    let list = |password: Option<&str>| {
        let mut command = refunds(&["list", "--format", "jsonl", "--postgres", &without]);
        command.envs(password.map(|password| ("PGPASSWORD", password)));
        Run::of(command.output().unwrap())
    };
    assert_eq!(list(Some(PASSWORD)).exits(0).json_lines().len(), 1);
    list(Some("another")).exits(2).tells(&without);
    list(None).exits(2).tells("password");
    // As with PostgreSQL's own programs, one in the URL goes first.
    let mut command = refunds(&["list", "--postgres", &url]);
    command.env("PGPASSWORD", "another");
    Run::of(command.output().unwrap()).exits(0);
}

#[test]
fn a_url_that_leads_nowhere_is_told_without_its_password() {
    let url = shared().url();
    let port = format!(":{}/", shared().port());
    let other_port = {
        // Nobody listens where somebody just did.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!(":{}/", listener.local_addr().unwrap().port())
    };
    let wrong = [
        (
            "a wrong password",
            url.replace(PASSWORD, "Tr0ub4dor"),
            "password",
        ),
        (
            "a wrong user",
            url.replace("postgres:", "nobody:")
                .replace("nobody://", "postgres://"),
            "nobody",
        ),
        (
            "a wrong database",
            url.replace("/postgres", "/nowhere")
                .replace("//nowhere", "//postgres"),
            "nowhere",
        ),
        ("a wrong port", url.replace(&port, &other_port), &other_port),
        (
            "an unknown host",
            url.replace("127.0.0.1", "host.invalid"),
            "host.invalid",
        ),
    ];
    for (what, url, word) in &wrong {
        assert_ne!(url, &shared().url(), "{what} is another URL");
        for command in ["list", "verify", "head", "export"] {
            let place = Place::on_server(url);
            let run = place.run(&[command]).exits(2);
            assert!(
                run.stderr.contains(word) && !run.stderr.contains("Tr0ub4dor"),
                "{what}: {run:?}"
            );
        }
        let place = Place::on_server(url);
        let lines = place.file("lines.jsonl", MOVEMENT);
        for arguments in [
            &["import", &lines][..],
            &["import", "--dry-run", &lines],
            &["import", "--preserve", &lines],
            &["demo"],
            &["serve", "--insecure-no-auth", "--listen", "127.0.0.1:0"],
        ] {
            let run = place.run(arguments).exits(2);
            assert!(run.stderr.contains(word), "{what}, {arguments:?}: {run:?}");
        }
        let error = place.run_json(&["list"]).exits(2).json_error();
        assert!(!error.to_string().contains("Tr0ub4dor"), "{what}: {error}");
    }
}

#[test]
fn what_is_no_url_is_a_usage_error_that_does_not_repeat_it() {
    let secret = "hunter2-and-more";
    for url in [
        format!("ana:{secret}@host/database"),
        format!("mysql://ana:{secret}@host/database"),
        format!("postgres://ana:{secret}@host:port/database"),
        format!("postgres://ana:{secret}@host/database?shema=x"),
        format!("postgres://ana:{secret}@[::1/database"),
        format!("{secret}.db"),
    ] {
        let command = || refunds(&["list", "--postgres", &url]);
        let run = Run::of(command().output().unwrap()).exits(2);
        assert!(!run.stderr.contains(secret), "{run:?}");
        fails(command, &["URL"]);
    }
    // In the wrong place, too.
    for arguments in [
        &["list", "--ledger"][..],
        &["list"],
        &["show", "--postgrs"],
        &["list", "--limit"],
        &[],
    ] {
        let url = format!("postgres://ana:{secret}@host/database");
        for format in ["human", "json"] {
            let mut command = refunds(arguments);
            let run = Run::of(
                command
                    .arg(&url)
                    .args(["--format", format])
                    .output()
                    .unwrap(),
            );
            let run = run.exits(2);
            assert!(!run.stderr.contains(secret), "{run:?}");
        }
    }
}

#[test]
fn where_there_is_no_ledger_none_is_made_by_looking() {
    let place = new_place();
    let named = shown(place.named()[1].to_str().unwrap());
    for command in [
        &["list"][..],
        &["verify"],
        &["head"],
        &["export"],
        &["journal", "--after", "0"],
        &["movements"],
        &["totals"],
    ] {
        let run = place.run(command).exits(2);
        run.tells(&named);
        run.tells("refunds record-movement");
        assert_eq!(
            place.run_json(command).exits(2).json_error()["code"],
            "usage"
        );
    }
    let schemas = shared()
        .query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'ledger%'")
        .unwrap();
    let schema = named.rsplit('=').next().unwrap();
    assert!(!schemas.lines().any(|name| name == schema), "{schemas}");
    place.run(&["list"]).exits(2);
    place.import(&[MOVEMENT, REFUND]).exits(0);
    assert_eq!(place.refunds().len(), 1);
}

#[test]
fn a_database_holds_a_ledger_in_each_of_its_schemas() {
    let url = shared().create_database("several").unwrap();
    let usual = Place::on_server(&url);
    usual.import(&[MOVEMENT, REFUND]).exits(0);
    let named = Place::on_server(&format!("{url}?schema=refund_ledger"));
    assert_eq!(named.refunds().len(), 1, "the usual schema by its name");
    let other = Place::on_server(&format!("{url}?schema=Another%20one"));
    other.run(&["list"]).exits(2).tells("there is no ledger");
    other.import(&[MOVEMENT]).exits(0);
    assert_eq!(other.refunds().len(), 0);
    assert_eq!(usual.refunds().len(), 1);
}

#[test]
fn a_backup_of_a_server_is_refused_with_what_to_use() {
    let place = new_place();
    place.import(&[MOVEMENT]).exits(0);
    let file = place.path("copy.db");
    let run = place.run(&["backup", file.to_str().unwrap()]).exits(2);
    run.tells("pg_dump");
    run.tells("refunds export");
    assert!(!file.exists());
}

#[test]
fn tables_of_a_newer_version_are_refused_and_not_taken_for_none() {
    let place = new_place();
    place.import(&[MOVEMENT, REFUND]).exits(0);
    let url = place.named()[1].to_str().unwrap().to_owned();
    let schema = url.rsplit('=').next().unwrap();
    let set = |version: u32| {
        let sql =
            format!("UPDATE {schema}.ledger SET version = {version}, usable_from = {version}");
        shared().execute(&sql).unwrap();
    };
    set(1_000);
    let lines = place.file("lines.jsonl", MOVEMENT);
    for arguments in [
        &["list"][..],
        &["import", &lines],
        &["import", "--dry-run", &lines],
        &["import", "--preserve", &lines],
        &["demo"],
    ] {
        let run = place.run(arguments).exits(2);
        run.tells("newer version");
        run.tells(&shown(&url));
    }
    let error = place.run_json(&["list"]).exits(2).json_error();
    assert_eq!(error["code"], "internal", "{error}");
    set(1);
    assert_eq!(place.refunds().len(), 1);
}

#[test]
fn a_server_that_only_reads_is_read_and_says_why_it_books_nothing() {
    let url = shared().create_database("only_reads").unwrap();
    let place = Place::on_server(&url);
    place.import(&[MOVEMENT]).exits(0);
    shared()
        .execute("ALTER DATABASE only_reads SET default_transaction_read_only = on")
        .unwrap();
    assert_eq!(place.run(&["verify"]).exits(0).stderr, "");
    let run = place.import(&[REFUND]).exits(2);
    run.tells("read-only");
    run.tells("store_unavailable");
    assert_eq!(place.refunds().len(), 0);
}

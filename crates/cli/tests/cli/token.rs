//! Making tokens for callers of the server.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use refund_ledger::Hash;
use serde_json::{Value, json};

use crate::harness::{Place, REFUNDS, Run};

/// `refunds token` for the place's `auth.toml`, without a ledger.
fn command(place: &Place, arguments: &[&str]) -> Command {
    let mut command = Command::new(REFUNDS);
    command
        .arg("token")
        .arg("--auth")
        .arg(place.path("auth.toml"))
        .args(arguments)
        .env_remove("REFUNDS_LEDGER")
        .stdin(Stdio::null());
    command
}

fn token(place: &Place, arguments: &[&str]) -> Run {
    Run::of(command(place, arguments).output().unwrap())
}

const FOR_OPS: [&str; 6] = ["--subject", "ops", "--org", "acme", "--action", "read"];

fn file(place: &Place) -> String {
    fs::read_to_string(place.path("auth.toml")).unwrap()
}

/// The line with the token's hash, and no other trace of it.
#[track_caller]
fn is_kept_as_hash(file: &str, token: &str) {
    let hash = Hash::of(&[token.as_bytes()]);
    assert!(file.contains(&format!("\nsha256 = \"{hash}\"\n")), "{file}");
    let secret = token.strip_prefix("rl_").unwrap();
    assert!(!file.contains(secret), "{file}");
    assert!(!file.contains(&secret[..16]), "{file}");
}

#[test]
fn a_token_is_shown_once_and_the_file_keeps_its_hash() {
    let place = Place::new();
    let run = token(&place, &FOR_OPS).exits(0);
    let made = run.stdout.strip_suffix('\n').unwrap();
    let secret = made.strip_prefix("rl_").unwrap();
    assert_eq!(secret.len(), 64, "32 random bytes: {made}");
    assert!(
        secret.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{made}"
    );
    assert!(
        run.stderr.contains("the only time the token is shown"),
        "{run:?}"
    );
    assert!(!run.stderr.contains(secret), "{run:?}");
    let file = file(&place);
    is_kept_as_hash(&file, made);
    assert!(
        file.starts_with(
            "[[token]]\nsubject = \"ops\"\norgs = [\"acme\"]\nactions = [\"read\"]\nsha256 = "
        ),
        "{file}"
    );
}

#[test]
fn programs_get_one_object() {
    let place = Place::new();
    let arguments = [
        "--subject",
        "ana",
        "--org",
        "*",
        "--org",
        "acme",
        "--action",
        "read",
        "--action",
        "write",
        "--format",
        "json",
    ];
    let run = token(&place, &arguments).exits(0);
    let answer = run.json();
    let made = answer["token"].as_str().unwrap();
    assert_eq!(
        answer,
        json!({"token": made, "subject": "ana", "orgs": ["*", "acme"], "actions": ["read", "write"]})
    );
    assert_eq!(run.stderr, "");
    is_kept_as_hash(&file(&place), made);
}

#[test]
fn what_stands_in_the_file_stays_there() {
    let place = Place::new();
    let before = "# who may call\n[jwt] # the issuer\nkey='k.pem'\nissuer  = \"i\"\naudience = [ 'a' ]\n\n# the end\n";
    place.file("auth.toml", before);
    let tokens: Vec<String> = ["ops", "a \"b\" \\ é"]
        .map(|subject| {
            let run = token(
                &place,
                &["--subject", subject, "--org", "acme", "--action", "read"],
            );
            run.exits(0).stdout.trim_end().to_owned()
        })
        .to_vec();
    let after = file(&place);
    assert!(after.starts_with(before), "{after}");
    let added = &after[before.len()..];
    assert_eq!(
        added.lines().count(),
        12,
        "two tables, and nothing else: {after}"
    );
    for token in &tokens {
        is_kept_as_hash(&after, token);
    }
    assert_ne!(tokens[0], tokens[1]);
}

#[test]
fn a_token_goes_behind_whatever_is_there() {
    let place = Place::new();
    token(&place, &FOR_OPS).exits(0);
    let before = file(&place) + "\n[jwt]\nkey = 'k'\nissuer = 'i'\naudience = 'a' # ours\n# end\n";
    place.file("auth.toml", &before);
    token(&place, &FOR_OPS).exits(0);
    let after = file(&place);
    assert!(after.starts_with(&before), "{after}");
    let added = &after[before.len()..];
    assert!(added.starts_with("\n[[token]]\n"), "{after}");
    assert_eq!(added.lines().count(), 6, "and nothing else: {after}");
}

#[test]
fn tokens_in_a_plain_list_are_kept_too() {
    let place = Place::new();
    place.file("auth.toml", "token = [] # nobody yet\n");
    for _ in 0..2 {
        token(&place, &FOR_OPS).exits(0);
    }
    let file = file(&place);
    assert_eq!(file.matches("subject = \"ops\"").count(), 2, "{file}");
    assert!(file.ends_with("] # nobody yet\n"), "{file}");
}

#[cfg(unix)]
#[test]
fn a_new_file_is_for_its_owner_alone_and_one_that_was_there_keeps_its_mode() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let place = Place::new();
    let path = place.path("auth.toml");
    let mode = || path.metadata().unwrap().permissions().mode() & 0o777;
    token(&place, &FOR_OPS).exits(0);
    assert_eq!(mode(), 0o600);
    for kept in [0o640, 0o600, 0o644] {
        set_permissions(&path, Permissions::from_mode(kept)).unwrap();
        token(&place, &FOR_OPS).exits(0);
        assert_eq!(mode(), kept);
    }

    let real = place.path("real.toml");
    fs::rename(&path, &real).unwrap();
    symlink(&real, &path).unwrap();
    token(&place, &FOR_OPS).exits(0);
    assert!(path.is_symlink(), "a link stays one");
    let file = fs::read_to_string(real).unwrap();
    assert_eq!(file.matches("[[token]]").count(), 5);
}

#[test]
fn of_twenty_at_once_none_loses_the_token_of_another() {
    let place = Place::new();
    let children: Vec<_> = (0..20)
        .map(|n| {
            command(&place, &["--subject", &format!("caller-{n}")])
                .args(["--org", "acme", "--action", "read", "--format", "json"])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let answers: Vec<Value> = children
        .into_iter()
        .map(|child| Run::of(child.wait_with_output().unwrap()).exits(0).json())
        .collect();
    let file = file(&place);
    let tokens: BTreeSet<&str> = answers
        .iter()
        .map(|answer| answer["token"].as_str().unwrap())
        .collect();
    assert_eq!(tokens.len(), 20);
    for token in tokens {
        is_kept_as_hash(&file, token);
    }
    assert_eq!(file.matches("[[token]]").count(), 20);
    assert_eq!(
        place.files(),
        ["auth.toml", "auth.toml.lock"],
        "nothing else is left behind"
    );
}

#[test]
fn a_file_that_the_server_could_not_read_is_left_as_it_is() {
    let place = Place::new();
    let contents: [&[u8]; 6] = [
        b"[[token]\n",
        b"[[token]]\nsubject = 'ops'\n",
        b"[[tokens]]\n",
        b"token = 'x'\n",
        b"[jwt]\nissuer = 'i'\naudience = 'a'\n",
        b"\xff\n",
    ];
    for content in contents {
        place.file("auth.toml", content);
        let error = token(&place, &[&FOR_OPS[..], &["--format", "json"]].concat())
            .exits(2)
            .json_error();
        assert_eq!(error["code"], "usage", "{error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("auth.toml`: "), "{message}");
        assert_eq!(fs::read(place.path("auth.toml")).unwrap(), content);
    }
}

#[test]
fn where_the_file_can_not_be_written_no_token_is_shown() {
    let place = Place::new();
    place.file("plain", "");
    fs::create_dir(place.path("folder")).unwrap();
    // In the last, not even an administrator can make files.
    let mut paths = vec!["missing/auth.toml", "plain/auth.toml", "folder"];
    if cfg!(target_os = "linux") {
        paths.push("/proc/auth.toml");
    }
    for path in paths {
        let path = place.path(path);
        let run = Command::new(REFUNDS)
            .args(["token", "--format", "json", "--auth"])
            .arg(&path)
            .args(FOR_OPS)
            .output()
            .unwrap();
        let error = Run::of(run).exits(2).json_error();
        assert_eq!(error["code"], "io", "{error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(path.to_str().unwrap()), "{message}");
    }
}

#[test]
fn what_can_not_be_granted_is_a_usage_error_and_makes_no_file() {
    let place = Place::new();
    let cases: [(&[&str], &str); 9] = [
        (&["--subject", "ops", "--org", "acme"], "--action <ACTION>"),
        (&["--subject", "ops", "--action", "read"], "--org <ORG>"),
        (&["--org", "acme", "--action", "read"], "--subject <NAME>"),
        (
            &["--subject", "ops", "--org", "acme", "--action", "reed"],
            "read, write, record_movement, void_movement, create_refund, update_refund, delete_refund",
        ),
        (
            &["--subject", "ops", "--org", "acme", "--action", "READ"],
            "read, write",
        ),
        (
            &["--subject", "ops", "--org", "acme", "--action", ""],
            "read, write",
        ),
        (
            &["--subject", "ops", "--org", "", "--action", "read"],
            "must not be empty",
        ),
        (
            &["--subject", "ops", "--org", " a", "--action", "read"],
            "white space",
        ),
        (
            &["--subject", "", "--org", "acme", "--action", "read"],
            "must not be empty",
        ),
    ];
    for (arguments, expected) in cases {
        let run = token(&place, arguments).exits(2);
        assert!(run.stderr.contains(expected), "`{expected}` in {run:?}");
        assert_eq!(run.stdout, "", "{run:?}");
        assert_eq!(place.files(), [""; 0], "{arguments:?} made a file");
    }
    let without_file = Command::new(REFUNDS).arg("token").args(FOR_OPS).output();
    let run = Run::of(without_file.unwrap()).exits(2);
    assert!(run.stderr.contains("--auth <FILE>"), "{run:?}");
}

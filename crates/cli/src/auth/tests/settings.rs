//! The file of `--auth`: what it may say.

use refund_ledger::Hash;
use refund_rest::{Grants, OrgGrant, Permission};
use tracing::Level;

use super::log::logged;
use super::signer::Signer;
use super::{Place, ana, answer, good};

fn token_table(subject: &str, orgs: &str, actions: &str, sha256: &str) -> String {
    format!(
        "[[token]]\nsubject = {subject}\norgs = {orgs}\nactions = {actions}\nsha256 = {sha256}\n"
    )
}

/// The SHA-256 of `rl_1`, quoted.
fn hash() -> String {
    format!("'{}'", Hash::of(&[b"rl_1"]))
}

#[test]
fn static_tokens_and_jwts_stand_beside_each_other() {
    let signer = Signer::ed25519();
    let place = Place::new();
    place.write("key", signer.public());
    let tokens = [
        "# the pager\n".to_owned(),
        token_table("'ops'", "['*']", "['read', 'void_movement']", &hash()),
        token_table(
            "'nobody'",
            "[]",
            "[]",
            &format!("'{}'", Hash::of(&[b"rl_2"])),
        ),
        "[jwt]\nkey = 'key'\nissuer = 'https://issuer.example'\naudience = ['a', 'refunds']\n"
            .to_owned(),
    ];
    place.write("auth.toml", tokens.concat());
    let authenticator = place.load();
    assert_eq!(answer(&authenticator, &good(&signer)), Ok(ana()));
    let ops = answer(&authenticator, "rl_1").unwrap();
    assert_eq!(ops.subject.as_str(), "ops");
    assert_eq!(
        ops.grants,
        Grants::new(
            [OrgGrant::Every],
            [Permission::Read, Permission::VoidMovement]
        )
    );
    let nobody = answer(&authenticator, "rl_2").unwrap();
    assert_eq!(nobody.grants, Grants::default());
}

/// Each file is refused, in one line that says this.
#[track_caller]
fn refused(cases: &[(String, &str)]) {
    for (content, expected) in cases {
        let place = Place::new();
        place.write("auth.toml", content);
        let failure = place.failure();
        assert!(
            failure.contains(expected) && failure.starts_with('`') && !failure.contains('\n'),
            "`{expected}` in: {failure}\nfor:\n{content}"
        );
    }
}

#[test]
fn tokens_that_can_not_be_meant_are_refused_and_it_says_where() {
    let good = token_table("'ops'", "['*']", "['read']", &hash());
    refused(&[
        (String::new(), "nobody could ever call"),
        ("token = []\n".to_owned(), "nobody could ever call"),
        ("[jwt\n".to_owned(), "line 1"),
        (
            "token = 'x'\n".to_owned(),
            "line 1: invalid type: string, expected ",
        ),
        (
            good.clone() + "[[tokens]]\n",
            "line 6, in `[[tokens]]`: unknown field `tokens`",
        ),
        (
            good.clone() + "until = '2030'\n",
            "line 6, in `[[token]]`: unknown field `until`",
        ),
        (
            good.replace("subject = 'ops'\n", ""),
            "line 1, in `[[token]]`: missing field `subject`",
        ),
        (
            token_table("7", "['*']", "['read']", &hash()),
            "line 2, in `[[token]]`: invalid type: integer `7`, expected a string",
        ),
        (
            good.clone() + &token_table("''", "['*']", "['read']", &hash()),
            "`[[token]]` number 2: `subject` is no name: ",
        ),
        (
            token_table("'ops'", "['acme', ' b']", "['read']", &hash()),
            "`[[token]]` number 1: `orgs` has ` b`, which is no org: ",
        ),
        (
            token_table("'ops'", "['*']", "['read', 'reed']", &hash()),
            "number 1: `actions` has `reed`; allowed are `read`, `write`, `record_movement`, ",
        ),
        (
            token_table("'ops'", "['*']", "['read']", "'rl_1'"),
            "number 1: `sha256` must have 64 lower-case hexadecimal digits",
        ),
        (
            token_table("'ops'", "['*']", "['read']", &hash().to_uppercase()),
            "number 1: `sha256` must have 64 lower-case hexadecimal digits",
        ),
        (
            good + &token_table("'ana'", "['*']", "['read']", &hash()),
            "number 2: `sha256` stands there twice",
        ),
    ]);
}

#[test]
fn what_can_not_be_meant_of_jwts_is_refused_and_it_says_where() {
    let jwt = |lines: &str| format!("[jwt]\n{lines}\n");
    refused(&[
        (
            jwt("issuer = 'i'\naudience = 'a'"),
            "`[jwt]`: give exactly one of `key_file` and `jwks_file`",
        ),
        (
            jwt("key_file = 'k'\njwks = 'j'\nissuer = 'i'\naudience = 'a'"),
            "`[jwt]`: give exactly one of `key_file` and `jwks_file`",
        ),
        (
            jwt("key = 'k'\naudience = 'a'"),
            "line 1, in `[jwt]`: missing field `issuer`",
        ),
        (
            jwt("key = 'k'\nissuer = 'i'"),
            "line 1, in `[jwt]`: missing field `audience`",
        ),
        (
            jwt("key = 'k'\nissuer = ''\naudience = 'a'"),
            "`[jwt]`: `issuer` must not be empty",
        ),
        (
            jwt("key = 'k'\nissuer = 'i'\naudience = []"),
            "`[jwt]`: `audience` must not be empty",
        ),
        (
            jwt("key = 'k'\nissuer = 'i'\naudience = ['a', '']"),
            "`[jwt]`: `audience` must not be empty",
        ),
        (
            jwt("key = 'k'\nissuer = 'i'\naudience = 7"),
            "line 4, in `[jwt]`: expected a string or a list of strings",
        ),
        (
            jwt("key = 'k'\nissuer = 'i'\naudience = 'a'\nalgorithm = 'none'"),
            "`[jwt]`: `algorithm` is `none`; allowed are `RS256`, ",
        ),
        (
            jwt("key = 'missing.pem'\nissuer = 'i'\naudience = 'a'"),
            "missing.pem` can't be read: ",
        ),
        (
            jwt("jwks = '.'\nissuer = 'i'\naudience = 'a'"),
            "can't be read: it is not a regular file",
        ),
    ]);
}

#[test]
fn a_file_that_is_no_text_or_not_there_or_too_large_is_refused() {
    let place = Place::new();
    assert!(place.failure().contains("auth.toml` can't be read: "));
    place.write("auth.toml", b"\xff");
    assert!(
        place
            .failure()
            .ends_with("auth.toml`: the file is not UTF-8")
    );
    place.write("auth.toml", vec![b'\n'; 4 * 1_024 * 1_024 + 1]);
    assert!(place.failure().contains("more than 4194304 bytes"));
}

#[test]
fn a_token_that_was_put_in_the_place_of_its_hash_is_not_repeated() {
    let place = Place::new();
    for content in [
        token_table("'ops'", "['*']", "['read']", "'rl_s3cret'"),
        token_table("'ops'", "['*']", "'rl_s3cret'", &hash()),
        "token = 'rl_s3cret'".to_owned(),
        "token = ['rl_s3cret']".to_owned(),
    ] {
        place.write("auth.toml", &content);
        let failure = place.failure();
        assert!(!failure.contains("s3cret"), "{failure}");
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_read_is_worth_a_warning() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    place.write(
        "auth.toml",
        token_table("'ops'", "['*']", "['read']", &hash()),
    );
    let warnings = |mode| {
        set_permissions(place.path("auth.toml"), Permissions::from_mode(mode)).unwrap();
        logged(|| drop(place.load()))
    };
    assert_eq!(warnings(0o600), []);
    let log = warnings(0o644);
    assert!(
        matches!(&log[..], [(Level::WARN, text)] if text.contains("auth.toml` can be read by other")),
        "{log:?}"
    );
}

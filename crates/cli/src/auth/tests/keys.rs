//! Keys of every kind, alone and in sets, and files that hold no such key.

use jsonwebtoken::{Algorithm, Header};
use serde_json::{Value, json};
use tracing::Level;

use super::log::logged;
use super::signer::{SECRET, Signer};
use super::{Place, Unauthenticated, ana, answer, claims, good, jwt_table};

#[test]
fn each_kind_of_key_is_used_with_its_usual_algorithm() {
    let hmac = Signer::hmac(SECRET);
    let signers = [
        Signer::rsa(),
        &Signer::p256(),
        &Signer::p384(),
        &Signer::ed25519(),
        &hmac,
    ];
    for signer in signers {
        let (_place, authenticator) = Place::with_key_of(signer);
        let caller = answer(&authenticator, &good(signer));
        assert_eq!(caller, Ok(ana()), "{:?}", signer.usual());
    }
}

#[test]
fn another_algorithm_of_the_same_kind_has_to_be_asked_for() {
    use Algorithm::{HS384, HS512, PS256, PS384, PS512, RS384, RS512};
    let hmac = Signer::hmac(SECRET);
    let rsa = Signer::rsa();
    let cases = [
        (rsa, RS384),
        (rsa, RS512),
        (rsa, PS256),
        (rsa, PS384),
        (rsa, PS512),
        (&hmac, HS384),
        (&hmac, HS512),
    ];
    for (signer, algorithm) in cases {
        let token = signer.sign(&Header::new(algorithm), &claims());
        let (place, authenticator) = Place::with_key_of(signer);
        assert_eq!(
            answer(&authenticator, &token),
            Err(Unauthenticated::WrongAlgorithm),
            "{algorithm:?} was not asked for"
        );
        let lines = format!("key = 'key'\nalgorithm = '{algorithm:?}'");
        place.write("auth.toml", jwt_table(&lines));
        let authenticator = place.load();
        assert_eq!(answer(&authenticator, &token), Ok(ana()), "{algorithm:?}");
        assert_eq!(
            answer(&authenticator, &good(signer)),
            Err(Unauthenticated::WrongAlgorithm),
            "{algorithm:?} alone was asked for"
        );
    }
}

#[test]
fn the_end_of_line_behind_a_secret_is_not_part_of_it() {
    for end in ["", "\n", "\r\n"] {
        let place = Place::new();
        place.write("key", format!("{SECRET}{end}"));
        place.write("auth.toml", jwt_table("key_file = 'key'"));
        let token = good(&Signer::hmac(SECRET));
        assert_eq!(answer(&place.load(), &token), Ok(ana()), "{end:?}");
    }
}

fn with_jwks(keys: &[Value], lines: &str) -> Place {
    let place = Place::new();
    place.write("jwks.json", json!({ "keys": keys }).to_string());
    place.write(
        "auth.toml",
        jwt_table(&format!("jwks_file = 'jwks.json'\n{lines}")),
    );
    place
}

#[test]
fn a_set_has_a_key_for_each_id() {
    let (p256, p384, ed25519) = (Signer::p256(), Signer::p384(), Signer::ed25519());
    let hmac = Signer::hmac(SECRET);
    let signers = [
        ("a", Signer::rsa()),
        ("b", &p256),
        ("c", &p384),
        ("d", &ed25519),
        ("e", &hmac),
    ];
    let place = with_jwks(&signers.map(|(id, signer)| signer.jwk(id)), "");
    let authenticator = place.load();
    for (id, signer) in signers {
        let token = signer.sign_as(id, &claims());
        assert_eq!(answer(&authenticator, &token), Ok(ana()), "key {id}");
        let token = signer.sign_as("f", &claims());
        assert_eq!(
            answer(&authenticator, &token),
            Err(Unauthenticated::UnknownKey)
        );
        assert_eq!(
            answer(&authenticator, &good(signer)),
            Err(Unauthenticated::NoKeyId)
        );
    }
    let token = p256.sign_as("d", &claims());
    assert_eq!(
        answer(&authenticator, &token),
        Err(Unauthenticated::WrongAlgorithm),
        "the key of another kind"
    );
    let token = Signer::p256().sign_as("b", &claims());
    assert_eq!(
        answer(&authenticator, &token),
        Err(Unauthenticated::WrongSignature),
        "another key under a known id"
    );
}

#[test]
fn in_a_set_of_one_key_a_token_need_not_name_it() {
    let signer = Signer::p256();
    let place = with_jwks(&[signer.jwk("a")], "");
    let authenticator = place.load();
    assert_eq!(answer(&authenticator, &good(&signer)), Ok(ana()));
    assert_eq!(
        answer(&authenticator, &signer.sign_as("b", &claims())),
        Err(Unauthenticated::UnknownKey),
        "a token that names another key is not of this one"
    );
}

#[test]
fn a_key_of_a_set_may_name_its_algorithm() {
    let signer = Signer::rsa();
    let mut key = signer.jwk("a");
    key["alg"] = "PS384".into();
    let place = with_jwks(&[key.clone()], "");
    let mut header = Header::new(Algorithm::PS384);
    header.kid = Some("a".into());
    let token = signer.sign(&header, &claims());
    assert_eq!(answer(&place.load(), &token), Ok(ana()));
    assert_eq!(
        answer(&place.load(), &signer.sign_as("a", &claims())),
        Err(Unauthenticated::WrongAlgorithm)
    );

    let both = changed(signer.jwk("a"), "alg", json!("RS256"));
    let both = with_jwks(&[both, key.clone()], "").load();
    for token in [&token, &signer.sign_as("a", &claims())] {
        assert_eq!(answer(&both, token), Ok(ana()), "one key, two algorithms");
    }

    let others = with_jwks(
        &[key.clone(), Signer::p256().jwk("b")],
        "algorithm = 'RS256'",
    );
    assert!(
        others
            .failure()
            .ends_with("can check signatures with RS256")
    );
    let with_one = with_jwks(&[key, signer.jwk("b")], "algorithm = 'RS256'").load();
    assert_eq!(answer(&with_one, &token), Err(Unauthenticated::UnknownKey));
    let token = signer.sign_as("b", &claims());
    assert_eq!(answer(&with_one, &token), Ok(ana()));
}

/// The key with one of its fields set.
fn changed(mut key: Value, field: &str, value: Value) -> Value {
    key[field] = value;
    key
}

#[test]
fn a_set_may_hold_keys_for_other_purposes_and_of_kinds_yet_unknown() {
    let signer = Signer::p256();
    let key = || Signer::p256().jwk("a");
    let others = [
        changed(key(), "use", json!("enc")),
        changed(key(), "key_ops", json!(["encrypt"])),
        changed(key(), "crv", json!("P-521")),
        changed(key(), "alg", json!("ES384")),
        changed(key(), "alg", json!("ECDH-ES")),
        changed(key(), "x", json!("AAAA")),
        changed(Signer::rsa().jwk("a"), "n", json!("wQ")),
        Signer::hmac("short").jwk("a"),
        json!({"kty": "AKP", "kid": "a", "alg": "ML-DSA-44", "pub": "AAAA"}),
        json!({"kid": 7}),
        json!("a"),
    ];
    for other in others {
        let known = changed(signer.jwk("b"), "use", json!("sig"));
        let known = changed(known, "key_ops", json!(["verify"]));
        let place = with_jwks(&[other.clone(), known], "");
        let authenticator = place.load();
        assert_eq!(
            answer(&authenticator, &good(&signer)),
            Ok(ana()),
            "one key is left without {other}"
        );
        let failure = with_jwks(std::slice::from_ref(&other), "").failure();
        assert!(
            failure.ends_with("it holds no key that can check signatures"),
            "{other}: {failure}"
        );
    }
}

#[test]
fn a_set_that_can_not_be_meant_is_refused() {
    let signer = Signer::p256();
    let twice = with_jwks(&[signer.jwk("a"), Signer::p256().jwk("a")], "");
    assert!(twice.failure().contains("key number 2 has the `kid` of"));
    let private = changed(signer.jwk("a"), "d", json!("AAAA"));
    let private = with_jwks(&[private], "");
    assert!(private.failure().contains("number 1 is a private key"));
    for text in ["", "[]", "{}", "{\"keys\":{}}", signer.public()] {
        private.write("jwks.json", text);
        let failure = private.failure();
        assert!(
            failure.contains("jwks.json`: the file is no JWK Set"),
            "{failure}"
        );
    }
}

/// A key that is too short to be safe.
const RSA_1024: &str = "\
-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCtjLeGcuWukxJ45TL3PJfAgwA6
4ruUlX3+7A6U4aURITqx+d2E0J3S6ikA9YkwLA2YcOurMrO5YyBppx3MYYtrHjA/
ofglX8VJroi56lZg2qOYCaS+PwfJLOzFDS+u4q9LzJwmDOyKMToiOYep0Ni92m30
lKplO7FY/GuWvqWp9QIDAQAB
-----END PUBLIC KEY-----
";

/// A key on a curve that has no algorithm here, with points as large as those of P-256.
const SECP256K1: &str = "\
-----BEGIN PUBLIC KEY-----
MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEtlBZmWswIJ0ffvvPZEg2i8wEQtwyzm/y
S1bZq1XaDwgIMppRQX/Brb4ZXhTGPkVrQtT1N/+6Ri0sNQpt7Ccm9Q==
-----END PUBLIC KEY-----
";

/// A key of the other Edwards curve.
const ED448: &str = "\
-----BEGIN PUBLIC KEY-----
MEMwBQYDK2VxAzoABT0vOQ8rPU00y3PujiKSe4r34a+bsS6KZPB+yj/YTCStdxnK
JGK0vMsqQO6Dc1WpKesGhsu9ktmA
-----END PUBLIC KEY-----
";

#[test]
fn a_file_that_holds_no_key_to_check_with_is_refused() {
    let (rsa, p256) = (Signer::rsa(), Signer::p256());
    let certificate = rsa.public().replace("PUBLIC KEY", "CERTIFICATE");
    let twice = [rsa.public(), p256.public()].concat();
    let der = pem::parse(rsa.public()).unwrap().into_contents();
    let der_p256 = pem::parse(p256.public()).unwrap().into_contents();
    let unframed = rsa.public().lines().nth(1).unwrap();
    let long = "x".repeat(63);
    let not_a_key = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    let cases: [(&[u8], &str, &str); 20] = [
        (rsa.private().as_bytes(), "", "it holds a private key"),
        (p256.private().as_bytes(), "", "it holds a private key"),
        (certificate.as_bytes(), "", "it holds a `CERTIFICATE`"),
        (twice.as_bytes(), "", "exactly one public key"),
        (not_a_key.as_bytes(), "", "it is no public key of the kinds"),
        (
            RSA_1024.as_bytes(),
            "",
            "an RSA key must have 2,048 to 8,192 bits",
        ),
        (
            SECP256K1.as_bytes(),
            "",
            "it is no valid key for the algorithm",
        ),
        (ED448.as_bytes(), "", "it is no public key of the kinds"),
        (&der, "", "looks like a public key that is not in PEM"),
        (&der_p256, "", "looks like a public key that is not in PEM"),
        (
            unframed.as_bytes(),
            "",
            "looks like a public key that is not in PEM",
        ),
        (
            b"ssh-ed25519 AAAA",
            "",
            "looks like a public key that is not in PEM",
        ),
        (b"{\"keys\":[]}", "", "name a JWK Set as `jwks_file`"),
        (b"", "", "the secret has 0 bytes; HS256 needs at least 32"),
        (
            &[b'x'; 31],
            "",
            "the secret has 31 bytes; HS256 needs at least 32",
        ),
        (
            long.as_bytes(),
            "HS512",
            "the secret has 63 bytes; HS512 needs at least 64",
        ),
        (
            rsa.public().as_bytes(),
            "HS256",
            "it holds an RSA key, and the algorithm is HS256",
        ),
        (
            SECRET.as_bytes(),
            "RS256",
            "it holds a secret, and the algorithm is RS256",
        ),
        (
            p256.public().as_bytes(),
            "ES384",
            "it is no valid key for the algorithm",
        ),
        (
            p256.public().as_bytes(),
            "EdDSA",
            "it holds an elliptic curve key",
        ),
    ];
    for (content, algorithm, expected) in cases {
        let place = Place::new();
        place.write("key.pem", content);
        let algorithm = match algorithm {
            "" => String::new(),
            name => format!("algorithm = '{name}'"),
        };
        let lines = format!("key_file = 'key.pem'\n{algorithm}");
        place.write("auth.toml", jwt_table(&lines));
        let failure = place.failure();
        assert!(
            failure.contains("key.pem`: ") && failure.contains(expected),
            "`{expected}` in: {failure}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_secret_that_others_can_read_is_worth_a_warning() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;
    let warnings = |signer: &Signer, mode| {
        let (place, _) = Place::with_key_of(signer);
        for (file, mode) in [("auth.toml", 0o600), ("key", mode)] {
            set_permissions(place.path(file), Permissions::from_mode(mode)).unwrap();
        }
        logged(|| drop(place.load()))
    };
    let hmac = Signer::hmac(SECRET);
    for mode in [0o644, 0o640, 0o604] {
        let log = warnings(&hmac, mode);
        assert!(
            matches!(&log[..], [(Level::WARN, text)] if text.contains("key` can be read by other")),
            "{mode:o}: {log:?}"
        );
    }
    assert_eq!(warnings(&hmac, 0o600), []);
    assert_eq!(
        warnings(&Signer::p256(), 0o644),
        [],
        "a public key is public"
    );
}

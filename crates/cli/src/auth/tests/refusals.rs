//! Tokens that must not get in.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use refund_rest::{Grants, OrgGrant, Permission};
use serde_json::{Value, json};

use super::signer::{SECRET, Signer};
use super::{
    Place, Unauthenticated, ana, answer, claims, claims_with, good, in_seconds, jwt_table,
};

#[test]
fn claims_that_do_not_fit_are_refused_each_for_its_reason() {
    use Unauthenticated::{
        Expired, InvalidClaim, Malformed, MissingClaim, NotYetValid, WrongAudience, WrongIssuer,
    };
    let signer = Signer::p256();
    let (_place, authenticator) = Place::with_key_of(&signer);
    let long = "x".repeat(256);
    let cases: [(&str, Value, Unauthenticated); 30] = [
        ("exp", json!(in_seconds(-3_600)), Expired),
        ("exp", json!(in_seconds(-1)), Expired),
        ("exp", json!(in_seconds(0)), Expired),
        ("exp", Value::Null, MissingClaim("exp")),
        ("exp", json!("2999-01-01"), MissingClaim("exp")),
        ("exp", json!(-1), MissingClaim("exp")),
        ("nbf", json!(in_seconds(3_600)), NotYetValid),
        ("nbf", json!(in_seconds(25)), NotYetValid),
        ("nbf", json!("soon"), Malformed),
        ("iss", json!("https://other.example"), WrongIssuer),
        ("iss", json!("https://issuer.example/"), WrongIssuer),
        ("iss", json!(""), WrongIssuer),
        ("iss", Value::Null, MissingClaim("iss")),
        ("iss", json!(7), MissingClaim("iss")),
        ("aud", json!("other"), WrongAudience),
        ("aud", json!(["other", "another"]), WrongAudience),
        ("aud", json!([]), WrongAudience),
        ("aud", Value::Null, MissingClaim("aud")),
        ("aud", json!({"refunds": true}), MissingClaim("aud")),
        ("sub", Value::Null, MissingClaim("sub")),
        ("sub", json!(""), InvalidClaim("sub")),
        ("sub", json!(" ana"), InvalidClaim("sub")),
        ("sub", json!("ana\n"), InvalidClaim("sub")),
        ("sub", json!(long), InvalidClaim("sub")),
        ("sub", json!(7), Malformed),
        ("orgs", json!("acme"), Malformed),
        ("orgs", json!([7]), Malformed),
        ("orgs", json!(["acme", ""]), InvalidClaim("orgs")),
        ("actions", json!("read"), Malformed),
        ("actions", json!({"read": true}), Malformed),
    ];
    for (name, value, expected) in cases {
        let token = signer.sign(
            &Header::new(Algorithm::ES256),
            &claims_with(name, value.clone()),
        );
        assert_eq!(
            answer(&authenticator, &token),
            Err(expected),
            "`{name}` is {value}"
        );
    }
}

#[test]
fn claims_that_fit_are_taken() {
    let signer = Signer::p256();
    let (_place, authenticator) = Place::with_key_of(&signer);
    let cases = [
        ("exp", json!(in_seconds(60))),
        ("nbf", json!(in_seconds(-3_600))),
        ("nbf", json!(in_seconds(5))),
        ("aud", json!(["other", "refunds"])),
        ("jti", json!("7")),
        (
            "actions",
            json!(["read", "wiretap", "create_refund", "READ"]),
        ),
    ];
    for (name, value) in cases {
        let token = signer.sign(
            &Header::new(Algorithm::ES256),
            &claims_with(name, value.clone()),
        );
        assert_eq!(
            answer(&authenticator, &token),
            Ok(ana()),
            "`{name}` is {value}"
        );
    }
}

#[test]
fn a_caller_may_do_what_the_claims_say_and_nothing_without_them() {
    let signer = Signer::p256();
    let (_place, authenticator) = Place::with_key_of(&signer);
    let acme = || OrgGrant::Org("acme".parse().unwrap());
    let globex = || OrgGrant::Org("globex".parse().unwrap());
    let may = [Permission::Read, Permission::CreateRefund];
    let cases = [
        ("orgs", json!(["*"]), Grants::new([OrgGrant::Every], may)),
        ("orgs", json!([]), Grants::new([], may)),
        ("orgs", Value::Null, Grants::new([], may)),
        ("actions", json!([]), Grants::new([acme(), globex()], [])),
        ("actions", json!(["x"]), Grants::new([acme(), globex()], [])),
        ("actions", Value::Null, Grants::new([acme(), globex()], [])),
    ];
    for (name, value, grants) in cases {
        let token = signer.sign(
            &Header::new(Algorithm::ES256),
            &claims_with(name, value.clone()),
        );
        let caller = answer(&authenticator, &token).unwrap();
        assert_eq!(caller.grants, grants, "`{name}` is {value}");
    }
}

#[test]
fn a_token_of_another_key_is_refused() {
    let pairs = [
        (Signer::rsa(), &Signer::other_rsa()),
        (&Signer::p256(), &Signer::p256()),
        (&Signer::p384(), &Signer::p384()),
        (&Signer::ed25519(), &Signer::ed25519()),
        (
            &Signer::hmac(SECRET),
            &Signer::hmac(&SECRET.replace('b', "c")),
        ),
    ];
    for (signer, other) in pairs {
        let (_place, authenticator) = Place::with_key_of(signer);
        assert_eq!(
            answer(&authenticator, &good(other)),
            Err(Unauthenticated::WrongSignature),
            "{:?}",
            signer.usual()
        );
    }
}

#[test]
fn a_token_that_brings_its_own_key_is_refused() {
    let (signer, other) = (Signer::p256(), Signer::p256());
    let (_place, authenticator) = Place::with_key_of(&signer);
    let mut header = Header::new(Algorithm::ES256);
    let key: Jwk = serde_json::from_value(other.jwk("a")).unwrap();
    header.jwk = Some(key);
    assert_eq!(
        answer(&authenticator, &other.sign(&header, &claims())),
        Err(Unauthenticated::WrongSignature)
    );
}

/// The attack of signing with the public key as if it were a shared secret.
#[test]
fn a_public_key_is_never_used_as_a_secret() {
    for signer in [Signer::rsa(), &Signer::p256(), &Signer::ed25519()] {
        let der = pem::parse(signer.public()).unwrap().into_contents();
        let secrets = [
            signer.public().as_bytes(),
            signer.public().trim_end().as_bytes(),
            &der,
        ];
        let jwks = Place::new();
        jwks.write("jwks.json", json!({"keys": [signer.jwk("a")]}).to_string());
        jwks.write("auth.toml", jwt_table("jwks = 'jwks.json'"));
        let (_place, authenticator) = Place::with_key_of(signer);
        for (authenticator, secret) in [&authenticator, &jwks.load()]
            .into_iter()
            .flat_map(|authenticator| secrets.map(|secret| (authenticator, secret)))
        {
            for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
                let key = EncodingKey::from_secret(secret);
                let token = jsonwebtoken::encode(&Header::new(algorithm), &claims(), &key);
                assert_eq!(
                    answer(authenticator, &token.unwrap()),
                    Err(Unauthenticated::WrongAlgorithm),
                    "{algorithm:?} with the public key of {:?}",
                    signer.usual()
                );
            }
        }
    }
}

/// `{"alg":"none"}`, `{"alg":"None"}` and `{"alg":""}` in base64url.
const UNSIGNED: [&str; 3] = [
    "eyJhbGciOiJub25lIn0",
    "eyJhbGciOiJOb25lIn0",
    "eyJhbGciOiIifQ",
];

#[test]
fn a_token_that_is_not_signed_is_refused() {
    let signer = Signer::p256();
    let (_place, authenticator) = Place::with_key_of(&signer);
    let token = good(&signer);
    let [header, payload, signature] = parts(&token);
    for unsigned in UNSIGNED {
        for end in ["", signature] {
            let token = format!("{unsigned}.{payload}.{end}");
            assert_eq!(
                answer(&authenticator, &token),
                Err(Unauthenticated::Malformed),
                "{token}"
            );
        }
    }
    let cut = &signature[..signature.len() - 2];
    for end in ["", "AAAA", cut] {
        assert_eq!(
            answer(&authenticator, &format!("{header}.{payload}.{end}")),
            Err(Unauthenticated::WrongSignature),
            "the signature is `{end}`"
        );
    }
}

#[test]
fn a_signature_does_not_fit_other_claims_or_another_header() {
    for signer in [Signer::rsa(), &Signer::p256(), &Signer::hmac(SECRET)] {
        let (_place, authenticator) = Place::with_key_of(signer);
        let token = good(signer);
        let [header, payload, signature] = parts(&token);
        let every = signer.sign(
            &Header::new(signer.usual()),
            &claims_with("orgs", json!(["*"])),
        );
        let [_, more, _] = parts(&every);
        let named = signer.sign_as("a", &claims());
        let [other_header, _, _] = parts(&named);
        for (header, payload) in [(header, more), (other_header, payload)] {
            assert_eq!(
                answer(&authenticator, &format!("{header}.{payload}.{signature}")),
                Err(Unauthenticated::WrongSignature),
                "{:?}",
                signer.usual()
            );
        }
        assert_eq!(answer(&authenticator, &token), Ok(ana()));
    }
}

#[test]
fn a_token_that_needs_an_extension_is_refused() {
    let signer = Signer::p256();
    let (_place, authenticator) = Place::with_key_of(&signer);
    let mut header = Header::new(Algorithm::ES256);
    header.crit = Some(vec!["exp".into()]);
    assert_eq!(
        answer(&authenticator, &signer.sign(&header, &claims())),
        Err(Unauthenticated::UnknownExtension)
    );
}

#[test]
fn garbage_is_refused() {
    let signer = Signer::p256();
    let (_place, authenticator) = Place::with_key_of(&signer);
    let token = good(&signer);
    let [header, payload, signature] = parts(&token);
    for garbage in ["..", "a.b.c", "e30.e30.e30", "====.====.====", "-.-.-"] {
        assert_eq!(
            answer(&authenticator, garbage),
            Err(Unauthenticated::Malformed),
            "{garbage}"
        );
    }
    for garbage in [
        "rl_00",
        header,
        &format!("{header}.{payload}"),
        &format!("{token}.{signature}"),
    ] {
        assert_eq!(
            answer(&authenticator, garbage),
            Err(Unauthenticated::UnknownToken),
            "{garbage}"
        );
    }
    let not_an_object = signer.sign(&Header::new(Algorithm::ES256), &json!([claims()]));
    assert_eq!(
        answer(&authenticator, &not_an_object),
        Err(Unauthenticated::Malformed)
    );
}

#[test]
fn no_reason_repeats_anything_of_the_token() {
    let signer = Signer::p256();
    let (_place, authenticator) = Place::with_key_of(&signer);
    for name in ["sub", "iss", "aud", "orgs"] {
        let token = signer.sign(
            &Header::new(Algorithm::ES256),
            &claims_with(name, json!(["s3cret", " s3cret "])),
        );
        let reason = answer(&authenticator, &token).unwrap_err();
        let told = format!("{reason} {reason:?}");
        assert!(!told.contains("s3cret"), "{told}");
        assert!(!told.contains(&token), "{told}");
    }
}

fn parts(token: &str) -> [&str; 3] {
    let parts: Vec<&str> = token.split('.').collect();
    parts.try_into().unwrap()
}

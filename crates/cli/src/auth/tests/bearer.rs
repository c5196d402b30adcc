//! The header `Authorization`.

use http::{HeaderMap, HeaderValue, header};
use refund_ledger::Hash;

use super::{Place, Unauthenticated};
use crate::auth::Authenticator;

const TOKEN: &str = "rl_an-example-of-a-token";

fn with_static_token() -> (Place, Authenticator) {
    let place = Place::new();
    place.write(
        "auth.toml",
        format!(
            "[[token]]\nsubject = 'ops'\norgs = ['*']\nactions = ['read']\nsha256 = '{}'\n",
            Hash::of(&[TOKEN.as_bytes()])
        ),
    );
    let authenticator = place.load();
    (place, authenticator)
}

#[test]
fn a_static_token_names_its_caller_however_the_scheme_is_written() {
    let (_place, authenticator) = with_static_token();
    for scheme in ["Bearer ", "bearer ", "BEARER ", "Bearer   "] {
        let headers = headers(&[&format!("{scheme}{TOKEN}")]);
        let caller = authenticator.caller(&headers).unwrap();
        assert_eq!(caller.subject.as_str(), "ops", "after `{scheme}`");
    }
}

#[test]
fn what_is_not_exactly_one_bearer_token_names_nobody() {
    use Unauthenticated::{NoHeader, NotBearer, SeveralHeaders, TooLong, UnknownToken};
    let (_place, authenticator) = with_static_token();
    let good = format!("Bearer {TOKEN}");
    let cases: [(&[&str], Unauthenticated); 18] = [
        (&[], NoHeader),
        (&[&good, &good], SeveralHeaders),
        (&[&good, "Basic b3BzOm9wcw=="], SeveralHeaders),
        (&["Basic b3BzOm9wcw=="], NotBearer),
        (&[""], NotBearer),
        (&["Bearer"], NotBearer),
        (&["Bearer "], NotBearer),
        (&["Bear"], NotBearer),
        (&[TOKEN], NotBearer),
        (&[&format!("Bearer{TOKEN}")], NotBearer),
        (&[&format!("Bearer\t{TOKEN}")], NotBearer),
        (&[&format!("Bearers {TOKEN}")], NotBearer),
        (&[&format!("Bearer {TOKEN} ")], NotBearer),
        (&[&format!("Bearer {TOKEN} {TOKEN}")], NotBearer),
        (&[&format!("Bearer {TOKEN},{good}")], NotBearer),
        (&[&format!("Bearer {TOKEN}0")], UnknownToken),
        (
            &[&format!("Bearer {}", "x".repeat(8 * 1_024))],
            UnknownToken,
        ),
        (&[&format!("Bearer {}", "x".repeat(1_000_000))], TooLong),
    ];
    for (values, expected) in cases {
        assert_eq!(
            authenticator.caller(&headers(values)),
            Err(expected),
            "{:.60}",
            values.join(" and ")
        );
    }
    let not_text = HeaderValue::from_bytes(b"Bearer \xff\xfe").unwrap();
    let not_text = HeaderMap::from_iter([(header::AUTHORIZATION, not_text)]);
    assert_eq!(authenticator.caller(&not_text), Err(NotBearer));
}

#[test]
fn where_there_are_only_static_tokens_no_jwt_is_looked_into() {
    let (_place, authenticator) = with_static_token();
    assert_eq!(
        super::answer(&authenticator, "eyJhbGciOiJub25lIn0.e30."),
        Err(Unauthenticated::UnknownToken)
    );
}

fn headers(values: &[&str]) -> HeaderMap {
    values
        .iter()
        .map(|value| (header::AUTHORIZATION, HeaderValue::from_str(value).unwrap()))
        .collect()
}

//! What the authenticator lets in, and what it does not.

mod bearer;
mod keys;
mod log;
mod refusals;
mod reload;
mod settings;
mod signer;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use jsonwebtoken::Header;
use refund_rest::{Caller, Grants, OrgGrant, Permission};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Authenticator, Unauthenticated};
use signer::Signer;

/// A folder with the files that an authenticator reads.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    /// An authenticator that looks at its files before every answer.
    #[track_caller]
    fn load(&self) -> Authenticator {
        Authenticator::load_and_look_every(Duration::ZERO, &self.path("auth.toml"))
            .unwrap_or_else(|failure| panic!("the file should be taken: {failure}"))
    }

    /// Why the file can't be used.
    #[track_caller]
    fn failure(&self) -> String {
        match Authenticator::load(&self.path("auth.toml")) {
            Ok(_) => panic!("the file should be refused"),
            Err(failure) => failure.to_string(),
        }
    }

    /// An authenticator for JWTs that are checked with the public half of the signer's key.
    fn with_key_of(signer: &Signer) -> (Self, Authenticator) {
        let place = Self::new();
        place.write("key", signer.public());
        place.write("auth.toml", jwt_table("key_file = 'key'"));
        let authenticator = place.load();
        (place, authenticator)
    }
}

/// A table `[jwt]` with these lines besides issuer and audience.
fn jwt_table(lines: &str) -> String {
    format!("[jwt]\nissuer = 'https://issuer.example'\naudience = 'refunds'\n{lines}\n")
}

/// The claims of a good token.
fn claims() -> Value {
    json!({"iss": "https://issuer.example", "aud": "refunds", "exp": in_seconds(600),
        "sub": "ana", "orgs": ["acme", "globex"], "actions": ["read", "create_refund"]})
}

/// The good claims with one of them changed, or left out for `null`.
fn claims_with(name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims();
    match value.into() {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
        value => claims[name] = value,
    }
    claims
}

/// The caller whom the good claims name.
fn ana() -> Caller {
    Caller {
        subject: "ana".parse().unwrap(),
        grants: Grants::new(
            ["acme", "globex"].map(|org| OrgGrant::Org(org.parse().unwrap())),
            [Permission::Read, Permission::CreateRefund],
        ),
    }
}

fn in_seconds(seconds: i64) -> i64 {
    i64::try_from(jsonwebtoken::get_current_timestamp()).unwrap() + seconds
}

fn bearer(token: &str) -> HeaderMap {
    let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    HeaderMap::from_iter([(header::AUTHORIZATION, value)])
}

/// The answer to a request with the token.
fn answer(authenticator: &Authenticator, token: &str) -> Result<Caller, Unauthenticated> {
    authenticator.caller(&bearer(token))
}

/// A good token of the signer, whatever its algorithm.
fn good(signer: &Signer) -> String {
    signer.sign(&Header::new(signer.usual()), &claims())
}

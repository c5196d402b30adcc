//! JSON Web Tokens (RFC 7519).

use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, Header, Validation};
use refund_ledger::Id;
use refund_rest::{Caller, Grants, OrgGrant, Permission};
use serde::Deserialize;

use super::jwks::{self, NamedKey};
use super::key::Key;
use super::refused::Unauthenticated;
use super::settings::{JwtSettings, KeyFile};
use super::source::{Fingerprint, Source};
use crate::failure::Failure;

/// How far an issuer's clock may be ahead of this one, in seconds. A token is of no use after its
/// expiry, though, by this clock.
const CLOCK_AHEAD_S_MAX: u64 = 10;

/// The claims that every token needs. What a token may do is not one of them: one that names no org
/// or no action is a caller who may do nothing.
const REQUIRED: [&str; 4] = ["exp", "iss", "aud", "sub"];

/// How JWTs are checked.
pub(crate) struct JwtCheck {
    keys: Vec<CheckedKey>,
    /// Whether a token says by its `kid` which key it means.
    by_id: bool,
}

struct CheckedKey {
    id: Option<String>,
    key: Key,
    validation: Validation,
}

#[derive(Deserialize)]
struct Claims {
    sub: Option<String>,
    #[serde(default)]
    orgs: Vec<String>,
    #[serde(default)]
    actions: Vec<String>,
}

impl JwtCheck {
    /// Reads the keys.
    pub(crate) fn load(
        settings: &JwtSettings,
        warnings: &mut Vec<String>,
    ) -> Result<(Self, Fingerprint), Failure> {
        let (source, keys, by_id) = match &settings.keys {
            KeyFile::Key(path) => {
                let source = Source::read(path)?;
                let key = Key::read(&source, settings.algorithm)?;
                (source, vec![NamedKey { id: None, key }], false)
            }
            KeyFile::Jwks(path) => {
                let source = Source::read(path)?;
                let keys = jwks::read(&source, settings.algorithm, warnings)?;
                (source, keys, true)
            }
        };
        if keys.iter().any(|NamedKey { key, .. }| key.is_secret()) {
            warnings.extend(source.warning_if_open_to_others());
        }
        let keys = keys
            .into_iter()
            .map(|NamedKey { id, key }| CheckedKey {
                id,
                validation: validation(key.algorithm, settings),
                key,
            })
            .collect();
        Ok((Self { keys, by_id }, source.print()))
    }

    /// The caller whom the token names.
    pub(crate) fn caller(&self, token: &str) -> Result<Caller, Unauthenticated> {
        let header = jsonwebtoken::decode_header(token).map_err(|error| refusal(&error))?;
        if header.crit.is_some() {
            return Err(Unauthenticated::UnknownExtension);
        }
        let key = self.key_of(&header)?;
        let claims = jsonwebtoken::decode::<Claims>(token, &key.key.decoding, &key.validation)
            .map_err(|error| refusal(&error))?
            .claims;
        claims.caller()
    }

    /// The key that the token has to be signed with. The token chooses among keys, each of which
    /// comes with its algorithm.
    fn key_of(&self, header: &Header) -> Result<&CheckedKey, Unauthenticated> {
        let candidates: Vec<&CheckedKey> = match &header.kid {
            Some(id) if self.by_id => {
                let of_id = |key: &&CheckedKey| key.id.as_ref() == Some(id);
                self.keys.iter().filter(of_id).collect()
            }
            None if self.by_id && self.keys.len() != 1 => return Err(Unauthenticated::NoKeyId),
            _ => self.keys.iter().collect(),
        };
        if candidates.is_empty() {
            return Err(Unauthenticated::UnknownKey);
        }
        candidates
            .into_iter()
            .find(|key| key.key.algorithm == header.alg)
            .ok_or(Unauthenticated::WrongAlgorithm)
    }
}

fn validation(algorithm: Algorithm, settings: &JwtSettings) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.set_required_spec_claims(&REQUIRED);
    validation.set_issuer(&[&settings.issuer]);
    validation.set_audience(&settings.audience);
    validation.validate_nbf = true;
    // The library moves both ends of a token's life by one leeway. This takes it back at the end,
    // and with it the second of the expiry itself, which no longer counts (RFC 7519, 4.1.4).
    validation.leeway = CLOCK_AHEAD_S_MAX;
    validation.reject_tokens_expiring_in_less_than = CLOCK_AHEAD_S_MAX + 1;
    validation
}

impl Claims {
    fn caller(self) -> Result<Caller, Unauthenticated> {
        let subject = self.sub.ok_or(Unauthenticated::MissingClaim("sub"))?;
        let subject: Id = subject
            .parse()
            .map_err(|_| Unauthenticated::InvalidClaim("sub"))?;
        let orgs = self
            .orgs
            .iter()
            .map(|org| org.parse())
            .collect::<Result<Vec<OrgGrant>, _>>()
            .map_err(|_| Unauthenticated::InvalidClaim("orgs"))?;
        // An issuer's tokens may serve other programs too, whose actions mean nothing here.
        let actions = self
            .actions
            .iter()
            .filter_map(|action| Permission::named(action));
        let grants = Grants::new(orgs, actions);
        Ok(Caller { subject, grants })
    }
}

fn refusal(error: &Error) -> Unauthenticated {
    match error.kind() {
        ErrorKind::InvalidAlgorithm => Unauthenticated::WrongAlgorithm,
        ErrorKind::InvalidSignature => Unauthenticated::WrongSignature,
        ErrorKind::ExpiredSignature => Unauthenticated::Expired,
        ErrorKind::ImmatureSignature => Unauthenticated::NotYetValid,
        ErrorKind::InvalidIssuer => Unauthenticated::WrongIssuer,
        ErrorKind::InvalidAudience => Unauthenticated::WrongAudience,
        ErrorKind::MissingRequiredClaim(claim) => REQUIRED
            .into_iter()
            .find(|required| required == claim)
            .map_or(Unauthenticated::Malformed, Unauthenticated::MissingClaim),
        _ => Unauthenticated::Malformed,
    }
}

//! A JWK Set: several keys, told apart by their `kid` (RFC 7517).

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::key::Key;
use super::source::Source;
use crate::failure::Failure;

/// A key of a set.
pub(crate) struct NamedKey {
    /// Its `kid`.
    pub(crate) id: Option<String>,
    /// The key.
    pub(crate) key: Key,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

/// Reads the keys that can check signatures: all of one algorithm, if one is wanted. As the
/// standard asks, what a set holds besides is passed over, so that an issuer may add a kind of key
/// that is not known here. Why a key that is for signatures is left out is a warning.
pub(crate) fn read(
    source: &Source,
    wanted: Option<Algorithm>,
    warnings: &mut Vec<String>,
) -> Result<Vec<NamedKey>, Failure> {
    let set: Set = serde_json::from_slice(&source.bytes).map_err(|error| {
        source.flaw(&format!(
            "the file is no JWK Set, an object with the list `keys`: line {}, column {}",
            error.line(),
            error.column()
        ))
    })?;
    let mut keys: Vec<NamedKey> = Vec::new();
    for (value, number) in set.keys.into_iter().zip(1..) {
        if holds_private_key(&value) {
            return Err(source.flaw(&format!(
                "key number {number} is a private key, which the server must not have; leave only public ones"
            )));
        }
        match usable(value, wanted) {
            Ok(Some(key)) if keys.iter().any(|other| other.clashes_with(&key)) => {
                return Err(source.flaw(&format!(
                    "key number {number} has the `kid` of another key; give each its own"
                )));
            }
            Ok(Some(key)) => keys.push(key),
            Ok(None) => {}
            Err(why) => warnings.push(format!(
                "`{}`: key number {number} is left out: {why}",
                source.path.display()
            )),
        }
    }
    if keys.is_empty() {
        return Err(source.flaw(&match wanted {
            Some(wanted) => format!("it holds no key that can check signatures with {wanted:?}"),
            None => "it holds no key that can check signatures".into(),
        }));
    }
    Ok(keys)
}

impl NamedKey {
    /// Whether a token could mean either.
    fn clashes_with(&self, other: &Self) -> bool {
        self.id == other.id && self.key.algorithm == other.key.algorithm
    }
}

fn holds_private_key(key: &Value) -> bool {
    key.get("kty").is_some_and(|kty| kty != "oct") && key.get("d").is_some()
}

/// The key, nothing for one of another purpose, or why it can't be used.
fn usable(value: Value, wanted: Option<Algorithm>) -> Result<Option<NamedKey>, String> {
    let jwk: Jwk = serde_json::from_value(value).map_err(|_| "a field can't be read")?;
    let common = &jwk.common;
    let is_for_signatures = common
        .public_key_use
        .as_ref()
        .is_none_or(|purpose| *purpose == PublicKeyUse::Signature)
        && common
            .key_operations
            .as_ref()
            .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    if !is_for_signatures {
        return Ok(None);
    }
    let own = common
        .key_algorithm
        .map(Algorithm::try_from)
        .transpose()
        .map_err(|_| "its `alg` is not known")?;
    let of_curve = algorithm_of_curve(&jwk.algorithm)?;
    let decoding = DecodingKey::from_jwk(&jwk).map_err(|_| "it is of no kind that is known")?;
    let key = Key::new(decoding, own.or(of_curve).or(wanted))?;
    if wanted.is_some_and(|wanted| wanted != key.algorithm) {
        return Ok(None);
    }
    Ok(Some(NamedKey {
        id: jwk.common.key_id,
        key,
    }))
}

/// The one algorithm that there is for a curve; nothing for keys that are not on one.
fn algorithm_of_curve(key: &AlgorithmParameters) -> Result<Option<Algorithm>, String> {
    let curve = match key {
        AlgorithmParameters::EllipticCurve(key) => &key.curve,
        AlgorithmParameters::OctetKeyPair(key) => &key.curve,
        _ => return Ok(None),
    };
    match curve {
        EllipticCurve::P256 => Ok(Some(Algorithm::ES256)),
        EllipticCurve::P384 => Ok(Some(Algorithm::ES384)),
        EllipticCurve::Ed25519 => Ok(Some(Algorithm::EdDSA)),
        _ => Err("there is no algorithm for its curve here".into()),
    }
}

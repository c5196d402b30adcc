//! One key, and the one algorithm that it is used with.

use aws_lc_rs::rsa::PublicKey as RsaPublicKey;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey,
    RsaPublicKeyComponents, VerificationAlgorithm,
};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind};

use super::source::Source;
use crate::failure::Failure;

/// The sizes of RSA keys that are accepted, in bytes of the modulus: 2,048 to 8,192 bits.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1_024;

const PEM_BEGIN: &str = "-----BEGIN ";

/// A key with the one algorithm that it is used with: a token has no say in it.
pub(crate) struct Key {
    /// How signatures are made.
    pub(crate) algorithm: Algorithm,
    /// What they are checked with.
    pub(crate) decoding: DecodingKey,
}

impl Key {
    /// Reads a file with one public key in PEM, or else a secret.
    pub(crate) fn read(source: &Source, wanted: Option<Algorithm>) -> Result<Self, Failure> {
        let key = if contains(&source.bytes, PEM_BEGIN.as_bytes()) {
            Self::from_pem(&source.bytes, wanted)
        } else {
            Self::from_secret(&source.bytes, wanted)
        };
        key.map_err(|what| source.flaw(&what))
    }

    fn from_pem(pem: &[u8], wanted: Option<Algorithm>) -> Result<Self, String> {
        check_label(pem)?;
        let decoding = DecodingKey::from_rsa_pem(pem)
            .or_else(|_| DecodingKey::from_ec_pem(pem))
            .or_else(|_| DecodingKey::from_ed_pem(pem))
            .map_err(|_| "it is no public key of the kinds RSA, P-256, P-384 and Ed25519")?;
        Self::new(decoding, wanted)
    }

    fn from_secret(content: &[u8], wanted: Option<Algorithm>) -> Result<Self, String> {
        check_secret(content)?;
        // The end of line is the editor's. No other byte is taken off, as it may be the secret's.
        let secret = content.strip_suffix(b"\n").unwrap_or(content);
        let secret = secret.strip_suffix(b"\r").unwrap_or(secret);
        Self::new(DecodingKey::from_secret(secret), wanted)
    }

    /// Whether the key is to be kept secret: with it, tokens can be made.
    pub(crate) fn is_secret(&self) -> bool {
        self.decoding.family() == AlgorithmFamily::Hmac
    }

    /// The key, with the wanted algorithm or the usual one for its kind.
    pub(crate) fn new(decoding: DecodingKey, wanted: Option<Algorithm>) -> Result<Self, String> {
        let usual = match decoding.family() {
            AlgorithmFamily::Hmac => &[Algorithm::HS256][..],
            AlgorithmFamily::Rsa => &[Algorithm::RS256],
            AlgorithmFamily::Ec => &[Algorithm::ES256, Algorithm::ES384],
            AlgorithmFamily::Ed => &[Algorithm::EdDSA],
        };
        match wanted {
            Some(wanted) if wanted.family() != decoding.family() => Err(format!(
                "it holds {}, and the algorithm is {wanted:?}; name one that is for such a key",
                kind(decoding.family())
            )),
            Some(wanted) => check(wanted, &decoding).map(|()| wanted),
            None => usual
                .iter()
                .copied()
                .map(|algorithm| check(algorithm, &decoding).map(|()| algorithm))
                .reduce(Result::or)
                .unwrap_or_else(|| Err("there is no algorithm for such a key".into())),
        }
        .map(|algorithm| Self {
            algorithm,
            decoding,
        })
    }
}

fn kind(family: AlgorithmFamily) -> &'static str {
    match family {
        AlgorithmFamily::Hmac => "a secret",
        AlgorithmFamily::Rsa => "an RSA key",
        AlgorithmFamily::Ec => "an elliptic curve key",
        AlgorithmFamily::Ed => "an Ed25519 key",
    }
}

/// Exactly one block, with a public key.
fn check_label(pem: &[u8]) -> Result<(), String> {
    let text = str::from_utf8(pem).map_err(|_| "the file is neither PEM nor a secret")?;
    let labels: Vec<&str> = text
        .split(PEM_BEGIN)
        .skip(1)
        .filter_map(|block| block.split_once("-----"))
        .map(|(label, _)| label)
        .collect();
    if labels.iter().any(|label| label.contains("PRIVATE KEY")) {
        return Err(
            "it holds a private key, which the server must not have; give it the public key alone, as `openssl pkey -in FILE -pubout` prints it".into(),
        );
    }
    match labels.as_slice() {
        ["PUBLIC KEY" | "RSA PUBLIC KEY"] => Ok(()),
        [label] => Err(format!(
            "it holds a `{label}`; give the public key alone, a PEM file that begins `{PEM_BEGIN}PUBLIC KEY-----`"
        )),
        _ => Err("it does not hold exactly one public key; for several, use `jwks_file`".into()),
    }
}

/// Refuses as a secret what is most likely public: whoever knew it could make any token.
fn check_secret(content: &[u8]) -> Result<(), String> {
    let text = content.trim_ascii();
    if text.starts_with(b"{") {
        return Err("it looks like JSON, not like a key; name a JWK Set as `jwks_file`".into());
    }
    // How the public keys of all kinds begin that are in DER, the same in base64, or SSH's.
    let beginnings: [&[u8]; 9] = [
        b"\x30\x82",
        b"\x30\x59\x30",
        b"\x30\x76\x30",
        b"\x30\x2a\x30",
        b"MII",
        b"MFkw",
        b"MHYw",
        b"MCow",
        b"ssh-",
    ];
    if beginnings.iter().any(|bytes| text.starts_with(bytes)) {
        return Err(format!(
            "it looks like a public key that is not in PEM; convert it to a file that begins `{PEM_BEGIN}PUBLIC KEY-----`"
        ));
    }
    Ok(())
}

/// Whether the key can be used with the algorithm at all. Otherwise every token would be refused,
/// and nobody would know why.
fn check(algorithm: Algorithm, key: &DecodingKey) -> Result<(), String> {
    match (algorithm, key.kind()) {
        (Algorithm::HS256, DecodingKeyKind::SecretOrDer(secret)) => check_length(secret, 32),
        (Algorithm::HS384, DecodingKeyKind::SecretOrDer(secret)) => check_length(secret, 48),
        (Algorithm::HS512, DecodingKeyKind::SecretOrDer(secret)) => check_length(secret, 64),
        (Algorithm::ES256, DecodingKeyKind::SecretOrDer(point)) => {
            check_point(&ECDSA_P256_SHA256_FIXED, point)
        }
        (Algorithm::ES384, DecodingKeyKind::SecretOrDer(point)) => {
            check_point(&ECDSA_P384_SHA384_FIXED, point)
        }
        (Algorithm::EdDSA, DecodingKeyKind::SecretOrDer(point)) => check_point(&ED25519, point),
        (_, DecodingKeyKind::SecretOrDer(der)) => {
            let key = RsaPublicKey::from_der(der).map_err(|_| "it is no valid RSA key")?;
            check_rsa(&RsaPublicKeyComponents::<Vec<u8>>::from(&key))
        }
        (_, DecodingKeyKind::RsaModulusExponent { n, e }) => {
            check_rsa(&RsaPublicKeyComponents { n, e })
        }
    }
}

/// A secret is at least as long as the algorithm's hash (RFC 7518, 3.2).
fn check_length(secret: &[u8], bytes_min: usize) -> Result<(), String> {
    if secret.len() >= bytes_min {
        return Ok(());
    }
    Err(format!(
        "the secret has {} bytes; HS{} needs at least {bytes_min}: `openssl rand -hex {bytes_min}` makes one",
        secret.len(),
        bytes_min * 8
    ))
}

fn check_point(algorithm: &'static dyn VerificationAlgorithm, point: &[u8]) -> Result<(), String> {
    ParsedPublicKey::new(algorithm, point)
        .map(|_| ())
        .map_err(|_| "it is no valid key for the algorithm; elliptic curves are P-256 (ES256), P-384 (ES384) and Ed25519 (EdDSA)".into())
}

fn check_rsa<B: AsRef<[u8]> + std::fmt::Debug>(
    key: &RsaPublicKeyComponents<B>,
) -> Result<(), String> {
    if !RSA_BYTES.contains(&key.n.as_ref().len()) {
        return Err("an RSA key must have 2,048 to 8,192 bits".into());
    }
    key.to_parsed_public_key(&aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256)
        .map(|_| ())
        .map_err(|_| "it is no valid RSA key".into())
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

//! Keys that are made for one run of the tests, and tokens that are signed with them.

use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RsaKeyPair,
};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::Value;

/// A secret as `openssl rand -hex 32` prints it.
pub(super) const SECRET: &str = "b4f1c2d3e4a5968778695a4b3c2d1e0f00112233445566778899aabbccddeeff";

/// A key with which tokens are signed.
pub(super) struct Signer {
    key: EncodingKey,
    usual: Algorithm,
    private: String,
    public: String,
}

impl Signer {
    /// The tests' RSA key. It takes a while to make, so all tests have the same.
    pub(super) fn rsa() -> &'static Self {
        static SIGNER: OnceLock<Signer> = OnceLock::new();
        SIGNER.get_or_init(Self::other_rsa)
    }

    /// An RSA key that nobody else has.
    pub(super) fn other_rsa() -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let (private, public) = (private.as_ref(), public.as_ref());
        Self::new(Algorithm::RS256, private, public, EncodingKey::from_rsa_pem)
    }

    pub(super) fn p256() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self::of_curve(Algorithm::ES256, &pair)
    }

    pub(super) fn p384() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
        Self::of_curve(Algorithm::ES384, &pair)
    }

    fn of_curve(usual: Algorithm, pair: &EcdsaKeyPair) -> Self {
        let private = pair.to_pkcs8v1().unwrap();
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        Self::new(
            usual,
            private.as_ref(),
            public.as_ref(),
            EncodingKey::from_ec_pem,
        )
    }

    pub(super) fn ed25519() -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let (private, public) = (private.as_ref(), public.as_ref());
        Self::new(Algorithm::EdDSA, private, public, EncodingKey::from_ed_pem)
    }

    /// Who signs with a secret; both halves are the secret.
    pub(super) fn hmac(secret: &str) -> Self {
        Self {
            key: EncodingKey::from_secret(secret.as_bytes()),
            usual: Algorithm::HS256,
            private: secret.to_owned(),
            public: secret.to_owned(),
        }
    }

    fn new(
        usual: Algorithm,
        private: &[u8],
        public: &[u8],
        read: impl Fn(&[u8]) -> jsonwebtoken::errors::Result<EncodingKey>,
    ) -> Self {
        let private = pem::encode(&pem::Pem::new("PRIVATE KEY", private));
        Self {
            key: read(private.as_bytes()).unwrap(),
            usual,
            private,
            public: pem::encode(&pem::Pem::new("PUBLIC KEY", public)),
        }
    }

    /// The algorithm that goes without saying for this kind of key.
    pub(super) fn usual(&self) -> Algorithm {
        self.usual
    }

    /// What the server's key file holds.
    pub(super) fn public(&self) -> &str {
        &self.public
    }

    /// What the server must not have.
    pub(super) fn private(&self) -> &str {
        &self.private
    }

    /// The public key as an item of a JWK Set, without `alg`.
    pub(super) fn jwk(&self, id: &str) -> Value {
        let jwk = Jwk::from_encoding_key(&self.key, self.usual).unwrap();
        let mut jwk = serde_json::to_value(jwk).unwrap();
        jwk["kid"] = id.into();
        jwk.as_object_mut().unwrap().remove("alg");
        jwk
    }

    /// A token with these claims.
    pub(super) fn sign(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &self.key).unwrap()
    }

    /// A token whose header names this key of a set.
    pub(super) fn sign_as(&self, id: &str, claims: &Value) -> String {
        let mut header = Header::new(self.usual);
        header.kid = Some(id.into());
        self.sign(&header, claims)
    }
}

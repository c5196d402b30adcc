//! The file of `--auth`: its form, and what it says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jsonwebtoken::Algorithm;
use refund_ledger::{Hash, Id};
use refund_rest::{Caller, Grants, OrgGrant, Permission};
use serde::Deserialize;

use super::source::Source;
use crate::failure::Failure;

/// The names of the algorithms that JWTs may be signed with (RFC 7518, RFC 8037).
const ALGORITHMS: &str = "`RS256`, `RS384`, `RS512`, `PS256`, `PS384`, `PS512`, `ES256`, `ES384`, \
                          `EdDSA`, `HS256`, `HS384` and `HS512`";

/// What the file says.
pub(crate) struct Settings {
    /// How JWTs are checked, if any are accepted.
    pub(crate) jwt: Option<JwtSettings>,
    /// The caller of each static token, by the token's SHA-256.
    pub(crate) tokens: BTreeMap<Hash, Caller>,
}

/// The table `[jwt]`.
pub(crate) struct JwtSettings {
    /// Where the keys are.
    pub(crate) keys: KeyFile,
    /// The one issuer that is trusted: the claim `iss`.
    pub(crate) issuer: String,
    /// The names of this server: the claim `aud` has to hold one.
    pub(crate) audience: Vec<String>,
    /// The one algorithm, where it does not follow from the key.
    pub(crate) algorithm: Option<Algorithm>,
}

/// A file with keys.
pub(crate) enum KeyFile {
    /// One public key in PEM, or one secret.
    Key(PathBuf),
    /// A JWK Set (RFC 7517).
    Jwks(PathBuf),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileForm {
    jwt: Option<JwtForm>,
    #[serde(default)]
    token: Vec<TokenForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JwtForm {
    #[serde(alias = "key")]
    key_file: Option<PathBuf>,
    #[serde(alias = "jwks")]
    jwks_file: Option<PathBuf>,
    issuer: String,
    audience: OneOrMore,
    algorithm: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a string or a list of strings")]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenForm {
    subject: String,
    orgs: Vec<String>,
    actions: Vec<String>,
    sha256: String,
}

impl Settings {
    /// Reads the file's text, and not the files that it names.
    pub(crate) fn read(source: &Source) -> Result<Self, Failure> {
        let text =
            str::from_utf8(&source.bytes).map_err(|_| source.flaw("the file is not UTF-8"))?;
        let form: FileForm = toml_edit::de::from_str(text)
            .map_err(|error| source.flaw(&describe(text, error.span(), error.message())))?;
        let folder = source.path.parent().unwrap_or(Path::new(""));
        let jwt = form
            .jwt
            .map(|form| form.check(folder))
            .transpose()
            .map_err(|what| source.flaw(&format!("`[jwt]`: {what}")))?;
        let mut tokens = BTreeMap::new();
        for (form, number) in form.token.into_iter().zip(1..) {
            form.check()
                .and_then(|(hash, caller)| match tokens.insert(hash, caller) {
                    None => Ok(()),
                    Some(_) => Err("`sha256` stands there twice; remove one of the two".into()),
                })
                .map_err(|what| source.flaw(&format!("`[[token]]` number {number}: {what}")))?;
        }
        Ok(Self { jwt, tokens })
    }
}

impl JwtForm {
    fn check(self, folder: &Path) -> Result<JwtSettings, String> {
        // An absolute path stays what it is.
        let keys = match (self.key_file, self.jwks_file) {
            (Some(key), None) => KeyFile::Key(folder.join(key)),
            (None, Some(jwks)) => KeyFile::Jwks(folder.join(jwks)),
            _ => return Err("give exactly one of `key_file` and `jwks_file`".into()),
        };
        let audience = match self.audience {
            OneOrMore::One(name) => vec![name],
            OneOrMore::More(names) => names,
        };
        if audience.is_empty() || audience.iter().any(String::is_empty) {
            return Err("`audience` must not be empty".into());
        }
        if self.issuer.is_empty() {
            return Err("`issuer` must not be empty".into());
        }
        let algorithm = self.algorithm.map(|name| algorithm(&name)).transpose()?;
        Ok(JwtSettings {
            keys,
            issuer: self.issuer,
            audience,
            algorithm,
        })
    }
}

fn algorithm(name: &str) -> Result<Algorithm, String> {
    name.parse()
        .map_err(|_| format!("`algorithm` is `{name}`; allowed are {ALGORITHMS}"))
}

impl TokenForm {
    fn check(self) -> Result<(Hash, Caller), String> {
        let subject: Id = self
            .subject
            .parse()
            .map_err(|error| format!("`subject` is no name: {error}"))?;
        let orgs = self
            .orgs
            .iter()
            .map(|org| org_grant(org))
            .collect::<Result<Vec<_>, _>>()?;
        let actions = self
            .actions
            .iter()
            .map(|action| permission(action))
            .collect::<Result<Vec<_>, _>>()?;
        // What stands there may be the token itself, put there by mistake: it is not repeated.
        let hash = self.sha256.parse().map_err(|_| {
            "`sha256` must have 64 lower-case hexadecimal digits; `refunds token` makes a token and writes them"
        })?;
        let grants = Grants::new(orgs, actions);
        Ok((hash, Caller { subject, grants }))
    }
}

fn org_grant(org: &str) -> Result<OrgGrant, String> {
    org.parse()
        .map_err(|error| format!("`orgs` has `{org}`, which is no org: {error}"))
}

fn permission(action: &str) -> Result<Permission, String> {
    Permission::named(action).ok_or_else(|| {
        let allowed = Permission::ALL.map(|(name, _)| format!("`{name}`"));
        format!(
            "`actions` has `{action}`; allowed are {}",
            allowed.join(", ")
        )
    })
}

/// What is wrong, with the line and the table where it is. Text that stands there is not repeated:
/// it may be a token, which should not be in a log.
fn describe(text: &str, span: Option<std::ops::Range<usize>>, message: &str) -> String {
    let message = message.replace('\n', "; ");
    let message = match message.split_once(" string \"") {
        Some((before, rest)) => match rest.rsplit_once("\", ") {
            Some((_, expected)) => format!("{before} string, {expected}"),
            None => format!("{before} string"),
        },
        None => message,
    };
    let Some(before) = span.and_then(|span| text.get(..span.start)) else {
        return message;
    };
    let line = before.matches('\n').count() + 1;
    let table = text
        .lines()
        .take(line)
        .filter(|line| line.starts_with('['))
        .last();
    match table {
        Some(table) => format!("line {line}, in `{table}`: {message}"),
        None => format!("line {line}: {message}"),
    }
}

//! Who calls the server: static tokens and JWTs, as the file of `--auth` says.

mod bearer;
mod jwks;
mod jwt;
mod key;
mod refused;
mod settings;
mod source;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, TryLockError};
use std::time::{Duration, Instant};

use http::HeaderMap;
use refund_ledger::Hash;
use refund_rest::Caller;

pub(crate) use refused::Unauthenticated;
pub(crate) use settings::Settings;
pub(crate) use source::Source;

use crate::failure::Failure;
use jwt::JwtCheck;
use source::Fingerprint;

/// How often the files are looked at, at most.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Recognises callers by what the file of `--auth` says. A change of the file, or of the file with
/// keys that it names, counts about a second later: a token that was taken out is refused from then
/// on, without a restart.
pub(crate) struct Authenticator {
    path: PathBuf,
    look_every: Duration,
    rules: RwLock<Arc<Rules>>,
    watch: Mutex<Watch>,
}

/// What the files say.
struct Rules {
    tokens: BTreeMap<Hash, Caller>,
    jwt: Option<JwtCheck>,
}

/// What was read from the files.
struct Loaded {
    rules: Rules,
    files: Vec<Fingerprint>,
    /// What is worth a look, though it can be used. Logged once the whole is in use: what can't be
    /// used is tried again every second.
    warnings: Vec<String>,
}

/// The files as they were when the rules were read.
struct Watch {
    files: Vec<Fingerprint>,
    looked_at: Instant,
    /// Why the files as they are now can't be used, as it was last logged.
    complaint: Option<String>,
}

impl Authenticator {
    /// Reads the file, and the file with keys that it names.
    ///
    /// # Errors
    /// A file that can't be read, or says what can't be; one that lets nobody in.
    pub(crate) fn load(path: &Path) -> Result<Self, Failure> {
        Self::load_and_look_every(LOOK_EVERY, path)
    }

    fn load_and_look_every(look_every: Duration, path: &Path) -> Result<Self, Failure> {
        let Loaded {
            rules,
            files,
            warnings,
        } = Loaded::read(path)?;
        if rules.let_nobody_in() {
            return Err(Failure::Usage(format!(
                "`{}`: it has neither a `[[token]]` nor a `[jwt]`, so nobody could ever call; make a token with `refunds token`",
                path.display()
            )));
        }
        warn(&warnings);
        Ok(Self {
            path: path.to_owned(),
            look_every,
            rules: RwLock::new(Arc::new(rules)),
            watch: Mutex::new(Watch {
                files,
                looked_at: now(),
                complaint: None,
            }),
        })
    }

    /// The caller whom the request's headers name. It reads the files anew about once a second,
    /// which takes as long as the disk takes.
    ///
    /// # Errors
    /// Why nobody is recognised, for the log. The answer is the same for all reasons:
    /// [`refund_rest::unknown_caller`].
    pub(crate) fn caller(&self, headers: &HeaderMap) -> Result<Caller, Unauthenticated> {
        let token = bearer::token(headers)?;
        self.look_for_changes();
        self.rules().caller(token)
    }

    fn rules(&self) -> Arc<Rules> {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&rules)
    }

    /// Takes over what the files say now. As long as that can't be used, what they said before
    /// holds: a slip of the editor should not lock everybody out.
    fn look_for_changes(&self) {
        let mut watch = match self.watch.try_lock() {
            Ok(watch) => watch,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Somebody else is looking: no reason to wait for them.
            Err(TryLockError::WouldBlock) => return,
        };
        let now = now();
        if now.duration_since(watch.looked_at) < self.look_every {
            return;
        }
        watch.looked_at = now;
        if watch.files.iter().all(Fingerprint::is_current) {
            watch.complaint = None;
            return;
        }
        match Loaded::read(&self.path) {
            // A file that lets nobody in is a slip at the start. Later, the last token was revoked.
            Ok(Loaded {
                rules,
                files,
                warnings,
            }) => {
                warn(&warnings);
                if rules.let_nobody_in() {
                    tracing::warn!("`{}` lets nobody in any more", self.path.display());
                }
                *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
                watch.files = files;
                watch.complaint = None;
                tracing::info!("`{}` has changed and was read anew", self.path.display());
            }
            Err(failure) => {
                let complaint = failure.to_string();
                if watch.complaint.as_ref() != Some(&complaint) {
                    tracing::error!("who may call stays as it was: {complaint}");
                }
                watch.complaint = Some(complaint);
            }
        }
    }
}

impl Loaded {
    fn read(path: &Path) -> Result<Self, Failure> {
        let source = Source::read(path)?;
        let mut warnings = Vec::from_iter(source.warning_if_open_to_others());
        let Settings { jwt, tokens } = Settings::read(&source)?;
        let mut files = vec![source.print()];
        let jwt = match jwt {
            Some(settings) => {
                let (check, keys) = JwtCheck::load(&settings, &mut warnings)?;
                files.push(keys);
                Some(check)
            }
            None => None,
        };
        Ok(Self {
            rules: Rules { tokens, jwt },
            files,
            warnings,
        })
    }
}

fn warn(warnings: &[String]) {
    for warning in warnings {
        tracing::warn!("{warning}");
    }
}

impl Rules {
    fn let_nobody_in(&self) -> bool {
        self.jwt.is_none() && self.tokens.is_empty()
    }

    fn caller(&self, token: &str) -> Result<Caller, Unauthenticated> {
        // Found by its hash: how long the search takes tells nothing about the tokens.
        if let Some(caller) = self.tokens.get(&Hash::of(&[token.as_bytes()])) {
            return Ok(caller.clone());
        }
        match &self.jwt {
            Some(jwt) if token.matches('.').count() == 2 => jwt.caller(token),
            _ => Err(Unauthenticated::UnknownToken),
        }
    }
}

fn now() -> Instant {
    #[allow(
        clippy::disallowed_methods,
        reason = "a server measures how long ago it last looked"
    )]
    Instant::now()
}

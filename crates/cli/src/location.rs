//! Where the ledger is, and opening it there.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use refund_ledger::store::postgres::{PostgresOptions, PostgresStore};
use refund_ledger::{Ledger, StoreError};

use crate::args::{Common, NamedLedger, ServerUrl};
use crate::failure::Failure;
use crate::paths::{exists, name_of, whole};

/// The environment variable that PostgreSQL's own programs take a password from, too.
const PASSWORD_VARIABLE: &str = "PGPASSWORD";

/// Where a ledger is. As text it is what a message calls it, without a password.
#[derive(Clone, Debug)]
pub(crate) enum Location {
    /// In a SQLite file.
    File(PathBuf),
    /// On a PostgreSQL server.
    Server(Box<PostgresOptions>),
}

/// The ledger that the command line names, made if there is none.
pub(crate) fn open_or_create(common: &Common) -> Result<Ledger, Failure> {
    let ledger = Location::of(common)?.open_or_create()?;
    Ok(ledger.with_actor(common.actor.clone()))
}

/// The ledger that the command line names, which must be there.
pub(crate) fn open(common: &Common) -> Result<Ledger, Failure> {
    let ledger = Location::of(common)?.open()?;
    Ok(ledger.with_actor(common.actor.clone()))
}

impl Location {
    /// What the command line or the environment names.
    pub(crate) fn of(common: &Common) -> Result<Self, Failure> {
        match &common.ledger {
            NamedLedger::File(path) => Self::file(path),
            NamedLedger::Server(url, _) => Self::server(url),
            NamedLedger::Nothing => Err(Failure::Usage(
                "no ledger was named; give `--ledger PATH` or `--postgres URL`, or set \
                 `REFUNDS_LEDGER` or `REFUNDS_POSTGRES`"
                    .into(),
            )),
            NamedLedger::Two => Err(Failure::Usage(
                "`REFUNDS_LEDGER` and `REFUNDS_POSTGRES` are both set and name two ledgers; unset \
                 one of them, or give `--ledger PATH` or `--postgres URL`"
                    .into(),
            )),
        }
    }

    fn file(path: &Path) -> Result<Self, Failure> {
        let is_url = path.to_str().is_some_and(|text| {
            ["postgres://", "postgresql://"]
                .iter()
                .any(|scheme| text.starts_with(scheme))
        });
        if is_url {
            // Without repeating it: it may hold a password.
            return Err(Failure::Usage(
                "`--ledger` takes the path of a file; name a server with `--postgres URL`".into(),
            ));
        }
        Ok(Self::File(path.to_owned()))
    }

    /// The server at this URL.
    pub(crate) fn server(url: &ServerUrl) -> Result<Self, Failure> {
        let options = PostgresOptions::new(url.with_its_password())
            .map_err(|error| Failure::Usage(error.to_string()))?;
        let options = match password()? {
            Some(password) if !options.has_password() => options.with_password(&password),
            _ => options,
        };
        Ok(Self::Server(Box::new(options)))
    }

    /// The same place, with so many connections at once where it is a server.
    pub(crate) fn with_connections_max(self, connections: usize) -> Self {
        match self {
            Self::File(path) => Self::File(path),
            Self::Server(options) => {
                Self::Server(Box::new(options.with_connections_max(connections)))
            }
        }
    }

    /// The ledger, made if there is none.
    pub(crate) fn open_or_create(&self) -> Result<Ledger, Failure> {
        match self {
            Self::File(path) => Ok(Ledger::open(path)?),
            Self::Server(options) => PostgresStore::open(options)
                .map(on_server)
                .map_err(|error| self.unusable(error)),
        }
    }

    /// The ledger, which must be there.
    pub(crate) fn open(&self) -> Result<Ledger, Failure> {
        self.open_if_there()?.ok_or_else(|| self.not_there())
    }

    /// The file of the ledger, which must be there; `None` where the ledger is on a server.
    pub(crate) fn existing_file(&self) -> Result<Option<&Path>, Failure> {
        match self {
            Self::File(path) if is_file_of_some_ledger(path)? => Ok(Some(path)),
            Self::File(_) => Err(self.not_there()),
            Self::Server(_) => Ok(None),
        }
    }

    fn not_there(&self) -> Failure {
        let check = match self {
            Self::File(_) => "the path",
            Self::Server(_) => "the URL with its database and schema",
        };
        Failure::Usage(format!(
            "there is no ledger at `{self}`; check {check}, or begin one with \
             `refunds record-movement` or `refunds import`"
        ))
    }

    /// The ledger, if there is one.
    pub(crate) fn open_if_there(&self) -> Result<Option<Ledger>, Failure> {
        match self {
            Self::File(path) if !is_file_of_some_ledger(path)? => Ok(None),
            Self::File(path) => Ok(Some(Ledger::open(path)?)),
            Self::Server(options) => PostgresStore::open_if_there(options)
                .map(|store| store.map(on_server))
                .map_err(|error| self.unusable(error)),
        }
    }

    /// A server's ledger that can't be opened. Only some of the store's reasons name the server, and
    /// those are not to name it twice.
    fn unusable(&self, mut why: StoreError) -> Failure {
        let at = self.to_string();
        if let StoreError::Unavailable { reason }
        | StoreError::Unsupported { reason }
        | StoreError::Corrupted { reason }
        | StoreError::Failed { reason } = &mut why
            && let Some(rest) = reason.strip_prefix(&format!("{at}: "))
        {
            *reason = rest.to_owned();
        }
        Failure::Unopened { at, why }
    }

    /// What a report calls the ledger: the name of its file, or the server.
    pub(crate) fn report_name(&self) -> String {
        match self {
            Self::File(path) => name_of(path),
            Self::Server(options) => options.to_string(),
        }
    }

    /// Refuses to write over the ledger, what SQLite keeps beside it, or other files that are in use.
    pub(crate) fn spare(&self, target: &Path, in_use: &[PathBuf]) -> Result<(), Failure> {
        let target = whole(target);
        if let Self::File(path) = self
            && files_of(path).contains(&target)
        {
            return Err(Failure::Usage(format!(
                "`{}` belongs to the ledger; name another file to write to",
                target.display()
            )));
        }
        if in_use.iter().any(|path| whole(path) == target) {
            return Err(Failure::Usage(format!(
                "`{}` is being read; name another file to write to",
                target.display()
            )));
        }
        Ok(())
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Server(options) => options.fmt(f),
        }
    }
}

fn on_server(store: PostgresStore) -> Ledger {
    Ledger::with_system_host(Arc::new(store))
}

/// The password of the environment.
fn password() -> Result<Option<String>, Failure> {
    #[allow(
        clippy::disallowed_methods,
        reason = "a program may be told a password by its environment"
    )]
    let password = std::env::var_os(PASSWORD_VARIABLE);
    match password {
        None => Ok(None),
        Some(password) if password.is_empty() => Ok(None),
        Some(password) => password.into_string().map(Some).map_err(|_| {
            Failure::Usage(format!(
                "the password in `{PASSWORD_VARIABLE}` is not UTF-8"
            ))
        }),
    }
}

/// Whether there is a file that can be a ledger.
fn is_file_of_some_ledger(path: &Path) -> Result<bool, Failure> {
    if !exists(path)? {
        return Ok(false);
    }
    let metadata = path
        .metadata()
        .map_err(|error| Failure::file("looked at", path, error))?;
    if metadata.is_file() && metadata.len() == 0 {
        return Err(Failure::Usage(format!(
            "`{}` is empty, so it is no ledger; if it was one, restore a backup",
            path.display()
        )));
    }
    Ok(true)
}

/// The file of a ledger, and what SQLite keeps beside it.
fn files_of(ledger: &Path) -> [PathBuf; 4] {
    let ledger = whole(ledger);
    ["", "-wal", "-shm", "-journal"].map(|suffix| {
        let mut name = ledger.clone().into_os_string();
        name.push(suffix);
        PathBuf::from(name)
    })
}

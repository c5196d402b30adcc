//! The options that name the ledger.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};

/// As they stand on the command line or in the environment.
#[derive(Args, Debug)]
struct LedgerOptions {
    /// The ledger: a SQLite file. `import`, `record-movement` and `serve` make it if there is
    /// none
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        env = "REFUNDS_LEDGER",
        hide_env_values = true
    )]
    ledger: Option<PathBuf>,
    /// The ledger: on a PostgreSQL server, such as `postgres://user@host:5432/database`. Others on
    /// this machine can see command lines: leave the password to the environment variable
    /// PGPASSWORD. The tables are in a schema of their own, `refund_ledger` or the one that
    /// `?schema=NAME` names; they are made by what would make a file
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "REFUNDS_POSTGRES",
        hide_env_values = true
    )]
    postgres: Option<ServerUrl>,
}

/// The URL of a server as it was given, which may hold a password.
#[derive(Clone)]
pub(crate) struct ServerUrl(String);

impl ServerUrl {
    /// All of it: not to be shown to anybody.
    pub(crate) fn with_its_password(&self) -> &str {
        &self.0
    }
}

impl From<String> for ServerUrl {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerUrl")
    }
}

/// Where something was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// On the command line.
    Here,
    /// In the environment.
    Around,
}

/// The ledger that was named. The command line goes before the environment.
#[derive(Debug)]
pub(crate) enum NamedLedger {
    /// None was.
    Nothing,
    /// By `--ledger`.
    File(PathBuf),
    /// By `--postgres`.
    Server(ServerUrl, Said),
    /// The environment names two, and the command line does not say which.
    Two,
}

impl Args for NamedLedger {
    fn augment_args(command: Command) -> Command {
        LedgerOptions::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        LedgerOptions::augment_args_for_update(command)
    }
}

impl FromArgMatches for NamedLedger {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let options = LedgerOptions::from_arg_matches(matches)?;
        // As elsewhere, an empty variable is one that is not set.
        let given = |name, value: Option<&OsStr>| match matches.value_source(name)? {
            ValueSource::CommandLine => Some(Said::Here),
            _ => value
                .is_some_and(|text| !text.is_empty())
                .then_some(Said::Around),
        };
        let path = options.ledger.as_ref().map(|path| path.as_os_str());
        let url = options.postgres.as_ref().map(|url| OsStr::new(&url.0));
        let file = options.ledger.as_ref().zip(given("ledger", path));
        let server = options.postgres.as_ref().zip(given("postgres", url));
        Ok(match (file, server) {
            (None, None) => Self::Nothing,
            (Some((path, _)), None) | (Some((path, Said::Here)), Some((_, Said::Around))) => {
                Self::File(path.clone())
            }
            (None, Some((url, said)))
            | (Some((_, Said::Around)), Some((url, said @ Said::Here))) => {
                Self::Server(url.clone(), said)
            }
            (Some((_, Said::Around)), Some((_, Said::Around))) => Self::Two,
            (Some((_, Said::Here)), Some((_, Said::Here))) => {
                return Err(clap::Error::raw(
                    ErrorKind::ArgumentConflict,
                    "`--ledger` and `--postgres` name two ledgers; give one of them",
                ));
            }
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

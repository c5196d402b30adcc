//! A connection to the first of the servers that can be used.

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join3;
use tokio_postgres::config::{SslMode, SslNegotiation};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Config, NoTls};

use super::errors::Fault;
use super::options::{Host, Place, PostgresOptions, TlsMode};
use super::session::{Link, Session};
use super::wire::{self, Interrupted, Stream, Wire, now};
use super::{reasons, socket};
use crate::store::StoreError;

/// How long a transaction may lie idle before the server rolls it back, should a client hang.
const IDLE_IN_TRANSACTION_MS: &str = "60000";

/// How often the server looks whether the client whose statement it runs is still there.
const CLIENT_CHECK_MS: &str = "1000";

/// A connection that is set up for the ledger. Hosts are tried in order, each address of each; what
/// is left of the time is shared among those that are left, so that a dead one leaves some.
///
/// # Errors
/// [`StoreError::Unavailable`] where none can be used, with each one's reason;
/// [`StoreError::Unsupported`] where one can't hold a ledger.
pub(super) fn connect(options: &PostgresOptions, deadline: Instant) -> Result<Session, Fault> {
    let mut reasons = Vec::with_capacity(options.hosts.len());
    for (index, host) in options.hosts.iter().enumerate() {
        let until = share(deadline, options.hosts.len().saturating_sub(index));
        match connect_to(host, options, until) {
            Ok(session) => return Ok(session),
            Err(Refused::Unsupported(reason)) => {
                let reason = list(options, &[(host, reason)]);
                return Err(Fault::Store(StoreError::Unsupported { reason }));
            }
            Err(Refused::Unusable(reason)) => reasons.push((host, reason)),
            Err(Refused::Unwelcome(reason)) => {
                // The others have the same users, as a rule, and might lock them out.
                reasons.push((host, reason));
                break;
            }
        }
    }
    let reason = list(options, &reasons);
    Err(Fault::Store(StoreError::Unavailable { reason }))
}

/// The reasons of hosts, each named where there are several.
fn list(options: &PostgresOptions, reasons: &[(&Host, String)]) -> String {
    let each: Vec<String> = reasons
        .iter()
        .map(|(host, reason)| match options.hosts.len() {
            1 => reason.clone(),
            _ => format!("{host}: {reason}"),
        })
        .collect();
    each.join("; ")
}

/// Why one host, or one address of it, is not the one.
enum Refused {
    /// The next one may be.
    Unusable(String),
    /// It is a server, and does not let this user in.
    Unwelcome(String),
    /// It can't hold a ledger.
    Unsupported(String),
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Postgres(error) => {
                let reason = reasons::of(&error);
                match error.code() {
                    Some(state) if state.code().starts_with("28") => Self::Unwelcome(reason),
                    _ => Self::Unusable(reason),
                }
            }
            Fault::Socket(error) => Self::Unusable(reasons::of_socket(&error)),
            Fault::NoAnswer => Self::Unusable("no answer in time".to_owned()),
            Fault::OnThisServerAlone => Self::Unusable("its standbys are not there".to_owned()),
            Fault::Damaged(reason) => Self::Unsupported(reason),
            Fault::Store(error) => Self::Unusable(error.to_string()),
        }
    }
}

impl From<std::io::Error> for Refused {
    fn from(error: std::io::Error) -> Self {
        Self::Unusable(reasons::of_socket(&error))
    }
}

/// The end of a fair share of what is left until a deadline, for the first of so many.
fn share(deadline: Instant, of: usize) -> Instant {
    let parts = u32::try_from(of.max(1)).unwrap_or(u32::MAX);
    let start = now();
    let left = deadline.saturating_duration_since(start);
    start
        .checked_add(left.checked_div(parts).unwrap_or(left))
        .unwrap_or(deadline)
}

fn connect_to(
    host: &Host,
    options: &PostgresOptions,
    deadline: Instant,
) -> Result<Session, Refused> {
    let addresses = match &host.place {
        Place::Unix(folder) => {
            let limit = within(options.connect_limit, deadline);
            let stream = socket::connect_unix(folder, host.port)?;
            return establish(stream, host, options, limit);
        }
        Place::Tcp {
            address: Some(address),
            ..
        } => vec![*address],
        Place::Tcp { name, .. } => {
            let limit = within(options.connect_limit, deadline);
            socket::resolve(name, limit).map_err(|error| {
                Refused::Unusable(format!(
                    "its name can't be resolved: {}",
                    reasons::of_socket(&error)
                ))
            })?
        }
    };
    let mut reasons: Vec<String> = Vec::new();
    for (index, address) in addresses.iter().enumerate() {
        let until = share(deadline, addresses.len().saturating_sub(index));
        let limit = within(options.connect_limit, until);
        let address = SocketAddr::new(*address, host.port);
        let outcome = socket::connect_tcp(address, &options.keepalive, limit)
            .map_err(Refused::from)
            .and_then(|stream| establish(stream, host, options, limit));
        match outcome {
            Err(Refused::Unusable(reason)) if !reasons.contains(&reason) => reasons.push(reason),
            Err(Refused::Unusable(_)) => {}
            decided => return decided,
        }
    }
    Err(Refused::Unusable(if reasons.is_empty() {
        "its name has no address".to_owned()
    } else {
        reasons.join(", ")
    }))
}

/// The deadline, or the end of a limit that begins now, if that comes first.
fn within(limit: Option<Duration>, deadline: Instant) -> Instant {
    limit
        .and_then(|limit| now().checked_add(limit))
        .map_or(deadline, |end| end.min(deadline))
}

/// Makes a socket a session that is set up.
fn establish(
    mut stream: Stream,
    host: &Host,
    options: &PostgresOptions,
    deadline: Instant,
) -> Result<Session, Refused> {
    let mut config = Config::new();
    config
        .user(&options.user)
        .dbname(&options.database)
        .application_name(&options.application_name);
    if let Some(password) = &options.password {
        config.password(password);
    }
    if let Some(settings) = &options.settings {
        config.options(settings);
    }
    let mut wire = Wire::new(&mut stream)?;
    let alone = wire.alone().clone();
    let limit = Cell::new(deadline);
    let started = match &host.place {
        Place::Tcp { name, .. } if encrypts(host, options) => {
            let connector = options
                .roots
                .connector(name)
                .map_err(Refused::Unsupported)?;
            config.ssl_mode(SslMode::Require);
            if options.direct_tls {
                config.ssl_negotiation(SslNegotiation::Direct);
            }
            wire.block_on(&limit, async {
                let (client, connection) = config.connect_raw(stream, connector).await?;
                Ok((client, wire::run(connection, &alone)))
            })
        }
        _ => {
            config.ssl_mode(SslMode::Disable);
            wire.block_on(&limit, async {
                let (client, connection) = config.connect_raw(stream, NoTls).await?;
                Ok((client, wire::run(connection, &alone)))
            })
        }
    };
    let (client, connection) = match started {
        Ok(outcome) => outcome.map_err(Fault::Postgres)?,
        Err(Interrupted::TimedOut) => return Err(Fault::NoAnswer.into()),
        Err(Interrupted::Failed(error)) => return Err(Fault::Socket(error).into()),
    };
    wire.attach(connection);
    let mut session = Session::new(wire, client);
    let found = session.run(deadline, async |link| set_up(link, options).await)?;
    if found.encoding != "UTF8" {
        return Err(Refused::Unsupported(format!(
            "the database has the encoding `{}`: create one with the encoding `UTF8`",
            found.encoding
        )));
    }
    if options.must_write && found.read_only {
        return Err(Refused::Unusable("it is read-only".to_owned()));
    }
    Ok(session)
}

fn encrypts(host: &Host, options: &PostgresOptions) -> bool {
    match options.tls {
        TlsMode::Always => true,
        TlsMode::Never => false,
        TlsMode::Remote => !host.is_local(),
    }
}

/// What a server says of itself.
struct Found {
    encoding: String,
    read_only: bool,
}

/// Sets up a session and asks what the server is, in one round trip.
///
/// Limits of time are the client's, who sets those of the server for each transaction. A commit must
/// have reached a disk; how many disks is for the operator to choose.
async fn set_up(link: &Link, options: &PostgresOptions) -> Result<Found, Fault> {
    let client = link.client();
    let path = options.quoted_schema();
    let values: [(&(dyn ToSql + Sync), Type); 2] =
        [(&path, Type::TEXT), (&IDLE_IN_TRANSACTION_MS, Type::TEXT)];
    let settings = client.query_typed_one(
        "SELECT set_config('search_path', $1, false),
                set_config('statement_timeout', '0', false),
                set_config('lock_timeout', '0', false),
                set_config('idle_in_transaction_session_timeout', $2, false),
                set_config('synchronous_commit',
                           CASE current_setting('synchronous_commit')
                                WHEN 'off' THEN 'on'
                                ELSE current_setting('synchronous_commit') END, false),
                current_setting('server_encoding'),
                current_setting('transaction_read_only')",
        &values,
    );
    // So that the locks of a client that died in the middle of a statement are soon free. Older
    // servers, and those on some systems, can't do it: then it takes as long as it takes.
    let values: [(&(dyn ToSql + Sync), Type); 1] = [(&CLIENT_CHECK_MS, Type::TEXT)];
    let check = client.query_typed_opt(
        "SELECT set_config('client_connection_check_interval', $1, false)",
        &values,
    );
    // Every look-up of ours has its index, so one plan fits all: it is made once, before it is known how
    // much will be looked up and while tables are small, and is kept off from reading whole tables instead.
    // Where the server has statistics of tables that were next to empty, it may all the same, until they
    // are taken anew. Rows that a policy hides are an error, not rows that are not there. Older servers
    // and other engines don't know all of these.
    let plans = client.query_typed(
        "SELECT set_config(name, CASE name WHEN 'plan_cache_mode' THEN 'force_generic_plan'
                                           WHEN 'idle_session_timeout' THEN '0'
                                           WHEN 'transaction_timeout' THEN '0'
                                           ELSE 'off' END, false)
         FROM pg_catalog.pg_settings WHERE name IN
         ('plan_cache_mode', 'enable_seqscan', 'enable_hashjoin', 'enable_mergejoin', 'jit',
          'idle_session_timeout', 'transaction_timeout', 'row_security')",
        &[],
    );
    let (settings, _, _) = join3(settings, check, plans).await;
    let row = settings?;
    Ok(Found {
        encoding: row.try_get(5)?,
        read_only: row.try_get::<_, String>(6)? == "on",
    })
}

#[cfg(test)]
mod tests;

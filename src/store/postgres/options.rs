//! Where the server is, and how a store behaves towards it.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::parameters;
use super::tls::Roots;
use super::url;
use crate::store::StoreError;

/// Where a server listens when its port is not given.
const PORT: u16 = 5432;

const SCHEMA: &str = "refund_ledger";

/// The longest name that PostgreSQL keeps whole, in bytes.
const NAME_LENGTH_MAX: usize = 63;

/// Where the server is, who asks it, and how long to wait for it.
///
/// ```
/// # fn main() -> Result<(), refund_ledger::store::StoreError> {
/// use refund_ledger::store::postgres::PostgresOptions;
/// use std::time::Duration;
///
/// let options = PostgresOptions::new("postgres://refunds@db1.example,db2.example/billing")?
///     .with_password("correct horse")
///     .with_time_limit(Duration::from_secs(2));
/// assert_eq!(
///     options.to_string(),
///     "postgres://refunds@db1.example:5432,db2.example:5432/billing"
/// );
/// # Ok(()) }
/// ```
///
/// Neither `Debug` nor `Display` shows the password, nor does any error.
#[derive(Clone)]
pub struct PostgresOptions {
    /// Never empty.
    pub(super) hosts: Vec<Host>,
    pub(super) user: String,
    pub(super) password: Option<String>,
    pub(super) database: String,
    pub(super) application_name: String,
    /// Settings that the server takes from the client, as on its own command line.
    pub(super) settings: Option<String>,
    pub(super) tls: TlsMode,
    pub(super) roots: Roots,
    /// Whether TLS begins at once (from PostgreSQL 17 on), not after a question.
    pub(super) direct_tls: bool,
    pub(super) must_write: bool,
    /// How long one address may take; `None` where only the call's own limit counts.
    pub(super) connect_limit: Option<Duration>,
    pub(super) keepalive: Keepalive,
    schema: String,
    time_limit: Duration,
    connections_max: usize,
}

/// One server, of which there may be several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    pub(super) place: Place,
    pub(super) port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A name, which the certificate must be for, and its address, where it need not be resolved.
    Tcp {
        name: String,
        address: Option<IpAddr>,
    },
    /// The folder that its Unix socket is in.
    Unix(PathBuf),
}

/// When a connection is encrypted. Where it is, the server is always verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TlsMode {
    /// Towards other machines.
    Remote,
    Always,
    Never,
}

/// How a connection over which nothing goes is found to be dead.
#[derive(Clone, Debug)]
pub(super) struct Keepalive {
    pub(super) on: bool,
    pub(super) idle: Duration,
    pub(super) interval: Option<Duration>,
    pub(super) count: Option<u32>,
    /// How long what was sent may stay unacknowledged; `None` is the system's own limit.
    pub(super) unacknowledged: Option<Duration>,
}

impl PostgresOptions {
    /// Options from a URL as libpq takes it:
    /// `postgres://user:password@host:port,host:port/database?parameter=value&…`.
    ///
    /// The user and at least one host must be named; environment variables and password files are
    /// not read. What is no letter or digit in the user, the password or a parameter is
    /// percent-encoded (`@` is `%40`). The path to the folder of a Unix socket stands, encoded, in
    /// place of a host, or in the parameter `host`. With several hosts, they are tried in order.
    ///
    /// | parameter | |
    /// |---|---|
    /// | `schema` | the schema that the ledger's tables are in; `refund_ledger` if left out |
    /// | `sslmode` | `verify-full` or `require`: TLS, and the server's certificate must be for its name and signed by an authority that is trusted. (**`require` verifies too**, unlike libpq's.) `disable`: no TLS. If left out: TLS as with `verify-full`, but none towards `localhost`, `127.0.0.0/8` and `::1`. A Unix socket never has TLS |
    /// | `sslrootcert` | a PEM file with the authorities to trust, in place of the system's; `system` means the system's |
    /// | `sslnegotiation` | `postgres`, or `direct` (from PostgreSQL 17 on, spares a round trip) |
    /// | `target_session_attrs` | `read-write`: only a server that can be written to. `any`: also a standby, for a ledger that is only read. If left out: `any` with one host, else `read-write` |
    /// | `connect_timeout` | seconds that one address may take at most; 0 if only the call's own limit counts |
    /// | `application_name` | what the server's views and logs show; `refund-ledger` if left out |
    /// | `options` | settings for the server, such as `-c work_mem=64MB` |
    /// | `keepalives`, `keepalives_idle`, `keepalives_interval`, `keepalives_count`, `tcp_user_timeout` | how a dead connection is noticed; on, after 60 seconds, if left out |
    /// | `host`, `hostaddr`, `port`, `user`, `password`, `dbname` | in place of what stands before the `?` |
    ///
    /// Modes of `sslmode` that can be talked down to none (`allow`, `prefer`), or that do not check
    /// the server's name (`verify-ca`), are refused.
    ///
    /// # Errors
    /// [`StoreError::Unsupported`] where the URL is none, or where one of its parts can't be used:
    /// which one, and what is allowed. It never quotes the password, nor what might be a piece of
    /// it where the URL is malformed.
    ///
    /// ```
    /// # fn main() -> Result<(), refund_ledger::StoreError> {
    /// use refund_ledger::store::postgres::PostgresOptions;
    /// let options = PostgresOptions::new("postgres://refunds@db.example/billing?schema=acme")?;
    /// assert_eq!(options.to_string(), "postgres://refunds@db.example:5432/billing?schema=acme");
    /// let refused = PostgresOptions::new("postgres://refunds@db.example/billing?sslmode=prefer").unwrap_err();
    /// assert!(refused.to_string().contains("`sslmode`"), "{refused}");
    /// # Ok(()) }
    /// ```
    pub fn new(url: &str) -> Result<Self, StoreError> {
        let refused = |reason: String| StoreError::Unsupported {
            reason: format!("the PostgreSQL URL can't be used: {reason}"),
        };
        let parts = url::split(url).map_err(refused)?;
        parameters::interpret(parts).map_err(refused)
    }

    /// The options before any parameter counts.
    pub(super) fn with_hosts(hosts: Vec<Host>, user: String) -> Self {
        Self {
            must_write: hosts.len() > 1,
            hosts,
            password: None,
            database: user.clone(),
            user,
            application_name: "refund-ledger".to_owned(),
            settings: None,
            tls: TlsMode::Remote,
            roots: Roots::system(),
            direct_tls: false,
            connect_limit: None,
            keepalive: Keepalive {
                on: true,
                idle: Duration::from_mins(1),
                interval: None,
                count: None,
                unacknowledged: None,
            },
            schema: SCHEMA.to_owned(),
            time_limit: Duration::from_secs(5),
            connections_max: 16,
        }
    }

    /// The same with another password, or with one where the URL has none.
    #[must_use]
    pub fn with_password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// Whether a password is known, by the URL or by [`PostgresOptions::with_password`].
    pub fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// The same for the ledger in another schema, of the same database.
    ///
    /// # Errors
    /// [`StoreError::Unsupported`] where the name is none that PostgreSQL keeps whole: 1 to 63
    /// bytes, without NUL.
    ///
    /// ```
    /// # fn main() -> Result<(), refund_ledger::StoreError> {
    /// use refund_ledger::store::postgres::PostgresOptions;
    /// let options = PostgresOptions::new("postgres://refunds@db.example/billing")?;
    /// assert!(options.clone().with_schema("").is_err());
    /// let acme = options.with_schema("acme")?;
    /// assert!(acme.to_string().ends_with("?schema=acme"));
    /// # Ok(()) }
    /// ```
    pub fn with_schema(mut self, schema: &str) -> Result<Self, StoreError> {
        self.set_schema(schema)
            .map_err(|reason| StoreError::Unsupported { reason })?;
        Ok(self)
    }

    pub(super) fn set_schema(&mut self, schema: &str) -> Result<(), String> {
        if schema.is_empty() || schema.len() > NAME_LENGTH_MAX || schema.contains('\0') {
            return Err(format!(
                "the name of a schema has 1 to {NAME_LENGTH_MAX} bytes, none of them NUL"
            ));
        }
        if schema == "$user" {
            return Err("`$user` names no schema, but one for each user".to_owned());
        }
        schema.clone_into(&mut self.schema);
        Ok(())
    }

    /// The same with another time limit: how long a call may take at most, with connecting and with
    /// waiting for others. 5 seconds if left out.
    #[must_use]
    pub fn with_time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// The same with another number of connections that are open at once: 16 if left out, and at
    /// least one. A call that finds all of them in use waits for one.
    #[must_use]
    pub fn with_connections_max(mut self, connections: usize) -> Self {
        self.connections_max = connections.max(1);
        self
    }

    pub(super) fn time_limit(&self) -> Duration {
        self.time_limit
    }

    pub(super) fn connections_max(&self) -> usize {
        self.connections_max
    }

    pub(super) fn schema(&self) -> &str {
        &self.schema
    }

    /// The schema's name as SQL takes it.
    pub(super) fn quoted_schema(&self) -> String {
        format!("\"{}\"", self.schema.replace('"', "\"\""))
    }
}

impl Host {
    /// A host from its name or address, or from the folder of its socket.
    pub(super) fn new(name: String, address: Option<IpAddr>, port: Option<u16>) -> Self {
        let place = if name.starts_with('/') {
            Place::Unix(PathBuf::from(name))
        } else {
            Place::Tcp {
                address: address.or_else(|| name.parse().ok()),
                name,
            }
        };
        Self {
            place,
            port: port.unwrap_or(PORT),
        }
    }

    /// Whether what is sent to it stays on this machine.
    pub(super) fn is_local(&self) -> bool {
        match &self.place {
            Place::Unix(_) => true,
            Place::Tcp { name, address } => match address {
                Some(address) => address.to_canonical().is_loopback(),
                None => name.eq_ignore_ascii_case("localhost"),
            },
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Tcp { name, .. } if name.parse::<std::net::Ipv6Addr>().is_ok() => {
                write!(formatter, "[{name}]:{}", self.port)
            }
            Place::Tcp { name, .. } => write!(formatter, "{}:{}", url::encoded(name), self.port),
            Place::Unix(folder) => {
                let folder = url::encoded(&folder.to_string_lossy());
                write!(formatter, "{folder}:{}", self.port)
            }
        }
    }
}

/// As a URL, without the password and without what does not say which ledger it is.
impl fmt::Display for PostgresOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "postgres://{}@", url::encoded(&self.user))?;
        for (index, host) in self.hosts.iter().enumerate() {
            if index > 0 {
                formatter.write_str(",")?;
            }
            write!(formatter, "{host}")?;
        }
        write!(formatter, "/{}", url::encoded(&self.database))?;
        if self.schema != SCHEMA {
            write!(formatter, "?schema={}", url::encoded(&self.schema))?;
        }
        Ok(())
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PostgresOptions")
            .field("server", &self.to_string())
            .field("password", &self.password.as_ref().map(|_| "…"))
            .field("tls", &self.tls)
            .field("roots", &self.roots)
            .field("must_write", &self.must_write)
            .field("time_limit", &self.time_limit)
            .field("connections_max", &self.connections_max)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

//! What the parts and parameters of a connection URL mean.
//!
//! As in `url.rs`, no error quotes a value: it may be a piece of a password.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::options::{Host, PostgresOptions, TlsMode};
use super::tls::Roots;
use super::url::{self, Parts};

/// Options from a URL's parts.
///
/// # Errors
/// What is missing, or can't be used, and what is allowed.
pub(super) fn interpret(mut parts: Parts) -> Result<PostgresOptions, String> {
    let mut given = Given(std::mem::take(&mut parts.parameters));
    given.refuse_repeated()?;
    let user = given
        .take("user")
        .or(parts.user)
        .filter(|user| !user.is_empty())
        .ok_or("it names no user: `postgres://USER@HOST/DATABASE`, or the parameter `user`")?;
    let hosts = hosts(&mut given, parts.hosts)?;
    let password = given.take("password");
    let hides_password = password.is_some();
    let mut options = PostgresOptions::with_hosts(hosts, user);
    options.password = password.or(parts.password);
    let database = given.take("dbname").or(parts.database);
    if let Some(database) = database.filter(|database| !database.is_empty()) {
        options.database = database;
    }
    for (name, value) in given.0 {
        set(&mut options, &name, value).map_err(|reason| match reason {
            Refusal::Value(allowed) => format!("`{name}` {allowed}"),
            // With a password among the parameters, one that is not encoded may end in an `&`.
            Refusal::Unknown if hides_password => {
                "a parameter is not known; in a password `&` is written `%26`".to_owned()
            }
            Refusal::Unknown => format!("the parameter `{name}` is not known"),
        })?;
    }
    Ok(options)
}

/// The parameters that nothing was made of yet.
struct Given(Vec<(String, String)>);

impl Given {
    fn take(&mut self, name: &str) -> Option<String> {
        let index = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(index).1)
    }

    fn refuse_repeated(&self) -> Result<(), String> {
        let mut names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if names
            .windows(2)
            .any(|pair| matches!(pair, [one, other] if one == other))
        {
            return Err("a parameter is given twice".to_owned());
        }
        Ok(())
    }
}

/// The hosts: those of the parameters, else those that stand before the path.
fn hosts(given: &mut Given, in_place: Vec<(String, Option<u16>)>) -> Result<Vec<Host>, String> {
    let list = |text: String| -> Vec<String> { text.split(',').map(str::to_owned).collect() };
    let names = given.take("host").map(list);
    let ports = given.take("port").map(list);
    let addresses = given.take("hostaddr").map(list);

    let mut hosts: Vec<(String, Option<u16>)> = match (names, &addresses) {
        // As in libpq, the ports that stand before the path stay.
        (Some(names), _) if names.len() == in_place.len() => names
            .into_iter()
            .zip(in_place.into_iter().map(|(_, port)| port))
            .collect(),
        (Some(names), _) => names.into_iter().map(|name| (name, None)).collect(),
        (None, Some(addresses)) if in_place.is_empty() => {
            addresses.iter().map(|name| (name.clone(), None)).collect()
        }
        (None, _) => in_place,
    };
    if hosts.is_empty() || hosts.iter().any(|(name, _)| name.is_empty()) {
        return Err(
            "it names no host: `postgres://USER@HOST/DATABASE`, or the parameter `host` with the \
             folder of a Unix socket"
                .to_owned(),
        );
    }
    if let Some(ports) = ports {
        if ports.len() != hosts.len() && ports.len() != 1 {
            return Err("`port` has one port, or as many as there are hosts".to_owned());
        }
        for ((_, port), text) in hosts.iter_mut().zip(ports.iter().cycle()) {
            if !text.is_empty() {
                *port = Some(url::port_of(text)?);
            }
        }
    }
    let addresses = match addresses {
        None => vec![None; hosts.len()],
        Some(addresses) if addresses.len() == hosts.len() => addresses
            .iter()
            .map(|text| text.parse::<IpAddr>().map(Some))
            .collect::<Result<_, _>>()
            .map_err(|_| "`hostaddr` holds what is no IP address")?,
        Some(_) => return Err("`hostaddr` has as many addresses as there are hosts".to_owned()),
    };
    Ok(hosts
        .into_iter()
        .zip(addresses)
        .map(|((name, port), address)| Host::new(name, address, port))
        .collect())
}

/// Why a parameter can't be used.
enum Refusal {
    Unknown,
    /// What is allowed, to stand behind the parameter's name.
    Value(&'static str),
}

fn set(options: &mut PostgresOptions, name: &str, value: String) -> Result<(), Refusal> {
    use Refusal::{Unknown, Value};

    let keepalive = &mut options.keepalive;
    match name {
        "schema" => options
            .set_schema(&value)
            .map_err(|_| Value("has 1 to 63 bytes, none of them NUL"))?,
        "application_name" => options.application_name = value,
        "options" => options.settings = Some(value),
        "sslmode" => options.tls = tls_mode(&value)?,
        "sslrootcert" if value.is_empty() => {
            return Err(Value("names a PEM file, or is `system`"));
        }
        "sslrootcert" if value == "system" => options.roots = Roots::system(),
        "sslrootcert" => options.roots = Roots::file(PathBuf::from(value)),
        "sslnegotiation" => {
            options.direct_tls = match value.as_str() {
                "postgres" => false,
                "direct" => true,
                _ => return Err(Value("is `postgres` or `direct`")),
            }
        }
        "target_session_attrs" => {
            options.must_write = match value.as_str() {
                "any" => false,
                "read-write" => true,
                _ => return Err(Value("is `any` or `read-write`")),
            }
        }
        "connect_timeout" => {
            options.connect_limit = Some(seconds(&value)?).filter(|limit| !limit.is_zero());
        }
        "keepalives" => {
            keepalive.on = match value.as_str() {
                "0" => false,
                "1" => true,
                _ => return Err(Value("is 0 or 1")),
            }
        }
        "keepalives_idle" => {
            // 0 stands for the default, here as in libpq.
            if let Some(idle) = Some(seconds(&value)?).filter(|idle| !idle.is_zero()) {
                keepalive.idle = idle;
            }
        }
        "keepalives_interval" => {
            keepalive.interval = Some(seconds(&value)?).filter(|limit| !limit.is_zero());
        }
        "keepalives_count" => {
            let count = value
                .parse()
                .map_err(|_| Value("is a whole number, at least 0"))?;
            keepalive.count = Some(count).filter(|count| *count > 0);
        }
        "tcp_user_timeout" => {
            let limit = value
                .parse::<u32>()
                .map_err(|_| Value("is a number of milliseconds, at least 0"))?;
            keepalive.unacknowledged =
                Some(Duration::from_millis(limit.into())).filter(|limit| !limit.is_zero());
        }
        // What these ask for is so already.
        "client_encoding" if matches!(value.as_str(), "UTF8" | "utf8" | "auto") => {}
        "client_encoding" => return Err(Value("is `UTF8`")),
        "gssencmode" if matches!(value.as_str(), "disable" | "prefer") => {}
        "gssencmode" => return Err(Value("is `disable`: GSSAPI is not supported")),
        "channel_binding" if matches!(value.as_str(), "disable" | "prefer") => {}
        "channel_binding" => {
            return Err(Value(
                "is `disable` or `prefer`: channel binding is not supported, and certificates are \
                 always verified",
            ));
        }
        "load_balance_hosts" if value == "disable" => {}
        "load_balance_hosts" => {
            return Err(Value("is `disable`: hosts are tried in their order"));
        }
        "sslcert" | "sslkey" | "sslpassword" => {
            return Err(Value(
                "is not supported: a client certificate can't be presented",
            ));
        }
        "sslcrl" | "sslcrldir" => {
            return Err(Value(
                "is not supported: lists of revoked certificates are not read",
            ));
        }
        "passfile" | "service" => {
            return Err(Value(
                "is not supported: no file with passwords or services is read",
            ));
        }
        _ => return Err(Unknown),
    }
    Ok(())
}

fn tls_mode(value: &str) -> Result<TlsMode, Refusal> {
    match value {
        "disable" => Ok(TlsMode::Never),
        "require" | "verify-full" => Ok(TlsMode::Always),
        "allow" | "prefer" => Err(Refusal::Value(
            "can't be `allow` or `prefer`, which whoever stands between can talk down to no TLS: \
             use `verify-full`, or `disable` in a network that you trust",
        )),
        "verify-ca" => Err(Refusal::Value(
            "can't be `verify-ca`, which does not check that it is the right server: use \
             `verify-full`, with `sslrootcert` where the authority is your own",
        )),
        _ => Err(Refusal::Value("is `disable`, `require` or `verify-full`")),
    }
}

fn seconds(value: &str) -> Result<Duration, Refusal> {
    value
        .parse::<u32>()
        .map(|seconds| Duration::from_secs(seconds.into()))
        .map_err(|_| Refusal::Value("is a number of seconds, at least 0"))
}

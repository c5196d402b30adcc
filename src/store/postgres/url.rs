//! The parts of a connection URL, as libpq reads it.
//!
//! No error quotes what could be a piece of a password: of a URL with a password that is not
//! percent-encoded, nobody can tell where the password ends.

use std::fmt::Write as _;

/// What a URL says, decoded. Nothing is checked but the form.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    /// Each host with its port, where one is given.
    pub(super) hosts: Vec<(String, Option<u16>)>,
    pub(super) database: Option<String>,
    /// In their order, none twice.
    pub(super) parameters: Vec<(String, String)>,
}

const FORM: &str = "it has the form `postgres://USER@HOST:PORT/DATABASE`";

const ENCODE: &str = "in a user name or a password `@` is written `%40`, `/` `%2F`, `?` `%3F` and \
                      `%` `%25`, and in a parameter `@` is `%40`, `&` is `%26` and `%` is `%25`";

/// Takes a URL apart.
///
/// # Errors
/// Where it has not the form of one: what is wrong, without what stands there.
pub(super) fn split(url: &str) -> Result<Parts, String> {
    let rest = url
        .strip_prefix("postgres://")
        .or_else(|| url.strip_prefix("postgresql://"))
        .ok_or_else(|| {
            format!(
                "a URL of a PostgreSQL server begins with `postgres://` (the form `key=value` is \
                 not taken): {FORM}"
            )
        })?;
    if rest.contains(|character: char| character.is_ascii_control()) {
        return Err(format!("it holds a control character: {FORM}"));
    }
    let (credentials, place) = split_credentials(rest)?;
    let mut parts = Parts::default();
    if let Some(credentials) = credentials {
        let (user, password) = match credentials.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (credentials, None),
        };
        parts.user = named(decoded(user)?);
        parts.password = password.map(decoded).transpose()?;
    }
    let (place, query) = match place.split_once('?') {
        Some((place, query)) => (place, query),
        None => (place, ""),
    };
    let (hosts, database) = match place.split_once('/') {
        Some((hosts, database)) => (hosts, database),
        None => (place, ""),
    };
    parts.database = named(decoded(database)?);
    if !hosts.is_empty() {
        parts.hosts = hosts.split(',').map(split_host).collect::<Result<_, _>>()?;
    }
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').ok_or_else(|| {
            format!("behind the `?` stands `name=value`, with `&` between several; {ENCODE}")
        })?;
        parts.parameters.push((decoded(name)?, decoded(value)?));
    }
    Ok(parts)
}

/// What stands before the `@`, and behind it. A second `@`, or one behind a `/` or a `?`, belongs to
/// a password that is not encoded; guessing where it ends would print the rest of it as a host.
fn split_credentials(rest: &str) -> Result<(Option<&str>, &str), String> {
    match rest.split_once('@') {
        None => Ok((None, rest)),
        Some((credentials, place)) if credentials.contains(['/', '?']) || place.contains('@') => {
            Err(format!("where its password ends can't be told: {ENCODE}"))
        }
        Some((credentials, place)) => Ok((Some(credentials), place)),
    }
}

/// `host`, `host:port`, `[IPv6]` or `[IPv6]:port`.
fn split_host(text: &str) -> Result<(String, Option<u16>), String> {
    let (host, port) = if let Some(bracketed) = text.strip_prefix('[') {
        let (host, behind) = bracketed
            .split_once(']')
            .ok_or("an IPv6 address has no `]` behind it")?;
        let port = match behind.strip_prefix(':') {
            Some(port) => port,
            None if behind.is_empty() => "",
            None => return Err("between an IPv6 address and its port stands a `:`".to_owned()),
        };
        (host, port)
    } else {
        match text.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                return Err(
                    "an IPv6 address stands in brackets, `[::1]:5432`, and several hosts have a \
                     `,` between them"
                        .to_owned(),
                );
            }
            Some((host, port)) => (host, port),
            None => (text, ""),
        }
    };
    let host = named(decoded(host)?).ok_or("a host is empty")?;
    let port = if port.is_empty() {
        None
    } else {
        Some(port_of(port)?)
    };
    Ok((host, port))
}

/// A port.
///
/// # Errors
/// Where it is none.
pub(super) fn port_of(text: &str) -> Result<u16, String> {
    text.parse()
        .ok()
        .filter(|port| *port != 0)
        .ok_or_else(|| "a port is not a number of 1 to 65535".to_owned())
}

fn named(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// Text with its `%XX` resolved.
fn decoded(text: &str) -> Result<String, String> {
    let wrong = || format!("a `%` stands before two hexadecimal digits, of UTF-8 text; {ENCODE}");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let high = rest.next().and_then(hex).ok_or_else(wrong)?;
        let low = rest.next().and_then(hex).ok_or_else(wrong)?;
        match high << 4 | low {
            0 => return Err("`%00` can't be part of it".to_owned()),
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// Text as a URL can hold it anywhere.
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        let plain = character.is_alphanumeric() || matches!(character, '-' | '_' | '.' | '~');
        if plain {
            out.push(character);
            continue;
        }
        let mut buffer = [0; 4];
        for byte in character.encode_utf8(&mut buffer).bytes() {
            // A `String` takes whatever is written to it.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

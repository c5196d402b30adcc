//! Why a server can't be used, in words for whoever can put it right.

use std::error::Error as _;
use std::io;

use tokio_postgres::error::DbError;
use tokio_rustls::rustls::{self, CertificateError};

/// Why a call of the driver failed.
pub(super) fn of(error: &tokio_postgres::Error) -> String {
    if let Some(refusal) = error.as_db_error() {
        return of_refusal(refusal);
    }
    if error.is_closed() {
        return "it closed the connection".to_owned();
    }
    let Some(source) = error.source() else {
        return error.to_string();
    };
    if let Some(error) = source.downcast_ref::<io::Error>() {
        return of_socket(error);
    }
    match source.to_string().as_str() {
        "server does not support TLS" => {
            "it offers no TLS; in a network that you trust, `sslmode=disable` does without"
                .to_owned()
        }
        "password missing" => "it asks for a password, and none was given".to_owned(),
        source => format!("{error}: {source}"),
    }
}

/// Why a socket, or TLS over it, failed.
pub(super) fn of_socket(error: &io::Error) -> String {
    let cause = error.get_ref();
    if let Some(error) = cause.and_then(|cause| cause.downcast_ref::<rustls::Error>()) {
        return of_tls(error);
    }
    match error.kind() {
        io::ErrorKind::TimedOut => "no answer in time".to_owned(),
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::UnexpectedEof => "it closed the connection".to_owned(),
        _ => error.to_string(),
    }
}

fn of_tls(error: &rustls::Error) -> String {
    use CertificateError::{
        BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext,
        NotValidYet, NotValidYetContext, UnknownIssuer,
    };

    let rustls::Error::InvalidCertificate(fault) = error else {
        return format!("TLS failed: {error}");
    };
    match fault {
        // A bad signature is one of another authority that has the same name.
        UnknownIssuer | BadSignature => {
            "its certificate is not signed by an authority that is trusted; name the file of its \
             authority with `sslrootcert`"
                .to_owned()
        }
        NotValidForName | NotValidForNameContext { .. } => {
            "its certificate is for another name".to_owned()
        }
        Expired | ExpiredContext { .. } => "its certificate has expired".to_owned(),
        NotValidYet | NotValidYetContext { .. } => "its certificate is not valid yet".to_owned(),
        _ => format!("its certificate is not valid: {error}"),
    }
}

/// What the server said, and what to do.
fn of_refusal(refusal: &DbError) -> String {
    let advice = match refusal.code().code() {
        "28P01" => "the password is wrong, or the user has none",
        "28000" => "it does not let this user in from here (see its pg_hba.conf)",
        "3D000" => "there is no such database: create it first",
        "53300" => {
            "it has no connection left: raise its `max_connections`, or open fewer from here"
        }
        "57P03" => "it is starting up, shutting down or recovering: try again later",
        "57P01" | "57P02" => "it is being shut down",
        "25006" => "it is read-only, perhaps a standby: name all servers, the primary among them",
        "42501" => "the user lacks a right",
        "53100" => "its disk is full",
        "53200" => "it has no memory left",
        "22012" => {
            "not all rows were written: look for triggers, rules or policies on the tables, and for \
             rows that are missing"
        }
        "23502" => "its tables are of a version that this program can't write: use a newer one",
        "23514" => "it holds, or was given, what its own checks forbid",
        "42P01" | "42703" | "3F000" | "42883" | "42804" => {
            "the tables are not those of a ledger of this version"
        }
        "XX001" | "XX002" => "its files are damaged",
        _ => "it refused",
    };
    let constraint = match refusal.constraint() {
        Some(name) => format!(", constraint `{name}`"),
        None => String::new(),
    };
    format!(
        "{advice}: {} (SQLSTATE {}{constraint})",
        refusal.message(),
        refusal.code().code(),
    )
}

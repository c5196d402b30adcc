//! Who comes in.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::HOST;
use http::uri::Authority;
use refund_ledger::{ErrorCode, LedgerError};
use refund_rest::{Caller, Grants};

use crate::args::{Common, Serve};
use crate::auth::{Authenticator, Unauthenticated};
use crate::failure::Failure;

/// How callers are recognised.
pub(super) enum Door {
    /// By the tokens of a file.
    Guarded(Authenticator),
    /// Whoever can reach a loopback address is the actor of the command line, and may do everything.
    Open(Caller),
}

/// A caller who is not let in.
pub(super) struct TurnedAway {
    /// What they are told.
    pub(super) error: LedgerError,
    /// What the log is told beside that.
    pub(super) reason: Option<Unauthenticated>,
}

impl Door {
    pub(super) fn new(common: &Common, args: &Serve) -> Result<Self, Failure> {
        match &args.auth {
            Some(path) => Ok(Self::Guarded(Authenticator::load(path)?)),
            None if args.insecure_no_auth => {
                tracing::warn!("whoever is on this machine may do everything");
                Ok(Self::Open(Caller {
                    subject: common.actor.clone(),
                    grants: Grants::all(),
                }))
            }
            None => Err(Failure::Usage(
                "who may call? give `--auth FILE` (make one with `refunds token`), or, to try it \
                 out on this machine alone, `--insecure-no-auth`"
                    .into(),
            )),
        }
    }

    /// Whether the server may listen there.
    pub(super) fn check_address(&self, address: SocketAddr) -> Result<(), Failure> {
        match self {
            Self::Open(_) if !address.ip().is_loopback() => Err(Failure::Usage(format!(
                "`{address}` is open to other machines, so callers must be known: give `--auth FILE` \
                 instead of `--insecure-no-auth`, or listen on 127.0.0.1"
            ))),
            _ => Ok(()),
        }
    }

    /// The caller of a request.
    pub(super) fn caller(&self, headers: &HeaderMap) -> Result<Caller, TurnedAway> {
        match self {
            Self::Guarded(authenticator) => {
                authenticator.caller(headers).map_err(|reason| TurnedAway {
                    error: refund_rest::unknown_caller(),
                    reason: Some(reason),
                })
            }
            Self::Open(caller) if names_loopback(headers) => Ok(caller.clone()),
            // Else a page from anywhere, whose name was made to lead here, could read and write.
            Self::Open(_) => Err(TurnedAway {
                error: LedgerError::new(
                    ErrorCode::Forbidden,
                    "without tokens, the server answers only to the names of this machine, such as \
                     `localhost`",
                ),
                reason: None,
            }),
        }
    }
}

/// Whether the request was made to a name that no other machine can have.
fn names_loopback(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let Ok(host) = host.to_str() else {
        return false;
    };
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::names_loopback;
    use http::{HeaderMap, HeaderValue};

    #[test]
    fn only_names_of_this_machine_are_its_names() {
        let names = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("host", HeaderValue::from_str(host).unwrap());
            names_loopback(&headers)
        };
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:8080",
            "127.1.2.3",
            "[::1]:80",
        ] {
            assert!(names(host), "`{host}`");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example:8080",
            "10.0.0.1",
            "a b",
        ] {
            assert!(!names(host), "`{host}`");
        }
        assert!(!names_loopback(&HeaderMap::new()));
        let mut twice = HeaderMap::new();
        twice.append("host", HeaderValue::from_static("localhost"));
        twice.append("host", HeaderValue::from_static("evil.example"));
        assert!(!names_loopback(&twice), "one of two");
    }
}

//! `serve`: the REST contract over HTTP.
//!
//! The rules of the contract are in `refund-rest`; here are sockets, threads and time. Requests wait
//! without a thread for their turn at the store; what the store does runs on threads of its own, and
//! goes on to its end when a client leaves.

mod body;
mod door;
mod handler;
mod in_progress;
mod listen;
mod log;
mod work;

use std::net::TcpListener;
use std::time::Duration;

use serde::Serialize;

use self::door::Door;
use self::handler::Server;
use self::in_progress::InProgress;
use self::work::{Turns, Work};
use crate::args::{Common, Serve};
use crate::failure::Failure;
use crate::location::Location;
use crate::output::{Exit, Output};

/// How many connections to a PostgreSQL server are open at once unless told: a few of these servers fit
/// into the hundred that PostgreSQL allows unless told.
const CONNECTIONS_DEFAULT: u16 = 16;

/// What programs are told once the server listens.
#[derive(Serialize)]
struct Listening {
    listening: String,
}

/// Runs the server until it is told to stop.
pub(crate) fn run(common: &Common, args: &Serve, output: &mut Output) -> Result<Exit, Failure> {
    let _log = log::start(args.log_format, args.log_level);
    let door = Door::new(common, args)?;
    let listener = listen::bind(&args.listen, &door)?;
    let location = Location::of(common)?;
    let turns = turns(&location, args)?;
    let ledger = location
        .with_connections_max(turns.all())
        .open_or_create()?
        .with_actor(common.actor.clone());
    allow_open_files(args.connections_max);

    let address = listener
        .local_addr()
        .map_err(|error| cannot("tell its own address", error))?;
    let listening = format!("http://{address}");
    output.answer(
        &Listening {
            listening: listening.clone(),
        },
        || format!("listening on {listening}"),
    )?;
    output.flush()?;

    let server = Server {
        door,
        work: Work::new(ledger, turns, args.store_timeout),
        client_timeout: args.client_timeout,
        in_progress: InProgress::default(),
    };
    serve(server, listener, args, turns.all())
}

/// How many requests are at the store at once.
fn turns(location: &Location, args: &Serve) -> Result<Turns, Failure> {
    match (location, args.store_connections) {
        (Location::File(_), None) => Ok(Turns::AT_A_FILE),
        (Location::File(_), Some(_)) => Err(Failure::Usage(
            "`--store-connections` is about a PostgreSQL server; leave it out, or give `--postgres URL`"
                .into(),
        )),
        (Location::Server(_), connections) => {
            Ok(Turns::at_a_server(connections.unwrap_or(CONNECTIONS_DEFAULT)))
        }
    }
}

fn serve(
    server: Server,
    listener: TcpListener,
    args: &Serve,
    threads: usize,
) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(threads)
        .build()
        .map_err(|error| cannot("start its threads", error))?;
    let served = runtime.block_on(listen::serve(server, listener, args));
    // What a client who left had begun ends on a thread of its own.
    runtime.shutdown_timeout(args.store_timeout.saturating_add(Duration::from_secs(1)));
    served
}

/// Every connection is an open file, and the usual limit is for programs with few.
fn allow_open_files(connections: u32) {
    /// The ledger, its readers, the log.
    const OWN_FILES: u64 = 128;
    #[cfg(unix)]
    {
        let wanted = u64::from(connections).saturating_add(OWN_FILES);
        match rlimit::increase_nofile_limit(wanted) {
            Ok(allowed) if allowed >= wanted => {}
            Ok(allowed) => tracing::warn!(
                allowed,
                wanted,
                "this process may open few files; beyond them connections wait"
            ),
            Err(error) => tracing::warn!(%error, "the limit on open files is not known"),
        }
    }
}

fn cannot(what: &str, source: std::io::Error) -> Failure {
    Failure::Io {
        what: format!("the server can't {what}"),
        source,
    }
}

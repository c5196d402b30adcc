//! Connections: accepting them, and ending them gracefully.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener as Listener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutStream;

use super::cannot;
use super::door::Door;
use super::handler::{self, Server};
use super::in_progress::InProgress;
use crate::args::Serve;
use crate::failure::Failure;
use crate::output::Exit;

/// How much of a request's head is read before it is refused.
const HEAD_BYTES_MAX: usize = 64 * 1_024;

/// How long the last answers may take to leave.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long to wait after a connection could not be accepted: mostly because too many are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Binds to the first address that the text stands for.
pub(super) fn bind(text: &str, door: &Door) -> Result<TcpListener, Failure> {
    let addresses: Vec<SocketAddr> = text
        .to_socket_addrs()
        .map_err(|error| {
            Failure::Usage(format!(
                "`{text}` is no address to listen on ({error}); give one such as 127.0.0.1:8080"
            ))
        })?
        .collect();
    for address in &addresses {
        door.check_address(*address)?;
    }
    let listener = TcpListener::bind(&*addresses)
        .map_err(|error| cannot(&format!("listen on `{text}`"), error))?;
    listener
        .set_nonblocking(true)
        .map_err(|error| cannot("listen without blocking", error))?;
    Ok(listener)
}

/// Accepts connections until the process is told to stop, then ends what it accepted.
pub(super) async fn serve(
    server: Server,
    listener: TcpListener,
    args: &Serve,
) -> Result<Exit, Failure> {
    let mut stop = Stop::new().map_err(|error| cannot("listen for signals", error))?;
    let listener =
        Listener::from_std(listener).map_err(|error| cannot("wait for connections", error))?;
    let in_progress = server.in_progress.clone();
    let service = TowerToHyperService::new(handler::router(Arc::new(server)));
    let places = Arc::new(Semaphore::new(
        usize::try_from(args.connections_max).unwrap_or(Semaphore::MAX_PERMITS),
    ));
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(args.client_timeout)
        .max_buf_size(HEAD_BYTES_MAX);

    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = stop.wait() => break,
        };
        let (stream, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_of_one_connection(&error) => continue,
            Err(error) => {
                tracing::warn!(%error, "a connection can't be accepted");
                tokio::select! {
                    () = tokio::time::sleep(ACCEPT_PAUSE) => continue,
                    () = stop.wait() => break,
                }
            }
        };
        let mut stream = Box::pin(TimeoutStream::new(stream));
        stream
            .as_mut()
            .set_write_timeout_pinned(Some(args.client_timeout));
        let connection =
            graceful.watch(http.serve_connection(TokioIo::new(stream), service.clone()));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke off");
            }
            drop(place);
        });
    }

    // Nobody is let in any more; whoever is in is answered.
    drop(listener);
    tracing::info!("stopping; what was accepted is finished");
    // A body, the store, and the answer may each take their time.
    let patience = args
        .client_timeout
        .saturating_mul(2)
        .saturating_add(args.store_timeout)
        .saturating_add(LAST_WORDS);
    tokio::select! {
        () = graceful.shutdown() => {}
        // Who has not sent the whole head of a request was not accepted.
        () = all_answered(&in_progress) => {}
        () = tokio::time::sleep(patience) => {
            tracing::warn!("stopped; some clients took too long");
            return Ok(Exit::Failed);
        }
        () = stop.wait() => {
            tracing::warn!("stopped at once, as it was asked for twice");
            return Ok(Exit::Failed);
        }
    }
    tracing::info!("stopped");
    Ok(Exit::Done)
}

/// Waits until no request is in progress and the last answers had time to leave.
async fn all_answered(in_progress: &InProgress) {
    in_progress.none_left().await;
    tokio::time::sleep(LAST_WORDS).await;
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &Listener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places)
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    // Answers are small, and clients wait for them.
    stream.set_nodelay(true)?;
    Ok((stream, place))
}

/// Whether the error is about the connection that was to be accepted, not about accepting.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::InvalidInput
            | ErrorKind::NotConnected
    )
}

/// The signals that end a server.
struct Stop {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 2],
}

impl Stop {
    fn new() -> io::Result<Self> {
        #[cfg(unix)]
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            #[cfg(unix)]
            signals: [
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
            ],
        })
    }

    async fn wait(&mut self) {
        #[cfg(unix)]
        {
            let [interrupt, terminate] = &mut self.signals;
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        #[cfg(not(unix))]
        drop(tokio::signal::ctrl_c().await);
    }
}

//! Sockets to the addresses of a host, within a time.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};

use super::options::Keepalive;
use super::wire::{Stream, now};

/// What is left until a deadline, as the calls of a socket take it: not zero.
fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(now());
    if left.is_zero() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    Ok(left)
}

/// The addresses of a name, in the resolver's order.
///
/// # Errors
/// Where it has none, or where the resolver does not answer in time.
pub(super) fn resolve(name: &str, deadline: Instant) -> io::Result<Vec<IpAddr>> {
    let (answer, answered) = mpsc::sync_channel(1);
    let asked = (name.to_owned(), 0);
    // The system's resolver has no time limit that could be given. A thread of its own may go on
    // waiting for it, and ends by itself.
    thread::Builder::new()
        .name("refund-ledger-resolve".to_owned())
        .spawn(move || {
            let found = asked
                .to_socket_addrs()
                .map(|addresses| addresses.map(|address| address.ip()).collect::<Vec<_>>());
            // Nobody listens any more where it took too long.
            let _ = answer.send(found);
        })?;
    answered
        .recv_timeout(left(deadline)?)
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// A connection to an address.
///
/// # Errors
/// Where nobody accepts it in time.
pub(super) fn connect_tcp(
    address: SocketAddr,
    keepalive: &Keepalive,
    deadline: Instant,
) -> io::Result<Stream> {
    let stream = TcpStream::connect_timeout(&address, left(deadline)?)?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    watch(&SockRef::from(&stream), keepalive)?;
    Ok(Stream::Tcp(mio::net::TcpStream::from_std(stream)))
}

/// Has the system look after a connection over which nothing goes, as far as it can.
fn watch(socket: &SockRef<'_>, wanted: &Keepalive) -> io::Result<()> {
    if wanted.on {
        let keepalive = TcpKeepalive::new().with_time(wanted.idle);
        #[cfg(any(
            target_os = "android",
            target_os = "freebsd",
            target_os = "linux",
            target_os = "macos",
            target_os = "windows"
        ))]
        let keepalive = {
            let mut keepalive = keepalive;
            if let Some(interval) = wanted.interval {
                keepalive = keepalive.with_interval(interval);
            }
            if let Some(count) = wanted.count {
                keepalive = keepalive.with_retries(count);
            }
            keepalive
        };
        socket.set_tcp_keepalive(&keepalive)?;
    }
    #[cfg(any(target_os = "android", target_os = "linux"))]
    if wanted.unacknowledged.is_some() {
        socket.set_tcp_user_timeout(wanted.unacknowledged)?;
    }
    Ok(())
}

/// A connection to the Unix socket in a folder.
///
/// # Errors
/// Where there is none, or where nobody accepts it at once.
#[cfg(unix)]
pub(super) fn connect_unix(folder: &Path, port: u16) -> io::Result<Stream> {
    let path = folder.join(format!(".s.PGSQL.{port}"));
    mio::net::UnixStream::connect(path).map(Stream::Unix)
}

/// # Errors
/// Always: there are none on this system.
#[cfg(not(unix))]
pub(super) fn connect_unix(_: &Path, _: u16) -> io::Result<Stream> {
    Err(io::ErrorKind::Unsupported.into())
}

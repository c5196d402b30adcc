//! A connection's socket, and futures over it that run on the caller's own thread.
//!
//! The driver is asynchronous, so that several statements go out before the first answer comes
//! back. Nothing here needs a runtime, and no thread is started: a call polls its future and the
//! connection in turn, and between that waits for the socket, up to a deadline. So a store can be
//! made, used and dropped anywhere, on a runtime's threads too (where it blocks them as any blocking
//! call does).

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io::{self, Read, Write};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::Instant;

use mio::event::Source;
use mio::{Events, Interest, Registry, Token};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::AsyncMessage;
use tokio_postgres::error::DbError;

/// The time on the clock that limits are measured with.
#[allow(
    clippy::disallowed_methods,
    reason = "a wait has a limit, and this store is never built where there is no clock"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// A socket that never blocks.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(mio::net::TcpStream),
    #[cfg(unix)]
    Unix(mio::net::UnixStream),
}

impl Stream {
    fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Tcp(stream) => stream,
            #[cfg(unix)]
            Self::Unix(stream) => stream,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            #[cfg(unix)]
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(buffer),
            #[cfg(unix)]
            Self::Unix(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What would block is pending. Nobody is woken: [`Wire::block_on`] polls again once the socket is
/// ready.
fn attempt<T>(mut operation: impl FnMut() -> io::Result<T>) -> Poll<io::Result<T>> {
    loop {
        match operation() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return Poll::Ready(done),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let unfilled = buffer.initialize_unfilled();
        attempt(|| self.read(unfilled)).map_ok(|count| buffer.advance(count))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        attempt(|| self.write(buffer))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Dropping it closes it.
        Poll::Ready(Ok(()))
    }
}

/// The deadline passed, or the system can't say when the socket is ready.
#[derive(Debug)]
pub(super) enum Interrupted {
    TimedOut,
    Failed(io::Error),
}

/// What runs a connection: its messages in both directions, until it is closed.
pub(super) type Connection =
    Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send>>;

/// Whether the server has said that a commit is on none but itself, though it should be.
#[derive(Clone, Default)]
pub(super) struct Alone(Arc<AtomicBool>);

impl Alone {
    /// Whether it was said since this was asked last.
    fn take(&self) -> bool {
        self.0.swap(false, Ordering::AcqRel)
    }
}

/// A connection as it runs here, which listens to what the server says besides.
pub(super) fn run<S, T>(
    mut connection: tokio_postgres::Connection<S, T>,
    alone: &Alone,
) -> Connection
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let alone = alone.clone();
    Box::pin(poll_fn(move |context| {
        loop {
            match ready!(connection.poll_message(context)) {
                Some(Ok(AsyncMessage::Notice(notice))) if is_given_up_wait(&notice) => {
                    alone.0.store(true, Ordering::Release);
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(error)),
                None => return Poll::Ready(Ok(())),
            }
        }
    }))
}

/// Whether the server says that a commit waits no longer for its standbys, since somebody canceled
/// the statement. It has no code of its own, and its words depend on the server's language.
fn is_given_up_wait(notice: &DbError) -> bool {
    notice.routine() == Some("SyncRepWaitForLSN")
}

/// Tells the thread that polls whether anything that it polled has gone on.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// Waits for one socket, and runs futures over it.
pub(super) struct Wire {
    poll: mio::Poll,
    events: Events,
    woken: Arc<Woken>,
    /// `None` before it is made, and once it has ended.
    connection: Option<Connection>,
    /// What it ended with.
    end: Option<tokio_postgres::Error>,
    alone: Alone,
}

impl Wire {
    /// # Errors
    /// Where the system can't watch the socket.
    pub(super) fn new(stream: &mut Stream) -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        let registry: &Registry = poll.registry();
        registry.register(
            stream.source(),
            Token(0),
            Interest::READABLE | Interest::WRITABLE,
        )?;
        Ok(Self {
            poll,
            events: Events::with_capacity(4),
            woken: Arc::default(),
            connection: None,
            end: None,
            alone: Alone::default(),
        })
    }

    /// Where its connection notes what the server says of commits.
    pub(super) fn alone(&self) -> &Alone {
        &self.alone
    }

    /// Whether the server has said, since this was asked last, that a commit is on none but itself.
    pub(super) fn take_alone(&self) -> bool {
        self.alone.take()
    }

    /// From now on the connection runs while a future does.
    pub(super) fn attach(&mut self, connection: Connection) {
        self.connection = Some(connection);
    }

    /// Whether the connection has not ended, as far as the socket tells by now.
    pub(super) fn is_open(&mut self) -> bool {
        let waker = Waker::from(Arc::clone(&self.woken));
        self.poll_connection(&mut Context::from_waker(&waker));
        self.connection.is_some()
    }

    fn poll_connection(&mut self, context: &mut Context<'_>) {
        if let Some(connection) = &mut self.connection
            && let Poll::Ready(end) = connection.as_mut().poll(context)
        {
            // Whoever waits for an answer is told that it is closed, as its channel is.
            self.connection = None;
            self.end = end.err();
        }
    }

    /// What the connection ended with, which those who waited for an answer are not told.
    pub(super) fn take_end(&mut self) -> Option<tokio_postgres::Error> {
        self.end.take()
    }

    /// Runs a future to its end. The deadline moves on by the time that the future itself works: it is
    /// for the server.
    ///
    /// # Errors
    /// Where the deadline passes first. What was sent may still be carried out by the server.
    pub(super) fn block_on<T>(
        &mut self,
        deadline: &Cell<Instant>,
        future: impl Future<Output = T>,
    ) -> Result<T, Interrupted> {
        let waker = Waker::from(Arc::clone(&self.woken));
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            self.woken.0.store(false, Ordering::Release);
            let start = now();
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Ok(output);
            }
            let own = now().saturating_duration_since(start);
            deadline.set(deadline.get().checked_add(own).unwrap_or(start));
            self.poll_connection(&mut context);
            if !self.woken.0.load(Ordering::Acquire) {
                self.wait(deadline.get())?;
            } else if now() >= deadline.get() {
                // A server that sends without a pause leaves nothing to wait for.
                return Err(Interrupted::TimedOut);
            }
        }
    }

    /// Waits until the socket is ready for anything that it was not ready for.
    fn wait(&mut self, deadline: Instant) -> Result<(), Interrupted> {
        loop {
            let left = deadline.saturating_duration_since(now());
            if left.is_zero() {
                return Err(Interrupted::TimedOut);
            }
            match self.poll.poll(&mut self.events, Some(left)) {
                Ok(()) if self.events.is_empty() => {}
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Interrupted::Failed(error)),
            }
        }
    }
}

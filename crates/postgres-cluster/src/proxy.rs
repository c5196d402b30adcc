//! What stands between a client and its server, and breaks their connection off at a chosen message.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::cluster::Cluster;

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// What happens at a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Both sides find the connection closed, and the message is gone.
    Lost,
    /// The same, after half of the message got through.
    Halved,
    /// The client finds the connection closed. The message arrives once it is let go.
    Delayed,
    /// Nothing comes through any more, and nobody is told.
    Silence,
}

/// Where a connection breaks off: at the message of this number, from 0, of those that go one way.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// Which way the message goes.
    pub way: Way,
    /// Its number.
    pub at: usize,
    /// What happens to it.
    pub fate: Fate,
    /// Whether new connections are let through afterwards.
    pub then_reachable: bool,
}

#[derive(Debug, Default)]
struct State {
    cut: Option<Cut>,
    /// What has passed since the counting began: which way, and what it begins with.
    passed: Vec<(Way, String)>,
    unreachable: bool,
    let_go: bool,
    ended: bool,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// `Terminate`.
const FAREWELL: [u8; 5] = [b'X', 0, 0, 0, 4];

/// A proxy on a port of its own, for as long as it lives.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

impl Proxy {
    /// A proxy to a server, through the server's socket, where it asks for no password.
    ///
    /// # Errors
    /// If no port can be had.
    pub fn to(server: &Cluster) -> io::Result<Self> {
        let socket = server.folder().join(format!(".s.PGSQL.{}", server.port()));
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        thread::spawn(move || of_thread.serve(&listener, &socket));
        Ok(Self { port, shared })
    }

    /// The URL of the server behind it, of the database `postgres`.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The URL of a database of the server behind it.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Counts messages from here on, and breaks the next connection off where it is told.
    pub fn arm(&self, cut: Option<Cut>) {
        *self.shared.state() = State {
            cut,
            ..State::default()
        };
    }

    /// What has passed since the counting began.
    pub fn passed(&self) -> Vec<(Way, String)> {
        self.shared.state().passed.clone()
    }

    /// Whether the connection was broken off.
    pub fn has_cut(&self) -> bool {
        self.shared.state().cut.is_none()
    }

    /// Lets go what was delayed.
    pub fn let_go(&self) {
        self.shared.state().let_go = true;
        self.shared.changed.notify_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.state().ended = true;
        self.let_go();
        // Whoever waits for a connection wakes up.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(self: &Arc<Self>, listener: &TcpListener, socket: &PathBuf) {
        for client in listener.incoming() {
            let state = self.state();
            if state.ended {
                return;
            }
            let (Ok(client), false) = (client, state.unreachable) else {
                // Dropped, it is closed.
                continue;
            };
            drop(state);
            // A server that does not answer is one that the client can't reach either.
            let Ok(server) = UnixStream::connect(socket) else {
                continue;
            };
            let sides = (client.twin(), server.twin(), client.set_nodelay(true));
            if let (Ok(client_twin), Ok(server_twin), Ok(())) = sides {
                pump(Way::ToServer, client, server_twin, self);
                pump(Way::ToClient, server, client_twin, self);
            }
        }
    }

    fn wait_until_let_go(&self) {
        let state = self.state();
        drop(self.changed.wait_while(state, |state| !state.let_go));
    }

    /// What is to happen to the next message.
    fn judge(&self, way: Way, message: &[u8]) -> Option<Fate> {
        // The farewell of a connection may come whenever it is dropped.
        if way == Way::ToServer && message == FAREWELL {
            return None;
        }
        let mut state = self.state();
        let number = state.passed.iter().filter(|(of, _)| *of == way).count();
        if let Some(cut) = state.cut
            && (cut.way, cut.at) == (way, number)
        {
            state.cut = None;
            state.unreachable = !cut.then_reachable;
            return Some(cut.fate);
        }
        let printable = message.iter().take(24).map(|byte| match byte {
            b' '..=b'~' => char::from(*byte),
            _ => '.',
        });
        let printed = printable.collect();
        state.passed.push((way, printed));
        None
    }
}

/// Carries messages one way on a thread of its own, up to the end of the side that they come from.
fn pump<From: Side, To: Side>(way: Way, mut from: From, mut to: To, shared: &Arc<Shared>) {
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        // What a client says first has no type.
        let mut has_type = way == Way::ToClient;
        while let Some(message) = read_message(&mut from, has_type) {
            has_type = true;
            match shared.judge(way, &message) {
                None => drop(to.write_all(&message)),
                Some(Fate::Lost) => break,
                Some(Fate::Halved) => {
                    drop(to.write_all(message.get(..message.len() / 2).unwrap_or_default()));
                    break;
                }
                Some(Fate::Delayed) => {
                    from.close();
                    shared.wait_until_let_go();
                    drop(to.write_all(&message));
                    to.end();
                    return;
                }
                Some(Fate::Silence) => {
                    shared.wait_until_let_go();
                    break;
                }
            }
        }
        from.close();
        to.close();
    });
}

/// One end of a connection.
trait Side: Read + Write + Send + Sized + 'static {
    fn twin(&self) -> io::Result<Self>;
    /// Nothing comes or goes any more.
    fn close(&self);
    /// Nothing goes any more.
    fn end(&self);
}

macro_rules! side {
    ($stream:ty) => {
        impl Side for $stream {
            fn twin(&self) -> io::Result<Self> {
                let twin = self.try_clone()?;
                Ok(twin)
            }
            fn close(&self) {
                drop(self.shutdown(Shutdown::Both));
            }
            fn end(&self) {
                drop(self.shutdown(Shutdown::Write));
            }
        }
    };
}

side!(TcpStream);
side!(UnixStream);

/// The next whole message, with its header.
fn read_message(from: &mut impl Read, has_type: bool) -> Option<Vec<u8>> {
    let mut header = vec![0; if has_type { 5 } else { 4 }];
    from.read_exact(&mut header).ok()?;
    let length = u32::from_be_bytes(*header.last_chunk()?);
    // The length counts itself.
    let mut rest = vec![0; usize::try_from(length).ok()?.checked_sub(4)?];
    from.read_exact(&mut rest).ok()?;
    header.append(&mut rest);
    Some(header)
}

//! What stands between a store and its server, and breaks their connection off at a chosen message.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

use postgres_cluster::Cluster;

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToServer,
    ToClient,
}

/// What happens at a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
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
pub(crate) struct Cut {
    pub(crate) way: Way,
    pub(crate) at: usize,
    pub(crate) fate: Fate,
    /// Whether new connections are let through afterwards.
    pub(crate) then_reachable: bool,
}

#[derive(Default)]
struct State {
    cut: Option<Cut>,
    /// What has passed since the counting began: which way, and what it begins with.
    passed: Vec<(Way, String)>,
    unreachable: bool,
    let_go: bool,
    ended: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// `Terminate`.
const FAREWELL: [u8; 5] = [b'X', 0, 0, 0, 4];

pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

impl Proxy {
    /// A proxy to a server, through the server's socket, where it asks for no password.
    pub(crate) fn to(server: &Cluster) -> Self {
        let socket = format!(".s.PGSQL.{}", server.port());
        let socket = server.folder().join(socket);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                let state = of_thread.state();
                if state.ended {
                    return;
                }
                // Dropped, it is closed.
                let (Ok(client), false) = (client, state.unreachable) else {
                    continue;
                };
                drop(state);
                let server = UnixStream::connect(&socket).unwrap();
                client.set_nodelay(true).unwrap();
                pump(Way::ToServer, &client, &server, &of_thread);
                pump(Way::ToClient, &server, &client, &of_thread);
            }
        });
        Self { port, shared }
    }

    /// The URL of the server behind it.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Counts messages from here on, and breaks the next connection off where it is told.
    pub(crate) fn arm(&self, cut: Option<Cut>) {
        *self.shared.state() = State {
            cut,
            ..State::default()
        };
    }

    /// What has passed since the counting began.
    pub(crate) fn passed(&self) -> Vec<(Way, String)> {
        self.shared.state().passed.clone()
    }

    /// Whether the connection was broken off.
    pub(crate) fn has_cut(&self) -> bool {
        self.shared.state().cut.is_none()
    }

    /// Lets go what was delayed.
    pub(crate) fn let_go(&self) {
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
        self.state.lock().unwrap()
    }

    fn wait_until_let_go(&self) {
        let state = self.state();
        drop(
            self.changed
                .wait_while(state, |state| !state.let_go)
                .unwrap(),
        );
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
fn pump<From: Side, To: Side>(way: Way, from: &From, to: &To, shared: &Arc<Shared>) {
    let (mut from, mut to) = (from.twin(), to.twin());
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
                    drop(to.write_all(&message[..message.len() / 2]));
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
trait Side: Read + Write + Send + 'static {
    fn twin(&self) -> Self;
    /// Nothing comes or goes any more.
    fn close(&self);
    /// Nothing goes any more.
    fn end(&self);
}

macro_rules! side {
    ($stream:ty) => {
        impl Side for $stream {
            fn twin(&self) -> Self {
                self.try_clone().unwrap()
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
    let mut message = vec![0; if has_type { 5 } else { 4 }];
    from.read_exact(&mut message).ok()?;
    let header = message.len();
    let length = u32::from_be_bytes(message[header - 4..].try_into().unwrap());
    message.resize(header - 4 + usize::try_from(length).unwrap(), 0);
    from.read_exact(&mut message[header..]).ok()?;
    Some(message)
}

//! What kind of server to start.

use crate::cluster::Cluster;
use crate::error::Error;

/// Settings of a server that is to be started.
#[derive(Debug, Clone)]
pub struct Builder {
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) tls: bool,
    pub(crate) trusting: bool,
}

impl Builder {
    pub(crate) fn new() -> Self {
        let mut builder = Self {
            settings: Vec::new(),
            tls: false,
            trusting: false,
        };
        for (name, value) in [
            ("listen_addresses", "127.0.0.1"),
            ("password_encryption", "scram-sha-256"),
            ("lc_messages", "C"),
            // Many servers run side by side on small machines.
            ("shared_buffers", "32MB"),
            ("jit", "off"),
            // A server that is killed leaves its other kinds of shared memory behind.
            ("dynamic_shared_memory_type", "mmap"),
            ("hot_standby", "on"),
            ("wal_level", "replica"),
        ] {
            builder = builder.setting(name, value);
        }
        builder
    }

    /// Sets a parameter of `postgresql.conf`. The last value of a name counts.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Whether what is committed is forced to the disk; it is unless this says no. Without, all is
    /// faster, and a crash of the machine (no crash of the server) may lose anything.
    #[must_use]
    pub fn fsync(self, fsync: bool) -> Self {
        let value = if fsync { "on" } else { "off" };
        self.setting("fsync", value)
            .setting("full_page_writes", value)
    }

    /// Takes connections over TCP only with TLS. The server's certificate is for `localhost` and
    /// `127.0.0.1`, and signed by [`Cluster::ca_certificate`].
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self.setting("ssl", "on")
    }

    /// Asks nobody for a password over TCP, as over the socket. To check one takes a client without
    /// optimizations a tenth of a second of work: too much where many connect at once.
    #[must_use]
    pub fn trusting(mut self) -> Self {
        self.trusting = true;
        self
    }

    /// Starts the server.
    ///
    /// # Errors
    /// If PostgreSQL is not installed, or the server does not start; its log is in the error.
    pub fn start(self) -> Result<Cluster, Error> {
        Cluster::start_as(self)
    }

    /// The text of `postgresql.conf`.
    pub(crate) fn file(&self) -> String {
        let line = |(name, value): &(String, String)| {
            format!(
                "{name} = '{}'\n",
                value.replace('\\', r"\\").replace('\'', "''")
            )
        };
        self.settings.iter().map(line).collect()
    }
}

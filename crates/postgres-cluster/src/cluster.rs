//! One server in a folder of its own.

use std::fs;
use std::iter;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::account::Account;
use crate::builder::Builder;
use crate::error::{Error, while_trying};
use crate::guard::Guard;
use crate::port;
use crate::programs::Programs;
use crate::run::MOMENT;
use crate::tls;

/// The password of the superuser `postgres` over TCP. Over the socket in the folder nobody is asked.
pub const PASSWORD: &str = "swordfish-of-the-tests";

/// How long a server may take to start. A replayed log and a busy machine take long.
pub(crate) const LIMIT: Duration = Duration::from_mins(2);

/// How often a server that starts is looked at for whether it has ended.
const SELDOM: Duration = Duration::from_millis(100);

/// How many ports are tried when somebody is faster.
const PORTS: usize = 20;

/// What the server says when its port is taken.
const PORT_TAKEN: &str = "could not create any TCP/IP sockets";

/// A private PostgreSQL server. It ends, and its folder goes, when this is dropped and when the process
/// ends, also when that is killed.
///
/// Its methods that run SQL do so through `psql` over the socket, as the superuser.
#[derive(Debug)]
pub struct Cluster {
    programs: Programs,
    account: Account,
    folder: PathBuf,
    port: u16,
    builder: Mutex<Builder>,
    guard: Mutex<Guard>,
}

impl Cluster {
    /// Starts a server with the settings that it comes with.
    ///
    /// # Errors
    /// If PostgreSQL is not installed, or the server does not start; its log is in the error.
    pub fn start() -> Result<Self, Error> {
        Self::builder().start()
    }

    /// Starts a server with settings of its own.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn start_as(builder: Builder) -> Result<Self, Error> {
        let mut cluster = Self::prepare(Programs::find()?, builder)?;
        let data = cluster.data();
        let password = cluster.folder.join("password");
        cluster.write(&password, PASSWORD)?;
        cluster.run(
            "initdb",
            &[
                "--no-sync",
                "--encoding=UTF8",
                "--locale=C",
                "--username=postgres",
                &format!("--pwfile={}", password.display()),
                &format!("--pgdata={}", data.display()),
            ],
        )?;
        let kind = if cluster.settings().tls {
            tls::make(&data)?;
            for name in [tls::CERTIFICATE, tls::KEY] {
                cluster.account.give(&data.join(name))?;
            }
            "hostssl"
        } else {
            "host"
        };
        let method = if cluster.settings().trusting {
            "trust"
        } else {
            "scram-sha-256"
        };
        let access = format!(
            "local all all trust\n\
             local replication all trust\n\
             {kind} all all 127.0.0.1/32 {method}\n\
             {kind} replication all 127.0.0.1/32 {method}\n"
        );
        cluster.write(&data.join("pg_hba.conf"), &access)?;
        cluster.start_on_a_free_port()?;
        Ok(cluster)
    }

    /// A folder and its guard, without a server.
    pub(crate) fn prepare(programs: Programs, builder: Builder) -> Result<Self, Error> {
        let folder = tempfile::Builder::new()
            .prefix("postgres-")
            .tempdir()
            .map_err(while_trying("making a temporary folder"))?;
        let account = Account::choose(folder.path())?;
        account.give(folder.path())?;
        let guard = Guard::start(account, folder.path(), &programs.path("postgres"))?;
        Ok(Self {
            programs,
            account,
            folder: folder.keep(),
            port: 0,
            builder: Mutex::new(builder),
            guard: Mutex::new(guard),
        })
    }

    pub(crate) fn start_on_a_free_port(&mut self) -> Result<(), Error> {
        self.start_on_one_of(iter::from_fn(port::free).take(PORTS))
    }

    /// Starts the server on a port that is known to clients. One of them that tries to connect may have
    /// it for a moment, as the port of its own end.
    pub(crate) fn start_on_port(&mut self, port: u16) -> Result<(), Error> {
        self.start_on_one_of(iter::repeat_n(port, PORTS))
    }

    /// Starts the server on the first of the ports that nobody has taken.
    fn start_on_one_of(&mut self, ports: impl Iterator<Item = u16>) -> Result<(), Error> {
        let mut taken =
            Error::Value("no port of the loopback address is free for a server".to_owned());
        for port in ports {
            self.port = port;
            match self.start_server() {
                Err(Error::Server { what, log }) if log.contains(PORT_TAKEN) => {
                    taken = Error::Server { what, log };
                    fs::write(self.folder.join("log"), "")
                        .map_err(while_trying("emptying the server's log"))?;
                }
                outcome => return outcome,
            }
        }
        Err(taken)
    }

    pub(crate) fn write_settings(&self) -> Result<(), Error> {
        let settings = self
            .settings()
            .clone()
            .setting("port", &self.port.to_string())
            .setting("unix_socket_directories", &self.folder.to_string_lossy())
            .file();
        self.write(&self.data().join("postgresql.conf"), &settings)
    }

    fn start_server(&self) -> Result<(), Error> {
        self.write_settings()?;
        let process = self.order("start")?;
        let start = Instant::now();
        let mut looked = start;
        while !self.is_ready(&process) {
            // Looking at processes costs more than looking into a file.
            if looked.elapsed() > SELDOM {
                if !self.is_running()? {
                    return Err(self.failure("ended before it was ready"));
                }
                looked = Instant::now();
            }
            if start.elapsed() > LIMIT {
                self.order("kill")?;
                let limit = LIMIT.as_secs();
                return Err(self.failure(&format!("was not ready after {limit} s")));
            }
            thread::sleep(MOMENT);
        }
        Ok(())
    }

    /// Whether the server says in its file that it takes connections. A killed one leaves the file
    /// behind, so the process counts too.
    fn is_ready(&self, process: &str) -> bool {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        let mut lines = file.lines().map(str::trim);
        lines.next() == Some(process) && lines.nth(6) == Some("ready")
    }

    fn is_running(&self) -> Result<bool, Error> {
        Ok(self.order("state")? == "running")
    }

    /// Stops the server in good order: sessions end, transactions are rolled back, and what is
    /// committed is written. A paused server is resumed for it.
    ///
    /// # Errors
    /// If it has not ended within a minute.
    pub fn stop(&self) -> Result<(), Error> {
        self.order("thaw")?;
        match self.order("stop")?.as_str() {
            "done" => Ok(()),
            other => Err(self.failure(&format!("was told to stop: {other}"))),
        }
    }

    /// Ends all processes of the server at once, as a machine does that loses its power: no client
    /// is told anything. Returns when they are gone.
    ///
    /// # Errors
    /// If the guard of the server is gone.
    pub fn kill(&self) -> Result<(), Error> {
        self.order("kill").map(drop)
    }

    /// Lets all processes of the server stand still: it keeps its connections and answers nothing.
    ///
    /// # Errors
    /// If the guard of the server is gone.
    pub fn pause(&self) -> Result<(), Error> {
        self.order("freeze").map(drop)
    }

    /// Lets a paused server go on.
    ///
    /// # Errors
    /// If the guard of the server is gone.
    pub fn resume(&self) -> Result<(), Error> {
        self.order("thaw").map(drop)
    }

    /// Starts the server again on the same port, whether it was stopped or killed or still runs; then
    /// it is stopped first.
    ///
    /// # Errors
    /// If it does not stop or does not start; its log is in the error.
    pub fn restart(&self) -> Result<(), Error> {
        self.stop()?;
        self.start_server()
    }

    /// The port on `127.0.0.1` that it listens on, the same over all restarts.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where its data, its socket and its log are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The URL over TCP, with the password, of the database `postgres`.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The URL over TCP, with the password, of a database.
    pub fn url_of(&self, database: &str) -> String {
        format!(
            "postgres://postgres:{PASSWORD}@127.0.0.1:{}/{database}",
            self.port
        )
    }

    /// The URL over the socket in the folder, without a password, of the database `postgres`.
    pub fn socket_url(&self) -> String {
        self.socket_url_of("postgres")
    }

    /// The URL over the socket in the folder, without a password, of a database.
    pub fn socket_url_of(&self, database: &str) -> String {
        let folder = self.folder.to_string_lossy().replace('/', "%2F");
        format!("postgres://postgres@{folder}:{}/{database}", self.port)
    }

    /// The certificate of the authority that has signed the server's, with [`Builder::tls`].
    pub fn ca_certificate(&self) -> Option<PathBuf> {
        let path = self.data().join(tls::AUTHORITY);
        path.is_file().then_some(path)
    }

    /// Runs statements, each in a transaction of its own, up to the first that fails.
    ///
    /// # Errors
    /// If one fails or they take two minutes.
    pub fn execute(&self, sql: &str) -> Result<(), Error> {
        self.query(sql).map(drop)
    }

    /// Runs statements as [`Cluster::execute`] does, and gives their rows: one a line, `|` between
    /// columns.
    ///
    /// # Errors
    /// If one fails or they take two minutes.
    pub fn query(&self, sql: &str) -> Result<String, Error> {
        self.query_in("postgres", sql)
    }

    /// Runs statements in another database.
    ///
    /// # Errors
    /// If one fails or they take two minutes.
    pub fn query_in(&self, database: &str, sql: &str) -> Result<String, Error> {
        let printed = self
            .account
            .program(
                &self.folder,
                &self.programs.path("psql"),
                [
                    "--no-psqlrc",
                    "--no-password",
                    "--quiet",
                    "--no-align",
                    "--tuples-only",
                    "--set=ON_ERROR_STOP=1",
                    "--username=postgres",
                    &format!("--host={}", self.folder.display()),
                    &format!("--port={}", self.port),
                    &format!("--dbname={database}"),
                    "--file=-",
                ],
            )
            .input(sql)
            .read()?;
        Ok(printed.trim_end_matches('\n').to_owned())
    }

    /// Everything in a schema of a database, as statements that make it again.
    ///
    /// # Errors
    /// If there is no such schema.
    pub fn dump(&self, database: &str, schema: &str) -> Result<String, Error> {
        self.account
            .program(
                &self.folder,
                &self.programs.path("pg_dump"),
                [
                    "--inserts",
                    "--no-owner",
                    "--no-privileges",
                    "--username=postgres",
                    &format!("--host={}", self.folder.display()),
                    &format!("--port={}", self.port),
                    &format!("--schema={schema}"),
                    database,
                ],
            )
            .read()
    }

    /// Creates an empty database, and gives its URL.
    ///
    /// # Errors
    /// If there is one of the name.
    pub fn create_database(&self, name: &str) -> Result<String, Error> {
        self.execute(&format!(
            "CREATE DATABASE \"{}\"",
            name.replace('"', "\"\"")
        ))?;
        Ok(self.url_of(name))
    }

    /// What the server has printed so far.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.folder.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub(crate) fn programs(&self) -> &Programs {
        &self.programs
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The settings, for reading and for changing.
    pub(crate) fn settings(&self) -> MutexGuard<'_, Builder> {
        self.builder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one of PostgreSQL's programs.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Result<String, Error> {
        self.account
            .program(&self.folder, &self.programs.path(program), arguments)
            .read()
    }

    /// Writes a file that the server may read.
    pub(crate) fn write(&self, path: &Path, text: &str) -> Result<(), Error> {
        fs::write(path, text).map_err(while_trying(format!("writing `{}`", path.display())))?;
        self.account.give(path)
    }

    pub(crate) fn failure(&self, what: &str) -> Error {
        Error::Server {
            what: what.to_owned(),
            log: self.log(),
        }
    }

    fn order(&self, order: &str) -> Result<String, Error> {
        let mut guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
        guard.order(order)
    }
}

#[cfg(test)]
mod tests {
    use super::Cluster;
    use crate::port;
    use std::net::TcpListener;

    #[test]
    fn a_port_that_somebody_took_is_left_to_them() {
        let mut cluster = Cluster::builder().fsync(false).start().unwrap();
        cluster.stop().unwrap();
        let somebody = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = somebody.local_addr().unwrap().port();
        let free = port::free().unwrap();
        cluster.start_on_one_of([taken, free].into_iter()).unwrap();
        assert_eq!(cluster.port(), free);
        assert_eq!(cluster.query("SHOW port").unwrap(), free.to_string());

        cluster.stop().unwrap();
        let error = cluster.start_on_one_of([taken].into_iter()).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("Address already in use"), "{error}");
    }
}

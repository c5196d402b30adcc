//! A second server that follows the first.

use std::thread;
use std::time::Instant;

use crate::cluster::{Cluster, LIMIT};
use crate::error::Error;
use crate::run::MOMENT;

/// The parameter that names whom commits wait for.
const REQUIRED: &str = "synchronous_standby_names";

impl Cluster {
    /// Starts a standby: a copy of this server, which reads what this one writes as it is written. It
    /// has the same settings and certificates, and is known to this one by its name.
    ///
    /// # Errors
    /// If the name is not made of letters, digits and `_`, with no digit first, if this server can't be copied, or if the
    /// copy does not start.
    pub fn standby(&self, name: &str) -> Result<Self, Error> {
        let mut standby = self.copy(name)?;
        standby.start_on_a_free_port()?;
        Ok(standby)
    }

    /// Starts a standby on the port that another server had, which is stopped or killed: so the one
    /// that failed comes back, where clients know it.
    ///
    /// # Errors
    /// As [`Cluster::standby`], and if the port is still taken.
    pub fn standby_in_place_of(&self, former: &Self, name: &str) -> Result<Self, Error> {
        let mut standby = self.copy(name)?;
        standby.start_on_port(former.port())?;
        Ok(standby)
    }

    /// A copy that is not started.
    fn copy(&self, name: &str) -> Result<Self, Error> {
        check(name)?;
        // Once promoted it waits for nobody.
        let settings = self.settings().clone().setting(REQUIRED, "");
        let standby = Self::prepare(self.programs().clone(), settings)?;
        standby.run(
            "pg_basebackup",
            &[
                "--checkpoint=fast",
                "--wal-method=stream",
                "--write-recovery-conf",
                "--no-sync",
                "--no-password",
                &format!("--pgdata={}", standby.data().display()),
                &format!(
                    "--dbname=host='{}' port={} user=postgres application_name={name}",
                    self.folder().display(),
                    self.port()
                ),
            ],
        )?;
        Ok(standby)
    }

    /// From now on no commit here is acknowledged before the standby of this name has it on its disk.
    /// It need not be there yet: commits wait for it to come.
    ///
    /// # Errors
    /// If the name is not made of letters, digits and `_`, with no digit first, or the server does not answer.
    pub fn require_standby(&self, name: &str) -> Result<(), Error> {
        check(name)?;
        let settings = self.settings().clone().setting(REQUIRED, name);
        *self.settings() = settings;
        self.write_settings()?;
        self.execute("SELECT pg_reload_conf()")?;
        self.wait_until(&format!("SHOW {REQUIRED}"), name)?;
        // Commits begin to wait when the checkpointer has read the settings, which it does before the
        // checkpoint.
        self.execute("CHECKPOINT")
    }

    /// Waits until the required standby has caught up, so that commits are on both servers.
    ///
    /// # Errors
    /// If no standby is required, or it has not caught up after two minutes.
    pub fn wait_for_synchronous(&self) -> Result<(), Error> {
        let required = |(name, value): &(String, String)| name == REQUIRED && !value.is_empty();
        if !self.settings().settings.iter().any(required) {
            return Err(Error::Value(
                "the server requires no standby, so none becomes synchronous".to_owned(),
            ));
        }
        self.wait_until(
            "SELECT count(*) > 0 FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'sync'",
            "t",
        )
    }

    /// Makes a standby a server that takes writes, whether the first one is there or not.
    ///
    /// # Errors
    /// If it is no standby, or has not become a server of its own after two minutes.
    pub fn promote(&self) -> Result<(), Error> {
        // What it has not applied yet it applies now, and statements that stand in the way of that are
        // ended, the ones here too.
        let in_the_way = |error: &Error| error.to_string().contains("conflict with recovery");
        match self.execute("SELECT pg_promote(false)") {
            Err(error) if !in_the_way(&error) => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let start = Instant::now();
        while start.elapsed() < LIMIT {
            match self.query("SELECT pg_is_in_recovery()").as_deref() {
                Ok("f") => return Ok(()),
                Err(error) if !in_the_way(error) => break,
                Ok(_) | Err(_) => thread::sleep(MOMENT),
            }
        }
        Err(self.failure("was promoted, and has not become a server of its own"))
    }

    fn wait_until(&self, sql: &str, wanted: &str) -> Result<(), Error> {
        let start = Instant::now();
        loop {
            let answer = self.query(sql)?;
            if answer == wanted {
                return Ok(());
            }
            if start.elapsed() > LIMIT {
                return Err(self.failure(&format!(
                    "answers `{answer}` to `{sql}` still after {} s, where `{wanted}` is waited for",
                    LIMIT.as_secs()
                )));
            }
            thread::sleep(MOMENT);
        }
    }
}

/// A name that stands in settings and connection strings as it is.
fn check(name: &str) -> Result<(), Error> {
    let plain = |character: char| character.is_ascii_alphanumeric() || character == '_';
    if !name.is_empty()
        && name.chars().all(plain)
        && !name.starts_with(|c: char| c.is_ascii_digit())
    {
        Ok(())
    } else {
        Err(Error::Value(format!(
            "`{name}` is no name of a standby: it takes letters, digits and `_`, no digit first"
        )))
    }
}

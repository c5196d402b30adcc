//! Connections that are open, for one call each.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::connect::connect;
use super::errors::Fault;
use super::options::PostgresOptions;
use super::session::{Link, Session, Steps, end_of};
use super::wire::now;
use crate::store::StoreError;

/// How long a connection may be unused before it is closed, when another one is given back.
const IDLE_MAX: Duration = Duration::from_mins(10);

/// How long a rollback may take where the call's own time is used up: a connection that is as good
/// as new is worth it.
const ROLLBACK_GRACE: Duration = Duration::from_millis(250);

/// Up to so many connections to one server.
pub(super) struct Pool {
    options: PostgresOptions,
    state: Mutex<State>,
    /// Told when a connection is given back, or when one may be made in place of another.
    freed: Condvar,
}

#[derive(Default)]
struct State {
    /// Those in use by nobody, the one used last at the end.
    idle: Vec<Idle>,
    /// How many there are, those in use and those being made included.
    open: usize,
}

struct Idle {
    session: Session,
    since: Instant,
}

impl Pool {
    /// A pool without any connection yet.
    pub(super) fn new(options: PostgresOptions) -> Self {
        Self {
            options,
            state: Mutex::default(),
            freed: Condvar::new(),
        }
    }

    /// Where its connections go.
    pub(super) fn options(&self) -> &PostgresOptions {
        &self.options
    }

    /// Runs `work` over a connection, within a limit of time. It is run a second time where the
    /// connection had lain idle and turns out, before anything was committed, to be dead or to lead to
    /// a server that has become a standby.
    ///
    /// What `work` began and did not commit is rolled back when it fails or panics.
    ///
    /// # Errors
    /// What `work` failed with; [`StoreError::Busy`] where no connection was given back in time;
    /// [`StoreError::Unavailable`] where the server can't be reached or does not answer, with
    /// nothing changed; [`StoreError::OutcomeUnknown`] where it was [about to
    /// commit](Link::will_commit) by then.
    pub(super) fn run<T>(
        &self,
        limit: Duration,
        mut work: impl AsyncFnMut(&Link) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let deadline = end_of(limit);
        let mut taken = self.take(deadline)?;
        let (mut outcome, mut commit_sent) = taken.run(deadline, &mut work);
        if let Err(fault) = &outcome
            && !taken.fresh
            && !commit_sent
            && (fault.is_loss() || fault.is_stale_statement() || self.is_demoted(fault))
        {
            // The others have lain there as long, and the server was the same.
            self.close_idle();
            taken.replace(deadline)?;
            (outcome, commit_sent) = taken.run(deadline, &mut work);
        }
        self.finish(taken, deadline, outcome, commit_sent)
    }

    /// Runs a call of many steps that commits nothing, each step within a limit of time. It is run a
    /// second time where it failed at once for a connection that had lain idle and is dead.
    ///
    /// # Errors
    /// As `run`, but never `OutcomeUnknown`.
    pub(super) fn read<T>(
        &self,
        limit: Duration,
        begin: &impl AsyncFn(&Link) -> Result<(), Fault>,
        work: impl FnOnce(&mut Steps<'_>) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let deadline = end_of(limit);
        let mut taken = self.take(deadline)?;
        let (mut begun, _) = taken.run(deadline, begin);
        if let Err(fault) = &begun
            && !taken.fresh
            && fault.is_loss()
        {
            self.close_idle();
            taken.replace(deadline)?;
            (begun, _) = taken.run(deadline, begin);
        }
        let outcome = match (begun, &mut taken.session) {
            (Ok(()), Some(session)) => work(&mut Steps::new(session, limit)),
            (Ok(()), None) => Err(Fault::NoAnswer),
            (Err(fault), _) => Err(fault),
        };
        self.finish(taken, end_of(limit), outcome, false)
    }

    /// Gives the connection back, as far as it can be used again.
    fn finish<T>(
        &self,
        taken: Taken<'_>,
        deadline: Instant,
        outcome: Result<T, Fault>,
        commit_sent: bool,
    ) -> Result<T, StoreError> {
        match &outcome {
            Ok(_) => taken.give_back(),
            Err(fault) if fault.leaves_session_usable() && !self.is_demoted(fault) => {
                taken.roll_back(deadline);
            }
            // Dropping it closes it, and the server rolls back.
            Err(_) => {
                drop(taken);
                self.close_idle();
            }
        }
        outcome.map_err(|fault| fault.at(&self.options, commit_sent))
    }

    /// Whether the server could be written to when it was connected to, and can't any more: another one
    /// has taken over.
    fn is_demoted(&self, fault: &Fault) -> bool {
        self.options.must_write && fault.is_read_only()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What it guards is whole between any two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection used last, or a new one, or the next that is given back.
    fn take(&self, deadline: Instant) -> Result<Taken<'_>, StoreError> {
        let mut state = self.state();
        loop {
            if let Some(Idle { session, .. }) = state.idle.pop() {
                drop(state);
                let mut taken = Taken {
                    pool: self,
                    session: Some(session),
                    fresh: false,
                };
                if taken.session.as_mut().is_some_and(Session::is_open) {
                    return Ok(taken);
                }
                drop(taken);
                state = self.state();
            } else if state.open < self.options.connections_max() {
                state.open = state.open.saturating_add(1);
                drop(state);
                let mut taken = Taken {
                    pool: self,
                    session: None,
                    fresh: true,
                };
                taken.replace(deadline)?;
                return Ok(taken);
            } else {
                let left = deadline.saturating_duration_since(now());
                if left.is_zero() {
                    return Err(StoreError::Busy);
                }
                state = self
                    .freed
                    .wait_timeout(state, left)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
            }
        }
    }

    fn close_idle(&self) {
        let idle = std::mem::take(&mut self.state().idle);
        self.close(idle);
    }

    fn close(&self, sessions: Vec<Idle>) {
        let mut state = self.state();
        state.open = state.open.saturating_sub(sessions.len());
        drop(state);
        for Idle { session, .. } in sessions {
            session.close();
            self.freed.notify_one();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.close_idle();
    }
}

/// A connection in use. Dropping it closes it.
struct Taken<'a> {
    pool: &'a Pool,
    /// `None` while another one is made.
    session: Option<Session>,
    /// Whether it was made for this call.
    fresh: bool,
}

impl Taken<'_> {
    /// What `work` came to, and whether it had anything committed.
    fn run<T>(
        &mut self,
        deadline: Instant,
        work: impl AsyncFnOnce(&Link) -> Result<T, Fault>,
    ) -> (Result<T, Fault>, bool) {
        let Some(session) = &mut self.session else {
            return (Err(Fault::NoAnswer), false);
        };
        let outcome = session.run(deadline, work);
        (outcome, session.take_commit_sent())
    }

    /// Makes a new connection in place of the one that there is.
    fn replace(&mut self, deadline: Instant) -> Result<(), StoreError> {
        self.session = None;
        let options = &self.pool.options;
        let session = connect(options, deadline).map_err(|fault| fault.at(options, false))?;
        self.session = Some(session);
        self.fresh = true;
        Ok(())
    }

    fn roll_back(mut self, deadline: Instant) {
        let grace = end_of(ROLLBACK_GRACE);
        let (outcome, _) = self.run(deadline.max(grace), async |link| {
            Ok(link.client().batch_execute("ROLLBACK").await?)
        });
        if outcome.is_ok() {
            self.give_back();
        }
    }

    fn give_back(mut self) {
        let since = now();
        let mut state = self.pool.state();
        if let Some(session) = self.session.take() {
            state.idle.push(Idle { session, since });
            // `drop` counts it as closed.
            state.open = state.open.saturating_add(1);
        }
        let unused = state
            .idle
            .iter()
            .take_while(|idle| since.saturating_duration_since(idle.since) > IDLE_MAX)
            .count();
        let unused = state.idle.drain(..unused).collect();
        drop(state);
        self.pool.close(unused);
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        // It is closed before another one may be made.
        self.session = None;
        let mut state = self.pool.state();
        state.open = state.open.saturating_sub(1);
        drop(state);
        self.pool.freed.notify_one();
    }
}

#[cfg(test)]
mod tests;

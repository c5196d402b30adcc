//! Callers that share one durable transaction.
//!
//! A commit waits for the disk, and those who come meanwhile would each wait for it after another. So
//! whoever finds others waiting leaves his transaction open for them: each writes behind a savepoint of
//! his own, in turn, and the one who began it commits for all. Nobody is answered before that, not even
//! who wrote nothing, as what he read may be what others have just written; and where it fails, it fails
//! for all.
//!
//! The same code runs in `crates/torture` under a scheduler, with another `sync` in place of this one.
//!
//! Who is alone waits for nobody: he begins, writes and commits as if there were no groups.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use super::sync::{Condvar, Mutex, Since, lock, wait, wait_up_to};

/// How much of the time of the last commit a group is waited for.
const PATIENCE: f64 = 0.5;

/// No group is waited for longer.
const PATIENCE_MAX: Duration = Duration::from_millis(20);

/// What is written in: one transaction at a time, in it one savepoint.
pub(super) trait Session {
    type Failure: Clone;

    /// Begins a transaction, waiting for other handles and processes up to a limit.
    fn begin(&self, limit: Duration) -> Result<(), Self::Failure>;
    fn commit(&self) -> Result<(), Self::Failure>;
    /// Takes the transaction back, if it is still there.
    fn roll_back(&self);
    /// Some failures end a transaction by themselves.
    fn is_in_transaction(&self) -> bool;

    fn save(&self) -> Result<(), Self::Failure>;
    /// Keeps what was written since it was saved.
    fn keep(&self) -> Result<(), Self::Failure>;
    /// Takes back what was written since it was saved, or the whole transaction.
    fn undo(&self);

    /// What is told who has waited too long for his turn.
    fn busy() -> Self::Failure;
    /// What is told those whose transaction was taken back by what another did: nothing of that other.
    fn taken_back() -> Self::Failure;
}

/// A session, handed from caller to caller.
#[derive(Debug)]
pub(super) struct Writer<S: Session> {
    session: Mutex<S>,
    state: Mutex<State<S::Failure>>,
    /// The session was given back.
    given_back: Condvar,
    /// The open group has one more member, or is closed.
    joined: Condvar,
}

#[derive(Debug)]
struct State<F> {
    taken: bool,
    /// How many wait to join the open group, or to begin one.
    waiting: usize,
    /// How many wait for it to be nobody's. Nobody begins meanwhile, or they might wait for ever.
    waiting_alone: usize,
    /// The transaction that is open, while it is left to others.
    open: Option<Open<F>>,
    last: Last,
}

#[derive(Debug)]
struct Open<F> {
    group: Arc<Group<F>>,
    members: usize,
    /// Who began it wants the session back: nobody joins any more.
    is_full: bool,
}

/// Those who wait for the same commit.
#[derive(Debug)]
struct Group<F> {
    outcome: Mutex<Option<Result<(), F>>>,
    closed: Condvar,
}

/// The last commit.
#[derive(Clone, Copy, Debug)]
struct Last {
    /// How many were answered by it.
    members: usize,
    took: Duration,
}

impl<S: Session> Writer<S> {
    pub(super) fn new(session: S) -> Self {
        Self {
            session: Mutex::new(session),
            state: Mutex::new(State {
                taken: false,
                waiting: 0,
                waiting_alone: 0,
                open: None,
                last: Last {
                    members: 1,
                    took: Duration::ZERO,
                },
            }),
            given_back: Condvar::new(),
            joined: Condvar::new(),
        }
    }

    /// Works outside of any transaction, once nobody else has one. What is left of the limit is handed on.
    pub(super) fn alone<T, E: From<S::Failure>>(
        &self,
        limit: Duration,
        work: impl FnOnce(&S, Duration) -> Result<T, E>,
    ) -> Result<T, E> {
        let start = Since::now();
        let _turn = self.turn(
            limit,
            |state| &mut state.waiting_alone,
            |state| state.open.is_some(),
        )?;
        work(&lock(&self.session), limit.saturating_sub(start.elapsed()))
    }

    /// Writes in a transaction that is durable when this returns. `work` says whether it wrote anything.
    pub(super) fn write(
        &self,
        limit: Duration,
        work: impl FnOnce(&S) -> Result<bool, S::Failure>,
    ) -> Result<(), S::Failure> {
        let start = Since::now();
        let turn = self.turn(
            limit,
            |state| &mut state.waiting,
            |state| match &state.open {
                Some(open) => open.is_full,
                None => state.waiting_alone > 0,
            },
        )?;
        let open = lock(&self.state)
            .open
            .as_ref()
            .map(|open| Arc::clone(&open.group));
        match open {
            Some(group) => self.join(turn, &group, work),
            None => self.begin(turn, limit.saturating_sub(start.elapsed()), work),
        }
    }

    /// The session, once it is free and nothing else stands in the way. Who waits for it is counted.
    fn turn(
        &self,
        limit: Duration,
        count: impl Fn(&mut State<S::Failure>) -> &mut usize,
        is_barred: impl Fn(&State<S::Failure>) -> bool,
    ) -> Result<Turn<'_, S>, S::Failure> {
        let has_to_wait = |state: &State<S::Failure>| state.taken || is_barred(state);
        let mut state = lock(&self.state);
        *count(&mut state) = count(&mut state).saturating_add(1);
        state = wait_up_to(&self.given_back, &self.state, state, limit, |state| {
            has_to_wait(state)
        });
        *count(&mut state) = count(&mut state).saturating_sub(1);
        if has_to_wait(&state) {
            drop(state);
            // Others may have waited for who waits no longer.
            self.given_back.notify_all();
            self.joined.notify_all();
            return Err(S::busy());
        }
        state.taken = true;
        Ok(Turn(self))
    }

    /// Writes in a transaction of its own, lets others join it where there are any, and commits.
    fn begin(
        &self,
        turn: Turn<'_, S>,
        limit: Duration,
        work: impl FnOnce(&S) -> Result<bool, S::Failure>,
    ) -> Result<(), S::Failure> {
        let session = lock(&self.session);
        session.begin(limit)?;
        let begun = Begun(&*session);
        if !work(&session)? {
            return Ok(());
        }
        begun.leave_open();
        let mut state = lock(&self.state);
        let last = state.last;
        if last.members == 1 && state.waiting == 0 {
            drop(state);
            return self.commit(&session, 1);
        }
        let group = Arc::new(Group {
            outcome: Mutex::new(None),
            closed: Condvar::new(),
        });
        state.open = Some(Open {
            group: Arc::clone(&group),
            members: 1,
            is_full: false,
        });
        drop(state);
        drop(session);
        drop(turn);
        self.wait_for_members(&group, last);
        self.finish(&group)
    }

    /// Writes in the open transaction of others, and waits for its commit.
    fn join(
        &self,
        turn: Turn<'_, S>,
        group: &Group<S::Failure>,
        work: impl FnOnce(&S) -> Result<bool, S::Failure>,
    ) -> Result<(), S::Failure> {
        let member = Member {
            group,
            turn: Some(turn),
            writer: self,
        };
        let session = lock(&self.session);
        let outcome = Saved::new(&*session).and_then(|saved| {
            let wrote = work(&session)?;
            if wrote { saved.keep() } else { Ok(()) }
        });
        drop(session);
        drop(member);
        let told = group.told(S::taken_back);
        outcome.and(told)
    }

    /// Waits until a group is as large as the last one was and nobody waits to join it, but not for long.
    fn wait_for_members(&self, group: &Arc<Group<S::Failure>>, last: Last) {
        let patience = last.took.mul_f64(PATIENCE).min(PATIENCE_MAX);
        let mut state = wait_up_to(
            &self.joined,
            &self.state,
            lock(&self.state),
            patience,
            |state| {
                let waiting = state.waiting;
                let open = state.open_for(group);
                open.is_some_and(|open| waiting > 0 || open.members < last.members)
            },
        );
        if let Some(open) = state.open_for(group) {
            open.is_full = true;
        }
    }

    /// Commits for a group, unless its transaction was lost.
    fn finish(&self, group: &Arc<Group<S::Failure>>) -> Result<(), S::Failure> {
        let mut state = wait(&self.given_back, &self.state, lock(&self.state), |state| {
            state.taken && state.open_for(group).is_some()
        });
        let Some(open) = state.open_for(group) else {
            drop(state);
            return group.told(S::taken_back);
        };
        let members = open.members;
        state.taken = true;
        drop(state);
        let _turn = Turn(self);
        let session = lock(&self.session);
        let unclosed = Unclosed {
            session: &*session,
            writer: self,
            group,
        };
        let outcome = self.commit(&session, members);
        mem::forget(unclosed);
        self.close(group, outcome.clone());
        outcome
    }

    fn commit(&self, session: &S, members: usize) -> Result<(), S::Failure> {
        let start = Since::now();
        let outcome = session.commit();
        if outcome.is_err() {
            session.roll_back();
        }
        lock(&self.state).last = Last {
            members,
            took: start.elapsed(),
        };
        outcome
    }

    /// Tells all members what came of it. Whoever calls it has the session.
    fn close(&self, group: &Group<S::Failure>, outcome: Result<(), S::Failure>) {
        *lock(&group.outcome) = Some(outcome);
        lock(&self.state).open = None;
        group.closed.notify_all();
    }
}

impl<F> State<F> {
    /// The open group, if it is this one.
    fn open_for(&mut self, group: &Arc<Group<F>>) -> Option<&mut Open<F>> {
        self.open
            .as_mut()
            .filter(|open| Arc::ptr_eq(&open.group, group))
    }
}

impl<F: Clone> Group<F> {
    /// What came of it, once that is known.
    fn told(&self, taken_back: impl FnOnce() -> F) -> Result<(), F> {
        let told = lock(&self.outcome);
        let told = wait(&self.closed, &self.outcome, told, |told| told.is_none());
        told.clone().unwrap_or_else(|| Err(taken_back()))
    }
}

/// The session is one's own. Dropping it, also while panicking, gives it back.
struct Turn<'w, S: Session>(&'w Writer<S>);

impl<S: Session> Drop for Turn<'_, S> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.taken = false;
        // Who began an open group may wait for the session too. A notice to nobody is a system call.
        let waited_for = state.waiting > 0 || state.waiting_alone > 0 || state.open.is_some();
        drop(state);
        if waited_for {
            self.0.given_back.notify_all();
        }
    }
}

/// One's turn in the open transaction of others. Dropping it, also while panicking, closes the group where the
/// transaction is gone: whatever is written after that would be in no transaction.
struct Member<'w, S: Session> {
    writer: &'w Writer<S>,
    group: &'w Group<S::Failure>,
    /// Always there, up to the drop.
    turn: Option<Turn<'w, S>>,
}

impl<S: Session> Drop for Member<'_, S> {
    fn drop(&mut self) {
        let is_lost = !lock(&self.writer.session).is_in_transaction();
        if let Some(open) = &mut lock(&self.writer.state).open {
            open.members = open.members.saturating_add(1);
        }
        if is_lost {
            self.writer.close(self.group, Err(S::taken_back()));
            // Who began it may wait for the session, to commit what is not there any more.
            self.writer.given_back.notify_all();
        }
        self.turn = None;
        self.writer.joined.notify_all();
    }
}

/// A group whose commit has not returned. Dropping it, which only a panic does, takes back what it wrote and tells
/// the members so: they would wait for ever.
struct Unclosed<'w, S: Session> {
    session: &'w S,
    writer: &'w Writer<S>,
    group: &'w Group<S::Failure>,
}

impl<S: Session> Drop for Unclosed<'_, S> {
    fn drop(&mut self) {
        self.session.roll_back();
        self.writer.close(self.group, Err(S::taken_back()));
    }
}

/// A transaction that is taken back, also while panicking, unless it is left open.
struct Begun<'s, S: Session>(&'s S);

impl<S: Session> Begun<'_, S> {
    fn leave_open(self) {
        mem::forget(self);
    }
}

impl<S: Session> Drop for Begun<'_, S> {
    fn drop(&mut self) {
        self.0.roll_back();
    }
}

/// What is written from here on is taken back, also while panicking, unless it is kept.
struct Saved<'s, S: Session>(&'s S);

impl<'s, S: Session> Saved<'s, S> {
    fn new(session: &'s S) -> Result<Self, S::Failure> {
        session.save()?;
        Ok(Self(session))
    }

    fn keep(self) -> Result<(), S::Failure> {
        self.0.keep()?;
        mem::forget(self);
        Ok(())
    }
}

impl<S: Session> Drop for Saved<'_, S> {
    fn drop(&mut self) {
        self.0.undo();
    }
}

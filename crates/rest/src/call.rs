//! What a request comes to: a command or a query, and its reply.

use refund_ledger::{
    Command, Id, JournalPage, JournalPosition, Ledger, LedgerError, Movement, MovementKey, Receipt,
    Refund, RefundLookup, RefundPage, RefundQuery, Revision,
};

/// A request as a call on a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// It changes the ledger.
    Command(Command),
    /// It reads.
    Query(Query),
}

/// What a request reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// A movement with its balance.
    Movement(MovementKey),
    /// A refund.
    Refund {
        /// The movement that it must be of.
        movement: MovementKey,
        /// Which refund.
        refund: RefundLookup,
    },
    /// The revisions of a refund.
    History {
        /// The movement that it must be of.
        movement: MovementKey,
        /// Which refund.
        refund: RefundLookup,
    },
    /// Refunds of an org.
    Refunds(RefundQuery),
    /// Refunds of a movement, which must be there.
    MovementRefunds {
        /// The movement.
        movement: MovementKey,
        /// Further filters, and the page.
        query: RefundQuery,
    },
    /// An org's part of the journal.
    Journal {
        /// The org.
        org: Id,
        /// Where to continue.
        after: JournalPosition,
        /// How many entries at most.
        limit: usize,
    },
}

/// What a ledger answers to a [`Call`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// To a command.
    Receipt(Receipt),
    /// To [`Query::Movement`].
    Movement(Movement),
    /// To [`Query::Refund`].
    Refund(Refund),
    /// To [`Query::History`].
    History(Vec<Revision>),
    /// To [`Query::Refunds`] and [`Query::MovementRefunds`].
    Refunds(RefundPage),
    /// To [`Query::Journal`].
    Journal(JournalPage),
}

impl Call {
    /// Whether it changes the ledger.
    pub fn is_write(&self) -> bool {
        matches!(self, Self::Command(_))
    }

    /// Makes the call.
    ///
    /// # Errors
    /// Whatever the ledger answers.
    pub fn perform(&self, ledger: &Ledger) -> Result<Reply, LedgerError> {
        match self {
            Self::Command(command) => ledger.execute(command).map(Reply::Receipt),
            Self::Query(query) => query.perform(ledger),
        }
    }
}

impl Query {
    fn perform(&self, ledger: &Ledger) -> Result<Reply, LedgerError> {
        match self {
            Self::Movement(movement) => ledger.movement(movement).map(Reply::Movement),
            Self::Refund { movement, refund } => ledger.refund(movement, refund).map(Reply::Refund),
            Self::History { movement, refund } => {
                ledger.history(movement, refund).map(Reply::History)
            }
            Self::Refunds(query) => ledger.list_refunds(query).map(Reply::Refunds),
            Self::MovementRefunds { movement, query } => {
                let mut query = query.clone();
                query.filter.org = Some(movement.org());
                query.filter.subscription = Some(Id::new(movement.subscription_id())?);
                query.filter.movement = Some(Id::new(movement.movement_id())?);
                // A cursor of other filters is at fault whether the movement is there or not.
                let page = ledger.list_refunds(&query)?;
                ledger.movement(movement)?;
                Ok(Reply::Refunds(page))
            }
            Self::Journal { org, after, limit } => {
                ledger.org_journal(org, *after, *limit).map(Reply::Journal)
            }
        }
    }
}

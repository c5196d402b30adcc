//! The store on a PostgreSQL server.
//!
//! A movement's row is the lock for all that belongs to it: a change locks the movements concerned, in
//! key order, reads, decides, and writes under those locks. What no lock can cover, since it is not
//! there yet, unique keys do. Every call is a fixed number of round trips, whatever the size of its
//! batch: one that locks and reads, and one that writes and commits.

mod apply;
mod bind;
mod connect;
mod errors;
mod list;
mod load;
mod options;
mod outlines;
mod parameters;
mod pool;
mod reasons;
mod rows;
mod scan;
mod schema;
mod session;
mod socket;
mod statements;
mod strays;
mod tls;
mod url;
mod wire;
mod write;

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

pub use options::PostgresOptions;

use self::bind::stored;
use self::errors::Fault;
use self::pool::Pool;
use self::rows::Columns;
use self::schema::MIGRATIONS;
use self::session::{Link, end_of};
use self::statements::LOAD_JOURNAL;
use super::{
    ATTEMPTS_MAX, ReadSet, RefundOutline, ScanRange, ScanRow, Snapshot, Store, StoreError,
    WriteBatch,
};
use crate::id::Id;
use crate::journal::{JournalPosition, JournalRecord};
use crate::query::{ListAfter, Page, RefundFilter};
use crate::refund::Refund;
use crate::time::Timestamp;

/// A store on a PostgreSQL server, or on what speaks its protocol. Any number of programs may share it.
///
/// What a call has answered is as durable as the server makes it: with synchronous replication it is
/// on the standbys too. A commit during which the connection was lost is
/// [`StoreError::OutcomeUnknown`], and the [`Ledger`](crate::Ledger) finds out what came of it.
///
/// The tables stand in a schema of their own. Calls block the thread that makes them, and need no
/// runtime; on a thread of a runtime they block it as any blocking call does, and never panic.
///
/// Cloning it is cheap and shares the connections.
#[derive(Clone)]
pub struct PostgresStore {
    pool: Arc<Pool>,
    /// How long a call through this handle waits.
    limit: Duration,
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("server", &self.pool.options().to_string())
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Opens the ledger on this server, and makes its tables where there are none, or brings them to
    /// this program's version.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the server can't be reached or lets nobody in,
    /// [`StoreError::Unsupported`] where the tables are a newer version's or none of a ledger,
    /// [`StoreError::Failed`] where the right to make them is missing.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = postgres_cluster::shared()?;
    /// # let url = server.url(); // such as postgres://refunds@db.example/billing
    /// # let another = server.url_of("nowhere");
    /// use std::sync::Arc;
    /// use refund_ledger::Ledger;
    /// use refund_ledger::store::postgres::{PostgresOptions, PostgresStore};
    /// let store = PostgresStore::open(&PostgresOptions::new(&url)?)?;
    /// let ledger = Ledger::with_system_host(Arc::new(store));
    /// assert!(ledger.verify(None)?.is_valid());
    ///
    /// let another = PostgresOptions::new(&another)?; // there is no database `nowhere`
    /// let refused = PostgresStore::open(&another).unwrap_err();
    /// assert!(refused.to_string().contains("nowhere"), "{refused}");
    /// # Ok(()) }
    /// ```
    pub fn open(options: &PostgresOptions) -> Result<Self, StoreError> {
        let this = Self::connect(options);
        let schema = options.schema();
        this.pool.run(this.limit, async |link| {
            MIGRATIONS.bring_up(link, schema).await
        })?;
        Ok(this)
    }

    /// Opens the ledger on this server, which must be there. No right but to use its tables is needed.
    ///
    /// # Errors
    /// As [`PostgresStore::open`], and [`StoreError::Unsupported`] where there is no ledger.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = postgres_cluster::shared()?.url();
    /// use refund_ledger::StoreError;
    /// use refund_ledger::store::postgres::{PostgresOptions, PostgresStore};
    /// let empty = PostgresOptions::new(&url)?.with_schema("not_yet")?;
    /// let refused = PostgresStore::open_existing(&empty).unwrap_err();
    /// assert!(matches!(refused, StoreError::Unsupported { .. }));
    /// PostgresStore::open(&empty)?; // makes it
    /// PostgresStore::open_existing(&empty)?;
    /// # Ok(()) }
    /// ```
    pub fn open_existing(options: &PostgresOptions) -> Result<Self, StoreError> {
        Self::open_if_there(options)?.ok_or_else(|| StoreError::Unsupported {
            reason: format!("{options}: there is no ledger there: its tables are missing"),
        })
    }

    /// Opens the ledger on this server, if there is one.
    ///
    /// # Errors
    /// As [`PostgresStore::open_existing`], but for a ledger that is not there.
    ///
    /// ```
    /// # fn main() -> Result<(), refund_ledger::StoreError> {
    /// use refund_ledger::StoreError;
    /// use refund_ledger::store::postgres::{PostgresOptions, PostgresStore};
    ///
    /// let nowhere = PostgresOptions::new("postgres://refunds@127.0.0.1:1/billing")?;
    /// let refused = PostgresStore::open_if_there(&nowhere).unwrap_err(); // nobody listens there
    /// assert!(matches!(refused, StoreError::Unavailable { .. }));
    /// # Ok(()) }
    /// ```
    pub fn open_if_there(options: &PostgresOptions) -> Result<Option<Self>, StoreError> {
        let this = Self::connect(options);
        let schema = options.schema();
        let are_there = this.pool.run(this.limit, async |link| {
            MIGRATIONS.are_there(link, schema).await
        })?;
        Ok(are_there.then_some(this))
    }

    fn connect(options: &PostgresOptions) -> Self {
        Self {
            limit: options.time_limit(),
            pool: Arc::new(Pool::new(options.clone())),
        }
    }
}

/// Begins a transaction that writes.
fn begin_writing(link: &Link) -> String {
    format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = {}",
        link.server_limit_ms()
    )
}

/// Begins a transaction that reads one view.
fn begin_reading(link: &Link) -> String {
    format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = {}",
        link.server_limit_ms()
    )
}

async fn end(link: &Link) -> Result<(), Fault> {
    Ok(link.client().batch_execute("COMMIT").await?)
}

impl Store for PostgresStore {
    fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
        self.pool.run(self.limit, async |link| {
            let begin = begin_reading(link);
            let (snapshot, _) = load::load(link, Some(&begin), wanted, false).await?;
            end(link).await?;
            Ok(snapshot)
        })
    }

    fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        if batch.entries.is_empty() {
            return Ok(());
        }
        let wanted = apply::read_set(batch);
        self.pool.run(self.limit, async |link| {
            let begin = begin_writing(link);
            let (_, known) = load::load(link, Some(&begin), &wanted, true).await?;
            apply::apply(link, batch, known).await
        })
    }

    fn list_refunds(
        &self,
        filter: &RefundFilter,
        after: Option<ListAfter>,
        limit: usize,
    ) -> Result<Page<Refund>, StoreError> {
        self.pool.run(self.limit, async |link| {
            link.client().batch_execute(&begin_reading(link)).await?;
            let page = list::list(link, filter, after, limit).await?;
            end(link).await?;
            Ok(page)
        })
    }

    fn journal(
        &self,
        after: JournalPosition,
        limit: usize,
    ) -> Result<Vec<JournalRecord>, StoreError> {
        let after = stored(after);
        let limit = stored(u64::try_from(limit).unwrap_or(u64::MAX));
        self.pool.run(self.limit, async |link| {
            let statement = link.prepare(LOAD_JOURNAL).await?;
            let rows = link.client().query(&statement, &[&after, &limit]).await?;
            let mut records = Vec::new();
            for row in rows {
                let mut columns = Columns::new(&row);
                let key = columns.key()?;
                records.push(columns.record(&key)?);
            }
            Ok(records)
        })
    }

    fn scan(
        &self,
        range: &ScanRange<'_>,
        visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> Result<JournalPosition, StoreError> {
        // A visitor may take its time.
        let begin = async |link: &Link| {
            let patient = "SET LOCAL idle_in_transaction_session_timeout = 0";
            let begin = format!("{}; {patient}", begin_reading(link));
            Ok(link.client().batch_execute(&begin).await?)
        };
        self.pool.read(self.limit, &begin, |steps| {
            let last = scan::scan(steps, range, visit)?;
            steps.run(end)?;
            Ok(last)
        })
    }

    fn transact(
        &self,
        wanted: &ReadSet,
        decide: &mut dyn FnMut(Snapshot) -> WriteBatch,
    ) -> Result<(), StoreError> {
        let deadline = end_of(self.limit);
        for _ in 0..ATTEMPTS_MAX {
            let left = deadline.saturating_duration_since(wire::now());
            let outcome = self.pool.run(left, async |link| {
                let begin = begin_writing(link);
                let (snapshot, known) = load::load(link, Some(&begin), wanted, true).await?;
                let batch = decide(snapshot);
                if batch.entries.is_empty() {
                    return end(link).await;
                }
                apply::apply(link, &batch, known).await
            });
            match outcome {
                Err(StoreError::Conflict) if wire::now() < deadline => {}
                outcome => return outcome,
            }
        }
        Err(StoreError::Conflict)
    }

    fn refund_outlines(
        &self,
        org: &Id,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
        visit: &mut dyn FnMut(RefundOutline<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let begin =
            async |link: &Link| Ok(link.client().batch_execute(&begin_reading(link)).await?);
        self.pool.read(self.limit, &begin, |steps| {
            let mut next = Some(outlines::Start::at(from));
            while let Some(start) = next {
                next =
                    steps.run(async |link| outlines::page(link, org, &start, to, visit).await)?;
            }
            steps.run(end)
        })
    }

    fn with_time_limit(&self, limit: Duration) -> Option<Arc<dyn Store>> {
        Some(Arc::new(Self {
            pool: Arc::clone(&self.pool),
            limit,
        }))
    }
}

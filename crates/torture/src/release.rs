//! Writes the ledgers that later versions have to be able to read: `cargo xtask torture release v2`.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use postgres_cluster::Cluster;
use refund_ledger::Store;
use refund_ledger::store::postgres::{PostgresOptions, PostgresStore};
use refund_ledger::store::sqlite::SqliteStore;

use crate::harness::Finding;
use crate::workload::{self, BATCH, Calls};

/// How many calls made the ledgers.
const CALLS: usize = 40;

/// Writes what a version leaves, when it is released.
#[derive(Args, Clone, Debug)]
pub(crate) struct Release {
    /// The version of the tables, such as `v2`
    version: String,
    /// Where to
    #[arg(long, default_value = "crates/torture/released")]
    folder: PathBuf,
}

impl Release {
    pub(crate) fn write(&self) -> Result<(), Finding> {
        let at = |extension: &str| self.folder.join(format!("{}.{extension}", self.version));
        let server = Cluster::start()?;
        let file = Arc::new(SqliteStore::open(&at("db"))?);
        let options = PostgresOptions::new(&server.socket_url())?.with_schema("released")?;
        let on_server = Arc::new(PostgresStore::open(&options)?);
        for (number, call) in Calls::new(1).take(CALLS).enumerate() {
            for store in [file.clone() as Arc<dyn Store>, on_server.clone()] {
                for result in workload::ledger(store, number).execute_all(&call, BATCH)? {
                    result?;
                }
            }
        }
        let head = workload::ledger(file, 0).head()?;
        fs::write(at("head.json"), head.to_json())?;
        // What only the newest `psql` understands is for its own protection.
        let dump = server.dump("postgres", "released")?;
        let lines = dump.lines().filter(|line| !line.starts_with('\\'));
        fs::write(at("sql"), lines.collect::<Vec<_>>().join("\n") + "\n")?;
        Ok(())
    }
}

//! Where a ledger is that several processes use.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use refund_ledger::Store;
use refund_ledger::store::postgres::{PostgresOptions, PostgresStore};
use refund_ledger::store::sqlite::SqliteStore;

use crate::harness::Finding;

/// Where a ledger is.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct Place {
    #[arg(long)]
    file: Option<PathBuf>,
    #[arg(long)]
    postgres: Option<String>,
}

impl Place {
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self {
            file: Some(folder.join("ledger.db")),
            postgres: None,
        }
    }

    pub(crate) fn on_server(url: &str) -> Self {
        Self {
            file: None,
            postgres: Some(url.to_owned()),
        }
    }

    /// How a child is told of it.
    pub(crate) fn arguments(&self) -> Vec<OsString> {
        let file = self
            .file
            .iter()
            .flat_map(|file| ["--file".into(), file.into()]);
        let url = self
            .postgres
            .iter()
            .flat_map(|url| ["--postgres".into(), url.into()]);
        file.chain(url).collect()
    }

    pub(crate) fn open(&self) -> Result<Arc<dyn Store>, Finding> {
        match (&self.file, &self.postgres) {
            (Some(file), _) => Ok(Arc::new(SqliteStore::open(file)?)),
            (None, Some(url)) => Ok(Arc::new(PostgresStore::open(&PostgresOptions::new(url)?)?)),
            (None, None) => Err(Finding::of_harness("no ledger is named")),
        }
    }
}

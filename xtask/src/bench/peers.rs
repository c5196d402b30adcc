//! The ledger beside what else can be run from package registries. What each guarantees, and what not, stands in
//! `docs/peers.md`; pandas and a plain script are beside it in the bench of reconciliation. What the peers are made
//! of takes long to build and is no part of the project, so they are measured only where they are named.

use super::part::Extent;
use super::row::{self, Row};
use crate::command::Command;
use crate::failure::Failure;
use crate::npm::bench::{self as npm, Sample};
use crate::postgres;

/// Where cargo finds the peers on PostgreSQL: they are no part of this workspace.
const MANIFEST: &str = "--manifest-path peers/Cargo.toml --locked --release --target-dir target";

/// Tries what the document says of the peers, and measures them.
pub(crate) fn rows(extent: Extent) -> Result<Vec<Row>, Failure> {
    postgres::set_up()?;
    cargo("test --quiet").run_tests()?;
    let mut rows = row::read(&extent.limit(cargo("run --quiet").arguments(["--"]), 200))?;
    rows.push(npm::durable(Sample {
        refunds: extent.pick(2_000, 100),
        rounds: extent.pick(5, 1),
        starts: 0,
    })?);
    Ok(rows)
}

/// Statements are checked by what the peer brings along, not on a server that `DATABASE_URL` may name.
fn cargo(what: &str) -> Command {
    Command::cargo(&format!("{what} {MANIFEST}")).variable("SQLX_OFFLINE", "true")
}

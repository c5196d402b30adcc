//! The failover test of the PostgreSQL store, as often as wanted and with its figures.

use crate::command::Command;
use crate::failure::Failure;
use crate::postgres;

/// How many times it begins anew.
pub(crate) const RUNS: u32 = 10;

/// How many primaries it kills each time: one of each kind.
pub(crate) const KILLS: u32 = 4;

/// What decides the moments.
pub(crate) const SEED: u32 = 1;

/// Runs it, its lines going where ours go. It fails if anything is lost or booked twice.
pub(crate) fn run(runs: u32, kills: u32, seed: u32) -> Result<(), Failure> {
    postgres::set_up()?;
    Command::cargo("test --package refund-ledger --features postgres --test postgres_failover --")
        .arguments([
            "--exact",
            "nothing_acknowledged_is_lost_and_nothing_is_booked_twice",
        ])
        .arguments(["--nocapture"])
        .variable("REFUND_LEDGER_FAILOVER_RUNS", runs.to_string())
        .variable("REFUND_LEDGER_FAILOVERS", kills.to_string())
        .variable("REFUND_LEDGER_FAILOVER_SEED", seed.to_string())
        .run()
}

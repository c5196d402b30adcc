//! What the dependency tree may hold, as `deny.toml` says.

use crate::failure::Failure;
use crate::tally::Tally;
use crate::tools::Tool;

/// The checks that need nothing but the sources of the dependencies.
pub(crate) const OFFLINE_CHECKS: [&str; 3] = ["bans", "licenses", "sources"];

const CARGO_DENY: Tool = Tool {
    name: "deny",
    version: "0.20.2",
};

/// No crate, licence or source in the tree that `deny.toml` doesn't allow.
pub(crate) fn check() -> Result<Tally, Failure> {
    run(&OFFLINE_CHECKS)?;
    Ok(Tally::default())
}

/// Runs the named checks of cargo-deny over the whole workspace.
pub(crate) fn run(checks: &[impl AsRef<str>]) -> Result<(), Failure> {
    CARGO_DENY
        .command()?
        .arguments(["--workspace", "check"])
        .arguments(checks.iter().map(AsRef::as_ref))
        .run()
}

//! What a reconciliation costs beside pandas: `cargo xtask reconcile-bench`.

use crate::command::Command;
use crate::failure::Failure;
use crate::python::Environment;

const PANDAS: Environment = Environment {
    name: "pandas",
    python: "Python 3.11 or later",
};

/// Runs the bench of reconciliation with a Python that has pandas.
pub(crate) fn bench() -> Result<(), Failure> {
    let python = PANDAS.programs()?.join("python");
    Command::cargo("bench --package refund-cli --bench reconcile -- --python")
        .arguments([python])
        .run()
}

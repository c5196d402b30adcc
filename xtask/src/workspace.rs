//! What this repository holds, as cargo sees it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::command::Command;
use crate::failure::Failure;

/// The name of the core package.
pub(crate) const CORE: &str = "refund-ledger";

/// The top of the repository.
pub(crate) fn top() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// A package of the workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    manifest_path: PathBuf,
    features: BTreeMap<String, Vec<String>>,
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

impl Package {
    /// Every feature it declares, `default` among them.
    pub(crate) fn features(&self) -> impl Iterator<Item = &str> {
        self.features.keys().map(String::as_str)
    }

    /// Where it is.
    pub(crate) fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or_else(|| top())
    }

    /// The names of its examples.
    pub(crate) fn examples(&self) -> impl Iterator<Item = &str> {
        self.targets
            .iter()
            .filter(|target| target.kind.iter().any(|kind| kind == "example"))
            .map(|target| target.name.as_str())
    }
}

/// The packages of the workspace.
pub(crate) fn packages() -> Result<Vec<Package>, Failure> {
    let command = Command::cargo("metadata --no-deps --format-version 1");
    let metadata: Metadata = serde_json::from_str(&command.read()?)
        .map_err(|error| command.unexpected(error.to_string()))?;
    Ok(metadata.packages)
}

//! What the packages are made of, for those who have to know.

use std::fs;
use std::path::Path;

use crate::failure::{Failure, cannot_use};
use crate::native;
use crate::tools::Tool;
use crate::workspace;

const CARGO_CYCLONEDX: Tool = Tool {
    name: "cyclonedx",
    version: "0.5.9",
};

/// Where the lists go.
const FOLDER: &str = "target/sbom";

/// Writes a software bill of materials for each package, in the JSON format `CycloneDX`: all that its features can
/// bring in, on any platform.
pub(crate) fn write() -> Result<(), Failure> {
    CARGO_CYCLONEDX
        .command()?
        .arguments(["--all-features", "--target", "all", "--format", "json"])
        .run()?;
    native::make_empty(Path::new(FOLDER))?;
    // The tool has written each beside its package's manifest.
    for package in workspace::packages()? {
        let name = format!("{}.cdx.json", package.name);
        let written = package.folder().join(&name);
        let moved = Path::new(FOLDER).join(name);
        fs::rename(&written, workspace::top().join(&moved))
            .map_err(|error| cannot_use(&written, &error))?;
        println!("{}", moved.display());
    }
    Ok(())
}

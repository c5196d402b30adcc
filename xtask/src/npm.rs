//! The npm package: its WebAssembly modules, its compiled TypeScript, and the tarball.

pub(crate) mod bench;
mod chromium;
mod node;
mod published;
mod wasm;

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use self::wasm::Module;
use crate::command::Command;
use crate::failure::{Failure, cannot_use};
use crate::native::make_empty;
use crate::step::Step;
use crate::tally::Tally;
use crate::workspace;

/// The package builds, and what would be published is as it should be.
pub(crate) const BUILD: Step =
    Step::foreign("npm package: build", || build().map(|()| Tally::default()));
/// Its tests pass, in old and new versions of Node.
pub(crate) const TESTS: Step = Step::foreign("npm package: tests in Node", node::tests);
/// What was packed works for those who install it.
pub(crate) const CONSUMERS: Step = Step::foreign("npm package: consumers", node::consumers);
/// What needs a browser passes in one.
pub(crate) const IN_CHROMIUM: Step = Step::foreign("npm package: in Chromium", node::in_chromium);

/// The package, from the top of the repository.
const PACKAGE: &str = "bindings/npm";

/// What is made for it: the modules and the tarball.
const MADE: &str = "target/npm";

/// The type of the REST contract, from the top of the repository.
const CONTRACT: &str = "bindings/npm/src/generated/contract.ts";

/// What `npm pack --json` says of a tarball.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Packed {
    filename: String,
    size: u64,
    unpacked_size: u64,
    entry_count: usize,
}

/// Packs the package, and judges what would be published.
pub(crate) fn build() -> Result<(), Failure> {
    published::check_versions()?;
    node::set_up()?;
    for module in Module::ALL {
        module.build()?;
        module.copy_into("src/wasm")?;
    }
    generate()?;
    compile()?;
    copy_licences()?;
    for types in [
        "bindings/npm/dist",
        "bindings/npm/ledger.wasm.d.ts",
        "bindings/npm/reconcile.wasm.d.ts",
    ] {
        published::check_types(types)?;
    }
    pack()
}

/// Writes the sources that others are the source of.
fn generate() -> Result<(), Failure> {
    Command::new("node")
        .arguments(["scripts/generate-schema.mjs"])
        .in_folder(PACKAGE)
        .run()?;
    node::tool("openapi-typescript")
        .arguments(["../../crates/rest/openapi.json"])
        .arguments(["--output", "src/generated/contract.ts"])
        .run()?;
    published::check_types(CONTRACT)
}

/// Compiles the sources into `dist`, with the modules beside them.
fn compile() -> Result<(), Failure> {
    make_empty(&Path::new(PACKAGE).join("dist"))?;
    node::tool("tsc").arguments(["--project", "."]).run()?;
    for module in Module::ALL {
        module.copy_into("dist/wasm")?;
    }
    Ok(())
}

/// The licences stand at the top of the repository; npm packs only what is in the package's folder.
fn copy_licences() -> Result<(), Failure> {
    for name in ["LICENSE-APACHE", "LICENSE-MIT"] {
        let from = workspace::top().join(name);
        fs::copy(&from, workspace::top().join(PACKAGE).join(name))
            .map_err(|error| cannot_use(&from, &error))?;
    }
    Ok(())
}

fn pack() -> Result<(), Failure> {
    let command = Command::new("npm")
        .arguments(["pack", "--json", "--pack-destination", "../../target/npm"])
        .in_folder(PACKAGE);
    println!("$ {command}");
    let packed: Vec<Packed> = serde_json::from_str(&command.read()?)
        .map_err(|error| command.unexpected(error.to_string()))?;
    let [packed] = packed.as_slice() else {
        return Err(command.unexpected(format!("it packed {} packages, not one", packed.len())));
    };
    let Packed {
        filename,
        size,
        unpacked_size,
        entry_count,
    } = packed;
    println!(
        "{MADE}/{filename}: {entry_count} files, {size} bytes, {unpacked_size} bytes unpacked"
    );
    for module in Module::ALL {
        module.check_size()?;
    }
    Ok(())
}

/// The tarball that [`build`] made.
fn tarball() -> PathBuf {
    let name = concat!("refund-ledger-", env!("CARGO_PKG_VERSION"), ".tgz");
    workspace::top().join(MADE).join(name)
}

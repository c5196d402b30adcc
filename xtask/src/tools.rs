//! What Rust's own package sources are asked for: the wasm target, and programs from crates.io at the
//! versions the project is pinned to.

use std::path::{Path, PathBuf};

use crate::command::Command;
use crate::failure::Failure;
use crate::workspace;

/// What runs in browsers.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// The platform that the compiler runs on, and builds for where nothing else is said.
pub(crate) fn host() -> Result<String, Failure> {
    let printed = Command::new("rustc")
        .arguments(["--print", "host-tuple"])
        .read()?;
    Ok(printed.trim().to_owned())
}

/// Adds the wasm target to the toolchain, unless it is there.
pub(crate) fn add_wasm_target() -> Result<(), Failure> {
    let libraries = Command::new("rustc")
        .arguments(["--print", "target-libdir", "--target", WASM])
        .read()?;
    if Path::new(libraries.trim()).is_dir() {
        return Ok(());
    }
    rustup(&["target", "add", WASM], &format!("the target {WASM}"))
}

/// Adds the sources of the standard library to the toolchain, unless they are there.
pub(crate) fn add_sources_of_std() -> Result<(), Failure> {
    let toolchain = Command::new("rustc")
        .arguments(["--print", "sysroot"])
        .read()?;
    let sources = Path::new(toolchain.trim()).join("lib/rustlib/src/rust/library/std");
    if sources.is_dir() {
        return Ok(());
    }
    rustup(
        &["component", "add", "rust-src"],
        "the sources of the standard library",
    )
}

fn rustup(arguments: &[&str], what: &str) -> Result<(), Failure> {
    Command::new("rustup")
        .arguments(arguments)
        .run()
        .map_err(|failure| Failure::SetUp {
            what: what.into(),
            source: Box::new(failure),
        })
}

/// A program from crates.io, pinned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    /// The name of its package and of its program.
    pub(crate) name: &'static str,
    /// The one version that is used.
    pub(crate) version: &'static str,
}

impl Tool {
    /// A command that runs the tool: the one on the path if its version is right, else the
    /// project's own, installed under `target/tools` the first time.
    pub(crate) fn command(&self) -> Result<Command, Failure> {
        if self.is_right(&Command::new(self.name)) {
            return Ok(Command::new(self.name));
        }
        let own = Command::new(self.own_path());
        if !self.is_right(&own) {
            self.install()?;
        }
        if self.is_right(&own) {
            Ok(own)
        } else {
            Err(own.unexpected(format!(
                "`--version` should say `{} {}`",
                self.name, self.version
            )))
        }
    }

    fn own_path(&self) -> PathBuf {
        workspace::top().join("target/tools/bin").join(self.name)
    }

    fn is_right(&self, program: &Command) -> bool {
        let printed = program.clone().arguments(["--version"]).read();
        printed.is_ok_and(|text| text.split_whitespace().nth(1) == Some(self.version))
    }

    /// Builds the tool from source. It runs for a second, so the time goes into neither optimising
    /// it nor describing it to a debugger.
    fn install(&self) -> Result<(), Failure> {
        Command::cargo("install --locked --root target/tools")
            .arguments([self.name, "--version", self.version])
            .variable("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
            .variable("CARGO_PROFILE_RELEASE_LTO", "off")
            .variable("CARGO_PROFILE_RELEASE_DEBUG", "0")
            .variable("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .run()
            .map_err(|failure| Failure::SetUp {
                what: format!("{} {}", self.name, self.version),
                source: Box::new(failure),
            })
    }
}

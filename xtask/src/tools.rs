//! What Rust's own package sources are asked for: the wasm target, and programs from crates.io at the
//! versions the project is pinned to.

use std::path::Path;

use crate::command::Command;
use crate::failure::Failure;
use crate::workspace;

/// What runs in browsers.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// The compiler for what only an unstable one does.
pub(crate) const NIGHTLY: &str = "nightly";

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

/// Adds a component to the nightly toolchain, unless it is there, and the toolchain itself.
pub(crate) fn add_to_nightly(component: &str) -> Result<(), Failure> {
    let there = Command::new("rustc")
        .arguments(["--version"])
        .variable("RUSTUP_TOOLCHAIN", NIGHTLY)
        .read();
    if there.is_err() {
        rustup(
            &["toolchain", "install", NIGHTLY, "--profile", "minimal"],
            "a nightly toolchain",
        )?;
    }
    rustup(
        &["component", "add", component, "--toolchain", NIGHTLY],
        &format!("{component} of the nightly toolchain"),
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

/// A subcommand of cargo from crates.io, pinned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    /// What cargo calls it; its package and its program are named `cargo-` and this.
    pub(crate) name: &'static str,
    /// The one version that is used.
    pub(crate) version: &'static str,
}

impl Tool {
    /// A command that runs the tool: the one on the path if its version is right, else the
    /// project's own, installed under `target/tools` the first time.
    pub(crate) fn command(&self) -> Result<Command, Failure> {
        let package = self.package();
        let installed = self.of(Path::new(&package));
        if self.is_right(&installed) {
            return Ok(installed);
        }
        let own = self.of(&workspace::top().join("target/tools/bin").join(&package));
        if !self.is_right(&own) {
            self.install()?;
        }
        if self.is_right(&own) {
            Ok(own)
        } else {
            Err(own.unexpected(format!(
                "`--version` should say `{package} {}`",
                self.version
            )))
        }
    }

    fn package(&self) -> String {
        format!("cargo-{}", self.name)
    }

    /// The program, called as cargo does.
    fn of(&self, program: &Path) -> Command {
        Command::new(program).arguments([self.name])
    }

    fn is_right(&self, program: &Command) -> bool {
        let printed = program.clone().arguments(["--version"]).read();
        printed.is_ok_and(|text| text.split_whitespace().nth(1) == Some(self.version))
    }

    /// Builds the tool from source. It runs for a second, so the time goes into neither optimising
    /// it nor describing it to a debugger.
    fn install(&self) -> Result<(), Failure> {
        let package = self.package();
        Command::cargo("install --locked --root target/tools")
            .arguments([&package, "--version", self.version])
            .variable("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
            .variable("CARGO_PROFILE_RELEASE_LTO", "off")
            .variable("CARGO_PROFILE_RELEASE_DEBUG", "0")
            .variable("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .run()
            .map_err(|failure| Failure::SetUp {
                what: format!("{package} {}", self.version),
                source: Box::new(failure),
            })
    }
}

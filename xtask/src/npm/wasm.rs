//! The WebAssembly modules of the package.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use wasm_bindgen_cli_support::Bindgen;

use super::{MADE, PACKAGE, node, published};
use crate::command::Command;
use crate::failure::{Failure, cannot_use};
use crate::native::make_empty;
use crate::tools::{WASM, add_sources_of_std, add_wasm_target};
use crate::workspace;

/// What wasm-opt is told. Its inliner makes the file larger once it is compressed: what was worth
/// inlining, the Rust compiler has inlined.
const OPTIMISE: &[&str] = &["-Os", "--skip-pass=inlining-optimizing"];

/// A standard library built for size, with the module. A panic ends it at once: in the one that is
/// distributed, it formats a message first that nobody could read, and that takes a tenth of the
/// module.
const SMALL_STD: &[&str] = &[
    "-Zbuild-std=std,panic_abort",
    "-Zbuild-std-features=optimize_for_size",
];

const SMALL_PANICS: &[&str] = &[
    "-Zunstable-options",
    "-Cpanic=immediate-abort",
    "-Zlocation-detail=none",
    // The hash has a way for it. All browsers since 2023 have it, and Node.
    "-Ctarget-feature=+simd128",
];

/// What a refund spends its time in of the standard library, which is built for speed all the same. `Cargo.toml`
/// says so of other packages, but can't name these: every other build would warn that it has none of them.
const QUICK_IN_STD: [&str; 4] = ["alloc", "compiler_builtins", "core", "dlmalloc"];

/// One module, with the script that loads it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Module {
    /// What its files are called.
    name: &'static str,
    /// The crate that it is made of.
    package: &'static str,
    /// That crate's features.
    features: &'static str,
    /// How large it may be, gzipped.
    bytes_max: Option<usize>,
}

impl Module {
    /// What every user's browser loads.
    pub(crate) const LEDGER: Self = Self {
        name: "ledger",
        package: "refund-wasm",
        features: "",
        bytes_max: Some(published::LEDGER_BYTES_MAX),
    };

    /// The same with the suite of cases for stores, which only authors of stores load.
    const CONFORMANCE: Self = Self {
        name: "conformance",
        package: "refund-wasm",
        features: "conformance",
        bytes_max: None,
    };

    /// Reconciliation, which only those load who reconcile.
    const RECONCILE: Self = Self {
        name: "reconcile",
        package: "refund-reconcile-wasm",
        features: "",
        bytes_max: None,
    };

    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::LEDGER, Self::CONFORMANCE, Self::RECONCILE];

    /// Builds the module, unless nothing that it is made from has changed.
    pub(crate) fn build(self) -> Result<(), Failure> {
        let compiled = self.compile()?;
        let lock = workspace::top().join(PACKAGE).join("package-lock.json");
        let mut made_from = read(&compiled)?;
        // Says which wasm-opt it is.
        made_from.extend(read(&lock)?);
        made_from.extend(OPTIMISE.join(" ").into_bytes());
        let stamp = self.folder().join("made-from");
        if fs::read(&stamp).is_ok_and(|last| last == made_from) {
            return Ok(());
        }
        make_empty(&Path::new(MADE).join(self.name))?;
        self.bind(&compiled)?;
        self.optimise()?;
        fs::write(&stamp, made_from).map_err(|error| cannot_use(&stamp, &error))
    }

    fn compile(self) -> Result<PathBuf, Failure> {
        add_wasm_target()?;
        add_sources_of_std()?;
        Command::cargo("build --profile wasm")
            .arguments(["--package", self.package, "--features", self.features])
            .arguments(["--target", WASM])
            .arguments(SMALL_STD)
            .arguments(["--config", &flags()?])
            .arguments(
                QUICK_IN_STD
                    .map(|part| format!("--config=profile.wasm.package.{part}.opt-level=3")),
            )
            // What builds the standard library anew is not stable yet. It is this compiler's own.
            .variable("RUSTC_BOOTSTRAP", "1")
            .run()?;
        Ok(workspace::top()
            .join("target")
            .join(WASM)
            .join("wasm")
            .join(format!("{}.wasm", self.package.replace('-', "_"))))
    }

    /// Writes the script beside the module. The module must not be stripped before: the names of
    /// the target's features are read from it.
    fn bind(self, compiled: &Path) -> Result<(), Failure> {
        println!("wasm-bindgen --target web: {}", compiled.display());
        let mut bindgen = Bindgen::new();
        let made = bindgen
            .input_path(compiled)
            .out_name(self.name)
            .typescript(true)
            // The script finds the module beside itself where nothing else is said.
            .omit_default_module_path(false)
            .remove_name_section(true)
            .remove_producers_section(true)
            .web(true)
            .and_then(|bindgen| bindgen.generate(self.folder()));
        made.map_err(|error| cannot_use(compiled, &format!("{error:#}")))
    }

    fn optimise(self) -> Result<(), Failure> {
        let file = self.file().to_string_lossy().into_owned();
        node::tool("wasm-opt")
            .arguments(OPTIMISE)
            .arguments([&file, "--output", &file])
            .run()
    }

    /// Copies the module and its script into a folder of the package.
    pub(crate) fn copy_into(self, folder: &str) -> Result<(), Failure> {
        let folder = workspace::top().join(PACKAGE).join(folder);
        fs::create_dir_all(&folder).map_err(|error| cannot_use(&folder, &error))?;
        for name in [
            format!("{}.js", self.name),
            format!("{}.d.ts", self.name),
            format!("{}_bg.wasm", self.name),
        ] {
            let from = self.folder().join(&name);
            fs::copy(&from, folder.join(&name)).map_err(|error| cannot_use(&from, &error))?;
        }
        Ok(())
    }

    /// Says how large the module is, and fails where it is too large.
    pub(crate) fn check_size(self) -> Result<(), Failure> {
        let module = read(&self.file())?;
        let line = published::judge_size(self.name, &module, self.bytes_max)?;
        println!("{line}");
        published::judge_paths(self.name, &module)
    }

    fn folder(self) -> PathBuf {
        workspace::top().join(MADE).join(self.name)
    }

    fn file(self) -> PathBuf {
        self.folder().join(format!("{}_bg.wasm", self.name))
    }
}

/// The compiler's flags as a setting. They keep the paths of this machine out of the module, so that
/// it is the same wherever it is built.
fn flags() -> Result<String, Failure> {
    let cargo = env::var("CARGO_HOME").map_or_else(
        |_| env::home_dir().unwrap_or_default().join(".cargo"),
        PathBuf::from,
    );
    let rust = Command::new("rustc")
        .arguments(["--print", "sysroot"])
        .read()?;
    let remap = [
        (cargo.join("registry/src"), "crates.io"),
        (Path::new(rust.trim()).into(), "rust"),
        (workspace::top().into(), "refund-ledger"),
    ]
    .map(|(path, name)| format!("--remap-path-prefix={}={name}", path.display()));
    let flags = SMALL_PANICS.iter().map(ToString::to_string).chain(remap);
    let quoted: Vec<String> = flags.map(|flag| format!("'{flag}'")).collect();
    Ok(format!("target.{WASM}.rustflags=[{}]", quoted.join(", ")))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| cannot_use(path, &error))
}

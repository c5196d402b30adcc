//! Node, the package's tools, and its tests.

use std::fs;
use std::num::NonZero;
use std::path::Path;
use std::thread;

use super::wasm::Module;
use super::{PACKAGE, chromium, tarball};
use crate::command::Command;
use crate::failure::{Failure, cannot_use};
use crate::native::{self, make_empty};
use crate::tally::Tally;
use crate::workspace;

/// The oldest Node that the package supports: in it, `require` takes ES modules.
const OLDEST: (u32, u32) = (20, 19);

/// A newer Node, from the package's own lock file.
pub(super) const NEWER: &str = "node_modules/node/bin/node";

/// How the names of test files begin that need the newer Node: it has `node:sqlite`, and the
/// better-sqlite3 that runs in it does not run in the oldest.
const NEEDS_NEWER: &str = "build/tests/sqlite";

/// Checks Node, and installs what the lock file names.
pub(crate) fn set_up() -> Result<(), Failure> {
    check_node()?;
    let lock = workspace::top().join(PACKAGE).join("package-lock.json");
    let wanted = fs::read(&lock).map_err(|error| cannot_use(&lock, &error))?;
    let stamp = workspace::top()
        .join(PACKAGE)
        .join("node_modules/installed-lock.json");
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    Command::new("npm")
        .arguments(["ci"])
        .in_folder(PACKAGE)
        .run()
        .map_err(|failure| Failure::SetUp {
            what: "what `bindings/npm/package-lock.json` names".into(),
            source: Box::new(failure),
        })?;
    fs::write(&stamp, wanted).map_err(|error| cannot_use(&stamp, &error))
}

fn check_node() -> Result<(), Failure> {
    let command = Command::new("node").arguments(["--version"]);
    let what = format!("Node {}.{} or later with npm", OLDEST.0, OLDEST.1);
    let version = command.read().map_err(|failure| Failure::SetUp {
        what: what.clone(),
        source: Box::new(failure),
    })?;
    if read_version(&version).is_some_and(|version| version >= OLDEST) {
        Ok(())
    } else {
        Err(command.unexpected(format!("it says `{}`; {what} is needed", version.trim())))
    }
}

/// Major and minor of what `node --version` prints.
fn read_version(printed: &str) -> Option<(u32, u32)> {
    let mut parts = printed.trim().strip_prefix('v')?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// A program that the lock file names, run in the package's folder.
pub(crate) fn tool(name: &str) -> Command {
    Command::new("npx")
        .arguments(["--no", "--", name])
        .in_folder(PACKAGE)
}

/// The tests pass in this machine's Node and in the newer one; those that need the newer one run
/// only there.
pub(crate) fn tests() -> Result<Tally, Failure> {
    let files = compiled("")?;
    let (newer_only, everywhere): (Vec<String>, Vec<String>) = files
        .into_iter()
        .partition(|file| file.starts_with(NEEDS_NEWER));
    println!("in the newer Node only: {}", newer_only.join(" "));
    // Tests open the ledgers that the command writes, and expect the reports that it writes.
    native::build_command()?;
    let mut tests = run_tests("node", &everywhere, cores())?;
    tests += run_tests(NEWER, &[everywhere, newer_only].concat(), cores())?;
    Ok(tests)
}

/// The tarball works for those who install it, whatever they bundle with.
pub(crate) fn consumers() -> Result<Tally, Failure> {
    chromium::set_up()?;
    run_tests("node", &compiled("consumers")?, cores())
}

/// What needs a real browser passes in one.
pub(crate) fn in_chromium() -> Result<Tally, Failure> {
    chromium::set_up()?;
    native::build_command()?;
    // One browser is several processes, and some of its tests are about a page that moves while it works.
    run_tests("node", &compiled("browser")?, 1)
}

/// Compiles all tests, with the modules beside the sources that they use.
pub(super) fn compile_tests() -> Result<(), Failure> {
    set_up()?;
    make_empty(&Path::new(PACKAGE).join("build"))?;
    tool("tsc")
        .arguments(["--project", "tests/tsconfig.json"])
        .run()?;
    for module in Module::ALL {
        module.copy_into("build/src/wasm")?;
    }
    Ok(())
}

/// Compiles all tests and gives the files of one folder of them.
fn compiled(folder: &str) -> Result<Vec<String>, Failure> {
    compile_tests()?;
    let folder = Path::new("build/tests").join(folder);
    let path = workspace::top().join(PACKAGE).join(&folder);
    let mut files = Vec::new();
    for entry in fs::read_dir(&path).map_err(|error| cannot_use(&path, &error))? {
        let entry = entry.map_err(|error| cannot_use(&path, &error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".test.js") {
            files.push(folder.join(name).to_string_lossy().into_owned());
        }
    }
    files.sort_unstable();
    if files.is_empty() {
        return Err(cannot_use(&path, &"it holds no tests"));
    }
    Ok(files)
}

/// Node by itself leaves one core unused, which is half of two.
fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Runs so many files at a time. A test that is skipped fails the step: what it needs is to be set up.
fn run_tests(node: &str, files: &[String], at_a_time: usize) -> Result<Tally, Failure> {
    let command = Command::new(node)
        .arguments(["--test", "--test-reporter=spec"])
        .arguments([format!("--test-concurrency={at_a_time}")])
        .arguments(files)
        .variable("REFUND_LEDGER_TARBALL", tarball().to_string_lossy())
        .in_folder(PACKAGE);
    let tests = command.run_tests()?;
    match complaint(tests) {
        None => Ok(tests),
        Some(complaint) => Err(command.unexpected(complaint)),
    }
}

fn complaint(tests: Tally) -> Option<String> {
    (tests.ignored > 0 || tests.passed == 0).then(|| {
        format!(
            "{} tests passed and {} were skipped; at least one should pass, and none be skipped",
            tests.passed, tests.ignored
        )
    })
}

#[cfg(test)]
mod tests {
    use super::{OLDEST, complaint, read_version};
    use crate::tally::Tally;

    #[test]
    fn a_skipped_test_and_a_run_without_tests_are_found() {
        let of = |passed, ignored| Tally {
            passed,
            failed: 0,
            ignored,
        };
        assert!(complaint(of(3, 1)).is_some());
        assert!(complaint(of(0, 0)).is_some());
        assert_eq!(complaint(of(3, 0)), None);
    }

    #[test]
    fn a_version_of_node_is_read_and_compared() {
        assert_eq!(read_version("v20.19.4\n"), Some((20, 19)));
        assert!(read_version("v20.18.9").is_some_and(|version| version < OLDEST));
        assert!(read_version("v22.0.0").is_some_and(|version| version >= OLDEST));
        assert_eq!(read_version("20.19.4"), None);
        assert_eq!(read_version("v20"), None);
    }
}

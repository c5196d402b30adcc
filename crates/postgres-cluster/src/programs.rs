//! Where PostgreSQL's programs are.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// The system's packages that hold all that is needed.
pub const PACKAGES: &[&str] = &["postgresql", "procps"];

/// Where Debian and its like put each version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// What has to be in one folder, so that all are of one version.
const NEEDED: [&str; 4] = ["initdb", "postgres", "pg_basebackup", "psql"];

/// PostgreSQL's programs, all of one version.
#[derive(Debug, Clone)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Looks for them: in the folder that `PG_BIN` names, else in the newest version under
    /// `/usr/lib/postgresql`, else along `PATH`.
    ///
    /// # Errors
    /// If they are nowhere, or not all where `PG_BIN` says, or there is no `ps`; it says what to install.
    pub fn find() -> Result<Self, Error> {
        let path: Vec<PathBuf> = env::var_os("PATH")
            .map(|path| env::split_paths(&path).collect())
            .unwrap_or_default();
        if !path.iter().any(|folder| folder.join("ps").is_file()) {
            return Err(missing("there is no program `ps`".to_owned()));
        }
        let named = env::var_os("PG_BIN").map(PathBuf::from);
        Self::find_in(named, Path::new(VERSIONS), &path)
    }

    fn find_in(named: Option<PathBuf>, versions: &Path, path: &[PathBuf]) -> Result<Self, Error> {
        if let Some(folder) = named {
            return match lacking(&folder) {
                None => Ok(Self { folder }),
                Some(program) => Err(missing(format!(
                    "there is no program `{program}` in `{}`, which `PG_BIN` names",
                    folder.display()
                ))),
            };
        }
        newest_first(versions)
            .into_iter()
            .chain(path.iter().cloned())
            .find(|folder| lacking(folder).is_none())
            .map(|folder| Self { folder })
            .ok_or_else(|| {
                missing(format!(
                    "the programs of PostgreSQL ({}) are neither under `{}` nor on the path",
                    NEEDED.join(", "),
                    versions.display()
                ))
            })
    }

    /// The folder that holds them.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// One of them.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

fn missing(what: String) -> Error {
    Error::Missing {
        what,
        packages: PACKAGES.join(" "),
    }
}

/// The first of the programs that the folder lacks.
fn lacking(folder: &Path) -> Option<&'static str> {
    NEEDED
        .into_iter()
        .find(|program| !folder.join(program).is_file())
}

fn newest_first(versions: &Path) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(versions)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, folder)| folder).collect()
}

#[cfg(test)]
mod tests {
    use super::{NEEDED, Programs};
    use std::fs;
    use std::path::Path;

    fn install(folder: &Path, programs: &[&str]) {
        fs::create_dir_all(folder).unwrap();
        for program in programs {
            fs::write(folder.join(program), "").unwrap();
        }
    }

    #[test]
    fn the_newest_whole_version_is_taken() {
        let versions = tempfile::tempdir().unwrap();
        for version in ["9", "15", "16"] {
            install(&versions.path().join(version).join("bin"), &NEEDED);
        }
        // Only the client is installed of this one.
        install(&versions.path().join("17/bin"), &["psql"]);
        let found = Programs::find_in(None, versions.path(), &[]).unwrap();
        assert_eq!(found.folder(), versions.path().join("16/bin"));
    }

    #[test]
    fn the_path_comes_last() {
        let versions = tempfile::tempdir().unwrap();
        let path = tempfile::tempdir().unwrap();
        install(path.path(), &NEEDED);
        let path = [path.path().to_owned()];
        let found = Programs::find_in(None, versions.path(), &path).unwrap();
        assert_eq!(found.folder(), path[0]);
        install(&versions.path().join("15/bin"), &NEEDED);
        let found = Programs::find_in(None, versions.path(), &path).unwrap();
        assert_eq!(found.folder(), versions.path().join("15/bin"));
    }

    #[test]
    fn a_folder_that_is_named_is_taken_or_refused_but_never_passed_over() {
        let versions = tempfile::tempdir().unwrap();
        install(&versions.path().join("15/bin"), &NEEDED);
        let named = tempfile::tempdir().unwrap();
        install(named.path(), &["initdb"]);
        let find = || Programs::find_in(Some(named.path().to_owned()), versions.path(), &[]);
        let error = find().unwrap_err().to_string();
        assert!(error.contains("no program `postgres`"), "{error}");
        assert!(error.contains("which `PG_BIN` names"), "{error}");
        install(named.path(), &NEEDED);
        assert_eq!(find().unwrap().folder(), named.path());
    }

    #[test]
    fn programs_that_are_nowhere_are_named_with_what_to_install() {
        let nothing = tempfile::tempdir().unwrap();
        let error = Programs::find_in(None, nothing.path(), &[])
            .unwrap_err()
            .to_string();
        assert!(error.contains("pg_basebackup"), "{error}");
        assert!(
            error.contains("`apt-get install postgresql procps`"),
            "{error}"
        );
    }
}

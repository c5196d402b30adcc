//! PostgreSQL, whose servers the tests start for themselves.

use std::env;

use postgres_cluster::{Error, PACKAGES, Programs};

use crate::failure::Failure;
use crate::packages;

/// Installs PostgreSQL from the system's packages, unless it is there.
pub(crate) fn set_up() -> Result<(), Failure> {
    // Whoever names a folder wants what is in there.
    let named = env::var_os("PG_BIN").is_some();
    set_up_with(named, Programs::find, || {
        packages::install(
            PACKAGES,
            "PostgreSQL (under `/usr/lib/postgresql`, on the path, or where `PG_BIN` says)",
        )
    })
}

fn set_up_with(
    named: bool,
    find: impl Fn() -> Result<Programs, Error>,
    install: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    if find().is_err() && !named {
        install()?;
    }
    match find() {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::Rule(format!("PostgreSQL is needed: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::set_up_with;
    use crate::failure::Failure;
    use postgres_cluster::{Error, Programs};
    use std::cell::Cell;

    fn nowhere() -> Result<Programs, Error> {
        Err(Error::Missing {
            what: "there is no program `initdb`".to_owned(),
            packages: "postgresql".to_owned(),
        })
    }

    #[test]
    fn what_is_there_is_not_installed() {
        let outcome = set_up_with(false, Programs::find, || {
            Err(Failure::Rule("it is there already".to_owned()))
        });
        assert!(outcome.is_ok(), "{outcome:?}");
    }

    #[test]
    fn what_is_missing_is_installed() {
        let installed = Cell::new(false);
        let find = || {
            if installed.get() {
                Programs::find()
            } else {
                nowhere()
            }
        };
        let outcome = set_up_with(false, find, || {
            installed.set(true);
            Ok(())
        });
        assert!(outcome.is_ok(), "{outcome:?}");
        assert!(installed.get(), "nothing was installed");
    }

    #[test]
    fn what_is_missing_after_all_is_named_with_what_to_do() {
        let failure = set_up_with(false, nowhere, || Ok(()))
            .unwrap_err()
            .to_string();
        assert!(failure.contains("no program `initdb`"), "{failure}");
        assert!(
            failure.contains("`apt-get install postgresql`"),
            "{failure}"
        );
    }

    #[test]
    fn nothing_is_installed_beside_a_folder_that_is_named() {
        let failure = set_up_with(true, nowhere, || Err(Failure::Rule("installed".to_owned())));
        let failure = failure.unwrap_err().to_string();
        assert!(failure.contains("no program `initdb`"), "{failure}");
    }

    #[test]
    fn an_installation_that_fails_says_so_itself() {
        let failure = set_up_with(false, nowhere, || {
            Err(Failure::Rule("no network".to_owned()))
        });
        assert_eq!(failure.unwrap_err().to_string(), "no network");
    }
}

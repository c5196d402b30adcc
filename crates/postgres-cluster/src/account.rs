//! Whose right PostgreSQL's programs run with.

use std::ffi::OsStr;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::Command;

use crate::error::{Error, while_trying};
use crate::run::{Run, without_surroundings};

/// The user that PostgreSQL's programs run as.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    /// User and group to change to; `None` is our own. PostgreSQL refuses to run as root.
    other: Option<(u32, u32)>,
}

impl Account {
    /// Our own, or if we are root that of `postgres`, else of `nobody`. Who we are is told by a folder
    /// that we have made.
    pub(crate) fn choose(folder: &Path) -> Result<Self, Error> {
        let made = folder
            .metadata()
            .map_err(while_trying(format!("reading `{}`", folder.display())))?;
        if made.uid() != 0 {
            return Ok(Self { other: None });
        }
        let other = ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| Some((number("-u", name)?, number("-g", name)?)));
        match other {
            Some(_) => Ok(Self { other }),
            None => Err(Error::Value(
                "PostgreSQL does not run as root, and there is no user `postgres` or `nobody` to run it"
                    .to_owned(),
            )),
        }
    }

    /// Hands a file or folder over.
    pub(crate) fn give(self, path: &Path) -> Result<(), Error> {
        match self.other {
            Some((user, group)) => chown(path, Some(user), Some(group))
                .map_err(while_trying(format!("handing `{}` over", path.display()))),
            None => Ok(()),
        }
    }

    /// What stands before a program's command line, so that it runs with these rights and ends with
    /// the thread that started it.
    pub(crate) fn prefix(self) -> Vec<String> {
        let mut words = Vec::new();
        if cfg!(target_os = "linux") {
            words.push("setpriv".to_owned());
            words.push("--pdeathsig=KILL".to_owned());
            if let Some((user, group)) = self.other {
                words.push(format!("--reuid={user}"));
                words.push(format!("--regid={group}"));
                words.push("--clear-groups".to_owned());
            }
            words.push("--".to_owned());
        }
        words
    }

    /// A program that is to run in `folder`.
    pub(crate) fn program<I>(self, folder: &Path, program: &Path, arguments: I) -> Run
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        let mut words = self.prefix().into_iter();
        let mut command = match words.next() {
            Some(first) => {
                let mut command = Command::new(first);
                command.args(words).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.args(arguments).current_dir(folder);
        without_surroundings(&mut command);
        Run::new(command)
    }
}

/// A number of a user by name, if the system knows it.
fn number(which: &str, name: &str) -> Option<u32> {
    let output = Command::new("id").args([which, name]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

//! The process between us and the server, which ends the server when we end.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::account::Account;
use crate::error::{Error, while_trying};
use crate::run::without_surroundings;

/// What the guard does, and why, is said in its script.
const SCRIPT: &str = include_str!("guard.sh");

/// The guard of one folder and its server. It ends both when it is dropped, and when this process
/// ends in whatever way.
#[derive(Debug)]
pub(crate) struct Guard {
    process: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Guard {
    /// Starts the guard, not yet the server. From here on the folder is the guard's to remove.
    pub(crate) fn start(account: Account, folder: &Path, server: &Path) -> Result<Self, Error> {
        let trying = || while_trying("starting the guard of a server");
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join("log"))
            .map_err(trying())?;
        // A file, not an argument: lists of processes stay readable.
        let script = folder.join("guard.sh");
        fs::write(&script, SCRIPT).map_err(trying())?;
        let mut command = Command::new("sh");
        command
            .arg(script)
            .arg(folder)
            .args(account.prefix())
            .arg(server)
            .arg("-D")
            .arg(folder.join("data"))
            .current_dir("/")
            // An interrupt from the terminal is for us. The guard sees that we are gone.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log);
        without_surroundings(&mut command);
        let mut process = command.spawn().map_err(trying())?;
        let pipes = process.stdin.take().zip(process.stdout.take());
        let Some((orders, answers)) = pipes else {
            return Err(Error::Value(
                "the guard of a server has no pipes".to_owned(),
            ));
        };
        Ok(Self {
            process,
            orders: Some(orders),
            answers: BufReader::new(answers),
        })
    }

    /// Gives an order, and waits for its answer.
    pub(crate) fn order(&mut self, order: &str) -> Result<String, Error> {
        let mut answer = String::new();
        self.orders
            .as_mut()
            .map_or(Ok(()), |orders| writeln!(orders, "{order}"))
            .and_then(|()| self.answers.read_line(&mut answer))
            .map_err(while_trying(format!(
                "telling the guard of a server to {order}"
            )))?;
        let answer = answer.trim();
        if answer.is_empty() {
            return Err(Error::Value(format!(
                "the guard of a server is gone, and can't {order} it"
            )));
        }
        Ok(answer.to_owned())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.orders.take());
        // It limits itself how long it takes. If it is gone already, nothing is left to wait for.
        let _ = self.process.wait();
    }
}

//! Where tests write: in memory, where there is room. They make thousands of ledgers and wait for the
//! disk after each change; that none of it outlives a power cut matters to no test, as those about power
//! cuts play them on files of their own (`crates/torture`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use crate::command::Command;
use crate::failure::Failure;

/// Where Linux keeps files in memory.
const IN_MEMORY: &str = "/dev/shm";

/// What the tests of one step write at most, with much to spare.
const ROOM_MIN_KIB: u64 = 4 << 20;

/// A folder that goes with this value.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// `None` where there is no such place, or too little room: tests then write where they do by themselves.
    pub(crate) fn new() -> Result<Option<Self>, Failure> {
        let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
        if !mounts.lines().any(is_for_programs) || room_kib(Path::new(IN_MEMORY))? < ROOM_MIN_KIB {
            return Ok(None);
        }
        let folder = Path::new(IN_MEMORY).join(format!("refund-ledger-{}", process::id()));
        fs::create_dir_all(&folder).map_err(|error| {
            Failure::Rule(format!("`{}` can't be made: {error}", folder.display()))
        })?;
        Ok(Some(Self(folder)))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            println!("`{}` can't be removed: {error}", self.0.display());
        }
    }
}

/// Whether a line of mounts is that of the place, and programs may be run there: tests run what they build.
fn is_for_programs(mount: &str) -> bool {
    let mut words = mount.split(' ').skip(1);
    let (place, options) = (words.next(), words.nth(1).unwrap_or_default());
    place == Some(IN_MEMORY) && !options.split(',').any(|option| option == "noexec")
}

/// How much room there is in a folder.
pub(crate) fn room_kib(folder: &Path) -> Result<u64, Failure> {
    let df = Command::new("df")
        .arguments(["--output=avail", "-k"])
        .arguments([folder]);
    let printed = df.read()?;
    let room = printed
        .lines()
        .nth(1)
        .and_then(|line| line.trim().parse().ok());
    room.ok_or_else(|| df.unexpected(printed))
}

#[cfg(test)]
mod tests {
    use super::{Scratch, is_for_programs};

    #[test]
    fn a_place_where_no_programs_run_is_not_taken() {
        assert!(is_for_programs("tmpfs /dev/shm tmpfs rw,nosuid,nodev 0 0"));
        assert!(!is_for_programs(
            "shm /dev/shm tmpfs rw,nosuid,nodev,noexec 0 0"
        ));
        assert!(!is_for_programs("tmpfs /run tmpfs rw 0 0"));
        assert!(!is_for_programs(""));
    }

    #[test]
    fn it_is_there_while_it_is_used() {
        let Some(scratch) = Scratch::new().unwrap() else {
            return;
        };
        let path = scratch.path().to_owned();
        assert!(path.is_dir());
        drop(scratch);
        assert!(!path.exists());
    }
}

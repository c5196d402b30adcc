//! Other programs, how long they take, and the most memory that they have.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// What a program took, from its start to its end.
#[derive(Clone, Copy, Debug)]
pub struct Ran {
    /// How long it ran.
    pub seconds: f64,
    /// The most memory that it had, where the system tells it.
    pub peak_bytes: Option<f64>,
    /// The code that it ended with, unless a signal ended it.
    pub code: Option<i32>,
}

/// Runs a program to its end. What it prints must fit into a pipe, if it prints into one.
///
/// # Panics
/// If it does not start.
pub fn run(command: &mut Command) -> Ran {
    let start = Instant::now();
    let mut child = command.spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak_bytes = None;
    let ended = loop {
        // After its end the system tells no more.
        peak_bytes = peak_memory_in(&status).or(peak_bytes);
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        thread::sleep(Duration::from_millis(5));
    };
    Ran {
        seconds: start.elapsed().as_secs_f64(),
        peak_bytes,
        code: ended.code(),
    }
}

/// The most memory that this process ever had, where the system tells it.
pub fn peak_memory_bytes() -> Option<f64> {
    peak_memory_in("/proc/self/status")
}

fn peak_memory_in(status: &str) -> Option<f64> {
    let text = fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib * 1_024.0)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::run;

    #[test]
    fn a_program_that_runs_a_while_is_seen_with_its_memory() {
        let ran = run(Command::new("sleep").arg("0.1"));
        assert_eq!(ran.code, Some(0));
        assert!(ran.seconds >= 0.1);
        assert_eq!(ran.peak_bytes.is_some(), cfg!(target_os = "linux"));
    }
}

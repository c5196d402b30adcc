//! A private PostgreSQL server to try things on: it prints its URL, and ends with the input (Enter is
//! enough) or with this process.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program at the edge, whose output is for people"
)]

use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    match postgres_cluster::shared() {
        Ok(cluster) => {
            println!("{}", cluster.url());
            // Whatever comes, or does not, is the sign to end.
            let _ = io::stdin().read_line(&mut String::new());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

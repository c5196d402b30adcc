//! The log, on standard error. It holds no amounts, no descriptions and no tokens.

use std::io::{self, IsTerminal};

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::LevelFilter;

use crate::args::{LogFormat, LogLevel};

/// How many lines wait for a slow reader; what comes beyond them is lost, and nobody waits for it.
const LINES_WAITING_MAX: usize = 16_384;

/// Starts logging. What is left when the guard is dropped is written then.
pub(super) fn start(format: LogFormat, level: LogLevel) -> WorkerGuard {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(LINES_WAITING_MAX)
        .thread_name("log")
        .finish(io::stderr());
    let log = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(writer)
        .with_target(false)
        .with_ansi(format == LogFormat::Text && io::stderr().is_terminal())
        // Where standard error is closed there is nobody to tell.
        .log_internal_errors(false);
    let started = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    // It is started once in a process.
    drop(started);
    guard
}

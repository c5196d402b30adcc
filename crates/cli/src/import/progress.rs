//! How far an import is, where somebody watches.

use std::io::{self, IsTerminal, Read};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A progress bar on standard error, if that is a terminal.
#[derive(Clone)]
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// `bytes` is the size of everything, where that is known.
    pub(super) fn new(bytes: Option<u64>) -> Self {
        if !io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::with_draw_target(bytes, ProgressDrawTarget::stderr());
        let template = if bytes.is_some() {
            "{wide_bar} {bytes} of {total_bytes}, {eta} left"
        } else {
            "{spinner} {bytes}, {bytes_per_sec}"
        };
        // A template that can't be read leaves the plain bar.
        Self(match ProgressStyle::with_template(template) {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        })
    }

    /// Counts what is read.
    pub(super) fn follow(&self, source: Box<dyn Read + Send>) -> impl Read + Send + use<> {
        self.0.wrap_read(source)
    }

    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

//! How far something long is, where somebody watches.

use std::io::{self, IsTerminal, Read};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A progress bar on standard error, if that is a terminal.
#[derive(Clone)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// `bytes` is the size of everything, where that is known.
    pub(crate) fn new(bytes: Option<u64>) -> Self {
        let template = if bytes.is_some() {
            "{wide_bar} {bytes} of {total_bytes}, {eta} left"
        } else {
            "{spinner} {bytes}, {bytes_per_sec}"
        };
        Self::with_template(bytes, template)
    }

    /// Counts refunds, of which nobody knows how many there are.
    pub(crate) fn of_refunds() -> Self {
        Self::with_template(None, "{spinner} {human_pos} refunds, {per_sec}")
    }

    fn with_template(length: Option<u64>, template: &str) -> Self {
        if !io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
        // A template that can't be read leaves the plain bar.
        Self(match ProgressStyle::with_template(template) {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        })
    }

    /// Counts what is read.
    pub(crate) fn follow(&self, source: Box<dyn Read + Send>) -> impl Read + Send + use<> {
        self.0.wrap_read(source)
    }

    /// Counts one more.
    pub(crate) fn count(&self) {
        self.0.inc(1);
    }

    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

//! How far something long is, where somebody watches.

use std::io::{self, IsTerminal, Read};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

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

    /// Two at once: one of bytes, and one of refunds, of which nobody knows how many there are.
    pub(crate) fn of_bytes_and_refunds(bytes: Option<u64>) -> (Self, Self) {
        let lines = Self::new(bytes);
        let refunds = Self::with_template(None, "{spinner} {human_pos} refunds, {per_sec}");
        if !io::stderr().is_terminal() {
            return (lines, refunds);
        }
        let both = MultiProgress::new();
        (Self(both.add(lines.0)), Self(both.add(refunds.0)))
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

    /// Counts so many more.
    pub(crate) fn count(&self, more: usize) {
        self.0.inc(more.try_into().unwrap_or(u64::MAX));
    }

    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

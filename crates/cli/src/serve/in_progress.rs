//! The requests that are being answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;
use tokio::task::AbortHandle;

/// Counts the requests that are being answered, and tells when there are none.
#[derive(Clone, Default)]
pub(super) struct InProgress(watch::Sender<usize>);

impl InProgress {
    /// Counts one more, until the answer is dropped.
    pub(super) fn begin(&self) -> Counted {
        self.0.send_modify(|count| *count += 1);
        Counted(self.clone())
    }

    /// Waits until none is left.
    pub(super) async fn none_left(&self) {
        // The sender is here, so the channel is open.
        drop(self.0.subscribe().wait_for(|count| *count == 0).await);
    }
}

/// A request that counts.
pub(super) struct Counted(InProgress);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

/// Whether the store has begun to work on a request.
#[derive(Clone, Default)]
pub(super) struct Begun(Arc<AtomicBool>);

impl Begun {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Ends the task of a request whose client has left, unless the store has begun: that is finished and
/// logged. What only waits would wait for nobody, and fill the memory.
pub(super) struct EndUnlessBegun {
    pub(super) task: AbortHandle,
    pub(super) begun: Begun,
}

impl Drop for EndUnlessBegun {
    fn drop(&mut self) {
        if !self.begun.0.load(Ordering::Relaxed) {
            self.task.abort();
        }
    }
}

//! Reads and parses the next lines while the ledger writes those before.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use refund_ledger::{ErrorCode, LedgerError};

use super::inputs::{Inputs, Item};
use super::{BATCH_BYTES_MAX, BATCH_LINES_MAX};
use crate::failure::Failure;

/// How many batches wait at most, beside the one in work and the one being read.
const WAITING_MAX: usize = 1;

/// The lines of all files, in batches; the last batch is empty.
pub(super) struct Batches(Receiver<Result<Vec<Item>, Failure>>);

impl Batches {
    /// Begins to read.
    pub(super) fn of(inputs: Inputs) -> Result<Self, Failure> {
        let (sender, receiver) = sync_channel(WAITING_MAX);
        // Nobody joins it: after a failure it may wait for input that never comes.
        thread::Builder::new()
            .name("reader".into())
            .spawn(move || read(inputs, &sender))
            .map_err(|source| Failure::Io {
                what: "the files can't be read beside the import".into(),
                source,
            })?;
        Ok(Self(receiver))
    }

    /// The next batch; empty at the end of the last file, and only there.
    pub(super) fn next(&self) -> Result<Vec<Item>, Failure> {
        self.0.recv().unwrap_or_else(|_| {
            Err(LedgerError::new(ErrorCode::Internal, "the reader of the files stopped").into())
        })
    }
}

/// Sends batches until the files end or nobody wants any more.
fn read(mut inputs: Inputs, sender: &SyncSender<Result<Vec<Item>, Failure>>) {
    loop {
        let batch = next_batch(&mut inputs);
        let is_last = batch.as_ref().map_or(true, Vec::is_empty);
        if sender.send(batch).is_err() || is_last {
            return;
        }
    }
}

fn next_batch(inputs: &mut Inputs) -> Result<Vec<Item>, Failure> {
    let mut batch: Vec<Item> = Vec::with_capacity(BATCH_LINES_MAX);
    let mut bytes = 0_usize;
    while batch.len() < BATCH_LINES_MAX && bytes < BATCH_BYTES_MAX {
        let Some(item) = inputs.next()? else { break };
        bytes = bytes.saturating_add(item.input.len());
        batch.push(item);
    }
    Ok(batch)
}

//! The lines that were rejected.

use std::borrow::Cow;

use refund_ledger::{Detail, ErrorCode, LedgerError};
use serde::Serialize;
use serde_json::value::RawValue;

use super::inputs::Place;
use crate::args::Import;
use crate::failure::Failure;
use crate::output::note;
use crate::publish::Publish;
use crate::visible::visible;

/// How many rejected lines are told on standard error where there is no file for them.
const NOTED_MAX: u64 = 10;

/// One line of a rejects file.
#[derive(Serialize)]
struct Reject<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    line: u64,
    code: ErrorCode,
    message: &'a str,
    #[serde(skip_serializing_if = "<[Detail]>::is_empty")]
    details: &'a [Detail],
    input: Input<'a>,
}

/// The line: as it is if it is JSON, else as a string.
#[derive(Serialize)]
#[serde(untagged)]
enum Input<'a> {
    Json(&'a RawValue),
    Text(Cow<'a, str>),
}

/// Where rejected lines go: to the file that was named, else the first few to standard error.
pub(super) struct Rejects {
    file: Option<Publish>,
    count: u64,
}

impl Rejects {
    pub(super) fn begin(args: &Import) -> Result<Self, Failure> {
        let file = match &args.rejects {
            None => None,
            Some(path) => Some(Publish::begin(path)?),
        };
        Ok(Self { file, count: 0 })
    }

    /// Keeps a rejected line.
    pub(super) fn reject(
        &mut self,
        place: &Place,
        input: &[u8],
        error: &LedgerError,
    ) -> Result<(), Failure> {
        self.count += 1;
        if let Some(file) = &mut self.file {
            // What is nested so deep that common parsers refuse it is kept as a string too.
            let readable = serde_json::from_slice::<serde_json::Value>(input).is_ok();
            let input = match serde_json::from_slice(input) {
                Ok(json) if readable => Input::Json(json),
                _ => Input::Text(String::from_utf8_lossy(input)),
            };
            let reject = Reject {
                file: place.file.as_deref(),
                line: place.line,
                code: error.code(),
                message: error.message(),
                details: error.details(),
                input,
            };
            let line = serde_json::to_vec(&reject).map_err(|error| Failure::Io {
                what: "a rejected line can't be written".into(),
                source: error.into(),
            })?;
            file.line(&line)?;
        } else if self.count <= NOTED_MAX {
            let file = place.file.as_deref().unwrap_or_default();
            let at = if file.is_empty() { "" } else { ", " };
            note(&visible(&format!(
                "rejected: {file}{at}line {}: {}: {error}",
                place.line,
                error.code()
            )));
        }
        Ok(())
    }

    /// Puts the complete file in its place.
    pub(super) fn finish(self) -> Result<(), Failure> {
        if let Some(file) = self.file {
            return file.finish();
        }
        if let Some(more) = self.count.checked_sub(NOTED_MAX).filter(|more| *more > 0) {
            note(&format!(
                "rejected: {more} more lines; see them all with `--rejects FILE`"
            ));
        }
        Ok(())
    }
}

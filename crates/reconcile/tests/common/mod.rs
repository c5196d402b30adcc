//! What the tests of the readers share.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests fail by panicking, and each uses some of this"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use refund_reconcile::{Item, ReadOptions, Source, read_statement};

pub fn options(source: Source, map: &str) -> ReadOptions {
    let made = map.parse().and_then(|map| ReadOptions::new(source, map));
    made.unwrap_or_else(|error| panic!("{source} with `{map}`: {error}"))
}

/// A file to read, and the map to read it with.
pub struct Fixture {
    pub map: String,
    pub bytes: Vec<u8>,
}

/// The fixtures of a source, by the names of their files.
pub fn fixtures(source: Source) -> BTreeMap<String, Fixture> {
    let folder: PathBuf = [
        env!("CARGO_MANIFEST_DIR"),
        "tests",
        "fixtures",
        source.name(),
    ]
    .iter()
    .collect();
    let paths = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_none_or(|extension| extension != "map"))
        .map(|path| (file_name(&path), fixture(&path)))
        .collect()
}

fn fixture(path: &Path) -> Fixture {
    let map = std::fs::read_to_string(path.with_file_name(file_name(path) + ".map"));
    Fixture {
        map: map.unwrap_or_default().trim().to_owned(),
        bytes: std::fs::read(path).unwrap(),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// One line of text for each item, and the error where the file is refused.
pub fn seen(bytes: &[u8], options: &ReadOptions) -> Vec<String> {
    seen_of(bytes, options)
}

/// The same of a stream.
pub fn seen_of(input: impl std::io::Read, options: &ReadOptions) -> Vec<String> {
    let mut seen = Vec::new();
    let result = read_statement(input, options, &mut |item| seen.push(shown(&item)));
    if let Err(error) = result {
        seen.push(format!("refused: {error}"));
    }
    seen
}

fn shown(item: &Item<'_>) -> String {
    match item {
        Item::Refund(line) => format!(
            "{}: {} {} on {}, key {}, invoice {}",
            line.line,
            line.minor,
            line.currency,
            line.date,
            line.key.unwrap_or("-"),
            line.invoice.unwrap_or("-"),
        ),
        Item::Ignored(kind) => format!("ignored: {kind}"),
        Item::Unreadable { line, reason } => format!("{line}: unreadable: {reason}"),
    }
}

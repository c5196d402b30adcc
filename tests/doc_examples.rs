//! What can fail shows how: each public function that can has an example in its documentation,
//! and so has each public trait with one, and each type that is read from text. `cargo test --doc`
//! runs them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Something that needs an example.
#[derive(Debug, PartialEq, Eq)]
struct Item {
    line: usize,
    name: String,
    has_example: bool,
}

#[test]
fn what_can_fail_shows_an_example() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names = Vec::new();
    let mut without = Vec::new();
    for path in rust_files(&top.join("src")) {
        let source = fs::read_to_string(&path).unwrap();
        for item in items(&source) {
            if !item.has_example {
                let file = path.strip_prefix(top).unwrap().display();
                without.push(format!("{file}:{}: `{}`", item.line, item.name));
            }
            names.push(item.name);
        }
    }
    for known in [
        "create_refund",
        "parse_line",
        "decide_all",
        "Store",
        "Timestamp",
    ] {
        assert!(
            names.iter().any(|name| name == known),
            "the scan overlooks `{known}`"
        );
    }
    assert!(
        without.is_empty(),
        "these can fail, and show no example in their documentation:\n{}",
        without.join("\n")
    );
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Finds, line by line, the public functions with a `Result<` in what they return, the public
/// traits with such a method, and the types with a `FromStr`. What stands under `#[cfg(test)]` is
/// left out.
fn items(source: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut types_with_example = BTreeMap::new();
    let mut doc = Vec::new();
    let mut lines = source.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let code = line.trim_start();
        let mut item = |name: &str, has_example| {
            items.push(Item {
                line: at + 1,
                name: name.into(),
                has_example,
            });
        };
        if let Some(text) = code.strip_prefix("///") {
            doc.push(text.trim());
            continue;
        }
        let end = format!("{}}}", " ".repeat(line.len() - code.len()));
        if code == "#[cfg(test)]" {
            let is_one_line = lines
                .next()
                .is_none_or(|(_, line)| line.ends_with([';', '}']));
            if !is_one_line {
                lines.find(|(_, line)| *line == end);
            }
        } else if code.starts_with("#[") {
            // The documentation goes on behind an attribute, be it of one line or of several.
            let mut last = code;
            while !last.ends_with(']') {
                last = lines.next().map_or("]", |(_, line)| line.trim());
            }
            continue;
        } else if let Some(name) = name_behind(code, &["pub fn", "pub const fn", "pub async fn"]) {
            let mut signature = code.to_owned();
            while !signature.contains('{') {
                let (_, line) = lines.next().expect("a function has a body");
                signature += line.trim();
            }
            if can_fail(&signature) {
                item(name, has_example(&doc));
            }
        } else if let Some(name) = name_behind(code, &["pub trait"]) {
            let mut body = lines.by_ref().take_while(|(_, line)| *line != end);
            if body.any(|(_, line)| can_fail(line)) {
                item(name, has_example(&doc));
            }
        } else if let Some(name) = name_behind(code, &["pub struct", "pub enum"]) {
            types_with_example.insert(name, has_example(&doc));
        } else if code.starts_with("impl")
            && let Some((_, name)) = code.split_once("FromStr for ")
            && let Some(name) = name_behind(name, &[""])
            && let Some(has_example) = types_with_example.get(name)
        {
            item(name, *has_example);
        }
        doc.clear();
    }
    items
}

/// The name that follows one of these words.
fn name_behind<'a>(code: &'a str, words: &[&str]) -> Option<&'a str> {
    words.iter().find_map(|words| {
        let name = code.strip_prefix(words)?.trim_start();
        name.split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .next()
    })
}

fn can_fail(signature: &str) -> bool {
    let head = signature
        .split_once('{')
        .map_or(signature, |(head, _)| head);
    head.rsplit_once("->")
        .is_some_and(|(_, returned)| returned.contains("Result<"))
}

/// Whether there is a block that rustdoc compiles. One that it does not run is for what needs a
/// file or a server.
fn has_example(doc: &[&str]) -> bool {
    let mut in_block = false;
    doc.iter().any(|line| {
        let Some(kind) = line.strip_prefix("```") else {
            return false;
        };
        in_block = !in_block;
        in_block && ["", "no_run", "should_panic"].contains(&kind)
    })
}

#[test]
fn the_scan_finds_what_lacks_an_example_and_nothing_else() {
    let source = r#"
/// Shown.
///
/// ```
/// shown()?;
/// ```
#[cfg(feature = "system")]
#[expect(
    clippy::some_lint,
    reason = "an attribute of several lines"
)]
pub fn shown(text: &str) -> Result<(), Error> {}

/// Planted: the documentation before belongs to another function.
pub fn lacking() -> Result<(), Error> {}

impl Thing {
    /// Planted: nothing here is compiled.
    ///
    /// ```text
    /// a drawing
    /// ```
    pub const fn drawn(
        &self,
        with: impl Fn(u8) -> u8,
    ) -> impl Iterator<Item = Result<u8, Error>> {
    }

    /// Can't fail, though what it is given can.
    pub fn sure(&self, with: impl Fn() -> Result<u8, Error>) -> Option<u8> {}
    /// Not public.
    pub(crate) fn inner() -> Result<(), Error> {}
    fn own() -> Result<(), Error> {}
}

/// Planted.
pub struct Read(u8);

impl std::str::FromStr for Read {
    fn from_str(text: &str) -> Result<Self, Error> {}
}

/// Planted.
pub trait Hook: Send {
    /// Shown at the trait.
    fn ask(
        &self,
    ) -> Result<(), Error>;
}

/// Can't fail.
pub trait Certain {
    fn ask(&self) -> bool;
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn helper() -> Result<(), Error> {
    }
}

#[cfg(test)]
mod elsewhere;

/// Planted: what stands behind the tests counts again.
pub async fn last() -> io::Result<()> {}
"#;
    let found = items(source);
    let names = |has_example| -> Vec<&str> {
        let chosen = found.iter().filter(|item| item.has_example == has_example);
        chosen.map(|item| item.name.as_str()).collect()
    };
    assert_eq!(names(true), ["shown"]);
    assert_eq!(names(false), ["lacking", "drawn", "Read", "Hook", "last"]);
    for item in &found {
        let line = source.lines().nth(item.line - 1).unwrap();
        assert!(line.contains(&item.name), "line {} is {line}", item.line);
    }
}

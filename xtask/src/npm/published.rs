//! What must hold for what is published: one version, small modules, exact types, no paths of ours.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::PACKAGE;
use crate::failure::{Failure, cannot_use};
use crate::workspace;

/// 200 KiB: every user's browser loads it.
pub(crate) const LEDGER_BYTES_MAX: usize = 200 * 1024;

/// The version of the workspace, which the package has too.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The package and its lock file carry the version of the workspace.
pub(crate) fn check_versions() -> Result<(), Failure> {
    for name in ["package.json", "package-lock.json"] {
        let path = workspace::top().join(PACKAGE).join(name);
        let text = fs::read_to_string(&path).map_err(|error| cannot_use(&path, &error))?;
        judge_version(name, &text, VERSION)?;
    }
    Ok(())
}

fn judge_version(name: &str, text: &str, wanted: &str) -> Result<(), Failure> {
    let package: Value = serde_json::from_str(text)
        .map_err(|error| Failure::Rule(format!("`{name}` is not JSON: {error}")))?;
    match package.get("version").and_then(Value::as_str) {
        Some(version) if version == wanted => Ok(()),
        version => Err(Failure::Rule(format!(
            "`{name}` has the version `{}`, and the workspace has `{wanted}`: make them equal",
            version.unwrap_or_default()
        ))),
    }
}

/// Says how large a module is, plain and gzipped (level 9), and fails above `bytes_max` gzipped.
pub(crate) fn judge_size(
    name: &str,
    module: &[u8],
    bytes_max: Option<usize>,
) -> Result<String, Failure> {
    let gzipped = gzipped_bytes(module)
        .map_err(|error| Failure::Rule(format!("the module `{name}` can't be gzipped: {error}")))?;
    if let Some(max) = bytes_max.filter(|max| gzipped > *max) {
        return Err(Failure::Rule(format!(
            "the module `{name}` has {gzipped} bytes gzipped; at most {max} are wanted"
        )));
    }
    Ok(format!(
        "the module `{name}`: {} bytes, {gzipped} gzipped",
        module.len()
    ))
}

fn gzipped_bytes(bytes: &[u8]) -> std::io::Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}

/// No path of the machine that built a module is in it: the module is the same everywhere, and tells
/// nothing about that machine.
pub(crate) fn judge_paths(name: &str, module: &[u8]) -> Result<(), Failure> {
    let mut paths = vec![workspace::top().to_path_buf()];
    paths.extend(std::env::home_dir());
    let found = paths.iter().find(|path| {
        let path = format!("{}/", path.display());
        module
            .windows(path.len())
            .any(|window| window == path.as_bytes())
    });
    match found {
        None => Ok(()),
        Some(path) => Err(Failure::Rule(format!(
            "the module `{name}` names the folder `{}` of this machine",
            path.display()
        ))),
    }
}

/// No type that is published, in this file or folder, says `any`, which would turn the compiler's
/// checks off for whoever uses it.
pub(crate) fn check_types(path: &str) -> Result<(), Failure> {
    let mut files = Vec::new();
    find_types(&workspace::top().join(path), &mut files)?;
    let mut found = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).map_err(|error| cannot_use(file, &error))?;
        found.extend(lines_with_any(&text).map(|line| format!("{}:{line}", file.display())));
    }
    if files.is_empty() {
        return Err(Failure::Rule(format!("`{path}` holds no types")));
    }
    if found.is_empty() {
        println!("no `any` in the types of {path}: {} files", files.len());
        return Ok(());
    }
    Err(Failure::Rule(format!(
        "published types must not say `any`:\n  {}",
        found.join("\n  ")
    )))
}

fn find_types(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    if path.is_file() {
        if path.extension().is_some_and(|extension| extension == "ts") {
            files.push(path.into());
        }
        return Ok(());
    }
    let entries = fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    for entry in entries.map_err(|error| cannot_use(path, &error))? {
        find_types(&entry.path(), files)?;
    }
    Ok(())
}

/// The numbers of the lines that have the word `any` outside of comments and texts.
fn lines_with_any(text: &str) -> impl Iterator<Item = usize> {
    let code = without_comments_and_texts(text);
    let found: Vec<usize> = code
        .lines()
        .zip(1..)
        .filter(|(line, _)| {
            line.split(|character: char| !character.is_alphanumeric() && character != '_')
                .any(|word| word == "any")
        })
        .map(|(_, number)| number)
        .collect();
    found.into_iter()
}

/// TypeScript with only the line ends left of its comments and texts.
fn without_comments_and_texts(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if matches!(first, '"' | '\'' | '`') {
            text_length(rest, first)
        } else {
            code.push(first);
            rest = rest.strip_prefix(first).unwrap_or_default();
            continue;
        };
        let (skipped, after) = rest.split_at(skipped);
        code.extend(skipped.chars().filter(|character| *character == '\n'));
        // Two words must not become one.
        code.push(' ');
        rest = after;
    }
    code
}

/// The length in bytes of the text that `rest` begins with, its quotes included.
fn text_length(rest: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if character == quote => return at + character.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::{
        VERSION, check_types, check_versions, judge_paths, judge_size, judge_version,
        lines_with_any,
    };
    use crate::workspace;

    fn any(text: &str) -> Vec<usize> {
        lines_with_any(text).collect()
    }

    #[test]
    fn the_package_has_the_version_of_the_workspace() {
        assert!(
            check_versions().is_ok(),
            "{:?}",
            check_versions().map_err(|failure| failure.to_string())
        );
    }

    #[test]
    fn a_planted_version_is_found() {
        for text in [
            r#"{"version":"9.9.9"}"#,
            r#"{"name":"refund-ledger"}"#,
            "none",
        ] {
            assert!(
                judge_version("package.json", text, VERSION).is_err(),
                "`{text}` went through"
            );
        }
        let right = format!(r#"{{"version":"{VERSION}"}}"#);
        assert!(judge_version("package.json", &right, VERSION).is_ok());
    }

    #[test]
    fn a_module_that_is_too_large_is_found() {
        // What does not compress: a sequence without a pattern.
        let mut state: u32 = 1;
        let noise: Vec<u8> = (0..4_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_be_bytes()[0]
            })
            .collect();
        assert!(judge_size("planted", &noise, Some(3_000)).is_err());
        assert!(judge_size("planted", &noise, Some(5_000)).is_ok());
        assert!(judge_size("planted", &noise, None).is_ok());
        // It is the compressed size that counts.
        assert!(judge_size("zeros", &[0; 4_000], Some(3_000)).is_ok());
    }

    #[test]
    fn a_path_of_this_machine_is_found() {
        let planted = format!("…{}/src/lib.rs…", workspace::top().display());
        assert!(judge_paths("planted", planted.as_bytes()).is_err());
        assert!(judge_paths("clean", b"refund-ledger/src/lib.rs").is_ok());
    }

    #[test]
    fn a_planted_any_is_found_wherever_it_stands() {
        for planted in [
            "export declare const a: any;",
            "a(b: any[]): void",
            "type A = B<any>",
            "type A = string | any",
            "\"text\" : any /* and a comment */",
            "type A = `${any}`; type B = any;",
        ] {
            assert_eq!(any(planted), [1], "`{planted}` went through");
        }
        assert_eq!(any("/**\n * a\n */\nlet a: \"b\\\"\";\nlet b: any;"), [5]);
    }

    #[test]
    fn the_word_is_free_in_comments_texts_and_names() {
        for fine in [
            "// any\nlet a: 1;",
            "/** any\n any */ let a: 1;",
            "let a: 'any' | \"it's any\" | \"\\\" any\";",
            "let many: company; let any_of: 1; let anything: 2;",
        ] {
            assert_eq!(any(fine), Vec::<usize>::new(), "`{fine}` was found");
        }
    }

    #[test]
    fn a_planted_any_fails_the_check_of_a_folder() {
        let folder = workspace::top().join("target/xtask/planted-types/deep");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("fine.d.ts"), "export type A = string;").unwrap();
        std::fs::write(folder.join("script.js"), "any").unwrap();
        assert!(check_types("target/xtask/planted-types").is_ok());
        std::fs::write(
            folder.join("planted.d.ts"),
            "export type A = string;\nexport type B = any;",
        )
        .unwrap();
        let failure = check_types("target/xtask/planted-types")
            .unwrap_err()
            .to_string();
        std::fs::remove_dir_all(folder.parent().unwrap()).unwrap();
        assert!(failure.ends_with("deep/planted.d.ts:2"), "{failure}");
    }

    #[test]
    fn where_there_are_no_types_the_check_fails() {
        assert!(check_types("docs").is_err());
        assert!(check_types("not-there").is_err());
    }
}

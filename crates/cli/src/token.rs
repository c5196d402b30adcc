//! Making a token: it is printed once, and the file of `--auth` gets its SHA-256.

mod replace;

use refund_ledger::Hash;
use serde::Serialize;
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, Value, value};

use crate::args::Token;
use crate::auth::{Settings, Source};
use crate::failure::Failure;
use crate::output::{self, Exit, Output};
use crate::paths::exists;
use replace::Replacement;

/// The bytes of randomness in a token: nobody can guess them, so a fast hash is enough to keep.
const RANDOM_BYTES: usize = 32;

/// What the command answers with.
#[derive(Serialize)]
struct Answer<'a> {
    token: &'a str,
    subject: &'a str,
    orgs: &'a [String],
    actions: &'a [String],
}

/// Makes a token, adds its SHA-256 to the file and prints it.
pub(crate) fn run(args: &Token, output: &mut Output) -> Result<Exit, Failure> {
    let token = mint()?;
    let replacement = Replacement::begin(&args.auth)?;
    let mut document = if exists(&args.auth)? {
        existing(&Source::read(&args.auth)?)?
    } else {
        DocumentMut::new()
    };
    add(&mut document, entry(args, &token))?;
    replacement.finish(document.to_string().as_bytes())?;
    // Only now is it of any use.
    let answer = Answer {
        token: &token,
        subject: args.subject.as_str(),
        orgs: &args.orgs,
        actions: &args.actions,
    };
    output.answer(&answer, || token.clone())?;
    if !output.is_json() {
        output::note(&format!(
            "this is the only time the token is shown; `{}` holds its SHA-256",
            args.auth.display()
        ));
    }
    Ok(Exit::Done)
}

/// A token that nobody has had before.
fn mint() -> Result<String, Failure> {
    let mut random = [0; RANDOM_BYTES];
    #[allow(
        clippy::disallowed_methods,
        reason = "a program at the edge may draw random bytes"
    )]
    getrandom::fill(&mut random).map_err(|error| Failure::Io {
        what: "the system gives no random bytes".into(),
        source: error.into(),
    })?;
    Ok(format!("rl_{}", base16ct::lower::encode_string(&random)))
}

/// What the file says already. What the server could not read is refused here too, as adding to it
/// would help nobody.
fn existing(source: &Source) -> Result<DocumentMut, Failure> {
    Settings::read(source)?;
    let text = String::from_utf8_lossy(&source.bytes);
    text.parse()
        .map_err(|_| source.flaw("the file is not TOML"))
}

/// Adds a table `[[token]]` at the end of the file, or an item to a list `token = […]`.
fn add(document: &mut DocumentMut, mut entry: Table) -> Result<(), Failure> {
    // What stands behind the last table, comments for the most part, stays where it is.
    let mut end = document.trailing().as_str().unwrap_or_default().to_owned();
    if !end.is_empty() && !end.ends_with('\n') {
        end.push('\n');
    }
    if !document.is_empty() || !end.is_empty() {
        end.push('\n');
    }
    let tokens = document
        .entry("token")
        .or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    match tokens {
        Item::ArrayOfTables(tables) => {
            entry.decor_mut().set_prefix(end);
            entry.set_position(Some(isize::MAX));
            tables.push(entry);
            document.set_trailing("");
            Ok(())
        }
        Item::Value(Value::Array(list)) => {
            list.push(entry.into_inline_table());
            Ok(())
        }
        _ => Err(Failure::Usage("`token` must be a list of tables".into())),
    }
}

fn entry(args: &Token, token: &str) -> Table {
    let mut entry = Table::new();
    entry.insert("subject", value(args.subject.as_str()));
    entry.insert("orgs", value(args.orgs.iter().collect::<Array>()));
    entry.insert("actions", value(args.actions.iter().collect::<Array>()));
    entry.insert("sha256", value(Hash::of(&[token.as_bytes()]).to_string()));
    entry
}

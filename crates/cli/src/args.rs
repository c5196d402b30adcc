//! The command line: every command, every option, with its help.

mod content;
mod ledger;
mod query;
mod reconcile;
mod serve;
mod token;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use refund_ledger::Id;

pub(crate) use content::{Amount, Content, Create, Naming, RecordMovement, Scope, Update};
pub(crate) use ledger::{NamedLedger, Said, ServerUrl};
pub(crate) use query::{Journal, Kind, List, Movements, Totals};
pub(crate) use reconcile::Reconcile;
pub(crate) use serve::{LogFormat, LogLevel, Serve};
pub(crate) use token::Token;

use crate::failure::Failure;
use crate::output::{self, Exit, Output};

/// Keeps a refund ledger: never refunds a movement beyond its amount, never books a refund twice,
/// and proves afterwards what happened.
///
/// Exit codes: 0 done; 1 done, but some lines were rejected, the one command was refused by the
/// ledger's rules, or `reconcile` found breaks or lines that can't be read; 2 usage or I/O error; 3 `verify`: divergent; 4 `verify`: incomplete.
#[derive(Debug, Parser)]
#[command(name = "refunds", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) task: Task,
}

/// What every command takes.
#[derive(Args, Debug)]
pub(crate) struct Common {
    #[command(flatten)]
    pub(crate) ledger: NamedLedger,
    /// Who acts: the journal keeps this name with every change, 1 to 255 bytes
    #[arg(long, global = true, value_name = "NAME", default_value = "local")]
    pub(crate) actor: Id,
    /// What is printed; `jsonl` and `csv` for lists only. With `json`, standard output holds one
    /// JSON object and nothing else, and errors are one JSON object on standard error
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
}

/// The forms of what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Text and tables for people
    #[value(alias = "table")]
    Human,
    /// One JSON object
    Json,
    /// JSON Lines: one object a line
    Jsonl,
    /// CSV with a header, flattened names, and cells that no spreadsheet runs as a formula
    Csv,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Carry out the commands in files, one a line
    Import(Import),
    /// Book a refund
    Create(Box<Create>),
    /// Replace the content of a refund, all but its external id
    Update(Box<Update>),
    /// Delete a refund: its amount can be refunded again, its external id stays taken
    Delete(Delete),
    /// Record a movement: a charge that can be refunded
    RecordMovement(Box<RecordMovement>),
    /// Take back a movement that has no live refunds
    VoidMovement(VoidMovement),
    /// Erase a description in all its revisions; every chain of the journal stays valid
    EraseText(EraseText),
    /// List refunds, ordered by date, then id
    List(Box<List>),
    /// Show one refund, a deleted one too
    Show(One),
    /// Show every revision of a refund, and who made it
    History(One),
    /// Show what is left of a movement
    Balance(Balance),
    /// List movements with what is left of them, in order of their ids
    Movements(Movements),
    /// Sum refunds up, per currency
    Totals(Totals),
    /// Print the journal in commit order, as JSON Lines in every format
    Journal(Journal),
    /// Recompute every chain of the journal and compare it with the tables
    Verify(Verify),
    /// Print a short value that commits to the whole journal; keep it apart from the ledger
    Head,
    /// Make a consistent copy of a ledger in a file while others write
    Backup(Backup),
    /// Print JSON Lines that rebuild the ledger (see `import --preserve`)
    Export(Export),
    /// Compare the ledger with what a payment provider or bank says it paid back
    Reconcile(Box<Reconcile>),
    /// Answer the REST contract over HTTP
    Serve(Serve),
    /// Make a token for callers of the server; the file gets only its SHA-256
    Token(Token),
    /// Make a small ledger in a new folder, or on the server of `--postgres`, and show what a ledger
    /// does
    Demo(Demo),
    /// Print completions for a shell
    Completions(Completions),
}

impl Task {
    /// The formats that the command has.
    pub(crate) fn formats(&self) -> &'static [Format] {
        match self {
            Self::List(_) => &[Format::Human, Format::Json, Format::Jsonl, Format::Csv],
            Self::Movements(_) | Self::Journal(_) | Self::Export(_) => {
                &[Format::Human, Format::Json, Format::Jsonl]
            }
            _ => &[Format::Human, Format::Json],
        }
    }
}

/// `import`
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
#[derive(Args, Debug)]
pub(crate) struct Import {
    /// JSON Lines, or CSV with `--csv`; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The files are CSV: comma separated, with a header of flattened names such as
    /// `amount.value_with_taxes`
    #[arg(long)]
    pub(crate) csv: bool,
    /// Write every rejected line here, with its number, code and message, as JSON Lines
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
    /// Decide everything and write nothing; the ledger need not exist
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// All or nothing: one rejected line rejects the whole. At most 100,000 lines
    #[arg(long)]
    pub(crate) atomic: bool,
    /// Rebuild an exported ledger exactly, with ids, dates, actors and hashes, into a ledger that
    /// is empty or does not exist. All or nothing; on a server, a copy that broke off goes on when it
    /// is repeated
    #[arg(long, conflicts_with_all = ["csv", "rejects", "dry_run", "atomic"])]
    pub(crate) preserve: bool,
}

/// `delete`
#[derive(Args, Debug)]
pub(crate) struct Delete {
    #[command(flatten)]
    pub(crate) refund: Naming,
    /// Only if the refund is at this revision
    #[arg(long, value_name = "N")]
    pub(crate) expected_revision: Option<u32>,
}

/// `void-movement`
#[derive(Args, Debug)]
pub(crate) struct VoidMovement {
    #[command(flatten)]
    pub(crate) scope: Scope,
}

/// `erase-text`
#[derive(Args, Debug)]
pub(crate) struct EraseText {
    #[command(flatten)]
    pub(crate) refund: Naming,
    /// Only if the refund is at this revision
    #[arg(long, value_name = "N")]
    pub(crate) expected_revision: Option<u32>,
}

/// `show`, `history`
#[derive(Args, Debug)]
pub(crate) struct One {
    /// The refund's id, as `create` and `list` print it
    #[arg(value_name = "ID")]
    pub(crate) id: String,
}

/// `balance`
#[derive(Args, Debug)]
pub(crate) struct Balance {
    #[command(flatten)]
    pub(crate) scope: Scope,
}

/// `verify`
#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// A head that `refunds head` printed before: also show that nothing up to it was cut off or
    /// rewritten since
    #[arg(long, value_name = "FILE")]
    pub(crate) head: Option<PathBuf>,
}

/// `backup`
#[derive(Args, Debug)]
pub(crate) struct Backup {
    /// Where the copy goes; nothing may be there yet
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// `export`
#[derive(Args, Debug)]
pub(crate) struct Export {
    /// Write to this file instead of standard output; it appears only once it is complete
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// `demo`
#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// The folder for the ledger, the statement and the report; a new one under the system's temporary folder unless given
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// `completions`
#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

/// Reads the command line; what can't be read is reported, and so are help and version printed.
pub(crate) fn parse() -> Result<Cli, ExitCode> {
    Cli::try_parse().map_err(|error| {
        if error.use_stderr() {
            let text = without_passwords(error.to_string().trim_end());
            if wants_json() {
                let message = text.trim_start_matches("error: ").to_owned();
                Failure::Usage(message).report(Format::Json);
            } else {
                output::note(&text);
            }
            return Exit::Failed.into();
        }
        match error.print() {
            Ok(()) => Exit::Done.into(),
            Err(unprintable) => match output::checked(Err(unprintable)) {
                Ok(()) | Err(Failure::ClosedPipe) => Exit::Done.into(),
                Err(failure) => {
                    failure.report(Format::Human);
                    failure.exit().into()
                }
            },
        }
    })
}

/// The text with the password of every URL in it left out: what stands where no URL is expected is
/// repeated by whoever refuses it.
fn without_passwords(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        shown.push_str(before);
        shown.push_str("://");
        let url = after.split(char::is_whitespace).next().unwrap_or_default();
        rest = after;
        if let Some((user, host)) = url.rsplit_once('@')
            && let Some((user, _password)) = user.split_once(':')
        {
            shown.push_str(user);
            rest = after.get(url.len() - host.len() - 1..).unwrap_or_default();
        }
    }
    shown.push_str(rest);
    shown
}

/// Whether JSON was asked for on a command line that can't be read as a whole.
fn wants_json() -> bool {
    #[allow(
        clippy::disallowed_methods,
        reason = "a program may read its own arguments"
    )]
    let arguments: Vec<OsString> = std::env::args_os().collect();
    arguments.iter().any(|argument| argument == "--format=json")
        || arguments
            .windows(2)
            .any(|pair| pair == ["--format", "json"])
}

/// Prints completions.
pub(crate) fn completions(args: &Completions, output: &mut Output) -> Result<Exit, Failure> {
    // Into memory first: the generator does not report what it can't write.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "refunds", &mut script);
    output.line(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_refusal_repeats_a_password() {
        for (text, shown) in [
            (
                "'postgres://ana:s3cret@db/shop' is wrong",
                "'postgres://ana@db/shop' is wrong",
            ),
            (
                "postgres://ana:p@ss:w/rd@db postgres://db/a:b",
                "postgres://ana@db postgres://db/a:b",
            ),
            ("postgres://ana@db:5432/shop", "postgres://ana@db:5432/shop"),
            ("no URL at all: a@b", "no URL at all: a@b"),
            ("://", "://"),
        ] {
            assert_eq!(without_passwords(text), shown);
        }
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}

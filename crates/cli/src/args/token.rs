//! The options of `token`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use refund_ledger::{Id, LedgerError};
use refund_rest::{OrgGrant, Permission};

/// `token`
#[derive(Args, Debug)]
pub(crate) struct Token {
    /// The file that `refunds serve` reads; it is made if there is none. A token that is taken out
    /// of it is refused a second later
    #[arg(long, value_name = "FILE")]
    pub(crate) auth: PathBuf,
    /// Whose token it is: the journal keeps this name with every change, 1 to 255 bytes
    #[arg(long, value_name = "NAME")]
    pub(crate) subject: Id,
    /// An org where it may be used; `*` is every org. May be given several times
    #[arg(long = "org", required = true, value_name = "ORG", value_parser = org)]
    pub(crate) orgs: Vec<String>,
    /// What it may be used for; `write` is every change. May be given several times
    #[arg(long = "action", required = true, value_name = "ACTION", value_parser = actions())]
    pub(crate) actions: Vec<String>,
}

fn org(text: &str) -> Result<String, LedgerError> {
    text.parse::<OrgGrant>().map(|_| text.to_owned())
}

fn actions() -> PossibleValuesParser {
    PossibleValuesParser::new(Permission::ALL.map(|(name, _)| name))
}

//! The options that make up one command: which movement, which refund, which content.

use clap::Args;

/// Which movement.
#[derive(Args, Clone, Debug)]
pub(crate) struct Scope {
    /// The org, 1 to 255 bytes
    #[arg(long, value_name = "ID")]
    pub(crate) org: String,
    /// The subscription in the org
    #[arg(long, value_name = "ID")]
    pub(crate) subscription: String,
    /// The movement in the subscription
    #[arg(long, value_name = "ID")]
    pub(crate) movement: String,
}

/// Which refund: by the ledger's id, or by the external id that it holds in its org.
#[derive(Args, Debug)]
pub(crate) struct Naming {
    /// The refund's id, as `create` and `list` print it
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
    /// The refund's external id, instead of ID; needs `--org`
    #[arg(long, value_name = "KEY", conflicts_with = "id", requires = "org")]
    pub(crate) external_id: Option<String>,
    /// The refund's org; found by ID unless given
    #[arg(long, value_name = "ID")]
    pub(crate) org: Option<String>,
    /// The refund's subscription; found unless given
    #[arg(long, value_name = "ID", requires_all = ["org", "movement"])]
    pub(crate) subscription: Option<String>,
    /// The refund's movement; found unless given
    #[arg(long, value_name = "ID", requires_all = ["org", "subscription"])]
    pub(crate) movement: Option<String>,
}

/// An amount. Decimals such as `12.10`, of at most the currency's own decimals, in major units.
#[derive(Args, Debug)]
pub(crate) struct Amount {
    /// The value with taxes, in major units, such as 12.10. One of the two values may be left out:
    /// the tax gives the other
    #[arg(long, value_name = "DECIMAL")]
    pub(crate) value_with_taxes: Option<String>,
    /// The value without taxes, in major units
    #[arg(long, value_name = "DECIMAL")]
    pub(crate) value_without_taxes: Option<String>,
    /// What the tax is called, such as IVA, 1 to 64 characters; without a tax the two values are
    /// equal
    #[arg(long, value_name = "NAME", requires = "tax_percentage")]
    pub(crate) tax_type: Option<String>,
    /// The tax in percent, 0 to 1000, at most 4 decimals, such as 21
    #[arg(long, value_name = "PERCENT", requires = "tax_type")]
    pub(crate) tax_percentage: Option<String>,
}

/// What a refund is.
#[derive(Args, Debug)]
pub(crate) struct Content {
    /// When the money was given back, such as 2022-02-24T13:45:10Z: RFC 3339 with an offset
    #[arg(long, value_name = "INSTANT")]
    pub(crate) refund_datetime: String,
    /// Where the period that it is given back for begins
    #[arg(long, value_name = "INSTANT")]
    pub(crate) period_start: Option<String>,
    /// Where that period ends
    #[arg(long, value_name = "INSTANT")]
    pub(crate) period_end: Option<String>,
    #[command(flatten)]
    pub(crate) amount: Amount,
    /// The currency (ISO 4217), which must be the movement's; the movement's unless given
    #[arg(long, value_name = "CODE")]
    pub(crate) currency: Option<String>,
    /// The invoice that it belongs to
    #[arg(long, value_name = "ID")]
    pub(crate) invoice: Option<String>,
    /// The type of transaction; for `--kind non_subscribable`, which needs it
    #[arg(long, value_name = "ID")]
    pub(crate) transaction_type: Option<String>,
    /// Whether it can be billed
    #[arg(long, value_name = "true|false")]
    pub(crate) billable: String,
    /// What for: 1 to 1,024 characters
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: String,
}

/// `create`
#[derive(Args, Debug)]
pub(crate) struct Create {
    #[command(flatten)]
    pub(crate) scope: Scope,
    /// The kind of refund
    #[arg(long, value_enum, default_value_t = super::Kind::Standard)]
    pub(crate) kind: super::Kind,
    /// Your own key for the refund, unique in the org for ever: repeating the command with it books
    /// nothing again
    #[arg(long, value_name = "KEY", required_unless_present = "idempotency_key")]
    pub(crate) external_id: Option<String>,
    /// Takes the place of the external id, for `--kind non_subscribable`
    #[arg(long, value_name = "KEY", conflicts_with = "external_id")]
    pub(crate) idempotency_key: Option<String>,
    #[command(flatten)]
    pub(crate) content: Content,
}

/// `update`
#[derive(Args, Debug)]
pub(crate) struct Update {
    #[command(flatten)]
    pub(crate) refund: Naming,
    /// Only if the refund is at this revision
    #[arg(long, value_name = "N")]
    pub(crate) expected_revision: Option<u32>,
    #[command(flatten)]
    pub(crate) content: Content,
}

/// `record-movement`
#[derive(Args, Debug)]
pub(crate) struct RecordMovement {
    #[command(flatten)]
    pub(crate) scope: Scope,
    /// The currency (ISO 4217), such as EUR
    #[arg(long, value_name = "CODE")]
    pub(crate) currency: String,
    /// When it was charged, such as 2022-02-01T00:00:00Z: RFC 3339 with an offset
    #[arg(long, value_name = "INSTANT")]
    pub(crate) occurred_at: String,
    #[command(flatten)]
    pub(crate) amount: Amount,
    /// What for: 1 to 1,024 characters
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: String,
}

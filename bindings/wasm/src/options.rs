//! What a ledger is opened with, and who calls.

use std::time::Duration;

use refund_ledger::{Id, LedgerError, Policy};
use refund_rest::{Caller, Grants, OrgGrant, Permission};
use serde::{Deserialize, Deserializer};

use crate::reply::read_options;

/// The policy in JavaScript: what is left out is as in the default policy, `null` is without limit.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PolicyOptions {
    allow_refund_before_movement: bool,
    future_skew_max_seconds: Option<u64>,
    window_max_seconds: Option<u64>,
    live_refunds_max: Option<u32>,
}

impl Default for PolicyOptions {
    fn default() -> Self {
        let policy = Policy::default();
        let seconds = |limit: Option<Duration>| limit.map(|limit| limit.as_secs());
        Self {
            allow_refund_before_movement: policy.allow_refund_before_movement,
            future_skew_max_seconds: seconds(policy.future_skew_max),
            window_max_seconds: seconds(policy.window_max),
            live_refunds_max: policy.live_refunds_max,
        }
    }
}

pub(crate) fn read_policy(text: &str) -> Result<Policy, LedgerError> {
    let options: PolicyOptions = read_options(text)?;
    Ok(Policy {
        allow_refund_before_movement: options.allow_refund_before_movement,
        future_skew_max: options.future_skew_max_seconds.map(Duration::from_secs),
        window_max: options.window_max_seconds.map(Duration::from_secs),
        live_refunds_max: options.live_refunds_max,
    })
}

/// A caller in JavaScript: `orgs` and `actions` as the claims of a token have them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallerOptions {
    subject: String,
    #[serde(deserialize_with = "org_grants")]
    orgs: Vec<OrgGrant>,
    #[serde(deserialize_with = "permissions")]
    actions: Vec<Permission>,
}

fn org_grants<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<OrgGrant>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let grants = names.iter().map(|name| name.parse::<OrgGrant>());
    grants
        .collect::<Result<_, _>>()
        .map_err(serde::de::Error::custom)
}

fn permissions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Permission>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let permissions = names.iter().map(|name| {
        Permission::named(name)
            .ok_or_else(|| serde::de::Error::custom(format!("`{name}` is no action")))
    });
    permissions.collect()
}

pub(crate) fn read_caller(text: &str) -> Result<Caller, LedgerError> {
    let options: CallerOptions = read_options(text)?;
    Ok(Caller {
        subject: Id::new(&options.subject)?,
        grants: Grants::new(options.orgs, options.actions),
    })
}

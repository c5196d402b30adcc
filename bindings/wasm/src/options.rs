//! What a ledger is opened with, and who calls.

use std::time::Duration;

use refund_ledger::{ErrorCode, Id, LedgerError, Policy, excerpt};
use refund_rest::{Caller, Grants, OrgGrant, Permission};

use crate::json::{Fault, Fields, FromJson};

/// The policy in JavaScript: what is left out is as in the default policy, `null` is without limit.
pub(crate) fn read_policy(text: &str) -> Result<Policy, LedgerError> {
    const ALLOW: &str = "allow_refund_before_movement";
    const SKEW: &str = "future_skew_max_seconds";
    const WINDOW: &str = "window_max_seconds";
    const COUNT: &str = "live_refunds_max";
    const KNOWN: [&str; 4] = [ALLOW, SKEW, WINDOW, COUNT];
    let fields = Fields::of(text)
        .map_err(|fault| LedgerError::invalid_field("policy", "wrong_type", fault))?;
    if let Some(unknown) = fields.unknown(&KNOWN) {
        let message = format!("is not known; known are {}", KNOWN.join(", "));
        return Err(at_member(&unknown, "not_allowed", message));
    }
    let mut policy = Policy::default();
    let seconds =
        |name| member::<Option<u64>>(&fields, name).map(|seconds| seconds.map(Duration::from_secs));
    if fields.has(ALLOW) {
        policy.allow_refund_before_movement = member(&fields, ALLOW)?;
    }
    if fields.has(SKEW) {
        policy.future_skew_max = seconds(SKEW)?;
    }
    policy.window_max = seconds(WINDOW)?;
    policy.live_refunds_max = member(&fields, COUNT)?;
    Ok(policy)
}

fn member<T: FromJson>(policy: &Fields<'_>, name: &str) -> Result<T, LedgerError> {
    policy
        .value(name)
        .map_err(|fault| at_member(name, "invalid_format", fault))
}

fn at_member(name: &str, code: &'static str, message: String) -> LedgerError {
    LedgerError::invalid_field(format!("policy.{name}"), code, message)
}

/// A caller in JavaScript: `orgs` and `actions` as the claims of a token have them.
struct CallerOptions(Caller);

impl FromJson for CallerOptions {
    fn from_json(json: &str) -> Result<Self, Fault> {
        let fields = Fields::of(json)?.only(&["subject", "orgs", "actions"])?;
        let (orgs, actions): (Vec<String>, Vec<String>) =
            (fields.get("orgs")?, fields.get("actions")?);
        let orgs = orgs.iter().map(|org| org.parse::<OrgGrant>());
        let orgs = orgs.collect::<Result<Vec<_>, _>>();
        let permission = |name: &String| {
            Permission::named(name).ok_or_else(|| format!("`{}` is no action", excerpt(name)))
        };
        let actions = actions
            .iter()
            .map(permission)
            .collect::<Result<Vec<_>, _>>()?;
        let subject: String = fields.get("subject")?;
        Ok(Self(Caller {
            subject: Id::new(&subject).map_err(|error| error.to_string())?,
            grants: Grants::new(orgs.map_err(|error| error.to_string())?, actions),
        }))
    }
}

pub(crate) fn read_caller(text: &str) -> Result<Caller, LedgerError> {
    CallerOptions::from_json(text)
        .map(|options| options.0)
        // Whoever recognised the caller is at fault, not who sent the request.
        .map_err(|fault| {
            LedgerError::new(ErrorCode::Internal, format!("the caller is wrong: {fault}"))
        })
}

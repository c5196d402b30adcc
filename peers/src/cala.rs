//! Cala: journals, accounts and templates of balanced postings, on PostgreSQL.
//!
//! A movement is an account that its amount is credited to, and a refund a posting of two entries: the
//! movement's account is debited, and the account that it is paid from is credited. The body is the
//! posting's metadata, and the external id its external id. Each movement is paid from an account of its own: one
//! for all would be what all callers wait for.

use std::collections::BTreeMap;

use cala_ledger::account::NewAccount;
use cala_ledger::job::{JobSvcConfig, Jobs};
use cala_ledger::journal::NewJournal;
use cala_ledger::tx_template::{
    NewParamDefinition, NewTxTemplate, NewTxTemplateEntry, NewTxTemplateTransaction, ParamDataType,
    Params,
};
use cala_ledger::velocity::{NewBalanceLimit, NewLimit, NewVelocityControl, NewVelocityLimit};
use cala_ledger::{
    AccountId, CalaLedger, CalaLedgerConfig, JournalId, TransactionId, TxTemplateId,
    VelocityControlId, VelocityLimitId,
};
use rust_decimal::Decimal;
use tokio::runtime::Runtime;

use crate::input::{Body, Line, movement_line};
use crate::measure::timed;

/// Posts a movement.
const RECORD: &str = "MOVEMENT";
/// Posts a refund.
const REFUND: &str = "REFUND";

/// Whether anything keeps a movement from being refunded beyond its amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cap {
    /// A velocity control on its account: its balance may not fall below nothing.
    Control,
    /// Nothing.
    None,
}

/// A posting as a program holds it.
#[derive(Clone, Debug)]
pub struct Posting {
    id: TransactionId,
    params: Params,
}

/// Cala in a database of its own.
pub struct Cala {
    runtime: Runtime,
    ledger: CalaLedger,
    journal: JournalId,
    accounts: BTreeMap<String, Accounts>,
    // What it needs to be made. It is never told to run anything.
    _jobs: Jobs,
}

/// The accounts of a movement.
#[derive(Clone, Copy)]
struct Accounts {
    movement: AccountId,
    paid_from: AccountId,
}

impl Cala {
    /// Makes it, with a number of movements.
    pub fn new(url: &str, movements: usize, connections: u32, cap: Cap) -> Self {
        let runtime = Runtime::new().unwrap();
        let (ledger, jobs) = runtime.block_on(open(url, connections));
        let journal = JournalId::new();
        let mut cala = Self {
            runtime,
            ledger,
            journal,
            accounts: BTreeMap::new(),
            _jobs: jobs,
        };
        cala.runtime.block_on(cala.define());
        let control = (cap == Cap::Control).then(|| cala.runtime.block_on(cala.control()));
        for movement in 0..movements {
            let accounts = cala.runtime.block_on(cala.open_accounts(movement, control));
            cala.accounts.insert(format!("mov-{movement}"), accounts);
            let posting = cala.posting(&movement_line(movement));
            cala.runtime.block_on(cala.post(RECORD, posting)).unwrap();
        }
        cala
    }

    /// The journal and both templates.
    async fn define(&self) {
        let journal = NewJournal::builder().id(self.journal).name("Refunds");
        self.ledger
            .journals()
            .create(journal.build())
            .await
            .unwrap();
        for (code, from, to) in [
            (RECORD, "paid_from", "movement"),
            (REFUND, "movement", "paid_from"),
        ] {
            let template = template(code, self.journal, from, to);
            self.ledger.tx_templates().create(template).await.unwrap();
        }
    }

    /// A control that refuses what would take more from an account than was put there.
    async fn control(&self) -> VelocityControlId {
        let velocities = self.ledger.velocities();
        let balance = NewBalanceLimit::builder()
            .layer("SETTLED")
            .amount("decimal('0')")
            .enforcement_direction("DEBIT")
            .always_active()
            .build();
        let limit = NewVelocityLimit::builder()
            .id(VelocityLimitId::new())
            .name("Refundable")
            .description("what is left of a movement")
            .window(Vec::new())
            .limit(
                NewLimit::builder()
                    .balance(vec![balance.unwrap()])
                    .build()
                    .unwrap(),
            )
            .params(Vec::new())
            .build();
        let limit = velocities.create_limit(limit.unwrap()).await.unwrap();
        let control = NewVelocityControl::builder()
            .id(VelocityControlId::new())
            .name("Cap")
            .description("no movement is refunded beyond its amount")
            .build();
        let control = velocities.create_control(control.unwrap()).await.unwrap();
        velocities
            .add_limit_to_control(control.id(), limit.id())
            .await
            .unwrap();
        control.id()
    }

    async fn open_accounts(&self, movement: usize, control: Option<VelocityControlId>) -> Accounts {
        let accounts = Accounts {
            movement: self
                .open_account(&format!("acme/sub-7/mov-{movement}"))
                .await,
            paid_from: self.open_account(&format!("cash for mov-{movement}")).await,
        };
        if let Some(control) = control {
            self.ledger
                .velocities()
                .attach_control_to_account(control, accounts.movement, Params::new())
                .await
                .unwrap();
        }
        accounts
    }

    async fn open_account(&self, code: &str) -> AccountId {
        let account = NewAccount::builder()
            .id(AccountId::new())
            .name(code)
            .code(code)
            .build();
        self.ledger.accounts().create(account).await.unwrap().id()
    }

    /// Reads a posting from a line of JSON. Its movement must be there.
    pub fn posting(&self, line: &str) -> Posting {
        let line: Line<'_> = serde_json::from_str(line).unwrap();
        let body: Body<'_> = serde_json::from_str(line.body.get()).unwrap();
        let accounts = self.accounts[line.movement_id.as_ref()];
        let external_id = body
            .external_refund_unique_id
            .as_deref()
            .unwrap_or(&line.movement_id);
        let whole: serde_json::Value = serde_json::from_str(line.body.get()).unwrap();
        let mut params = Params::new();
        params.insert("movement", accounts.movement);
        params.insert("paid_from", accounts.paid_from);
        params.insert("amount", body.amount());
        params.insert("effective", body.day());
        params.insert("external_id", external_id);
        params.insert("description", body.description.as_ref());
        params.insert("body", whole);
        Posting {
            id: TransactionId::new(),
            params,
        }
    }

    /// Each caller posts its refunds one by one, all callers at once; how many seconds that takes.
    pub fn book(&self, callers: Vec<Vec<Posting>>) -> f64 {
        let each = |postings: Vec<Posting>| {
            // The task has to outlive what started it.
            let cala = self.ledger.clone();
            async move {
                for posting in postings {
                    post(&cala, REFUND, posting).await.unwrap();
                }
            }
        };
        timed(|| {
            let running: Vec<_> = callers
                .into_iter()
                .map(|postings| self.runtime.spawn(each(postings)))
                .collect();
            for task in running {
                self.runtime.block_on(task).unwrap();
            }
        })
    }

    /// Posts one refund.
    ///
    /// # Errors
    /// What Cala refuses it with, in its words.
    pub fn refund(&self, posting: Posting) -> Result<(), String> {
        self.runtime.block_on(self.post(REFUND, posting))
    }

    async fn post(&self, template: &str, posting: Posting) -> Result<(), String> {
        post(&self.ledger, template, posting).await
    }

    /// What is left to refund of a movement, in cents.
    pub fn left(&self, movement: usize) -> i64 {
        let account = self.accounts[&format!("mov-{movement}")].movement;
        let currency = "EUR".parse().unwrap();
        let find = self.ledger.balances().find(self.journal, account, currency);
        let balance = self.runtime.block_on(find).unwrap();
        let cents = balance.settled() * Decimal::ONE_HUNDRED;
        cents.normalize().to_string().parse().unwrap()
    }
}

async fn open(url: &str, connections: u32) -> (CalaLedger, Jobs) {
    let config = JobSvcConfig::builder()
        .pg_con(url)
        .max_connections(2_u32)
        .exec_migrations(false)
        .build();
    let mut jobs = Jobs::init(config.unwrap()).await.unwrap();
    let config = CalaLedgerConfig::builder()
        .pg_con(url)
        .max_connections(connections)
        .exec_migrations(true)
        .build();
    let ledger = CalaLedger::init(config.unwrap(), &mut jobs).await.unwrap();
    (ledger, jobs)
}

async fn post(cala: &CalaLedger, template: &str, posting: Posting) -> Result<(), String> {
    let posted = cala.post_transaction(posting.id, template, posting.params);
    posted.await.map(drop).map_err(|error| error.to_string())
}

/// Debits an account and credits another.
fn template(code: &str, journal: JournalId, debited: &str, credited: &str) -> NewTxTemplate {
    let entry = |name: &str, account: &str, direction: &str| {
        NewTxTemplateEntry::builder()
            .entry_type(format!("'{code}_{name}'"))
            .account_id(format!("params.{account}"))
            .layer("SETTLED")
            .direction(direction)
            .units("params.amount")
            .currency("'EUR'")
            .build()
            .unwrap()
    };
    let params = [
        ("movement", ParamDataType::Uuid),
        ("paid_from", ParamDataType::Uuid),
        ("amount", ParamDataType::Decimal),
        ("effective", ParamDataType::Date),
        ("external_id", ParamDataType::String),
        ("description", ParamDataType::String),
        ("body", ParamDataType::Json),
    ];
    let transaction = NewTxTemplateTransaction::builder()
        .effective("params.effective")
        .journal_id(format!("uuid('{journal}')"))
        .external_id("params.external_id")
        .description("params.description")
        .metadata("params.body")
        .build();
    NewTxTemplate::builder()
        .id(TxTemplateId::new())
        .code(code)
        .params(
            params
                .into_iter()
                .map(|(name, kind)| {
                    NewParamDefinition::builder()
                        .name(name)
                        .r#type(kind)
                        .build()
                        .unwrap()
                })
                .collect(),
        )
        .transaction(transaction.unwrap())
        .entries(vec![
            entry("DR", debited, "DEBIT"),
            entry("CR", credited, "CREDIT"),
        ])
        .build()
}

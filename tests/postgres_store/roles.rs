//! The rights that the documentation tells operators to give are enough, and none of them is too many.

use std::sync::Arc;

use refund_ledger::store::postgres::PostgresStore;
use refund_ledger::{ErrorCode, Ledger, LedgerError, RefundFilter, RefundLookup, StoreError};

use crate::postgres_support::{
    CountingHost, Session, assert_valid, fill, id, key, movement, options, refund, unused,
};

/// The statements of the section `Roles`, for roles and a schema of these names.
fn statements(owner: &str, writer: &str, reader: &str, schema: &str) -> Vec<String> {
    let text = include_str!("../../docs/postgresql.md");
    let section = text.split("\n## Roles\n").nth(1).expect("the section");
    let section = section.split("\n## ").next().unwrap();
    let code: Vec<&str> = section
        .split("```sql\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    let code = code.concat();
    let lines = code.lines().map(|line| line.split("--").next().unwrap());
    let code: String = lines.collect::<Vec<_>>().join(" ");
    code.split(';')
        .map(str::trim)
        .filter(|statement| !statement.is_empty())
        .map(|statement| {
            statement
                .replace("refunds_owner", owner)
                .replace("refunds_writer", writer)
                .replace("refunds_reader", reader)
                .replace("refund_ledger", schema)
        })
        .collect()
}

struct Roles {
    owner: String,
    writer: String,
    reader: String,
    schema: String,
    administrator: Session,
    database: String,
}

impl Roles {
    /// A database in which the three roles have what the documentation gives them.
    fn new() -> Self {
        let server = postgres_cluster::shared().unwrap();
        let database = unused("roles");
        server.create_database(&database).unwrap();
        let url = server.socket_url();
        let url = url.strip_suffix("postgres").unwrap();
        let mut this = Self {
            owner: unused("owner"),
            writer: unused("writer"),
            reader: unused("reader"),
            schema: unused("ledger"),
            administrator: Session::open(&format!("{url}{database}")),
            database,
        };
        let [owner, writer, reader] = [&this.owner, &this.writer, &this.reader];
        let mut made = false;
        for statement in statements(owner, writer, reader, &this.schema) {
            // The tables are made by the first program that opens the ledger as their owner.
            if !made && statement.starts_with("GRANT") && statement.contains(" ON ") {
                let (owner, schema) = (this.owner.clone(), this.schema.clone());
                PostgresStore::open(&options(&this.url(&owner), &schema)).unwrap();
                made = true;
            }
            this.administrator.execute(&statement);
        }
        assert!(made, "the documentation grants rights on tables");
        this
    }

    fn url(&self, role: &str) -> String {
        let server = postgres_cluster::shared().unwrap();
        let url = server.socket_url();
        let url = url.replace("//postgres@", &format!("//{role}@"));
        format!("{}{}", url.strip_suffix("postgres").unwrap(), self.database)
    }

    fn ledger(&self, role: &str, host: u64) -> Ledger {
        self.opened(role, host).unwrap()
    }

    fn opened(&self, role: &str, host: u64) -> Result<Ledger, LedgerError> {
        let store = PostgresStore::open_existing(&options(&self.url(role), &self.schema))?;
        Ok(Ledger::new(
            Arc::new(store),
            Arc::new(CountingHost::new(host)),
        ))
    }
}

/// Everything that is read.
fn read(ledger: &Ledger) -> Result<(), LedgerError> {
    ledger.balance(&key("mov-42"))?;
    ledger.history(&key("mov-42"), RefundLookup::ExternalId(id("ext-2")))?;
    ledger
        .refunds(RefundFilter::default())
        .collect::<Result<Vec<_>, _>>()?;
    ledger.journal(0, 100)?;
    ledger
        .store()
        .refund_outlines(&id("acme"), None, None, &mut |_| {
            std::ops::ControlFlow::Continue(())
        })?;
    let report = ledger.verify(None)?;
    // What can't be read makes it incomplete.
    if let Some(finding) = report.findings.first() {
        return Err(StoreError::Failed {
            reason: finding.message.clone(),
        }
        .into());
    }
    Ok(())
}

#[test]
fn a_writer_does_all_that_a_ledger_does_and_nothing_else() {
    let roles = Roles::new();
    let ledger = roles.ledger(&roles.writer, 1);
    fill(&ledger);
    read(&ledger).unwrap();
    assert_valid(&ledger);
    PostgresStore::open(&options(&roles.url(&roles.writer), &roles.schema))
        .expect("tables that are there need not be made");

    let mut writer = Session::open(&roles.url(&roles.writer));
    writer.execute(&format!("SET search_path = {}", roles.schema));
    for forbidden in [
        "DELETE FROM journal",
        "DELETE FROM refunds",
        "DELETE FROM movements",
        "DELETE FROM ledger",
        "TRUNCATE journal",
        "UPDATE journal SET bytes = bytes",
        "UPDATE journal SET position = position",
        "UPDATE journal SET sequence = sequence",
        "UPDATE refunds SET external_id = external_id",
        "UPDATE refunds SET movement_id = movement_id",
        "UPDATE movements SET movement_id = movement_id",
        "UPDATE ledger SET version = 2",
        "UPDATE ledger SET usable_from = 1",
        "INSERT INTO ledger VALUES (true, 1, 1, 0)",
        "CREATE TABLE mine (a integer)",
        "ALTER TABLE journal ADD COLUMN mine integer",
        "DROP TABLE journal",
        "CREATE TRIGGER mine BEFORE INSERT ON journal EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    ] {
        let refused = writer.run(forbidden).expect_err(forbidden);
        assert_eq!(refused.sqlstate, "42501", "`{forbidden}`: {refused:?}");
    }
    assert_valid(&ledger);
}

#[test]
fn a_reader_reads_everything_and_writes_nothing() {
    let roles = Roles::new();
    fill(&roles.ledger(&roles.writer, 1));
    let ledger = roles.ledger(&roles.reader, 2);
    read(&ledger).unwrap();
    let before = ledger.head().unwrap();
    for refused in [
        ledger
            .record_movement(&key("new"), &movement("New"))
            .map(drop),
        ledger
            .create_refund(&key("mov-42"), &refund("new", "1.21", "New"))
            .map(drop),
        ledger.erase_text(&key("mov-42"), None).map(drop),
    ] {
        let error = refused.expect_err("a reader has no right to write");
        assert_eq!(error.code(), ErrorCode::Internal, "{error:?}");
        let Some(StoreError::Failed { reason }) = error.store_error() else {
            panic!("nothing was changed: {error:?}");
        };
        assert!(reason.contains("the user lacks a right"), "{reason}");
    }
    assert_eq!(ledger.head().unwrap(), before);
}

#[test]
fn somebody_without_rights_is_told_so() {
    let roles = Roles::new();
    let mut administrator = Session::open(&roles.url("postgres"));
    let stranger = unused("stranger");
    administrator.execute(&format!("CREATE ROLE {stranger} LOGIN"));
    let options = options(&roles.url(&stranger), &roles.schema);
    for opened in [
        PostgresStore::open(&options),
        PostgresStore::open_existing(&options),
    ] {
        let error = opened.expect_err("a stranger opens nothing").to_string();
        assert!(error.contains("lacks a right"), "{error}");
    }
}

/// Each right by itself is needed: without it something fails.
#[test]
fn no_right_is_given_that_is_not_needed() {
    let mut roles = Roles::new();
    let schema = roles.schema.clone();
    fill(&roles.ledger(&roles.writer, 1));
    let granted = roles.administrator.query(&format!(
        "SELECT grantee, privilege_type, table_name, '' FROM information_schema.table_privileges \
         WHERE table_schema = '{schema}' AND grantee <> '{owner}' \
         UNION ALL \
         SELECT c.grantee, c.privilege_type, c.table_name, c.column_name \
         FROM information_schema.column_privileges c \
         WHERE c.table_schema = '{schema}' AND c.grantee <> '{owner}' AND NOT EXISTS (SELECT 1 \
         FROM information_schema.table_privileges t WHERE (t.grantee, t.privilege_type, \
         t.table_schema, t.table_name) = (c.grantee, c.privilege_type, c.table_schema, c.table_name))",
        owner = roles.owner
    ));
    assert!(granted.len() > 20, "the rights are found: {granted:?}");
    for (number, right) in granted.iter().enumerate() {
        let [role, privilege, table, column] =
            <[&str; 4]>::try_from(right.split('|').collect::<Vec<_>>()).unwrap();
        let columns = match column {
            "" => String::new(),
            column => format!("({column})"),
        };
        let right = format!("{privilege} {columns} ON {schema}.{table}");
        roles
            .administrator
            .execute(&format!("REVOKE {right} FROM {role}"));
        let outcome = roles.opened(role, 100 + number as u64).and_then(|ledger| {
            read(&ledger)?;
            if role == roles.writer {
                write(&ledger, number)?;
            }
            Ok(())
        });
        assert!(outcome.is_err(), "{role} does not need {right}");
        roles
            .administrator
            .execute(&format!("GRANT {right} TO {role}"));
    }
    let ledger = roles.ledger(&roles.writer, 99);
    write(&ledger, granted.len()).unwrap();
    assert_valid(&ledger);
}

/// A change of every kind, by requests that were not made before.
fn write(ledger: &Ledger, number: usize) -> Result<(), LedgerError> {
    let at = key(&format!("new-{number}"));
    let external_id = format!("new-{number}");
    let lookup = || RefundLookup::ExternalId(id(&external_id));
    ledger.record_movement(&at, &movement("New"))?;
    ledger.create_refund(&at, &refund(&external_id, "1.21", "New"))?;
    ledger.update_refund(&at, lookup(), refund(&external_id, "2.42", "More"), None)?;
    ledger.erase_text(&at, Some(lookup()))?;
    ledger.delete_refund(&at, lookup(), None)?;
    ledger.void_movement(&at)?;
    ledger.record_movement(&at, &movement("Again"))?;
    Ok(())
}

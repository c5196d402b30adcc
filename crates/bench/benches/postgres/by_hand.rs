//! A refund ledger on PostgreSQL as somebody writes it by hand.

use std::collections::BTreeMap;
use std::path::Path;

use postgres::{Client, NoTls, Statement};
use refund_bench::{HandLine, HandMovement, HandRefund, LINES_PER_TRANSACTION, cents, lines};

const SCHEMA: &str = "
    CREATE TABLE movement (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, org text NOT NULL,
        subscription text NOT NULL, movement text NOT NULL, currency text NOT NULL,
        occurred_at timestamptz NOT NULL, amount_with bigint NOT NULL, amount_without bigint NOT NULL,
        tax_type text, tax_percentage double precision, description text NOT NULL,
        refunded_with bigint NOT NULL DEFAULT 0, refunded_without bigint NOT NULL DEFAULT 0,
        UNIQUE (org, subscription, movement)
    );
    CREATE TABLE refund (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        movement bigint NOT NULL REFERENCES movement (id), org text NOT NULL,
        external_id text NOT NULL, invoice text, refund_datetime timestamptz NOT NULL,
        period_start timestamptz, period_end timestamptz, amount_with bigint NOT NULL,
        amount_without bigint NOT NULL, tax_type text, tax_percentage double precision,
        billable boolean NOT NULL, description text NOT NULL, UNIQUE (org, external_id)
    );
    CREATE TABLE audit (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        refund bigint NOT NULL REFERENCES refund (id), at timestamptz NOT NULL DEFAULT now(),
        actor text NOT NULL, body text NOT NULL
    );
";

const TAKE: &str = "UPDATE movement SET refunded_with = refunded_with + $4,
    refunded_without = refunded_without + $5
    WHERE org = $1 AND subscription = $2 AND movement = $3
    AND refunded_with + $4 <= amount_with AND refunded_without + $5 <= amount_without RETURNING id";

const INSERT: &str = "INSERT INTO refund (movement, org, external_id, invoice, refund_datetime,
    period_start, period_end, amount_with, amount_without, tax_type, tax_percentage, billable,
    description) VALUES ($1, $2, $3, $4, $5::text::timestamptz, $6::text::timestamptz,
    $7::text::timestamptz, $8, $9, $10, $11, $12, $13) RETURNING id";

const AUDIT: &str = "INSERT INTO audit (refund, actor, body) VALUES ($1, 'local', $2)";

const IN_ONE: &str = "WITH taken AS (UPDATE movement SET refunded_with = refunded_with + $4,
        refunded_without = refunded_without + $5
        WHERE org = $1 AND subscription = $2 AND movement = $3
        AND refunded_with + $4 <= amount_with AND refunded_without + $5 <= amount_without
        RETURNING id),
    booked AS (INSERT INTO refund (movement, org, external_id, invoice, refund_datetime, period_start,
        period_end, amount_with, amount_without, tax_type, tax_percentage, billable, description)
        SELECT id, $1, $6, $7, $8::text::timestamptz, $9::text::timestamptz, $10::text::timestamptz,
        $4, $5, $11, $12, $13, $14 FROM taken RETURNING id)
    INSERT INTO audit (refund, actor, body) SELECT id, 'local', $15 FROM booked";

const RECORD_MANY: &str = "INSERT INTO movement (org, subscription, movement, currency, occurred_at,
    amount_with, amount_without, tax_type, tax_percentage, description)
    SELECT org, subscription, movement, currency, occurred_at::timestamptz, amount_with,
    amount_without, tax_type, tax_percentage, description
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[],
    $7::bigint[], $8::text[], $9::double precision[], $10::text[]) AS m (org, subscription, movement,
    currency, occurred_at, amount_with, amount_without, tax_type, tax_percentage, description)";

const TAKE_MANY: &str = "UPDATE movement m SET refunded_with = m.refunded_with + t.sum_with,
    refunded_without = m.refunded_without + t.sum_without
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[])
    AS t (org, subscription, movement, sum_with, sum_without)
    WHERE m.org = t.org AND m.subscription = t.subscription AND m.movement = t.movement
    AND m.refunded_with + t.sum_with <= m.amount_with
    AND m.refunded_without + t.sum_without <= m.amount_without";

const INSERT_MANY: &str = "WITH wanted AS (SELECT * FROM unnest($1::text[], $2::text[], $3::text[],
        $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bigint[],
        $11::text[], $12::double precision[], $13::boolean[], $14::text[], $15::text[])
        AS r (org, subscription, movement, external_id, invoice, refund_datetime, period_start,
        period_end, amount_with, amount_without, tax_type, tax_percentage, billable, description,
        body)),
    booked AS (INSERT INTO refund (movement, org, external_id, invoice, refund_datetime, period_start,
        period_end, amount_with, amount_without, tax_type, tax_percentage, billable, description)
        SELECT m.id, w.org, w.external_id, w.invoice, w.refund_datetime::timestamptz,
        w.period_start::timestamptz, w.period_end::timestamptz, w.amount_with, w.amount_without,
        w.tax_type, w.tax_percentage, w.billable, w.description FROM wanted w JOIN movement m
        ON m.org = w.org AND m.subscription = w.subscription AND m.movement = w.movement
        RETURNING id, org, external_id)
    INSERT INTO audit (refund, actor, body) SELECT b.id, 'local', w.body
        FROM booked b JOIN wanted w ON w.org = b.org AND w.external_id = b.external_id";

pub(crate) struct ByHand {
    url: String,
    schema: String,
}

/// A connection with its prepared statements.
pub(crate) struct Connection {
    client: Client,
    take: Statement,
    insert: Statement,
    audit: Statement,
    in_one: Statement,
}

impl ByHand {
    pub(crate) fn new(url: &str, schema: &str) -> Self {
        let mut client = Client::connect(url, NoTls).unwrap();
        let sql = format!("CREATE SCHEMA {schema}; SET search_path = {schema}; {SCHEMA}");
        client.batch_execute(&sql).unwrap();
        Self {
            url: url.to_owned(),
            schema: schema.to_owned(),
        }
    }

    pub(crate) fn connect(&self) -> Connection {
        let mut client = Client::connect(&self.url, NoTls).unwrap();
        client
            .batch_execute(&format!("SET search_path = {}", self.schema))
            .unwrap();
        Connection {
            take: client.prepare(TAKE).unwrap(),
            insert: client.prepare(INSERT).unwrap(),
            audit: client.prepare(AUDIT).unwrap(),
            in_one: client.prepare(IN_ONE).unwrap(),
            client,
        }
    }

    #[allow(clippy::unused_self, reason = "it reads as what it is about")]
    pub(crate) fn movements(&self, connection: &mut Connection, count: usize) {
        for movement in 0..count {
            connection
                .client
                .execute(
                    "INSERT INTO movement (org, subscription, movement, currency, occurred_at,
                     amount_with, amount_without, tax_type, tax_percentage, description)
                     VALUES ('acme', 'sub-7', $1, 'EUR', '2022-02-01T00:00:00Z', 121000000,
                     100000000, 'IVA', 21, 'February')",
                    &[&format!("mov-{movement}")],
                )
                .unwrap();
        }
    }

    #[allow(clippy::unused_self, reason = "it reads as what it is about")]
    pub(crate) fn refund(&self, connection: &mut Connection, movement: usize, n: usize) {
        let text = crate::body(n);
        let body: HandRefund = serde_json::from_str(&text).unwrap();
        let with = cents(body.amount.value_with_taxes);
        let without = cents(body.amount.value_without_taxes);
        let movement = format!("mov-{movement}");
        let mut transaction = connection.client.transaction().unwrap();
        let taken: i64 = transaction
            .query_one(
                &connection.take,
                &[&"acme", &"sub-7", &movement, &with, &without],
            )
            .unwrap()
            .get(0);
        let id: i64 = transaction
            .query_one(
                &connection.insert,
                &[
                    &taken,
                    &"acme",
                    &body.external_refund_unique_id,
                    &body.external_invoice_id,
                    &body.refund_datetime,
                    &body.period_start_datetime,
                    &body.period_end_datetime,
                    &with,
                    &without,
                    &body.amount.tax.r#type,
                    &body.amount.tax.percentage,
                    &body.billable,
                    &body.description,
                ],
            )
            .unwrap()
            .get(0);
        transaction
            .execute(&connection.audit, &[&id, &text])
            .unwrap();
        transaction.commit().unwrap();
    }

    #[allow(clippy::unused_self, reason = "it reads as what it is about")]
    pub(crate) fn refund_in_one_statement(
        &self,
        connection: &mut Connection,
        movement: usize,
        n: usize,
    ) {
        let text = crate::body(n);
        let body: HandRefund = serde_json::from_str(&text).unwrap();
        let with = cents(body.amount.value_with_taxes);
        let without = cents(body.amount.value_without_taxes);
        let written = connection
            .client
            .execute(
                &connection.in_one,
                &[
                    &"acme",
                    &"sub-7",
                    &format!("mov-{movement}"),
                    &with,
                    &without,
                    &body.external_refund_unique_id,
                    &body.external_invoice_id,
                    &body.refund_datetime,
                    &body.period_start_datetime,
                    &body.period_end_datetime,
                    &body.amount.tax.r#type,
                    &body.amount.tax.percentage,
                    &body.billable,
                    &body.description,
                    &text,
                ],
            )
            .unwrap();
        assert_eq!(written, 1);
    }

    #[allow(clippy::unused_self, reason = "it reads as what it is about")]
    pub(crate) fn import(&self, connection: &mut Connection, path: &Path) {
        let client = &mut connection.client;
        let record = client.prepare(RECORD_MANY).unwrap();
        let take = client.prepare(TAKE_MANY).unwrap();
        let insert = client.prepare(INSERT_MANY).unwrap();
        let mut lines = lines(path).peekable();
        while lines.peek().is_some() {
            let texts: Vec<String> = lines.by_ref().take(LINES_PER_TRANSACTION).collect();
            let parsed: Vec<HandLine<'_>> = texts
                .iter()
                .map(|text| serde_json::from_str(text).unwrap())
                .collect();
            let (movements, refunds): (Vec<_>, Vec<_>) =
                parsed.iter().partition(|line| line.op == "record_movement");
            let mut transaction = client.transaction().unwrap();
            record_many(&mut transaction, &record, &movements);
            refund_many(&mut transaction, &take, &insert, &refunds);
            transaction.commit().unwrap();
        }
    }
}

fn record_many(
    transaction: &mut postgres::Transaction<'_>,
    record: &Statement,
    of: &[&HandLine<'_>],
) {
    let bodies: Vec<HandMovement> = of
        .iter()
        .map(|line| serde_json::from_str(line.body.get()).unwrap())
        .collect();
    let written = transaction
        .execute(
            record,
            &[
                &column(of, |line| line.org_id),
                &column(of, |line| line.subscription_id),
                &column(of, |line| line.movement_id),
                &column(&bodies, |body| body.currency.as_str()),
                &column(&bodies, |body| body.occurred_at.as_str()),
                &column(&bodies, |body| cents(body.amount.value_with_taxes)),
                &column(&bodies, |body| cents(body.amount.value_without_taxes)),
                &column(&bodies, |body| body.amount.tax.r#type.as_str()),
                &column(&bodies, |body| body.amount.tax.percentage),
                &column(&bodies, |body| body.description.as_str()),
            ],
        )
        .unwrap();
    assert_eq!(written, of.len() as u64);
}

fn refund_many(
    transaction: &mut postgres::Transaction<'_>,
    take: &Statement,
    insert: &Statement,
    of: &[&HandLine<'_>],
) {
    let bodies: Vec<HandRefund> = of
        .iter()
        .map(|line| serde_json::from_str(line.body.get()).unwrap())
        .collect();
    let mut sums: BTreeMap<(&str, &str, &str), (i64, i64)> = BTreeMap::new();
    for (line, body) in of.iter().zip(&bodies) {
        let key = (line.org_id, line.subscription_id, line.movement_id);
        let sum = sums.entry(key).or_default();
        sum.0 += cents(body.amount.value_with_taxes);
        sum.1 += cents(body.amount.value_without_taxes);
    }
    let sums: Vec<_> = sums.into_iter().collect();
    let taken = transaction
        .execute(
            take,
            &[
                &column(&sums, |((org, _, _), _)| *org),
                &column(&sums, |((_, subscription, _), _)| *subscription),
                &column(&sums, |((_, _, movement), _)| *movement),
                &column(&sums, |(_, (with, _))| *with),
                &column(&sums, |(_, (_, without))| *without),
            ],
        )
        .unwrap();
    assert_eq!(taken, sums.len() as u64);
    let written = transaction
        .execute(
            insert,
            &[
                &column(of, |line| line.org_id),
                &column(of, |line| line.subscription_id),
                &column(of, |line| line.movement_id),
                &column(&bodies, |body| body.external_refund_unique_id.as_str()),
                &column(&bodies, |body| body.external_invoice_id.as_deref()),
                &column(&bodies, |body| body.refund_datetime.as_str()),
                &column(&bodies, |body| body.period_start_datetime.as_deref()),
                &column(&bodies, |body| body.period_end_datetime.as_deref()),
                &column(&bodies, |body| cents(body.amount.value_with_taxes)),
                &column(&bodies, |body| cents(body.amount.value_without_taxes)),
                &column(&bodies, |body| body.amount.tax.r#type.as_str()),
                &column(&bodies, |body| body.amount.tax.percentage),
                &column(&bodies, |body| body.billable),
                &column(&bodies, |body| body.description.as_str()),
                &column(of, |line| line.body.get()),
            ],
        )
        .unwrap();
    assert_eq!(written, of.len() as u64);
}

fn column<'r, R, V>(rows: &'r [R], value: impl Fn(&'r R) -> V) -> Vec<V> {
    rows.iter().map(value).collect()
}

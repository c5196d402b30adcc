//! The statements, each a fixed number of times per call whatever the size of a batch: what varies in
//! number comes as arrays.
//!
//! What is looked up for each element of an array stands in a `LATERAL` subquery with a limit of one.
//! A prepared statement's plan is made without knowing how long the arrays will be, and would else be
//! free to read a whole table for a handful of them.

/// The columns that [`movement`](super::rows::movement) reads, of `m` and of its description's entry
/// `d`.
macro_rules! movement_columns {
    () => {
        "m.occurred_at_s, m.occurred_at_ns, m.currency, m.amount_with, m.amount_without, m.tax_type, \
         m.tax_ten_thousandths, d.sequence, d.sequence, d.salt, d.text, \
         CASE WHEN d.salt IS NULL THEN d.bytes END, m.recorded_at_s, m.recorded_at_ns, m.voided, \
         m.refunded_with, m.refunded_without, m.refunded_count, m.chain_length, m.chain_hash, \
         m.chain_recorded_at_s, m.chain_recorded_at_ns"
    };
}

/// The columns that [`refund`](super::rows::refund) reads, of `r` and of its description's entry `d`.
macro_rules! refund_columns {
    () => {
        "r.id, r.org, r.subscription_id, r.movement_id, r.external_id, r.external_id_is_key, \
         r.transaction_type_id, r.refund_datetime_s, r.refund_datetime_ns, r.period_start_s, \
         r.period_start_ns, r.period_end_s, r.period_end_ns, r.currency, r.amount_with, \
         r.amount_without, r.tax_type, r.tax_ten_thousandths, r.billable, r.external_invoice_id, \
         d.sequence, d.sequence, d.salt, d.text, CASE WHEN d.salt IS NULL THEN d.bytes END, \
         r.revision, r.created_at_s, r.created_at_ns, r.updated_at_s, r.updated_at_ns, r.deleted"
    };
}

/// The entry `d` that brought the description of a movement or refund.
macro_rules! description_of {
    ($row:literal) => {
        concat!(
            " LEFT JOIN LATERAL (SELECT j.sequence, j.salt, j.text, j.bytes FROM journal j \
             WHERE j.org = ",
            $row,
            ".org AND j.subscription_id = ",
            $row,
            ".subscription_id AND j.movement_id = ",
            $row,
            ".movement_id AND j.sequence = ",
            $row,
            ".description_sequence LIMIT 1) AS d ON true"
        )
    };
}

/// Whether the last entry of a movement's chain is seen, as it is unless it was written after this
/// statement began. It is no `EXISTS`, for which a plan may read the whole journal once.
macro_rules! is_current {
    () => {
        "(SELECT true FROM journal j WHERE j.org = m.org AND j.subscription_id = m.subscription_id \
         AND j.movement_id = m.movement_id AND j.sequence = m.chain_length LIMIT 1) AS is_current"
    };
}

/// The record columns, of `j`.
macro_rules! record_columns {
    () => {
        "j.position, j.sequence, j.bytes, j.salt, j.text"
    };
}

/// The keys wanted, as `w`.
macro_rules! wanted_keys {
    () => {
        " FROM unnest($1::text[], $2::text[], $3::text[]) \
         WITH ORDINALITY AS w (org, subscription_id, movement_id, ordinal)"
    };
}

/// Whether a row is of the key wanted.
macro_rules! is_of_wanted {
    ($row:literal) => {
        concat!(
            $row,
            ".org = w.org AND ",
            $row,
            ".subscription_id = w.subscription_id AND ",
            $row,
            ".movement_id = w.movement_id"
        )
    };
}

/// A list of columns, each with the number and type of the parameter that holds its values, in a form.
macro_rules! listed {
    ($form:ident; $first:literal $number:literal $of:literal
        $(, $column:literal $at:literal $type:literal)*) => {
        concat!($form!($first $number $of) $(, ", ", $form!($column $at $type))*)
    };
}

/// The name of a column.
macro_rules! column {
    ($column:literal $at:literal $of:literal) => {
        $column
    };
}

/// All values of a column.
macro_rules! values {
    ($column:literal $at:literal $of:literal) => {
        concat!("$", $at, "::", $of, "[]")
    };
}

/// The value of a column, where there is just one: a row costs far less so than as a table of one row.
macro_rules! value {
    ($column:literal $at:literal $of:literal) => {
        concat!("($", $at, "::", $of, "[])[1]")
    };
}

/// An assignment from the rows wanted.
macro_rules! from_wanted {
    ($column:literal $at:literal $of:literal) => {
        concat!($column, " = w.", $column)
    };
}

/// An assignment from the only values.
macro_rules! from_value {
    ($column:literal $at:literal $of:literal) => {
        concat!($column, " = ($", $at, "::", $of, "[])[1]")
    };
}

macro_rules! key {
    ($form:ident) => {
        listed!($form; "org" 1 "text", "subscription_id" 2 "text", "movement_id" 3 "text")
    };
}

/// What [`Sums`](super::bind::Sums) holds beside the key.
macro_rules! sums {
    ($form:ident) => {
        listed!($form; "refunded_with" 4 "bigint", "refunded_without" 5 "bigint",
            "refunded_count" 6 "bigint", "chain_length" 7 "bigint", "chain_hash" 8 "bytea",
            "chain_recorded_at_s" 9 "bigint", "chain_recorded_at_ns" 10 "integer")
    };
}

/// What [`Movements`](super::bind::Movements) holds beside key and sums.
macro_rules! movement_content {
    ($form:ident) => {
        listed!($form; "occurred_at_s" 11 "bigint", "occurred_at_ns" 12 "integer",
            "currency" 13 "text", "amount_with" 14 "bigint", "amount_without" 15 "bigint",
            "tax_type" 16 "bytea", "tax_ten_thousandths" 17 "integer",
            "description_sequence" 18 "bigint", "recorded_at_s" 19 "bigint",
            "recorded_at_ns" 20 "integer", "voided" 21 "boolean")
    };
}

macro_rules! refund_name {
    ($form:ident) => {
        listed!($form; "org" 1 "text", "id" 2 "uuid")
    };
}

/// What [`Refunds`](super::bind::Refunds) holds beside org and id.
macro_rules! refund_content {
    ($form:ident) => {
        listed!($form; "transaction_type_id" 3 "text", "refund_datetime_s" 4 "bigint",
            "refund_datetime_ns" 5 "integer", "period_start_s" 6 "bigint",
            "period_start_ns" 7 "integer", "period_end_s" 8 "bigint", "period_end_ns" 9 "integer",
            "currency" 10 "text", "amount_with" 11 "bigint", "amount_without" 12 "bigint",
            "tax_type" 13 "bytea", "tax_ten_thousandths" 14 "integer", "billable" 15 "boolean",
            "external_invoice_id" 16 "text", "description_sequence" 17 "bigint",
            "revision" 18 "bigint", "created_at_s" 19 "bigint", "created_at_ns" 20 "integer",
            "updated_at_s" 21 "bigint", "updated_at_ns" 22 "integer", "deleted" 23 "boolean")
    };
}

/// What [`NewRefunds`](super::bind::NewRefunds) holds beside those.
macro_rules! refund_keeps {
    ($form:ident) => {
        listed!($form; "subscription_id" 24 "text", "movement_id" 25 "text", "external_id" 26 "text",
            "external_id_is_key" 27 "boolean")
    };
}

/// What [`Entries`](super::bind::Entries) holds beside the key.
macro_rules! entry {
    ($form:ident) => {
        listed!($form; "sequence" 4 "bigint", "bytes" 5 "bytea", "salt" 6 "bytea", "text" 7 "bytea")
    };
}

/// Whether a row is of the only key.
macro_rules! is_of_only {
    ($row:literal) => {
        concat!(
            $row,
            ".org = ($1::text[])[1] AND ",
            $row,
            ".subscription_id = ($2::text[])[1] AND ",
            $row,
            ".movement_id = ($3::text[])[1]"
        )
    };
}

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $($part:expr),+;)*) => {
        $($(#[$doc])* pub(super) const $name: &str = concat!($($part),+);)*
    };
}

statements! {
    /// Locks the movements that are there, in the order in which they are named, and reads them as those
    /// left them who had the locks before. What it finds in other tables can
    /// be older where it waited.
    LOCK_MOVEMENTS = "SELECT w.ordinal, ", movement_columns!(), ", ", is_current!(), wanted_keys!(),
        " CROSS JOIN LATERAL (SELECT * FROM movements m WHERE ", is_of_wanted!("m"),
        " FOR UPDATE) AS m", description_of!("m");

    /// The same where one is named.
    LOCK_MOVEMENT = "SELECT 1::bigint, ", movement_columns!(), ", ", is_current!(),
        " FROM (SELECT * FROM movements m WHERE ", is_of_only!("m"), " FOR UPDATE) AS m",
        description_of!("m");

    LOAD_MOVEMENTS = "SELECT w.ordinal, ", movement_columns!(), wanted_keys!(),
        " CROSS JOIN LATERAL (SELECT * FROM movements m WHERE ", is_of_wanted!("m"),
        " LIMIT 1) AS m", description_of!("m");

    LOAD_MOVEMENT = "SELECT 1::bigint, ", movement_columns!(), " FROM movements m",
        description_of!("m"), " WHERE ", is_of_only!("m");

    LOAD_REFUNDS = "SELECT w.ordinal, ", refund_columns!(), " FROM unnest($1::text[], $2::uuid[]) \
        WITH ORDINALITY AS w (org, id, ordinal) \
        CROSS JOIN LATERAL (SELECT * FROM refunds r WHERE r.org = w.org AND r.id = w.id LIMIT 1) \
        AS r", description_of!("r");

    /// Whom the unique index finds.
    FIND_HOLDERS = "SELECT w.ordinal, r.id FROM unnest($1::text[], $2::text[]) \
        WITH ORDINALITY AS w (org, external_id, ordinal) \
        CROSS JOIN LATERAL (SELECT r.id FROM refunds r \
        WHERE r.org = w.org AND r.external_id = w.external_id LIMIT 1) AS r";

    FIND_HOLDER = "SELECT 1::bigint, r.id FROM refunds r \
        WHERE r.org = ($1::text[])[1] AND r.external_id = ($2::text[])[1]";

    /// The entries of whole chains.
    LOAD_CHAINS = "SELECT w.ordinal, ", record_columns!(), wanted_keys!(),
        " CROSS JOIN LATERAL (SELECT * FROM journal j WHERE ", is_of_wanted!("j"),
        " ORDER BY j.sequence LIMIT 9223372036854775807) AS j ORDER BY w.ordinal, j.sequence";

    /// Entries with a text, up to a sequence in each chain.
    LOAD_TEXTS = "SELECT w.ordinal, j.sequence, j.bytes FROM \
        unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) \
        WITH ORDINALITY AS w (org, subscription_id, movement_id, through, ordinal) \
        CROSS JOIN LATERAL (SELECT * FROM journal j WHERE ", is_of_wanted!("j"),
        " AND j.sequence <= w.through AND j.salt IS NOT NULL LIMIT 9223372036854775807) AS j";

    LOAD_JOURNAL = "SELECT j.org, j.subscription_id, j.movement_id, ", record_columns!(),
        " FROM journal j WHERE j.position > $1 ORDER BY j.position LIMIT $2";

    LAST_POSITION = "SELECT coalesce(max(position), 0) FROM journal";

    /// A page of movements behind a key.
    NEXT_MOVEMENTS = "SELECT m.org, m.subscription_id, m.movement_id, ", movement_columns!(),
        " FROM (SELECT * FROM movements m \
        WHERE (m.org, m.subscription_id, m.movement_id) > ($1, $2, $3) \
        ORDER BY m.org, m.subscription_id, m.movement_id LIMIT $4) AS m", description_of!("m"),
        " ORDER BY m.org, m.subscription_id, m.movement_id";

    /// The same, of one org.
    NEXT_MOVEMENTS_OF_ORG = "SELECT m.org, m.subscription_id, m.movement_id, ", movement_columns!(),
        " FROM (SELECT * FROM movements m WHERE m.org = $1 \
        AND (m.subscription_id, m.movement_id) > ($2, $3) \
        ORDER BY m.subscription_id, m.movement_id LIMIT $4) AS m", description_of!("m"),
        " ORDER BY m.org, m.subscription_id, m.movement_id";

    ONE_MOVEMENT = "SELECT m.org, m.subscription_id, m.movement_id, ", movement_columns!(),
        " FROM (SELECT * FROM movements m WHERE m.org = $1 AND m.subscription_id = $2 \
        AND m.movement_id = $3 LIMIT 1) AS m", description_of!("m");

    /// A part of each of some chains, from behind a sequence on.
    NEXT_ENTRIES = "SELECT w.ordinal, ", record_columns!(), " FROM \
        unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) \
        WITH ORDINALITY AS w (org, subscription_id, movement_id, behind, ordinal) \
        CROSS JOIN LATERAL (SELECT * FROM journal j WHERE ", is_of_wanted!("j"),
        " AND j.sequence > w.behind ORDER BY j.sequence LIMIT $5) AS j \
        ORDER BY w.ordinal, j.sequence";

    /// Refunds of an org in the order of its lists, from an instant and id on, up to an instant.
    NEXT_OUTLINES = "SELECT id, external_id, external_invoice_id, refund_datetime_s, \
        refund_datetime_ns, currency, amount_with, deleted FROM refunds \
        WHERE org = $1 AND (refund_datetime_s, refund_datetime_ns, id) >= ($2::bigint, $3::bigint, $4::uuid) \
        AND (refund_datetime_s, refund_datetime_ns) < ($5::bigint, $6::bigint) \
        ORDER BY org, refund_datetime_s, refund_datetime_ns, id LIMIT $7";

    /// Every org, found from one to the next.
    ORGS = "WITH RECURSIVE orgs (org) AS ((SELECT org FROM movements ORDER BY org LIMIT 1) \
        UNION ALL SELECT (SELECT m.org FROM movements m WHERE m.org > orgs.org ORDER BY m.org LIMIT 1) \
        FROM orgs WHERE orgs.org IS NOT NULL) SELECT org FROM orgs WHERE org IS NOT NULL";

    /// Takes positions. Whoever writes entries comes by here last, and holds this row up to the end of
    /// its transaction. There is no position where the tables are too new for this program.
    TAKE_POSITIONS = "UPDATE ledger SET last_position = \
        CASE WHEN usable_from <= $2 THEN last_position + $1 END RETURNING last_position - $1 AS before";

    /// The entries, at the positions [taken](TAKE_POSITIONS) beside it.
    INSERT_ENTRIES = "INSERT INTO journal (", key!(column), ", ", entry!(column), ", position) \
        SELECT ", key!(column), ", ", entry!(column), ", (SELECT before FROM taken) + ordinal \
        FROM unnest(", key!(values), ", ", entry!(values), ") WITH ORDINALITY \
        AS e (", key!(column), ", ", entry!(column), ", ordinal) RETURNING 1";

    INSERT_ENTRY = "INSERT INTO journal (", key!(column), ", ", entry!(column), ", position) \
        VALUES (", key!(value), ", ", entry!(value), ", (SELECT before FROM taken) + 1) RETURNING 1";

    INSERT_MOVEMENTS = "INSERT INTO movements (", key!(column), ", ", sums!(column), ", ",
        movement_content!(column), ") SELECT * FROM unnest(", key!(values), ", ", sums!(values), ", ",
        movement_content!(values), ") RETURNING 1";

    INSERT_MOVEMENT = "INSERT INTO movements (", key!(column), ", ", sums!(column), ", ",
        movement_content!(column), ") VALUES (", key!(value), ", ", sums!(value), ", ",
        movement_content!(value), ") RETURNING 1";

    /// What a change of a refund moves in its movement.
    UPDATE_SUMS = "UPDATE movements m SET ", sums!(from_wanted), " FROM unnest(", key!(values), ", ",
        sums!(values), ") AS w (", key!(column), ", ", sums!(column), ") WHERE ", is_of_wanted!("m"),
        " RETURNING 1";

    UPDATE_SUM = "UPDATE movements m SET ", sums!(from_value), " WHERE ", is_of_only!("m"), " RETURNING 1";

    UPDATE_MOVEMENTS = "UPDATE movements m SET ", sums!(from_wanted), ", ",
        movement_content!(from_wanted), " FROM unnest(", key!(values), ", ", sums!(values), ", ",
        movement_content!(values), ") AS w (", key!(column), ", ", sums!(column), ", ",
        movement_content!(column), ") WHERE ", is_of_wanted!("m"), " RETURNING 1";

    INSERT_REFUNDS = "INSERT INTO refunds (", refund_name!(column), ", ", refund_content!(column), ", ",
        refund_keeps!(column), ") SELECT * FROM unnest(", refund_name!(values), ", ",
        refund_content!(values), ", ", refund_keeps!(values), ") RETURNING 1";

    INSERT_REFUND = "INSERT INTO refunds (", refund_name!(column), ", ", refund_content!(column), ", ",
        refund_keeps!(column), ") VALUES (", refund_name!(value), ", ", refund_content!(value), ", ",
        refund_keeps!(value), ") RETURNING 1";

    UPDATE_REFUNDS = "UPDATE refunds r SET ", refund_content!(from_wanted), " FROM unnest(",
        refund_name!(values), ", ", refund_content!(values), ") AS w (", refund_name!(column), ", ",
        refund_content!(column), ") WHERE r.org = w.org AND r.id = w.id RETURNING 1";

    UPDATE_REFUND = "UPDATE refunds r SET ", refund_content!(from_value), " \
        WHERE r.org = ($1::text[])[1] AND r.id = ($2::uuid[])[1] RETURNING 1";

    ERASE_TEXTS = "UPDATE journal j SET salt = NULL, text = NULL \
        FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) \
        AS w (org, subscription_id, movement_id, sequence) WHERE ", is_of_wanted!("j"),
        " AND j.sequence = w.sequence RETURNING 1";
}

pub(super) use {description_of, refund_columns};

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::postgres::options::PostgresOptions;
    use crate::store::postgres::pool::Pool;
    use crate::store::postgres::schema::MIGRATIONS;

    /// Plans are made once, often while there is next to nothing in the tables.
    #[test]
    fn what_is_read_for_a_change_is_found_by_its_key_from_the_beginning() {
        let server = postgres_cluster::shared().unwrap();
        let options = PostgresOptions::new(&server.socket_url()).unwrap();
        let pool = Pool::new(options.with_schema("plans").unwrap());
        let keys = "'{a}', '{b}', '{c}'";
        for (sql, parameters) in [
            (LOCK_MOVEMENT, keys),
            (LOCK_MOVEMENTS, keys),
            (LOAD_MOVEMENT, keys),
            (LOAD_MOVEMENTS, keys),
            (FIND_HOLDER, "'{a}', '{b}'"),
            (FIND_HOLDERS, "'{a}', '{b}'"),
            (LOAD_REFUNDS, "'{a}', '{}'"),
            (LOAD_CHAINS, keys),
            (LOAD_TEXTS, "'{a}', '{b}', '{c}', '{1}'"),
            (
                UPDATE_SUMS,
                "'{a}', '{b}', '{c}', '{1}', '{1}', '{1}', '{1}', '{x}', '{1}', '{1}'",
            ),
            (ERASE_TEXTS, "'{a}', '{b}', '{c}', '{1}'"),
        ] {
            let rows = pool.run(Duration::from_mins(1), async |link| {
                MIGRATIONS.bring_up(link, "plans").await?;
                let client = link.client();
                client
                    .batch_execute(&format!("DEALLOCATE ALL; PREPARE asked AS {sql}"))
                    .await?;
                let explain = format!("EXPLAIN EXECUTE asked ({parameters})");
                Ok(client.simple_query(&explain).await?)
            });
            let rows = rows.unwrap();
            let lines: Vec<&str> = rows
                .iter()
                .filter_map(|row| match row {
                    tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
                    _ => None,
                })
                .collect();
            let reads = |line: &str| {
                [
                    "Seq Scan on",
                    "Index Scan using",
                    "Index Only Scan using",
                    "Index Scan on",
                ]
                .iter()
                .any(|scan| line.contains(scan))
            };
            let mut found = lines.iter().zip(lines.iter().skip(1).chain([&""]));
            let whole = found.find(|(line, next)| reads(line) && !next.contains("Index Cond"));
            assert_eq!(whole, None, "{sql}:\n{}", lines.join("\n"));
            assert!(lines.iter().any(|line| reads(line)), "{sql}: it reads");
        }
    }
}

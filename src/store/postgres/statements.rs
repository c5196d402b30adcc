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

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $($part:expr),+;)*) => {
        $($(#[$doc])* pub(super) const $name: &str = concat!($($part),+);)*
    };
}

statements! {
    /// Locks the movements that are there, in the order in which they are named.
    LOCK_MOVEMENTS = "SELECT w.ordinal", wanted_keys!(),
        " CROSS JOIN LATERAL (SELECT 1 FROM movements m WHERE ", is_of_wanted!("m"),
        " FOR UPDATE) AS locked";

    LOAD_MOVEMENTS = "SELECT w.ordinal, ", movement_columns!(), wanted_keys!(),
        " CROSS JOIN LATERAL (SELECT * FROM movements m WHERE ", is_of_wanted!("m"),
        " LIMIT 1) AS m", description_of!("m");

    LOAD_HOLDERS = "SELECT w.ordinal, ", refund_columns!(), " FROM unnest($1::text[], $2::text[]) \
        WITH ORDINALITY AS w (org, external_id, ordinal) \
        CROSS JOIN LATERAL (SELECT * FROM refunds r \
        WHERE r.org = w.org AND r.external_id = w.external_id LIMIT 1) AS r", description_of!("r");

    LOAD_REFUNDS = "SELECT w.ordinal, ", refund_columns!(), " FROM unnest($1::text[], $2::uuid[]) \
        WITH ORDINALITY AS w (org, id, ordinal) \
        CROSS JOIN LATERAL (SELECT * FROM refunds r WHERE r.org = w.org AND r.id = w.id LIMIT 1) \
        AS r", description_of!("r");

    /// Whom the unique index finds.
    FIND_HOLDERS = "SELECT w.ordinal, r.id FROM unnest($1::text[], $2::text[]) \
        WITH ORDINALITY AS w (org, external_id, ordinal) \
        CROSS JOIN LATERAL (SELECT r.id FROM refunds r \
        WHERE r.org = w.org AND r.external_id = w.external_id LIMIT 1) AS r";

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

    /// A page of the entries between two movements, both included, from behind one of them on.
    NEXT_ENTRIES = "SELECT j.org, j.subscription_id, j.movement_id, ", record_columns!(),
        " FROM journal j \
        WHERE (j.org, j.subscription_id, j.movement_id, j.sequence) > ($1, $2, $3, $4) \
        AND (j.org, j.subscription_id, j.movement_id) <= ($5, $6, $7) \
        ORDER BY j.org, j.subscription_id, j.movement_id, j.sequence LIMIT $8";

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
    /// its transaction.
    TAKE_POSITIONS = "UPDATE ledger SET last_position = last_position + $1";

    /// Without a position, which is NULL where the tables are too new for this program, there is no
    /// entry.
    INSERT_ENTRIES = "INSERT INTO journal \
        (org, subscription_id, movement_id, sequence, position, bytes, salt, text) \
        SELECT e.org, e.subscription_id, e.movement_id, e.sequence, \
        (SELECT last_position FROM ledger WHERE usable_from <= $9) - $8 + e.ordinal, \
        e.bytes, e.salt, e.text \
        FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bytea[], $6::bytea[], \
        $7::bytea[]) WITH ORDINALITY AS e \
        (org, subscription_id, movement_id, sequence, bytes, salt, text, ordinal)";

    INSERT_MOVEMENTS = "INSERT INTO movements (org, subscription_id, movement_id, refunded_with, \
        refunded_without, refunded_count, chain_length, chain_hash, chain_recorded_at_s, \
        chain_recorded_at_ns, occurred_at_s, occurred_at_ns, currency, amount_with, amount_without, \
        tax_type, tax_ten_thousandths, description_sequence, recorded_at_s, recorded_at_ns, voided) \
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], \
        $6::bigint[], $7::bigint[], $8::bytea[], $9::bigint[], $10::integer[], $11::bigint[], \
        $12::integer[], $13::text[], $14::bigint[], $15::bigint[], $16::bytea[], $17::integer[], \
        $18::bigint[], $19::bigint[], $20::integer[], $21::boolean[])";

    /// What a change of a refund moves in its movement.
    UPDATE_SUMS = "UPDATE movements m SET refunded_with = w.refunded_with, \
        refunded_without = w.refunded_without, refunded_count = w.refunded_count, \
        chain_length = w.chain_length, chain_hash = w.chain_hash, \
        chain_recorded_at_s = w.chain_recorded_at_s, chain_recorded_at_ns = w.chain_recorded_at_ns \
        FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], \
        $7::bigint[], $8::bytea[], $9::bigint[], $10::integer[]) AS w (org, subscription_id, \
        movement_id, refunded_with, refunded_without, refunded_count, chain_length, chain_hash, \
        chain_recorded_at_s, chain_recorded_at_ns) WHERE ", is_of_wanted!("m");

    UPDATE_MOVEMENTS = "UPDATE movements m SET refunded_with = w.refunded_with, \
        refunded_without = w.refunded_without, refunded_count = w.refunded_count, \
        chain_length = w.chain_length, chain_hash = w.chain_hash, \
        chain_recorded_at_s = w.chain_recorded_at_s, chain_recorded_at_ns = w.chain_recorded_at_ns, \
        occurred_at_s = w.occurred_at_s, occurred_at_ns = w.occurred_at_ns, currency = w.currency, \
        amount_with = w.amount_with, amount_without = w.amount_without, tax_type = w.tax_type, \
        tax_ten_thousandths = w.tax_ten_thousandths, description_sequence = w.description_sequence, \
        recorded_at_s = w.recorded_at_s, recorded_at_ns = w.recorded_at_ns, voided = w.voided \
        FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], \
        $7::bigint[], $8::bytea[], $9::bigint[], $10::integer[], $11::bigint[], $12::integer[], \
        $13::text[], $14::bigint[], $15::bigint[], $16::bytea[], $17::integer[], $18::bigint[], \
        $19::bigint[], $20::integer[], $21::boolean[]) AS w (org, subscription_id, \
        movement_id, refunded_with, refunded_without, refunded_count, chain_length, chain_hash, \
        chain_recorded_at_s, chain_recorded_at_ns, occurred_at_s, occurred_at_ns, currency, \
        amount_with, amount_without, tax_type, tax_ten_thousandths, description_sequence, \
        recorded_at_s, recorded_at_ns, voided) WHERE ", is_of_wanted!("m");

    INSERT_REFUNDS = "INSERT INTO refunds (org, id, transaction_type_id, refund_datetime_s, \
        refund_datetime_ns, period_start_s, period_start_ns, period_end_s, period_end_ns, currency, \
        amount_with, amount_without, tax_type, tax_ten_thousandths, billable, external_invoice_id, \
        description_sequence, revision, created_at_s, created_at_ns, updated_at_s, updated_at_ns, \
        deleted, subscription_id, movement_id, external_id, external_id_is_key) \
        SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::bigint[], $5::integer[], \
        $6::bigint[], $7::integer[], $8::bigint[], $9::integer[], $10::text[], $11::bigint[], \
        $12::bigint[], $13::bytea[], $14::integer[], $15::boolean[], $16::text[], $17::bigint[], \
        $18::bigint[], $19::bigint[], $20::integer[], $21::bigint[], $22::integer[], $23::boolean[], \
        $24::text[], $25::text[], $26::text[], $27::boolean[])";

    UPDATE_REFUNDS = "UPDATE refunds r SET transaction_type_id = w.transaction_type_id, \
        refund_datetime_s = w.refund_datetime_s, refund_datetime_ns = w.refund_datetime_ns, \
        period_start_s = w.period_start_s, period_start_ns = w.period_start_ns, \
        period_end_s = w.period_end_s, period_end_ns = w.period_end_ns, currency = w.currency, \
        amount_with = w.amount_with, amount_without = w.amount_without, tax_type = w.tax_type, \
        tax_ten_thousandths = w.tax_ten_thousandths, billable = w.billable, \
        external_invoice_id = w.external_invoice_id, description_sequence = w.description_sequence, \
        revision = w.revision, created_at_s = w.created_at_s, created_at_ns = w.created_at_ns, \
        updated_at_s = w.updated_at_s, updated_at_ns = w.updated_at_ns, deleted = w.deleted \
        FROM unnest($1::text[], $2::uuid[], $3::text[], $4::bigint[], $5::integer[], \
        $6::bigint[], $7::integer[], $8::bigint[], $9::integer[], $10::text[], $11::bigint[], \
        $12::bigint[], $13::bytea[], $14::integer[], $15::boolean[], $16::text[], $17::bigint[], \
        $18::bigint[], $19::bigint[], $20::integer[], $21::bigint[], $22::integer[], $23::boolean[]) \
        AS w (org, id, transaction_type_id, refund_datetime_s, refund_datetime_ns, period_start_s, \
        period_start_ns, period_end_s, period_end_ns, currency, amount_with, amount_without, \
        tax_type, tax_ten_thousandths, billable, external_invoice_id, description_sequence, revision, \
        created_at_s, created_at_ns, updated_at_s, updated_at_ns, deleted) \
        WHERE r.org = w.org AND r.id = w.id";

    ERASE_TEXTS = "UPDATE journal j SET salt = NULL, text = NULL \
        FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) \
        AS w (org, subscription_id, movement_id, sequence) WHERE ", is_of_wanted!("j"),
        " AND j.sequence = w.sequence";
}

pub(super) use {description_of, refund_columns};

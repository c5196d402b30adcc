//! The statements that run often, in one place, so that one test sees that each has its index.

/// The columns that [`Columns::movement`](super::rows::Columns::movement) reads, of `movements m`
/// and of `journal d`, where its text is.
macro_rules! movement_columns {
    () => {
        "m.number, m.org, m.text_position, m.chain_position, m.occurred_at_s, m.occurred_at_ns, m.currency, \
         m.amount_with, m.amount_without, m.tax_type, m.tax_ten_thousandths, d.movement, \
         d.sequence, d.salt, d.text, CASE WHEN d.salt IS NULL THEN d.bytes END, m.recorded_at_s, \
         m.recorded_at_ns, m.voided, m.refunded_with, m.refunded_without, m.refunded_count, \
         m.chain_length, m.chain_hash, m.chain_recorded_at_s, m.chain_recorded_at_ns"
    };
}

/// The columns that [`Columns::refund`](super::rows::Columns::refund) reads, of `refunds r` and
/// of `journal d`, where its text is.
macro_rules! refund_columns {
    () => {
        "r.id, r.org, r.movement, r.text_position, r.external_id, r.external_id_is_key, \
         r.transaction_type_id, r.refund_datetime_s, r.refund_datetime_ns, r.period_start_s, \
         r.period_start_ns, r.period_end_s, r.period_end_ns, r.currency, r.amount_with, \
         r.amount_without, r.tax_type, r.tax_ten_thousandths, r.billable, r.external_invoice_id, \
         d.movement, d.sequence, d.salt, d.text, CASE WHEN d.salt IS NULL THEN d.bytes END, \
         r.revision, r.created_at_s, r.created_at_ns, r.updated_at_s, r.updated_at_ns, r.deleted"
    };
}

/// The columns of a movement's key, of `orgs o` and `movements m`.
macro_rules! key_columns {
    () => {
        "o.name, m.subscription_id, m.movement_id"
    };
}

/// The columns that [`Columns::record`](super::rows::Columns::record) reads, of `journal j`.
macro_rules! record_columns {
    () => {
        "j.position, j.sequence, j.bytes, j.salt, j.text"
    };
}

/// The joins that a refund's key and text come from.
macro_rules! refund_joins {
    () => {
        " LEFT JOIN movements m ON m.number = r.movement LEFT JOIN orgs o ON o.number = m.org \
         LEFT JOIN journal d ON d.position = r.text_position "
    };
}

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $($part:expr),+;)*) => {
        $($(#[$doc])* pub(super) const $name: &str = concat!($($part),+);)*
        #[cfg(test)]
        pub(super) const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}

statements! {
    ORG_NUMBER = "SELECT number FROM orgs WHERE name = ?1";

    /// One movement and the holder of one external id: all that a new refund needs to know.
    LOAD_CREATION = "SELECT o.number, r.id, ", movement_columns!(), " FROM orgs o \
        LEFT JOIN movements m \
        ON m.org = o.number AND m.subscription_id = ?2 AND m.movement_id = ?3 \
        LEFT JOIN journal d ON d.position = m.text_position \
        LEFT JOIN refunds r ON r.org = o.number AND r.external_id = ?4 WHERE o.name = ?1";

    LOAD_MOVEMENT = "SELECT ", movement_columns!(), " FROM movements m \
        LEFT JOIN journal d ON d.position = m.text_position \
        WHERE m.org = ?1 AND m.subscription_id = ?2 AND m.movement_id = ?3";

    LOAD_REFUND = "SELECT ", key_columns!(), ", ", refund_columns!(), " FROM refunds r",
        refund_joins!(), "WHERE r.id = ?1";

    HOLDER = "SELECT id FROM refunds INDEXED BY refunds_by_external_id \
        WHERE org = ?1 AND external_id = ?2";

    /// One step back in a movement's chain.
    LINK = "SELECT movement, previous_position FROM journal WHERE position = ?1";

    LOAD_ENTRY = "SELECT ", record_columns!(), " FROM journal j WHERE j.position = ?1";

    CHAIN_POSITION = "SELECT chain_position FROM movements WHERE number = ?1";

    /// A refund whose movement is known.
    LOAD_REFUND_OF_MOVEMENT = "SELECT ", refund_columns!(), " FROM refunds r \
        LEFT JOIN journal d ON d.position = r.text_position WHERE r.id = ?1";

    LOAD_JOURNAL = "SELECT ", key_columns!(), ", ", record_columns!(), " FROM journal j \
        LEFT JOIN movements m ON m.number = j.movement LEFT JOIN orgs o ON o.number = m.org \
        WHERE j.position > ?1 ORDER BY j.position LIMIT ?2";

    LAST_POSITION = "SELECT coalesce(max(position), 0) FROM journal";

    MOVEMENT_NUMBER = "SELECT number, chain_length, chain_position FROM movements \
        WHERE org = ?1 AND subscription_id = ?2 AND movement_id = ?3";

    NEXT_ORGS = "SELECT number, name FROM orgs WHERE name >= ?1 ORDER BY name";

    NEXT_MOVEMENTS = "SELECT m.subscription_id, m.movement_id, ", movement_columns!(),
        " FROM movements m LEFT JOIN journal d ON d.position = m.text_position WHERE m.org = ?1 \
        ORDER BY m.subscription_id, m.movement_id";

    NEXT_MOVEMENTS_AFTER = "SELECT m.subscription_id, m.movement_id, ", movement_columns!(),
        " FROM movements m LEFT JOIN journal d ON d.position = m.text_position WHERE m.org = ?1 \
        AND (m.subscription_id, m.movement_id) > (?2, ?3) \
        ORDER BY m.subscription_id, m.movement_id";

    ONE_MOVEMENT = "SELECT m.subscription_id, m.movement_id, ", movement_columns!(),
        " FROM movements m LEFT JOIN journal d ON d.position = m.text_position WHERE m.org = ?1 \
        AND m.subscription_id = ?2 AND m.movement_id = ?3";

    INSERT_ORG = "INSERT INTO orgs (name) VALUES (?1)";

    INSERT_MOVEMENT = "INSERT INTO movements (org, subscription_id, movement_id, \
        occurred_at_s, occurred_at_ns, currency, amount_with, amount_without, tax_type, \
        tax_ten_thousandths, text_position, recorded_at_s, recorded_at_ns, voided, refunded_with, \
        refunded_without, refunded_count, chain_length, chain_position, chain_hash, \
        chain_recorded_at_s, chain_recorded_at_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, \
        ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)";

    /// What a change of a refund moves in its movement.
    UPDATE_MOVEMENT_SUMS = "UPDATE movements SET refunded_with = ?1, refunded_without = ?2, \
        refunded_count = ?3, chain_length = ?4, chain_position = ?5, chain_hash = ?6, \
        chain_recorded_at_s = ?7, chain_recorded_at_ns = ?8 \
        WHERE number = ?9 AND chain_length = ?10";

    UPDATE_MOVEMENT = "UPDATE movements SET occurred_at_s = ?1, occurred_at_ns = ?2, \
        currency = ?3, amount_with = ?4, amount_without = ?5, tax_type = ?6, \
        tax_ten_thousandths = ?7, text_position = ?8, recorded_at_s = ?9, recorded_at_ns = ?10, \
        voided = ?11, refunded_with = ?12, refunded_without = ?13, refunded_count = ?14, \
        chain_length = ?15, chain_position = ?16, chain_hash = ?17, chain_recorded_at_s = ?18, \
        chain_recorded_at_ns = ?19 WHERE number = ?20 AND chain_length = ?21";

    INSERT_ENTRY = "INSERT INTO journal (movement, sequence, previous_position, bytes, salt, text) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

    INSERT_REFUND = "INSERT INTO refunds (id, org, movement, external_id, external_id_is_key, \
        transaction_type_id, refund_datetime_s, refund_datetime_ns, period_start_s, \
        period_start_ns, period_end_s, period_end_ns, currency, amount_with, amount_without, \
        tax_type, tax_ten_thousandths, billable, external_invoice_id, text_position, revision, \
        created_at_s, created_at_ns, updated_at_s, updated_at_ns, deleted) VALUES (?1, ?2, ?3, \
        ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, \
        ?23, ?24, ?25, ?26)";

    /// All but the id and what a refund keeps for ever.
    UPDATE_REFUND = "UPDATE refunds SET transaction_type_id = ?1, refund_datetime_s = ?2, \
        refund_datetime_ns = ?3, period_start_s = ?4, period_start_ns = ?5, period_end_s = ?6, \
        period_end_ns = ?7, currency = ?8, amount_with = ?9, amount_without = ?10, \
        tax_type = ?11, tax_ten_thousandths = ?12, billable = ?13, external_invoice_id = ?14, \
        text_position = ?15, revision = ?16, created_at_s = ?17, created_at_ns = ?18, \
        updated_at_s = ?19, updated_at_ns = ?20, deleted = ?21 WHERE id = ?22 AND movement = ?23";

    /// An entry that still has a text.
    TEXT = "SELECT sequence, bytes FROM journal \
        WHERE position = ?1 AND movement = ?2 AND salt IS NOT NULL";

    ONLY_TEXT = "SELECT text_position FROM refunds WHERE id = ?1 AND revision = 1";

    ERASE_TEXT = "UPDATE journal SET salt = NULL, text = NULL WHERE position = ?1";
}

pub(super) use {key_columns, refund_columns, refund_joins};

#[cfg(test)]
pub(super) mod tests {
    use rusqlite::Connection;

    use super::*;

    /// A connection to an empty ledger.
    pub(in crate::store::sqlite) fn ledger() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        let path = std::path::Path::new("ledger");
        super::super::schema::MIGRATIONS
            .bring_up(&connection, path)
            .unwrap();
        connection
    }

    /// How SQLite would run a statement.
    pub(in crate::store::sqlite) fn plan(connection: &Connection, sql: &str) -> String {
        let mut statement = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap();
        let nulls = vec![rusqlite::types::Null; statement.parameter_count()];
        let steps = statement
            .query_map(rusqlite::params_from_iter(nulls), |row| {
                row.get::<_, String>(3)
            })
            .unwrap();
        steps.map(|step| step.unwrap() + "\n").collect()
    }

    #[test]
    fn no_statement_reads_a_table_but_by_key() {
        let connection = ledger();
        for (name, sql) in ALL {
            let steps = plan(&connection, sql);
            let unkeyed = steps
                .lines()
                .filter(|step| step.contains("SCAN"))
                .collect::<Vec<_>>();
            assert!(unkeyed.is_empty(), "{name} scans: {unkeyed:?}");
            assert!(!steps.contains("TEMP B-TREE"), "{name} sorts:\n{steps}");
        }
    }
}

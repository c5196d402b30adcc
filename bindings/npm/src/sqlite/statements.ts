/**
 * The statements that run often, in one place.
 *
 * Parameters that are compared are written `+?`. SQLite's planner looks at the value of a bare `?` where
 * it may matter to a join or a limit, and prepares the statement anew for every value, which takes ten
 * times as long as running it. The Rust store turns that off; handles here offer no way to.
 */

/** What `readMovement` reads, of `movements m` and of `journal d`, where its text is. */
const MOVEMENT =
  "m.number, m.org, m.text_position, m.chain_position, m.occurred_at_s, m.occurred_at_ns, m.currency, " +
  "m.amount_with, m.amount_without, m.tax_type, m.tax_ten_thousandths, m.recorded_at_s, " +
  "m.recorded_at_ns, m.voided, m.refunded_with, m.refunded_without, m.refunded_count, m.chain_length, " +
  "m.chain_hash, m.chain_recorded_at_s, m.chain_recorded_at_ns, " +
  "d.movement, d.sequence, d.bytes, d.salt, d.text";

/** What `readRefund` reads, of `refunds r` and of `journal d`, where its text is. */
const REFUND =
  "r.id, r.org, r.movement, r.text_position, r.external_id, r.external_id_is_key, " +
  "r.transaction_type_id, r.refund_datetime_s, r.refund_datetime_ns, r.period_start_s, " +
  "r.period_start_ns, r.period_end_s, r.period_end_ns, r.currency, r.amount_with, r.amount_without, " +
  "r.tax_type, r.tax_ten_thousandths, r.billable, r.external_invoice_id, r.revision, r.created_at_s, " +
  "r.created_at_ns, r.updated_at_s, r.updated_at_ns, r.deleted, " +
  "d.movement, d.sequence, d.bytes, d.salt, d.text";

/** What `readKey` reads. */
const KEY = "o.name, m.subscription_id, m.movement_id";

/** What `readRecord` reads. */
const RECORD = "j.position, j.sequence, j.bytes, j.salt, j.text";

export const ORG_NUMBER = "SELECT number FROM orgs WHERE name = +?";

/** One movement and the holder of one external id: all that a new refund needs to know. */
export const LOAD_CREATION =
  `SELECT o.number, r.id, ${MOVEMENT} FROM orgs o ` +
  "LEFT JOIN movements m ON m.org = o.number AND m.subscription_id = +? AND m.movement_id = +? " +
  "LEFT JOIN journal d ON d.position = m.text_position " +
  "LEFT JOIN refunds r ON r.org = o.number AND r.external_id = +? WHERE o.name = +?";

export const LOAD_MOVEMENT =
  `SELECT ${MOVEMENT} FROM movements m LEFT JOIN journal d ON d.position = m.text_position ` +
  "WHERE m.org = +? AND m.subscription_id = +? AND m.movement_id = +?";

const REFUND_JOINS =
  "LEFT JOIN movements m ON m.number = r.movement LEFT JOIN orgs o ON o.number = m.org " +
  "LEFT JOIN journal d ON d.position = r.text_position";

export const LOAD_REFUND = `SELECT ${KEY}, ${REFUND} FROM refunds r ${REFUND_JOINS} WHERE r.id = +?`;

/** Refunds of an org in the order of lists; conditions, order and limit follow. */
export const LIST_REFUNDS =
  `SELECT ${KEY}, ${REFUND} FROM refunds r INDEXED BY refunds_by_org ` + `${REFUND_JOINS} WHERE r.org = +?`;

export const HOLDER =
  "SELECT id FROM refunds INDEXED BY refunds_by_external_id WHERE org = +? AND external_id = +?";

/** One step back in a movement's chain. */
export const LINK = "SELECT movement, previous_position FROM journal WHERE position = +?";

export const LOAD_ENTRY = `SELECT ${RECORD} FROM journal j WHERE j.position = +?`;

export const CHAIN_POSITION = "SELECT chain_position FROM movements WHERE number = +?";

/** A refund whose movement is known. */
export const LOAD_REFUND_OF_MOVEMENT =
  `SELECT ${REFUND} FROM refunds r LEFT JOIN journal d ON d.position = r.text_position ` + "WHERE r.id = +?";

export const LOAD_JOURNAL =
  `SELECT ${KEY}, ${RECORD} FROM journal j LEFT JOIN movements m ON m.number = j.movement ` +
  "LEFT JOIN orgs o ON o.number = m.org WHERE j.position > +? ORDER BY j.position LIMIT +?";

/** The bytes of a movement's last entry. */
export const LAST_ENTRY =
  "SELECT bytes FROM journal WHERE position = (SELECT chain_position FROM movements WHERE number = +?)";

export const LAST_POSITION = "SELECT coalesce(max(position), 0) FROM journal";

export const MOVEMENT_NUMBER =
  "SELECT number, chain_length, chain_position FROM movements " +
  "WHERE org = +? AND subscription_id = +? AND movement_id = +?";

export const ALL_ORGS = "SELECT number FROM orgs";

export const NEXT_ORGS = "SELECT number, name FROM orgs WHERE name >= +? AND name >= +? ORDER BY name";

const MOVEMENTS_OF_ORG =
  `SELECT m.number, m.subscription_id, m.movement_id, ${MOVEMENT} FROM movements m ` +
  "LEFT JOIN journal d ON d.position = m.text_position WHERE m.org = +?";

export const NEXT_MOVEMENTS = `${MOVEMENTS_OF_ORG} ORDER BY m.subscription_id, m.movement_id`;

export const NEXT_MOVEMENTS_AFTER =
  `${MOVEMENTS_OF_ORG} AND (m.subscription_id, m.movement_id) > (+?, +?) ` +
  "ORDER BY m.subscription_id, m.movement_id";

export const ONE_MOVEMENT = `${MOVEMENTS_OF_ORG} AND m.subscription_id = +? AND m.movement_id = +?`;

export const INSERT_ORG = "INSERT INTO orgs (name) VALUES (?)";

/** A list of parameters to insert. */
function values(columns: string): string {
  return `(${columns}) VALUES (${columns.replaceAll(/\w+/g, "?")})`;
}

export const INSERT_MOVEMENT = `INSERT INTO movements ${values(
  "org, subscription_id, movement_id, occurred_at_s, occurred_at_ns, currency, amount_with, " +
    "amount_without, tax_type, tax_ten_thousandths, text_position, recorded_at_s, recorded_at_ns, " +
    "voided, refunded_with, refunded_without, refunded_count, chain_length, chain_position, " +
    "chain_hash, chain_recorded_at_s, chain_recorded_at_ns",
)}`;

const SET_SUMS =
  "refunded_with = ?, refunded_without = ?, refunded_count = ?, chain_length = ?, chain_position = ?, " +
  "chain_hash = ?, chain_recorded_at_s = ?, chain_recorded_at_ns = ? " +
  "WHERE number = +? AND chain_length = +?";

/** What a change of a refund moves in its movement. */
export const UPDATE_MOVEMENT_SUMS = `UPDATE movements SET ${SET_SUMS}`;

export const UPDATE_MOVEMENT =
  "UPDATE movements SET occurred_at_s = ?, occurred_at_ns = ?, currency = ?, amount_with = ?, " +
  "amount_without = ?, tax_type = ?, tax_ten_thousandths = ?, text_position = ?, recorded_at_s = ?, " +
  `recorded_at_ns = ?, voided = ?, ${SET_SUMS}`;

export const INSERT_ENTRY = `INSERT INTO journal ${values(
  "movement, sequence, previous_position, bytes, salt, text",
)}`;

export const INSERT_REFUND = `INSERT INTO refunds ${values(
  "id, org, movement, external_id, external_id_is_key, transaction_type_id, refund_datetime_s, " +
    "refund_datetime_ns, period_start_s, period_start_ns, period_end_s, period_end_ns, currency, " +
    "amount_with, amount_without, tax_type, tax_ten_thousandths, billable, external_invoice_id, " +
    "text_position, revision, created_at_s, created_at_ns, updated_at_s, updated_at_ns, deleted",
)}`;

/** All but the id and what a refund keeps for ever. */
export const UPDATE_REFUND =
  "UPDATE refunds SET transaction_type_id = ?, refund_datetime_s = ?, refund_datetime_ns = ?, " +
  "period_start_s = ?, period_start_ns = ?, period_end_s = ?, period_end_ns = ?, currency = ?, " +
  "amount_with = ?, amount_without = ?, tax_type = ?, tax_ten_thousandths = ?, billable = ?, " +
  "external_invoice_id = ?, text_position = ?, revision = ?, created_at_s = ?, created_at_ns = ?, " +
  "updated_at_s = ?, updated_at_ns = ?, deleted = ? WHERE id = +? AND movement = +?";

/** An entry that still has a text. */
export const TEXT =
  "SELECT sequence, bytes FROM journal WHERE position = +? AND movement = +? AND salt IS NOT NULL";

export const ONLY_TEXT = "SELECT text_position FROM refunds WHERE id = +? AND revision = 1";

export const ERASE_TEXT = "UPDATE journal SET salt = NULL, text = NULL WHERE position = +?";

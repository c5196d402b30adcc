-- The ledger's tables, version 1.
--
-- Instants are two integers: whole seconds since 1970-01-01T00:00:00Z, rounded towards the past,
-- and the nanoseconds past them. Together they sort in time, take 5 to 9 bytes, and can be read
-- with `datetime(…_s, 'unixepoch')`. Amounts are in minor units of their currency.
--
-- The chain of a movement is walked from its last entry, at `chain_position`, backwards from
-- `previous_position` to `previous_position`. An index over it would cost every new refund a page
-- in a random place, and so would one of the movement's refunds, which its chain names.
--
-- A text is stored once, in `journal`, beside the entry that brought it; `text_position` points
-- there. Erasing it there erases it everywhere.

CREATE TABLE orgs (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE CHECK (octet_length(name) BETWEEN 1 AND 255)
) STRICT;

CREATE TABLE movements (
    number INTEGER PRIMARY KEY,
    org INTEGER NOT NULL REFERENCES orgs (number),
    subscription_id TEXT NOT NULL CHECK (octet_length(subscription_id) BETWEEN 1 AND 255),
    movement_id TEXT NOT NULL CHECK (octet_length(movement_id) BETWEEN 1 AND 255),
    occurred_at_s INTEGER NOT NULL CHECK (occurred_at_s BETWEEN -62135596800 AND 253402300799),
    occurred_at_ns INTEGER NOT NULL CHECK (occurred_at_ns BETWEEN 0 AND 999999999),
    currency TEXT NOT NULL CHECK (octet_length(currency) = 3),
    amount_with INTEGER NOT NULL CHECK (amount_with > 0),
    amount_without INTEGER NOT NULL CHECK (amount_without BETWEEN 0 AND amount_with),
    tax_type TEXT CHECK (octet_length(tax_type) BETWEEN 1 AND 256),
    tax_ten_thousandths INTEGER CHECK (tax_ten_thousandths BETWEEN 0 AND 10000000),
    -- No foreign key, here and in `chain_position`: the entry is written right behind its movement,
    -- and a deferred key would have to search this table for every entry.
    text_position INTEGER NOT NULL CHECK (text_position > 0),
    recorded_at_s INTEGER NOT NULL CHECK (recorded_at_s BETWEEN -62135596800 AND 253402300799),
    recorded_at_ns INTEGER NOT NULL CHECK (recorded_at_ns BETWEEN 0 AND 999999999),
    voided INTEGER NOT NULL CHECK (voided IN (0, 1)),
    -- The two caps: what was refunded is never beyond the amount, with taxes and without.
    refunded_with INTEGER NOT NULL CHECK (refunded_with BETWEEN 0 AND amount_with),
    refunded_without INTEGER NOT NULL CHECK (refunded_without BETWEEN 0 AND amount_without),
    refunded_count INTEGER NOT NULL CHECK (refunded_count BETWEEN 0 AND 4294967295),
    chain_length INTEGER NOT NULL CHECK (chain_length > 0),
    chain_position INTEGER NOT NULL CHECK (chain_position > 0),
    chain_hash BLOB NOT NULL CHECK (octet_length(chain_hash) = 32),
    chain_recorded_at_s INTEGER NOT NULL
        CHECK (chain_recorded_at_s BETWEEN -62135596800 AND 253402300799),
    chain_recorded_at_ns INTEGER NOT NULL CHECK (chain_recorded_at_ns BETWEEN 0 AND 999999999),
    UNIQUE (org, subscription_id, movement_id),
    CHECK ((tax_type IS NULL) = (tax_ten_thousandths IS NULL))
) STRICT;

-- Positions ascend in commit order without gaps. `bytes` is what the hash of the entry is over.
CREATE TABLE journal (
    position INTEGER PRIMARY KEY,
    movement INTEGER NOT NULL REFERENCES movements (number),
    sequence INTEGER NOT NULL CHECK (sequence > 0),
    previous_position INTEGER CHECK (previous_position BETWEEN 1 AND position - 1),
    bytes BLOB NOT NULL CHECK (octet_length(bytes) > 0),
    salt BLOB CHECK (octet_length(salt) = 16),
    text TEXT CHECK (octet_length(text) BETWEEN 1 AND 4096),
    CHECK ((salt IS NULL) = (text IS NULL))
) STRICT;

-- `external_id_is_key` is 1 where an idempotency key took the external id's place. A refund
-- without `transaction_type_id` is a standard one.
CREATE TABLE refunds (
    id BLOB NOT NULL PRIMARY KEY CHECK (octet_length(id) = 16),
    org INTEGER NOT NULL REFERENCES orgs (number),
    movement INTEGER NOT NULL REFERENCES movements (number),
    external_id TEXT CHECK (octet_length(external_id) BETWEEN 1 AND 255),
    external_id_is_key INTEGER CHECK (external_id_is_key IN (0, 1)),
    transaction_type_id TEXT CHECK (octet_length(transaction_type_id) BETWEEN 1 AND 255),
    refund_datetime_s INTEGER NOT NULL
        CHECK (refund_datetime_s BETWEEN -62135596800 AND 253402300799),
    refund_datetime_ns INTEGER NOT NULL CHECK (refund_datetime_ns BETWEEN 0 AND 999999999),
    period_start_s INTEGER CHECK (period_start_s BETWEEN -62135596800 AND 253402300799),
    period_start_ns INTEGER CHECK (period_start_ns BETWEEN 0 AND 999999999),
    period_end_s INTEGER CHECK (period_end_s BETWEEN -62135596800 AND 253402300799),
    period_end_ns INTEGER CHECK (period_end_ns BETWEEN 0 AND 999999999),
    currency TEXT NOT NULL CHECK (octet_length(currency) = 3),
    amount_with INTEGER NOT NULL CHECK (amount_with > 0),
    amount_without INTEGER NOT NULL CHECK (amount_without BETWEEN 0 AND amount_with),
    tax_type TEXT CHECK (octet_length(tax_type) BETWEEN 1 AND 256),
    tax_ten_thousandths INTEGER CHECK (tax_ten_thousandths BETWEEN 0 AND 10000000),
    billable INTEGER NOT NULL CHECK (billable IN (0, 1)),
    external_invoice_id TEXT CHECK (octet_length(external_invoice_id) BETWEEN 1 AND 255),
    text_position INTEGER NOT NULL REFERENCES journal (position),
    revision INTEGER NOT NULL CHECK (revision BETWEEN 1 AND 4294967295),
    created_at_s INTEGER NOT NULL CHECK (created_at_s BETWEEN -62135596800 AND 253402300799),
    created_at_ns INTEGER NOT NULL CHECK (created_at_ns BETWEEN 0 AND 999999999),
    updated_at_s INTEGER NOT NULL CHECK (updated_at_s BETWEEN -62135596800 AND 253402300799),
    updated_at_ns INTEGER NOT NULL CHECK (updated_at_ns BETWEEN 0 AND 999999999),
    deleted INTEGER NOT NULL CHECK (deleted IN (0, 1)),
    CHECK ((external_id IS NULL) = (external_id_is_key IS NULL)),
    CHECK ((period_start_s IS NULL) = (period_start_ns IS NULL)),
    CHECK ((period_end_s IS NULL) = (period_end_ns IS NULL)),
    CHECK ((tax_type IS NULL) = (tax_ten_thousandths IS NULL))
) STRICT, WITHOUT ROWID;

-- An external id is taken once in an org, for ever.
CREATE UNIQUE INDEX refunds_by_external_id ON refunds (org, external_id)
    WHERE external_id IS NOT NULL;

-- Lists of an org, in their order.
CREATE INDEX refunds_by_org ON refunds (org, refund_datetime_s, refund_datetime_ns, id);

-- The ledger's tables, version 1. They stand in a schema of their own.
--
-- Every key begins with the org, so that the tables can be spread over servers by it. Keys sort by
-- their bytes (`COLLATE "C"`), as they do everywhere else. Instants are two integers: whole seconds
-- since 1970-01-01T00:00:00Z, rounded towards the past, and the nanoseconds past them. Amounts are in
-- minor units of their currency. Tax types and descriptions may hold any character, NUL too, so they
-- are kept as UTF-8 in `bytea`.
--
-- The two caps are checked here once more. What else must be true of a row is checked whenever it is
-- read, and by `verify`; to check it again on every write would cost each refund dearly. So would
-- foreign keys: a movement, its entries and its refunds are written under the movement's lock.

-- One row. Whoever writes entries holds it until its transaction has ended, so positions ascend in
-- commit order without gaps, and none appears after a larger one was seen. `usable_from` is the oldest
-- version of the program's tables that may still write.
CREATE TABLE ledger (
    only_row boolean PRIMARY KEY CHECK (only_row),
    version integer NOT NULL CHECK (version > 0),
    usable_from integer NOT NULL CHECK (usable_from BETWEEN 1 AND version),
    last_position bigint NOT NULL CHECK (last_position >= 0)
);

-- A movement's row is the lock for all that belongs to it.
CREATE TABLE movements (
    org text COLLATE "C" NOT NULL,
    subscription_id text COLLATE "C" NOT NULL,
    movement_id text COLLATE "C" NOT NULL,
    occurred_at_s bigint NOT NULL,
    occurred_at_ns integer NOT NULL,
    currency text NOT NULL,
    amount_with bigint NOT NULL,
    amount_without bigint NOT NULL,
    tax_type bytea,
    tax_ten_thousandths integer,
    -- The entry of the chain that brought the description.
    description_sequence bigint NOT NULL,
    recorded_at_s bigint NOT NULL,
    recorded_at_ns integer NOT NULL,
    voided boolean NOT NULL,
    refunded_with bigint NOT NULL,
    refunded_without bigint NOT NULL,
    refunded_count bigint NOT NULL,
    chain_length bigint NOT NULL,
    chain_hash bytea NOT NULL,
    chain_recorded_at_s bigint NOT NULL,
    chain_recorded_at_ns integer NOT NULL,
    PRIMARY KEY (org, subscription_id, movement_id),
    CONSTRAINT cap_with_taxes CHECK (refunded_with BETWEEN 0 AND amount_with),
    CONSTRAINT cap_without_taxes CHECK (refunded_without BETWEEN 0 AND amount_without)
);

-- `bytes` is what the hash of the entry is over. A text is stored once, beside the entry that brought
-- it; erasing it there erases it everywhere.
CREATE TABLE journal (
    org text COLLATE "C" NOT NULL,
    subscription_id text COLLATE "C" NOT NULL,
    movement_id text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    position bigint NOT NULL,
    bytes bytea NOT NULL,
    salt bytea,
    text bytea,
    PRIMARY KEY (org, subscription_id, movement_id, sequence)
);

CREATE INDEX journal_by_position ON journal (position);

-- `external_id_is_key` is true where an idempotency key took the external id's place. A refund
-- without `transaction_type_id` is a standard one.
CREATE TABLE refunds (
    org text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    subscription_id text COLLATE "C" NOT NULL,
    movement_id text COLLATE "C" NOT NULL,
    external_id text COLLATE "C",
    external_id_is_key boolean,
    transaction_type_id text COLLATE "C",
    refund_datetime_s bigint NOT NULL,
    refund_datetime_ns integer NOT NULL,
    period_start_s bigint,
    period_start_ns integer,
    period_end_s bigint,
    period_end_ns integer,
    currency text NOT NULL,
    amount_with bigint NOT NULL,
    amount_without bigint NOT NULL,
    tax_type bytea,
    tax_ten_thousandths integer,
    billable boolean NOT NULL,
    external_invoice_id text COLLATE "C",
    description_sequence bigint NOT NULL,
    revision bigint NOT NULL,
    created_at_s bigint NOT NULL,
    created_at_ns integer NOT NULL,
    updated_at_s bigint NOT NULL,
    updated_at_ns integer NOT NULL,
    deleted boolean NOT NULL,
    PRIMARY KEY (org, id)
);

-- An external id is taken once in an org, for ever.
CREATE UNIQUE INDEX refunds_by_external_id ON refunds (org, external_id)
    WHERE external_id IS NOT NULL;

-- Lists of an org, in their order.
CREATE INDEX refunds_by_org ON refunds (org, refund_datetime_s, refund_datetime_ns, id);

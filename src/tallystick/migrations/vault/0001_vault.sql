-- The vault: one data key per party and per submission, in a database outside the base backup.
-- Destroying the row makes everything sealed under it unreadable.
CREATE SCHEMA IF NOT EXISTS vault;

CREATE TABLE vault.data_key (
    key_id     uuid        PRIMARY KEY,
    wrapped    bytea       NOT NULL CHECK (octet_length(wrapped) = 60), -- nonce 12, key 32, tag 16
    created_at timestamptz NOT NULL
);

-- A destroyed key stays destroyed: its id is never given a key again.
CREATE TABLE vault.destroyed (
    key_id       uuid        PRIMARY KEY,
    destroyed_at timestamptz NOT NULL,
    ground       varchar     NOT NULL CHECK (ground <> '')
);

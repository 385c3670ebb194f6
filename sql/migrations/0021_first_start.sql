-- The link by which the first administrator is made.

CREATE TABLE setup_link (
    single       boolean PRIMARY KEY DEFAULT true CHECK (single),   -- there is one at most
    token_sha256 bytea NOT NULL CHECK (octet_length(token_sha256) = 32),
    expires_at   timestamptz NOT NULL
);

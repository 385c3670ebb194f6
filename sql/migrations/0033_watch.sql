-- What somebody was told of that is wrong, and what the audit log's chain was found to be.

-- One row an alert that stands: its mail is sent when `told_at` is behind, again after a day, and once more when
-- nothing has been wrong for a while. A restart repeats nothing.
CREATE TABLE alerts (
    kind     text NOT NULL,
    subject  text NOT NULL DEFAULT '',        -- which of several: an AE title, a part of the service
    since    timestamptz NOT NULL DEFAULT now(),
    facts    jsonb NOT NULL DEFAULT '{}',     -- numbers and codes that its text names, no identifiers
    told_at  timestamptz,                     -- NULL: nobody knows of it yet
    ended_at timestamptz,                     -- since when nothing is wrong; NULL: it still is
    PRIMARY KEY (kind, subject)
);

-- The newest check of the audit log's chain, whoever made it: a single row.
CREATE TABLE audit_check (
    single       boolean PRIMARY KEY DEFAULT true CHECK (single),
    at           timestamptz NOT NULL DEFAULT now(),
    last_entry   bigint NOT NULL,             -- of those that were there, and its hash: neither may go
    head         bytea NOT NULL,
    broken_entry bigint                       -- the first at which the chain does not hold
);

-- A clinic's logo, re-encoded by us: its patients see it. A clinic that stands in the file alone may have one, too.

CREATE TABLE clinic_logos (
    clinic_code text PRIMARY KEY CHECK (clinic_code ~ '^[A-Za-z0-9_.-]{1,64}$'),
    width integer NOT NULL CHECK (width BETWEEN 1 AND 600),
    height integer NOT NULL CHECK (height BETWEEN 1 AND 200),
    content bytea NOT NULL CHECK (octet_length(content) BETWEEN 1 AND 1048576),
    sha256 bytea NOT NULL GENERATED ALWAYS AS (sha256(content)) STORED,
    changed_at timestamptz NOT NULL DEFAULT now(),
    changed_by text NOT NULL
);
CREATE INDEX clinic_logos_by_hash ON clinic_logos (sha256);  -- clinics of one house may have the same

CREATE POLICY own_clinic ON clinic_logos USING ((SELECT sees_every_clinic())
    OR clinic_code = ANY ((SELECT seen_clinics())::text[]));
ALTER TABLE clinic_logos ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

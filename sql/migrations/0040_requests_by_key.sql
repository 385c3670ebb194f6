-- Requests that a program has named (Idempotency-Key): asked again within a day, they are answered with the same task.
CREATE TABLE named_requests (
    key_id      text NOT NULL REFERENCES api_keys,
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    body_sha256 bytea NOT NULL CHECK (octet_length(body_sha256) = 32),
    task_id     uuid NOT NULL REFERENCES tasks ON DELETE CASCADE,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (key_id, name)
);
CREATE INDEX named_requests_created ON named_requests (created_at);

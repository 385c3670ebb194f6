-- Tasks, publications, people, keys and the audit log.

CREATE TYPE task_status AS ENUM (
    'QUEUED', 'SEARCHING', 'RETRIEVING', 'PROCESSING', 'UPLOADING',
    'COMPLETED', 'NEEDS_REVIEW', 'FAILED', 'CANCELLED', 'EXPIRED'
);
CREATE TYPE task_origin AS ENUM ('mis', 'manual', 'command');
CREATE TYPE study_state AS ENUM ('LIVE', 'EXPIRED', 'WITHDRAWN');
CREATE TYPE user_role AS ENUM ('administrator', 'registrator');

CREATE TABLE users (
    user_id       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name          text NOT NULL CHECK (name <> '' AND length(name) <= 64),
    role          user_role NOT NULL,
    clinic_code   text,                       -- NULL: every clinic
    password_hash text NOT NULL CHECK (password_hash LIKE '$argon2id$%'),
    created_at    timestamptz NOT NULL DEFAULT now(),
    disabled_at   timestamptz
);
CREATE UNIQUE INDEX users_name ON users (lower(name));

CREATE TABLE sessions (
    token_sha256 bytea PRIMARY KEY CHECK (octet_length(token_sha256) = 32),
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    csrf_token   text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    seen_at      timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE api_keys (
    key_id        text PRIMARY KEY CHECK (key_id ~ '^[0-9A-Za-z]{8}$'),
    secret_sha256 bytea NOT NULL CHECK (octet_length(secret_sha256) = 32),
    clinic_code   text NOT NULL,
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    created_at    timestamptz NOT NULL DEFAULT now(),
    last_used_at  timestamptz,
    revoked_at    timestamptz
);

CREATE TABLE settings (
    name       text PRIMARY KEY,
    value      jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE tasks (
    task_id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    clinic_code        text NOT NULL,
    patient_id         text NOT NULL CHECK (length(patient_id) BETWEEN 1 AND 64),
    accession_number   text NOT NULL CHECK (length(accession_number) BETWEEN 1 AND 16),
    emk_record_id      text,
    service_code       text,
    service_title      text,
    origin             task_origin NOT NULL,
    requested_by       text NOT NULL,
    requested_date     timestamptz,           -- study_date as the request gave it
    requested_till     timestamptz,           -- save_till as the request gave it, NULL: the default
    till_was_cut       boolean NOT NULL DEFAULT false,
    status             task_status NOT NULL DEFAULT 'QUEUED',
    attempt            integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    crashes            integer NOT NULL DEFAULT 0 CHECK (crashes >= 0),  -- since it last came back by itself
    -- When a worker may take the task: a queued one's turn, or the end of a running one's lease.
    due_at             timestamptz DEFAULT now(),
    search_until       timestamptz NOT NULL,
    lease_token        uuid,
    worker_id          uuid,
    study_instance_uid text,                  -- the original: never leaves this table
    study_date         timestamptz,           -- of the study that was found
    modalities         text[] NOT NULL DEFAULT '{}',
    received           integer NOT NULL DEFAULT 0 CHECK (received >= 0),
    expected           integer CHECK (expected >= 0),
    left_out           jsonb NOT NULL DEFAULT '[]',
    error_code         text,
    error_text         jsonb,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    finished_at        timestamptz,
    CONSTRAINT tasks_waiting_are_due CHECK (
        (due_at IS NOT NULL) = (status IN ('QUEUED', 'SEARCHING', 'RETRIEVING', 'PROCESSING', 'UPLOADING'))),
    CONSTRAINT tasks_running_are_leased CHECK (
        (lease_token IS NOT NULL) = (status IN ('SEARCHING', 'RETRIEVING', 'PROCESSING', 'UPLOADING'))),
    CONSTRAINT tasks_failed_say_why CHECK (status <> 'FAILED' OR error_code IS NOT NULL),
    CONSTRAINT tasks_error_has_words CHECK ((error_code IS NULL) = (error_text IS NULL))
);
-- Two requests for one study, however close together, are one task.
CREATE UNIQUE INDEX tasks_one_in_progress ON tasks (clinic_code, accession_number, patient_id)
    WHERE status IN ('QUEUED', 'SEARCHING', 'RETRIEVING', 'PROCESSING', 'UPLOADING', 'NEEDS_REVIEW');
CREATE INDEX tasks_due ON tasks (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX tasks_newest ON tasks (created_at DESC, task_id);
CREATE INDEX tasks_accession ON tasks (accession_number, created_at DESC);

CREATE TABLE manual_requests (
    request_id       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id          uuid NOT NULL REFERENCES users,
    clinic_code      text NOT NULL,
    patient_id       text NOT NULL,
    accession_number text NOT NULL,
    task_id          uuid NOT NULL REFERENCES tasks,
    created_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX manual_requests_task ON manual_requests (task_id);

-- Every object that may exist in the store, written down before it is sent there.
CREATE TABLE stored_objects (
    object_key text PRIMARY KEY,
    task_id    uuid NOT NULL REFERENCES tasks,
    created_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);
CREATE INDEX stored_objects_kept ON stored_objects (created_at) WHERE deleted_at IS NULL;

CREATE TABLE published_studies (
    study_id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    task_id          uuid NOT NULL UNIQUE REFERENCES tasks,
    clinic_code      text NOT NULL,
    patient_id       text NOT NULL,
    accession_number text NOT NULL,
    emk_record_id    text,
    service_title    text,
    state            study_state NOT NULL DEFAULT 'LIVE',
    token            text NOT NULL CHECK (length(token) >= 22),
    token_sha256     bytea NOT NULL UNIQUE CHECK (octet_length(token_sha256) = 32),
    object_key       text NOT NULL UNIQUE REFERENCES stored_objects,
    size             bigint NOT NULL CHECK (size > 0),
    sha256           bytea NOT NULL CHECK (octet_length(sha256) = 32),
    instances        integer NOT NULL CHECK (instances > 0),
    left_out         integer NOT NULL CHECK (left_out >= 0),
    modalities       text[] NOT NULL,
    profile          text NOT NULL,
    study_date       timestamptz,
    upload_date      timestamptz NOT NULL DEFAULT now(),
    save_till        timestamptz NOT NULL,
    closed_at        timestamptz,
    CONSTRAINT published_studies_closed_at CHECK ((state = 'LIVE') = (closed_at IS NULL))
);
CREATE UNIQUE INDEX published_studies_one_live ON published_studies (clinic_code, accession_number, patient_id)
    WHERE state = 'LIVE';
CREATE INDEX published_studies_till ON published_studies (save_till) WHERE state = 'LIVE';
CREATE INDEX published_studies_newest ON published_studies (upload_date DESC, study_id);

CREATE TABLE audit_log (
    entry     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL,
    actor     text NOT NULL,
    action    text NOT NULL,
    subject   text NOT NULL,
    details   jsonb NOT NULL,
    previous  bytea NOT NULL,
    hash      bytea NOT NULL UNIQUE
);

-- What an entry's hash is taken over: the hash before it and everything it says.
CREATE FUNCTION audit_hash(previous bytea, at timestamptz, actor text, action text, subject text, details jsonb)
RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(previous || convert_to(
        jsonb_build_array(extract(epoch FROM at), actor, action, subject, details)::text, 'UTF8'))
$$;

-- Appends one entry; the lock makes the chain one chain.
CREATE FUNCTION audit_append(actor text, action text, subject text, details jsonb)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    before bytea;
    moment timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(7305316);
    SELECT a.hash INTO before FROM audit_log a ORDER BY a.entry DESC LIMIT 1;
    before := coalesce(before, '\x00'::bytea);
    moment := clock_timestamp();
    INSERT INTO audit_log (at, actor, action, subject, details, previous, hash)
    VALUES (moment, actor, action, subject, details, before,
            audit_hash(before, moment, actor, action, subject, details));
END
$$;

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is only appended to';
END
$$;
CREATE TRIGGER audit_log_rows BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_log_table BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

-- What is to be told to others: a row a message, written by the change of state that it tells of, in its transaction.

ALTER TABLE api_keys
    ADD COLUMN callback_url text CHECK (callback_url ~ '^https?://' AND length(callback_url) <= 2048),
    ADD COLUMN callback_secret text CHECK (callback_secret LIKE 'whsec_%'),
    ADD CONSTRAINT api_keys_callback_has_secret CHECK ((callback_url IS NULL) = (callback_secret IS NULL));

CREATE TYPE message_kind AS ENUM ('webhook', 'email', 'sms', 'fhir');
CREATE TYPE message_state AS ENUM ('held', 'pending', 'sent', 'failed');

CREATE TABLE outbox (
    message_id  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    number      bigint GENERATED ALWAYS AS IDENTITY,  -- what came before is told before
    task_id     uuid NOT NULL REFERENCES tasks ON DELETE CASCADE,
    event_id    bigint NOT NULL REFERENCES task_events ON DELETE CASCADE,
    status      task_status NOT NULL,      -- what the task became
    kind        message_kind NOT NULL,
    target      text NOT NULL,             -- who takes it: a key's identifier, or the way that its kind goes
    key_id      text REFERENCES api_keys,  -- of a webhook
    state       message_state NOT NULL DEFAULT 'pending',
    attempt     integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    -- When it may be taken: its turn, or the end of the lease of whoever has it.
    due_at      timestamptz DEFAULT now(),
    lease_token uuid,
    tried_since timestamptz NOT NULL DEFAULT now(),  -- it is given up a day later
    error_code  text,
    error_text  jsonb,
    created_at  timestamptz NOT NULL DEFAULT now(),
    sent_at     timestamptz,               -- the last time that it was taken
    CONSTRAINT outbox_once UNIQUE (event_id, kind, target),
    CONSTRAINT outbox_pending_are_due CHECK ((due_at IS NOT NULL) = (state = 'pending')),
    CONSTRAINT outbox_only_pending_are_leased CHECK (lease_token IS NULL OR state = 'pending'),
    CONSTRAINT outbox_webhooks_have_keys CHECK ((kind = 'webhook') = (key_id IS NOT NULL)),
    CONSTRAINT outbox_failed_say_why CHECK (state <> 'failed' OR error_code IS NOT NULL),
    CONSTRAINT outbox_error_has_words CHECK ((error_code IS NULL) = (error_text IS NULL))
);
CREATE INDEX outbox_due ON outbox (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX outbox_task ON outbox (task_id, number);
CREATE INDEX outbox_newest ON outbox (created_at DESC, message_id DESC);

-- What a task became by a step, where others are told of that.
CREATE FUNCTION told_status(kind text) RETURNS task_status LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE kind
        WHEN 'published' THEN 'COMPLETED'
        WHEN 'held' THEN 'NEEDS_REVIEW'
        WHEN 'failed' THEN 'FAILED'
        WHEN 'cancelled' THEN 'CANCELLED'
        WHEN 'withdrawn' THEN 'CANCELLED'
        WHEN 'expired' THEN 'EXPIRED'
    END::task_status
$$;

-- Every program of the clinic that wants to be called is, whoever asked for the study.
CREATE FUNCTION tell_programs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO outbox (task_id, event_id, status, kind, target, key_id)
    SELECT NEW.task_id, NEW.event_id, told_status(NEW.kind), 'webhook', k.key_id, k.key_id
    FROM tasks t JOIN api_keys k USING (clinic_code)
    WHERE t.task_id = NEW.task_id AND k.callback_url IS NOT NULL AND k.revoked_at IS NULL;
    RETURN NULL;
END
$$;
CREATE TRIGGER task_events_tell_programs AFTER INSERT ON task_events FOR EACH ROW
    WHEN (told_status(NEW.kind) IS NOT NULL) EXECUTE FUNCTION tell_programs();

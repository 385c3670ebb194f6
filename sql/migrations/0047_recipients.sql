-- Where patients are written to: never longer than a link is open, and nowhere else.

CREATE TABLE recipients (
    task_id uuid PRIMARY KEY REFERENCES tasks ON DELETE CASCADE,
    email   text CHECK (length(email) BETWEEN 3 AND 254),
    phone   text CHECK (phone ~ '^\+[0-9]{10,15}$'),
    wait    interval,                      -- from the publication on; NULL: until a person lets it go
    CONSTRAINT recipients_have_an_address CHECK (email IS NOT NULL OR phone IS NOT NULL)
);
CREATE INDEX recipients_email ON recipients (email);
CREATE INDEX recipients_phone ON recipients (phone);

ALTER TABLE outbox ADD COLUMN times integer NOT NULL DEFAULT 0 CHECK (times >= 0);  -- that it was taken

-- A link is open: whoever it is for is written to, by each way that is known.
CREATE FUNCTION tell_patient() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO outbox (task_id, event_id, status, kind, target, state, due_at, tried_since)
    SELECT NEW.task_id, NEW.event_id, 'COMPLETED', way.kind, way.kind::text,
           CASE WHEN r.wait IS NULL THEN 'held' ELSE 'pending' END::message_state,
           now() + r.wait, now() + coalesce(r.wait, '0')
    FROM recipients r CROSS JOIN LATERAL (VALUES ('email'::message_kind, r.email), ('sms', r.phone)) way (kind, address)
    WHERE r.task_id = NEW.task_id AND way.address IS NOT NULL;
    RETURN NULL;
END
$$;
CREATE TRIGGER task_events_tell_patient AFTER INSERT ON task_events FOR EACH ROW
    WHEN (NEW.kind = 'published') EXECUTE FUNCTION tell_patient();

-- There is no link, or none any more: the addresses go, and what was not sent yet is not sent.
CREATE FUNCTION forget_recipient() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM recipients WHERE task_id = NEW.task_id;
    DELETE FROM outbox WHERE task_id = NEW.task_id AND kind <> 'webhook' AND state IN ('held', 'pending');
    RETURN NULL;
END
$$;
CREATE TRIGGER task_events_forget_recipient AFTER INSERT ON task_events FOR EACH ROW
    WHEN (NEW.kind IN ('cancelled', 'withdrawn', 'expired')) EXECUTE FUNCTION forget_recipient();

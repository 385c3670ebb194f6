-- What has happened to a task, one row a step: written by the change of state itself, so that none is forgotten.

CREATE TABLE task_events (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id  uuid NOT NULL REFERENCES tasks ON DELETE CASCADE,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind     text NOT NULL,
    details  jsonb NOT NULL DEFAULT '{}',     -- numbers and codes, no identifiers
    sentence jsonb                            -- what a person is told, where something is in the way
);
CREATE INDEX task_events_task ON task_events (task_id, event_id);
CREATE INDEX task_events_newest ON task_events (at) WHERE kind IN ('found', 'postponed', 'failed');

-- What a change of state is called.
CREATE FUNCTION task_event_kind(before task_status, after task_status) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN before IS NULL THEN 'queued'
        WHEN after = 'QUEUED' AND before = 'NEEDS_REVIEW' THEN 'decided'
        WHEN after = 'QUEUED' AND before IN ('FAILED', 'CANCELLED') THEN 'again'
        WHEN after = 'CANCELLED' AND before = 'COMPLETED' THEN 'withdrawn'
        ELSE CASE after
            WHEN 'QUEUED' THEN 'postponed'
            WHEN 'SEARCHING' THEN 'claimed'
            WHEN 'RETRIEVING' THEN 'found'
            WHEN 'PROCESSING' THEN 'received'
            WHEN 'UPLOADING' THEN 'prepared'
            WHEN 'COMPLETED' THEN 'published'
            WHEN 'NEEDS_REVIEW' THEN 'held'
            ELSE lower(after::text)
        END
    END
$$;

-- What is worth telling of it.
CREATE FUNCTION task_event_details(kind text, before tasks, after tasks) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_strip_nulls(CASE kind
        WHEN 'queued' THEN jsonb_build_object('origin', after.origin)
        WHEN 'claimed' THEN jsonb_build_object('attempt', after.attempt, 'taken_over', before.lease_token IS NOT NULL)
        WHEN 'found' THEN jsonb_build_object('expected', after.expected, 'modalities', to_jsonb(after.modalities))
        WHEN 'received' THEN jsonb_build_object('received', after.received, 'expected', after.expected)
        WHEN 'prepared' THEN jsonb_build_object('covered', after.covered, 'faces', after.faces, 'left_out',
            (SELECT sum((g ->> 'count')::integer) FROM jsonb_array_elements(after.left_out) g))
        WHEN 'decided' THEN
            (SELECT jsonb_object_agg(d.decision, d.number) FROM (
                SELECT h.decision, sum(h.instances) AS number FROM held_instances h
                WHERE h.task_id = after.task_id AND h.decision IS NOT NULL GROUP BY h.decision) d)
        WHEN 'postponed' THEN jsonb_build_object('code', after.error_code, 'due_at', after.due_at,
                                                 'received', nullif(after.received, 0), 'expected', after.expected)
        WHEN 'failed' THEN jsonb_build_object('code', after.error_code, 'received', nullif(after.received, 0),
                                              'expected', after.expected)
    END), '{}')
$$;

CREATE FUNCTION note_task_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kind text := task_event_kind(CASE WHEN TG_OP = 'UPDATE' THEN OLD.status END, NEW.status);
BEGIN
    INSERT INTO task_events (task_id, kind, details, sentence)
    VALUES (NEW.task_id, kind, task_event_details(kind, OLD, NEW),
            CASE WHEN kind IN ('postponed', 'failed') THEN NEW.error_text END);
    RETURN NULL;
END
$$;
CREATE TRIGGER tasks_begin AFTER INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION note_task_event();
-- A worker that takes a task over from a dead one leaves the state as it is, and has a lease of its own.
CREATE TRIGGER tasks_go_on AFTER UPDATE ON tasks FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status
          OR (NEW.status = 'SEARCHING' AND OLD.lease_token IS DISTINCT FROM NEW.lease_token))
    EXECUTE FUNCTION note_task_event();

INSERT INTO task_events (task_id, at, kind, details)
SELECT task_id, created_at, 'queued', jsonb_build_object('origin', origin) FROM tasks ORDER BY created_at;

-- The queue is read from any place on, by state, by clinic.
DROP INDEX tasks_newest;
CREATE INDEX tasks_newest ON tasks (created_at DESC, task_id DESC);
ALTER TABLE tasks ADD COLUMN numbers text NOT NULL GENERATED ALWAYS AS
    (lower(accession_number || ' ' || patient_id)) STORED;
CREATE INDEX tasks_by_status ON tasks (status, created_at DESC);

-- What a doctor wrote, beside the images: an object of its own in the store, never in the archive.

CREATE TYPE report_state AS ENUM ('sending', 'attached', 'unneeded');

-- Written down before it is sent to the store, and gone when it is gone there.
CREATE TABLE reports (
    object_key text PRIMARY KEY,
    task_id    uuid NOT NULL REFERENCES tasks,
    state      report_state NOT NULL DEFAULT 'sending',
    size       bigint NOT NULL CHECK (size > 0),
    sha256     bytea NOT NULL CHECK (octet_length(sha256) = 32),
    pages      integer NOT NULL CHECK (pages > 0),
    unread     integer NOT NULL CHECK (unread BETWEEN 0 AND pages),  -- pages of which no text could be read
    clues      text[] NOT NULL,                                      -- kinds of what tells of the patient, no identifiers
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX reports_one_of_a_task ON reports (task_id) WHERE state = 'attached';
CREATE INDEX reports_of_task ON reports (task_id);

CREATE POLICY own_clinic ON reports USING ((SELECT sees_every_clinic())
    OR EXISTS (SELECT FROM tasks parent WHERE parent.task_id = reports.task_id));
ALTER TABLE reports ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

-- There is no link, or none any more: the report goes with it.
CREATE FUNCTION forget_report() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE reports SET state = 'unneeded' WHERE task_id = NEW.task_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER task_events_forget_report AFTER INSERT ON task_events FOR EACH ROW
    WHEN (NEW.kind IN ('cancelled', 'withdrawn', 'expired')) EXECUTE FUNCTION forget_report();

-- What a clinic's FHIR server is told of, by the same outbox: a publication as it stands, until it is no more.

CREATE TABLE fhir_pushes (
    clinic_code text PRIMARY KEY  -- has a server that is told, by the configuration
);

-- Whatever changes what an ImagingStudy says: the link is there, asks for a PIN, or is closed.
CREATE FUNCTION tell_fhir_server() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO outbox (task_id, event_id, status, kind, target)
    SELECT NEW.task_id, NEW.event_id, t.status, 'fhir', 'fhir:' || t.clinic_code
    FROM tasks t JOIN fhir_pushes USING (clinic_code) WHERE t.task_id = NEW.task_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER task_events_tell_fhir_server AFTER INSERT ON task_events FOR EACH ROW
    WHEN (NEW.kind IN ('published', 'pin_set', 'pin_removed', 'withdrawn', 'expired'))
    EXECUTE FUNCTION tell_fhir_server();

-- What others than the patient are told stays.
CREATE OR REPLACE FUNCTION forget_recipient() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM recipients WHERE task_id = NEW.task_id;
    DELETE FROM outbox WHERE task_id = NEW.task_id AND kind IN ('email', 'sms') AND state IN ('held', 'pending');
    RETURN NULL;
END
$$;

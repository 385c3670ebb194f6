-- A key belongs to one clinic, or, without a code, to every one.
ALTER TABLE api_keys ALTER COLUMN clinic_code DROP NOT NULL;

-- Whoever asked for the study, and whatever they see: a key of every clinic is none that a clinic sees.
CREATE OR REPLACE FUNCTION tell_programs() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    seen text := coalesce(current_setting('studypub.clinics', true), '');
BEGIN
    PERFORM set_config('studypub.clinics', '*', true);
    INSERT INTO outbox (task_id, event_id, status, kind, target, key_id)
    SELECT NEW.task_id, NEW.event_id, told_status(NEW.kind), 'webhook', k.key_id, k.key_id
    FROM tasks t JOIN api_keys k ON k.clinic_code IS NULL OR k.clinic_code = t.clinic_code
    WHERE t.task_id = NEW.task_id AND k.callback_url IS NOT NULL AND k.revoked_at IS NULL;
    PERFORM set_config('studypub.clinics', seen, true);
    RETURN NULL;
END
$$;

-- Clinics that an administrator has set; they stand before those of the configuration file. `document` is a clinic as
-- the file would say it, without its secrets, which stay in the file.

CREATE TABLE clinics (
    code text PRIMARY KEY CHECK (code ~ '^[A-Za-z0-9_.-]{1,64}$'),
    document jsonb NOT NULL CHECK (jsonb_typeof(document) = 'object'),
    changed_at timestamptz NOT NULL DEFAULT now(),
    changed_by text NOT NULL
);

-- Only whoever sees every clinic: the settings of one's own are not one's own to change.
CREATE POLICY own_clinic ON clinics USING ((SELECT sees_every_clinic()));
ALTER TABLE clinics ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

-- Every daemon on this database hears of it.
CREATE FUNCTION tell_of_clinics() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('studypub_clinics', '');
    RETURN NULL;
END
$$;
CREATE TRIGGER clinics_changed AFTER INSERT OR UPDATE OR DELETE ON clinics FOR EACH STATEMENT
    EXECUTE FUNCTION tell_of_clinics();

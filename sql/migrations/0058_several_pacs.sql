-- A PACS that takes no association, of a clinic that may have several: `pacs` says how many. The clinic's tasks wait
-- where all of them are away; else the others are asked. pacs_outages stays for the version before this one.
CREATE TABLE away_pacs (
    clinic_code text NOT NULL,
    ae_title    text NOT NULL,
    since       timestamptz NOT NULL DEFAULT now(),
    probe_at    timestamptz NOT NULL,          -- when it is asked next whether it is back
    pacs        integer NOT NULL CHECK (pacs >= 1),
    PRIMARY KEY (clinic_code, ae_title)
);

CREATE POLICY own_clinic ON away_pacs USING ((SELECT sees_every_clinic())
    OR clinic_code = ANY ((SELECT seen_clinics())::text[]));
ALTER TABLE away_pacs ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

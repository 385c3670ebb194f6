-- name: lock_clinics
-- One change of the clinics at a time: what it was decided by is still so when it is written down.
SELECT pg_advisory_xact_lock(7305317);

-- name: kept_clinics
-- The clinics that stand before the configuration file's.
SELECT code, document, changed_at, changed_by FROM clinics ORDER BY code;

-- name: keep_clinic
-- Lets a clinic stand before the file's of the same code.
INSERT INTO clinics (code, document, changed_by) VALUES (%(clinic_code)s, %(document)s, %(actor)s)
ON CONFLICT (code) DO UPDATE
SET document = excluded.document, changed_at = now(), changed_by = excluded.changed_by;

-- name: give_clinic_back
-- Lets the file say again what a clinic is.
DELETE FROM clinics WHERE code = %(clinic_code)s;

-- name: things_of_clinic
-- How much of a clinic is in use: tasks under way, links that open, accounts and keys.
SELECT (SELECT count(*) FROM tasks WHERE clinic_code = %(clinic_code)s
            AND status IN ('QUEUED', 'SEARCHING', 'RETRIEVING', 'PROCESSING', 'UPLOADING', 'NEEDS_REVIEW')) AS tasks,
       (SELECT count(*) FROM published_studies WHERE clinic_code = %(clinic_code)s
            AND state = 'LIVE' AND save_till > now()) AS links,
       (SELECT count(*) FROM users WHERE clinic_code = %(clinic_code)s AND disabled_at IS NULL) AS accounts,
       (SELECT count(*) FROM api_keys WHERE clinic_code = %(clinic_code)s AND revoked_at IS NULL) AS keys;

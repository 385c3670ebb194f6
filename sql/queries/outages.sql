-- name: begin_outage
-- A clinic's PACS takes no association: since when; it is asked again after a pause.
INSERT INTO pacs_outages (clinic_code, probe_at) VALUES (%(clinic_code)s, now() + %(pause)s)
ON CONFLICT (clinic_code) DO UPDATE SET probe_at = excluded.probe_at
RETURNING since;

-- name: end_outage
-- It takes associations; a row comes back where it had not.
DELETE FROM pacs_outages WHERE clinic_code = %(clinic_code)s RETURNING clinic_code;

-- name: outages_to_probe
-- Those of these clinics whose PACS is to be asked now; whoever else looks finds them asked.
UPDATE pacs_outages SET probe_at = now() + %(pause)s
WHERE clinic_code = ANY(%(clinic_codes)s) AND probe_at <= now()
RETURNING clinic_code, since;

-- name: outages
-- The PACSes that are away.
SELECT clinic_code, since FROM pacs_outages ORDER BY since, clinic_code;

-- name: give_up_waiting
-- Ends the tasks of a clinic that have been due for so long and were not taken, since its PACS is away.
UPDATE tasks SET
    status = %(to)s, due_at = NULL, error_code = %(error_code)s, error_text = %(error_text)s, finished_at = now(),
    updated_at = now()
WHERE clinic_code = %(clinic_code)s AND status = %(from)s AND due_at < now() - %(patience)s::interval
RETURNING *;

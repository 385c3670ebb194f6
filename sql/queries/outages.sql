-- name: begin_outage
-- A PACS takes no association: since when; it is asked again after a pause. `pacs`: how many its clinic has.
INSERT INTO away_pacs (clinic_code, ae_title, probe_at, pacs)
VALUES (%(clinic_code)s, %(ae_title)s, now() + %(pause)s, %(pacs)s)
ON CONFLICT (clinic_code, ae_title) DO UPDATE SET probe_at = excluded.probe_at, pacs = excluded.pacs
RETURNING since;

-- name: end_outage
-- It takes associations; a row comes back where it had not.
DELETE FROM away_pacs WHERE clinic_code = %(clinic_code)s AND ae_title = %(ae_title)s RETURNING clinic_code;

-- name: outages_to_probe
-- Those of these PACS that are to be asked now; whoever else looks finds them asked.
UPDATE away_pacs a SET probe_at = now() + %(pause)s, pacs = p.pacs
FROM unnest(%(clinic_codes)s::text[], %(ae_titles)s::text[], %(pacs)s::integer[]) AS p (clinic_code, ae_title, pacs)
WHERE (a.clinic_code, a.ae_title) = (p.clinic_code, p.ae_title) AND a.probe_at <= now()
RETURNING a.clinic_code, a.ae_title, a.since;

-- name: outages
-- The PACSes that are away.
SELECT clinic_code, ae_title, since FROM away_pacs ORDER BY since, clinic_code, ae_title;

-- name: outages_now
-- The database's time, and the PACSes that are away: a row without one where there is none.
SELECT now() AS now, o.clinic_code, o.ae_title, o.since FROM (SELECT) AS one LEFT JOIN away_pacs o ON true
ORDER BY o.since, o.clinic_code, o.ae_title;

-- name: outages_looked_after
-- Those of a clinic that are away, as somebody who asks them again and again knows.
SELECT clinic_code, ae_title, since FROM away_pacs
WHERE clinic_code = %(clinic_code)s AND probe_at > now() - interval '1 minute';

-- name: give_up_waiting
-- Ends the tasks of a clinic that have been due for so long and were not taken, since all its PACS are away.
UPDATE tasks SET
    status = %(to)s, due_at = NULL, error_code = %(error_code)s, error_text = %(error_text)s, finished_at = now(),
    updated_at = now()
WHERE clinic_code = %(clinic_code)s AND status = %(from)s AND due_at < now() - %(patience)s::interval
    AND EXISTS (
        SELECT FROM away_pacs o WHERE o.clinic_code = %(clinic_code)s AND o.probe_at > now() - interval '1 minute'
        HAVING count(*) >= min(o.pacs))
RETURNING *;

-- name: lock_machines
-- One machine at a time takes its place.
SELECT pg_advisory_xact_lock(7305316);

-- name: machines_are_kept
-- Whether this database has them: one of an earlier version, or an empty one, has not.
SELECT to_regclass('public.machines') IS NOT NULL AS kept;

-- name: machines
-- Every machine that is known, in the order in which they were started.
SELECT machine_id, run, name, ae_title, place, version, settings, mark, obstacle, started_at, seen_at, left_at
FROM machines ORDER BY started_at, machine_id;

-- name: enter_machine
-- Takes a place, or takes it anew; what an earlier run has put into the storage is still there. One that had the same
-- AE title has been silent: should it wake, it finds its place given up.
WITH silent AS (
    UPDATE machines SET left_at = now()
    WHERE ae_title = %(ae_title)s AND machine_id <> %(machine_id)s AND left_at IS NULL)
INSERT INTO machines (machine_id, run, name, ae_title, place, version, settings)
VALUES (%(machine_id)s, %(run)s, %(name)s, %(ae_title)s, %(place)s, %(version)s, %(settings)s)
ON CONFLICT (machine_id) DO UPDATE SET
    run = excluded.run, name = excluded.name, ae_title = excluded.ae_title, place = excluded.place,
    version = excluded.version, settings = excluded.settings, obstacle = NULL, started_at = now(), seen_at = now(),
    left_at = NULL;

-- name: beat_machine
-- A sign of life; no row comes back where the place is another's, or was given up.
UPDATE machines SET seen_at = now(), obstacle = %(obstacle)s
WHERE machine_id = %(machine_id)s AND run = %(run)s AND left_at IS NULL
RETURNING machine_id;

-- name: mark_machine
-- What the machine has put into the storage; the mark of its run before comes back.
UPDATE machines m SET mark = %(mark)s
FROM (SELECT machine_id, mark FROM machines WHERE machine_id = %(machine_id)s) before
WHERE m.machine_id = before.machine_id AND m.run = %(run)s
RETURNING before.mark;

-- name: leave_machine
-- Gives the place up, and the duty with it.
WITH gone AS (
    UPDATE machines SET left_at = now() WHERE machine_id = %(machine_id)s AND run = %(run)s RETURNING machine_id)
DELETE FROM duty USING gone WHERE duty.machine_id = gone.machine_id;

-- name: take_duty
-- Does it, or goes on doing it, where nobody else does.
INSERT INTO duty (machine_id, until) VALUES (%(machine_id)s, now() + %(lease)s)
ON CONFLICT (single) DO UPDATE SET machine_id = excluded.machine_id, until = excluded.until
WHERE duty.machine_id = excluded.machine_id OR duty.until < now()
RETURNING machine_id;

-- name: on_duty
-- Who does what is to be done once for all.
SELECT machine_id FROM duty WHERE until > now();

-- name: forget_machines
-- Those that have been silent for so long do not come back; what they had put into the storage is told.
DELETE FROM machines WHERE seen_at < now() - %(age)s::interval RETURNING mark;

-- name: tasks_in_progress
-- How many tasks are in each state that is not an end, and for how long the oldest of them has been asked for.
SELECT status, count(*) AS tasks, now() - min(created_at) AS age FROM tasks
WHERE status IN ('QUEUED', 'SEARCHING', 'RETRIEVING', 'PROCESSING', 'UPLOADING', 'NEEDS_REVIEW')
GROUP BY status;

-- name: tasks_ended
-- How many tasks are in each state that is an end. Each is looked at, if only in an index: not for every asker.
SELECT status, count(*) AS tasks FROM tasks
WHERE status IN ('COMPLETED', 'FAILED', 'CANCELLED', 'EXPIRED')
GROUP BY status;

-- name: newest_audit_entry
-- For how long nothing has been written into the audit log; NULL where it is empty.
SELECT now() - max(at) AS age FROM (SELECT at FROM audit_log ORDER BY entry DESC LIMIT 1) newest;

-- name: wal_archiving
-- Whether archive_command failed more lately than it worked; a server that archives nothing has done neither.
SELECT last_failed_time > coalesce(last_archived_time, '-infinity') IS TRUE AS fails FROM pg_stat_archiver;

-- name: audit_check
-- What the newest check of the audit log's chain found.
SELECT now() - at AS age, last_entry, head, broken_entry FROM audit_check;

-- name: note_audit_check
-- Writes down what a check of the audit log's chain found.
INSERT INTO audit_check (last_entry, head, broken_entry) VALUES (%(last_entry)s, %(head)s, %(broken_entry)s)
ON CONFLICT (single) DO UPDATE SET
    at = now(), last_entry = excluded.last_entry, head = excluded.head, broken_entry = excluded.broken_entry;

-- name: events_of_attempt
-- The newest steps of a task, the newest first; of an attempt there are fewer.
SELECT at, kind, details FROM task_events WHERE task_id = %(task_id)s ORDER BY event_id DESC LIMIT 12;

-- name: failures_lately
-- How many tasks have failed for reasons that are not the asker's, and how many were published, for so long.
SELECT
    (SELECT count(*) FROM task_events WHERE kind = 'failed'
        AND at > now() - %(period)s::interval AND NOT details ->> 'code' = ANY(%(asked_wrongly)s)) AS failed,
    (SELECT count(*) FROM published_studies WHERE upload_date > now() - %(period)s::interval) AS published;

-- name: nothing_published
-- For how long nothing was published while somebody waits for it; NULL where nobody does.
SELECT now() - greatest(min(t.created_at), (SELECT max(upload_date) FROM published_studies)) AS wait
FROM tasks t WHERE t.status IN ('QUEUED', 'SEARCHING', 'RETRIEVING', 'PROCESSING', 'UPLOADING')
HAVING min(t.created_at) IS NOT NULL;

-- name: alerts
-- Every alert that stands, the oldest first.
SELECT kind, subject, since, facts, told_at, ended_at FROM alerts ORDER BY since, kind, subject;

-- name: keep_alert
-- Writes down how an alert stands.
INSERT INTO alerts (kind, subject, since, facts, told_at, ended_at)
VALUES (%(kind)s, %(subject)s, %(since)s, %(facts)s, %(told_at)s, %(ended_at)s)
ON CONFLICT (kind, subject) DO UPDATE SET
    since = excluded.since, facts = excluded.facts, told_at = excluded.told_at, ended_at = excluded.ended_at;

-- name: forget_alert
-- Nothing is wrong any more, and whoever knew of it was told so.
DELETE FROM alerts WHERE kind = %(kind)s AND subject = %(subject)s;

-- name: hold_instance
-- Keeps an instance for a person to look at; once decided, it stays decided.
INSERT INTO held_instances (task_id, uid, instances, reason, reason_text, thumbnail)
VALUES (%(task_id)s, %(uid)s, %(instances)s, %(reason)s, %(reason_text)s, %(thumbnail)s)
ON CONFLICT (task_id, uid) DO NOTHING;

-- name: hold_task
-- Sets a running task aside until somebody has looked.
UPDATE tasks SET
    status = %(to)s, due_at = NULL, lease_token = NULL, worker_id = NULL, attempt = 0, crashes = 0,
    error_code = NULL, error_text = NULL, updated_at = now()
WHERE task_id = %(task_id)s AND status = %(from)s AND lease_token = %(lease_token)s
RETURNING *;

-- name: release_task
-- Everything is decided: back to the queue, unless the task has moved on.
UPDATE tasks SET status = %(to)s, due_at = now(), updated_at = now()
WHERE task_id = %(task_id)s AND status = %(from)s
  AND NOT EXISTS (SELECT FROM held_instances h WHERE h.task_id = tasks.task_id AND h.decision IS NULL)
RETURNING *;

-- name: held_instances
-- What is held of a task, the undecided first.
SELECT held_id, uid, instances, reason, reason_text, decision, decided_by, thumbnail IS NOT NULL AS has_thumbnail
FROM held_instances WHERE task_id = %(task_id)s
ORDER BY decision IS NOT NULL, held_at, held_id;

-- name: held_thumbnail
-- The small picture of a held instance, where the asker may see its clinic (NULL: every clinic).
SELECT h.thumbnail FROM held_instances h JOIN tasks t USING (task_id)
WHERE h.held_id = %(held_id)s AND (%(clinic_code)s::text IS NULL OR t.clinic_code = %(clinic_code)s);

-- name: decide_held
-- A person has decided about these instances of a task; their pictures are forgotten.
UPDATE held_instances SET decision = %(decision)s, decided_by = %(actor)s, decided_at = now(), thumbnail = NULL
WHERE task_id = %(task_id)s AND held_id = ANY(%(held_ids)s) AND decision IS NULL
RETURNING held_id;

-- name: forget_thumbnails
-- Pictures of tasks that are not waiting for a person any more.
UPDATE held_instances SET decision = 'leave_out', decided_by = 'system', decided_at = now(), thumbnail = NULL
WHERE decision IS NULL
  AND task_id IN (SELECT task_id FROM tasks WHERE status IN ('COMPLETED', 'FAILED', 'CANCELLED', 'EXPIRED'));

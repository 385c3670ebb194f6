-- name: queue_older
-- The tasks that follow a place in the queue, newest first.
SELECT t.*, s.study_id, s.token, s.size, s.state AS study_state, s.save_till, s.upload_date
FROM tasks t LEFT JOIN published_studies s USING (task_id)
WHERE (t.created_at, t.task_id) < (%(after)s::timestamptz, %(after_id)s::uuid)
  AND (%(clinic_code)s::text IS NULL OR t.clinic_code = %(clinic_code)s)
  AND t.status = ANY(%(statuses)s::task_status[]) AND t.origin = ANY(%(origins)s::task_origin[])
  AND (%(few)s::uuid[] IS NULL OR t.task_id = ANY(%(few)s))
  AND strpos(t.numbers, %(text)s) > 0
  AND (%(text)s = '' OR %(few)s::uuid[] IS NOT NULL OR pieces(t.numbers) @> pieces(%(text)s))
ORDER BY t.created_at DESC, t.task_id DESC
LIMIT %(limit)s;

-- name: queue_newer
-- The tasks that precede a place in the queue, the nearest first.
SELECT t.*, s.study_id, s.token, s.size, s.state AS study_state, s.save_till, s.upload_date
FROM tasks t LEFT JOIN published_studies s USING (task_id)
WHERE (t.created_at, t.task_id) > (%(after)s::timestamptz, %(after_id)s::uuid)
  AND (%(clinic_code)s::text IS NULL OR t.clinic_code = %(clinic_code)s)
  AND t.status = ANY(%(statuses)s::task_status[]) AND t.origin = ANY(%(origins)s::task_origin[])
  AND (%(few)s::uuid[] IS NULL OR t.task_id = ANY(%(few)s))
  AND strpos(t.numbers, %(text)s) > 0
  AND (%(text)s = '' OR %(few)s::uuid[] IS NOT NULL OR pieces(t.numbers) @> pieces(%(text)s))
ORDER BY t.created_at, t.task_id
LIMIT %(limit)s;

-- name: few_tasks
-- Those whose numbers hold all these texts, or that are in these states, of the clinics that the asker sees; NULL where
-- they are more than that, or nothing of that kind is asked.
SELECT few_tasks(%(texts)s, %(statuses)s::task_status[], %(most)s) AS few;

-- name: task_events
-- What has happened to a task, in order, and who did it; of a key, its name.
SELECT e.at, e.kind, e.details, e.sentence, a.actor, k.name AS key_name
FROM task_events e
JOIN tasks t USING (task_id)
CROSS JOIN LATERAL (SELECT CASE e.kind WHEN 'queued' THEN t.requested_by ELSE e.actor END AS actor) a
LEFT JOIN api_keys k ON a.actor = 'key:' || k.key_id
WHERE e.task_id = %(task_id)s
ORDER BY e.event_id;

-- name: add_task_event
-- A step that changes no state.
INSERT INTO task_events (task_id, kind, details) VALUES (%(task_id)s, %(kind)s, %(details)s);

-- name: queue_line
-- One task, where the asker may see its clinic (NULL: every clinic).
SELECT t.*, s.study_id, s.token, s.size, s.state AS study_state, s.save_till, s.upload_date
FROM tasks t LEFT JOIN published_studies s USING (task_id)
WHERE t.task_id = %(task_id)s AND (%(clinic_code)s::text IS NULL OR t.clinic_code = %(clinic_code)s);

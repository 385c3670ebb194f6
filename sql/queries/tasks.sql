-- name: queue_task
-- Queues a request, unless the same study is in progress already: then no row comes back.
INSERT INTO tasks (clinic_code, patient_id, accession_number, emk_record_id, service_code, service_title, origin,
                   requested_by, requested_date, requested_till, till_was_cut, chosen_study_uid, search_until, pin_hash,
                   archive_format)
VALUES (%(clinic_code)s, %(patient_id)s, %(accession_number)s, %(emk_record_id)s, %(service_code)s,
        %(service_title)s, %(origin)s, %(requested_by)s, %(requested_date)s, %(requested_till)s, %(till_was_cut)s,
        %(chosen_study_uid)s, now() + %(search_time)s, %(pin_hash)s, %(archive_format)s)
ON CONFLICT (clinic_code, accession_number, patient_id)
    WHERE status IN ('QUEUED', 'SEARCHING', 'RETRIEVING', 'PROCESSING', 'UPLOADING', 'NEEDS_REVIEW')
    DO NOTHING
RETURNING *;

-- name: standing
-- How a study stands: the task that is working on it, whether it is published, and where it is neither, whether the clinic
-- has `most` tasks in progress, or more (NULL: nobody counts). In one look, so that a task which completes meanwhile is
-- seen as the one or the other.
SELECT t.*, s.study_id IS NOT NULL AS is_live,
    t.task_id IS NULL AND s.study_id IS NULL AND %(most)s::bigint IS NOT NULL AND EXISTS (
        SELECT FROM tasks
        WHERE clinic_code = %(clinic_code)s
          AND status IN ('QUEUED', 'SEARCHING', 'RETRIEVING', 'PROCESSING', 'UPLOADING', 'NEEDS_REVIEW')
        OFFSET %(most)s::bigint - 1 LIMIT 1) AS is_full
FROM (SELECT) AS one
LEFT JOIN tasks t
    ON t.clinic_code = %(clinic_code)s AND t.accession_number = %(accession_number)s AND t.patient_id = %(patient_id)s
    AND t.status IN ('QUEUED', 'SEARCHING', 'RETRIEVING', 'PROCESSING', 'UPLOADING', 'NEEDS_REVIEW')
LEFT JOIN published_studies s
    ON s.clinic_code = %(clinic_code)s AND s.accession_number = %(accession_number)s AND s.patient_id = %(patient_id)s
    AND s.state = 'LIVE' AND s.save_till > now();

-- name: set_pin_of_task
-- The PIN of the publication that a task in progress will make.
UPDATE tasks SET pin_hash = %(pin_hash)s
WHERE task_id = %(task_id)s
  AND status IN ('QUEUED', 'SEARCHING', 'RETRIEVING', 'PROCESSING', 'UPLOADING', 'NEEDS_REVIEW')
RETURNING task_id;

-- name: set_till_of_task
-- Until when what a task has published, or will publish, is kept.
UPDATE tasks SET requested_till = %(till)s, till_was_cut = %(cut)s
WHERE task_id = %(task_id)s AND (status = 'COMPLETED'
    OR status IN ('QUEUED', 'SEARCHING', 'RETRIEVING', 'PROCESSING', 'UPLOADING', 'NEEDS_REVIEW'))
RETURNING *;

-- name: till_of_task
-- Until when a task's publication is to be kept; it stays so until this transaction ends.
SELECT requested_till FROM tasks WHERE task_id = %(task_id)s FOR UPDATE;

-- name: wake_workers
-- Hastens the workers; they would find the task by polling as well.
SELECT pg_notify('studypub_tasks', '');

-- name: task
-- One task, where the asker may see its clinic (NULL: every clinic).
SELECT * FROM tasks
WHERE task_id = %(task_id)s AND (%(clinic_code)s::text IS NULL OR clinic_code = %(clinic_code)s);

-- name: newest_task_of_accession
-- The newest task of an accession number.
SELECT * FROM tasks
WHERE accession_number = %(accession_number)s AND (%(clinic_code)s::text IS NULL OR clinic_code = %(clinic_code)s)
ORDER BY created_at DESC, task_id
LIMIT 1;

-- name: earlier_request
-- How this study was asked for the last time; the PIN and the date of its publication are those that count.
SELECT t.emk_record_id, t.service_code, t.service_title, t.requested_date AS study_date,
       t.archive_format,
       coalesce(s.save_till, t.requested_till) AS till,
       CASE WHEN s.study_id IS NULL THEN t.pin_hash ELSE s.pin_hash END AS pin_hash
FROM tasks t LEFT JOIN published_studies s USING (task_id)
WHERE t.clinic_code = %(clinic_code)s AND t.accession_number = %(accession_number)s
  AND t.patient_id = %(patient_id)s
ORDER BY t.created_at DESC, t.task_id
LIMIT 1;

-- name: count_by_status
-- How many tasks are in each state.
SELECT status, count(*) AS tasks FROM tasks GROUP BY status;

-- name: longest_wait
-- For how long the task that has been due for longest has waited; NULL where none is due.
SELECT now() - min(due_at) AS wait FROM tasks WHERE due_at <= now();

-- name: claim_task
-- Takes the task that has been due for longest, of the first clinic in the rota that has one; then of whichever clinic.
-- The attempt is counted here, so that one that ends its process counts; a task that is still running has lost its
-- worker. Those whose PACS are all away wait, as long as somebody asks again and again: an outage that nobody looks after
-- holds nothing.
UPDATE tasks SET
    status = 'SEARCHING', attempt = attempt + 1, crashes = crashes + (status <> 'QUEUED')::integer,
    worker_id = %(worker_id)s, lease_token = gen_random_uuid(), due_at = now() + %(lease)s, received = 0,
    received_bytes = 0, updated_at = now()
WHERE task_id = (
    SELECT due.task_id FROM (
        SELECT longest.task_id FROM unnest(%(rota)s::text[]) AS turn (clinic_code) CROSS JOIN LATERAL (
            SELECT t.task_id FROM tasks t
            WHERE t.clinic_code = turn.clinic_code AND t.due_at <= now() AND (t.status <> 'QUEUED' OR NOT EXISTS (
                SELECT FROM away_pacs o
                WHERE o.clinic_code = t.clinic_code AND o.probe_at > now() - interval '1 minute'
                HAVING count(*) >= min(o.pacs)))
            ORDER BY t.due_at LIMIT 1 FOR UPDATE OF t SKIP LOCKED) longest
        UNION ALL
        SELECT longest.task_id FROM (
            SELECT t.task_id FROM tasks t
            WHERE t.due_at <= now() AND (t.status <> 'QUEUED' OR NOT EXISTS (
                SELECT FROM away_pacs o
                WHERE o.clinic_code = t.clinic_code AND o.probe_at > now() - interval '1 minute'
                HAVING count(*) >= min(o.pacs)))
            ORDER BY t.due_at LIMIT 1 FOR UPDATE OF t SKIP LOCKED) longest) due
    LIMIT 1)
RETURNING *;

-- name: take_back_tasks
-- Ends the leases that an earlier process of this daemon left: it is dead, since its folder's lock is ours.
UPDATE tasks SET due_at = now(), updated_at = now()
WHERE worker_id = %(worker_id)s AND lease_token IS NOT NULL AND due_at > now();

-- name: extend_lease
-- The heartbeat: keeps the task and tells how much has arrived.
UPDATE tasks SET due_at = now() + %(lease)s, received = greatest(received, %(received)s),
    received_bytes = greatest(received_bytes, %(received_bytes)s), updated_at = now()
WHERE task_id = %(task_id)s AND lease_token = %(lease_token)s
RETURNING task_id;

-- name: advance_task
-- Moves a running task one step on; NULL leaves a fact as it is.
UPDATE tasks SET
    status = %(to)s, updated_at = now(),
    study_instance_uid = coalesce(%(study_instance_uid)s, study_instance_uid),
    study_date = coalesce(%(study_date)s, study_date),
    modalities = coalesce(%(modalities)s, modalities),
    expected = coalesce(%(expected)s, expected),
    received = coalesce(%(received)s, received),
    left_out = coalesce(%(left_out)s, left_out),
    covered = coalesce(%(covered)s, covered),
    faces = coalesce(%(faces)s, faces),
    error_code = NULL, error_text = NULL
WHERE task_id = %(task_id)s AND status = %(from)s AND lease_token = %(lease_token)s
RETURNING *;

-- name: postpone_task
-- Gives a running task back to the queue for later, saying why; `attempts` and `crashes` are what its counts become.
UPDATE tasks SET
    status = 'QUEUED', due_at = now() + %(delay)s, attempt = %(attempts)s,
    crashes = %(crashes)s, lease_token = NULL, worker_id = NULL, error_code = %(error_code)s,
    error_text = %(error_text)s, updated_at = now()
WHERE task_id = %(task_id)s AND status = %(from)s AND lease_token = %(lease_token)s
RETURNING *;

-- name: note_received
-- Writes down what a running task has received in the end.
UPDATE tasks SET received = %(received)s, received_bytes = %(received_bytes)s
WHERE task_id = %(task_id)s AND lease_token = %(lease_token)s
RETURNING task_id;

-- name: note_left_out
-- Writes down what of a running task cannot be published.
UPDATE tasks SET left_out = %(left_out)s, updated_at = now()
WHERE task_id = %(task_id)s AND lease_token = %(lease_token)s
RETURNING task_id;

-- name: end_task
-- Ends a running task.
UPDATE tasks SET
    status = %(to)s, due_at = NULL, lease_token = NULL, worker_id = NULL,
    error_code = %(error_code)s, error_text = %(error_text)s, finished_at = now(), updated_at = now()
WHERE task_id = %(task_id)s AND status = %(from)s AND lease_token = %(lease_token)s
RETURNING *;

-- name: cancel_task
-- Cancels a task that has not ended, whatever step it takes at this moment; its worker finds its lease gone and drops
-- the result.
UPDATE tasks SET
    status = 'CANCELLED', due_at = NULL, lease_token = NULL, worker_id = NULL, finished_at = now(), updated_at = now()
WHERE task_id = %(task_id)s AND status IN
    ('QUEUED', 'SEARCHING', 'RETRIEVING', 'PROCESSING', 'UPLOADING', 'NEEDS_REVIEW')
RETURNING *;

-- name: requeue_task
-- Queues an ended task once more, from the start.
UPDATE tasks SET
    status = 'QUEUED', due_at = now(), attempt = 0, crashes = 0, left_out = '[]', covered = 0, faces = 0,
    received = 0, received_bytes = 0, expected = NULL, partial_reason = %(partial_reason)s,
    error_code = NULL, error_text = NULL, finished_at = NULL, search_until = now() + %(search_time)s,
    updated_at = now()
WHERE task_id = %(task_id)s AND status = %(from)s
RETURNING *;

-- name: close_task_of_study
-- A publication has ended: its task says so too.
UPDATE tasks SET status = %(to)s, updated_at = now()
WHERE task_id = %(task_id)s AND status = 'COMPLETED'
RETURNING task_id;

-- name: add_manual_request
-- Writes down who asked by the form, whether or not the task is new.
INSERT INTO manual_requests (user_id, clinic_code, patient_id, accession_number, task_id)
VALUES (%(user_id)s, %(clinic_code)s, %(patient_id)s, %(accession_number)s, %(task_id)s);

-- name: add_report
-- Writes down a report before it is sent to the store, so that it cannot be forgotten there.
INSERT INTO reports (object_key, task_id, size, sha256, pages, unread, clues)
VALUES (%(object_key)s, %(task_id)s, %(size)s, %(sha256)s, %(pages)s, %(unread)s, %(clues)s);

-- name: hold_for_report
-- A task that has a link, or may come to one, where the asker sees its clinic (NULL: every clinic); it does not end
-- before this transaction does.
SELECT * FROM tasks
WHERE task_id = %(task_id)s AND (%(clinic_code)s::text IS NULL OR clinic_code = %(clinic_code)s)
  AND (status = 'COMPLETED' OR status = 'FAILED'
    OR status IN ('QUEUED', 'SEARCHING', 'RETRIEVING', 'PROCESSING', 'UPLOADING', 'NEEDS_REVIEW'))
  AND NOT EXISTS (
      SELECT FROM published_studies s
      WHERE s.task_id = tasks.task_id AND (s.state <> 'LIVE' OR s.save_till <= now()))
FOR UPDATE;

-- name: detach_report
-- What was attached to a task is not needed any more.
UPDATE reports SET state = 'unneeded' WHERE task_id = %(task_id)s AND state = 'attached' RETURNING object_key;

-- name: attach_report
-- A report that is in the store is shown from now on.
UPDATE reports SET state = 'attached' WHERE object_key = %(object_key)s AND state = 'sending' RETURNING *;

-- name: report_of_task
-- The report that is shown with what a task publishes.
SELECT * FROM reports WHERE task_id = %(task_id)s AND state = 'attached';

-- name: attached_reports
-- Every report that is shown, or will be.
SELECT * FROM reports WHERE state = 'attached' ORDER BY created_at;

-- name: lose_report
-- A report is not in the store any more; the link goes on without it.
UPDATE reports SET state = 'unneeded' WHERE object_key = %(object_key)s AND state = 'attached' RETURNING task_id;

-- name: forget_reports_of_failed
-- Reports to tasks that failed long ago and that nobody has tried again.
UPDATE reports r SET state = 'unneeded' FROM tasks t
WHERE t.task_id = r.task_id AND r.state = 'attached' AND t.status = 'FAILED'
  AND t.finished_at < now() - %(age)s::interval;

-- name: reports_to_delete
-- Reports that nobody needs, and those whose upload was broken off long ago.
SELECT object_key FROM reports
WHERE state = 'unneeded' OR state = 'sending' AND created_at < now() - %(upload)s::interval
ORDER BY created_at
LIMIT %(limit)s;

-- name: report_deleted
-- The store has confirmed that it is gone.
DELETE FROM reports WHERE object_key = %(object_key)s AND state <> 'attached';

-- name: recipient
-- Where the patient of a task is written to.
SELECT email, phone FROM recipients WHERE task_id = %(task_id)s;

-- name: set_recipient
-- Where the patient of a task is written to from now on; what is not named stays.
INSERT INTO recipients (task_id, email, phone, wait) VALUES (%(task_id)s, %(email)s, %(phone)s, %(wait)s)
ON CONFLICT (task_id) DO UPDATE SET email = coalesce(excluded.email, recipients.email),
    phone = coalesce(excluded.phone, recipients.phone), wait = excluded.wait;

-- name: write_to_recipient
-- A link that is open already goes to an address that is new; to the one before, nothing more does.
INSERT INTO outbox (task_id, event_id, status, kind, target, state, due_at, tried_since)
SELECT e.task_id, e.event_id, 'COMPLETED', %(kind)s::message_kind, %(kind)s,
       CASE WHEN %(wait)s::interval IS NULL THEN 'held' ELSE 'pending' END::message_state,
       now() + %(wait)s, now() + coalesce(%(wait)s, '0')
FROM task_events e WHERE e.task_id = %(task_id)s AND e.kind = 'published'
ORDER BY e.event_id DESC LIMIT 1
ON CONFLICT (event_id, kind, target) DO UPDATE SET state = excluded.state, due_at = excluded.due_at,
    tried_since = excluded.tried_since, attempt = 0, lease_token = NULL, error_code = NULL, error_text = NULL;

-- name: sent_to_address
-- How many messages an address has been sent within a day.
SELECT coalesce(sum(o.times), 0) AS times FROM outbox o JOIN recipients r USING (task_id)
WHERE o.kind = %(kind)s::message_kind AND o.sent_at > now() - interval '1 day'
  AND CASE %(kind)s::message_kind WHEN 'email' THEN r.email = %(address)s ELSE r.phone = %(address)s END;

-- name: forget_recipients_of_failed
-- Addresses of tasks that failed long ago and that nobody has tried again.
DELETE FROM recipients r USING tasks t
WHERE t.task_id = r.task_id AND t.status = 'FAILED' AND t.finished_at < now() - %(age)s::interval;

-- name: claim_message
-- Takes the message that has been due for longest, but none for whoever is busy with others, and none before an
-- earlier one of the same task to the same taker. The attempt is counted here.
UPDATE outbox SET attempt = attempt + 1, lease_token = gen_random_uuid(), due_at = now() + %(lease)s
WHERE message_id = (
    SELECT o.message_id FROM outbox o
    WHERE o.due_at <= now() AND o.target <> ALL(%(busy)s)
      AND NOT EXISTS (SELECT FROM outbox b WHERE b.task_id = o.task_id AND b.target = o.target
                          AND b.number < o.number AND b.due_at IS NOT NULL)
    ORDER BY o.due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING *;

-- name: message_sent
-- It was taken.
UPDATE outbox SET state = 'sent', sent_at = now(), times = times + 1, due_at = NULL, lease_token = NULL,
    error_code = NULL, error_text = NULL
WHERE message_id = %(message_id)s AND lease_token = %(lease_token)s;

-- name: message_postponed
-- It was not taken, and is tried again.
UPDATE outbox SET due_at = %(due_at)s, lease_token = NULL, error_code = %(error_code)s, error_text = %(error_text)s
WHERE message_id = %(message_id)s AND lease_token = %(lease_token)s;

-- name: message_failed
-- It was not taken, and is given up.
UPDATE outbox SET state = 'failed', due_at = NULL, lease_token = NULL, error_code = %(error_code)s,
    error_text = %(error_text)s
WHERE message_id = %(message_id)s AND lease_token = %(lease_token)s;

-- name: send_message_again
-- A person wants it sent now, whatever became of it; one that is on its way at this moment is.
UPDATE outbox SET state = 'pending', due_at = now(), tried_since = now(), attempt = 0, lease_token = NULL,
    error_code = NULL, error_text = NULL
WHERE message_id = %(message_id)s AND lease_token IS NULL
RETURNING message_id;

-- name: message_line
-- One message, where the asker may see its clinic (NULL: every clinic).
SELECT o.*, t.accession_number, t.clinic_code, k.name AS key_name, k.callback_url,
    CASE o.kind WHEN 'email' THEN r.email WHEN 'sms' THEN r.phone END AS address
FROM outbox o JOIN tasks t USING (task_id) LEFT JOIN api_keys k USING (key_id) LEFT JOIN recipients r USING (task_id)
WHERE o.message_id = %(message_id)s AND (%(clinic_code)s::text IS NULL OR t.clinic_code = %(clinic_code)s);

-- name: messages_older
-- The messages that follow a place in the list, newest first.
SELECT o.*, t.accession_number, t.clinic_code, k.name AS key_name, k.callback_url,
    CASE o.kind WHEN 'email' THEN r.email WHEN 'sms' THEN r.phone END AS address
FROM outbox o JOIN tasks t USING (task_id) LEFT JOIN api_keys k USING (key_id) LEFT JOIN recipients r USING (task_id)
WHERE (o.created_at, o.message_id) < (%(after)s::timestamptz, %(after_id)s::uuid)
  AND (%(clinic_code)s::text IS NULL OR t.clinic_code = %(clinic_code)s)
  AND o.state = ANY(%(states)s::message_state[]) AND o.kind = ANY(%(kinds)s::message_kind[])
ORDER BY o.created_at DESC, o.message_id DESC
LIMIT %(limit)s;

-- name: messages_newer
-- The messages that precede a place in the list, the nearest first.
SELECT o.*, t.accession_number, t.clinic_code, k.name AS key_name, k.callback_url,
    CASE o.kind WHEN 'email' THEN r.email WHEN 'sms' THEN r.phone END AS address
FROM outbox o JOIN tasks t USING (task_id) LEFT JOIN api_keys k USING (key_id) LEFT JOIN recipients r USING (task_id)
WHERE (o.created_at, o.message_id) > (%(after)s::timestamptz, %(after_id)s::uuid)
  AND (%(clinic_code)s::text IS NULL OR t.clinic_code = %(clinic_code)s)
  AND o.state = ANY(%(states)s::message_state[]) AND o.kind = ANY(%(kinds)s::message_kind[])
ORDER BY o.created_at, o.message_id
LIMIT %(limit)s;

-- name: messages_to_patient
-- What the patient of a task was, or will be, sent.
SELECT o.*, t.accession_number, t.clinic_code, NULL AS key_name, NULL AS callback_url,
    CASE o.kind WHEN 'email' THEN r.email WHEN 'sms' THEN r.phone END AS address
FROM outbox o JOIN tasks t USING (task_id) LEFT JOIN recipients r USING (task_id)
WHERE o.task_id = %(task_id)s AND o.kind IN ('email', 'sms')
ORDER BY o.number;

-- name: push_to_fhir
-- These clinics have a FHIR server that is told of their publications, and no others.
WITH gone AS (DELETE FROM fhir_pushes WHERE clinic_code <> ALL(%(clinic_codes)s))
INSERT INTO fhir_pushes (clinic_code) SELECT unnest(%(clinic_codes)s::text[]) ON CONFLICT DO NOTHING;

-- name: callback_of_key
-- Where a program wants to be called, and the secret that such calls are signed with.
SELECT callback_url, callback_secret FROM api_keys
WHERE key_id = %(key_id)s AND revoked_at IS NULL AND callback_url IS NOT NULL;

-- name: set_callback
-- Where a program wants to be called from now on; NULL: nowhere.
UPDATE api_keys SET callback_url = %(callback_url)s, callback_secret = %(callback_secret)s
WHERE key_id = %(key_id)s AND revoked_at IS NULL
RETURNING key_id;

-- name: add_object
-- Writes down an object before it is sent to the store, so that it cannot be forgotten there.
INSERT INTO stored_objects (object_key, task_id) VALUES (%(object_key)s, %(task_id)s);

-- name: objects_to_delete
-- Objects that nobody needs: of publications that have ended, and of attempts that have; the upload of one that was
-- broken off may go on for a while, and must not store afterwards what is taken for deleted.
SELECT o.object_key FROM stored_objects o
JOIN tasks t USING (task_id)
LEFT JOIN published_studies s ON s.object_key = o.object_key
LEFT JOIN published_studies c ON c.companion_key = o.object_key
WHERE o.deleted_at IS NULL
  AND CASE WHEN coalesce(s.state, c.state) IS NULL
      THEN t.status NOT IN ('SEARCHING', 'RETRIEVING', 'PROCESSING', 'UPLOADING')
          AND o.created_at < now() - %(upload)s::interval
      ELSE coalesce(s.state, c.state) <> 'LIVE' END
ORDER BY o.created_at
LIMIT %(limit)s;

-- name: object_deleted
-- The store has confirmed that the object is gone.
UPDATE stored_objects SET deleted_at = now() WHERE object_key = %(object_key)s AND deleted_at IS NULL;

-- name: publish_study
-- Makes a link live.
INSERT INTO published_studies (task_id, clinic_code, patient_id, accession_number, emk_record_id, service_title, token,
                               token_sha256, object_key, size, sha256, instances, left_out, modalities, profile,
                               study_date, shown_date, deid_key, save_till, is_part, missing, pin_hash,
                               companion_key, companion_size, companion_sha256)
VALUES (%(task_id)s, %(clinic_code)s, %(patient_id)s, %(accession_number)s, %(emk_record_id)s, %(service_title)s,
        %(token)s, %(token_sha256)s, %(object_key)s, %(size)s, %(sha256)s, %(instances)s, %(left_out)s,
        %(modalities)s, %(profile)s, %(study_date)s, %(shown_date)s, %(deid_key)s, %(save_till)s,
        %(is_part)s, %(missing)s, (SELECT pin_hash FROM tasks WHERE task_id = %(task_id)s),
        %(companion_key)s, %(companion_size)s, %(companion_sha256)s)
RETURNING *;

-- name: live_study
-- The publication of this study that is still open.
SELECT * FROM published_studies
WHERE clinic_code = %(clinic_code)s AND accession_number = %(accession_number)s AND patient_id = %(patient_id)s
  AND state = 'LIVE' AND save_till > now();

-- name: study_of_token
-- The publication behind a link.
SELECT * FROM published_studies WHERE token_sha256 = %(token_sha256)s;

-- name: study_of_task
-- The publication that a task made.
SELECT * FROM published_studies WHERE task_id = %(task_id)s;

-- name: studies_of_tasks
-- The publications that these tasks made.
SELECT * FROM published_studies WHERE task_id = ANY(%(task_ids)s);

-- name: study
-- One publication, where the asker may see its clinic (NULL: every clinic).
SELECT * FROM published_studies
WHERE study_id = %(study_id)s AND (%(clinic_code)s::text IS NULL OR clinic_code = %(clinic_code)s);

-- name: expire_studies
-- Closes the publications whose date has come.
UPDATE published_studies SET state = 'EXPIRED', closed_at = now(), deid_key = NULL
WHERE study_id IN (
    SELECT study_id FROM published_studies WHERE state = 'LIVE' AND save_till <= now()
    ORDER BY save_till LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
RETURNING *;

-- name: expire_study_of
-- Closes the publication of one study if its date has come, to make room for a new one.
UPDATE published_studies SET state = 'EXPIRED', closed_at = now(), deid_key = NULL
WHERE clinic_code = %(clinic_code)s AND accession_number = %(accession_number)s AND patient_id = %(patient_id)s
  AND state = 'LIVE' AND save_till <= now()
RETURNING *;

-- name: withdraw_study
-- Closes a publication before its date.
UPDATE published_studies SET state = 'WITHDRAWN', closed_at = now(), deid_key = NULL
WHERE study_id = %(study_id)s AND state = 'LIVE'
RETURNING *;

-- name: set_pin_of_study
-- The PIN of an open publication, where the asker may see its clinic (NULL: every clinic); NULL takes it away.
UPDATE published_studies SET pin_hash = %(pin_hash)s
WHERE study_id = %(study_id)s AND (%(clinic_code)s::text IS NULL OR clinic_code = %(clinic_code)s)
  AND state = 'LIVE' AND save_till > now()
RETURNING *;

-- name: keep_study_until
-- Changes the date of an open publication.
UPDATE published_studies SET save_till = %(save_till)s
WHERE study_id = %(study_id)s AND state = 'LIVE' AND save_till > now()
RETURNING *;

-- name: forget_companion
-- Of an open publication whose companion is not in the store any more; the archive is all that it serves then.
UPDATE published_studies SET companion_key = NULL, companion_size = NULL, companion_sha256 = NULL
WHERE study_id = %(study_id)s AND companion_key = %(companion_key)s AND state = 'LIVE'
RETURNING *;

-- name: all_live_studies
-- Every open publication.
SELECT * FROM published_studies WHERE state = 'LIVE' ORDER BY upload_date;

-- name: strange_objects
-- Those of these objects that nothing here made.
SELECT key AS object_key FROM unnest(%(keys)s::text[]) AS key
WHERE NOT EXISTS (SELECT FROM stored_objects o WHERE o.object_key = key AND o.deleted_at IS NULL)
  AND NOT EXISTS (SELECT FROM reports r WHERE r.object_key = key)
ORDER BY key;

-- name: object_prefixes
-- What the names of objects that were made here begin with, and what they are to begin with.
SELECT DISTINCT substring(object_key FROM '^(.+/)studies/[^/]+$') AS prefix FROM stored_objects
WHERE strpos(object_key, '/studies/') > 0
UNION
SELECT substring(object_key FROM '^(.+/)studies/[^/]+$') FROM reports WHERE strpos(object_key, '/studies/') > 0
UNION
SELECT document ->> 'storage_prefix' FROM clinics WHERE document ? 'storage_prefix';

-- name: hold_strange_objects
-- Writes them down, to be deleted when they have been held for long enough.
INSERT INTO strange_objects (object_key) SELECT unnest(%(keys)s::text[]) ON CONFLICT DO NOTHING;

-- name: strange_objects_to_delete
-- Those that have been held for long enough.
SELECT object_key FROM strange_objects WHERE found_at < now() - %(hold)s::interval ORDER BY found_at LIMIT %(limit)s;

-- name: strange_object_deleted
-- The store has confirmed that it is gone.
DELETE FROM strange_objects WHERE object_key = %(object_key)s;

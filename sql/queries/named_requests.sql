-- name: named_request
-- What a program has asked for under this name.
SELECT body_sha256, task_id FROM named_requests WHERE key_id = %(key_id)s AND name = %(name)s;

-- name: name_request
-- Remembers what was asked for; where somebody was quicker, nothing changes.
INSERT INTO named_requests (key_id, name, body_sha256, task_id)
VALUES (%(key_id)s, %(name)s, %(body_sha256)s, %(task_id)s)
ON CONFLICT DO NOTHING;

-- name: sweep_named_requests
-- Those that are too old to be asked again.
DELETE FROM named_requests WHERE created_at < now() - %(age)s::interval;

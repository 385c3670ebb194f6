-- name: tables
-- Every table that is ours.
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname;

-- name: live_objects
-- What open links lead to, and the reports for those that are yet to come.
SELECT key, size, sha256 FROM (
    SELECT object.*, upload_date AS since FROM published_studies, LATERAL (
        VALUES (object_key, size, sha256), (companion_key, companion_size, companion_sha256)
    ) AS object (key, size, sha256) WHERE state = 'LIVE' AND object.key IS NOT NULL
    UNION ALL SELECT object_key, size, sha256, created_at FROM reports WHERE state = 'attached') needed
ORDER BY since;

-- name: left_databases
-- Databases in which a backup was tried out, and that nobody removed.
SELECT datname FROM pg_database WHERE starts_with(datname, %(prefix)s);

-- name: comment_on_database
-- What is said of this database as a whole.
SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database();

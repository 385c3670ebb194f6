-- name: begin
-- Begins a transaction.
BEGIN;

-- name: begin_to_look
-- Begins one that changes nothing.
BEGIN READ ONLY;

-- name: act_for
-- Says for whom a transaction does something to tasks, and of which clinics it sees rows. Who does not see all of them
-- becomes a role that owns nothing, where there is one.
SELECT set_config('studypub.actor', %(actor)s, true), set_config('studypub.clinics', %(clinics)s, true),
       CASE WHEN %(clinics)s <> '*' AND pg_has_role(to_regrole('studypub_app'), 'MEMBER')
           THEN set_config('role', 'studypub_app', true) END;

-- name: commit
-- Ends a transaction.
COMMIT;

-- name: audit
-- Appends to the audit log.
SELECT audit_append(%(actor)s, %(action)s, %(subject)s, %(details)s);

-- name: newest_audit_entries
-- A page of the audit log, newest first.
SELECT entry, at, actor, action, subject, details FROM audit_log ORDER BY entry DESC LIMIT %(limit)s OFFSET %(offset)s;

-- name: piece_of_audit_log
-- The entries that follow one, whose hash is `head`: the last of them, its hash, and the first whose hash, or whose link
-- to the entry before it, does not hold. A piece at a time, since a log of years takes longer than a statement may.
SELECT max(entry) AS last, (array_agg(hash ORDER BY entry DESC))[1] AS head,
       min(entry) FILTER (WHERE previous <> before OR hash <> taken) AS broken
FROM (
    SELECT entry, hash, previous,
           lag(hash, 1, %(head)s::bytea) OVER (ORDER BY entry) AS before,
           audit_hash(previous, at, actor, action, subject, details) AS taken
    FROM audit_log WHERE entry > %(after)s::bigint ORDER BY entry LIMIT %(limit)s) chain;

-- name: count_audit_entries
-- How long the log is.
SELECT count(*) AS entries FROM audit_log;

-- name: head_of_audit_log
-- The newest entry's hash: what was noted of it elsewhere shows later whether the log was cut.
SELECT entry, hash FROM audit_log ORDER BY entry DESC LIMIT 1;

-- name: has_audit_hash
-- Whether an entry of this hash stands in the log.
SELECT entry FROM audit_log WHERE hash = %(hash)s;

-- name: server
-- What a server is, and we in it; it need not hold anything of ours yet.
SELECT current_setting('transaction_read_only') = 'off' AS is_writable, clock_timestamp() AS now,
       current_user::text AS account,
       coalesce(pg_has_role(to_regrole('studypub_app'), 'MEMBER'), false) AS has_application;

-- name: admit_application
-- Lets the role that whoever sees one clinic works as use every table that there is.
SELECT admit_application();

-- name: setting
-- One of the values that an administrator set.
SELECT value FROM settings WHERE name = %(name)s;

-- name: set_setting
-- Sets it.
INSERT INTO settings (name, value) VALUES (%(name)s, %(value)s)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = now();

-- name: now
-- The database's clock: leases and dates go by it.
SELECT clock_timestamp() AS now;

-- name: ping
-- Whether the database answers and may be written to.
SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off' AS writable;

-- name: spend_try
-- Counts a try before its outcome is known, so that tries at the same instant all count; no row while the subject
-- has to wait. What was tried longer ago than `forget` is forgotten.
INSERT INTO throttle AS t (kind, subject, tries, last_at, open_at)
VALUES (%(kind)s, %(subject)s, 1, now(), now() + throttle_pause(1, %(free)s, %(first)s, %(longest)s))
ON CONFLICT (kind, subject) DO UPDATE SET
    tries = CASE WHEN t.last_at < now() - %(forget)s::interval THEN 1 ELSE t.tries + 1 END,
    last_at = now(),
    open_at = now() + throttle_pause(
        CASE WHEN t.last_at < now() - %(forget)s::interval THEN 1 ELSE t.tries + 1 END,
        %(free)s, %(first)s, %(longest)s)
    WHERE t.open_at <= now()
RETURNING tries;

-- name: throttle_wait
-- For how long a subject still has to wait; no row where it need not.
SELECT open_at - now() AS wait FROM throttle
WHERE kind = %(kind)s AND subject = %(subject)s AND open_at > now();

-- name: tries
-- How many tries of a subject are remembered.
SELECT tries FROM throttle
WHERE kind = %(kind)s AND subject = %(subject)s AND last_at >= now() - %(forget)s::interval;

-- name: refund_try
-- The try was a right one and costs nothing.
UPDATE throttle SET tries = greatest(tries - 1, 0), open_at = now()
WHERE kind = %(kind)s AND subject = %(subject)s;

-- name: forgive
-- All tries of a subject are forgotten.
DELETE FROM throttle WHERE kind = %(kind)s AND subject = %(subject)s;

-- name: sweep_throttle
-- What nobody has tried for long.
DELETE FROM throttle WHERE open_at < now() - interval '8 days' AND last_at < now() - interval '8 days';

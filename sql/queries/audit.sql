-- name: audit_older
-- The entries before one, newest first; the text stands in who, about what, or in what is told besides.
SELECT entry, at, actor, action, subject, details FROM audit_log
WHERE entry < %(after)s::bigint AND at <@ %(days)s::tstzrange AND (%(action)s = '' OR action = %(action)s)
  AND (%(text)s = '' OR strpos(lower(actor || ' ' || subject || ' ' || details::text), %(text)s) > 0)
ORDER BY entry DESC
LIMIT %(limit)s;

-- name: audit_newer
-- The entries after one, the nearest first.
SELECT entry, at, actor, action, subject, details FROM audit_log
WHERE entry > %(after)s::bigint AND at <@ %(days)s::tstzrange AND (%(action)s = '' OR action = %(action)s)
  AND (%(text)s = '' OR strpos(lower(actor || ' ' || subject || ' ' || details::text), %(text)s) > 0)
ORDER BY entry
LIMIT %(limit)s;

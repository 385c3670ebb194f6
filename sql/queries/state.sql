-- name: pacs_last_heard
-- When each clinic's PACS last did what it was asked for, and when it last did not, within a week.
SELECT t.clinic_code, max(e.at) FILTER (WHERE e.kind = 'found') AS answered,
       max(e.at) FILTER (WHERE e.details ->> 'code' IN
           ('PACS_UNREACHABLE', 'PACS_REFUSED', 'INCOMPLETE_RETRIEVE', 'CONFLICTING_INSTANCES')) AS failed
FROM task_events e JOIN tasks t USING (task_id)
WHERE e.kind IN ('found', 'postponed', 'failed') AND e.at > now() - interval '7 days'
GROUP BY t.clinic_code;

-- name: kept
-- How much is behind open links.
SELECT count(*) AS studies, coalesce(sum(size), 0)::bigint AS size FROM published_studies WHERE state = 'LIVE';

-- Who did something to a task is told with it: a transaction that acts for somebody says so (query act_for).

ALTER TABLE task_events ADD COLUMN actor text;
ALTER TABLE task_events ALTER COLUMN actor SET DEFAULT nullif(current_setting('studypub.actor', true), '');

-- What is worth telling of a change of state: how large the study is, and whether a part of it was to be enough.
CREATE OR REPLACE FUNCTION task_event_details(kind text, before tasks, after tasks) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_strip_nulls(CASE kind
        WHEN 'queued' THEN jsonb_build_object('origin', after.origin)
        WHEN 'claimed' THEN jsonb_build_object('attempt', after.attempt, 'taken_over', before.lease_token IS NOT NULL)
        WHEN 'found' THEN jsonb_build_object('expected', after.expected, 'modalities', to_jsonb(after.modalities))
        WHEN 'received' THEN jsonb_build_object('received', after.received, 'expected', after.expected,
                                                'size', nullif(after.received_bytes, 0))
        WHEN 'prepared' THEN jsonb_build_object('covered', after.covered, 'faces', after.faces, 'left_out',
            (SELECT sum((g ->> 'count')::integer) FROM jsonb_array_elements(after.left_out) g))
        WHEN 'decided' THEN
            (SELECT jsonb_object_agg(d.decision, d.number) FROM (
                SELECT h.decision, sum(h.instances) AS number FROM held_instances h
                WHERE h.task_id = after.task_id AND h.decision IS NOT NULL GROUP BY h.decision) d)
        WHEN 'postponed' THEN jsonb_build_object('code', after.error_code, 'due_at', after.due_at,
                                                 'received', nullif(after.received, 0), 'expected', after.expected)
        WHEN 'failed' THEN jsonb_build_object('code', after.error_code, 'received', nullif(after.received, 0),
                                              'expected', after.expected)
        WHEN 'again' THEN jsonb_build_object('partial', CASE WHEN after.partial_reason IS NOT NULL THEN true END)
    END), '{}')
$$;

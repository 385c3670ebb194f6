-- No clinic sees another's rows, even where a query of ours forgets to ask for its own (row-level security).
--
-- A transaction says of which clinics it sees rows (query begin, setting studypub.clinics): their codes with commas
-- between them, `*` for all, `!` for none. Who sees not all of them works as the role studypub_app, which owns nothing,
-- wherever there is that role; FORCE holds the owner, too, where there is none. The policies name no role, so that a
-- backup can be restored where there are others.
--
-- Who has said nothing is somebody else than this program, as the owner: the version before this one, which goes on
-- beside it, psql, pg_dump. They see everything, as before. To studypub_app silence shows nothing.

CREATE FUNCTION seen_clinics() RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT string_to_array(coalesce(current_setting('studypub.clinics', true), ''), ',')
$$;

-- pg_dump calls it without a search path.
CREATE FUNCTION sees_every_clinic() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT '*' = ANY (public.seen_clinics()) OR public.seen_clinics() = '{}' AND current_user <> 'studypub_app'
$$;

-- In the policies both stand in a SELECT of their own: it is made once a query, not once a row.
DO $$
DECLARE
    child record;
    owned text;
BEGIN
    FOREACH owned IN ARRAY ARRAY['tasks', 'published_studies', 'manual_requests', 'pacs_outages', 'api_keys', 'users']
    LOOP
        EXECUTE format('CREATE POLICY own_clinic ON %I USING ((SELECT sees_every_clinic())
            OR clinic_code = ANY ((SELECT seen_clinics())::text[]))', owned);
    END LOOP;
    -- What belongs to one of those is seen with it, by its own policy.
    FOR child IN SELECT * FROM (VALUES
        ('stored_objects', 'tasks', 'task_id'), ('held_instances', 'tasks', 'task_id'),
        ('task_events', 'tasks', 'task_id'), ('named_requests', 'tasks', 'task_id'), ('outbox', 'tasks', 'task_id'),
        ('recipients', 'tasks', 'task_id'), ('sessions', 'users', 'user_id'), ('known_browsers', 'users', 'user_id'),
        ('recovery_codes', 'users', 'user_id')) AS one (of, parent, key)
    LOOP
        EXECUTE format('CREATE POLICY own_clinic ON %1$I USING ((SELECT sees_every_clinic())
            OR EXISTS (SELECT FROM %2$I parent WHERE parent.%3$I = %1$I.%3$I))', child.of, child.parent, child.key);
    END LOOP;
    -- The audit log is one chain over all clinics.
    CREATE POLICY own_clinic ON audit_log USING ((SELECT sees_every_clinic()));
    FOR owned IN SELECT DISTINCT polrelid::regclass::text FROM pg_policy
    LOOP
        EXECUTE format('ALTER TABLE %1$s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', owned);
    END LOOP;
END
$$;

-- Whoever does something writes it down, also who may not read what others did: the entry before has to be known.
CREATE OR REPLACE FUNCTION audit_append(actor text, action text, subject text, details jsonb)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    before bytea;
    moment timestamptz;
    seen text := coalesce(current_setting('studypub.clinics', true), '');
BEGIN
    PERFORM pg_advisory_xact_lock(7305316);
    PERFORM set_config('studypub.clinics', '*', true);
    SELECT a.hash INTO before FROM audit_log a ORDER BY a.entry DESC LIMIT 1;
    before := coalesce(before, '\x00'::bytea);
    moment := clock_timestamp();
    INSERT INTO audit_log (at, actor, action, subject, details, previous, hash)
    VALUES (moment, actor, action, subject, details, before,
            audit_hash(before, moment, actor, action, subject, details));
    PERFORM set_config('studypub.clinics', seen, true);
END
$$;

-- Beneath a policy PostgreSQL uses no index by an operator that might tell of rows which are not to be seen, and it knows
-- only of comparisons of plain values that they do not: a search by pieces of numbers, or for the few tasks of a state,
-- would read every row. So for who is held the few are found first, as the owner, who need not be (BYPASSRLS), and of
-- their rows nothing but identifiers. NULL: there are more of them than `most`, or nothing is asked that an index helps with; a page
-- of them is soon met in any order.
CREATE FUNCTION pieces_of(texts text[]) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(array_agg(piece), '{}') FROM unnest(texts) one, unnest(public.pieces(one)) piece
$$;

CREATE FUNCTION few_tasks(texts text[], statuses task_status[], most integer) RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    wanted text[] := pieces_of(texts);
    seen text[] := seen_clinics();
    found uuid[];
BEGIN
    IF wanted <> '{}' THEN
        found := ARRAY(SELECT task_id FROM tasks WHERE pieces(numbers) @> wanted
            AND ('*' = ANY (seen) OR clinic_code = ANY (seen)) LIMIT most + 1);
    ELSIF statuses IS NOT NULL THEN
        found := ARRAY(SELECT task_id FROM tasks WHERE status = ANY (statuses)
            AND ('*' = ANY (seen) OR clinic_code = ANY (seen)) LIMIT most + 1);
    END IF;
    RETURN CASE WHEN cardinality(found) <= most THEN found END;
END
$$;

CREATE FUNCTION few_studies(texts text[], most integer) RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    wanted text[] := pieces_of(texts);
    seen text[] := seen_clinics();
    found uuid[];
BEGIN
    IF wanted <> '{}' THEN
        found := ARRAY(SELECT study_id FROM published_studies WHERE pieces(numbers) @> wanted
            AND ('*' = ANY (seen) OR clinic_code = ANY (seen)) LIMIT most + 1);
    END IF;
    RETURN CASE WHEN cardinality(found) <= most THEN found END;
END
$$;

-- As study_is_wanted, for one of the few: the index has been asked for them, and to take numbers to pieces is dear.
CREATE FUNCTION is_wanted_of_few(s published_studies, w study_filter) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT (w.clinic IS NULL OR s.clinic_code = w.clinic)
        AND CASE w.state
            WHEN 'open' THEN s.state = 'LIVE' AND s.save_till > now()
            WHEN 'expired' THEN s.state = 'EXPIRED' OR s.state = 'LIVE' AND s.save_till <= now()
            WHEN 'withdrawn' THEN s.state = 'WITHDRAWN'
            ELSE true END
        AND (w.any_number = '' OR strpos(s.numbers, w.any_number) > 0)
        AND (w.pid = '' OR strpos(lower(s.patient_id), w.pid) > 0)
        AND (w.acsn = '' OR strpos(lower(s.accession_number), w.acsn) > 0)
        AND (w.emk = '' OR strpos(lower(s.emk_record_id), w.emk) > 0)
        AND s.size <@ w.sizes
        AND (lower_inf(w.dates) AND upper_inf(w.dates) OR s.study_date <@ w.dates)
        AND s.upload_date <@ w.uploads
        AND s.save_till <@ w.tills
$$;

-- Gives studypub_app what it needs, where there is that role; whoever brings the schema up to date calls it, since the
-- role, or a table, may come later. It writes where policies hold it, and counts tries.
CREATE FUNCTION admit_application() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    application oid := to_regrole('studypub_app');
    one record;
BEGIN
    FOR one IN
        SELECT c.oid::regclass AS name, (relrowsecurity OR relname = 'throttle') AND relname <> 'audit_log' AS writes
        FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname
    LOOP
        IF NOT has_table_privilege(application, one.name, 'SELECT') THEN
            EXECUTE format('GRANT SELECT ON %s TO studypub_app', one.name);
        END IF;
        IF one.writes AND NOT has_table_privilege(application, one.name, 'DELETE') THEN
            EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %s TO studypub_app', one.name);
        END IF;
    END LOOP;
END
$$;

-- A number is found by any piece of it while somebody types, without reading every row: an index of the three-letter
-- pieces that a row's numbers hold. (The extension made for that, pg_trgm, is not at hand everywhere.)

CREATE FUNCTION pieces(text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(DISTINCT substr($1, place, 3)), '{}') FROM generate_series(1, length($1) - 2) place
$$;

-- Whether numbers hold a text; every row's hold the empty one.
CREATE FUNCTION holds(numbers text, wanted text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT wanted = '' OR strpos(numbers, wanted) > 0 AND pieces(numbers) @> pieces(wanted)
$$;

CREATE INDEX published_studies_pieces ON published_studies USING gin (pieces(numbers));
CREATE INDEX tasks_pieces ON tasks USING gin (pieces(numbers));

-- Whether a publication is among those asked for. The planner writes it into the query that calls it.
CREATE OR REPLACE FUNCTION study_is_wanted(s published_studies, w study_filter) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT (w.clinic IS NULL OR s.clinic_code = w.clinic)
        AND CASE w.state
            WHEN 'open' THEN s.state = 'LIVE' AND s.save_till > now()
            WHEN 'expired' THEN s.state = 'EXPIRED' OR s.state = 'LIVE' AND s.save_till <= now()
            WHEN 'withdrawn' THEN s.state = 'WITHDRAWN'
            ELSE true END
        AND holds(s.numbers, w.any_number)
        AND holds(s.numbers, w.pid) AND (w.pid = '' OR strpos(lower(s.patient_id), w.pid) > 0)
        AND holds(s.numbers, w.acsn) AND (w.acsn = '' OR strpos(lower(s.accession_number), w.acsn) > 0)
        AND holds(s.numbers, w.emk) AND (w.emk = '' OR strpos(lower(s.emk_record_id), w.emk) > 0)
        AND s.size <@ w.sizes
        AND (lower_inf(w.dates) AND upper_inf(w.dates) OR s.study_date <@ w.dates)
        AND s.upload_date <@ w.uploads
        AND s.save_till <@ w.tills
$$;

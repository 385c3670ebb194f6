-- What is asked of the list of publications is one value: its queries, one for each order, do not repeat its parts.
-- An empty text and an unbounded range ask for nothing. The function of the same name with a parameter for each part is
-- for the version before this one.

CREATE TYPE study_filter AS (
    clinic     text,                          -- NULL: every clinic
    state      text,                          -- open, expired or withdrawn
    any_number text,
    pid        text,
    acsn       text,
    emk        text,
    sizes      int8range,
    dates      tstzrange,
    uploads    tstzrange,
    tills      tstzrange
);

-- Whether a publication is among those asked for. The planner writes it into the query that calls it.
CREATE FUNCTION study_is_wanted(s published_studies, w study_filter) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT (w.clinic IS NULL OR s.clinic_code = w.clinic)
        AND CASE w.state
            WHEN 'open' THEN s.state = 'LIVE' AND s.save_till > now()
            WHEN 'expired' THEN s.state = 'EXPIRED' OR s.state = 'LIVE' AND s.save_till <= now()
            WHEN 'withdrawn' THEN s.state = 'WITHDRAWN'
            ELSE true END
        AND (w.any_number = '' OR strpos(s.numbers, w.any_number) > 0)
        AND (w.pid = '' OR strpos(s.numbers, w.pid) > 0 AND strpos(lower(s.patient_id), w.pid) > 0)
        AND (w.acsn = '' OR strpos(s.numbers, w.acsn) > 0 AND strpos(lower(s.accession_number), w.acsn) > 0)
        AND (w.emk = '' OR strpos(s.numbers, w.emk) > 0 AND strpos(lower(s.emk_record_id), w.emk) > 0)
        AND s.size <@ w.sizes
        AND (lower_inf(w.dates) AND upper_inf(w.dates) OR s.study_date <@ w.dates)
        AND s.upload_date <@ w.uploads
        AND s.save_till <@ w.tills
$$;

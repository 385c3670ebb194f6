-- The list of publications, sorted by any of its columns and read from any place on. Numbers sort by their bytes: the
-- same everywhere, whatever the database's language.

DROP INDEX published_studies_newest;
CREATE INDEX published_studies_by_upload ON published_studies (upload_date, study_id);
CREATE INDEX published_studies_by_till ON published_studies (save_till, study_id);
CREATE INDEX published_studies_by_date ON published_studies (coalesce(study_date, '-infinity'), study_id);
CREATE INDEX published_studies_by_size ON published_studies (size, study_id);
CREATE INDEX published_studies_by_pid ON published_studies ((patient_id COLLATE "C"), study_id);
CREATE INDEX published_studies_by_acsn ON published_studies ((accession_number COLLATE "C"), study_id);
CREATE INDEX published_studies_by_emk ON published_studies ((coalesce(emk_record_id, '') COLLATE "C"), study_id);

-- What is searched while somebody types.
ALTER TABLE published_studies ADD COLUMN numbers text NOT NULL GENERATED ALWAYS AS
    (lower(accession_number || ' ' || patient_id || ' ' || coalesce(emk_record_id, ''))) STORED;

-- Whether a publication is among those asked for; an empty text and an unbounded range ask for nothing. The planner
-- writes it into the query that calls it.
CREATE FUNCTION study_is_wanted(
    s published_studies, clinic text, wanted_state text, any_number text, pid text, acsn text, emk text,
    sizes int8range, dates tstzrange, uploads tstzrange, tills tstzrange)
RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT (clinic IS NULL OR s.clinic_code = clinic)
        AND CASE wanted_state
            WHEN 'open' THEN s.state = 'LIVE' AND s.save_till > now()
            WHEN 'expired' THEN s.state = 'EXPIRED' OR s.state = 'LIVE' AND s.save_till <= now()
            WHEN 'withdrawn' THEN s.state = 'WITHDRAWN'
            ELSE true END
        AND (any_number = '' OR strpos(s.numbers, any_number) > 0)
        AND (pid = '' OR strpos(s.numbers, pid) > 0 AND strpos(lower(s.patient_id), pid) > 0)
        AND (acsn = '' OR strpos(s.numbers, acsn) > 0 AND strpos(lower(s.accession_number), acsn) > 0)
        AND (emk = '' OR strpos(s.numbers, emk) > 0 AND strpos(lower(s.emk_record_id), emk) > 0)
        AND s.size <@ sizes
        AND (lower_inf(dates) AND upper_inf(dates) OR s.study_date <@ dates)
        AND s.upload_date <@ uploads
        AND s.save_till <@ tills
$$;

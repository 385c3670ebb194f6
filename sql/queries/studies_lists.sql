-- name: few_studies
-- Those whose numbers hold all these texts, of the clinics that the asker sees; NULL where they are more than that.
SELECT few_studies(%(texts)s, %(most)s) AS few;

-- name: studies_by_upload_up
-- Publications from a place on, by upload date, ascending.
SELECT * FROM published_studies s
WHERE (upload_date, study_id) > (%(after)s::timestamptz, %(after_id)s::uuid)
  AND CASE WHEN %(few)s::uuid[] IS NULL THEN study_is_wanted(s, %(wanted)s::study_filter)
      ELSE study_id = ANY(%(few)s) AND is_wanted_of_few(s, %(wanted)s::study_filter) END
ORDER BY upload_date, study_id LIMIT %(limit)s;

-- name: studies_by_upload_down
-- Publications from a place on, by upload date, descending.
SELECT * FROM published_studies s
WHERE (upload_date, study_id) < (%(after)s::timestamptz, %(after_id)s::uuid)
  AND CASE WHEN %(few)s::uuid[] IS NULL THEN study_is_wanted(s, %(wanted)s::study_filter)
      ELSE study_id = ANY(%(few)s) AND is_wanted_of_few(s, %(wanted)s::study_filter) END
ORDER BY upload_date DESC, study_id DESC LIMIT %(limit)s;

-- name: studies_by_till_up
-- Publications from a place on, by date of deletion, ascending.
SELECT * FROM published_studies s
WHERE (save_till, study_id) > (%(after)s::timestamptz, %(after_id)s::uuid)
  AND CASE WHEN %(few)s::uuid[] IS NULL THEN study_is_wanted(s, %(wanted)s::study_filter)
      ELSE study_id = ANY(%(few)s) AND is_wanted_of_few(s, %(wanted)s::study_filter) END
ORDER BY save_till, study_id LIMIT %(limit)s;

-- name: studies_by_till_down
-- Publications from a place on, by date of deletion, descending.
SELECT * FROM published_studies s
WHERE (save_till, study_id) < (%(after)s::timestamptz, %(after_id)s::uuid)
  AND CASE WHEN %(few)s::uuid[] IS NULL THEN study_is_wanted(s, %(wanted)s::study_filter)
      ELSE study_id = ANY(%(few)s) AND is_wanted_of_few(s, %(wanted)s::study_filter) END
ORDER BY save_till DESC, study_id DESC LIMIT %(limit)s;

-- name: studies_by_date_up
-- Publications from a place on, by date of the study, ascending.
SELECT * FROM published_studies s
WHERE (coalesce(study_date, '-infinity'), study_id) > (%(after)s::timestamptz, %(after_id)s::uuid)
  AND CASE WHEN %(few)s::uuid[] IS NULL THEN study_is_wanted(s, %(wanted)s::study_filter)
      ELSE study_id = ANY(%(few)s) AND is_wanted_of_few(s, %(wanted)s::study_filter) END
ORDER BY coalesce(study_date, '-infinity'), study_id LIMIT %(limit)s;

-- name: studies_by_date_down
-- Publications from a place on, by date of the study, descending.
SELECT * FROM published_studies s
WHERE (coalesce(study_date, '-infinity'), study_id) < (%(after)s::timestamptz, %(after_id)s::uuid)
  AND CASE WHEN %(few)s::uuid[] IS NULL THEN study_is_wanted(s, %(wanted)s::study_filter)
      ELSE study_id = ANY(%(few)s) AND is_wanted_of_few(s, %(wanted)s::study_filter) END
ORDER BY coalesce(study_date, '-infinity') DESC, study_id DESC LIMIT %(limit)s;

-- name: studies_by_size_up
-- Publications from a place on, by size, ascending.
SELECT * FROM published_studies s
WHERE (size, study_id) > (%(after)s::bigint, %(after_id)s::uuid)
  AND CASE WHEN %(few)s::uuid[] IS NULL THEN study_is_wanted(s, %(wanted)s::study_filter)
      ELSE study_id = ANY(%(few)s) AND is_wanted_of_few(s, %(wanted)s::study_filter) END
ORDER BY size, study_id LIMIT %(limit)s;

-- name: studies_by_size_down
-- Publications from a place on, by size, descending.
SELECT * FROM published_studies s
WHERE (size, study_id) < (%(after)s::bigint, %(after_id)s::uuid)
  AND CASE WHEN %(few)s::uuid[] IS NULL THEN study_is_wanted(s, %(wanted)s::study_filter)
      ELSE study_id = ANY(%(few)s) AND is_wanted_of_few(s, %(wanted)s::study_filter) END
ORDER BY size DESC, study_id DESC LIMIT %(limit)s;

-- name: studies_by_pid_up
-- Publications from a place on, by patient's record, ascending.
SELECT * FROM published_studies s
WHERE (patient_id COLLATE "C", study_id) > (%(after)s::text, %(after_id)s::uuid)
  AND CASE WHEN %(few)s::uuid[] IS NULL THEN study_is_wanted(s, %(wanted)s::study_filter)
      ELSE study_id = ANY(%(few)s) AND is_wanted_of_few(s, %(wanted)s::study_filter) END
ORDER BY patient_id COLLATE "C", study_id LIMIT %(limit)s;

-- name: studies_by_pid_down
-- Publications from a place on, by patient's record, descending.
SELECT * FROM published_studies s
WHERE (patient_id COLLATE "C", study_id) < (%(after)s::text, %(after_id)s::uuid)
  AND CASE WHEN %(few)s::uuid[] IS NULL THEN study_is_wanted(s, %(wanted)s::study_filter)
      ELSE study_id = ANY(%(few)s) AND is_wanted_of_few(s, %(wanted)s::study_filter) END
ORDER BY patient_id COLLATE "C" DESC, study_id DESC LIMIT %(limit)s;

-- name: studies_by_acsn_up
-- Publications from a place on, by accession number, ascending.
SELECT * FROM published_studies s
WHERE (accession_number COLLATE "C", study_id) > (%(after)s::text, %(after_id)s::uuid)
  AND CASE WHEN %(few)s::uuid[] IS NULL THEN study_is_wanted(s, %(wanted)s::study_filter)
      ELSE study_id = ANY(%(few)s) AND is_wanted_of_few(s, %(wanted)s::study_filter) END
ORDER BY accession_number COLLATE "C", study_id LIMIT %(limit)s;

-- name: studies_by_acsn_down
-- Publications from a place on, by accession number, descending.
SELECT * FROM published_studies s
WHERE (accession_number COLLATE "C", study_id) < (%(after)s::text, %(after_id)s::uuid)
  AND CASE WHEN %(few)s::uuid[] IS NULL THEN study_is_wanted(s, %(wanted)s::study_filter)
      ELSE study_id = ANY(%(few)s) AND is_wanted_of_few(s, %(wanted)s::study_filter) END
ORDER BY accession_number COLLATE "C" DESC, study_id DESC LIMIT %(limit)s;

-- name: studies_by_emk_up
-- Publications from a place on, by record of the visit, ascending.
SELECT * FROM published_studies s
WHERE (coalesce(emk_record_id, '') COLLATE "C", study_id) > (%(after)s::text, %(after_id)s::uuid)
  AND CASE WHEN %(few)s::uuid[] IS NULL THEN study_is_wanted(s, %(wanted)s::study_filter)
      ELSE study_id = ANY(%(few)s) AND is_wanted_of_few(s, %(wanted)s::study_filter) END
ORDER BY coalesce(emk_record_id, '') COLLATE "C", study_id LIMIT %(limit)s;

-- name: studies_by_emk_down
-- Publications from a place on, by record of the visit, descending.
SELECT * FROM published_studies s
WHERE (coalesce(emk_record_id, '') COLLATE "C", study_id) < (%(after)s::text, %(after_id)s::uuid)
  AND CASE WHEN %(few)s::uuid[] IS NULL THEN study_is_wanted(s, %(wanted)s::study_filter)
      ELSE study_id = ANY(%(few)s) AND is_wanted_of_few(s, %(wanted)s::study_filter) END
ORDER BY coalesce(emk_record_id, '') COLLATE "C" DESC, study_id DESC LIMIT %(limit)s;

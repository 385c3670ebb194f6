-- name: imaging_studies
-- A clinic's open publications that a search asks for, the newest first, and how many there are in all.
SELECT s.*, count(*) OVER () AS total FROM published_studies s
WHERE (%(clinic_code)s::text IS NULL OR clinic_code = %(clinic_code)s) AND state = 'LIVE' AND save_till > now()
  AND (%(study_ids)s::uuid[] IS NULL OR study_id = ANY(%(study_ids)s))
  AND (%(accession_numbers)s::text[] IS NULL OR accession_number = ANY(%(accession_numbers)s))
  AND (%(patient_ids)s::text[] IS NULL OR patient_id = ANY(%(patient_ids)s))
  AND (NOT %(by_start)s OR (study_date >= %(started_from)s AND study_date < %(started_before)s))
  AND upload_date >= %(updated_from)s AND upload_date < %(updated_before)s
ORDER BY upload_date DESC, study_id
LIMIT %(limit)s OFFSET %(offset)s;

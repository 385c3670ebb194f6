-- Under one accession number the PACS may have several studies of a patient: a person has picked this one.

ALTER TABLE tasks ADD COLUMN chosen_study_uid text CHECK (chosen_study_uid ~ '^[0-9.]{1,64}$');
COMMENT ON COLUMN tasks.chosen_study_uid IS 'an original Study Instance UID: never leaves this table';

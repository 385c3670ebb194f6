-- How much of a study has come, beside how many of its images.

ALTER TABLE tasks ADD COLUMN received_bytes bigint NOT NULL DEFAULT 0 CHECK (received_bytes >= 0);

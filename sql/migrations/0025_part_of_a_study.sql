-- A publication that is known to be less than its study: how much is missing, NULL where nobody knows.

ALTER TABLE published_studies
    ADD COLUMN is_part boolean NOT NULL DEFAULT false,
    ADD COLUMN missing integer CHECK (missing > 0),
    ADD CONSTRAINT published_studies_only_parts_miss CHECK (is_part OR missing IS NULL);

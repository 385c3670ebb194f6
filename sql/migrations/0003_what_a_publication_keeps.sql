-- The key of a publication's pseudonyms lives as long as its link; the date that its profile lets be seen.

ALTER TABLE published_studies
    ADD COLUMN deid_key bytea CHECK (octet_length(deid_key) = 32),
    ADD COLUMN shown_date date,
    ADD CONSTRAINT published_studies_key_goes_with_link CHECK (state = 'LIVE' OR deid_key IS NULL);

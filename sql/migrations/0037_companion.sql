-- What a browser needs besides the archive to show a publication: an object of its own. None of those made earlier has
-- one, nor does one of which it was lost.

ALTER TABLE published_studies
    ADD COLUMN companion_key text UNIQUE REFERENCES stored_objects,
    ADD COLUMN companion_size bigint CHECK (companion_size > 0),
    ADD COLUMN companion_sha256 bytea CHECK (octet_length(companion_sha256) = 32),
    ADD CONSTRAINT published_studies_whole_companion CHECK (
        num_nulls(companion_key, companion_size, companion_sha256) IN (0, 3)),
    ADD CONSTRAINT published_studies_two_objects CHECK (companion_key <> object_key);

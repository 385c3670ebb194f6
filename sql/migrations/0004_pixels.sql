-- What was done about text in pixels; a series can be held as a whole.

ALTER TABLE held_instances RENAME COLUMN sop_instance_uid TO uid;
COMMENT ON COLUMN held_instances.uid IS 'the original SOP Instance UID, or Series Instance UID: never leaves this table';
ALTER TABLE held_instances ADD COLUMN instances integer NOT NULL DEFAULT 1 CHECK (instances > 0);

-- Instances whose text was covered, and those from which a face can be rebuilt.
ALTER TABLE tasks
    ADD COLUMN covered integer NOT NULL DEFAULT 0 CHECK (covered >= 0),
    ADD COLUMN faces integer NOT NULL DEFAULT 0 CHECK (faces >= 0);

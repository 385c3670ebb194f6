-- Objects that were found in the store and that no publication or task of the database made: held, then deleted.

CREATE TABLE strange_objects (
    object_key text PRIMARY KEY,
    found_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX strange_objects_found ON strange_objects (found_at);

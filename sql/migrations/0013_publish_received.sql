-- Why an administrator lets a study be published though not all of it came; NULL: all of it has to come.

ALTER TABLE tasks ADD COLUMN partial_reason text CHECK (length(partial_reason) BETWEEN 1 AND 500);

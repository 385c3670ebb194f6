-- In which form a study is wanted, where the request says so; NULL: in its clinic's.
ALTER TABLE tasks ADD COLUMN archive_format text
    CONSTRAINT tasks_archive_format CHECK (archive_format IN ('zip', 'tar.zst', 'iso'));

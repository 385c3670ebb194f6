-- Programs may come with a token in place of a key: then their named requests belong to its subject.

ALTER TABLE named_requests
    DROP CONSTRAINT named_requests_key_id_fkey,
    ADD CONSTRAINT named_requests_have_program CHECK (key_id ~ '^([0-9A-Za-z]{8}|token:[!-~]{1,255})$');

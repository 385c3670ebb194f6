-- A second factor for accounts: codes by time (TOTP, RFC 6238), and recovery codes for whoever has lost the phone.

ALTER TABLE users
    ADD COLUMN totp_secret text CHECK (totp_secret ~ '^[A-Z2-7]{32}$'),
    -- Since when it counts; NULL: it was offered, and no code of it was entered yet.
    ADD COLUMN second_factor_at timestamptz,
    -- The newest time step whose code was taken: neither it nor one before it is taken again.
    ADD COLUMN totp_step bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT second_factor_has_secret CHECK (second_factor_at IS NULL OR totp_secret IS NOT NULL);

-- A row goes when its code is used.
CREATE TABLE recovery_codes (
    user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    code_sha256 bytea NOT NULL CHECK (octet_length(code_sha256) = 32),
    PRIMARY KEY (user_id, code_sha256)
);

-- Half a session: the password was right, the code is still to come, and it opens nothing but the page for the code.
ALTER TABLE sessions ADD COLUMN awaits_code boolean NOT NULL DEFAULT false;

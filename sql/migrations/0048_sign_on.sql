-- Accounts of people for whom a provider of OpenID Connect vouches: who they are there, in place of a password.

ALTER TABLE users
    ALTER COLUMN password_hash DROP NOT NULL,
    ADD COLUMN issuer text CHECK (length(issuer) BETWEEN 1 AND 2048),
    ADD COLUMN subject text CHECK (length(subject) BETWEEN 1 AND 255),
    ADD CONSTRAINT users_issuer_has_subject CHECK ((issuer IS NULL) = (subject IS NULL)),
    ADD CONSTRAINT users_have_password_or_issuer CHECK ((password_hash IS NULL) = (issuer IS NOT NULL)),
    ADD CONSTRAINT users_second_factor_needs_password CHECK (second_factor_at IS NULL OR password_hash IS NOT NULL);
CREATE UNIQUE INDEX users_subject ON users (issuer, subject);

-- Tries that cost waiting: wrong passwords, wrong PINs, links that are not there.

-- Unlogged: after a crash counting begins anew, and a flood of guesses costs no write-ahead log.
CREATE UNLOGGED TABLE throttle (
    kind    text NOT NULL,
    subject bytea NOT NULL CHECK (octet_length(subject) = 32),  -- the digest of an address, a name, a link
    tries   integer NOT NULL CHECK (tries >= 0),
    last_at timestamptz NOT NULL,
    open_at timestamptz NOT NULL,             -- before it no further try counts
    PRIMARY KEY (kind, subject)
);
CREATE INDEX throttle_open ON throttle (open_at);

-- What follows the given number of tries: nothing while they are free, then a pause that doubles up to the longest.
CREATE FUNCTION throttle_pause(tries integer, free integer, first interval, longest interval)
RETURNS interval LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN tries < free THEN interval '0' ELSE least(first * 2 ^ least(tries - free, 20), longest) END
$$;

-- Browsers in which somebody has signed in: guesses made elsewhere do not shut them out.
CREATE TABLE known_browsers (
    token_sha256 bytea PRIMARY KEY CHECK (octet_length(token_sha256) = 32),
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    seen_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX known_browsers_user ON known_browsers (user_id);

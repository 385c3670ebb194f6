-- name: add_user
-- A new account; the name is unique whatever its case.
INSERT INTO users (name, role, clinic_code, password_hash)
VALUES (%(name)s, %(role)s, %(clinic_code)s, %(password_hash)s)
ON CONFLICT (lower(name)) DO NOTHING
RETURNING *;

-- name: users
-- Every account.
SELECT * FROM users ORDER BY lower(name);

-- name: user_named
-- The account of that name.
SELECT * FROM users WHERE lower(name) = lower(%(name)s);

-- name: locked_user
-- An account, which nobody else changes until this transaction ends.
SELECT * FROM users WHERE user_id = %(user_id)s FOR NO KEY UPDATE;

-- name: add_known_user
-- The account of somebody for whom a provider vouches; they have one, and the name is unique whatever its case.
INSERT INTO users (name, role, clinic_code, issuer, subject)
VALUES (%(name)s, %(role)s, %(clinic_code)s, %(issuer)s, %(subject)s)
ON CONFLICT DO NOTHING
RETURNING *;

-- name: known_user
-- The account of somebody for whom a provider vouches, which nobody else changes until this transaction ends.
SELECT * FROM users WHERE issuer = %(issuer)s AND subject = %(subject)s FOR NO KEY UPDATE;

-- name: set_role
-- What the account may do, and where.
UPDATE users SET role = %(role)s, clinic_code = %(clinic_code)s WHERE user_id = %(user_id)s RETURNING *;

-- name: set_password
-- A new password.
UPDATE users SET password_hash = %(password_hash)s WHERE user_id = %(user_id)s;

-- name: disable_user
-- Closes an account.
UPDATE users SET disabled_at = coalesce(disabled_at, now()) WHERE user_id = %(user_id)s;

-- name: end_sessions
-- The account's sessions end, but for one. A statement of its own: it sees those that were opened while the account's
-- row was waited for.
DELETE FROM sessions WHERE user_id = %(user_id)s AND token_sha256 <> %(but)s;

-- name: open_session
-- A new browser session.
INSERT INTO sessions (token_sha256, user_id, csrf_token, expires_at)
VALUES (%(token_sha256)s, %(user_id)s, %(csrf_token)s, now() + %(lifetime)s);

-- name: open_half_session
-- The password was right; a code has to follow.
INSERT INTO sessions (token_sha256, user_id, csrf_token, expires_at, awaits_code)
VALUES (%(token_sha256)s, %(user_id)s, '', now() + %(lifetime)s, true);

-- name: half_session
-- Whose code is awaited.
SELECT u.* FROM sessions s JOIN users u USING (user_id)
WHERE s.token_sha256 = %(token_sha256)s AND s.awaits_code AND s.expires_at > now() AND u.disabled_at IS NULL;

-- name: session
-- Who this browser session belongs to, if it still counts, and whether its use has to be written down.
SELECT u.*, s.csrf_token, s.seen_at < now() - interval '1 minute' AS to_touch
FROM sessions s JOIN users u USING (user_id)
WHERE s.token_sha256 = %(token_sha256)s AND s.expires_at > now() AND s.seen_at > now() - %(idle)s::interval
  AND NOT s.awaits_code AND u.disabled_at IS NULL;

-- name: touch_session
-- The session is in use; written at most once a minute.
UPDATE sessions SET seen_at = now()
WHERE token_sha256 = %(token_sha256)s AND seen_at < now() - interval '1 minute';

-- name: close_session
-- Signed out.
DELETE FROM sessions WHERE token_sha256 = %(token_sha256)s;

-- name: sweep_sessions
-- Sessions that no longer count.
DELETE FROM sessions WHERE expires_at <= now();

-- name: add_api_key
-- A new key; only its secret's digest is kept.
INSERT INTO api_keys (key_id, secret_sha256, clinic_code, name)
VALUES (%(key_id)s, %(secret_sha256)s, %(clinic_code)s, %(name)s);

-- name: api_keys
-- Every key.
SELECT * FROM api_keys ORDER BY created_at, key_id;

-- name: api_key
-- The key of that identifier, and whether its use has to be written down.
SELECT *, coalesce(last_used_at < now() - interval '1 minute', true) AS to_touch, now() AS now
FROM api_keys WHERE key_id = %(key_id)s;

-- name: touch_api_key
-- The key was used; written at most once a minute.
UPDATE api_keys SET last_used_at = now()
WHERE key_id = %(key_id)s AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute');

-- name: revoke_api_key
-- The key opens nothing from now on.
UPDATE api_keys SET revoked_at = now() WHERE key_id = %(key_id)s AND revoked_at IS NULL RETURNING key_id;

-- name: know_browser
-- Somebody has signed in with this browser: from now on guesses made elsewhere do not keep them out.
INSERT INTO known_browsers (token_sha256, user_id) VALUES (%(token_sha256)s, %(user_id)s)
ON CONFLICT (token_sha256) DO UPDATE SET user_id = excluded.user_id, seen_at = now();

-- name: knows_browser
-- Whether the account of that name has signed in with this browser before.
SELECT u.user_id FROM known_browsers b JOIN users u USING (user_id)
WHERE b.token_sha256 = %(token_sha256)s AND lower(u.name) = lower(%(name)s)
  AND b.seen_at > now() - %(lifetime)s::interval;

-- name: sweep_browsers
-- Browsers that nobody has signed in with for long.
DELETE FROM known_browsers WHERE seen_at < now() - %(lifetime)s::interval;

-- name: offer_setup
-- A new link for the first administrator, while there is none; the one before it ends.
INSERT INTO setup_link (token_sha256, expires_at)
SELECT %(token_sha256)s, now() + %(lifetime)s
WHERE NOT EXISTS (SELECT FROM users WHERE role = 'administrator' AND disabled_at IS NULL)
ON CONFLICT (single) DO UPDATE SET token_sha256 = excluded.token_sha256, expires_at = excluded.expires_at
RETURNING single;

-- name: setup_is_open
-- Whether this link still makes an administrator.
SELECT single FROM setup_link
WHERE token_sha256 = %(token_sha256)s AND expires_at > now()
  AND NOT EXISTS (SELECT FROM users WHERE role = 'administrator' AND disabled_at IS NULL);

-- name: use_setup
-- The link is used, once: whoever comes second finds no row.
DELETE FROM setup_link
WHERE token_sha256 = %(token_sha256)s AND expires_at > now()
  AND NOT EXISTS (SELECT FROM users WHERE role = 'administrator' AND disabled_at IS NULL)
RETURNING single;

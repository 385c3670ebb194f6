-- name: offer_second_factor
-- A new secret, which does not count before a code of it was entered; no row where one counts already. None of its codes
-- was taken yet, whatever the clock said when those of another were.
UPDATE users SET totp_secret = %(secret)s, totp_step = 0 WHERE user_id = %(user_id)s AND second_factor_at IS NULL RETURNING user_id;

-- name: second_factor
-- The secret of an account, and the newest step whose code was taken.
SELECT totp_secret, totp_step FROM users WHERE user_id = %(user_id)s;

-- name: take_step
-- The code of this step was entered; no row where it, or a later one, was before.
UPDATE users SET totp_step = %(step)s WHERE user_id = %(user_id)s AND totp_step < %(step)s RETURNING user_id;

-- name: turn_second_factor_on
-- From now on it counts.
UPDATE users SET second_factor_at = now() WHERE user_id = %(user_id)s;

-- name: turn_second_factor_off
-- The secret goes.
UPDATE users SET totp_secret = NULL, second_factor_at = NULL WHERE user_id = %(user_id)s;

-- name: add_recovery_codes
-- Codes that work once each; only their digests are kept.
INSERT INTO recovery_codes (user_id, code_sha256) SELECT %(user_id)s, unnest(%(codes)s::bytea[]);

-- name: use_recovery_code
-- The code is used up; no row where there is none such.
DELETE FROM recovery_codes WHERE user_id = %(user_id)s AND code_sha256 = %(code_sha256)s RETURNING user_id;

-- name: forget_recovery_codes
-- None of the account's codes works any more.
DELETE FROM recovery_codes WHERE user_id = %(user_id)s;

-- name: count_recovery_codes
-- How many are left.
SELECT count(*) AS left FROM recovery_codes WHERE user_id = %(user_id)s;

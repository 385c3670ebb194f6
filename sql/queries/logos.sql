-- name: keep_logo
-- Shows a logo with what a clinic publishes, in place of the one before.
INSERT INTO clinic_logos (clinic_code, width, height, content, changed_by)
VALUES (%(clinic_code)s, %(width)s, %(height)s, %(content)s, %(actor)s)
ON CONFLICT (clinic_code) DO UPDATE
SET width = excluded.width, height = excluded.height, content = excluded.content, changed_at = now(),
    changed_by = excluded.changed_by;

-- name: drop_logo
-- Shows none with what a clinic publishes.
DELETE FROM clinic_logos WHERE clinic_code = %(clinic_code)s;

-- name: logo_of_clinic
-- What a clinic's logo is known by.
SELECT width, height, sha256 FROM clinic_logos WHERE clinic_code = %(clinic_code)s;

-- name: logo_content
-- The bytes of a logo, by their hash.
SELECT content FROM clinic_logos WHERE sha256 = %(sha256)s LIMIT 1;

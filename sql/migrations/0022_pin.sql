-- A PIN that a link asks for, where its publication has one; only its hash is kept.

ALTER TABLE tasks ADD COLUMN pin_hash text CHECK (pin_hash LIKE '$argon2id$%');
ALTER TABLE published_studies ADD COLUMN pin_hash text CHECK (pin_hash LIKE '$argon2id$%');

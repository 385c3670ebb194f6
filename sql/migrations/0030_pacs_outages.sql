-- A PACS that takes no association: its clinic's tasks wait until it does again.

CREATE TABLE pacs_outages (
    clinic_code text PRIMARY KEY,
    since       timestamptz NOT NULL DEFAULT now(),
    probe_at    timestamptz NOT NULL           -- when it is asked next whether it is back
);

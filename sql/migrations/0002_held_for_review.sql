-- Instances that a person has to look at before a study is published.

CREATE TYPE review_decision AS ENUM ('release', 'mask', 'leave_out');

CREATE TABLE held_instances (
    held_id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    task_id          uuid NOT NULL REFERENCES tasks,
    sop_instance_uid text NOT NULL,           -- the original: never leaves this table
    reason           text NOT NULL,
    reason_text      jsonb NOT NULL,
    thumbnail        bytea,                   -- PNG; shows what may identify, and goes with the decision
    held_at          timestamptz NOT NULL DEFAULT now(),
    decision         review_decision,
    decided_by       text,
    decided_at       timestamptz,
    UNIQUE (task_id, sop_instance_uid),
    CONSTRAINT held_instances_decided CHECK (
        (decision IS NULL) = (decided_by IS NULL) AND (decision IS NULL) = (decided_at IS NULL)),
    CONSTRAINT held_instances_forget CHECK (decision IS NULL OR thumbnail IS NULL)
);

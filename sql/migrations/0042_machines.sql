-- The daemons that share this database, each on a machine and in a folder of its own.
CREATE TABLE machines (
    machine_id uuid PRIMARY KEY,  -- what its folder says; tasks.worker_id names it
    run uuid NOT NULL,            -- another at every start
    name text NOT NULL,
    ae_title text NOT NULL,
    place text NOT NULL,
    version text NOT NULL,
    settings jsonb NOT NULL,      -- digests of those that have to be the same on all
    mark text,                    -- an object that it has put into the storage
    obstacle jsonb,               -- why it takes no tasks
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now(),
    left_at timestamptz
);

-- Which of them does what is to be done once for all, and until when it need not say so again.
CREATE TABLE duty (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    machine_id uuid NOT NULL,
    until timestamptz NOT NULL
);

-- The task that has been due for longest is looked for in one clinic after the other.

CREATE INDEX tasks_due_of_clinic ON tasks (clinic_code, due_at) WHERE due_at IS NOT NULL;

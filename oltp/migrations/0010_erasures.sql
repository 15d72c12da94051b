-- Users to be erased, and those who were. What is left of one who was is a row
-- that does not say who it was.
CREATE TABLE erasures (
    id           text PRIMARY KEY,
    user_id      text, -- NULL once nothing of the user is left
    state        text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'erasing', 'done')),
    requested_at timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz,
    note         text NOT NULL DEFAULT '', -- what it waits for, or what went wrong last
    ids          integer NOT NULL DEFAULT 0,
    before       jsonb, -- rows by table
    after        jsonb,
    CHECK ((state = 'done') = (user_id IS NULL))
);

CREATE UNIQUE INDEX erasures_open ON erasures (user_id) WHERE state <> 'done';

-- Whom an alert is about, where it is about one user.
ALTER TABLE alerts ADD COLUMN user_id text GENERATED ALWAYS AS (action ->> 'user_id') STORED;
CREATE INDEX alerts_user ON alerts (user_id) WHERE user_id IS NOT NULL;

-- How often a profile was taken away from the partition: whoever scores it has to
-- read again what he holds in memory.
ALTER TABLE scoring_state ADD COLUMN erasures bigint NOT NULL DEFAULT 0;

-- How far each sync has come: everything stored in ClickHouse before
-- stored_before has been copied.
CREATE TABLE sync_state (
    name          text PRIMARY KEY,
    stored_before timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL DEFAULT now()
);

INSERT INTO sync_state (name, stored_before) VALUES ('user_stats', 'epoch');

-- Rules, the alerts that they have found, and what is to be told of those. One
-- transaction changes an alert and writes its deliveries: neither is without the
-- other, whatever dies.

CREATE TABLE alert_rules (
    id             text PRIMARY KEY,
    name           text NOT NULL UNIQUE,
    kind           text NOT NULL,
    definition     jsonb NOT NULL, -- its form belongs to the alert stage; holds the channels' secrets
    every_seconds  double precision NOT NULL CHECK (every_seconds > 0),
    silenced_until timestamptz,
    next_look_at   timestamptz NOT NULL DEFAULT now(),
    looked_at      timestamptz,
    note           text NOT NULL DEFAULT '', -- why the latest look has failed
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX alert_rules_due ON alert_rules (next_look_at) WHERE kind <> 'fraud';

-- One row per episode of a rule's condition. It outlives its rule.
CREATE TABLE alerts (
    id          text PRIMARY KEY,
    rule_id     text NOT NULL,
    rule        text NOT NULL,
    kind        text NOT NULL,
    key         text NOT NULL,
    severity    text NOT NULL,
    state       text NOT NULL CHECK (state IN ('pending', 'firing', 'resolved')),
    told        text NOT NULL,
    value       double precision,
    summary     text NOT NULL,
    labels      jsonb NOT NULL,
    action      jsonb,
    started_at  timestamptz NOT NULL,
    seen_at     timestamptz NOT NULL,
    fired_at    timestamptz,
    clear_since timestamptz,
    resolved_at timestamptz
);

CREATE UNIQUE INDEX alerts_open ON alerts (rule_id, key) WHERE state <> 'resolved';
CREATE INDEX alerts_time ON alerts (started_at DESC, id DESC);
CREATE INDEX alerts_resolved ON alerts (resolved_at) WHERE state = 'resolved';

COMMENT ON COLUMN alerts.told IS 'The state that the channels were told last; empty for none.';

-- What is to be told to whom, and how that went. id is the idempotency key.
CREATE TABLE alert_deliveries (
    seq          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id           text NOT NULL UNIQUE,
    alert_id     text NOT NULL, -- empty for a test
    rule_id      text NOT NULL,
    channel      text NOT NULL,
    kind         text NOT NULL,
    event        text NOT NULL,
    body         bytea NOT NULL,
    created_at   timestamptz NOT NULL,
    attempts     integer NOT NULL DEFAULT 0,
    next_at      timestamptz NOT NULL DEFAULT now(), -- while an attempt is under way: the end of its lease
    delivered_at timestamptz,
    dead_at      timestamptz,
    last_fault   text NOT NULL DEFAULT '',
    log          jsonb NOT NULL DEFAULT '[]'
);

CREATE INDEX alert_deliveries_due ON alert_deliveries (next_at) WHERE delivered_at IS NULL AND dead_at IS NULL;
CREATE INDEX alert_deliveries_open ON alert_deliveries (alert_id, channel, seq) WHERE delivered_at IS NULL AND dead_at IS NULL;
CREATE INDEX alert_deliveries_alert ON alert_deliveries (alert_id, seq);
CREATE INDEX alert_deliveries_rule ON alert_deliveries (rule_id, seq);

-- Purchases that were found and that no rule has seen yet. The score's own
-- transaction puts them here, and who takes one writes its alerts in the
-- transaction that removes it: so none is missed and none comes twice. A cursor
-- over scored_at or over a sequence would miss what commits late.
CREATE TABLE alert_purchases (
    seq      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id text NOT NULL,
    user_id  text NOT NULL
);

CREATE FUNCTION note_found_purchase() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO alert_purchases (event_id, user_id) VALUES (NEW.event_id, NEW.user_id);
    RETURN NULL;
END $$;

CREATE TRIGGER fraud_scores_found AFTER INSERT ON fraud_scores
    FOR EACH ROW WHEN (NEW.decision <> 'allow') EXECUTE FUNCTION note_found_purchase();

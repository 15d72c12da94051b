-- Incidents that the figures show, one row each.
CREATE TABLE anomalies (
    id          text PRIMARY KEY,
    started_at  timestamptz NOT NULL,
    first_seen  timestamptz NOT NULL,
    ended_at    timestamptz NOT NULL,
    detected_at timestamptz NOT NULL,
    ongoing     boolean NOT NULL,
    severity    text NOT NULL,
    measure     text NOT NULL,
    measures    text[] NOT NULL,
    kind        text NOT NULL,
    expected    double precision NOT NULL,
    low         double precision NOT NULL,
    high        double precision NOT NULL,
    seen        double precision NOT NULL,
    evidence    double precision NOT NULL,
    property    text NOT NULL,
    value       text NOT NULL,
    part        double precision NOT NULL,
    step        text NOT NULL,
    withdrawn   boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX anomalies_by_time ON anomalies (started_at DESC, id DESC) WHERE NOT withdrawn;

COMMENT ON TABLE anomalies IS 'Incidents of the figures, kept by millrace; written only by its stage anomalies.';
COMMENT ON COLUMN anomalies.started_at IS 'The earliest moment that nothing speaks against; first_seen is the first day that shows it.';
COMMENT ON COLUMN anomalies.withdrawn IS 'Events that came later have shown that it was none.';

-- How far the stage has looked, so that a restart goes on.
CREATE TABLE anomaly_progress (
    one             boolean PRIMARY KEY DEFAULT true CHECK (one),
    evaluated_until timestamptz NOT NULL,
    events          bigint NOT NULL,
    settings        text NOT NULL
);

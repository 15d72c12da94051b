-- The stage anomalies sees each window of the figures once. What it has learned
-- by the last one is kept here, with the incidents of that moment, so that it
-- goes on after a restart or a kill where it was.
CREATE TABLE anomaly_watch (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    version     bigint NOT NULL,
    settings    text NOT NULL,
    since       timestamptz NOT NULL,
    hours_until timestamptz NOT NULL,
    days_until  timestamptz NOT NULL,
    events      bigint NOT NULL,
    series      integer NOT NULL,
    hours       bytea NOT NULL,
    days        bytea NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE anomaly_watch IS 'What the stage anomalies has learned; written only by it.';
COMMENT ON COLUMN anomaly_watch.version IS 'Counts the writes, so that of two processes with the stage one notices.';
COMMENT ON COLUMN anomaly_watch.events IS 'How many events the windows held when they were seen; many more by now mean that history came late.';

ALTER TABLE anomalies
    ADD COLUMN grid text NOT NULL DEFAULT 'day' CHECK (grid IN ('hour', 'day')),
    ADD COLUMN stays boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN anomalies.grid IS 'The windows that the figures of the incident are counted in.';
COMMENT ON COLUMN anomalies.stays IS 'The level did not come back, and counts as usual since the end.';

DROP TABLE anomaly_progress;

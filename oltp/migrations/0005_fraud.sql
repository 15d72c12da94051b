-- What the scoring of purchases knows and has found. One transaction writes the
-- scores of a block of events, the profiles that it has changed, and how far
-- the scoring has come: whatever dies, the three always fit together.

-- One row per purchase that was judged.
CREATE TABLE fraud_scores (
    event_id    text NOT NULL,
    user_id     text NOT NULL,
    event_time  timestamptz NOT NULL,
    amount      numeric, -- NULL where the event has none
    currency    text NOT NULL,
    country     text NOT NULL,
    score       double precision NOT NULL,
    decision    text NOT NULL CHECK (decision IN ('allow', 'review', 'block')),
    base        double precision NOT NULL,
    reasons     jsonb NOT NULL,
    features    real[] NOT NULL,
    model       integer NOT NULL,
    topic       text NOT NULL,
    partition   integer NOT NULL,
    "offset"    bigint NOT NULL,
    received_at timestamptz NOT NULL,
    scored_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (event_id, user_id)
);

CREATE INDEX fraud_scores_time ON fraud_scores (event_time DESC, event_id DESC, user_id DESC);
CREATE INDEX fraud_scores_user ON fraud_scores (user_id, event_time DESC);
CREATE INDEX fraud_scores_found ON fraud_scores (event_time DESC, event_id DESC, user_id DESC) WHERE decision <> 'allow';

COMMENT ON TABLE fraud_scores IS 'Purchases judged in the stream, each once; written only by the scoring stage.';
COMMENT ON COLUMN fraud_scores.reasons IS 'What speaks against the purchase: [{"reason","effect","detail"}]; base and the effects add up to the log-odds of the score.';

-- What is remembered of each user, by the partition that his events come in. The
-- form of state belongs to the scoring stage.
CREATE TABLE user_profiles (
    user_id    text NOT NULL,
    topic      text NOT NULL,
    partition  integer NOT NULL,
    state      bytea NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, topic, partition)
) WITH (fillfactor = 70);

-- How far the scoring of each partition has come: everything before next_offset
-- is in the two tables above.
CREATE TABLE scoring_state (
    topic       text NOT NULL,
    partition   integer NOT NULL,
    next_offset bigint NOT NULL,
    received_at timestamptz NOT NULL, -- of the last event
    population  bytea NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

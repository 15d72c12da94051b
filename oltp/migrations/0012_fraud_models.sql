-- Partitions of a topic of history: what was learnt there counts for users of whom
-- live events have taught nothing.
ALTER TABLE scoring_state ADD COLUMN history boolean NOT NULL DEFAULT false;

-- The latest judged purchases are what a model of fraud is made anew of, and what
-- its drift is measured on.
CREATE INDEX fraud_scores_scored ON fraud_scores (scored_at DESC);

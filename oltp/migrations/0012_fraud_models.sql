-- The latest judged purchases are what a model of fraud is made anew of, and what
-- its drift is measured on.
CREATE INDEX fraud_scores_scored ON fraud_scores (scored_at DESC);

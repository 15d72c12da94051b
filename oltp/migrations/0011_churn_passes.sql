-- Until when events were known when a user's features were computed, by the
-- store's clock, and what the latest pass knew of everybody: with it, features of
-- users whom the passes leave out are estimated from user_stats.
ALTER TABLE churn_features ADD COLUMN stored_before timestamptz NOT NULL DEFAULT 'epoch';

COMMENT ON COLUMN churn_features.stored_before IS 'Events stored before this instant are part of the features.';

CREATE TABLE churn_passes (
    one              boolean PRIMARY KEY DEFAULT true CHECK (one),
    as_of            timestamptz NOT NULL,
    average_purchase jsonb NOT NULL
);

COMMENT ON TABLE churn_passes IS 'The latest pass over all active users.';
COMMENT ON COLUMN churn_passes.average_purchase IS 'What an average purchase is worth, by currency.';

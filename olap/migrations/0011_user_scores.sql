-- What the models say of users, for questions: user.churn and the like. A row is
-- made by taking the figure of the latest pass over all users. The row of user ''
-- names the latest pass that came to its end: who has an older figure is no
-- longer scored.
CREATE TABLE IF NOT EXISTS user_scores{{.OnCluster}}
(
    name    LowCardinality(String),
    user_id String,
    latest  SimpleAggregateFunction(max, Tuple(pass UInt64, value Float64))
)
ENGINE = {{.AggregatingMergeTree}}
ORDER BY (name, user_id)
SETTINGS non_replicated_deduplication_window = 10000;

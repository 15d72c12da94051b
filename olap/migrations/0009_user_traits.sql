-- The latest identify of each user, whose properties are the user's traits:
-- what user.plan means in a question. Rows are made by taking the largest, so
-- they may arrive in any order, more than once, and merge at any time.
CREATE TABLE IF NOT EXISTS user_traits{{.OnCluster}}
(
    user_id String,
    latest  SimpleAggregateFunction(max, Tuple(timestamp DateTime64(3, 'UTC'), event_id String, properties String))
)
ENGINE = {{.AggregatingMergeTree}}
ORDER BY user_id
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS user_traits_view{{.OnCluster}} TO user_traits AS
SELECT user_id, max((timestamp, event_id, properties)) AS latest
FROM events
WHERE type = 'identify'
GROUP BY user_id;

-- Those that were stored before the view was. Some may be there twice now, which
-- changes nothing: the largest stays the largest.
INSERT INTO user_traits
SELECT user_id, (timestamp, event_id, properties)
FROM events
WHERE type = 'identify';

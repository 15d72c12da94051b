-- How many events were stored in each second: what the live page draws.
CREATE TABLE IF NOT EXISTS stored_seconds{{.OnCluster}}
(
    second DateTime('UTC'),
    events UInt64
)
ENGINE = {{.SummingMergeTree}}
PARTITION BY toYYYYMM(second)
ORDER BY second
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS stored_seconds_view{{.OnCluster}} TO stored_seconds AS
SELECT toDateTime(intDiv(toUnixTimestamp64Milli(stored_at), 1000), 'UTC') AS second, count() AS events
FROM events
GROUP BY second;

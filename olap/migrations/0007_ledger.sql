-- What the ledger compares the raw rows with: how many events of each thousand
-- offsets of a partition have gone through the views.
CREATE TABLE IF NOT EXISTS offset_blocks{{.OnCluster}}
(
    kafka_topic     LowCardinality(String),
    kafka_partition Int32,
    block           Int64,
    events          UInt64
)
ENGINE = {{.SummingMergeTree}}
ORDER BY (kafka_topic, kafka_partition, block)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS offset_blocks_view{{.OnCluster}} TO offset_blocks AS
SELECT kafka_topic, kafka_partition, intDiv(kafka_offset, 1000) AS block, count() AS events
FROM events
GROUP BY kafka_topic, kafka_partition, block;

-- Events that the collector refused: they never reached the broker. One row per
-- process, minute and reason, and more where the process wrote more than once.
CREATE TABLE IF NOT EXISTS collector_rejections{{.OnCluster}}
(
    minute   DateTime('UTC'),
    reason   LowCardinality(String),
    events   UInt64
)
ENGINE = {{.MergeTree}}
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, reason)
SETTINGS non_replicated_deduplication_window = 10000;

-- Single letters and repeats are looked up by their offset.
ALTER TABLE dead_letters{{.OnCluster}} ADD INDEX IF NOT EXISTS offset_range kafka_offset TYPE minmax GRANULARITY 1;

ALTER TABLE duplicates{{.OnCluster}} ADD INDEX IF NOT EXISTS offset_range kafka_offset TYPE minmax GRANULARITY 1;

-- Records that were left out because an event with their event_id is stored
-- already: where each lies in Kafka, and where the stored one does.
CREATE TABLE IF NOT EXISTS duplicates{{.OnCluster}}
(
    event_id        String,
    stored_offset   Int64,
    received_at     DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    stored_at       DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1)),
    kafka_topic     LowCardinality(String),
    kafka_partition Int32,
    kafka_offset    Int64 CODEC(Delta(8), ZSTD(1))
)
ENGINE = {{.MergeTree}}
PARTITION BY toYYYYMM(received_at)
ORDER BY (received_at, kafka_topic, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000;

-- A new owner of a partition reads the ids of its latest offsets.
ALTER TABLE events{{.OnCluster}} ADD INDEX IF NOT EXISTS offset_range kafka_offset TYPE minmax GRANULARITY 1;

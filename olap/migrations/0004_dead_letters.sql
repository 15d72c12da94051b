-- Records that could not become events, whole, with the reason. One row per
-- record of the topic: a repeated block is dropped by its token.
CREATE TABLE IF NOT EXISTS dead_letters{{.OnCluster}}
(
    reason          LowCardinality(String),
    field           String,
    detail          String,
    payload         String CODEC(ZSTD(1)),
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

-- Dead letters that were put back into the topic: when, as which event, and by
-- which correction. A letter may be replayed more than once; the latest counts.
CREATE TABLE IF NOT EXISTS dead_letter_replays{{.OnCluster}}
(
    kafka_topic     LowCardinality(String),
    kafka_partition Int32,
    kafka_offset    Int64,
    event_id        String,
    correction      String CODEC(ZSTD(1)),
    replayed_at     DateTime64(3, 'UTC')
)
ENGINE = {{.MergeTree}}
ORDER BY (kafka_topic, kafka_partition, kafka_offset, replayed_at);

-- One row per event. Every column of event.Batch, and when it was stored.
-- The sort key is argued and measured in docs/decisions/003-storage.md.
CREATE TABLE IF NOT EXISTS events{{.OnCluster}}
(
    event_id        String,
    type            LowCardinality(String),
    user_id         String,
    anonymous_id    String,
    session_id      String,
    timestamp       DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    received_at     DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    stored_at       DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1)),

    amount          Nullable(Decimal(18, 6)),
    currency        LowCardinality(String),
    product_id      String,
    category        LowCardinality(String),
    video_id        String,
    properties      String CODEC(ZSTD(1)),

    ip              String,
    user_agent      String CODEC(ZSTD(1)),
    country         LowCardinality(String),
    page            String,
    referrer        String,
    platform        LowCardinality(String),
    app_version     LowCardinality(String),
    device          LowCardinality(String),
    os              LowCardinality(String),
    browser         LowCardinality(String),
    locale          LowCardinality(String),

    kafka_topic     LowCardinality(String),
    kafka_partition Int32,
    kafka_offset    Int64 CODEC(Delta(8), ZSTD(1)),

    INDEX stored_at_range stored_at TYPE minmax GRANULARITY 1
)
ENGINE = {{.MergeTree}}
PARTITION BY toYYYYMM(timestamp)
ORDER BY (user_id, timestamp, event_id)
PRIMARY KEY (user_id, timestamp)
SETTINGS non_replicated_deduplication_window = 10000;

-- 0001_events
CREATE TABLE IF NOT EXISTS events
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
ENGINE = MergeTree
PARTITION BY toYYYYMM(timestamp)
ORDER BY (user_id, timestamp, event_id)
PRIMARY KEY (user_id, timestamp)
SETTINGS non_replicated_deduplication_window = 10000;

-- 0002_windows
CREATE TABLE IF NOT EXISTS windows_10m
(
    window_start DateTime('UTC'),
    type         LowCardinality(String),
    currency     LowCardinality(String),
    events       SimpleAggregateFunction(sum, UInt64),
    users        AggregateFunction(uniqExact, UInt64),
    amounts      SimpleAggregateFunction(sum, UInt64),
    revenue      SimpleAggregateFunction(sum, Decimal(38, 6))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(window_start)
ORDER BY (window_start, type, currency)
SETTINGS non_replicated_deduplication_window = 10000;

-- 0002_windows
CREATE MATERIALIZED VIEW IF NOT EXISTS windows_10m_view TO windows_10m AS
SELECT
    toDateTime(intDiv(toUnixTimestamp64Milli(timestamp), 600000) * 600, 'UTC') AS window_start,
    type,
    currency,
    count() AS events,
    uniqExactState(sipHash64(user_id)) AS users,
    count(amount) AS amounts,
    sum(ifNull(amount, toDecimal64(0, 6))) AS revenue
FROM events
GROUP BY window_start, type, currency;

-- 0003_stored_seconds
CREATE TABLE IF NOT EXISTS stored_seconds
(
    second DateTime('UTC'),
    events UInt64
)
ENGINE = SummingMergeTree
PARTITION BY toYYYYMM(second)
ORDER BY second
SETTINGS non_replicated_deduplication_window = 10000;

-- 0003_stored_seconds
CREATE MATERIALIZED VIEW IF NOT EXISTS stored_seconds_view TO stored_seconds AS
SELECT toDateTime(intDiv(toUnixTimestamp64Milli(stored_at), 1000), 'UTC') AS second, count() AS events
FROM events
GROUP BY second;

-- 0004_dead_letters
CREATE TABLE IF NOT EXISTS dead_letters
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
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (received_at, kafka_topic, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000;

-- 0005_duplicates
CREATE TABLE IF NOT EXISTS duplicates
(
    event_id        String,
    stored_offset   Int64,
    received_at     DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    stored_at       DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1)),
    kafka_topic     LowCardinality(String),
    kafka_partition Int32,
    kafka_offset    Int64 CODEC(Delta(8), ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (received_at, kafka_topic, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000;

-- 0005_duplicates
ALTER TABLE events ADD INDEX IF NOT EXISTS offset_range kafka_offset TYPE minmax GRANULARITY 1;


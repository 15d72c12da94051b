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

-- 0006_sealed_at
ALTER TABLE events ADD COLUMN IF NOT EXISTS
    sealed_at DateTime64(3, 'UTC') DEFAULT stored_at CODEC(Delta(8), ZSTD(1)) AFTER stored_at;

-- 0006_sealed_at
CREATE OR REPLACE MATERIALIZED VIEW stored_seconds_view TO stored_seconds AS
SELECT toDateTime(intDiv(toUnixTimestamp64Milli(sealed_at), 1000), 'UTC') AS second, count() AS events
FROM events
GROUP BY second;

-- 0007_ledger
CREATE TABLE IF NOT EXISTS offset_blocks
(
    kafka_topic     LowCardinality(String),
    kafka_partition Int32,
    block           Int64,
    events          UInt64
)
ENGINE = SummingMergeTree
ORDER BY (kafka_topic, kafka_partition, block)
SETTINGS non_replicated_deduplication_window = 10000;

-- 0007_ledger
CREATE MATERIALIZED VIEW IF NOT EXISTS offset_blocks_view TO offset_blocks AS
SELECT kafka_topic, kafka_partition, intDiv(kafka_offset, 1000) AS block, count() AS events
FROM events
GROUP BY kafka_topic, kafka_partition, block;

-- 0007_ledger
CREATE TABLE IF NOT EXISTS collector_rejections
(
    minute   DateTime('UTC'),
    reason   LowCardinality(String),
    events   UInt64
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, reason)
SETTINGS non_replicated_deduplication_window = 10000;

-- 0007_ledger
ALTER TABLE dead_letters ADD INDEX IF NOT EXISTS offset_range kafka_offset TYPE minmax GRANULARITY 1;

-- 0007_ledger
ALTER TABLE duplicates ADD INDEX IF NOT EXISTS offset_range kafka_offset TYPE minmax GRANULARITY 1;

-- 0008_dead_letter_replays
CREATE TABLE IF NOT EXISTS dead_letter_replays
(
    kafka_topic     LowCardinality(String),
    kafka_partition Int32,
    kafka_offset    Int64,
    event_id        String,
    correction      String CODEC(ZSTD(1)),
    replayed_at     DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (kafka_topic, kafka_partition, kafka_offset, replayed_at);

-- 0009_user_traits
CREATE TABLE IF NOT EXISTS user_traits
(
    user_id String,
    latest  SimpleAggregateFunction(max, Tuple(timestamp DateTime64(3, 'UTC'), event_id String, properties String))
)
ENGINE = AggregatingMergeTree
ORDER BY user_id
SETTINGS non_replicated_deduplication_window = 10000;

-- 0009_user_traits
CREATE MATERIALIZED VIEW IF NOT EXISTS user_traits_view TO user_traits AS
SELECT user_id, max((timestamp, event_id, properties)) AS latest
FROM events
WHERE type = 'identify'
GROUP BY user_id;

-- 0009_user_traits
INSERT INTO user_traits
SELECT user_id, (timestamp, event_id, properties)
FROM events
WHERE type = 'identify';

-- 0010_by_type
ALTER TABLE events MODIFY COLUMN timestamp DateTime64(3, 'UTC') CODEC(T64, LZ4);

-- 0010_by_type
ALTER TABLE events MODIFY SETTING materialize_projections_on_insert = 0, lightweight_mutation_projection_mode = 'rebuild';

-- 0010_by_type
ALTER TABLE events ADD PROJECTION IF NOT EXISTS by_type
(
    SELECT type, sipHash64(user_id), timestamp, user_id, amount, currency, country, platform
    ORDER BY type, sipHash64(user_id), timestamp
);

-- 0011_user_scores
CREATE TABLE IF NOT EXISTS user_scores
(
    name    LowCardinality(String),
    user_id String,
    latest  SimpleAggregateFunction(max, Tuple(pass UInt64, value Float64))
)
ENGINE = AggregatingMergeTree
ORDER BY (name, user_id)
SETTINGS non_replicated_deduplication_window = 10000;

-- 0012_windows_by_type
CREATE TABLE IF NOT EXISTS windows_by_type
(
    by_country   UInt8,
    type         LowCardinality(String),
    window_start DateTime('UTC'),
    country      LowCardinality(String),
    currency     LowCardinality(String),
    events       SimpleAggregateFunction(sum, UInt64),
    amounts      SimpleAggregateFunction(sum, UInt64),
    revenue      SimpleAggregateFunction(sum, Decimal(38, 6)),
    users        SimpleAggregateFunction(groupUniqArrayArray, Array(UInt64))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(window_start)
ORDER BY (by_country, type, window_start, country, currency)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000;

-- 0012_windows_by_type
CREATE MATERIALIZED VIEW IF NOT EXISTS windows_by_type_view TO windows_by_type AS
SELECT
    by_country,
    type,
    window_start,
    if(by_country, place, '') AS country,
    currency,
    sum(n) AS events,
    sum(priced) AS amounts,
    sum(paid) AS revenue,
    groupUniqArrayArray(if(by_country, people, [])) AS users
FROM
(
    SELECT
        type,
        toDateTime(intDiv(toUnixTimestamp64Milli(timestamp), 600000) * 600, 'UTC') AS window_start,
        country AS place,
        currency,
        count() AS n,
        count(amount) AS priced,
        sum(ifNull(amount, toDecimal64(0, 6))) AS paid,
        groupUniqArray(sipHash64(user_id)) AS people
    FROM events
    GROUP BY type, window_start, place, currency
)
ARRAY JOIN [0, 1] AS by_country
GROUP BY by_country, type, window_start, country, currency;

-- 0012_windows_by_type
CREATE TABLE IF NOT EXISTS windows_missing
(
    month UInt32, -- 202601
    since DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY month;

-- 0012_windows_by_type
INSERT INTO windows_missing (month)
SELECT DISTINCT toYYYYMM(timestamp)
FROM events;

-- 0012_windows_by_type
DROP VIEW IF EXISTS windows_10m_view;

-- 0012_windows_by_type
DROP TABLE IF EXISTS windows_10m;

-- 0013_windows_with_users
CREATE OR REPLACE MATERIALIZED VIEW windows_by_type_view TO windows_by_type AS
SELECT
    by_country,
    type,
    window_start,
    if(by_country, place, '') AS country,
    currency,
    sum(n) AS events,
    sum(priced) AS amounts,
    sum(paid) AS revenue,
    groupUniqArrayArray(people) AS users
FROM
(
    SELECT
        type,
        toDateTime(intDiv(toUnixTimestamp64Milli(timestamp), 600000) * 600, 'UTC') AS window_start,
        country AS place,
        currency,
        count() AS n,
        count(amount) AS priced,
        sum(ifNull(amount, toDecimal64(0, 6))) AS paid,
        groupUniqArray(sipHash64(user_id)) AS people
    FROM events
    GROUP BY type, window_start, place, currency
)
ARRAY JOIN [0, 1] AS by_country
GROUP BY by_country, type, window_start, country, currency;

-- 0013_windows_with_users
TRUNCATE TABLE IF EXISTS windows_by_type;

-- 0013_windows_with_users
INSERT INTO windows_missing (month)
SELECT DISTINCT toYYYYMM(timestamp)
FROM events;

-- 0014_person
ALTER TABLE events ADD COLUMN IF NOT EXISTS person UInt64 MATERIALIZED sipHash64(user_id);

-- 0014_person
ALTER TABLE events DROP PROJECTION IF EXISTS by_type;

-- 0014_person
ALTER TABLE events ADD PROJECTION IF NOT EXISTS by_person
(
    SELECT type, person, timestamp, user_id, amount, currency, country, platform
    ORDER BY type, person, timestamp
);

-- 0015_money_by_half_hour
CREATE OR REPLACE MATERIALIZED VIEW windows_by_type_view TO windows_by_type AS
SELECT
    by_country,
    type,
    if(by_country < 2, at, toStartOfInterval(at, toIntervalMinute(30), 'UTC')) AS window_start,
    if(by_country IN (1, 3), place, '') AS country,
    currency,
    sum(n) AS events,
    sum(priced) AS amounts,
    sum(paid) AS revenue,
    groupUniqArrayArray(people) AS users
FROM
(
    SELECT
        type,
        toDateTime(intDiv(toUnixTimestamp64Milli(timestamp), 600000) * 600, 'UTC') AS at,
        country AS place,
        currency,
        count() AS n,
        count(amount) AS priced,
        sum(ifNull(amount, toDecimal64(0, 6))) AS paid,
        groupUniqArray(sipHash64(user_id)) AS people
    FROM events
    GROUP BY type, at, place, currency
)
ARRAY JOIN if(type IN ('purchase', 'refund'), [0, 1, 2, 3], [0, 1]) AS by_country
GROUP BY by_country, type, window_start, country, currency;

-- 0015_money_by_half_hour
TRUNCATE TABLE IF EXISTS windows_by_type;

-- 0015_money_by_half_hour
INSERT INTO windows_missing (month)
SELECT DISTINCT toYYYYMM(timestamp)
FROM events;


-- Tables of each shard.

CREATE DATABASE IF NOT EXISTS millrace ON CLUSTER main;

USE millrace;

CREATE TABLE IF NOT EXISTS schema_migrations ON CLUSTER main
(
    version    UInt32,
    name       String,
    checksum   String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{database}/{table}', '{shard}-{replica}', applied_at)
ORDER BY version;

-- 0001_events

CREATE TABLE IF NOT EXISTS events ON CLUSTER main
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
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY toYYYYMM(timestamp)
ORDER BY (user_id, timestamp, event_id)
PRIMARY KEY (user_id, timestamp)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

-- 0002_windows

CREATE TABLE IF NOT EXISTS windows_10m ON CLUSTER main
(
    window_start DateTime('UTC'),
    type         LowCardinality(String),
    currency     LowCardinality(String),
    events       SimpleAggregateFunction(sum, UInt64),
    users        AggregateFunction(uniqExact, UInt64),
    amounts      SimpleAggregateFunction(sum, UInt64),
    revenue      SimpleAggregateFunction(sum, Decimal(38, 6))
)
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY toYYYYMM(window_start)
ORDER BY (window_start, type, currency)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS windows_10m_view ON CLUSTER main TO windows_10m AS
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

CREATE TABLE IF NOT EXISTS stored_seconds ON CLUSTER main
(
    second DateTime('UTC'),
    events UInt64
)
ENGINE = ReplicatedSummingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY toYYYYMM(second)
ORDER BY second
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS stored_seconds_view ON CLUSTER main TO stored_seconds AS
SELECT toDateTime(intDiv(toUnixTimestamp64Milli(stored_at), 1000), 'UTC') AS second, count() AS events
FROM events
GROUP BY second;

-- 0004_dead_letters

CREATE TABLE IF NOT EXISTS dead_letters ON CLUSTER main
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
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY toYYYYMM(received_at)
ORDER BY (received_at, kafka_topic, kafka_partition, kafka_offset)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

-- 0005_duplicates

CREATE TABLE IF NOT EXISTS duplicates ON CLUSTER main
(
    event_id        String,
    stored_offset   Int64,
    received_at     DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    stored_at       DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1)),
    kafka_topic     LowCardinality(String),
    kafka_partition Int32,
    kafka_offset    Int64 CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY toYYYYMM(received_at)
ORDER BY (received_at, kafka_topic, kafka_partition, kafka_offset)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

ALTER TABLE events ON CLUSTER main ADD INDEX IF NOT EXISTS offset_range kafka_offset TYPE minmax GRANULARITY 1;

-- 0006_sealed_at

ALTER TABLE events ON CLUSTER main ADD COLUMN IF NOT EXISTS
    sealed_at DateTime64(3, 'UTC') DEFAULT stored_at CODEC(Delta(8), ZSTD(1)) AFTER stored_at;

CREATE OR REPLACE MATERIALIZED VIEW stored_seconds_view ON CLUSTER main TO stored_seconds AS
SELECT toDateTime(intDiv(toUnixTimestamp64Milli(sealed_at), 1000), 'UTC') AS second, count() AS events
FROM events
GROUP BY second;

-- 0007_ledger

CREATE TABLE IF NOT EXISTS offset_blocks ON CLUSTER main
(
    kafka_topic     LowCardinality(String),
    kafka_partition Int32,
    block           Int64,
    events          UInt64
)
ENGINE = ReplicatedSummingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY (kafka_topic, kafka_partition, block)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS offset_blocks_view ON CLUSTER main TO offset_blocks AS
SELECT kafka_topic, kafka_partition, intDiv(kafka_offset, 1000) AS block, count() AS events
FROM events
GROUP BY kafka_topic, kafka_partition, block;

CREATE TABLE IF NOT EXISTS collector_rejections ON CLUSTER main
(
    minute   DateTime('UTC'),
    reason   LowCardinality(String),
    events   UInt64
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, reason)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

ALTER TABLE dead_letters ON CLUSTER main ADD INDEX IF NOT EXISTS offset_range kafka_offset TYPE minmax GRANULARITY 1;

ALTER TABLE duplicates ON CLUSTER main ADD INDEX IF NOT EXISTS offset_range kafka_offset TYPE minmax GRANULARITY 1;

-- 0008_dead_letter_replays

CREATE TABLE IF NOT EXISTS dead_letter_replays ON CLUSTER main
(
    kafka_topic     LowCardinality(String),
    kafka_partition Int32,
    kafka_offset    Int64,
    event_id        String,
    correction      String CODEC(ZSTD(1)),
    replayed_at     DateTime64(3, 'UTC')
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY (kafka_topic, kafka_partition, kafka_offset, replayed_at);

-- 0009_user_traits

CREATE TABLE IF NOT EXISTS user_traits ON CLUSTER main
(
    user_id String,
    latest  SimpleAggregateFunction(max, Tuple(timestamp DateTime64(3, 'UTC'), event_id String, properties String))
)
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY user_id
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS user_traits_view ON CLUSTER main TO user_traits AS
SELECT user_id, max((timestamp, event_id, properties)) AS latest
FROM events
WHERE type = 'identify'
GROUP BY user_id;

-- 0010_by_type

ALTER TABLE events ON CLUSTER main MODIFY COLUMN timestamp DateTime64(3, 'UTC') CODEC(T64, LZ4);

ALTER TABLE events ON CLUSTER main MODIFY SETTING materialize_projections_on_insert = 0, lightweight_mutation_projection_mode = 'rebuild';

ALTER TABLE events ON CLUSTER main ADD PROJECTION IF NOT EXISTS by_type
(
    SELECT type, sipHash64(user_id), timestamp, user_id, amount, currency, country, platform
    ORDER BY type, sipHash64(user_id), timestamp
);

-- 0011_user_scores

CREATE TABLE IF NOT EXISTS user_scores ON CLUSTER main
(
    name    LowCardinality(String),
    user_id String,
    latest  SimpleAggregateFunction(max, Tuple(pass UInt64, value Float64))
)
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY (name, user_id)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

-- 0012_windows_by_type

CREATE TABLE IF NOT EXISTS windows_by_type ON CLUSTER main
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
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY toYYYYMM(window_start)
ORDER BY (by_country, type, window_start, country, currency)
SETTINGS index_granularity = 256, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE MATERIALIZED VIEW IF NOT EXISTS windows_by_type_view ON CLUSTER main TO windows_by_type AS
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

CREATE TABLE IF NOT EXISTS windows_missing ON CLUSTER main
(
    month UInt32, -- 202601
    since DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY month;

DROP VIEW IF EXISTS windows_10m_view ON CLUSTER main;

DROP TABLE IF EXISTS windows_10m ON CLUSTER main;

-- 0013_windows_with_users

CREATE OR REPLACE MATERIALIZED VIEW windows_by_type_view ON CLUSTER main TO windows_by_type AS
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

TRUNCATE TABLE IF EXISTS windows_by_type ON CLUSTER main;

-- 0014_person

ALTER TABLE events ON CLUSTER main ADD COLUMN IF NOT EXISTS person UInt64 MATERIALIZED sipHash64(user_id);

ALTER TABLE events ON CLUSTER main DROP PROJECTION IF EXISTS by_type;

ALTER TABLE events ON CLUSTER main ADD PROJECTION IF NOT EXISTS by_person
(
    SELECT type, person, timestamp, user_id, amount, currency, country, platform
    ORDER BY type, person, timestamp
);

-- 0015_money_by_half_hour

CREATE OR REPLACE MATERIALIZED VIEW windows_by_type_view ON CLUSTER main TO windows_by_type AS
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

TRUNCATE TABLE IF EXISTS windows_by_type ON CLUSTER main;

-- Tables that read all shards. Nothing is inserted through them: a block goes to its shard as a whole.

CREATE DATABASE IF NOT EXISTS millrace_all ON CLUSTER main;

CREATE OR REPLACE TABLE millrace_all.events ON CLUSTER main AS millrace.events
ENGINE = Distributed('main', 'millrace', events, sipHash64(user_id));

CREATE OR REPLACE TABLE millrace_all.stored_seconds ON CLUSTER main AS millrace.stored_seconds
ENGINE = Distributed('main', 'millrace', stored_seconds);

CREATE OR REPLACE TABLE millrace_all.dead_letters ON CLUSTER main AS millrace.dead_letters
ENGINE = Distributed('main', 'millrace', dead_letters);

CREATE OR REPLACE TABLE millrace_all.duplicates ON CLUSTER main AS millrace.duplicates
ENGINE = Distributed('main', 'millrace', duplicates);

CREATE OR REPLACE TABLE millrace_all.offset_blocks ON CLUSTER main AS millrace.offset_blocks
ENGINE = Distributed('main', 'millrace', offset_blocks);

CREATE OR REPLACE TABLE millrace_all.collector_rejections ON CLUSTER main AS millrace.collector_rejections
ENGINE = Distributed('main', 'millrace', collector_rejections);

CREATE OR REPLACE TABLE millrace_all.dead_letter_replays ON CLUSTER main AS millrace.dead_letter_replays
ENGINE = Distributed('main', 'millrace', dead_letter_replays);

CREATE OR REPLACE TABLE millrace_all.user_traits ON CLUSTER main AS millrace.user_traits
ENGINE = Distributed('main', 'millrace', user_traits, sipHash64(user_id));

CREATE OR REPLACE TABLE millrace_all.user_scores ON CLUSTER main AS millrace.user_scores
ENGINE = Distributed('main', 'millrace', user_scores);

CREATE OR REPLACE TABLE millrace_all.windows_by_type ON CLUSTER main AS millrace.windows_by_type
ENGINE = Distributed('main', 'millrace', windows_by_type);

CREATE OR REPLACE TABLE millrace_all.windows_missing ON CLUSTER main AS millrace.windows_missing
ENGINE = Distributed('main', 'millrace', windows_missing);

-- For the user that questions are asked as. A shard that does not answer is an error, never a smaller number.

CREATE SETTINGS PROFILE OR REPLACE millrace_questions ON CLUSTER main SETTINGS
    distributed_product_mode = 'local',               -- join on the shard: users do not span shards
    optimize_distributed_group_by_sharding_key = 1,   -- groups by user are final on the shard
    optimize_skip_unused_shards = 0,                  -- the id does not tell the shard
    skip_unavailable_shards = 0;

-- Each shard fills its own tables from its own rows.

USE millrace_all;

INSERT INTO user_traits
SELECT user_id, (timestamp, event_id, properties)
FROM events
WHERE type = 'identify'
SETTINGS parallel_distributed_insert_select = 2;

INSERT INTO windows_missing (month)
SELECT DISTINCT toYYYYMM(timestamp)
FROM events
SETTINGS parallel_distributed_insert_select = 2;

INSERT INTO windows_missing (month)
SELECT DISTINCT toYYYYMM(timestamp)
FROM events
SETTINGS parallel_distributed_insert_select = 2;

INSERT INTO windows_missing (month)
SELECT DISTINCT toYYYYMM(timestamp)
FROM events
SETTINGS parallel_distributed_insert_select = 2;

-- What is done.

INSERT INTO millrace.schema_migrations (version, name, checksum) VALUES (1, 'events', '94f3a3a321486be591b54c09de9998536be0c21fd0888a2feccad8999969ec2d');

INSERT INTO millrace.schema_migrations (version, name, checksum) VALUES (2, 'windows', '6390cfa7301ce56a882077d48f5132b5f23948d595257b4e3ef53c486c918ebd');

INSERT INTO millrace.schema_migrations (version, name, checksum) VALUES (3, 'stored_seconds', '3c3cffa0246e5e83cf59e52030488f302ed6eb60e276fd3a7faa151f71fe8e6b');

INSERT INTO millrace.schema_migrations (version, name, checksum) VALUES (4, 'dead_letters', 'ca89422ae1836e95ad30864cab80f2cd7a2bf36199956c281770a54178544134');

INSERT INTO millrace.schema_migrations (version, name, checksum) VALUES (5, 'duplicates', 'c4483526563cbd20290ce53e5ca8ee5e876b5992cb740c658d2d9aebf7ad458d');

INSERT INTO millrace.schema_migrations (version, name, checksum) VALUES (6, 'sealed_at', '03fe97414786f309acc81a4231b78daf182e4eaefd54496526a369be45ad7a4e');

INSERT INTO millrace.schema_migrations (version, name, checksum) VALUES (7, 'ledger', 'afd7c12b88c73a5d7440b4d0b1078c44afcc87776dfce78848eca99aeae15d56');

INSERT INTO millrace.schema_migrations (version, name, checksum) VALUES (8, 'dead_letter_replays', '90f1b38fa24b66edc7021b5960c7efa11990b5b9c18d7d38ecdb214ad45f0440');

INSERT INTO millrace.schema_migrations (version, name, checksum) VALUES (9, 'user_traits', 'd404449f693ad99227edd33e49ee07297a5e5088a5017fa4a638d4c08365a947');

INSERT INTO millrace.schema_migrations (version, name, checksum) VALUES (10, 'by_type', '53053312ed43c25dbed4df55a0bea6713d30d109383407d4fb809de0c84d109e');

INSERT INTO millrace.schema_migrations (version, name, checksum) VALUES (11, 'user_scores', '46be55624f0db9c573b35a43b208990c1da496e87b5c2c96298305f612875498');

INSERT INTO millrace.schema_migrations (version, name, checksum) VALUES (12, 'windows_by_type', '317baf61d55fd8d27a956a8635c86bf50046dbed574b19446d5282303c237f1f');

INSERT INTO millrace.schema_migrations (version, name, checksum) VALUES (13, 'windows_with_users', '955596823bc6a3b606cd4c1df8aed1223c14249203cdd51c62952edef537789b');

INSERT INTO millrace.schema_migrations (version, name, checksum) VALUES (14, 'person', 'b4005ee25f165b126bbf7f7d3f5b7312f70e35083c971d01e5ce9c0b23dddb01');

INSERT INTO millrace.schema_migrations (version, name, checksum) VALUES (15, 'money_by_half_hour', '3fc5e26f4a6f5ac2adebf7b45bc7074f4ce54036b9055193c857a75fd0efaa83');


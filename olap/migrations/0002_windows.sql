-- 10-minute tumbling windows by event time: the default rollup. States merge,
-- so a late event corrects its window. Every expression below is total: a view
-- that throws on data could never be completed by a retry.
--
-- users holds 64-bit hashes: half the space of the names' 128-bit ones, and
-- exact in all likelihood (among 10 million users, two share a hash with a
-- probability of 3 in a million).
CREATE TABLE IF NOT EXISTS windows_10m{{.OnCluster}}
(
    window_start DateTime('UTC'),
    type         LowCardinality(String),
    currency     LowCardinality(String),
    events       SimpleAggregateFunction(sum, UInt64),
    users        AggregateFunction(uniqExact, UInt64),
    amounts      SimpleAggregateFunction(sum, UInt64),
    revenue      SimpleAggregateFunction(sum, Decimal(38, 6))
)
ENGINE = {{.AggregatingMergeTree}}
PARTITION BY toYYYYMM(window_start)
ORDER BY (window_start, type, currency)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS windows_10m_view{{.OnCluster}} TO windows_10m AS
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

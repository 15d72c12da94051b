-- 10-minute tumbling windows by event time: the default rollup. States merge,
-- so a late event corrects its window. Every expression below is total: a view
-- that throws on data could never be completed by a retry.
CREATE TABLE IF NOT EXISTS windows_10m{{.OnCluster}}
(
    window_start DateTime('UTC'),
    type         LowCardinality(String),
    currency     LowCardinality(String),
    events       SimpleAggregateFunction(sum, UInt64),
    users        AggregateFunction(uniqExact, String),
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
    uniqExactState(user_id) AS users,
    count(amount) AS amounts,
    sum(ifNull(amount, toDecimal64(0, 6))) AS revenue
FROM events
GROUP BY window_start, type, currency;

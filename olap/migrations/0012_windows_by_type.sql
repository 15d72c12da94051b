-- The windows of 0002 again, by type first and with countries: a question about
-- one type reads that type's rows alone, and granules are small enough for a day.
--
-- Each window is there twice. Rows with by_country = 0 have all countries in one
-- and no users: a count over months reads few of them. Rows with by_country = 1
-- are of one country and have the users, each once, as 64-bit hashes (the bound is
-- in 0002): an array is read and counted in half the time of a state of uniqExact.
--
-- As in 0002, every expression of the view is total.
CREATE TABLE IF NOT EXISTS windows_by_type{{.OnCluster}}
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
ENGINE = {{.AggregatingMergeTree}}
PARTITION BY toYYYYMM(window_start)
ORDER BY (by_country, type, window_start, country, currency)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS windows_by_type_view{{.OnCluster}} TO windows_by_type AS
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

-- Months whose windows lack the events that were stored before that view was made,
-- and since when they are known to. Questions read the raw events of these; Settle
-- makes their windows anew. In a new database there is none.
CREATE TABLE IF NOT EXISTS windows_missing{{.OnCluster}}
(
    month UInt32, -- 202601
    since DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = {{.MergeTree}}
ORDER BY month;

INSERT INTO windows_missing (month)
SELECT DISTINCT toYYYYMM(timestamp)
FROM events;

-- One view is enough for the ingest to feed.
DROP VIEW IF EXISTS windows_10m_view{{.OnCluster}};

DROP TABLE IF EXISTS windows_10m{{.OnCluster}};

-- Purchases and refunds once more by the half hour, without and with countries:
-- by_country 2 and 3 are to them what 0 and 1 are to all types. A month of revenue
-- is a fraction of the rows then, and half hours make up the days of all time zones
-- that ten minutes make up. No other type has these rows: they would cost the
-- inserts too much.
--
-- A view that is replaced knows its tokens. Months with events are filled as in
-- 0012 and 0013.
CREATE OR REPLACE MATERIALIZED VIEW windows_by_type_view{{.OnCluster}} TO windows_by_type AS
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

TRUNCATE TABLE IF EXISTS windows_by_type{{.OnCluster}};

INSERT INTO windows_missing (month)
SELECT DISTINCT toYYYYMM(timestamp)
FROM events;

-- Users in both kinds of rows of windows_by_type: a question that names no country
-- reads few rows for different users too, and where a window has one row, the
-- length of its array is their number, without a look at it.
--
-- A view that is replaced knows its tokens. Months with events are filled as in
-- 0012; their windows are taken away first, so that nobody takes them for complete.
CREATE OR REPLACE MATERIALIZED VIEW windows_by_type_view{{.OnCluster}} TO windows_by_type AS
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

TRUNCATE TABLE IF EXISTS windows_by_type{{.OnCluster}};

INSERT INTO windows_missing (month)
SELECT DISTINCT toYYYYMM(timestamp)
FROM events;

-- {"kind":"trends","from":"2026-03-01","to":"2026-03-15","series":[{"measure":"users"}],"cumulative":true,"breakdown":{"property":"country"}}

SET param_p1 = '2026-03-01 00:00:00.000';
SET param_p2 = '2026-03-15 00:00:00.000';
SET param_p3 = '10';
SELECT toString(country) AS value
FROM (
    SELECT toInt64(toUnixTimestamp(window_start)) * 1000 AS at, type, country, currency, events, users, amounts, revenue
    FROM windows_by_type
    WHERE by_country = 1 AND window_start >= {p1:DateTime64(3, 'UTC')} AND window_start < {p2:DateTime64(3, 'UTC')} AND (1)
)
WHERE country != ''
GROUP BY value
ORDER BY uniqExactArrayIf(users, 1) DESC, sum(events) DESC, value
LIMIT {p3:Int64};

SET param_p1 = '[\'IN\',\'US\']';
SET param_p2 = '[1,2]';
SET param_p3 = '1772323200000';
SET param_p4 = '86400000';
SET param_p5 = '2026-03-01 00:00:00.000';
SET param_p6 = '2026-03-15 00:00:00.000';
SELECT slot, bucket, toUInt8(0) AS whole,
    ifNull(toString(uniqExactMerge(state) OVER (PARTITION BY slot ORDER BY bucket)), '') AS value, skipped
FROM
(
    SELECT if(country != '', transform(toString(country), {p1:Array(String)}, {p2:Array(Int64)}, toInt64(0)), toInt64(-1)) AS slot, intDiv(toUnixTimestamp64Milli(timestamp) - {p3:Int64}, {p4:Int64}) AS bucket, uniqExactState(user_id) AS state, toUInt64(0) AS skipped
    FROM events
    WHERE timestamp >= {p5:DateTime64(3, 'UTC')} AND timestamp < {p6:DateTime64(3, 'UTC')}
    GROUP BY slot, bucket
);

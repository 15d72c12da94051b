-- {"from":"2026-03-01","to":"2026-03-15","kind":"sessions","gap":"5m","where":"page = \"it's\"","breakdown":{"property":"country","limit":2}}

SET param_p1 = 'it\'s';
SET param_p2 = '2026-02-28 00:00:00.000';
SET param_p3 = '2026-03-16 00:00:00.000';
SET param_p4 = '1772323200000';
SET param_p5 = '1773532800000';
SET param_p6 = '300000';
SET param_p7 = '2';
SELECT substring(value, 2) AS name
FROM
(
    SELECT user_id, min(toUnixTimestamp64Milli(timestamp)) AS begun, max(toUnixTimestamp64Milli(timestamp)) AS ended, count() AS events,
        argMinIf('=' || toString(country), bitShiftLeft(toInt128(toUnixTimestamp64Milli(timestamp)), 64) + kafka_offset, country != '') AS value
    FROM events
    WHERE timestamp >= {p2:DateTime64(3, 'UTC')} AND timestamp < {p3:DateTime64(3, 'UTC')} AND session_id != '' AND ((page != '' AND page = {p1:String}))
    GROUP BY user_id, session_id
    HAVING begun >= {p4:Int64} AND begun < {p5:Int64}
    UNION ALL
    SELECT user_id, min(toUnixTimestamp64Milli(timestamp)) AS begun, max(toUnixTimestamp64Milli(timestamp)) AS ended, count() AS events,
        argMinIf('=' || toString(country), bitShiftLeft(toInt128(toUnixTimestamp64Milli(timestamp)), 64) + kafka_offset, country != '') AS value
    FROM
    (
    SELECT * EXCEPT (opens), '\n' || toString(sum(opens) OVER (PARTITION BY user_id ORDER BY timestamp)) AS session FROM
    (
        SELECT *, toUnixTimestamp64Milli(timestamp) - lagInFrame(toUnixTimestamp64Milli(timestamp)) OVER
            (PARTITION BY user_id ORDER BY timestamp ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) > {p6:Int64} AS opens
        FROM events WHERE timestamp >= {p2:DateTime64(3, 'UTC')} AND timestamp < {p3:DateTime64(3, 'UTC')} AND session_id = ''
    )
    )
    WHERE ((page != '' AND page = {p1:String}))
    GROUP BY user_id, session
    HAVING begun >= {p4:Int64} AND begun < {p5:Int64}
)
WHERE value != ''
GROUP BY name
ORDER BY count() DESC, name
LIMIT {p7:Int64};

SET param_p1 = '1773618900000';
SET param_p2 = '1772323200000';
SET param_p3 = '86400000';
SET param_p4 = 'it\'s';
SET param_p5 = '2026-02-28 00:00:00.000';
SET param_p6 = '2026-03-16 00:00:00.000';
SET param_p7 = '1773532800000';
SET param_p8 = '300000';
SELECT toInt64(if(value = '', -1, 0)) AS slot, intDiv(begun - {p2:Int64}, {p3:Int64}) AS bucket, toUInt8(grouping(bucket)) AS whole,
    count() AS sessions, uniqExact(user_id) AS users,
    toString(quantileExactInclusive(0.5)((ended - begun) / 1000)) AS median, toString(avg(ended - begun) / 1000) AS average,
    toString(avg(events)) AS events_each, toString(countIf(events = 1) / count()) AS bounced,
    max(ended) AS last, countIf(ended >= {p1:Int64}) AS cut
FROM
(
    SELECT user_id, min(toUnixTimestamp64Milli(timestamp)) AS begun, max(toUnixTimestamp64Milli(timestamp)) AS ended, count() AS events,
        argMinIf('=' || toString(country), bitShiftLeft(toInt128(toUnixTimestamp64Milli(timestamp)), 64) + kafka_offset, country != '') AS value
    FROM events
    WHERE timestamp >= {p5:DateTime64(3, 'UTC')} AND timestamp < {p6:DateTime64(3, 'UTC')} AND session_id != '' AND ((page != '' AND page = {p4:String}))
    GROUP BY user_id, session_id
    HAVING begun >= {p2:Int64} AND begun < {p7:Int64}
    UNION ALL
    SELECT user_id, min(toUnixTimestamp64Milli(timestamp)) AS begun, max(toUnixTimestamp64Milli(timestamp)) AS ended, count() AS events,
        argMinIf('=' || toString(country), bitShiftLeft(toInt128(toUnixTimestamp64Milli(timestamp)), 64) + kafka_offset, country != '') AS value
    FROM
    (
    SELECT * EXCEPT (opens), '\n' || toString(sum(opens) OVER (PARTITION BY user_id ORDER BY timestamp)) AS session FROM
    (
        SELECT *, toUnixTimestamp64Milli(timestamp) - lagInFrame(toUnixTimestamp64Milli(timestamp)) OVER
            (PARTITION BY user_id ORDER BY timestamp ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) > {p8:Int64} AS opens
        FROM events WHERE timestamp >= {p5:DateTime64(3, 'UTC')} AND timestamp < {p6:DateTime64(3, 'UTC')} AND session_id = ''
    )
    )
    WHERE ((page != '' AND page = {p4:String}))
    GROUP BY user_id, session
    HAVING begun >= {p2:Int64} AND begun < {p7:Int64}
)
GROUP BY slot, bucket WITH ROLLUP
HAVING grouping(slot) = 0;

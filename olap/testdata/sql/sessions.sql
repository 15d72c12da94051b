-- {"from":"2026-03-01","to":"2026-03-15","kind":"sessions"}

SET param_p1 = '1773617400000';
SET param_p2 = '1772323200000';
SET param_p3 = '86400000';
SET param_p4 = '2026-02-28 00:00:00.000';
SET param_p5 = '2026-03-16 00:00:00.000';
SET param_p6 = '1773532800000';
SET param_p7 = '1800000';
SELECT toInt64(0) AS slot, intDiv(begun - {p2:Int64}, {p3:Int64}) AS bucket, toUInt8(grouping(bucket)) AS whole,
    count() AS sessions, uniqExact(user_id) AS users,
    toString(quantileExactInclusive(0.5)((ended - begun) / 1000)) AS median, toString(avg(ended - begun) / 1000) AS average,
    toString(avg(events)) AS events_each, toString(countIf(events = 1) / count()) AS bounced,
    max(ended) AS last, countIf(ended >= {p1:Int64}) AS cut
FROM
(
    SELECT user_id, min(toUnixTimestamp64Milli(timestamp)) AS begun, max(toUnixTimestamp64Milli(timestamp)) AS ended, count() AS events
    FROM events
    WHERE timestamp >= {p4:DateTime64(3, 'UTC')} AND timestamp < {p5:DateTime64(3, 'UTC')} AND session_id != ''
    GROUP BY user_id, session_id
    HAVING begun >= {p2:Int64} AND begun < {p6:Int64}
    UNION ALL
    SELECT user_id, min(toUnixTimestamp64Milli(timestamp)) AS begun, max(toUnixTimestamp64Milli(timestamp)) AS ended, count() AS events
    FROM
    (
    SELECT * EXCEPT (opens), '\n' || toString(sum(opens) OVER (PARTITION BY user_id ORDER BY timestamp)) AS session FROM
    (
        SELECT *, toUnixTimestamp64Milli(timestamp) - lagInFrame(toUnixTimestamp64Milli(timestamp)) OVER
            (PARTITION BY user_id ORDER BY timestamp ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) > {p7:Int64} AS opens
        FROM events WHERE timestamp >= {p4:DateTime64(3, 'UTC')} AND timestamp < {p5:DateTime64(3, 'UTC')} AND session_id = ''
    )
    )
    GROUP BY user_id, session
    HAVING begun >= {p2:Int64} AND begun < {p6:Int64}
)
GROUP BY bucket WITH ROLLUP
HAVING sessions > 0;

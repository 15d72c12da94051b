-- {"kind":"trends","from":"2026-03-01","to":"2026-03-15","series":[{"measure":"avg","per":"user"},{"measure":"p95","per":"session","property":"amount"}]}

SET param_p1 = '1772323200000';
SET param_p2 = '86400000';
SET param_p3 = '2026-03-01 00:00:00.000';
SET param_p4 = '2026-03-15 00:00:00.000';
SELECT slot, bucket, whole, ifNull(toString(avg(figure)), '') AS value, sum(left_out) AS skipped
FROM
(
    SELECT toInt64(0) AS slot, user_id, intDiv(toUnixTimestamp64Milli(timestamp) - {p1:Int64}, {p2:Int64}) AS bucket, toUInt8(grouping(bucket)) AS whole,
        count() AS figure, toUInt64(0) AS left_out
    FROM events
    WHERE timestamp >= {p3:DateTime64(3, 'UTC')} AND timestamp < {p4:DateTime64(3, 'UTC')}
    GROUP BY slot, user_id, bucket WITH ROLLUP
    HAVING grouping(user_id) = 0
)
GROUP BY slot, bucket, whole;

SET param_p1 = '1772323200000';
SET param_p2 = '86400000';
SET param_p3 = '2026-03-01 00:00:00.000';
SET param_p4 = '2026-03-15 00:00:00.000';
SET param_p5 = '1800000';
SELECT slot, bucket, whole, ifNull(toString(quantileExactInclusive(0.95)(toFloat64(figure))), '') AS value, sum(left_out) AS skipped
FROM
(
    SELECT toInt64(0) AS slot, user_id, session, intDiv(toUnixTimestamp64Milli(timestamp) - {p1:Int64}, {p2:Int64}) AS bucket, toUInt8(grouping(bucket)) AS whole,
        ifNull(sum(amount), 0) AS figure, toUInt64(0) AS left_out
    FROM (
    SELECT *, session_id AS session FROM events WHERE timestamp >= {p3:DateTime64(3, 'UTC')} AND timestamp < {p4:DateTime64(3, 'UTC')} AND session_id != ''
    UNION ALL
    SELECT * EXCEPT (opens), '\n' || toString(sum(opens) OVER (PARTITION BY user_id ORDER BY timestamp)) AS session FROM
    (
        SELECT *, toUnixTimestamp64Milli(timestamp) - lagInFrame(toUnixTimestamp64Milli(timestamp)) OVER
            (PARTITION BY user_id ORDER BY timestamp ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) > {p5:Int64} AS opens
        FROM events WHERE timestamp >= {p3:DateTime64(3, 'UTC')} AND timestamp < {p4:DateTime64(3, 'UTC')} AND session_id = ''
    )
)
    WHERE timestamp >= {p3:DateTime64(3, 'UTC')} AND timestamp < {p4:DateTime64(3, 'UTC')}
    GROUP BY slot, user_id, session, bucket WITH ROLLUP
    HAVING grouping(session) = 0
)
GROUP BY slot, bucket, whole;

-- {"kind":"trends","from":"2026-03-01","to":"2026-03-15","series":[{"event":"purchase"}]}

SET param_p1 = 'purchase';
SET param_p2 = '1772323200000';
SET param_p3 = '86400000';
SET param_p4 = '2026-03-01 00:00:00.000';
SET param_p5 = '2026-03-15 00:00:00.000';
SELECT toInt64(0) AS slot, intDiv(at - {p2:Int64}, {p3:Int64}) AS bucket, toUInt8(grouping(bucket)) AS whole,
    toString(sum(events)) AS value, toUInt64(0) AS skipped
FROM (
    SELECT toInt64(toUnixTimestamp(window_start)) * 1000 AS at, type, country, currency, events, users, amounts, revenue
    FROM windows_by_type
    WHERE by_country = 0 AND window_start >= {p4:DateTime64(3, 'UTC')} AND window_start < {p5:DateTime64(3, 'UTC')} AND (type = {p1:String})
)
GROUP BY bucket WITH ROLLUP;

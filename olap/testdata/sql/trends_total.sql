-- {"kind":"trends","from":"2026-03-01","to":"2026-03-15","series":[{"event":"purchase"}]}

SET param_p1 = 'purchase';
SET param_p2 = '1772323200000';
SET param_p3 = '86400000';
SET param_p4 = '2026-03-01 00:00:00.000';
SET param_p5 = '2026-03-15 00:00:00.000';
SELECT toInt64(0) AS slot, intDiv(toUnixTimestamp64Milli(timestamp) - {p2:Int64}, {p3:Int64}) AS bucket, toUInt8(grouping(bucket)) AS whole,
    ifNull(toString(count()), '') AS value, toUInt64(0) AS skipped
FROM events
WHERE timestamp >= {p4:DateTime64(3, 'UTC')} AND timestamp < {p5:DateTime64(3, 'UTC')} AND (type = {p1:String})
GROUP BY bucket WITH ROLLUP;

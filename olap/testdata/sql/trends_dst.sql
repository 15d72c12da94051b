-- {"kind":"trends","from":"2026-03-01","to":"2026-03-15","series":[{}],"timezone":"America/New_York","interval":"day"}

SET param_p1 = '[1772341200000,1772427600000,1772514000000,1772600400000,1772686800000,1772773200000,1772859600000,1772946000000,1773028800000,1773115200000,1773201600000,1773288000000,1773374400000,1773460800000]';
SET param_p2 = '[0,1,2,3,4,5,6,7,8,9,10,11,12,13]';
SET param_p3 = '2026-03-01 05:00:00.000';
SET param_p4 = '2026-03-15 04:00:00.000';
SELECT toInt64(0) AS slot, transform(roundDown(at, {p1:Array(Int64)}), {p1:Array(Int64)}, {p2:Array(Int64)}, toInt64(0)) AS bucket, toUInt8(grouping(bucket)) AS whole,
    toString(sum(events)) AS value, toUInt64(0) AS skipped
FROM (
    SELECT toInt64(toUnixTimestamp(window_start)) * 1000 AS at, type, country, currency, events, users, amounts, revenue
    FROM windows_by_type
    WHERE by_country = 0 AND window_start >= {p3:DateTime64(3, 'UTC')} AND window_start < {p4:DateTime64(3, 'UTC')}
)
GROUP BY bucket WITH ROLLUP;

-- {"kind":"trends","from":"2026-03-01","to":"2026-03-15","series":[{"measure":"sessions"},{"measure":"unique","property":"page"},{"measure":"median","property":"properties.a.b"},{"measure":"new_users"},{"measure":"weekly_active"}]}

SET param_p1 = '1772323200000';
SET param_p2 = '86400000';
SET param_p3 = '2026-03-01 00:00:00.000';
SET param_p4 = '2026-03-15 00:00:00.000';
SET param_p5 = '1800000';
SELECT toInt64(0) AS slot, intDiv(toUnixTimestamp64Milli(timestamp) - {p1:Int64}, {p2:Int64}) AS bucket, toUInt8(grouping(bucket)) AS whole,
    ifNull(toString(uniqExact(user_id, session)), '') AS value, toUInt64(0) AS skipped
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
GROUP BY bucket WITH ROLLUP;

SET param_p1 = '1772323200000';
SET param_p2 = '86400000';
SET param_p3 = '2026-03-01 00:00:00.000';
SET param_p4 = '2026-03-15 00:00:00.000';
SELECT toInt64(0) AS slot, intDiv(toUnixTimestamp64Milli(timestamp) - {p1:Int64}, {p2:Int64}) AS bucket, toUInt8(grouping(bucket)) AS whole,
    ifNull(toString(uniqExactIf(page, page != '')), '') AS value, toUInt64(0) AS skipped
FROM events
WHERE timestamp >= {p3:DateTime64(3, 'UTC')} AND timestamp < {p4:DateTime64(3, 'UTC')}
GROUP BY bucket WITH ROLLUP;

SET param_p1 = 'a';
SET param_p2 = 'b';
SET param_p3 = '1772323200000';
SET param_p4 = '86400000';
SET param_p5 = '2026-03-01 00:00:00.000';
SET param_p6 = '2026-03-15 00:00:00.000';
SELECT toInt64(0) AS slot, intDiv(toUnixTimestamp64Milli(timestamp) - {p3:Int64}, {p4:Int64}) AS bucket, toUInt8(grouping(bucket)) AS whole,
    ifNull(toString(quantileExactInclusive(0.5)(toFloat64(if(isFinite(toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p1:String}, {p2:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p1:String}, {p2:String})), JSONExtractRaw(properties, {p1:String}, {p2:String})))), toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p1:String}, {p2:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p1:String}, {p2:String})), JSONExtractRaw(properties, {p1:String}, {p2:String}))), NULL)))), '') AS value, countIf(JSONExtractRaw(properties, {p1:String}, {p2:String}) NOT IN ('', 'null') AND if(isFinite(toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p1:String}, {p2:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p1:String}, {p2:String})), JSONExtractRaw(properties, {p1:String}, {p2:String})))), toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p1:String}, {p2:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p1:String}, {p2:String})), JSONExtractRaw(properties, {p1:String}, {p2:String}))), NULL) IS NULL) AS skipped
FROM events
WHERE timestamp >= {p5:DateTime64(3, 'UTC')} AND timestamp < {p6:DateTime64(3, 'UTC')}
GROUP BY bucket WITH ROLLUP;

SET param_p1 = '1772323200000';
SET param_p2 = '86400000';
SET param_p3 = '2026-03-15 00:00:00.000';
SET param_p4 = '2026-03-01 00:00:00.000';
SELECT slot, intDiv(toUnixTimestamp64Milli(first_at) - {p1:Int64}, {p2:Int64}) AS bucket, toUInt8(grouping(bucket)) AS whole,
    toString(count()) AS value, toUInt64(0) AS skipped
FROM
(
    SELECT user_id, min(timestamp) AS first_at, toInt64(0) AS slot
    FROM events
    WHERE timestamp < {p3:DateTime64(3, 'UTC')}
    GROUP BY user_id
    HAVING first_at >= {p4:DateTime64(3, 'UTC')}
)
GROUP BY slot, bucket WITH ROLLUP
HAVING grouping(slot) = 0;

SET param_p1 = '[1772323200000,1772409600000,1772496000000,1772582400000,1772668800000,1772755200000,1772841600000,1772928000000,1773014400000,1773100800000,1773187200000,1773273600000,1773360000000,1773446400000]';
SET param_p2 = '[0,1,2,3,4,5,6,7,8,9,10,11,12,13]';
SET param_p3 = '[1771804800000,1771891200000,1771977600000,1772064000000,1772150400000,1772236800000,1772323200000,1772409600000,1772496000000,1772582400000,1772668800000,1772755200000,1772841600000,1772928000000]';
SET param_p4 = '1772928000000';
SET param_p5 = '2026-02-23 00:00:00.000';
SET param_p6 = '2026-03-15 00:00:00.000';
SELECT slot, edge.1 AS at, sum(edge.2) AS change
FROM
(
    SELECT toInt64(0) AS slot, arraySort(groupUniqArray((transform(roundDown(toUnixTimestamp64Milli(timestamp), {p1:Array(Int64)}), {p1:Array(Int64)}, {p2:Array(Int64)}, toInt64(0)), transform(roundDown(toUnixTimestamp64Milli(timestamp), {p3:Array(Int64)}), {p3:Array(Int64)}, {p2:Array(Int64)}, toInt64(0))))) AS spans,
        arrayMap((span, before) -> (greatest(span.1, before.2 + 1), span.2), spans, arrayPushFront(arrayPopBack(spans), (toInt64(-1), toInt64(-1)))) AS disjoint,
        arrayFilter(span -> span.1 <= span.2, disjoint) AS kept,
        arrayJoin(arrayConcat(arrayMap(span -> (span.1, toInt64(1)), kept), arrayMap(span -> (span.2 + 1, toInt64(-1)), kept),
            [(toInt64(-1), toInt64(max(toUnixTimestamp64Milli(timestamp)) >= {p4:Int64}))])) AS edge
    FROM events
    WHERE timestamp >= {p5:DateTime64(3, 'UTC')} AND timestamp < {p6:DateTime64(3, 'UTC')}
    GROUP BY user_id
)
GROUP BY slot, at;

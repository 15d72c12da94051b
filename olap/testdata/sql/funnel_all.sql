-- {"kind":"funnel","from":"2026-03-01","to":"2026-03-15","steps":[{"event":"view"},{"event":"purchase"}],"breakdown":{"property":"country","attribution":"all"}}

SET param_p1 = '1209600000';
SET param_p2 = '2026-03-01 00:00:00.000';
SET param_p3 = '2026-03-15 00:00:00.000';
SET param_p4 = '[\'purchase\',\'view\']';
SET param_p5 = 'view';
SET param_p6 = 'purchase';
SET param_p7 = '1772323200000';
SELECT '' AS label, toUInt8(1) AS whole,
    [countIf(depth >= 1), countIf(depth >= 2)] AS counts,
    [toString(quantileExactInclusiveIf(0.5)(c2 - c1, depth >= 2) / 1000)] AS medians,
    [toString(avgIf(c2 - c1, depth >= 2) / 1000)] AS averages,
    toUInt64(0) AS open
FROM
(
    SELECT *, if(depth >= 2, at[indexOf(f2, c1)], -1) AS c2 FROM (
    SELECT *, multiIf(depth = 2, arrayFirst(f -> f >= 0, f2), depth = 1, toInt64(bitShiftRight(arrayFirst(x -> bitAnd(x, 31) = 1, e), 5)), -1) AS c1 FROM (
    SELECT *, multiIf(f2[-1] >= 0, 2, f1[-1] >= 0, 1, 0) AS depth, f1[-1] AS last_entry FROM (
    SELECT *, arrayFill((t, s) -> s = 1, at, step) AS f1, arrayFill((f, t, s) -> s = 2 AND t - f <= {p1:Int64}, f1, at, step) AS f2 FROM (
    SELECT *, arrayPushFront(arrayMap(x -> toInt64(bitShiftRight(x, 5)), turns), -1 - {p1:Int64}) AS at, arrayPushFront(arrayMap(x -> toUInt8(bitAnd(x, 31)), turns), 0) AS step FROM (
    SELECT *, arrayFilter((x, s, next) -> s != 1 OR next != 1, e, steps, arrayPushBack(arrayPopFront(steps), 0)) AS turns FROM (
    SELECT *, arrayMap(x -> toUInt8(bitAnd(x, 31)), e) AS steps FROM (
        SELECT arrayJoin(arraySplit((x, other) -> other != 0, events, arrayDifference(people))) AS e FROM (
        SELECT arrayMap(x -> toUInt64(x), wide) AS events, arrayMap(x -> toUInt64(bitShiftRight(x, 64)), wide) AS people FROM (
        SELECT bitShiftRight(person, 54) AS slice, arraySort(groupArray(bitShiftLeft(toUInt128(person), 64) + (bitShiftLeft(toUInt64(toUnixTimestamp64Milli(timestamp) - {p7:Int64}), 5) + toUInt64(multiIf(type = {p5:String}, 1, type = {p6:String}, 2, 0))))) AS wide
        FROM events
        WHERE timestamp >= {p2:DateTime64(3, 'UTC')} AND timestamp < {p3:DateTime64(3, 'UTC')} AND type IN {p4:Array(String)}
        GROUP BY slice
        SETTINGS group_by_two_level_threshold_bytes = 4000000
        ))
    )))))))
);

SET param_p1 = '1209600000';
SET param_p2 = '2026-03-01 00:00:00.000';
SET param_p3 = '2026-03-15 00:00:00.000';
SET param_p4 = '[\'purchase\',\'view\']';
SET param_p5 = 'view';
SET param_p6 = 'purchase';
SET param_p7 = '1772323200000';
SET param_p8 = '10';
SELECT slot AS value
FROM
(
    SELECT *, if(depth >= 2, at[indexOf(f2, c1)], -1) AS c2 FROM (
    SELECT *, multiIf(depth = 2, arrayFirst(f -> f >= 0, f2), depth = 1, toInt64(bitShiftRight(arrayFirst(x -> bitAnd(x, 31) = 1, e), 5)), -1) AS c1 FROM (
    SELECT *, multiIf(f2[-1] >= 0, 2, f1[-1] >= 0, 1, 0) AS depth, f1[-1] AS last_entry FROM (
    SELECT *, arrayFill((t, s) -> s = 1, at, step) AS f1, arrayFill((f, t, s) -> s = 2 AND t - f <= {p1:Int64}, f1, at, step) AS f2 FROM (
    SELECT *, arrayPushFront(arrayMap(x -> toInt64(bitShiftRight(x, 5)), turns), -1 - {p1:Int64}) AS at, arrayPushFront(arrayMap(x -> toUInt8(bitAnd(x, 31)), turns), 0) AS step FROM (
    SELECT *, arrayFilter((x, s, next) -> s != 1 OR next != 1, e, steps, arrayPushBack(arrayPopFront(steps), 0)) AS turns FROM (
    SELECT *, arrayMap(x -> toUInt8(bitAnd(x, 31)), e) AS steps FROM (
        SELECT slot, arrayJoin(arraySplit((x, other) -> other != 0, events, arrayDifference(people))) AS e FROM (
        SELECT slot, arrayMap(x -> toUInt64(x), wide) AS events, arrayMap(x -> toUInt64(bitShiftRight(x, 64)), wide) AS people FROM (
        SELECT toString(country) AS slot, bitShiftRight(person, 54) AS slice, arraySort(groupArray(bitShiftLeft(toUInt128(person), 64) + (bitShiftLeft(toUInt64(toUnixTimestamp64Milli(timestamp) - {p7:Int64}), 5) + toUInt64(multiIf(type = {p5:String}, 1, type = {p6:String}, 2, 0))))) AS wide
        FROM events
        WHERE timestamp >= {p2:DateTime64(3, 'UTC')} AND timestamp < {p3:DateTime64(3, 'UTC')} AND type IN {p4:Array(String)} AND country != ''
        GROUP BY slice, slot
        SETTINGS group_by_two_level_threshold_bytes = 4000000
        ))
    )))))))
)
WHERE depth >= 1
GROUP BY value
ORDER BY count() DESC, value
LIMIT {p8:Int64};

SET param_p1 = '[\'IN\',\'US\']';
SET param_p2 = '[1,2]';
SET param_p3 = '1209600000';
SET param_p4 = '2026-03-01 00:00:00.000';
SET param_p5 = '2026-03-15 00:00:00.000';
SET param_p6 = '[\'purchase\',\'view\']';
SET param_p7 = 'view';
SET param_p8 = 'purchase';
SET param_p9 = '1772323200000';
SELECT multiIf(slot = -1, '(none)', slot = 0, '(other)', '=' || {p1:Array(String)}[greatest(slot, 1)]) AS label, toUInt8(0) AS whole,
    [countIf(depth >= 1), countIf(depth >= 2)] AS counts,
    [toString(quantileExactInclusiveIf(0.5)(c2 - c1, depth >= 2) / 1000)] AS medians,
    [toString(avgIf(c2 - c1, depth >= 2) / 1000)] AS averages,
    toUInt64(0) AS open
FROM
(
    SELECT *, if(depth >= 2, at[indexOf(f2, c1)], -1) AS c2 FROM (
    SELECT *, multiIf(depth = 2, arrayFirst(f -> f >= 0, f2), depth = 1, toInt64(bitShiftRight(arrayFirst(x -> bitAnd(x, 31) = 1, e), 5)), -1) AS c1 FROM (
    SELECT *, multiIf(f2[-1] >= 0, 2, f1[-1] >= 0, 1, 0) AS depth, f1[-1] AS last_entry FROM (
    SELECT *, arrayFill((t, s) -> s = 1, at, step) AS f1, arrayFill((f, t, s) -> s = 2 AND t - f <= {p3:Int64}, f1, at, step) AS f2 FROM (
    SELECT *, arrayPushFront(arrayMap(x -> toInt64(bitShiftRight(x, 5)), turns), -1 - {p3:Int64}) AS at, arrayPushFront(arrayMap(x -> toUInt8(bitAnd(x, 31)), turns), 0) AS step FROM (
    SELECT *, arrayFilter((x, s, next) -> s != 1 OR next != 1, e, steps, arrayPushBack(arrayPopFront(steps), 0)) AS turns FROM (
    SELECT *, arrayMap(x -> toUInt8(bitAnd(x, 31)), e) AS steps FROM (
        SELECT slot, arrayJoin(arraySplit((x, other) -> other != 0, events, arrayDifference(people))) AS e FROM (
        SELECT slot, arrayMap(x -> toUInt64(x), wide) AS events, arrayMap(x -> toUInt64(bitShiftRight(x, 64)), wide) AS people FROM (
        SELECT if(country != '', transform(toString(country), {p1:Array(String)}, {p2:Array(Int64)}, toInt64(0)), toInt64(-1)) AS slot, bitShiftRight(person, 54) AS slice, arraySort(groupArray(bitShiftLeft(toUInt128(person), 64) + (bitShiftLeft(toUInt64(toUnixTimestamp64Milli(timestamp) - {p9:Int64}), 5) + toUInt64(multiIf(type = {p7:String}, 1, type = {p8:String}, 2, 0))))) AS wide
        FROM events
        WHERE timestamp >= {p4:DateTime64(3, 'UTC')} AND timestamp < {p5:DateTime64(3, 'UTC')} AND type IN {p6:Array(String)}
        GROUP BY slice, slot
        SETTINGS group_by_two_level_threshold_bytes = 4000000
        ))
    )))))))
)
GROUP BY slot
HAVING counts[1] > 0
ORDER BY slot < 1, slot < 0, counts[1] DESC, label;

-- the users of {"step":1,"breakdown":"IN"}

SET param_p1 = '[\'IN\',\'US\']';
SET param_p2 = '[1,2]';
SET param_p3 = '1';
SET param_p4 = '1209600000';
SET param_p5 = '2026-03-01 00:00:00.000';
SET param_p6 = '2026-03-15 00:00:00.000';
SET param_p7 = '[\'purchase\',\'view\']';
SET param_p8 = 'view';
SET param_p9 = 'purchase';
SET param_p10 = '1772323200000';
SELECT user_id
FROM
(
    SELECT *, if(depth >= 2, at[indexOf(f2, c1)], -1) AS c2 FROM (
    SELECT *, multiIf(depth = 2, arrayFirst(f -> f >= 0, f2), depth = 1, toInt64(bitShiftRight(arrayFirst(x -> bitAnd(x, 31) = 1, e), 5)), -1) AS c1 FROM (
    SELECT *, multiIf(f2[-1] >= 0, 2, f1[-1] >= 0, 1, 0) AS depth, f1[-1] AS last_entry FROM (
    SELECT *, arrayFill((t, s) -> s = 1, at, step) AS f1, arrayFill((f, t, s) -> s = 2 AND t - f <= {p4:Int64}, f1, at, step) AS f2 FROM (
    SELECT *, arrayPushFront(arrayMap(x -> toInt64(bitShiftRight(x, 5)), turns), -1 - {p4:Int64}) AS at, arrayPushFront(arrayMap(x -> toUInt8(bitAnd(x, 31)), turns), 0) AS step FROM (
    SELECT *, arrayFilter((x, s, next) -> s != 1 OR next != 1, e, steps, arrayPushBack(arrayPopFront(steps), 0)) AS turns FROM (
    SELECT *, arrayMap(x -> toUInt8(bitAnd(x, 31)), e) AS steps FROM (
        SELECT if(country != '', transform(toString(country), {p1:Array(String)}, {p2:Array(Int64)}, toInt64(0)), toInt64(-1)) AS slot, user_id, arraySort(groupArray(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(timestamp) - {p10:Int64}), 5) + toUInt64(multiIf(type = {p8:String}, 1, type = {p9:String}, 2, 0)))) AS e
        FROM events
        WHERE timestamp >= {p5:DateTime64(3, 'UTC')} AND timestamp < {p6:DateTime64(3, 'UTC')} AND type IN {p7:Array(String)}
        GROUP BY user_id, slot
    )))))))
)
WHERE depth >= 1 AND slot = {p3:Int64};

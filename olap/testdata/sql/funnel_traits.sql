-- {"kind":"funnel","from":"2026-03-01","to":"2026-03-15","steps":[{"event":"view"},{"event":"purchase"}],"where":"user.plan exists"}

SET param_p1 = '2026-03-01 00:00:00.000';
SET param_p2 = '2026-03-15 00:00:00.000';
SET param_p3 = '[\'purchase\',\'view\']';
SET param_p4 = 'plan';
SET param_p5 = 'view';
SET param_p6 = 'purchase';
SET param_p7 = '1772323200000';
SET param_p8 = '1209600000';
WITH events AS
(
    SELECT *, person FROM events
    LEFT ANY JOIN (SELECT user_id, if(JSONExtractRaw(properties, {p4:String}) NOT IN ('', 'null'), if(startsWith(JSONExtractRaw(properties, {p4:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p4:String})), JSONExtractRaw(properties, {p4:String})), NULL) AS user_1 FROM (SELECT user_id, tupleElement(materialize(latest), 'properties') AS properties FROM user_traits FINAL)) AS known_1 USING (user_id)
)
SELECT '' AS label, toUInt8(1) AS whole,
    [countIf(depth >= 1), countIf(depth >= 2)] AS counts,
    [toString(quantileExactInclusiveIf(0.5)(c2 - c1, depth >= 2) / 1000)] AS medians,
    [toString(avgIf(c2 - c1, depth >= 2) / 1000)] AS averages,
    toUInt64(0) AS open
FROM
(
    SELECT *, multiIf(depth = 2, times[i], -1) AS c2 FROM (
    SELECT *, multiIf(depth = 2, b1[i], depth = 1, -1, -1) AS c1 FROM (
    SELECT *, e.3 AS b1, e.1 AS times, e.2 AS levels, arrayMax(levels) AS depth, indexOf(levels, depth) AS i, bitAnd(e.3[-1], 4294967295) AS last_entry FROM (
    SELECT *, arrayJoin(arraySplit((z, first) -> first, kept, arrayMap((t, before) -> bitShiftRight(t, 32) != bitShiftRight(before, 32), kept.1, arrayShiftRight(kept.1, 1, -4611686018427387904)))) AS e FROM (
    SELECT *, arrayFilter(z -> z.2 > 0, arrayZip(at, level, f1)) AS kept FROM (
    SELECT *, arrayMap((t, s, last, f1) -> multiIf(s = 2 AND t - f1 <= {p8:Int64}, 2, last AND s > 0 AND bitShiftRight(t, 32) = bitShiftRight(f1, 32), 1, 0), at, step, ends, f1) AS level FROM (
    SELECT *, arrayFill((t, s) -> s = 1, at, step) AS f1, arrayMap((t, next) -> bitShiftRight(t, 32) != bitShiftRight(next, 32), at, arrayShiftLeft(at, 1, -4611686018427387904)) AS ends FROM (
    SELECT *, arrayPushFront(arrayMap(x -> toInt64(bitShiftRight(x, 2)), turns), -4611686018427387904) AS at, arrayPushFront(arrayMap(x -> toUInt8(bitAnd(x, 3)), turns), 0) AS step FROM (
    SELECT *, arrayFilter((x, next) -> bitAnd(x, 3) != 1 OR bitAnd(bitXor(x, next), 18446744056529682435) != 0, events, arrayShiftLeft(events, 1)) AS turns FROM (
    SELECT bitShiftRight(person, 54) AS slice, uniqExact(person) AS people, arraySort(groupArray(bitShiftLeft(person, 34) + bitShiftLeft(toUInt64(toUnixTimestamp64Milli(timestamp) - {p7:Int64}), 2) + toUInt64(multiIf(type = {p5:String}, 1, type = {p6:String}, 2, 0)))) AS events
    FROM events
    WHERE timestamp >= {p1:DateTime64(3, 'UTC')} AND timestamp < {p2:DateTime64(3, 'UTC')} AND type IN {p3:Array(String)} AND (user_1 IS NOT NULL)
    GROUP BY slice
    SETTINGS group_by_two_level_threshold_bytes = 4000000)))))
    WHERE throwIf(people != arrayCount(ends) - 1, 'twins in a slice') = 0))))
);

-- the users of {"step":2}

SET param_p1 = '1209600000';
SET param_p2 = '2026-03-01 00:00:00.000';
SET param_p3 = '2026-03-15 00:00:00.000';
SET param_p4 = '[\'purchase\',\'view\']';
SET param_p5 = 'plan';
SET param_p6 = 'view';
SET param_p7 = 'purchase';
SET param_p8 = '1772323200000';
WITH events AS
(
    SELECT *, person FROM events
    LEFT ANY JOIN (SELECT user_id, if(JSONExtractRaw(properties, {p5:String}) NOT IN ('', 'null'), if(startsWith(JSONExtractRaw(properties, {p5:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p5:String})), JSONExtractRaw(properties, {p5:String})), NULL) AS user_1 FROM (SELECT user_id, tupleElement(materialize(latest), 'properties') AS properties FROM user_traits FINAL)) AS known_1 USING (user_id)
)
SELECT user_id
FROM
(
    SELECT *, if(depth >= 2, at[indexOf(f2, c1)], -1) AS c2 FROM (
    SELECT *, multiIf(depth = 2, arrayFirst(f -> f >= 0, f2), depth = 1, toInt64(bitShiftRight(arrayFirst(x -> bitAnd(x, 31) = 1, e), 5)), -1) AS c1 FROM (
    SELECT *, multiIf(f2[-1] >= 0, 2, f1[-1] >= 0, 1, 0) AS depth, f1[-1] AS last_entry FROM (
    SELECT *, arrayFill((t, s) -> s = 1, at, step) AS f1, arrayFill((f, t, s) -> s = 2 AND t - f <= {p1:Int64}, f1, at, step) AS f2 FROM (
    SELECT *, arrayPushFront(arrayMap(x -> toInt64(bitShiftRight(x, 5)), turns), -1 - {p1:Int64}) AS at, arrayPushFront(arrayMap(x -> toUInt8(bitAnd(x, 31)), turns), 0) AS step FROM (
    SELECT *, arrayFilter((x, s, next) -> s != 1 OR next != 1, e, steps, arrayPushBack(arrayPopFront(steps), 0)) AS turns FROM (
    SELECT *, arrayMap(x -> toUInt8(bitAnd(x, 31)), e) AS steps FROM (
        SELECT user_id, arraySort(groupArray(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(timestamp) - {p8:Int64}), 5) + toUInt64(multiIf(type = {p6:String}, 1, type = {p7:String}, 2, 0)))) AS e
        FROM events
        WHERE timestamp >= {p2:DateTime64(3, 'UTC')} AND timestamp < {p3:DateTime64(3, 'UTC')} AND type IN {p4:Array(String)} AND (user_1 IS NOT NULL)
        GROUP BY user_id
    )))))))
)
WHERE depth >= 2;

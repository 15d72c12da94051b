-- {"kind":"funnel","from":"2026-03-01","to":"2026-03-15","steps":[{"event":"view"},{"event":"purchase"}],"view":"time_to_convert"}

SET param_p1 = '20';
SET param_p2 = '2026-03-01 00:00:00.000';
SET param_p3 = '2026-03-15 00:00:00.000';
SET param_p4 = '[\'purchase\',\'view\']';
SET param_p5 = 'view';
SET param_p6 = 'purchase';
SET param_p7 = '1772323200000';
SET param_p8 = '1209600000';
SELECT length(took) AS n, if(n = 0, 'nan', toString(arrayReduce('quantileExactInclusive(0.5)', took) / 1000)) AS median, if(n = 0, 'nan', toString(arrayAvg(took) / 1000)) AS average,
    intDiv(arrayMin(took), 1000) AS first, intDiv(intDiv(arrayMax(took), 1000) - first, {p1:Int64}) + 1 AS width,
    if(n = 0, emptyArrayUInt64(), arrayMap(bin -> toUInt64(arrayCount(t -> intDiv(intDiv(t, 1000) - first, width) = bin, took)), range(toUInt64(intDiv(intDiv(arrayMax(took), 1000) - first, width) + 1)))) AS counts
FROM
(
SELECT groupArrayIf(c2 - c1, depth >= 2) AS took
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
    WHERE timestamp >= {p2:DateTime64(3, 'UTC')} AND timestamp < {p3:DateTime64(3, 'UTC')} AND type IN {p4:Array(String)}
    GROUP BY slice
    SETTINGS group_by_two_level_threshold_bytes = 4000000)))))
    WHERE throwIf(people != arrayCount(ends) - 1, 'twins in a slice') = 0))))
)
);

-- the users of {"from_seconds":60,"to_seconds":120}

SET param_p1 = '60000';
SET param_p2 = '120000';
SET param_p3 = '1209600000';
SET param_p4 = '2026-03-01 00:00:00.000';
SET param_p5 = '2026-03-15 00:00:00.000';
SET param_p6 = '[\'purchase\',\'view\']';
SET param_p7 = 'view';
SET param_p8 = 'purchase';
SET param_p9 = '1772323200000';
SELECT user_id
FROM
(
    SELECT *, if(depth >= 2, at[indexOf(f2, c1)], -1) AS c2 FROM (
    SELECT *, multiIf(depth = 2, arrayFirst(f -> f >= 0, f2), depth = 1, toInt64(bitShiftRight(arrayFirst(x -> bitAnd(x, 31) = 1, e), 5)), -1) AS c1 FROM (
    SELECT *, multiIf(f2[-1] >= 0, 2, f1[-1] >= 0, 1, 0) AS depth, f1[-1] AS last_entry FROM (
    SELECT *, arrayFill((t, s) -> s = 1, at, step) AS f1, arrayFill((f, t, s) -> s = 2 AND t - f <= {p3:Int64}, f1, at, step) AS f2 FROM (
    SELECT *, arrayPushFront(arrayMap(x -> toInt64(bitShiftRight(x, 5)), turns), -1 - {p3:Int64}) AS at, arrayPushFront(arrayMap(x -> toUInt8(bitAnd(x, 31)), turns), 0) AS step FROM (
    SELECT *, arrayFilter((x, s, next) -> s != 1 OR next != 1, e, steps, arrayPushBack(arrayPopFront(steps), 0)) AS turns FROM (
    SELECT *, arrayMap(x -> toUInt8(bitAnd(x, 31)), e) AS steps FROM (
        SELECT user_id, arraySort(groupArray(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(timestamp) - {p9:Int64}), 5) + toUInt64(multiIf(type = {p7:String}, 1, type = {p8:String}, 2, 0)))) AS e
        FROM events
        WHERE timestamp >= {p4:DateTime64(3, 'UTC')} AND timestamp < {p5:DateTime64(3, 'UTC')} AND type IN {p6:Array(String)}
        GROUP BY user_id
    )))))))
)
WHERE depth >= 2 AND c2 - c1 >= {p1:Int64} AND c2 - c1 < {p2:Int64};

-- {"kind":"funnel","from":"2026-03-01","to":"2026-03-15","steps":[{"event":"view"},{"event":null},{"event":"purchase"}],"finish_after_range":true}

SET param_p1 = '475200000';
SET param_p2 = '[1,2,3,4,5,6,7]';
SET param_p3 = '[0,1,0,2,0,1,0]';
SET param_p4 = '[0,1,1,2,2,2,2]';
SET param_p5 = '1209600000';
SET param_p6 = '2026-03-01 00:00:00.000';
SET param_p7 = '2026-03-29 00:00:00.000';
SET param_p8 = 'view';
SET param_p9 = 'purchase';
SET param_p10 = '1772323200000';
SELECT '' AS label, toUInt8(1) AS whole,
    [countIf(depth >= 1), countIf(depth >= 2), countIf(depth >= 3)] AS counts,
    [toString(quantileExactInclusiveIf(0.5)(c2 - c1, depth >= 2) / 1000), toString(quantileExactInclusiveIf(0.5)(c3 - c2, depth >= 3) / 1000)] AS medians,
    [toString(avgIf(c2 - c1, depth >= 2) / 1000), toString(avgIf(c3 - c2, depth >= 3) / 1000)] AS averages,
    countIf(depth >= 1 AND depth < 3 AND last_entry >= {p1:Int64}) AS open
FROM
(
    SELECT *, taken[1] AS c1, taken[2] AS c2, taken[3] AS c3 FROM (
    SELECT *, arrayFold((taken, t, r) -> arrayConcat(taken, arrayWithConstant(greatest(least(toInt64(depth), r[length(taken) + 1]) - toInt64(length(taken)), 0), t)),
            arraySlice(at, begun, done - begun + 1), arraySlice(reach, begun, done - begun + 1), emptyArrayInt64()) AS taken FROM (
    SELECT *, indexOf(at, begins) AS begun, indexOf(at, ends) AS done, arrayLast((t, r) -> r[1] >= 1, at, reach) AS last_entry FROM (
    SELECT *, multiIf(depth = 3, arrayFirst(v -> v >= 0, v3), depth = 2, arrayFirst(v -> v >= 0, v2), depth = 1, arrayFirst(v -> v >= 0, v1), -1) AS begins, multiIf(depth = 3, at[arrayFirstIndex(v -> v >= 0, v3)], depth = 2, at[arrayFirstIndex(v -> v >= 0, v2)], depth = 1, at[arrayFirstIndex(v -> v >= 0, v1)], -1) AS ends FROM (
    SELECT *, multiIf(arrayExists(v -> v >= 0, v3), 3, arrayExists(v -> v >= 0, v2), 2, arrayExists(v -> v >= 0, v1), 1, 0) AS depth FROM (
    SELECT *, arrayMap((t, r, p1, p2) -> multiIf(r[1] >= 3, t, r[2] >= 3 AND p1 >= 0 AND t - p1 <= {p5:Int64}, p1, r[3] >= 3 AND p2 >= 0 AND t - p2 <= {p5:Int64}, p2, toInt64(-1)), at, reach, b1, b2) AS v3, arrayFill(v -> v >= 0, v3) AS f3, arrayPushFront(arrayPopBack(f3), toInt64(-1)) AS b3 FROM (
    SELECT *, arrayMap((t, r, p1) -> multiIf(r[1] >= 2, t, r[2] >= 2 AND p1 >= 0 AND t - p1 <= {p5:Int64}, p1, toInt64(-1)), at, reach, b1) AS v2, arrayFill(v -> v >= 0, v2) AS f2, arrayPushFront(arrayPopBack(f2), toInt64(-1)) AS b2 FROM (
    SELECT *, arrayMap((t, r) -> multiIf(r[1] >= 1, t, toInt64(-1)), at, reach) AS v1, arrayFill(v -> v >= 0, v1) AS f1, arrayPushFront(arrayPopBack(f1), toInt64(-1)) AS b1 FROM (
    SELECT *, arrayMap((t, r) -> if(t < {p5:Int64}, r, arrayPushFront(arrayPopFront(r), toInt64(0))), at, furthest) AS reach FROM (
    SELECT *, arrayMap(g -> toInt64(bitShiftRight(g[1], 20)), instants) AS at, arrayMap(g -> if(length(g) = 1, arrayMap(i -> toInt64(i + bitTest(g[1], i)), range(3)),
            arrayMap(i -> arrayMin((s, lowest, highest) -> if(lowest >= i AND arrayCount(x -> bitAnd(x, s) != 0, g) < bitCount(s), highest, toInt64(3)), {p2:Array(Int64)}, {p3:Array(Int64)}, {p4:Array(Int64)}), range(3))), instants) AS furthest FROM (
    SELECT *, arraySplit((x, first) -> first, e, arrayMap((t, before) -> t != before, times, arrayPushFront(arrayPopBack(times), toInt64(-1)))) AS instants FROM (
    SELECT *, arrayMap(x -> toInt64(bitShiftRight(x, 20)), e) AS times FROM (
        SELECT arrayJoin(arraySplit((x, other) -> other != 0, events, arrayDifference(people))) AS e FROM (
        SELECT arrayMap(x -> toUInt64(x), wide) AS events, arrayMap(x -> toUInt64(bitShiftRight(x, 64)), wide) AS people FROM (
        SELECT bitShiftRight(person, 54) AS slice, arraySort(groupArray(bitShiftLeft(toUInt128(person), 64) + (bitShiftLeft(toUInt64(toUnixTimestamp64Milli(timestamp) - {p10:Int64}), 20) + toUInt64((if(type = {p8:String}, 1, 0) + if(1, 2, 0) + if(type = {p9:String}, 4, 0)))))) AS wide
        FROM events
        WHERE timestamp >= {p6:DateTime64(3, 'UTC')} AND timestamp < {p7:DateTime64(3, 'UTC')}
        GROUP BY slice
        SETTINGS group_by_two_level_threshold_bytes = 4000000
        ))
    ))))))))))))
);

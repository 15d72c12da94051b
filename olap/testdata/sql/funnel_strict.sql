-- {"kind":"funnel","from":"2026-03-01","to":"2026-03-15","steps":[{"event":"view"},{"event":"add_to_cart","where":"amount > 5"},{"event":"purchase"}],"order":"strict"}

SET param_p1 = '[1,2,4]';
SET param_p2 = '[0,1,2]';
SET param_p3 = '1209600000';
SET param_p4 = '2026-03-01 00:00:00.000';
SET param_p5 = '2026-03-15 00:00:00.000';
SET param_p6 = 'view';
SET param_p7 = 'add_to_cart';
SET param_p8 = '5';
SET param_p9 = 'purchase';
SET param_p10 = '1772323200000';
SELECT '' AS label, toUInt8(1) AS whole,
    [countIf(depth >= 1), countIf(depth >= 2), countIf(depth >= 3)] AS counts,
    [toString(quantileExactInclusiveIf(0.5)(c2 - c1, depth >= 2) / 1000), toString(quantileExactInclusiveIf(0.5)(c3 - c2, depth >= 3) / 1000)] AS medians,
    [toString(avgIf(c2 - c1, depth >= 2) / 1000), toString(avgIf(c3 - c2, depth >= 3) / 1000)] AS averages,
    toUInt64(0) AS open
FROM
(
    SELECT *, taken[1] AS c1, taken[2] AS c2, taken[3] AS c3 FROM (
    SELECT *, arrayFold((taken, t, r, q, later) -> arrayConcat(taken, arrayWithConstant(greatest(toInt64(floor(log2(greatest(bitAnd(later, greatest(bitShiftLeft(toInt64(2), r[length(taken) + 1]) - bitShiftLeft(toInt64(1), greatest(toInt64(length(taken)), q[length(taken) + 1])), 0)), 1)))) - toInt64(length(taken)), 0), t)), chain_at, chain_reach, chain_need, arrayPopFront(can), emptyArrayInt64()) AS taken FROM (
    SELECT *, arrayFold((can, r, q) -> arrayPushFront(can, toInt64(if(bitAnd(can[1], greatest(bitShiftLeft(toInt64(2), r[1]) - bitShiftLeft(toInt64(1), greatest(0, q[1])), 0)) != 0, 1, 0) + if(bitAnd(can[1], greatest(bitShiftLeft(toInt64(2), r[2]) - bitShiftLeft(toInt64(1), greatest(1, q[2])), 0)) != 0, 2, 0) + if(bitAnd(can[1], greatest(bitShiftLeft(toInt64(2), r[3]) - bitShiftLeft(toInt64(1), greatest(2, q[3])), 0)) != 0, 4, 0))), arrayReverse(chain_reach), arrayReverse(chain_need), [bitShiftLeft(toInt64(1), depth)]) AS can FROM (
    SELECT *, arraySlice(at, begun, lasts) AS chain_at, if(lasts = 0, [], arrayPushBack(arrayPopBack(arraySlice(reach, begun, lasts)), arrayMap((r, i) -> if(r > depth OR i >= depth, toInt64(0), r), reach[done], range(3)))) AS chain_reach, if(lasts = 0, [], arrayPushBack(arrayPopBack(arraySlice(need, begun, lasts)), emptyArrayInt64())) AS chain_need FROM (
    SELECT *, if(depth = 0, 0, done - begun + 1) AS lasts FROM (
    SELECT *, indexOf(at, begins) AS begun, indexOf(at, ends) AS done, arrayLast((t, r) -> r[1] >= 1, at, reach) AS last_entry FROM (
    SELECT *, multiIf(depth = 3, arrayFirst(v -> v >= 0, v3), depth = 2, arrayFirst(v -> v >= 0, v2), depth = 1, arrayFirst(v -> v >= 0, v1), -1) AS begins, multiIf(depth = 3, at[arrayFirstIndex(v -> v >= 0, v3)], depth = 2, at[arrayFirstIndex(v -> v >= 0, v2)], depth = 1, at[arrayFirstIndex(v -> v >= 0, v1)], -1) AS ends FROM (
    SELECT *, multiIf(arrayExists(v -> v >= 0, v3), 3, arrayExists(v -> v >= 0, v2), 2, arrayExists(v -> v >= 0, v1), 1, 0) AS depth FROM (
    SELECT *, arrayMap((t, r, p1, p2) -> multiIf(r[1] >= 3, t, r[2] >= 3 AND p1 >= 0 AND t - p1 <= {p3:Int64}, p1, r[3] >= 3 AND p2 >= 0 AND t - p2 <= {p3:Int64}, p2, toInt64(-1)), at, reach, b1, b2) AS v3 FROM (
    SELECT *, arrayMap((t, r, p1) -> multiIf(r[1] >= 2, t, r[2] >= 2 AND p1 >= 0 AND t - p1 <= {p3:Int64}, p1, toInt64(-1)), at, reach, b1) AS v2, arrayMap((t, r, q, p1) -> multiIf(r[1] >= 2, t, r[2] >= 2 AND q[2] <= 2 AND p1 >= 0 AND t - p1 <= {p3:Int64}, p1, q[3] <= 2, toInt64(-1), toInt64(-2)), at, reach, need, b1) AS w2, arrayFill(v -> v != -1, w2) AS f2, arrayPushFront(arrayPopBack(f2), toInt64(-1)) AS b2 FROM (
    SELECT *, arrayMap((t, r) -> multiIf(r[1] >= 1, t, toInt64(-1)), at, reach) AS v1, arrayMap((t, r, q) -> multiIf(r[1] >= 1, t, q[2] <= 1, toInt64(-1), toInt64(-2)), at, reach, need) AS w1, arrayFill(v -> v != -1, w1) AS f1, arrayPushFront(arrayPopBack(f1), toInt64(-1)) AS b1 FROM (
    SELECT *, arrayMap(g -> arrayPushFront(arrayMap(i -> toInt64(arrayMax(x -> if(bitShiftRight(bitAnd(x, 7), i - 1) = 0, 21, i - 1 + bitCount(bitXor(bitShiftRight(bitAnd(x, 7), i - 1), bitShiftRight(bitAnd(x, 7), i - 1) - 1))), g)), range(1, 3)), toInt64(0)), instants) AS need FROM (
    SELECT *, arrayMap(g -> toInt64(bitShiftRight(g[1], 20)), instants) AS at, arrayMap(g -> if(length(g) = 1, arrayMap(i -> toInt64(i + bitTest(g[1], i)), range(3)),
            arrayMap(i -> arrayMin((s, lowest, highest) -> if(lowest >= i AND arrayCount(x -> bitAnd(x, s) != 0, g) < bitCount(s), highest, toInt64(3)), {p1:Array(Int64)}, {p2:Array(Int64)}, {p2:Array(Int64)}), range(3))), instants) AS reach FROM (
    SELECT *, arraySplit((x, first) -> first, e, arrayMap((t, before) -> t != before, times, arrayPushFront(arrayPopBack(times), toInt64(-1)))) AS instants FROM (
    SELECT *, arrayMap(x -> toInt64(bitShiftRight(x, 20)), e) AS times FROM (
        SELECT arrayJoin(arraySplit((x, other) -> other != 0, events, arrayDifference(people))) AS e FROM (
        SELECT arrayMap(x -> toUInt64(x), wide) AS events, arrayMap(x -> toUInt64(bitShiftRight(x, 64)), wide) AS people FROM (
        SELECT bitShiftRight(person, 54) AS slice, arraySort(groupArray(bitShiftLeft(toUInt128(person), 64) + (bitShiftLeft(toUInt64(toUnixTimestamp64Milli(timestamp) - {p10:Int64}), 20) + toUInt64((if(type = {p6:String}, 1, 0) + if(type = {p7:String} AND ifNull(toFloat64(amount) > {p8:Float64}, 0), 2, 0) + if(type = {p9:String}, 4, 0)))))) AS wide
        FROM events
        WHERE timestamp >= {p4:DateTime64(3, 'UTC')} AND timestamp < {p5:DateTime64(3, 'UTC')}
        GROUP BY slice
        SETTINGS group_by_two_level_threshold_bytes = 4000000
        ))
    )))))))))))))))
);

-- {"kind":"funnel","from":"2026-03-01","to":"2026-03-15","steps":[{"event":"view"},{"event":"add_to_cart","where":"amount > 5"},{"event":"purchase"}],"exclusions":[{"event":"logout","from_step":1,"to_step":2}]}

SET param_p1 = '[1,2,4]';
SET param_p2 = '[0,1,2]';
SET param_p3 = '[1]';
SET param_p4 = '[2]';
SET param_p5 = '1209600000';
SET param_p6 = '2026-03-01 00:00:00.000';
SET param_p7 = '2026-03-15 00:00:00.000';
SET param_p8 = '[\'add_to_cart\',\'logout\',\'purchase\',\'view\']';
SET param_p9 = 'view';
SET param_p10 = 'add_to_cart';
SET param_p11 = '5';
SET param_p12 = 'purchase';
SET param_p13 = 'logout';
SET param_p14 = '1772323200000';
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
    SELECT *, arraySlice(at, begun, lasts) AS chain_at, if(lasts = 0, [], arrayPushBack(arrayPopBack(arraySlice(reach, begun, lasts)), arrayMap((r, i) -> if(r > depth OR i >= depth, toInt64(0), r), reach[done], range(3)))) AS chain_reach, if(lasts = 0, [], arrayPushBack(arrayPopBack(arraySlice(forbid, begun, lasts)), if(ends < begins + {p5:Int64}, forbid[done], emptyArrayInt64()))) AS chain_need FROM (
    SELECT *, if(depth = 0, 0, done - begun + 1) AS lasts FROM (
    SELECT *, indexOf(at, begins) AS begun, indexOf(at, ends) AS done, arrayLast((t, r) -> r[1] >= 1, at, reach) AS last_entry FROM (
    SELECT *, best.1 AS depth, best.3 AS begins, -best.2 AS ends FROM (
    SELECT *, [arraySort(arrayPushBack(arrayMap((t, stop) -> (toInt64(arrayLastIndex(v -> v >= 0, stop)), -stop[arrayLastIndex(v -> v >= 0, stop)], t), starts, stops), (toInt64(clean_depth), -clean_ends, clean_begins)))[-1], done_best][all_done + 1] AS best FROM (
    SELECT *, arrayMap(s -> arrayMap((f, o) -> multiIf(f < 0, o, o < 0, f, least(f, o)), s.2, s.3), states) AS stops FROM (
    SELECT *, arrayFold((all, entry) -> arrayPushBack(all, arrayFold((s, t, r, q, x) -> (
                bitAnd(bitOr(bitOr(bitOr(toInt64(0), if(bitTest(s.1, 0), greatest(bitShiftLeft(toInt64(2), r[1]) - bitShiftLeft(toInt64(1), greatest(0, q[1])), 0), 0)), if(bitTest(s.1, 1), greatest(bitShiftLeft(toInt64(2), r[2]) - bitShiftLeft(toInt64(1), greatest(1, q[2])), 0), 0)), if(bitTest(s.1, 2), greatest(bitShiftLeft(toInt64(2), r[3]) - bitShiftLeft(toInt64(1), greatest(2, q[3])), 0), 0)), -2),
                arrayMap((d, f) -> multiIf(f >= 0 AND r[d + 1] <= d AND q[d + 1] <= d AND NOT (x[d + 1] > d AND t < at[entry] + {p5:Int64}), f, arrayExists(i -> bitTest(s.1, i) AND r[i + 1] = d AND (x[i + 1] <= d OR t = at[entry] + {p5:Int64}) AND q[i + 1] <= d, range(d)), t, toInt64(-1)), range(1, 4), s.2),
                arrayMap((d, f, o) -> multiIf(o >= 0 AND NOT (x[d + 1] > d AND t < at[entry] + {p5:Int64}), o, f >= 0 AND r[d + 1] <= d AND q[d + 1] > d AND NOT (x[d + 1] > d AND t < at[entry] + {p5:Int64}), f, arrayExists(i -> bitTest(s.1, i) AND r[i + 1] = d AND (x[i + 1] <= d OR t = at[entry] + {p5:Int64}), range(d)) AND NOT arrayExists(i -> bitTest(s.1, i) AND r[i + 1] = d AND (x[i + 1] <= d OR t = at[entry] + {p5:Int64}) AND q[i + 1] <= d, range(d)), t, toInt64(-1)), range(1, 4), s.2, s.3)),
            arraySlice(at, entry, arrayCount(t -> t <= at[entry] + {p5:Int64}, at) - entry + 1), arraySlice(reach, entry, arrayCount(t -> t <= at[entry] + {p5:Int64}, at) - entry + 1), arraySlice(forbid, entry, arrayCount(t -> t <= at[entry] + {p5:Int64}, at) - entry + 1), arraySlice(forbid, entry, arrayCount(t -> t <= at[entry] + {p5:Int64}, at) - entry + 1), (toInt64(1), arrayWithConstant(3, toInt64(-1)), arrayWithConstant(3, toInt64(-1))))), entries,
            CAST([], 'Array(Tuple(Int64, Array(Int64), Array(Int64)))')) AS states FROM (
    SELECT *, arrayFilter((t, r, c) -> r[1] > c[1] AND NOT all_done, arrayEnumerate(at), reach, clean_reach) AS entries, arrayFilter((t, r, c) -> r[1] > c[1] AND NOT all_done, at, reach, clean_reach) AS starts FROM (
    SELECT *, multiIf(clean_depth = 3, arrayFirst(v -> v >= 0, v3), clean_depth = 2, arrayFirst(v -> v >= 0, v2), clean_depth = 1, arrayFirst(v -> v >= 0, v1), -1) AS clean_begins, multiIf(clean_depth = 3, at[arrayFirstIndex(v -> v >= 0, v3)], clean_depth = 2, at[arrayFirstIndex(v -> v >= 0, v2)], clean_depth = 1, at[arrayFirstIndex(v -> v >= 0, v1)], -1) AS clean_ends FROM (
    SELECT *, multiIf(arrayExists(v -> v >= 0, v3), 3, arrayExists(v -> v >= 0, v2), 2, arrayExists(v -> v >= 0, v1), 1, 0) AS clean_depth FROM (
    SELECT *, arrayMap((t, r, p1, p2) -> multiIf(r[1] >= 3, t, r[2] >= 3 AND p1 >= 0 AND t - p1 <= {p5:Int64}, p1, r[3] >= 3 AND p2 >= 0 AND t - p2 <= {p5:Int64}, p2, toInt64(-1)), at, clean_reach, b1, b2) AS v3, arrayFill(v -> v >= 0, v3) AS f3, arrayPushFront(arrayPopBack(f3), toInt64(-1)) AS b3 FROM (
    SELECT *, arrayMap((t, r, p1) -> multiIf(r[1] >= 2, t, r[2] >= 2 AND p1 >= 0 AND t - p1 <= {p5:Int64}, p1, toInt64(-1)), at, clean_reach, b1) AS v2, arrayFill(v -> v >= 0, v2) AS f2, arrayPushFront(arrayPopBack(f2), toInt64(-1)) AS b2 FROM (
    SELECT *, arrayMap((t, r) -> multiIf(r[1] >= 1, t, toInt64(-1)), at, clean_reach) AS v1, arrayFill(v -> v >= 0, v1) AS f1, arrayPushFront(arrayPopBack(f1), toInt64(-1)) AS b1 FROM (
    SELECT *, arrayMap((t, r, next) -> if(next < 0 OR next >= t + {p5:Int64}, r, arrayPushFront(arrayPopFront(r), toInt64(0))), at, reach, arrayPushBack(arrayPopFront(arrayReverseFill(v -> v >= 0, arrayMap((t, m) -> if(m != 0, t, -1), at, marks))), toInt64(-1))) AS clean_reach FROM (
    SELECT *, arrayExists(v -> v >= 0, v3x) AS all_done, (toInt64(3), -at[arrayFirstIndex(v -> v >= 0, v3x)], arrayFirst(v -> v >= 0, v3x)) AS done_best FROM (
    SELECT *, arrayMap((t, r, p1, p2) -> multiIf(r[1] >= 3, t, r[2] >= 3 AND p1 >= 0 AND t - p1 <= {p5:Int64}, p1, r[3] >= 3 AND p2 >= 0 AND t - p2 <= {p5:Int64}, p2, toInt64(-1)), at, reach, b1x, b2x) AS v3x FROM (
    SELECT *, arrayMap((t, r, p1) -> multiIf(r[1] >= 2, t, r[2] >= 2 AND p1 >= 0 AND t - p1 <= {p5:Int64}, p1, toInt64(-1)), at, reach, b1x) AS v2x, arrayMap((t, r, q, p1) -> multiIf(r[1] >= 2, t, r[2] >= 2 AND q[2] <= 2 AND p1 >= 0 AND t - p1 <= {p5:Int64}, p1, q[3] <= 2, toInt64(-1), toInt64(-2)), at, reach, forbid, b1x) AS w2x, arrayFill(v -> v != -1, w2x) AS f2x, arrayPushFront(arrayPopBack(f2x), toInt64(-1)) AS b2x FROM (
    SELECT *, arrayMap((t, r) -> multiIf(r[1] >= 1, t, toInt64(-1)), at, reach) AS v1x, arrayMap((t, r, q) -> multiIf(r[1] >= 1, t, q[2] <= 1, toInt64(-1), toInt64(-2)), at, reach, forbid) AS w1x, arrayFill(v -> v != -1, w1x) AS f1x, arrayPushFront(arrayPopBack(f1x), toInt64(-1)) AS b1x FROM (
    SELECT *, arrayMap(m -> arrayMap(i -> toInt64(arrayMax((x, a, b) -> if(bitTest(m, x) AND a <= i AND i < b, b, 0), range(1), {p3:Array(Int64)}, {p4:Array(Int64)})), range(3)), marks) AS forbid FROM (
    SELECT *, arrayMap(g -> bitAnd(bitShiftRight(arrayReduce('groupBitOr', g), 3), 1) , instants) AS marks FROM (
    SELECT *, arrayMap(g -> toInt64(bitShiftRight(g[1], 20)), instants) AS at, arrayMap(g -> if(length(g) = 1, arrayMap(i -> toInt64(i + bitTest(g[1], i)), range(3)),
            arrayMap(i -> arrayMin((s, lowest, highest) -> if(lowest >= i AND arrayCount(x -> bitAnd(x, s) != 0, g) < bitCount(s), highest, toInt64(3)), {p1:Array(Int64)}, {p2:Array(Int64)}, {p2:Array(Int64)}), range(3))), instants) AS reach FROM (
    SELECT *, arraySplit((x, first) -> first, e, arrayMap((t, before) -> t != before, times, arrayPushFront(arrayPopBack(times), toInt64(-1)))) AS instants FROM (
    SELECT *, arrayMap(x -> toInt64(bitShiftRight(x, 20)), e) AS times FROM (
        SELECT arrayJoin(arraySplit((x, other) -> other != 0, events, arrayDifference(people))) AS e FROM (
        SELECT arrayMap(x -> toUInt64(x), wide) AS events, arrayMap(x -> toUInt64(bitShiftRight(x, 64)), wide) AS people FROM (
        SELECT bitShiftRight(person, 54) AS slice, arraySort(groupArray(bitShiftLeft(toUInt128(person), 64) + (bitShiftLeft(toUInt64(toUnixTimestamp64Milli(timestamp) - {p14:Int64}), 20) + toUInt64(if((if(type = {p9:String}, 1, 0) + if(type = {p10:String} AND ifNull(toFloat64(amount) > {p11:Float64}, 0), 2, 0) + if(type = {p12:String}, 4, 0)) > 0, (if(type = {p9:String}, 1, 0) + if(type = {p10:String} AND ifNull(toFloat64(amount) > {p11:Float64}, 0), 2, 0) + if(type = {p12:String}, 4, 0)), if(type = {p13:String}, 8, 0)))))) AS wide
        FROM events
        WHERE timestamp >= {p6:DateTime64(3, 'UTC')} AND timestamp < {p7:DateTime64(3, 'UTC')} AND type IN {p8:Array(String)} AND if((if(type = {p9:String}, 1, 0) + if(type = {p10:String} AND ifNull(toFloat64(amount) > {p11:Float64}, 0), 2, 0) + if(type = {p12:String}, 4, 0)) > 0, (if(type = {p9:String}, 1, 0) + if(type = {p10:String} AND ifNull(toFloat64(amount) > {p11:Float64}, 0), 2, 0) + if(type = {p12:String}, 4, 0)), if(type = {p13:String}, 8, 0)) > 0
        GROUP BY slice
        SETTINGS group_by_two_level_threshold_bytes = 4000000
        ))
    ))))))))))))))))))))))))))
);

-- {"kind":"funnel","from":"2026-03-01","to":"2026-03-15","steps":[{"event":"view"},{"event":"purchase"}],"view":"trend","exclusions":[{"event":"logout"}]}

SET param_p1 = '1772323200000';
SET param_p2 = '86400000';
SET param_p3 = '[1,2]';
SET param_p4 = '[0,1]';
SET param_p5 = '[1]';
SET param_p6 = '[2]';
SET param_p7 = '1209600000';
SET param_p8 = '2026-03-01 00:00:00.000';
SET param_p9 = '2026-03-15 00:00:00.000';
SET param_p10 = '[\'logout\',\'purchase\',\'view\']';
SET param_p11 = 'view';
SET param_p12 = 'purchase';
SET param_p13 = 'logout';
SELECT entry.1 AS bucket, sum(entry.2) AS entered, sum(entry.3) AS converted
FROM
(
SELECT arrayJoin(arrayConcat(arrayMap(b -> (b, toUInt64(1), toUInt64(0)), arrayDistinct(arrayMap(t -> intDiv((t + {p1:Int64}) - {p1:Int64}, {p2:Int64}), entered))), arrayMap(b -> (b, toUInt64(0), toUInt64(1)), arrayDistinct(arrayMap(t -> intDiv((t + {p1:Int64}) - {p1:Int64}, {p2:Int64}), converted))))) AS entry
FROM
(
    SELECT *, arrayConcat(clean_entries, converted) AS entered FROM (
    SELECT *, arrayFilter((t, r) -> r[1] >= 1, at, clean_reach) AS clean_entries FROM (
    SELECT *, arrayMap((t, r, next) -> if(next < 0 OR next >= t + {p7:Int64}, r, arrayPushFront(arrayPopFront(r), toInt64(0))), at, reach, arrayPushBack(arrayPopFront(arrayReverseFill(v -> v >= 0, arrayMap((t, m) -> if(m != 0, t, -1), at, marks))), toInt64(-1))) AS clean_reach FROM (
    SELECT *, arrayFilter((t, v) -> v >= 0 AND v - t <= {p7:Int64}, at, u0) AS converted, arrayFilter((t, r) -> r[1] >= 1, at, reach) AS all_entries FROM (
    SELECT *, arrayMap((t, r, q, a1) -> multiIf(r[1] >= 2, t, r[1] >= 1 AND q[1] <= 1 AND a1 >= 0, a1, q[1] <= 0, toInt64(-1), toInt64(-2)), at, reach, forbid, l1) AS u0 FROM (
    SELECT *, arrayMap((t, r, q) -> multiIf(r[2] >= 2, t, q[2] <= 1, toInt64(-1), toInt64(-2)), at, reach, forbid) AS u1, arrayReverseFill(v -> v != -1, u1) AS w1, arrayPushBack(arrayPopFront(w1), toInt64(-2)) AS l1 FROM (
    SELECT *, arrayMap(m -> arrayMap(i -> toInt64(arrayMax((x, a, b) -> if(bitTest(m, x) AND a <= i AND i < b, b, 0), range(1), {p5:Array(Int64)}, {p6:Array(Int64)})), range(2)), marks) AS forbid FROM (
    SELECT *, arrayMap(g -> bitAnd(bitShiftRight(arrayReduce('groupBitOr', g), 2), 1) , instants) AS marks FROM (
    SELECT *, arrayMap(g -> toInt64(bitShiftRight(g[1], 20)), instants) AS at, arrayMap(g -> if(length(g) = 1, arrayMap(i -> toInt64(i + bitTest(g[1], i)), range(2)),
            arrayMap(i -> arrayMin((s, lowest, highest) -> if(lowest >= i AND arrayCount(x -> bitAnd(x, s) != 0, g) < bitCount(s), highest, toInt64(2)), {p3:Array(Int64)}, {p4:Array(Int64)}, {p4:Array(Int64)}), range(2))), instants) AS reach FROM (
    SELECT *, arraySplit((x, first) -> first, e, arrayMap((t, before) -> t != before, times, arrayPushFront(arrayPopBack(times), toInt64(-1)))) AS instants FROM (
    SELECT *, arrayMap(x -> toInt64(bitShiftRight(x, 20)), e) AS times FROM (
        SELECT arrayJoin(arraySplit((x, other) -> other != 0, events, arrayDifference(people))) AS e FROM (
        SELECT arrayMap(x -> toUInt64(x), wide) AS events, arrayMap(x -> toUInt64(bitShiftRight(x, 64)), wide) AS people FROM (
        SELECT bitShiftRight(person, 54) AS slice, arraySort(groupArray(bitShiftLeft(toUInt128(person), 64) + (bitShiftLeft(toUInt64(toUnixTimestamp64Milli(timestamp) - {p1:Int64}), 20) + toUInt64(if((if(type = {p11:String}, 1, 0) + if(type = {p12:String}, 2, 0)) > 0, (if(type = {p11:String}, 1, 0) + if(type = {p12:String}, 2, 0)), if(type = {p13:String}, 4, 0)))))) AS wide
        FROM events
        WHERE timestamp >= {p8:DateTime64(3, 'UTC')} AND timestamp < {p9:DateTime64(3, 'UTC')} AND type IN {p10:Array(String)}
        GROUP BY slice
        SETTINGS group_by_two_level_threshold_bytes = 4000000
        ))
    )))))))))))
)
)
GROUP BY bucket;

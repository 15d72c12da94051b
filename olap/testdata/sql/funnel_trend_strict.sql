-- {"kind":"funnel","from":"2026-03-01","to":"2026-03-15","steps":[{"event":"view"},{"event":"purchase"}],"view":"trend","order":"strict"}

SET param_p1 = '1772323200000';
SET param_p2 = '86400000';
SET param_p3 = '[1,2]';
SET param_p4 = '[0,1]';
SET param_p5 = '1209600000';
SET param_p6 = '2026-03-01 00:00:00.000';
SET param_p7 = '2026-03-15 00:00:00.000';
SET param_p8 = 'view';
SET param_p9 = 'purchase';
SELECT entry.1 AS bucket, sum(entry.2) AS entered, sum(entry.3) AS converted
FROM
(
SELECT arrayJoin(arrayConcat(arrayMap(b -> (b, toUInt64(1), toUInt64(0)), arrayDistinct(arrayMap(t -> intDiv((t + {p1:Int64}) - {p1:Int64}, {p2:Int64}), entered))), arrayMap(b -> (b, toUInt64(0), toUInt64(1)), arrayDistinct(arrayMap(t -> intDiv((t + {p1:Int64}) - {p1:Int64}, {p2:Int64}), converted))))) AS entry
FROM
(
    SELECT *, all_entries AS entered FROM (
    SELECT *, arrayFilter((t, v) -> v >= 0 AND v - t <= {p5:Int64}, at, u0) AS converted, arrayFilter((t, r) -> r[1] >= 1, at, reach) AS all_entries FROM (
    SELECT *, arrayMap((t, r, q, a1) -> multiIf(r[1] >= 2, t, r[1] >= 1 AND q[1] <= 1 AND a1 >= 0, a1, q[1] <= 0, toInt64(-1), toInt64(-2)), at, reach, need, l1) AS u0 FROM (
    SELECT *, arrayMap((t, r, q) -> multiIf(r[2] >= 2, t, q[2] <= 1, toInt64(-1), toInt64(-2)), at, reach, need) AS u1, arrayReverseFill(v -> v != -1, u1) AS w1, arrayPushBack(arrayPopFront(w1), toInt64(-2)) AS l1 FROM (
    SELECT *, arrayMap(g -> arrayPushFront(arrayMap(i -> toInt64(arrayMax(x -> if(bitShiftRight(bitAnd(x, 3), i - 1) = 0, 21, i - 1 + bitCount(bitXor(bitShiftRight(bitAnd(x, 3), i - 1), bitShiftRight(bitAnd(x, 3), i - 1) - 1))), g)), range(1, 2)), toInt64(0)), instants) AS need FROM (
    SELECT *, arrayMap(g -> toInt64(bitShiftRight(g[1], 20)), instants) AS at, arrayMap(g -> if(length(g) = 1, arrayMap(i -> toInt64(i + bitTest(g[1], i)), range(2)),
            arrayMap(i -> arrayMin((s, lowest, highest) -> if(lowest >= i AND arrayCount(x -> bitAnd(x, s) != 0, g) < bitCount(s), highest, toInt64(2)), {p3:Array(Int64)}, {p4:Array(Int64)}, {p4:Array(Int64)}), range(2))), instants) AS reach FROM (
    SELECT *, arraySplit((x, first) -> first, e, arrayMap((t, before) -> t != before, times, arrayPushFront(arrayPopBack(times), toInt64(-1)))) AS instants FROM (
    SELECT *, arrayMap(x -> toInt64(bitShiftRight(x, 20)), e) AS times FROM (
        SELECT arrayJoin(arraySplit((x, other) -> other != 0, events, arrayDifference(people))) AS e FROM (
        SELECT arrayMap(x -> toUInt64(x), wide) AS events, arrayMap(x -> toUInt64(bitShiftRight(x, 64)), wide) AS people FROM (
        SELECT bitShiftRight(person, 54) AS slice, arraySort(groupArray(bitShiftLeft(toUInt128(person), 64) + (bitShiftLeft(toUInt64(toUnixTimestamp64Milli(timestamp) - {p1:Int64}), 20) + toUInt64((if(type = {p8:String}, 1, 0) + if(type = {p9:String}, 2, 0)))))) AS wide
        FROM events
        WHERE timestamp >= {p6:DateTime64(3, 'UTC')} AND timestamp < {p7:DateTime64(3, 'UTC')}
        GROUP BY slice
        SETTINGS group_by_two_level_threshold_bytes = 4000000
        ))
    ))))))))
)
)
GROUP BY bucket;

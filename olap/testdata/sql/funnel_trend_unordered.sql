-- {"kind":"funnel","from":"2026-03-01","to":"2026-03-15","steps":[{"event":"view"},{"event":"purchase"}],"view":"trend","order":"unordered"}

SET param_p1 = '1772323200000';
SET param_p2 = '86400000';
SET param_p3 = '1209600000';
SET param_p4 = '[1,2]';
SET param_p5 = '2026-03-01 00:00:00.000';
SET param_p6 = '2026-03-15 00:00:00.000';
SET param_p7 = '[\'purchase\',\'view\']';
SET param_p8 = 'view';
SET param_p9 = 'purchase';
SELECT entry.1 AS bucket, sum(entry.2) AS entered, sum(entry.3) AS converted
FROM
(
SELECT arrayJoin(arrayConcat(arrayMap(b -> (b, toUInt64(1), toUInt64(0)), arrayDistinct(arrayMap(t -> intDiv((t + {p1:Int64}) - {p1:Int64}, {p2:Int64}), entered))), arrayMap(b -> (b, toUInt64(0), toUInt64(1)), arrayDistinct(arrayMap(t -> intDiv((t + {p1:Int64}) - {p1:Int64}, {p2:Int64}), converted))))) AS entry
FROM
(
    SELECT *, arrayFilter(t -> t < {p3:Int64}, arrayMap(x -> toInt64(bitShiftRight(x, 20)), e)) AS entered, arrayFold((s, x) -> arrayMap(b -> (b, if(length(b) = 2 AND toInt64(bitShiftRight(b[1], 20)) - toInt64(bitShiftRight(x, 20)) <= {p3:Int64} AND toInt64(bitShiftRight(x, 20)) < {p3:Int64}, arrayPushBack(s.2, toInt64(bitShiftRight(x, 20))), s.2)), [arrayMap(b -> arrayMap(u -> arrayFilter((y, place) -> place != if(u = 0, 0, arrayFirstIndex(z -> bitAnd(z, 3 - u) = 0, b)), b, arrayEnumerate(b)), [arrayFirst(u -> arrayCount(y -> bitAnd(y, 3 - u) = 0, b) > bitCount(u), {p4:Array(Int64)})])[1], [arrayPushBack(s.1, x)])[1]])[1], arrayReverse(e), (emptyArrayUInt64(), emptyArrayInt64())).2 AS converted FROM (
        SELECT arrayJoin(arraySplit((x, other) -> other != 0, events, arrayDifference(people))) AS e FROM (
        SELECT arrayMap(x -> toUInt64(x), wide) AS events, arrayMap(x -> toUInt64(bitShiftRight(x, 64)), wide) AS people FROM (
        SELECT bitShiftRight(person, 54) AS slice, arraySort(groupArray(bitShiftLeft(toUInt128(person), 64) + (bitShiftLeft(toUInt64(toUnixTimestamp64Milli(timestamp) - {p1:Int64}), 20) + toUInt64((if(type = {p8:String}, 1, 0) + if(type = {p9:String}, 2, 0)))))) AS wide
        FROM events
        WHERE timestamp >= {p5:DateTime64(3, 'UTC')} AND timestamp < {p6:DateTime64(3, 'UTC')} AND type IN {p7:Array(String)}
        GROUP BY slice
        SETTINGS group_by_two_level_threshold_bytes = 4000000
        ))
    )
)
)
GROUP BY bucket;

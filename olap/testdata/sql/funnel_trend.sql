-- {"kind":"funnel","from":"2026-03-01","to":"2026-03-15","steps":[{"event":"view"},{"event":"purchase"}],"view":"trend"}

SET param_p1 = '1772323200000';
SET param_p2 = '86400000';
SET param_p3 = '1209600000';
SET param_p4 = '2026-03-01 00:00:00.000';
SET param_p5 = '2026-03-15 00:00:00.000';
SET param_p6 = '[\'purchase\',\'view\']';
SET param_p7 = 'view';
SET param_p8 = 'purchase';
SELECT entry.1 AS bucket, sum(entry.2) AS entered, sum(entry.3) AS converted
FROM
(
SELECT arrayJoin(arrayConcat(arrayMap(b -> (b, toUInt64(1), toUInt64(0)), arrayDistinct(arrayMap(t -> intDiv((t + {p1:Int64}) - {p1:Int64}, {p2:Int64}), entered))), arrayMap(b -> (b, toUInt64(0), toUInt64(1)), arrayDistinct(arrayMap(t -> intDiv((t + {p1:Int64}) - {p1:Int64}, {p2:Int64}), converted))))) AS entry
FROM
(
    SELECT *, arrayFilter((t, s) -> s = 1, at, step) AS entered, arrayFilter((t, g) -> g >= 0 AND g - t <= {p3:Int64}, at, g1) AS converted FROM (
    SELECT *, arrayMap((t, s) -> if(s = 2, t, -1), at, step) AS g2, arrayMap((s, g) -> if(s = 1 AND g >= 0, g, -1), step, arrayReverseFill(g -> g >= 0, g2)) AS g1 FROM (
    SELECT *, arrayMap(x -> toInt64(bitShiftRight(x, 5)), e) AS at, arrayMap(x -> toUInt8(bitAnd(x, 31)), e) AS step FROM (
        SELECT arrayJoin(arraySplit((x, other) -> other != 0, events, arrayDifference(people))) AS e FROM (
        SELECT arrayMap(x -> toUInt64(x), wide) AS events, arrayMap(x -> toUInt64(bitShiftRight(x, 64)), wide) AS people FROM (
        SELECT bitShiftRight(person, 54) AS slice, arraySort(groupArray(bitShiftLeft(toUInt128(person), 64) + (bitShiftLeft(toUInt64(toUnixTimestamp64Milli(timestamp) - {p1:Int64}), 5) + toUInt64(multiIf(type = {p7:String}, 1, type = {p8:String}, 2, 0))))) AS wide
        FROM events
        WHERE timestamp >= {p4:DateTime64(3, 'UTC')} AND timestamp < {p5:DateTime64(3, 'UTC')} AND type IN {p6:Array(String)}
        GROUP BY slice
        SETTINGS group_by_two_level_threshold_bytes = 4000000
        ))
    )))
)
)
GROUP BY bucket;

-- the users of {"bucket":"2026-03-02","outcome":"converted"}

SET param_p1 = '86400000';
SET param_p2 = '172800000';
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
    SELECT *, arrayFilter((t, s) -> s = 1, at, step) AS entered, arrayFilter((t, g) -> g >= 0 AND g - t <= {p3:Int64}, at, g1) AS converted FROM (
    SELECT *, arrayMap((t, s) -> if(s = 2, t, -1), at, step) AS g2, arrayMap((s, g) -> if(s = 1 AND g >= 0, g, -1), step, arrayReverseFill(g -> g >= 0, g2)) AS g1 FROM (
    SELECT *, arrayMap(x -> toInt64(bitShiftRight(x, 5)), e) AS at, arrayMap(x -> toUInt8(bitAnd(x, 31)), e) AS step FROM (
        SELECT user_id, arraySort(groupArray(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(timestamp) - {p9:Int64}), 5) + toUInt64(multiIf(type = {p7:String}, 1, type = {p8:String}, 2, 0)))) AS e
        FROM events
        WHERE timestamp >= {p4:DateTime64(3, 'UTC')} AND timestamp < {p5:DateTime64(3, 'UTC')} AND type IN {p6:Array(String)}
        GROUP BY user_id
    )))
)
WHERE arrayExists(t -> t >= {p1:Int64} AND t < {p2:Int64}, converted);

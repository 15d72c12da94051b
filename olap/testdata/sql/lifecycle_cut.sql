-- {"kind":"lifecycle","event":"view","to":"2026-03-14T12:00","from":"2026-03-01T12:00","where":"properties.plan = \"it's\""}

SET param_p1 = 'view';
SET param_p2 = 'plan';
SET param_p3 = 'it\'s';
SET param_p4 = '2026-02-28 00:00:00.000';
SET param_p5 = '2026-03-01 12:00:00.000';
SET param_p6 = '2026-03-02 00:00:00.000';
SET param_p7 = '14';
SET param_p8 = '1772236800000';
SET param_p9 = '86400000';
SET param_p10 = '2026-03-14 12:00:00.000';
SELECT move, count() AS users
FROM
(
    SELECT user_id, arrayJoin(arrayConcat(
        arrayFilter(m -> m >= 0, arrayMap((b, before, nth) -> multiIf(NOT (b > 1 OR b = 1 AND opens), -1, nth = 1 AND fresh, b * 4, before = b - 1, b * 4 + 1, b * 4 + 2),
            active, arrayPushFront(arrayPopBack(active), toInt64(-2)), arrayEnumerate(active))),
        arrayFilter(m -> m >= 0, arrayMap((b, after) -> if(after != b + 1 AND b < {p7:Int64}, b * 4 + 7, -1),
            active, arrayPushBack(arrayPopFront(active), toInt64(-2)))))) AS move
    FROM
    (
        SELECT user_id, min(timestamp) >= {p4:DateTime64(3, 'UTC')} AS fresh,
            arraySort(groupUniqArrayIf(intDiv(toUnixTimestamp64Milli(timestamp) - {p8:Int64}, {p9:Int64}), timestamp >= {p4:DateTime64(3, 'UTC')})) AS active,
            countIf(timestamp >= {p5:DateTime64(3, 'UTC')} AND timestamp < {p6:DateTime64(3, 'UTC')}) > 0 AS opens
        FROM events
        WHERE timestamp < {p10:DateTime64(3, 'UTC')} AND (type = {p1:String} AND (JSONExtractRaw(properties, {p2:String}) NOT IN ('', 'null') AND if(startsWith(JSONExtractRaw(properties, {p2:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p2:String})), JSONExtractRaw(properties, {p2:String})) = {p3:String}))
        GROUP BY user_id
        HAVING notEmpty(active)
    )
)
GROUP BY move;

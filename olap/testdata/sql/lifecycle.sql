-- {"kind":"lifecycle","from":"2026-03-01","to":"2026-03-15","event":"view"}

SET param_p1 = 'view';
SET param_p2 = '2026-02-28 00:00:00.000';
SET param_p3 = '14';
SET param_p4 = '1772236800000';
SET param_p5 = '86400000';
SET param_p6 = '2026-03-15 00:00:00.000';
SELECT move, count() AS users
FROM
(
    SELECT user_id, arrayJoin(arrayConcat(
        arrayFilter(m -> m >= 0, arrayMap((b, before, nth) -> multiIf(NOT b > 0, -1, nth = 1 AND fresh, b * 4, before = b - 1, b * 4 + 1, b * 4 + 2),
            active, arrayPushFront(arrayPopBack(active), toInt64(-2)), arrayEnumerate(active))),
        arrayFilter(m -> m >= 0, arrayMap((b, after) -> if(after != b + 1 AND b < {p3:Int64}, b * 4 + 7, -1),
            active, arrayPushBack(arrayPopFront(active), toInt64(-2)))))) AS move
    FROM
    (
        SELECT user_id, min(timestamp) >= {p2:DateTime64(3, 'UTC')} AS fresh,
            arraySort(groupUniqArrayIf(intDiv(toUnixTimestamp64Milli(timestamp) - {p4:Int64}, {p5:Int64}), timestamp >= {p2:DateTime64(3, 'UTC')})) AS active
        FROM events
        WHERE timestamp < {p6:DateTime64(3, 'UTC')} AND (type = {p1:String})
        GROUP BY user_id
        HAVING notEmpty(active)
    )
)
GROUP BY move;

-- users behind {"bucket":"2026-03-02","state":"dormant"}

SET param_p1 = 'view';
SET param_p2 = '2026-02-28 00:00:00.000';
SET param_p3 = '14';
SET param_p4 = '1772236800000';
SET param_p5 = '86400000';
SET param_p6 = '2026-03-15 00:00:00.000';
SET param_p7 = '11';
SELECT user_id
FROM
(
    SELECT user_id, arrayJoin(arrayConcat(
        arrayFilter(m -> m >= 0, arrayMap((b, before, nth) -> multiIf(NOT b > 0, -1, nth = 1 AND fresh, b * 4, before = b - 1, b * 4 + 1, b * 4 + 2),
            active, arrayPushFront(arrayPopBack(active), toInt64(-2)), arrayEnumerate(active))),
        arrayFilter(m -> m >= 0, arrayMap((b, after) -> if(after != b + 1 AND b < {p3:Int64}, b * 4 + 7, -1),
            active, arrayPushBack(arrayPopFront(active), toInt64(-2)))))) AS move
    FROM
    (
        SELECT user_id, min(timestamp) >= {p2:DateTime64(3, 'UTC')} AS fresh,
            arraySort(groupUniqArrayIf(intDiv(toUnixTimestamp64Milli(timestamp) - {p4:Int64}, {p5:Int64}), timestamp >= {p2:DateTime64(3, 'UTC')})) AS active
        FROM events
        WHERE timestamp < {p6:DateTime64(3, 'UTC')} AND (type = {p1:String})
        GROUP BY user_id
        HAVING notEmpty(active)
    )
)
WHERE move = {p7:Int64};

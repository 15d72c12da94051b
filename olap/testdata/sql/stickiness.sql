-- {"kind":"stickiness","from":"2026-03-01","to":"2026-03-15","event":"view"}

SET param_p1 = 'view';
SET param_p2 = '1772323200000';
SET param_p3 = '86400000';
SET param_p4 = '2026-03-01 00:00:00.000';
SET param_p5 = '2026-03-15 00:00:00.000';
SELECT intervals, count() AS users
FROM
(
    SELECT user_id, uniqExact(intDiv(toUnixTimestamp64Milli(timestamp) - {p2:Int64}, {p3:Int64})) AS intervals
    FROM events
    WHERE timestamp >= {p4:DateTime64(3, 'UTC')} AND timestamp < {p5:DateTime64(3, 'UTC')} AND (type = {p1:String})
    GROUP BY user_id
)
GROUP BY intervals;

-- users behind {"intervals":3}

SET param_p1 = 'view';
SET param_p2 = '1772323200000';
SET param_p3 = '86400000';
SET param_p4 = '2026-03-01 00:00:00.000';
SET param_p5 = '2026-03-15 00:00:00.000';
SET param_p6 = '3';
SELECT user_id
FROM
(
    SELECT user_id, uniqExact(intDiv(toUnixTimestamp64Milli(timestamp) - {p2:Int64}, {p3:Int64})) AS intervals
    FROM events
    WHERE timestamp >= {p4:DateTime64(3, 'UTC')} AND timestamp < {p5:DateTime64(3, 'UTC')} AND (type = {p1:String})
    GROUP BY user_id
)
WHERE intervals = {p6:Int64};

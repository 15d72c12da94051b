-- {"kind":"retention","from":"2026-03-01","to":"2026-03-15","start":{"event":"view"},"return":{"event":"purchase"}}

SET param_p1 = '8';
SET param_p2 = 'view';
SET param_p3 = 'purchase';
SET param_p4 = '2026-03-01 00:00:00.000';
SET param_p5 = '2026-03-15 00:00:00.000';
SET param_p6 = '2026-03-22 00:00:00.000';
SET param_p7 = '1772323200000';
SET param_p8 = '86400000';
SELECT toInt64(0) AS slot, cohort, period, count() AS users
FROM
(
    SELECT *, arrayJoin(arrayPushFront(passed, toInt64(0))) AS period FROM (
    SELECT *, arrayFilter(k -> k > 0 AND k < {p1:Int64}, arrayMap(x -> x - cohort, returns)) AS passed FROM (
    SELECT *, intDiv(origin - {p7:Int64}, {p8:Int64}) AS cohort FROM (
        SELECT user_id, minIf(toUnixTimestamp64Milli(timestamp), (type = {p2:String}) AND timestamp < {p5:DateTime64(3, 'UTC')}) AS origin,
            groupUniqArrayIf(intDiv(toUnixTimestamp64Milli(timestamp) - {p7:Int64}, {p8:Int64}), (type = {p3:String}) AND timestamp >= {p4:DateTime64(3, 'UTC')}) AS returns
        FROM events
        WHERE timestamp < {p6:DateTime64(3, 'UTC')} AND ((type = {p2:String}) AND timestamp < {p5:DateTime64(3, 'UTC')} OR (type = {p3:String}) AND timestamp >= {p4:DateTime64(3, 'UTC')})
        GROUP BY user_id
        HAVING countIf((type = {p2:String}) AND timestamp < {p5:DateTime64(3, 'UTC')}) > 0 AND origin >= {p7:Int64}
    )
    ))
)
GROUP BY cohort, period;

-- users behind {"cohort":"2026-03-02","period":2}

SET param_p1 = '1';
SET param_p2 = '8';
SET param_p3 = 'view';
SET param_p4 = 'purchase';
SET param_p5 = '2026-03-01 00:00:00.000';
SET param_p6 = '2026-03-15 00:00:00.000';
SET param_p7 = '2026-03-22 00:00:00.000';
SET param_p8 = '1772323200000';
SET param_p9 = '86400000';
SET param_p10 = '2';
SELECT user_id
FROM
(
    SELECT *, arrayJoin(arrayPushFront(passed, toInt64(0))) AS period FROM (
    SELECT *, arrayFilter(k -> k > 0 AND k < {p2:Int64}, arrayMap(x -> x - cohort, returns)) AS passed FROM (
    SELECT *, intDiv(origin - {p8:Int64}, {p9:Int64}) AS cohort FROM (
        SELECT user_id, minIf(toUnixTimestamp64Milli(timestamp), (type = {p3:String}) AND timestamp < {p6:DateTime64(3, 'UTC')}) AS origin,
            groupUniqArrayIf(intDiv(toUnixTimestamp64Milli(timestamp) - {p8:Int64}, {p9:Int64}), (type = {p4:String}) AND timestamp >= {p5:DateTime64(3, 'UTC')}) AS returns
        FROM events
        WHERE timestamp < {p7:DateTime64(3, 'UTC')} AND ((type = {p3:String}) AND timestamp < {p6:DateTime64(3, 'UTC')} OR (type = {p4:String}) AND timestamp >= {p5:DateTime64(3, 'UTC')})
        GROUP BY user_id
        HAVING countIf((type = {p3:String}) AND timestamp < {p6:DateTime64(3, 'UTC')}) > 0 AND origin >= {p8:Int64}
    )
    ))
)
WHERE cohort = {p1:Int64} AND period = {p10:Int64};

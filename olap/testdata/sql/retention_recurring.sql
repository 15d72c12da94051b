-- {"kind":"retention","from":"2026-03-01","to":"2026-03-15","start":{"event":"view"},"return":{"event":"purchase"},"cohort":"recurring"}

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
    SELECT *, arrayJoin(starts) AS cohort FROM (
        SELECT user_id, groupUniqArrayIf(intDiv(toUnixTimestamp64Milli(timestamp) - {p7:Int64}, {p8:Int64}), (type = {p2:String}) AND timestamp < {p5:DateTime64(3, 'UTC')}) AS starts,
            groupUniqArrayIf(intDiv(toUnixTimestamp64Milli(timestamp) - {p7:Int64}, {p8:Int64}), (type = {p3:String})) AS returns
        FROM events
        WHERE timestamp >= {p4:DateTime64(3, 'UTC')} AND timestamp < {p6:DateTime64(3, 'UTC')} AND ((type = {p2:String}) AND timestamp < {p5:DateTime64(3, 'UTC')} OR (type = {p3:String}))
        GROUP BY user_id
    )
    ))
)
GROUP BY cohort, period;

-- {"kind":"retention","from":"2026-03-01","to":"2026-03-15","start":{"event":"view"},"return":{"event":"purchase"},"cohort":"recurring","periods_from":"24h"}

SET param_p1 = '1';
SET param_p2 = '86400000';
SET param_p3 = '8';
SET param_p4 = 'view';
SET param_p5 = 'purchase';
SET param_p6 = '2026-03-01 00:00:00.000';
SET param_p7 = '2026-03-15 00:00:00.000';
SET param_p8 = '2026-03-23 00:00:00.000';
SET param_p9 = '1772323200000';
SELECT toInt64(0) AS slot, cohort, period, count() AS users
FROM
(
    SELECT *, arrayJoin(arrayPushFront(arrayFilter((k, nth) -> nth = {p1:Int64}, passed, arrayEnumerateUniq(passed)), toInt64(0))) AS period FROM (
    SELECT *, arrayFilter(k -> k > 0 AND k < {p3:Int64}, arrayMap(x -> intDiv(x - origin, {p2:Int64}), returns)) AS passed FROM (
    SELECT *, arrayJoin(arrayZip(starts.1, starts.2)) AS start, start.1 AS cohort, start.2 AS origin FROM (
        SELECT user_id, minMapIf([intDiv(toUnixTimestamp64Milli(timestamp) - {p9:Int64}, {p2:Int64})], [toUnixTimestamp64Milli(timestamp)], (type = {p4:String}) AND timestamp < {p7:DateTime64(3, 'UTC')}) AS starts,
            groupArrayIf(toUnixTimestamp64Milli(timestamp), (type = {p5:String})) AS returns
        FROM events
        WHERE timestamp >= {p6:DateTime64(3, 'UTC')} AND timestamp < {p8:DateTime64(3, 'UTC')} AND ((type = {p4:String}) AND timestamp < {p7:DateTime64(3, 'UTC')} OR (type = {p5:String}))
        GROUP BY user_id
    )
    ))
)
GROUP BY cohort, period;

-- {"kind":"retention","from":"2026-03-01","to":"2026-03-15","start":{"event":"view"},"return":{"event":"purchase"},"periods_from":"24h","min_occurrences":2,"count":"on_or_after"}

SET param_p1 = '2';
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
    SELECT *, arrayJoin(arrayPushFront(arrayFilter(k -> k > 0, [arrayMax(arrayFilter((k, nth) -> nth = {p1:Int64}, passed, arrayEnumerateUniq(passed)))]), toInt64(0))) AS period FROM (
    SELECT *, arrayFilter(k -> k > 0 AND k < {p3:Int64}, arrayMap(x -> intDiv(x - origin, {p2:Int64}), returns)) AS passed FROM (
    SELECT *, intDiv(origin - {p9:Int64}, {p2:Int64}) AS cohort FROM (
        SELECT user_id, minIf(toUnixTimestamp64Milli(timestamp), (type = {p4:String}) AND timestamp < {p7:DateTime64(3, 'UTC')}) AS origin,
            groupArrayIf(toUnixTimestamp64Milli(timestamp), (type = {p5:String}) AND timestamp >= {p6:DateTime64(3, 'UTC')}) AS returns
        FROM events
        WHERE timestamp < {p8:DateTime64(3, 'UTC')} AND ((type = {p4:String}) AND timestamp < {p7:DateTime64(3, 'UTC')} OR (type = {p5:String}) AND timestamp >= {p6:DateTime64(3, 'UTC')})
        GROUP BY user_id
        HAVING countIf((type = {p4:String}) AND timestamp < {p7:DateTime64(3, 'UTC')}) > 0 AND origin >= {p9:Int64}
    )
    ))
)
GROUP BY cohort, period;

-- users behind {"cohort":"2026-03-02","period":2}

SET param_p1 = '1';
SET param_p2 = '2';
SET param_p3 = '86400000';
SET param_p4 = '8';
SET param_p5 = 'view';
SET param_p6 = 'purchase';
SET param_p7 = '2026-03-01 00:00:00.000';
SET param_p8 = '2026-03-15 00:00:00.000';
SET param_p9 = '2026-03-23 00:00:00.000';
SET param_p10 = '1772323200000';
SELECT user_id
FROM
(
    SELECT *, arrayJoin(arrayPushFront(arrayFilter(k -> k > 0, [arrayMax(arrayFilter((k, nth) -> nth = {p2:Int64}, passed, arrayEnumerateUniq(passed)))]), toInt64(0))) AS period FROM (
    SELECT *, arrayFilter(k -> k > 0 AND k < {p4:Int64}, arrayMap(x -> intDiv(x - origin, {p3:Int64}), returns)) AS passed FROM (
    SELECT *, intDiv(origin - {p10:Int64}, {p3:Int64}) AS cohort FROM (
        SELECT user_id, minIf(toUnixTimestamp64Milli(timestamp), (type = {p5:String}) AND timestamp < {p8:DateTime64(3, 'UTC')}) AS origin,
            groupArrayIf(toUnixTimestamp64Milli(timestamp), (type = {p6:String}) AND timestamp >= {p7:DateTime64(3, 'UTC')}) AS returns
        FROM events
        WHERE timestamp < {p9:DateTime64(3, 'UTC')} AND ((type = {p5:String}) AND timestamp < {p8:DateTime64(3, 'UTC')} OR (type = {p6:String}) AND timestamp >= {p7:DateTime64(3, 'UTC')})
        GROUP BY user_id
        HAVING countIf((type = {p5:String}) AND timestamp < {p8:DateTime64(3, 'UTC')}) > 0 AND origin >= {p10:Int64}
    )
    ))
)
WHERE cohort = {p1:Int64} AND period >= {p2:Int64};

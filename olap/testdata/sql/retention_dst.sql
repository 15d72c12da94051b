-- {"kind":"retention","from":"2026-03-01","to":"2026-03-15","start":{"event":"view"},"return":{"event":"purchase"},"timezone":"America/New_York"}

SET param_p1 = '8';
SET param_p2 = 'view';
SET param_p3 = 'purchase';
SET param_p4 = '2026-03-01 05:00:00.000';
SET param_p5 = '2026-03-15 04:00:00.000';
SET param_p6 = '2026-03-22 04:00:00.000';
SET param_p7 = '[1772341200000,1772427600000,1772514000000,1772600400000,1772686800000,1772773200000,1772859600000,1772946000000,1773028800000,1773115200000,1773201600000,1773288000000,1773374400000,1773460800000,1773547200000,1773633600000,1773720000000,1773806400000,1773892800000,1773979200000,1774065600000]';
SET param_p8 = '[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]';
SET param_p9 = '1772341200000';
SELECT toInt64(0) AS slot, cohort, period, count() AS users
FROM
(
    SELECT *, arrayJoin(arrayPushFront(passed, toInt64(0))) AS period FROM (
    SELECT *, arrayFilter(k -> k > 0 AND k < {p1:Int64}, arrayMap(x -> x - cohort, returns)) AS passed FROM (
    SELECT *, transform(roundDown(origin, {p7:Array(Int64)}), {p7:Array(Int64)}, {p8:Array(Int64)}, toInt64(0)) AS cohort FROM (
        SELECT user_id, minIf(toUnixTimestamp64Milli(timestamp), (type = {p2:String}) AND timestamp < {p5:DateTime64(3, 'UTC')}) AS origin,
            groupUniqArrayIf(transform(roundDown(toUnixTimestamp64Milli(timestamp), {p7:Array(Int64)}), {p7:Array(Int64)}, {p8:Array(Int64)}, toInt64(0)), (type = {p3:String}) AND timestamp >= {p4:DateTime64(3, 'UTC')}) AS returns
        FROM events
        WHERE timestamp < {p6:DateTime64(3, 'UTC')} AND ((type = {p2:String}) AND timestamp < {p5:DateTime64(3, 'UTC')} OR (type = {p3:String}) AND timestamp >= {p4:DateTime64(3, 'UTC')})
        GROUP BY user_id
        HAVING countIf((type = {p2:String}) AND timestamp < {p5:DateTime64(3, 'UTC')}) > 0 AND origin >= {p9:Int64}
    )
    ))
)
GROUP BY cohort, period;

-- {"kind":"retention","from":"2026-03-01","to":"2026-03-15","start":{"event":"view"},"return":{"event":"purchase"},"breakdown":{"property":"properties.plan","limit":2}}

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

SET param_p1 = 'view';
SET param_p2 = 'purchase';
SET param_p3 = '2026-03-01 00:00:00.000';
SET param_p4 = '2026-03-15 00:00:00.000';
SET param_p5 = '2026-03-22 00:00:00.000';
SET param_p6 = 'plan';
SET param_p7 = '2';
SELECT substring(marked, 2) AS value
FROM
(
    SELECT user_id, argMin(if(JSONExtractRaw(properties, {p6:String}) NOT IN ('', 'null'), '=' || toString(if(startsWith(JSONExtractRaw(properties, {p6:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p6:String})), JSONExtractRaw(properties, {p6:String}))), ''), (timestamp, NOT (JSONExtractRaw(properties, {p6:String}) NOT IN ('', 'null')), if(startsWith(JSONExtractRaw(properties, {p6:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p6:String})), JSONExtractRaw(properties, {p6:String})))) AS marked
    FROM events
    WHERE (type = {p1:String}) AND timestamp < {p4:DateTime64(3, 'UTC')}
    GROUP BY user_id
    HAVING min(timestamp) >= {p3:DateTime64(3, 'UTC')}
)
WHERE marked != ''
GROUP BY value
ORDER BY count() DESC, value
LIMIT {p7:Int64};

SET param_p1 = '8';
SET param_p2 = 'view';
SET param_p3 = 'purchase';
SET param_p4 = '2026-03-01 00:00:00.000';
SET param_p5 = '2026-03-15 00:00:00.000';
SET param_p6 = '2026-03-22 00:00:00.000';
SET param_p7 = 'plan';
SET param_p8 = '[\'IN\',\'US\']';
SET param_p9 = '[1,2]';
SET param_p10 = '1772323200000';
SET param_p11 = '86400000';
SELECT slot, cohort, period, count() AS users
FROM
(
    SELECT *, arrayJoin(arrayPushFront(passed, toInt64(0))) AS period FROM (
    SELECT *, arrayFilter(k -> k > 0 AND k < {p1:Int64}, arrayMap(x -> x - cohort, returns)) AS passed FROM (
    SELECT *, intDiv(origin - {p10:Int64}, {p11:Int64}) AS cohort, arrayMap(x -> x.2, arrayFilter(x -> x.1 = slot, marked)) AS returns FROM (
        SELECT user_id, minIf(toUnixTimestamp64Milli(timestamp), (type = {p2:String}) AND timestamp < {p5:DateTime64(3, 'UTC')}) AS origin, argMinIf(if(JSONExtractRaw(properties, {p7:String}) NOT IN ('', 'null'), transform(toString(if(startsWith(JSONExtractRaw(properties, {p7:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p7:String})), JSONExtractRaw(properties, {p7:String}))), {p8:Array(String)}, {p9:Array(Int64)}, toInt64(0)), toInt64(-1)), (timestamp, NOT (JSONExtractRaw(properties, {p7:String}) NOT IN ('', 'null')), if(startsWith(JSONExtractRaw(properties, {p7:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p7:String})), JSONExtractRaw(properties, {p7:String}))), (type = {p2:String}) AND timestamp < {p5:DateTime64(3, 'UTC')}) AS slot,
            groupUniqArrayIf((if(JSONExtractRaw(properties, {p7:String}) NOT IN ('', 'null'), transform(toString(if(startsWith(JSONExtractRaw(properties, {p7:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p7:String})), JSONExtractRaw(properties, {p7:String}))), {p8:Array(String)}, {p9:Array(Int64)}, toInt64(0)), toInt64(-1)), intDiv(toUnixTimestamp64Milli(timestamp) - {p10:Int64}, {p11:Int64})), (type = {p3:String}) AND timestamp >= {p4:DateTime64(3, 'UTC')}) AS marked
        FROM events
        WHERE timestamp < {p6:DateTime64(3, 'UTC')} AND ((type = {p2:String}) AND timestamp < {p5:DateTime64(3, 'UTC')} OR (type = {p3:String}) AND timestamp >= {p4:DateTime64(3, 'UTC')})
        GROUP BY user_id
        HAVING countIf((type = {p2:String}) AND timestamp < {p5:DateTime64(3, 'UTC')}) > 0 AND origin >= {p10:Int64}
    )
    ))
)
GROUP BY slot, cohort, period;

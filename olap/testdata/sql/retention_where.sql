-- {"kind":"retention","from":"2026-03-01","to":"2026-03-15","start":{"event":{"any_of":["view","click"]},"where":"properties.plan = \"it's\""},"return":{"event":null},"where":"amount > 1.5","cohort":"first_in_range"}

SET param_p1 = '8';
SET param_p2 = '[\'view\',\'click\']';
SET param_p3 = 'plan';
SET param_p4 = 'it\'s';
SET param_p5 = '1.5';
SET param_p6 = '2026-03-01 00:00:00.000';
SET param_p7 = '2026-03-15 00:00:00.000';
SET param_p8 = '2026-03-22 00:00:00.000';
SET param_p9 = '1772323200000';
SET param_p10 = '86400000';
SELECT toInt64(0) AS slot, cohort, period, count() AS users
FROM
(
    SELECT *, arrayJoin(arrayPushFront(passed, toInt64(0))) AS period FROM (
    SELECT *, arrayFilter(k -> k > 0 AND k < {p1:Int64}, arrayMap(x -> x - cohort, returns)) AS passed FROM (
    SELECT *, intDiv(origin - {p9:Int64}, {p10:Int64}) AS cohort FROM (
        SELECT user_id, minIf(toUnixTimestamp64Milli(timestamp), (type IN {p2:Array(String)} AND (JSONExtractRaw(properties, {p3:String}) NOT IN ('', 'null') AND if(startsWith(JSONExtractRaw(properties, {p3:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p3:String})), JSONExtractRaw(properties, {p3:String})) = {p4:String}) AND ifNull(toFloat64(amount) > {p5:Float64}, 0)) AND timestamp < {p7:DateTime64(3, 'UTC')}) AS origin,
            groupUniqArrayIf(intDiv(toUnixTimestamp64Milli(timestamp) - {p9:Int64}, {p10:Int64}), (ifNull(toFloat64(amount) > {p5:Float64}, 0))) AS returns
        FROM events
        WHERE timestamp >= {p6:DateTime64(3, 'UTC')} AND timestamp < {p8:DateTime64(3, 'UTC')} AND ((type IN {p2:Array(String)} AND (JSONExtractRaw(properties, {p3:String}) NOT IN ('', 'null') AND if(startsWith(JSONExtractRaw(properties, {p3:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p3:String})), JSONExtractRaw(properties, {p3:String})) = {p4:String}) AND ifNull(toFloat64(amount) > {p5:Float64}, 0)) AND timestamp < {p7:DateTime64(3, 'UTC')} OR (ifNull(toFloat64(amount) > {p5:Float64}, 0)))
        GROUP BY user_id
        HAVING countIf((type IN {p2:Array(String)} AND (JSONExtractRaw(properties, {p3:String}) NOT IN ('', 'null') AND if(startsWith(JSONExtractRaw(properties, {p3:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p3:String})), JSONExtractRaw(properties, {p3:String})) = {p4:String}) AND ifNull(toFloat64(amount) > {p5:Float64}, 0)) AND timestamp < {p7:DateTime64(3, 'UTC')}) > 0 AND origin >= {p9:Int64}
    )
    ))
)
GROUP BY cohort, period;

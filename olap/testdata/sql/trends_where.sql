-- {"kind":"trends","from":"2026-03-01","to":"2026-03-15","series":[{"event":{"any_of":["view","click"]},"where":"properties.plan = \"it's\" and not country in (\"IN\", 5)"}],"where":"amount > 1.5 or page ~ \"^/x\" or timestamp >= \"-1d\""}

SET param_p1 = '[\'view\',\'click\']';
SET param_p2 = 'plan';
SET param_p3 = 'it\'s';
SET param_p4 = '5';
SET param_p5 = '[\'IN\']';
SET param_p6 = '1.5';
SET param_p7 = '^/x';
SET param_p8 = '2026-03-19 12:00:00.000';
SET param_p9 = '1772323200000';
SET param_p10 = '86400000';
SET param_p11 = '2026-03-01 00:00:00.000';
SET param_p12 = '2026-03-15 00:00:00.000';
SELECT toInt64(0) AS slot, intDiv(toUnixTimestamp64Milli(timestamp) - {p9:Int64}, {p10:Int64}) AS bucket, toUInt8(grouping(bucket)) AS whole,
    ifNull(toString(count()), '') AS value, toUInt64(0) AS skipped
FROM events
WHERE timestamp >= {p11:DateTime64(3, 'UTC')} AND timestamp < {p12:DateTime64(3, 'UTC')} AND (type IN {p1:Array(String)} AND ((JSONExtractRaw(properties, {p2:String}) NOT IN ('', 'null') AND if(startsWith(JSONExtractRaw(properties, {p2:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p2:String})), JSONExtractRaw(properties, {p2:String})) = {p3:String}) AND NOT (ifNull(if(isFinite(toFloat64OrNull(country)), toFloat64OrNull(country), NULL) = {p4:Float64}, 0) OR (country != '' AND has({p5:Array(String)}, country)))) AND (ifNull(toFloat64(amount) > {p6:Float64}, 0) OR (page != '' AND match(page, {p7:String})) OR (timestamp >= {p8:DateTime64(3, 'UTC')})))
GROUP BY bucket WITH ROLLUP;

-- {"kind":"trends","from":"2026-03-01","to":"2026-03-15","series":[{"event":"purchase","measure":"sum","property":"amount"},{"measure":"users"}],"breakdown":{"property":"properties.plan","limit":2}}

SET param_p1 = 'purchase';
SET param_p2 = 'plan';
SET param_p3 = '2026-03-01 00:00:00.000';
SET param_p4 = '2026-03-15 00:00:00.000';
SET param_p5 = '2';
SELECT toString(if(startsWith(JSONExtractRaw(properties, {p2:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p2:String})), JSONExtractRaw(properties, {p2:String}))) AS value
FROM events
WHERE timestamp >= {p3:DateTime64(3, 'UTC')} AND timestamp < {p4:DateTime64(3, 'UTC')} AND ((type = {p1:String}) OR 1) AND JSONExtractRaw(properties, {p2:String}) NOT IN ('', 'null')
GROUP BY value
ORDER BY ifNull(sumIf(amount, (type = {p1:String})), 0) DESC, count() DESC, value
LIMIT {p5:Int64};

SET param_p1 = 'purchase';
SET param_p2 = 'plan';
SET param_p3 = '[\'IN\',\'US\']';
SET param_p4 = '[1,2]';
SET param_p5 = '1772323200000';
SET param_p6 = '86400000';
SET param_p7 = '2026-03-01 00:00:00.000';
SET param_p8 = '2026-03-15 00:00:00.000';
SELECT if(JSONExtractRaw(properties, {p2:String}) NOT IN ('', 'null'), transform(toString(if(startsWith(JSONExtractRaw(properties, {p2:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p2:String})), JSONExtractRaw(properties, {p2:String}))), {p3:Array(String)}, {p4:Array(Int64)}, toInt64(0)), toInt64(-1)) AS slot, intDiv(toUnixTimestamp64Milli(timestamp) - {p5:Int64}, {p6:Int64}) AS bucket, toUInt8(grouping(bucket)) AS whole,
    ifNull(toString(sum(amount)), '') AS value, toUInt64(0) AS skipped
FROM events
WHERE timestamp >= {p7:DateTime64(3, 'UTC')} AND timestamp < {p8:DateTime64(3, 'UTC')} AND (type = {p1:String})
GROUP BY slot, bucket WITH ROLLUP
HAVING grouping(slot) = 0;

SET param_p1 = 'plan';
SET param_p2 = '[\'IN\',\'US\']';
SET param_p3 = '[1,2]';
SET param_p4 = '1772323200000';
SET param_p5 = '86400000';
SET param_p6 = '2026-03-01 00:00:00.000';
SET param_p7 = '2026-03-15 00:00:00.000';
SELECT if(JSONExtractRaw(properties, {p1:String}) NOT IN ('', 'null'), transform(toString(if(startsWith(JSONExtractRaw(properties, {p1:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p1:String})), JSONExtractRaw(properties, {p1:String}))), {p2:Array(String)}, {p3:Array(Int64)}, toInt64(0)), toInt64(-1)) AS slot, intDiv(toUnixTimestamp64Milli(timestamp) - {p4:Int64}, {p5:Int64}) AS bucket, toUInt8(grouping(bucket)) AS whole,
    ifNull(toString(uniqExact(user_id)), '') AS value, toUInt64(0) AS skipped
FROM events
WHERE timestamp >= {p6:DateTime64(3, 'UTC')} AND timestamp < {p7:DateTime64(3, 'UTC')}
GROUP BY slot, bucket WITH ROLLUP
HAVING grouping(slot) = 0;

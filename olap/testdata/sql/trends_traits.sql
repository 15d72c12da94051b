-- {"kind":"trends","from":"2026-03-01","to":"2026-03-15","series":[{"event":"purchase","where":"user.plan = \"it's\""},{"measure":"avg","property":"user.age.years"}],"breakdown":{"property":"user.plan","limit":2}}

SET param_p1 = 'purchase';
SET param_p2 = 'plan';
SET param_p3 = 'it\'s';
SET param_p4 = '2026-03-01 00:00:00.000';
SET param_p5 = '2026-03-15 00:00:00.000';
SET param_p6 = '2';
WITH events AS
(
    SELECT *, person FROM events
    LEFT ANY JOIN (SELECT user_id, if(JSONExtractRaw(properties, {p2:String}) NOT IN ('', 'null'), if(startsWith(JSONExtractRaw(properties, {p2:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p2:String})), JSONExtractRaw(properties, {p2:String})), NULL) AS user_1 FROM (SELECT user_id, tupleElement(materialize(latest), 'properties') AS properties FROM user_traits FINAL)) AS known_1 USING (user_id)
)
SELECT toString(ifNull(toString(user_1), '')) AS value
FROM events
WHERE timestamp >= {p4:DateTime64(3, 'UTC')} AND timestamp < {p5:DateTime64(3, 'UTC')} AND ((type = {p1:String} AND (user_1 IS NOT NULL AND ifNull(toString(user_1), '') = {p3:String})) OR 1) AND user_1 IS NOT NULL
GROUP BY value
ORDER BY countIf((type = {p1:String} AND (user_1 IS NOT NULL AND ifNull(toString(user_1), '') = {p3:String}))) DESC, count() DESC, value
LIMIT {p6:Int64};

SET param_p1 = 'purchase';
SET param_p2 = 'plan';
SET param_p3 = 'it\'s';
SET param_p4 = '[\'IN\',\'US\']';
SET param_p5 = '[1,2]';
SET param_p6 = '1772323200000';
SET param_p7 = '86400000';
SET param_p8 = '2026-03-01 00:00:00.000';
SET param_p9 = '2026-03-15 00:00:00.000';
WITH events AS
(
    SELECT *, person FROM events
    LEFT ANY JOIN (SELECT user_id, if(JSONExtractRaw(properties, {p2:String}) NOT IN ('', 'null'), if(startsWith(JSONExtractRaw(properties, {p2:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p2:String})), JSONExtractRaw(properties, {p2:String})), NULL) AS user_1 FROM (SELECT user_id, tupleElement(materialize(latest), 'properties') AS properties FROM user_traits FINAL)) AS known_1 USING (user_id)
)
SELECT if(user_1 IS NOT NULL, transform(toString(ifNull(toString(user_1), '')), {p4:Array(String)}, {p5:Array(Int64)}, toInt64(0)), toInt64(-1)) AS slot, intDiv(toUnixTimestamp64Milli(timestamp) - {p6:Int64}, {p7:Int64}) AS bucket, toUInt8(grouping(bucket)) AS whole,
    ifNull(toString(count()), '') AS value, toUInt64(0) AS skipped
FROM events
WHERE timestamp >= {p8:DateTime64(3, 'UTC')} AND timestamp < {p9:DateTime64(3, 'UTC')} AND (type = {p1:String} AND (user_1 IS NOT NULL AND ifNull(toString(user_1), '') = {p3:String}))
GROUP BY slot, bucket WITH ROLLUP
HAVING grouping(slot) = 0;

SET param_p1 = 'plan';
SET param_p2 = '[\'IN\',\'US\']';
SET param_p3 = '[1,2]';
SET param_p4 = 'age';
SET param_p5 = 'years';
SET param_p6 = '1772323200000';
SET param_p7 = '86400000';
SET param_p8 = '2026-03-01 00:00:00.000';
SET param_p9 = '2026-03-15 00:00:00.000';
WITH events AS
(
    SELECT *, person FROM events
    LEFT ANY JOIN (SELECT user_id, if(JSONExtractRaw(properties, {p1:String}) NOT IN ('', 'null'), if(startsWith(JSONExtractRaw(properties, {p1:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p1:String})), JSONExtractRaw(properties, {p1:String})), NULL) AS user_1, if(JSONExtractRaw(properties, {p4:String}, {p5:String}) NOT IN ('', 'null'), if(startsWith(JSONExtractRaw(properties, {p4:String}, {p5:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p4:String}, {p5:String})), JSONExtractRaw(properties, {p4:String}, {p5:String})), NULL) AS user_2 FROM (SELECT user_id, tupleElement(materialize(latest), 'properties') AS properties FROM user_traits FINAL)) AS known_1 USING (user_id)
)
SELECT if(user_1 IS NOT NULL, transform(toString(ifNull(toString(user_1), '')), {p2:Array(String)}, {p3:Array(Int64)}, toInt64(0)), toInt64(-1)) AS slot, intDiv(toUnixTimestamp64Milli(timestamp) - {p6:Int64}, {p7:Int64}) AS bucket, toUInt8(grouping(bucket)) AS whole,
    ifNull(toString(avg(if(isFinite(toFloat64OrNull(ifNull(toString(user_2), ''))), toFloat64OrNull(ifNull(toString(user_2), '')), NULL))), '') AS value, countIf(user_2 IS NOT NULL AND if(isFinite(toFloat64OrNull(ifNull(toString(user_2), ''))), toFloat64OrNull(ifNull(toString(user_2), '')), NULL) IS NULL) AS skipped
FROM events
WHERE timestamp >= {p8:DateTime64(3, 'UTC')} AND timestamp < {p9:DateTime64(3, 'UTC')}
GROUP BY slot, bucket WITH ROLLUP
HAVING grouping(slot) = 0;
